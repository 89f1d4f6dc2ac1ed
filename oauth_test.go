package smooch

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOAuthExchange(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, `{"access_token":"t0k","token_type":"Bearer"}`))
	c := newTestClient(t, rec.URL, AccountJWT("act_1", "s"))
	token, err := c.OAuth.Exchange(t.Context(), OAuthExchange{Code: "c d", ClientID: "id", ClientSecret: "s3"})
	require.NoError(t, err)
	assert.Equal(t, "t0k", token.AccessToken)
	assertNoSecret(t, token, "t0k")
	got := rec.last(t)
	assert.Equal(t, "POST /oauth/token", got.method+" "+got.uri)
	assert.Equal(t, "application/x-www-form-urlencoded", got.header.Get("Content-Type"))
	assert.Equal(t, "client_id=id&client_secret=s3&code=c+d&grant_type=authorization_code", got.body)
	assert.Empty(t, got.header.Get("Authorization"), "not the client's credential")
}

// TestOAuthIsNotRepeatedWithTheCredentialOfTheClient: after a 401, which is about another one.
func TestOAuthIsNotRepeatedWithTheCredentialOfTheClient(t *testing.T) {
	t.Parallel()
	signed := 0
	changing := AuthFunc(func(_ context.Context, r *http.Request) error {
		signed++
		r.Header.Set("Authorization", fmt.Sprint("Bearer ", signed))
		return nil
	})
	rec := newRecorder(t, reply(401, ``))
	c := newTestClient(t, rec.URL, changing)
	_, err := c.OAuth.Exchange(t.Context(), OAuthExchange{Code: "c", ClientID: "id", ClientSecret: "s3"})
	assert.ErrorIs(t, err, ErrUnauthorized)
	assert.ErrorIs(t, c.OAuth.Revoke(t.Context(), "t0k"), ErrUnauthorized)
	assert.Len(t, rec.requests(), 2)
	assert.Zero(t, signed)

	_, err = c.OAuth.Exchange(t.Context(), OAuthExchange{Code: "c", ClientID: "id", ClientSecret: "s3"}, WithField("a", "b"))
	assert.ErrorIs(t, err, ErrInvalidArgument, "JSON would take the place of the form")
}

func TestOAuthRevoke(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, ``))
	require.NoError(t, newTestClient(t, rec.URL, AccountJWT("act_1", "s")).OAuth.Revoke(t.Context(), "t0k"))
	assert.Equal(t, "Bearer t0k", rec.last(t).header.Get("Authorization"))
}

func TestOAuthAuthorizeURL(t *testing.T) {
	t.Parallel()
	c, err := NewClient(NoAuth())
	require.NoError(t, err)
	address, err := c.OAuth.AuthorizeURL(OAuthAuthorize{ClientID: "id", State: "x&y", RedirectURI: "https://a.test/?b"})
	require.NoError(t, err)
	assert.Equal(t, "https://app.smooch.io/oauth/authorize?client_id=id&redirect_uri=https%3A%2F%2Fa.test%2F%3Fb&response_type=code&state=x%26y", address)

	_, err = c.OAuth.AuthorizeURL(OAuthAuthorize{})
	assert.ErrorIs(t, err, ErrInvalidArgument)

	moved, err := NewClient(NoAuth(), WithBaseURL("http://evil.test"), WithRegion(EU))
	require.NoError(t, err)
	address, err = moved.OAuth.AuthorizeURL(OAuthAuthorize{ClientID: "id"})
	require.NoError(t, err)
	assert.NotContains(t, address, "evil.test", "of WithBaseURL and WithRegion the later counts")
}
