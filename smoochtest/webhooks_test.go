package smoochtest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

func TestWebhooks(t *testing.T) {
	t.Parallel()
	api := newAPI(t, newServer(t))
	const target = `{"target":"http://127.0.0.1:1/x"}`
	v1 := api.onV1().call(201, "POST", "/webhooks", target)["webhook"]
	assert.Equal(t, []any{"message"}, at(v1, "triggers"), "the default of v1")
	assert.NotContains(t, v1, "version")
	api.call(400, "POST", "/webhooks", target) // triggers are required
	for _, body := range []string{
		`{"triggers":["*"]}`,
		`{"target":"x","triggers":["*"]}`,
		`{"target":"ftp://127.0.0.1/","triggers":["*"]}`,
		`{"target":"http://127.0.0.1:1/","triggers":[]}`,
	} {
		api.call(400, "POST", "/webhooks", body)
	}

	path := "/webhooks/" + at(v1, "_id").(string)
	hook := api.call(200, "PUT", path, `{"triggers":["postback"],"includeClient":true}`)["webhook"]
	assert.Equal(t, "v1", at(hook, "version"), "it stays with the version that it was created on")
	assert.Equal(t, true, at(hook, "includeClient"))
	assert.Equal(t, hook, api.call(200, "GET", path, "")["webhook"])
	api.call(400, "PUT", path, `{"target":""}`)
	api.call(200, "DELETE", path, "")
	api.call(404, "GET", path, "")
}

func TestAnAppHasAtMostTenWebhooks(t *testing.T) {
	t.Parallel()
	app := newServer(t).Client()
	for i := range 10 {
		subscribe(t, app, fmt.Sprint("http://127.0.0.1:1/", i), smooch.TriggerPostback)
	}
	_, err := app.Webhooks.Create(t.Context(), smooch.WebhookCreate{
		Target: "http://127.0.0.1:1/", Triggers: []smooch.Trigger{smooch.TriggerPostback},
	})
	require.ErrorIs(t, err, smooch.ErrBadRequest)
	hooks, err := app.Webhooks.List(t.Context())
	require.NoError(t, err)
	assert.Len(t, hooks, 10)
}

func TestTriggersAreKnown(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	known := map[string][2]bool{ // on v1, on v1.1
		"*": {true, true}, "postback": {true, true}, "message:appUser": {true, true},
		"message": {true, true}, "delivery:success": {true, false}, "delivery:failure": {true, false},
		"message:delivery:channel": {false, true}, "message:delivery:user": {false, true},
		"typing:appUser": {false, true}, "client:add": {false, true}, "notification:match:failure": {false, true},
		"Postback": {}, "message:whisper": {}, "": {},
	}
	for trigger, on := range known {
		for i, api := range []api{st.onV1(), st.api} {
			want := ""
			if !on[i] {
				want = "triggers[1] is no trigger of v1"
			}
			body := `{"target":"http://127.0.0.1:1/","triggers":["postback","` + trigger + `"]}`
			st.check(api, "/webhooks", body, want)
			if want == "" {
				hooks := api.call(200, "GET", "/webhooks", "")["webhooks"].([]any)
				api.call(200, "DELETE", "/webhooks/"+at(hooks[len(hooks)-1], "_id").(string), "")
			}
		}
	}
	for body, want := range map[string]string{
		`"triggers":[{}]`:                           "triggers[0] is no trigger",
		`"triggers":"postback"`:                     "triggers must be an array",
		`"triggers":["postback"],"includeClient":1`: "includeClient must be true or false",
	} {
		st.check(st.api, "/webhooks", `{"target":"http://127.0.0.1:1/",`+body+`}`, want)
		st.check(st.onV1(), "/webhooks", `{"target":"http://127.0.0.1:1/",`+body+`}`, want)
	}
	hook := first(st.call(200, "GET", "/webhooks", "")["webhooks"])
	path := "/webhooks/" + at(hook, "_id").(string)
	require.Equal(t, "v1", at(hook, "version"))
	st.call(200, "PUT", path, `{"triggers":["delivery:success"]}`)
	st.call(400, "PUT", path, `{"triggers":["typing:appUser"]}`) // it is a webhook of v1, whoever asks
}

// TestAllTriggersLeaveOutTyping: who wants typing:appUser asks for it by name.
func TestAllTriggersLeaveOutTyping(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	all, typing := newTarget(t), newTarget(t)
	subscribe(t, app, all.URL, smooch.TriggerAll)
	subscribe(t, app, typing.URL, smooch.TriggerTypingAppUser)
	ida := server.Person(server.App().ID, "ida", "")
	require.NoError(t, ida.Typing(true))
	_, err := ida.Say("hi")
	require.NoError(t, err)
	require.NoError(t, server.WaitDeliveries(t.Context()))
	assert.Equal(t, []any{"message:appUser"}, triggers(all.take()))
	assert.Equal(t, []any{"typing:appUser"}, triggers(typing.take()))
}
