package smoochtest_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// contentRules are messages without their role, and how the description of the refusal begins. An
// empty one passes. A type that is no string is as good as missing on v1.1.
var contentRules = map[string]string{
	`"type":"text","text":5`:                                                                   "text must be a string",
	`"type":"text","text":""`:                                                                  "text is required",
	`"type":5,"text":"x"`:                                                                      "type ",
	`"type":"formResponse","fields":[{}]`:                                                      "type is not known",
	`"type":"image"`:                                                                           "mediaUrl is required",
	`"type":"file","mediaUrl":1`:                                                               "mediaUrl must be a string",
	`"type":"text","text":"x","name":1`:                                                        "name must be a string",
	`"type":"text","text":"x","metadata":{"a":[]}`:                                             "metadata.a must be",
	`"type":"text","text":"x","metadata":"a"`:                                                  "metadata must be an object",
	`"type":"text","text":"x","metadata":{"a":1,"b":true}`:                                     "",
	`"type":"text","text":"x","name":null,"avatarUrl":null`:                                    "",
	`"type":"text","text":"x","fromTheFuture":{"a":1}`:                                         "",
	`"type":"text","text":"x","override":{"line":{}}`:                                          "override.line.payload is required",
	`"type":"text","text":"x","override":[]`:                                                   "override must be an object",
	`"type":"text","text":"x","override":{"line":{"payload":{}}}`:                              "",
	`"messageSchema":"sms","message":{}`:                                                       "messageSchema must be whatsapp",
	`"messageSchema":"whatsapp","message":"x"`:                                                 "message is required",
	`"type":"text","text":"x","actions":"x"`:                                                   "actions must be an array",
	`"type":"text","text":"x","actions":["x"]`:                                                 "actions[0] must be an object",
	`"type":"carousel","items":"x"`:                                                            "items must be an array",
	`"type":"carousel","items":["x"]`:                                                          "items[0] must be an object",
	`"type":"carousel","items":[]`:                                                             "items is required",
	`"type":"carousel","items":[{"actions":[{"type":"share"}]}]`:                               "items[0].title is required",
	`"type":"carousel","items":[{"title":"a"}]`:                                                "items[0].actions is required",
	`"type":"carousel","items":[{"title":"a","actions":[]}]`:                                   "items[0].actions is required",
	`"type":"carousel","items":[{"title":5,"actions":[]}]`:                                     "items[0].title must be a string",
	`"type":"list","items":[` + item + `],"actions":[{}]`:                                      "actions[0].type is not known",
	`"type":"list","items":[` + item + `]`:                                                     "",
	`"type":"list","items":[` + item + `,{}]`:                                                  "items[1].title is required",
	`"type":"list","items":[` + elevenItems + `]`:                                              "items may be 10 at most",
	`"type":"list","items":[` + elevenItems[len(item)+1:] + `]`:                                "",
	`"type":"list","items":[{"title":"a","actions":[{},{}]}]`:                                  "items[0].actions[0].type is not known",
	`"type":"list","items":[{"title":"a","size":"huge"}]`:                                      "items[0].size must be one of",
	`"type":"carousel","displaySettings":{"imageAspectRatio":"x"}`:                             "items is required",
	`"type":"carousel","items":[` + item + `],"displaySettings":{"imageAspectRatio":"tall"}`:   "displaySettings.imageAspectRatio must",
	`"type":"carousel","items":[` + item + `],"displaySettings":{"imageAspectRatio":"square"}`: "",

	`"type":"location"`:                                                                 "coordinates is required",
	`"type":"location","coordinates":"x"`:                                               "coordinates must be an object",
	`"type":"location","coordinates":{"lat":1}`:                                         "coordinates.long must be a number",
	`"type":"location","coordinates":{"lat":"1"}`:                                       "coordinates.lat must be a number",
	`"type":"location","coordinates":{"lat":91,"long":0}`:                               "coordinates.lat is out of range",
	`"type":"location","coordinates":{"lat":0,"long":-180.1}`:                           "coordinates.long is out of range",
	`"type":"location","coordinates":{"lat":-90,"long":180},"location":{"name":"Pole"}`: "",

	`"type":"form"`: "fields is required",
	`"type":"form","fields":[{"name":"a","label":"A"}]`:                             "fields[0].type is required",
	`"type":"form","fields":[{"type":"text","label":"A"}]`:                          "fields[0].name is required",
	`"type":"form","fields":[{"type":"text","name":"a"}]`:                           "fields[0].label is required",
	`"type":"form","fields":[{"type":"date","name":"a","label":"A"}]`:               "fields[0].type must be",
	`"type":"form","fields":[{"type":"select","name":"a","label":"A"}]`:             "fields[0].options is required",
	`"type":"form","fields":[{"type":"text","name":"a","label":"A","minSize":"1"}]`: "fields[0].minSize must be a whole number",
	`"type":"form","fields":[` + textField + `,` + textField + `]`:                  "fields[1].name must be unique",
	`"type":"form","fields":[` + selectField(`{"name":"b"}`) + `]`:                  "fields[0].options[0].label is required",
	`"type":"form","fields":[` + selectField(option(0)+`,`+option(0)) + `]`:         "fields[0].options[1].name must be unique",
	`"type":"form","fields":[` + selectField(options(21)) + `]`:                     "fields[0].options may be 20 at most",
	`"type":"form","fields":[` + textField + `,` + selectField(options(20)) + `]`:   "",
	`"type":"form","fields":[` + textField + `],"blockChatInput":"yes"`:             "blockChatInput must be true or false",
}

