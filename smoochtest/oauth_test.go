package smoochtest_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

// authorize returns what the owner's browser brings back after the login.
func authorize(t *testing.T, client *smooch.Client) url.Values {
	t.Helper()
	address, err := client.OAuth.AuthorizeURL(smooch.OAuthAuthorize{
		ClientID: "c", State: "s", RedirectURI: "http://127.0.0.1:1/back",
	})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	back, err := resp.Location()
	require.NoError(t, err)
	return back.Query()
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := newServer(t)
	app := server.Client()
	back := authorize(t, app)
	assert.Equal(t, "s", back.Get("state"))
	exchange := smooch.OAuthExchange{Code: back.Get("code"), ClientID: "c", ClientSecret: "x"}
	granted, err := app.OAuth.Exchange(ctx, exchange)
	require.NoError(t, err)
	_, err = app.OAuth.Exchange(ctx, exchange)
	assert.ErrorIs(t, err, smooch.ErrUnauthorized, "a code works once")

	client, err := smooch.NewClient(smooch.BearerToken(granted.AccessToken), smooch.WithBaseURL(server.URL))
	require.NoError(t, err)
	createUser(t, client, "u")
	_, err = client.Integrations.List(ctx, smooch.IntegrationListOptions{})
	assert.ErrorIs(t, err, smooch.ErrForbidden)
	subscribe(t, app, "http://127.0.0.1:1/a", "postback")
	own := subscribe(t, client, "http://127.0.0.1:1/b", "postback")
	hooks, err := client.Webhooks.List(ctx)
	require.NoError(t, err)
	require.Len(t, hooks, 1, "it sees the webhooks that were created with it")
	assert.Equal(t, own.ID, hooks[0].ID)

	require.NoError(t, app.OAuth.Revoke(ctx, granted.AccessToken))
	_, err = client.AppUsers.Get(ctx, "u")
	assert.ErrorIs(t, err, smooch.ErrUnauthorized)
	hooks, err = app.Webhooks.List(ctx)
	require.NoError(t, err)
	assert.Len(t, hooks, 1, "revoking a token deletes its webhooks")
}
