package smoochtest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

func TestAppUserOnBothVersions(t *testing.T) {
	t.Parallel()
	api := newAPI(t, newServer(t))
	user := api.onV1().call(201, "POST", "/appusers",
		`{"userId":"a+b@c.d","credentialRequired":false,"signedUpAt":"2015-10-08T20:52:11-03:00"}`)["appUser"]
	assert.Equal(t, "2015-10-08T23:52:11.000Z", at(user, "signedUpAt"))
	assert.Contains(t, user, "devices")
	assert.Equal(t, false, at(user, "credentialRequired"))
	api.call(409, "POST", "/appusers", `{"userId":"a+b@c.d"}`)
	for _, path := range []string{"/appusers/a+b%40c.d", "/appusers/a+b@c.d"} {
		user = api.call(200, "GET", path, "")["appUser"]
		assert.NotContains(t, user, "devices")
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	app := newServer(t).Client()
	ida, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{
		UserID: "ida", GivenName: "G", Properties: map[string]any{"a": 1, "b": 2},
	})
	require.NoError(t, err)
	user, err := app.AppUsers.Update(ctx, ida.ID, smooch.AppUserUpdate{
		Surname: new("S"), Properties: map[string]any{"b": 3},
	})
	require.NoError(t, err)
	assert.Equal(t, "G", user.GivenName)
	assert.Equal(t, "S", user.Surname)
	want := map[string]any{"a": json.Number("1"), "b": json.Number("3")}
	assert.Equal(t, want, user.Properties, "properties are merged")
	user, err = app.AppUsers.DeleteProfile(ctx, "ida")
	require.NoError(t, err)
	assert.Empty(t, user.GivenName)
	assert.Empty(t, user.Properties)
	require.NoError(t, app.AppUsers.Delete(ctx, "ida"))
	_, err = app.AppUsers.Get(ctx, "ida")
	assert.ErrorIs(t, err, smooch.ErrNotFound)
}

func TestTrackEvent(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	api := newAPI(t, server).onV1()
	api.call(400, "POST", "/appusers/ida/events", `{}`)
	api.call(201, "POST", "/appusers/ida/events", `{"name":"e","appUser":{"givenName":"Ida"}}`)
	assert.Equal(t, "Ida", at(api.call(200, "GET", "/appusers/ida", ""), "appUser", "givenName"))
}

func TestMerge(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	app := newServer(t).Client()
	ida, bob := createUser(t, app, "ida"), createUser(t, app, "bob")
	for _, userID := range []string{"ida", "bob", "ida"} {
		message := smooch.TextMessage("from " + userID)
		message.Role = smooch.RoleAppUser
		_, err := app.Conversations.PostMessage(ctx, userID, message)
		require.NoError(t, err)
	}
	err := app.AppUsers.Merge(ctx, smooch.AppUserMerge{Surviving: ida.ID, Discarded: ida.ID})
	assert.ErrorIs(t, err, smooch.ErrBadRequest)
	require.NoError(t, app.AppUsers.Merge(ctx, smooch.AppUserMerge{Surviving: ida.ID, Discarded: bob.ID}))
	_, err = app.AppUsers.Get(ctx, bob.ID)
	assert.ErrorIs(t, err, smooch.ErrNotFound)
	page, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	require.NoError(t, err)
	var texts []string
	for _, m := range page.Messages {
		texts = append(texts, m.Text)
		assert.Equal(t, ida.ID, m.AuthorID)
	}
	assert.Equal(t, []string{"from ida", "from bob", "from ida"}, texts, "in the order of their times")
}