// actionRules are single actions, and how the description of the refusal goes on after actions[0].
var actionRules = map[string]string{
	`{"type":"link","text":"a"}`:                                               ".uri is required",
	`{"type":"link","uri":"http://a.b"}`:                                       ".text is required",
	`{"type":"link","text":"a","uri":""}`:                                      ".uri is required",
	`{"type":"link","text":"a","uri":5}`:                                       ".uri must be a string",
	`{"type":"link","text":"a","uri":"tel:1"}`:                                 "",
	`{"type":"link","text":"a","uri":"b","default":1}`:                         ".default must be true or false",
	`{"type":"link","text":"a","uri":"b","extraChannelOptions":1}`:             ".extraChannelOptions must be an object",
	`{"type":"link","text":"a","uri":"b","metadata":{"a":{}}}`:                 ".metadata.a must be",
	`{"type":"postback","text":"a"}`:                                           ".payload is required",
	`{"type":"postback","payload":"a"}`:                                        ".text is required",
	`{"type":"postback","text":"a","payload":""}`:                              "",
	`{"type":"reply","text":"a"}`:                                              ".payload is required",
	`{"type":"reply","payload":"a"}`:                                           ".text is required",
	`{"type":"buy","text":"a"}`:                                                ".amount is required",
	`{"type":"buy","amount":1}`:                                                ".text is required",
	`{"type":"buy","text":"a","amount":1.5}`:                                   ".amount must be a whole number",
	`{"type":"buy","text":"a","amount":"5"}`:                                   ".amount must be a whole number",
	`{"type":"buy","text":"a","amount":5}`:                                     "",
	`{"type":"locationRequest"}`:                                               ".text is required",
	`{"type":"locationRequest","text":"a"}`:                                    "",
	`{"type":"share"}`:                                                         "",
	`{"type":"webview","text":"a","uri":"b"}`:                                  ".fallback is required",
	`{"type":"webview","text":"a","fallback":"b"}`:                             ".uri is required",
	`{"type":"webview","text":"a","uri":"b","fallback":"c"}`:                   "",
	`{"type":"webview","text":"a","uri":"b","fallback":"c","size":"x"}`:        ".size must be one of",
	`{"type":"webview","text":"a","uri":"b","fallback":"c","openOnReceive":1}`: ".openOnReceive must be true or false",
	`{"type":"dance","text":"a"}`:                                              ".type is not known",
	`{"text":"a"}`:                                                             ".type is not known",
	`5`:                                                                        " must be an object",
}

const (
	item      = `{"title":"a","actions":[{"type":"share"}]}`
	textField = `{"type":"text","name":"a","label":"A"}`
)

var elevenItems = strings.Repeat(item+",", 10) + item

