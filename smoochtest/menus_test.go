package smoochtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMenus checks the app's menu and that of an integration, which are independent.
func TestMenus(t *testing.T) {
	t.Parallel()
	api := newAPI(t, newServer(t))
	id := at(api.call(201, "POST", "/integrations", `{"type":"telegram","token":"t"}`), "integration", "_id").(string)
	empty := map[string]any{"items": []any{}}
	for _, path := range []string{"/menu", "/integrations/" + id + "/menu"} {
		assert.Equal(t, empty, api.call(200, "GET", path, "")["menu"])
		api.call(400, "PUT", path, `{}`)
		api.call(400, "PUT", path, `{"items":[{},{},{},{},{},{}]}`)
		menu := api.call(200, "PUT", path, `{"items":[{"type":"link","text":"a","uri":"b"}]}`)["menu"]
		items := at(menu, "items").([]any)
		assert.NotEmpty(t, at(items[0], "_id"))
		assert.Equal(t, menu, api.call(200, "GET", path, "")["menu"])
	}
	answer := api.call(200, "DELETE", "/menu", "")
	assert.Equal(t, empty, answer["menu"])
	assert.Equal(t, empty, api.call(200, "GET", "/menu", "")["menu"])

	path := "/integrations/" + id + "/menu"
	assert.NotEqual(t, empty, api.call(200, "GET", path, "")["menu"])
	api.call(201, "POST", path, `{"items":[{"type":"postback","text":"a","payload":"b"}]}`)
	assert.Empty(t, api.call(200, "DELETE", path, ""))
	api.call(404, "GET", "/integrations/nope/menu", "")
	api.call(404, "DELETE", "/integrations/nope/menu", "")
}

func TestMenuRules(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	id := st.integration(`{"type":"messenger","pageAccessToken":"a","appId":"b","appSecret":"c"}`)
	const link = `{"type":"link","text":"a","uri":"b"}`
	for menu, want := range map[string]string{
		`"items":"x"`:                                              "items must be an array",
		`"items":[]`:                                               "items is required",
		`"items":[5]`:                                              "items[0] must be an object",
		`"items":[{"type":"link","uri":"b"}]`:                      "items[0].text is required",
		`"items":[{"type":"link","text":"a"}]`:                     "items[0].uri is required",
		`"items":[{"type":"postback","text":"a"}]`:                 "items[0].payload is required",
		`"items":[{"type":"submenu","text":"a"}]`:                  "items[0].items is required",
		`"items":[{"type":"reply","text":"a"}]`:                    "items[0].type must be",
		`"items":[{"type":"link","text":5}]`:                       "items[0].text must be a string",
		`"items":[` + link + `],"settings":{}`:                     "settings.inputEnabled must be",
		`"items":[` + link + `],"settings":5`:                      "settings must be an object",
		`"items":[` + submenu(submenu(link)) + `]`:                 "",
		`"items":[` + submenu(submenu(submenu(link))) + `]`:        "items[0].items[0].items[0].items are nested too deeply",
		`"items":[` + link + `],"settings":{"inputEnabled":false}`: "",
	} {
		for _, api := range []api{st.api, st.onV1()} {
			st.check(api, "/integrations/"+id+"/menu", `{`+menu+`}`, want)
			if want != "" {
				answer := api.call(400, "PUT", "/menu", `{`+menu+`}`)
				assert.Contains(t, dig(answer, "error.description"), want)
			}
		}
	}
}

func submenu(item string) string { return `{"type":"submenu","text":"s","items":[` + item + `]}` }

// TestPostbacksOfMenus taps the buttons of the app's menu and of an integration's, which replaces
// it on its channel.
func TestPostbacksOfMenus(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	id := st.integration(`{"type":"messenger","pageAccessToken":"a","appId":"b","appSecret":"c"}`)
	st.call(200, "PUT", "/menu", `{"items":[{"type":"postback","text":"a","payload":"APP"}]}`)
	menu := st.call(200, "PUT", "/integrations/"+id+"/menu",
		`{"items":[`+submenu(`{"type":"postback","text":"a","payload":"MESSENGER"}`)+`]}`)["menu"]
	require.NoError(t, st.on("messenger").Tap("MESSENGER"))
	require.NoError(t, st.on("web").Tap("APP"))
	require.Error(t, st.on("web").Tap("MESSENGER"))
	require.Error(t, st.on("messenger").Tap("APP"))
	st.events()
	actionID := dig(menu, "items.0.items.0._id").(string)
	for _, api := range []api{st.api, st.onV1()} {
		api.call(200, "POST", "/appusers/ida/conversation/postback", `{"actionId":"`+actionID+`"}`)
	}
	v1, v11 := st.events()
	for _, e := range append(v1, v11...) {
		assert.Equal(t, "MESSENGER", dig(e, "postbacks.0.action.payload"))
		assert.Nil(t, dig(e, "postbacks.0.message"))
	}
	assert.Len(t, v1, 2)
	assert.Len(t, v11, 2)
}

func TestEchoPostback(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	st.post(`{"role":"appMaker","type":"text","text":"?","actions":[{"type":"postback","text":"More","payload":"MORE"}]}`)
	account := st.api
	account.prefix = "/v1.1"
	account.call(200, "PUT", "/apps/"+st.server.App().ID, `{"settings":{"echoPostback":true}}`)
	require.NoError(t, st.server.Tap(st.server.App().ID, "ida", "MORE"))
	messages := st.call(200, "GET", "/appusers/ida/messages", "")["messages"].([]any)
	require.Len(t, messages, 2)
	assert.Equal(t, "More", at(messages[1], "text"))
	assert.Equal(t, "appUser", at(messages[1], "role"))
}
