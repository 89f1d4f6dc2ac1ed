package smoochtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

func TestConversationBeginsWithTheFirstMessage(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	api := newAPI(t, server)
	api.onV1().call(404, "GET", "/appusers/ida/conversation", "")
	api.call(404, "GET", "/appusers/ida/messages", "")
	answer := api.onV1().call(201, "POST", "/appusers/ida/conversation/messages",
		`{"text":"hi","role":"appUser"}`)
	assert.Len(t, at(answer, "conversation", "messages"), 1, "this call answers with all messages")
	answer = api.call(201, "POST", "/appusers/ida/messages", `{"type":"text","text":"hi","role":"appMaker"}`)
	assert.EqualValues(t, 1, at(answer, "conversation", "unreadCount"))
	assert.NotContains(t, answer["conversation"], "messages")
	answer = api.call(200, "GET", "/appusers/ida/conversation", "")
	assert.Len(t, at(answer, "conversation", "messages"), 2)
}

func TestUnreadCount(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server, app := newServerWithUser(t)
	activity := smooch.Activity{Type: smooch.ActivityTypeConversationRead}
	_, err := app.Conversations.PostActivity(ctx, "ida", activity)
	assert.ErrorIs(t, err, smooch.ErrNotFound)
	assert.ErrorIs(t, app.Conversations.ResetUnreadCount(ctx, "ida"), smooch.ErrNotFound)
	for range 3 {
		_, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("hi"))
		require.NoError(t, err)
	}
	conversation, err := app.Conversations.PostActivity(ctx, "ida", activity)
	require.NoError(t, err)
	assert.Equal(t, 3, *conversation.UnreadCount, "what the business reads does not count")
	require.NoError(t, app.Conversations.ResetUnreadCount(ctx, "ida"))
	conversation, err = app.Conversations.PostActivity(ctx, "ida", activity)
	require.NoError(t, err)
	assert.Zero(t, *conversation.UnreadCount)

	api := newAPI(t, server)
	api.call(200, "POST", "/appusers/ida/conversation/read", "")
	api.call(400, "POST", "/appusers/ida/conversation/activity", `{"role":"appUser","type":"typing:start"}`)
	api.call(400, "POST", "/appusers/ida/conversation/activity", `{"role":"appMaker","type":"dancing"}`)
}

func TestPostback(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server, app := newServerWithUser(t)
	tg := newTarget(t)
	subscribe(t, app, tg.URL, smooch.TriggerPostback)
	sent, err := app.Conversations.PostMessage(ctx, "ida", smooch.CarouselMessage(smooch.MessageItem{
		Title: "a", Actions: []smooch.Action{smooch.PostbackAction("A", "PAY"), smooch.LinkAction("B", "https://b.example")},
	}))
	require.NoError(t, err)
	actions := sent.Message.Items[0].Actions
	require.NoError(t, app.Conversations.Postback(ctx, "ida", actions[0].ID))
	assert.ErrorIs(t, app.Conversations.Postback(ctx, "ida", actions[1].ID), smooch.ErrNotFound)
	_, err = app.Menu.Update(ctx, smooch.Menu{Items: []smooch.MenuItem{{
		Type: smooch.MenuItemTypePostback, Text: "M", Payload: "MENU",
	}}})
	require.NoError(t, err)
	for _, payload := range []string{"PAY", "MENU"} {
		require.NoError(t, server.Tap(server.App().ID, "ida", payload))
	}
	assert.Error(t, server.Tap(server.App().ID, "ida", "NOPE"))
	assert.Error(t, server.Tap(server.App().ID, "bob", "PAY"))
	require.NoError(t, server.WaitDeliveries(ctx))
	var payloads []any
	for _, e := range tg.take() {
		tapped := e["postbacks"].([]any)[0]
		payloads = append(payloads, at(tapped, "action", "payload"))
		inMessage := at(tapped, "action", "payload") == "PAY"
		assert.Equal(t, inMessage, at(tapped, "message", "_id") == sent.Message.ID)
	}
	assert.Equal(t, []any{"PAY", "PAY", "MENU"}, payloads)
}