func selectField(options string) string {
	return `{"type":"select","name":"s","label":"S","options":[` + options + `]}`
}

func option(i int) string { return fmt.Sprintf(`{"name":"%d","label":"x"}`, i) }

func options(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = option(i)
	}
	return strings.Join(all, ",")
}

// TestContentRules posts messages with mistakes, and some without, on both versions. It also tries
// them as templates, notifications and the message that asks for confirmation.
func TestContentRules(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	integration := st.integration(`{"type":"whatsapp","deploymentId":"d"}`)
	rules := map[string]string{}
	maps.Copy(rules, contentRules)
	for action, want := range actionRules {
		if want != "" {
			want = "actions[0]" + want
		}
		rules[`"type":"text","text":"x","actions":[`+action+`]`] = want
		if kind := strings.Trim(action[:min(len(action), 20)], "{"); strings.HasPrefix(kind, `"type":"locationRe`) ||
			strings.HasPrefix(kind, `"type":"reply`) {
			continue
		}
		if want != "" {
			want = "items[0]." + want
		}
		rules[`"type":"list","items":[{"title":"a","actions":[`+action+`]}]`] = want
	}
	for content, want := range rules {
		for _, api := range []api{st.api, st.onV1()} {
			st.check(api, "/appusers/ida/messages", `{"role":"appMaker",`+content+`}`, want)
			if strings.Contains(content, "messageSchema") {
				continue
			}
			if want != "" {
				want = "message." + want
			}
			st.check(api, "/templates", `{"name":"n","message":{`+content+`}}`, want)
			st.check(api, "/notifications", `{"destination":{"integrationId":"`+integration+
				`","destinationId":"1"},"author":{"role":"appMaker"},"message":{`+content+`}}`, want)
			want = strings.TrimPrefix(want, "message.")
		}
	}
}

// check makes a call that is refused with a description that begins with want, or is not refused if
// want is empty.
func (st stage) check(api api, path, body, want string) {
	st.t.Helper()
	status, answer := raw(st.t, st.server, "POST", api.prefix+path, body, api.credential)
	if want == "" {
		assert.Less(st.t, status, 300, "%s %s: %v", path, body, answer)
		return
	}
	description, _ := at(answer, "error", "description").(string)
	assert.Equal(st.t, 400, status, "%s %s", path, body)
	assert.True(st.t, strings.HasPrefix(description, want), "%s %s: %q, want %q", path, body, description, want)
}

func TestMixesOfActions(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	const (
		reply   = `{"type":"reply","text":"a","payload":"b"}`
		share   = `{"type":"share"}`
		webview = `{"type":"webview","text":"a","uri":"b","fallback":"c","openOnReceive":true}`
		message = `{"role":"appMaker","type":"text","text":"x","actions":[`
		list    = `{"role":"appMaker","type":"list","items":[{"title":"a","actions":[`
	)
	st.check(st.api, "/appusers/ida/messages", message+reply+`,`+share+`]}`, "actions of the types reply")
	st.check(st.api, "/appusers/ida/messages", message+webview+`,`+webview+`]}`, "actions may have openOnReceive once")
	st.check(st.api, "/appusers/ida/messages", message+strings.Repeat(share+`,`, 20)+share+`]}`, "")
	st.check(st.api, "/appusers/ida/messages", list+reply+`]}]}`, "items[0].actions[0].type must not be reply")
	st.check(st.api, "/appusers/ida/messages", list+strings.Repeat(share+`,`, 3)+share+`]}]}`, "items[0].actions may be 3")
	for _, name := range []string{"actions", "destination"} {
		st.check(st.api, "/appusers/ida/messages", `{"role":"appUser","type":"text","text":"x","`+name+`":{}}`, name+" is for the role")
	}
	st.check(st.api, "/appusers/ida/messages", `{"role":"whisper","type":"text","text":"x"}`, "role must be")
}

