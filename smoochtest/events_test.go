package smoochtest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

func TestEventsOnBothVersions(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := newServer(t)
	app, id := server.Client(), server.App().ID
	_, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida", GivenName: "Ida"})
	require.NoError(t, err)
	_, err = app.AppUsers.LinkChannel(ctx, "ida", smooch.ChannelLink{
		Type: "twilio", PhoneNumber: "+1514", Confirmation: &smooch.Confirmation{Type: "immediate"},
	})
	require.NoError(t, err)
	v1, v11 := newTarget(t), newTarget(t)
	hook := subscribe(t, app.ForVersion(smooch.V1), v1.URL+"/hook", "*")
	_, err = app.Webhooks.Create(ctx, smooch.WebhookCreate{
		Target: v11.URL + "/hook", IncludeClient: true, Triggers: []smooch.Trigger{
			smooch.TriggerMessageAppUser, smooch.TriggerMessageAppMaker, smooch.TriggerMessageDeliveryChannel,
			smooch.TriggerPostback, smooch.TriggerTypingAppUser,
		},
	})
	require.NoError(t, err)

	say(t, server, "hi")
	_, err = app.Conversations.PostMessage(ctx, "ida", smooch.MessagePost{
		Text: "tap", Actions: []smooch.Action{smooch.PostbackAction("A", "PAY")},
	})
	require.NoError(t, err)
	require.NoError(t, server.Tap(id, "ida", "PAY"))
	require.NoError(t, server.Emit(id, "ida", "typing:appUser", map[string]any{
		"activity": map[string]any{"type": "typing:start"},
	}))
	require.NoError(t, server.WaitDeliveries(ctx))

	events := v1.take()
	assert.Equal(t, []any{"message:appUser", "message:appMaker", "delivery:success", "postback"}, triggers(events))
	for _, e := range events {
		assert.NotContains(t, e, "version")
		switch e["trigger"] {
		case "message:appUser":
			assert.Contains(t, e["appUser"], "clients", "v1 sends the user in full")
		case "delivery:success":
			assert.Len(t, e["messages"], 1)
		}
	}
	assert.Equal(t, hook.Secret, v1.secrets[0])
	assert.Equal(t, 1, v1.heads, "a request for scheme and host when the webhook is created")

	events = v11.take()
	assert.Equal(t, []any{
		"message:appUser", "message:appMaker", "message:delivery:channel", "postback", "typing:appUser",
	}, triggers(events))
	for _, e := range events {
		assert.Equal(t, "v1.1", e["version"])
		assert.NotContains(t, e["appUser"], "clients")
		assert.Equal(t, "Ida", at(e, "appUser", "givenName"))
		assert.Contains(t, e, "client")
		assert.Contains(t, e, "conversation")
		if e["trigger"] == "message:delivery:channel" {
			assert.NotContains(t, e, "messages")
			assert.Contains(t, e["message"], "_id")
		}
	}
}

// TestEventsOfV1 checks that v1 gets no events about the SDKs, and delivery events in its own form.
func TestEventsOfV1(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := newServer(t)
	app, id := server.Client(smooch.WithVersion(smooch.V1)), server.App().ID
	status, _ := raw(t, server, "POST", "/v1/init",
		`{"userId":"ida","device":{"id":"d1","platform":"ios"}}`, "app-token: "+server.App().Token)
	require.Equal(t, 200, status)
	v1, v11 := newTarget(t), newTarget(t)
	subscribe(t, app, v1.URL, "*")
	subscribe(t, app.ForVersion(smooch.V1_1), v11.URL, smooch.TriggerMessageDeliveryChannel)
	_, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("hi"))
	require.NoError(t, err)
	require.NoError(t, server.Emit(id, "ida", "notification:match:failure", nil))
	require.NoError(t, server.Emit(id, "ida", "message:delivery:failure", map[string]any{
		"message": map[string]any{"_id": "m1"}, "isFinalEvent": true, "error": map[string]any{"code": "forbidden"},
	}))
	_, err = server.Send(id, "ida", map[string]any{"type": "file", "mediaUrl": "https://x.example/f", "mediaType": "a/b"})
	require.NoError(t, err)
	require.NoError(t, server.WaitDeliveries(ctx))
	events := v1.take()
	require.Equal(t, []any{"message:appMaker", "delivery:failure", "message:appUser"}, triggers(events))
	assert.Len(t, events[1]["messages"], 1)
	assert.NotContains(t, events[1], "message")
	assert.NotContains(t, events[1], "isFinalEvent")
	file := events[2]["messages"].([]any)[0]
	assert.Equal(t, "text", at(file, "type"), "v1 has files as text")
	assert.Equal(t, "https://x.example/f", at(file, "text"))
	assert.NotContains(t, file, "mediaUrl")
	assert.Len(t, v11.take(), 1, "v1.1 has the deliveries to SDKs")
}

