package smoochtest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

func TestApps(t *testing.T) {
	t.Parallel()
	api := newAPI(t, newServer(t))
	api.call(200, "PUT", "", `{"name":"n","settings":{"a":1,"b":2}}`)
	app := api.call(200, "PUT", "", `{"settings":{"b":3},"metadata":{"x":"y"}}`)["app"]
	assert.Equal(t, "n", at(app, "name"))
	assert.Equal(t, "y", at(app, "metadata", "x"))
	assert.Equal(t, map[string]any{"a": 1.0, "b": 3.0}, at(app, "settings"), "settings are merged")
	assert.Equal(t, app, api.call(200, "GET", "", "")["app"])
	sdks := api.call(200, "GET", "/sdks", "")
	for _, kind := range []string{"android", "ios", "web"} {
		assert.NotEmpty(t, sdks[kind+"IntegrationId"])
	}
}

func TestKeysOfADeletedAppStopWorking(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := newServer(t)
	account := server.Client()
	second, err := account.Apps.Create(ctx, smooch.AppCreate{Name: "Second"})
	require.NoError(t, err)
	key, err := account.ForApp(second.ID).Keys.Create(ctx, smooch.KeyCreate{Name: "k"})
	require.NoError(t, err)
	client, err := smooch.NewClient(smooch.AppJWT(key.ID, key.Secret), smooch.WithBaseURL(server.URL))
	require.NoError(t, err)
	_, err = client.Webhooks.List(ctx)
	require.NoError(t, err)
	require.NoError(t, account.Apps.Delete(ctx, second.ID))
	_, err = client.Webhooks.List(ctx)
	assert.ErrorIs(t, err, smooch.ErrUnauthorized)
}

// TestDeletedAppIsGone checks that nothing reaches a deleted app or its files, and that the server
// does without its first app.
func TestDeletedAppIsGone(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := newServer(t)
	first := server.App()
	account := server.Client()
	token, err := account.OAuth.Exchange(ctx, smooch.OAuthExchange{
		Code: authorize(t, account).Get("code"), ClientID: "c", ClientSecret: "x",
	})
	require.NoError(t, err)
	granted, err := smooch.NewClient(smooch.BearerToken(token.AccessToken), smooch.WithBaseURL(server.URL))
	require.NoError(t, err)
	createUser(t, granted, "ida")
	image, err := account.Attachments.Upload(ctx,
		smooch.Upload{Source: strings.NewReader("x"), Filename: "a.png"},
		smooch.AttachmentOptions{Access: smooch.AttachmentAccessPublic})
	require.NoError(t, err)
	path := "/apps/" + first.ID
	tokens, err := account.Attachments.CreateMediaToken(ctx, []string{path})
	require.NoError(t, err)
	media := "Authorization: Bearer " + tokens[path]
	status, _ := raw(t, server, http.MethodGet, "/v1.1/attachments/cookie", "", media)
	assert.Equal(t, 200, status)

	require.NoError(t, account.Apps.Delete(ctx, first.ID))
	status, _ = raw(t, server, http.MethodGet, "/v1.1/attachments/cookie", "", media)
	assert.Equal(t, 401, status)
	_, err = granted.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "bob"})
	assert.ErrorIs(t, err, smooch.ErrUnauthorized)
	status, _ = raw(t, server, http.MethodGet, strings.TrimPrefix(image.MediaURL, server.URL), "")
	assert.Equal(t, 404, status)
	assert.Equal(t, first, server.App())
	_, err = server.Client().AppUsers.Get(ctx, "ida")
	assert.ErrorIs(t, err, smooch.ErrNotFound)
}
