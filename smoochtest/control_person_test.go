package smoochtest_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// newPlay starts a server with the user ida and a webhook for everything, and returns what plays
// her over HTTP.
func newPlay(t *testing.T) (*smoochtest.Server, *smooch.Client, *target, func(status int, act, body string) map[string]any) {
	server, app := newServerWithUser(t)
	tg := newTarget(t)
	subscribe(t, app, tg.URL, smooch.TriggerAll, smooch.TriggerTypingAppUser)
	c := newControls(t, server)
	return server, app, tg, func(status int, act, body string) map[string]any {
		t.Helper()
		return c.call(status, "POST", "apps/"+server.App().ID+"/users/ida/"+act, body)
	}
}

// arrived returns the events that have arrived at the target by now.
func arrived(t *testing.T, server *smoochtest.Server, tg *target) []map[string]any {
	t.Helper()
	require.NoError(t, server.WaitDeliveries(t.Context()))
	return tg.take()
}

func TestPlayedUserWrites(t *testing.T) {
	t.Parallel()
	server, app, tg, play := newPlay(t)
	first := at(play(201, "say", `{"text":"Hello","channel":"whatsapp","metadata":{"a":1}}`), "message")
	events := arrived(t, server, tg)
	assert.Equal(t, []any{"client:add", "message:appUser"}, triggers(events))
	message := events[1]["messages"].([]any)[0]
	assert.Equal(t, "Hello", at(message, "text"))
	assert.Equal(t, "whatsapp", at(message, "source", "type"))
	assert.EqualValues(t, 1, at(message, "metadata", "a"))

	reply := play(201, "say", `{"text":"again","quotedMessageId":"`+at(first, "_id").(string)+`"}`)
	assert.Equal(t, "Hello", at(reply, "message", "quotedMessage", "content", "text"))
	assert.Equal(t, "whatsapp", at(reply, "message", "source", "type"), "the channel that was used last")

	place := play(201, "location", `{"lat":45.5,"long":-73.6}`)
	assert.InDelta(t, 45.5, at(place, "message", "coordinates", "lat"), 1e-9)

	sent := play(201, "send", `{"message":{"type":"formResponse","fields":[{"type":"text","name":"a","text":"b"}],"textFallback":"a: b"}}`)
	assert.Equal(t, "a: b", at(sent, "message", "textFallback"))
	assert.Equal(t, "appUser", at(sent, "message", "role"))

	linked := play(201, "image", `{"mediaUrl":"https://media.test/cat.png","text":"My cat"}`)
	assert.Equal(t, "https://media.test/cat.png", at(linked, "message", "mediaUrl"))
	assert.Equal(t, "My cat", at(linked, "message", "text"))
	messages, err := app.Conversations.ListMessages(t.Context(), "ida", smooch.MessageListOptions{})
	require.NoError(t, err)
	assert.Len(t, messages.Messages, 5)
}

// TestPlayedUserSendsNonsense: what a message holds is not checked, and breaks nothing.
func TestPlayedUserSendsNonsense(t *testing.T) {
	t.Parallel()
	server, _, tg, play := newPlay(t)
	feed := newControls(t, server).watch("")
	values := []string{`"x"`, `5`, `null`, `[]`, `{}`, `[5]`, `[{}]`, `[{"actions":"x"}]`, `[{"actions":[{"_id":5}]}]`, `{"a":[]}`}
	sent := 0
	for _, member := range []string{
		"items", "actions", "fields", "metadata", "coordinates", "location", "text", "mediaUrl", "_id", "received", "role",
		"source", "name", "authorId", "quotedMessage", "override", "displaySettings", "textFallback", "submitted", "mediaSize",
	} {
		for _, value := range values {
			play(201, "send", `{"message":{"type":"list","`+member+`":`+value+`}}`)
			sent++
		}
	}
	play(400, "tap", `{"payload":"NOPE"}`)
	play(400, "answer", `{"fields":{}}`)
	assert.Len(t, arrived(t, server, tg), sent)
	for range sent {
		feed.next("message")
	}
	api := newAPI(t, server)
	api.call(200, "GET", "/appusers/ida/messages", "")
	api.onV1().call(200, "GET", "/appusers/ida/conversation", "")
	require.NoError(t, server.ImportState(server.ExportState()))
	api.call(200, "GET", "/appusers/ida/messages", "")
}