// emitted are the members that the documents show on an event of each trigger of v1.1, beside
// trigger, app and version, and in objects and the first elements of lists.
var emitted = map[string]string{
	"appUser:delete":           "appUser._id",
	"client:add":               "appUser._id client.platform client.id",
	"client:remove":            "appUser._id client.platform",
	"conversation:read":        "appUser._id conversation._id source.type timestamp",
	"conversation:referral":    "appUser._id conversation._id source.type timestamp referral.code referral.details.source",
	"conversation:start":       "appUser._id conversation._id source.type timestamp",
	"link:failure":             "appUser._id channel criteria.phoneNumber error.code error.message",
	"link:match":               "appUser._id channel criteria.phoneNumber",
	"link:success":             "appUser._id channel criteria.phoneNumber",
	"merge:appUser":            "surviving._id discarded.0._id",
	"message:appMaker":         "appUser._id conversation._id messages.0._id messages.0.received messages.0.authorId",
	"message:appUser":          "appUser._id conversation._id messages.0._id messages.0.name messages.0.source.type",
	"message:delivery:channel": "appUser._id conversation._id message._id destination.type isFinalEvent timestamp",
	"message:delivery:failure": "appUser._id conversation._id message._id destination.type isFinalEvent timestamp error.code error.underlyingError",
	"message:delivery:user":    "appUser._id conversation._id message._id destination.type isFinalEvent timestamp",
	"notification:delivery:channel": "notification._id destination.integrationId destination.destinationId " +
		"matchResult.appUser._id matchResult.conversation._id isFinalEvent timestamp",
	"notification:delivery:user": "notification._id destination.integrationId destination.destinationId " +
		"matchResult.appUser._id matchResult.conversation._id isFinalEvent timestamp",
	"notification:delivery:failure": "notification._id destination.integrationId destination.destinationId error.code isFinalEvent timestamp",
	"notification:match:failure":    "notification._id destination.integrationId error.code timestamp",
	"passthrough:apple:interactive": "appUser._id payload.apple.id payload.apple.interactiveData",
	"payment:success": "appUser._id timestamp payments.0.source.type payments.0.charge.id payments.0.message._id " +
		"payments.0.action._id payments.0.action.uri payments.0.action.amount payments.0.action.currency payments.0.action.state",
	"postback":       "appUser._id postbacks.0.action._id postbacks.0.action.payload postbacks.0.message._id",
	"typing:appUser": "appUser._id activity.type timestamp",
}

// v1Names are the triggers of v1 with another name on v1.1.
var v1Names = map[string]string{
	"message:delivery:channel": "delivery:success", "message:delivery:failure": "delivery:failure",
}

// TestEmitBuildsWholeEvents emits each trigger for a user who has nothing but a conversation, and
// for one who has been sent things on a channel.
func TestEmitBuildsWholeEvents(t *testing.T) {
	t.Parallel()
	bare, full := newStage(t), newStage(t)
	bare.post(`{"role":"appMaker","type":"text","text":"x"}`)
	require.NoError(t, full.on("twilio").Join())
	full.post(`{"role":"appMaker","type":"text","text":"x","actions":[
		{"type":"buy","text":"Pay","amount":500},{"type":"postback","text":"a","payload":"MINE"}]}`)
	for _, st := range []stage{bare, full} {
		st.events()
		for trigger, members := range emitted {
			require.NoError(t, st.server.Emit(st.server.App().ID, "ida", trigger, nil))
			v1, v11 := st.events()
			require.Equal(t, []any{trigger}, triggers(v11))
			for path := range strings.FieldsSeq(members) {
				assert.NotNil(t, dig(v11[0], path), "%s: %s in %v", trigger, path, v11[0])
			}
			for _, name := range []string{"timestamp", "error", "appUser"} {
				assert.Equal(t, strings.Contains(" "+members, " "+name), v11[0][name] != nil, "%s: %s", trigger, name)
			}
			st.checkV1(trigger, members, v1)
		}
	}
	require.NoError(t, full.server.Emit(full.server.App().ID, "ida", "postback", nil))
	_, v11 := full.events()
	assert.Equal(t, "MINE", dig(v11[0], "postbacks.0.action.payload"), "the user's own button")
	assert.Equal(t, "twilio", dig(v11[0], "client.platform"))
}