func TestUntypedMessagesOfV1(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	for content, want := range map[string]string{
		`"text":"x"`:                             "",
		`"mediaUrl":"x","mediaType":"image/png"`: "",
		`"mediaUrl":"x"`:                         "mediaType is required",
		`"items":[]`:                             "text is required",
	} {
		st.check(st.onV1(), "/appusers/ida/conversation/messages", `{"role":"appUser",`+content+`}`, want)
		st.check(st.onV1(), "/appusers/ida/messages", `{"role":"appUser",`+content+`}`, want)
		st.check(st.api, "/appusers/ida/messages", `{"role":"appUser",`+content+`}`, "type is required")
	}
}

func TestFallbackText(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	for _, kind := range []string{"carousel", "list"} {
		m := st.post(`{"role":"appMaker","type":"` + kind + `","items":[
			{"title":"Blue","description":"7 gears","mediaUrl":"https://x.test/b.png","actions":[
				{"type":"postback","text":"Reserve","payload":"R"},
				{"type":"link","text":"Details","uri":"https://x.test/b?a=1&b=2"}]},
			{"title":"Red","actions":[{"type":"share"}]}]}`)
		assert.Equal(t, "1: Blue\n7 gears\nDetails: https://x.test/b?a=1&amp;b=2\n2: Red", m["text"])
		assert.Equal(t, "image/png", at(first(m["items"]), "mediaType"))
		assert.NotContains(t, m["items"].([]any)[1], "mediaType")
	}
	m := st.post(`{"role":"appMaker","type":"location","coordinates":{"lat":1.5,"long":-2}}`)
	assert.True(t, strings.HasSuffix(m["text"].(string), "1.5,-2"), m["text"])
}

// TestDestinations sends to a user on two channels.
func TestDestinations(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	whatsApp := st.integration(`{"type":"whatsapp","deploymentId":"d"}`)
	st.integration(`{"type":"viber","token":"t"}`)
	line := st.integration(`{"type":"line","channelAccessToken":"t","channelSecret":"s"}`)
	require.NoError(t, st.on("viber").Join())
	require.NoError(t, st.on("whatsapp").Join())
	st.events()
	for destination, want := range map[string]string{
		``: "whatsapp",
		`,"destination":{"integrationType":"viber"}`:                                       "viber",
		`,"destination":{"integrationId":"` + whatsApp + `"}`:                              "whatsapp",
		`,"destination":{"integrationId":"` + whatsApp + `","integrationType":"whatsapp"}`: "whatsapp",
		`,"destination":null`: "whatsapp",
	} {
		m := st.post(`{"role":"appMaker","type":"text","text":"x"` + destination + `}`)
		v1, v11 := st.events()
		require.Equal(t, []any{"message:appMaker", "delivery:success"}, triggers(v1), "one channel: %s", destination)
		require.Equal(t, []any{"message:appMaker", "message:delivery:channel"}, triggers(v11))
		assert.Equal(t, want, at(v1[1], "destination", "type"), destination)
		assert.Equal(t, want, at(v11[1], "destination", "type"), destination)
		assert.NotEmpty(t, at(v11[1], "destination", "integrationId"))
		assert.Equal(t, want, at(v11[1], "client", "platform"), "the client that the event is about")
		assert.NotContains(t, m, "destination")
	}
	for destination, problem := range map[string]string{
		`{}`:                               "destination.integrationId or",
		`"x"`:                              "destination.integrationId or",
		`{"integrationId":"nope"}`:         "destination.integrationId is no integration",
		`{"integrationId":"` + line + `"}`: "destination is no channel of the app user",
		`{"integrationType":"line"}`:       "destination is no channel of the app user",
		`{"integrationType":"pigeon"}`:     "destination is no channel of the app user",
		`{"integrationId":"` + whatsApp + `","integrationType":"viber"}`: "destination is no channel",
	} {
		body := `{"role":"appMaker","type":"text","text":"x","destination":` + destination + `}`
		st.check(st.api, "/appusers/ida/messages", body, problem)
		st.check(st.onV1(), "/appusers/ida/messages", body, problem)
	}
	_, err := st.on("viber").Say("back on Viber")
	require.NoError(t, err)
	st.events()
	st.post(`{"role":"appMaker","type":"text","text":"x"}`)
	_, v11 := st.events()
	assert.Equal(t, "viber", at(v11[1], "destination", "type"), "the one used last")
}