func TestPlayedUserSendsFiles(t *testing.T) {
	t.Parallel()
	server, _, tg, play := newPlay(t)
	for act, body := range map[string]string{
		"image": `{"mediaUrl":"data:image/png;base64,` + base64.StdEncoding.EncodeToString([]byte("picture")) + `","text":"Look"}`,
		"file":  `{"mediaUrl":"data:text/plain,picture","metadata":{"a":"b"}}`,
	} {
		sent := play(201, act, body)
		assert.Equal(t, act, at(sent, "message", "type"))
		assert.EqualValues(t, 7, at(sent, "message", "mediaSize"))
		events := arrived(t, server, tg)
		assert.Equal(t, []any{"message:appUser"}, triggers(events))
		req, err := http.NewRequestWithContext(t.Context(), "GET", at(sent, "message", "mediaUrl").(string), nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		data, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		require.NoError(t, err)
		assert.Equal(t, "picture", string(data))
		assert.Equal(t, at(sent, "message", "mediaType"), resp.Header.Get("Content-Type"))
		assert.Equal(t, "sandbox", resp.Header.Get("Content-Security-Policy"), "a file must not act as the page")
	}
}

func TestPlayedUserTaps(t *testing.T) {
	t.Parallel()
	server, app, tg, play := newPlay(t)
	posted, err := app.Conversations.PostMessage(t.Context(), "ida", smooch.MessagePost{
		Text: "Choose", Actions: []smooch.Action{smooch.PostbackAction("Louder", "LOUDER"), smooch.BuyAction("Pay", 100, "usd")},
	})
	require.NoError(t, err)
	_, err = app.Conversations.PostMessage(t.Context(), "ida", smooch.MessagePost{
		Text: "Choose", Actions: []smooch.Action{smooch.ReplyAction("Tacos", "TACOS")},
	})
	require.NoError(t, err)
	arrived(t, server, tg)

	assert.Equal(t, "ida", at(play(200, "tap", `{"payload":"LOUDER"}`), "user", "userId"))
	assert.Equal(t, []any{"postback"}, triggers(arrived(t, server, tg)))
	play(200, "tap", `{"actionId":"`+posted.Message.Actions[1].ID+`"}`)
	assert.Equal(t, []any{"payment:success"}, triggers(arrived(t, server, tg)))
	assert.Equal(t, "TACOS", at(play(201, "tap", `{"payload":"TACOS"}`), "message", "payload"))
	assert.Equal(t, []any{"message:appUser"}, triggers(arrived(t, server, tg)))
}

func TestPlayedUserAnswersForm(t *testing.T) {
	t.Parallel()
	server, app, tg, play := newPlay(t)
	_, err := app.Conversations.PostMessage(t.Context(), "ida", smooch.FormMessage(
		smooch.FormField{Type: smooch.FieldTypeEmail, Name: "email", Label: "E-mail"},
		smooch.FormField{Type: smooch.FieldTypeSelect, Name: "size", Label: "Size", Options: []smooch.FormOption{{Name: "s", Label: "Small"}, {Name: "l", Label: "Large"}}},
	))
	require.NoError(t, err)
	arrived(t, server, tg)
	play(400, "answer", `{"fields":{"email":"no address","size":"s"}}`)
	answer := play(201, "answer", `{"fields":{"email":"ida@example.com","size":["l"]}}`)
	assert.Equal(t, "formResponse", at(answer, "message", "type"))
	events := arrived(t, server, tg)
	assert.Equal(t, []any{"message:appUser"}, triggers(events))
	play(400, "answer", `{"fields":{"email":"ida@example.com","size":"l"}}`)
}

func TestPlayedUserTypesAndReads(t *testing.T) {
	t.Parallel()
	server, app, tg, play := newPlay(t)
	_, err := app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("Hi"))
	require.NoError(t, err)
	arrived(t, server, tg)
	shown := play(200, "type", `{"typing":true}`)
	assert.Equal(t, true, at(shown, "user", "conversation", "appUserTyping"))
	assert.EqualValues(t, 1, at(shown, "user", "conversation", "unreadCount"))
	events := arrived(t, server, tg)
	assert.Equal(t, []any{"typing:appUser"}, triggers(events))
	assert.Equal(t, "typing:start", at(events[0], "activity", "type"))
	server.Advance(11 * time.Second)
	shown = newControls(t, server).call(200, "GET", "apps/"+server.App().ID+"/users/ida", "")
	assert.Equal(t, false, at(shown, "user", "conversation", "appUserTyping"), "nobody types for ever")
	shown = play(200, "type", `{"typing":false}`)
	assert.Equal(t, false, at(shown, "user", "conversation", "appUserTyping"))
	assert.Equal(t, "typing:stop", at(arrived(t, server, tg)[0], "activity", "type"))
	play(200, "type", `{"typing":true}`)
	play(201, "say", `{"text":"Whoever has written types no more."}`)
	shown = play(200, "join", `{"channel":"web"}`)
	assert.Equal(t, false, at(shown, "user", "conversation", "appUserTyping"))
	_, err = app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("Hi"))
	require.NoError(t, err)
	arrived(t, server, tg)

	shown = play(200, "read", "")
	assert.EqualValues(t, 0, at(shown, "user", "conversation", "unreadCount"))
	assert.Equal(t, []any{"conversation:read"}, triggers(arrived(t, server, tg)))
}

func TestPlayedUserStartsThroughReferral(t *testing.T) {
	t.Parallel()
	server, _, tg, play := newPlay(t)
	play(200, "start", `{"channel":"messenger","referral":{"code":"spring"}}`)
	events := arrived(t, server, tg)
	assert.Equal(t, []any{"client:add", "conversation:start"}, triggers(events))
	assert.Equal(t, "spring", at(events[1], "referral", "code"))
	play(200, "start", `{"channel":"messenger","referral":{"code":"again"}}`)
	assert.Equal(t, []any{"conversation:referral"}, triggers(arrived(t, server, tg)))
}

