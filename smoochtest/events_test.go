package smoochtest_test

import (
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
