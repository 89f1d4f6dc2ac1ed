package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// TestTapsWithoutATime: a second tap on a button gets an answer of its own, also if the first
// attempt to send it is lost while the answer to the first tap is in the history.
func TestTapsWithoutATime(t *testing.T) {
	t.Parallel()
	fake := smoochtest.NewServer()
	defer fake.Close()
	app := fake.Client()
	user, err := app.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	event, err := smooch.ParseEvent([]byte(`{"trigger": "postback", "version": "v1.1", "appUser": {"_id": "` + user.ID + `"},
		"postbacks": [{"message": {"_id": "m"}, "action": {"_id": "a", "type": "postback", "payload": "LOUDER"}}]}`))
	require.NoError(t, err)
	tap, ok := event.(*smooch.PostbackEvent)
	require.True(t, ok)

	require.NoError(t, bot{app}.handlePostback(t.Context(), tap))
	fake.Fail(smoochtest.Fault{Method: "POST", Path: "/messages", Cut: smoochtest.CutBefore})
	require.NoError(t, bot{app}.handlePostback(t.Context(), tap))
	messages, err := fake.Person(fake.App().ID, "ida", "").Messages()
	require.NoError(t, err)
	assert.Len(t, messages, 2)
}