func TestPlayedUserBlocks(t *testing.T) {
	t.Parallel()
	server, app, tg, play := newPlay(t)
	shown := play(200, "join", `{"channel":"twilio"}`)
	channel := at(shown, "user", "channels").([]any)[0]
	assert.Equal(t, "active", at(channel, "status"))
	for act, status := range map[string]string{"block": "blocked", "optout": "inactive"} {
		play(201, "say", `{"text":"hi"}`)
		shown = play(200, act, `{"channel":"twilio"}`)
		assert.Equal(t, status, at(shown["user"].(map[string]any)["channels"].([]any)[0], "status"))
		arrived(t, server, tg)
		_, err := app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("Are you there?"))
		require.NoError(t, err)
		assert.Contains(t, triggers(arrived(t, server, tg)), "message:delivery:failure", act)
		c := newControls(t, server)
		all := c.call(200, "GET", "apps/"+server.App().ID+"/users/ida/conversation", "")["messages"].([]any)
		outcome := at(all[len(all)-1], "deliveries").([]any)[0]
		assert.Equal(t, "failed", at(outcome, "status"))
		assert.NotEmpty(t, at(outcome, "error"))
	}
}

func TestPlayedUserDeclinesLink(t *testing.T) {
	t.Parallel()
	server, app, tg, play := newPlay(t)
	link := smooch.ChannelLink{Type: "twilio", PhoneNumber: "+15145550100", Confirmation: &smooch.Confirmation{Type: "prompt"}}
	_, err := app.AppUsers.LinkChannel(t.Context(), "ida", link)
	require.NoError(t, err)
	arrived(t, server, tg)
	c := newControls(t, server)
	user := c.call(200, "GET", "apps/"+server.App().ID+"/users/ida", "")["user"]
	assert.Equal(t, "pending", at(at(user, "channels").([]any)[0], "status"))
	play(200, "decline", `{"channel":"twilio"}`)
	assert.Equal(t, []any{"link:failure"}, triggers(arrived(t, server, tg)))
}

func TestAppsAndUsersOverControls(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	c := newControls(t, server)
	app := c.call(201, "POST", "apps", `{"name":"Second"}`)["app"]
	id, key := at(app, "id").(string), at(app, "keys").([]any)[0]
	client, err := smooch.NewClient(smooch.AppJWT(at(key, "id").(string), at(key, "secret").(string)), smooch.WithBaseURL(server.URL))
	require.NoError(t, err)
	_, err = client.Menu.Get(t.Context())
	require.NoError(t, err)
	assert.Equal(t, app, c.call(200, "GET", "apps/"+id, "")["app"])
	assert.Len(t, c.call(200, "GET", "apps", "")["apps"], 2)

	user := c.call(201, "POST", "apps/"+id+"/users",
		`{"userId":"ida","channel":"whatsapp","givenName":"Ida","surname":"B","email":"i@x.test","avatarUrl":"https://x.test/i.png","properties":{"vip":true}}`)["user"]
	assert.Equal(t, "Ida B", at(user, "displayName"))
	assert.Equal(t, true, at(user, "profile", "properties", "vip"))
	assert.Equal(t, "whatsapp", at(at(user, "channels").([]any)[0], "type"))
	anonymous := at(c.call(201, "POST", "apps/"+id+"/users", `{"channel":"web"}`), "user", "id").(string)
	c.call(201, "POST", "apps/"+id+"/users/ida/say", `{"text":"one"}`)
	c.call(201, "POST", "apps/"+id+"/users/ida/say", `{"text":"three"}`)
	c.call(201, "POST", "apps/"+id+"/users/"+anonymous+"/say", `{"text":"two"}`)
	page := c.call(200, "GET", "apps/"+id+"/users?limit=1", "")
	assert.Equal(t, true, page["hasMore"])
	assert.EqualValues(t, 2, page["total"])
	assert.Equal(t, anonymous, at(page["users"].([]any)[0], "id"))
	page = c.call(200, "GET", "apps/"+id+"/users?limit=1&offset=1", "")
	assert.Equal(t, "three", at(page["users"].([]any)[0], "lastMessage", "text"))
	assert.Equal(t, false, page["hasMore"])

	talk := c.call(200, "GET", "apps/"+id+"/users/ida/conversation?limit=1", "")
	assert.Equal(t, true, talk["hasMore"])
	newest := talk["messages"].([]any)[0]
	assert.Equal(t, "three", at(newest, "text"))
	talk = c.call(200, "GET", "apps/"+id+"/users/ida/conversation?before="+at(newest, "_id").(string), "")
	assert.Equal(t, false, talk["hasMore"])
	assert.Equal(t, "one", at(talk["messages"].([]any)[0], "text"))
}
