package smoochtest_test

import (
	"fmt"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

func TestMessageRules(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	api := newAPI(t, server)
	const path = "/appusers/ida/messages"
	for body, want := range map[string]int{
		`not json`:                          400,
		`[1]`:                               400,
		`{"role":"appMaker","text":"hi"}`:   400, // type is required
		`{"role":"appMaker","type":"text"}`: 400,
		`{"role":"whisper","type":"text","text":"x"}`:                    400,
		`{"type":"text","text":"x"}`:                                     400,
		`{"role":"appMaker","type":"what","text":"x"}`:                   400,
		`{"role":"appMaker","type":"carousel","items":[]}`:               400,
		`{"role":"appMaker","type":"image","mediaUrl":"x"}`:              201,
		`{"role":"appMaker","type":"text","actions":[{}]}`:               400, // the type is required
		`{"role":"appMaker","type":"text","actions":[{"type":"share"}]}`: 201,
		`{"role":"appMaker","messageSchema":"whatsapp"}`:                 400,
		`{"role":"appUser","type":"file","mediaUrl":"http"}`:             201,

		`{"role":"appUser","type":"text","text":"x","actions":[{"type":"reply"}]}`:                                                                  400,
		`{"role":"appUser","type":"text","text":"x","destination":{}}`:                                                                              400,
		`{"role":"appMaker","type":"text","text":"x","actions":[{"type":"reply","text":"Y","payload":"Y"},{"type":"link","text":"L","uri":"x"}]}`:   400,
		`{"role":"appMaker","type":"text","text":"x","actions":[{"type":"reply","text":"Y","payload":"Y"},{"type":"locationRequest","text":"L"}]}`:  201,
		`{"role":"appMaker","type":"list","items":[{"title":"a","actions":[{"type":"reply","text":"Y","payload":"Y"}]}]}`:                           400,
		`{"role":"appMaker","type":"list","items":[{"title":"a","actions":[{"type":"share"},{"type":"share"},{"type":"share"},{"type":"share"}]}]}`: 400,
		`{"role":"appMaker","type":"list","items":[{},{},{},{},{},{},{},{},{},{},{}]}`:                                                              400,
		`{"role":"appMaker","type":"text","text":"x","metadata":{"a":{}}}`:                                                                          400,
		`{"role":"appMaker","type":"location","coordinates":{"lat":0,"long":0}}`:                                                                    201,
		`{"role":"appMaker","messageSchema":"whatsapp","message":{"type":"template"}}`:                                                              201,
	} {
		status, answer := raw(t, server, "POST", api.prefix+path, body, api.credential)
		assert.Equal(t, want, status, "%s: %v", body, answer)
	}
	const untyped = `{"role":"appMaker","text":"hi"}`
	api.onV1().call(201, "POST", path, untyped)
	status, _ := raw(t, server, "POST", api.onV1().prefix+path, untyped, api.credential, "Content-Type: text/plain")
	assert.Equal(t, 400, status, "a body needs its content type")
	user := api
	user.prefix = "/v1.1"
	user.credential = signed(t, server.App().Key, jwt.MapClaims{"scope": "appUser", "userId": "ida"})
	user.call(403, "POST", path, `{"role":"appMaker","type":"text","text":"x"}`)
}

func TestMessagesArePaged(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, app := newServerWithUser(t)
	for i := range 130 {
		_, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage(fmt.Sprint(i)))
		require.NoError(t, err)
	}
	page, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	require.NoError(t, err)
	assert.Len(t, page.Messages, 100)
	assert.NotEmpty(t, page.Previous)
	assert.Empty(t, page.Next)
	assert.Equal(t, 130, *page.Conversation.UnreadCount)

	newest := 129
	for m, err := range app.Conversations.Messages(ctx, "ida", smooch.MessageListOptions{}) {
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(newest), m.Text)
		newest--
	}
	assert.Equal(t, -1, newest)
	oldest := 0
	options := smooch.MessageListOptions{OldestFirst: true}
	for m, err := range app.Conversations.Messages(ctx, "ida", options) {
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(oldest), m.Text)
		oldest++
	}
	assert.Equal(t, 130, oldest)
}

func TestDeleteMessages(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, app := newServerWithUser(t)
	sent, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("a"))
	require.NoError(t, err)
	_, err = app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("b"))
	require.NoError(t, err)
	require.NoError(t, app.Conversations.DeleteMessage(ctx, "ida", sent.Message.ID))
	assert.ErrorIs(t, app.Conversations.DeleteMessage(ctx, "ida", sent.Message.ID), smooch.ErrNotFound)
	page, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	require.NoError(t, err)
	require.Len(t, page.Messages, 1)
	assert.Equal(t, "b", page.Messages[0].Text)
	require.NoError(t, app.Conversations.DeleteMessages(ctx, "ida"))
	page, err = app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	require.NoError(t, err)
	assert.Empty(t, page.Messages)
}

func TestTimesInQueries(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	st.post(`{"role":"appMaker","type":"text","text":"x"}`)
	for _, api := range []api{st.api, st.onV1()} {
		for _, bound := range []string{"before", "after"} {
			for _, value := range []string{"NaN", "Inf", "-1", "x", "0x1p3", "1e9", "1.2.3", "%201"} {
				answer := api.call(400, "GET", "/appusers/ida/messages?"+bound+"="+value, "")
				assert.Contains(t, dig(answer, "error.description"), bound)
			}
			api.call(200, "GET", "/appusers/ida/messages?"+bound+"=1471995721.5", "")
			api.call(200, "GET", "/appusers/ida/messages?"+bound+"=", "")
		}
	}
}