// checkV1 checks the event that v1 has in place of one of v1.1, if it has one.
func (st stage) checkV1(trigger, members string, events []map[string]any) {
	st.t.Helper()
	name := v1Names[trigger]
	switch {
	case name != "":
		require.Equal(st.t, []any{name}, triggers(events))
		assert.NotNil(st.t, dig(events[0], "messages.0.text"), "the whole message")
		assert.NotContains(st.t, events[0], "message")
		assert.NotContains(st.t, events[0], "isFinalEvent")
		assert.Equal(st.t, name == "delivery:failure", events[0]["error"] != nil)
	case slices.Contains(triggersOfV1, trigger):
		require.Equal(st.t, []any{trigger}, triggers(events))
		full := strings.HasPrefix(trigger, "message:app") || trigger == "postback" || trigger == "conversation:start"
		assert.Equal(st.t, full, dig(events[0], "appUser.devices") != nil, "%s: the user in full", trigger)
		for path := range strings.FieldsSeq(members) {
			if !strings.HasPrefix(path, "conversation.") {
				assert.NotNil(st.t, dig(events[0], path), "%s: %s on v1", trigger, path)
			}
		}
	default:
		assert.Empty(st.t, events, "v1 has no %s", trigger)
	}
}

// triggersOfV1 are the triggers of v1 that have the same name on v1.1.
var triggersOfV1 = []string{
	"message:appUser", "message:appMaker", "postback", "conversation:start", "conversation:read",
	"conversation:referral", "merge:appUser", "payment:success", "link:match", "link:success", "link:failure",
}

// dig returns the value in JSON that a path such as messages.0._id leads to.
func dig(value any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		if list, isList := value.([]any); isList && len(list) > 0 {
			value = list[0]
			continue
		}
		value = at(value, name)
	}
	return value
}

func TestEmitTakesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	id := st.server.App().ID
	require.NoError(t, st.on("web").Join())
	m := st.post(`{"role":"appMaker","type":"text","text":"find me"}`)
	st.events()
	require.NoError(t, st.server.Emit(id, "ida", "message:delivery:failure", map[string]any{
		"message": map[string]any{"_id": m["_id"]}, "error": map[string]any{"code": "x"}, "new": 1,
	}))
	v1, v11 := st.events()
	assert.Equal(t, map[string]any{"code": "x"}, v11[0]["error"])
	assert.EqualValues(t, 1, v11[0]["new"])
	assert.Equal(t, "find me", dig(v1[0], "messages.0.text"), "v1 has the message in full")
	require.NoError(t, st.server.Emit(id, "ida", "of:the:future", map[string]any{"client": map[string]any{"id": "c"}}))
	_, v11 = st.events()
	require.Equal(t, []any{"of:the:future"}, triggers(v11))
	assert.Equal(t, "c", at(v11[0], "client", "id"))
	require.Error(t, st.server.Emit(id, "nobody", "postback", nil))
	require.Error(t, st.server.Emit("no app", "", "postback", nil))
	require.Error(t, st.server.Emit(id, "", "postback", map[string]any{"a": make(chan int)}))
}

// TestIncludeClient: the client is the one that the event is about, and webhooks that have not
// asked for it do not get it.
func TestIncludeClient(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	plain := newTarget(t)
	st.call(201, "POST", "/webhooks", `{"target":"`+plain.URL+`","triggers":["message:appUser","client:add"]}`)
	_, err := st.on("viber").Say("a")
	require.NoError(t, err)
	_, err = st.on("line").Say("b")
	require.NoError(t, err)
	st.call(201, "POST", "/appusers/ida/messages", `{"role":"appUser","type":"text","text":"over the API"}`)
	_, v11 := st.events()
	require.Equal(t, []any{"client:add", "message:appUser", "client:add", "message:appUser", "message:appUser"}, triggers(v11))
	for i, want := range []any{"viber", "viber", "line", "line", nil} {
		assert.Equal(t, want, dig(v11[i], "client.platform"))
	}
	for _, e := range plain.take() {
		assert.Equal(t, e["trigger"] == "client:add", e["client"] != nil, e["trigger"])
	}
}

func TestInitAddsAClient(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	const body = `{"userId":"ida","device":{"id":"d1","platform":"ios"}}`
	for range 2 {
		status, _ := raw(t, st.server, "POST", "/v1/init", body, "app-token: "+st.server.App().Token)
		require.Equal(t, 200, status)
	}
	_, v11 := st.events()
	require.Equal(t, []any{"client:add"}, triggers(v11), "once")
	assert.Equal(t, "d1", at(v11[0], "client", "id"))
	sdks := st.call(200, "GET", "/sdks", "")
	assert.Equal(t, sdks["iosIntegrationId"], at(v11[0], "client", "integrationId"))

	status, _ := raw(t, st.server, "POST", "/v1/appusers/ida/messages",
		`{"role":"appUser","text":"x","deviceId":"d1"}`, "app-token: "+st.server.App().Token)
	require.Equal(t, 201, status)
	_, v11 = st.events()
	assert.Equal(t, "ios", dig(v11[0], "messages.0.source.type"), "it comes from the device")
}
