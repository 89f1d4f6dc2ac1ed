package smooch

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewClientChecksItsArguments(t *testing.T) {
	t.Parallel()
	auth := AppJWT("k", "s")
	tests := []struct {
		name  string
		auth  Auth
		opts  []Option
		names string // what the error must name; "": no error
	}{
		{"defaults", auth, nil, ""},
		{"nil auth", nil, nil, "auth"},
		{"nil function", AuthFunc(nil), nil, "auth"},
		{"nil signer", (*JWTSigner)(nil), nil, "auth"},
		{"signer without a key", &JWTSigner{}, nil, "auth"},
		{"nil option", auth, []Option{nil}, "option"},
		{"empty key", AppJWT("", "s"), nil, "keyID"},
		{"empty secret", AppMakerJWT("k", ""), nil, "secret"},
		{"empty user", AppUserJWT("k", "s", ""), nil, "userID"},
		{"user that would be signed as another", AppUserJWT("k", "s", "\xff"), nil, "userID"},
		{"algorithm", AppJWT("k", "s", WithAlgorithm("none")), nil, "algorithm"},
		{"negative TTL", AppJWT("k", "s", WithTTL(-1)), nil, "TTL"},
		{"no TTL", AppJWT("k", "s", WithTTL(0)), nil, "TTL"},
		{"empty app token", AppToken(""), nil, "token"},
		{"empty bearer", BearerToken(""), nil, "token"},
		{"line break read with a token", BearerToken("t\n"), nil, "token"},
		{"empty basic", BasicAuth("k", ""), nil, "secret"},
		{"basic with a colon", BasicAuth("k:s", "s"), nil, "keyID"},
		{"app token on v1.1", AppToken("t"), []Option{WithVersion(V1_1)}, "version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			assertNewClient(t, test.auth, test.opts, test.names)
		})
	}
}

// assertNewClient makes a client. It must fail with an error that contains names, or succeed if
// names is empty.
func assertNewClient(t *testing.T, auth Auth, opts []Option, names string) {
	t.Helper()
	c, err := NewClient(auth, opts...)
	if names == "" {
		require.NoError(t, err)
		assert.NotNil(t, c)
		return
	}
	assert.Nil(t, c)
	assert.ErrorIs(t, err, ErrInvalidArgument)
	assert.ErrorContains(t, err, names)
}

// TestCopiesThatCannotCall: ForVersion returns no error, so each call of the copy does.
func TestCopiesThatCannotCall(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, anything))
	_, err := newTestClient(t, rec.URL, AppJWT("k", "s")).ForVersion("v2").AppUsers.Get(t.Context(), "u")
	assert.ErrorIs(t, err, ErrInvalidArgument)
	_, err = newTestClient(t, rec.URL, AppToken("t")).ForVersion(V1_1).AppUsers.Get(t.Context(), "u")
	assert.ErrorIs(t, err, ErrInvalidArgument)
	assert.Empty(t, rec.requests(), "nothing is sent")
}

func TestDo(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, `{"poll":{"_id":"p1"}}`))
	c := newTestClient(t, rec.URL, AccountJWT("k", "s"), WithApp("a1"))
	var out struct {
		Poll struct {
			ID string `json:"_id"`
		} `json:"poll"`
	}
	err := c.Do(t.Context(), "POST", "/appusers/"+url.PathEscape("a/b")+"/polls?dry=1", map[string]any{"q": "<why>"}, &out, WithQuery("x", "y z"))
	require.NoError(t, err)
	assert.Equal(t, "p1", out.Poll.ID)
	got := rec.last(t)
	assert.Equal(t, "POST", got.method)
	assert.Equal(t, "/v1.1/apps/a1/appusers/a%2Fb/polls?dry=1&x=y+z", got.uri)
	assert.Equal(t, `{"q":"<why>"}`, got.body)
	assert.Equal(t, "application/json", got.header.Get("Content-Type"))

	require.NoError(t, c.Do(t.Context(), "GET", "polls", nil, nil))
	assert.Equal(t, "/v1.1/apps/a1/polls", rec.last(t).uri)

	unbound := newTestClient(t, rec.URL, AccountJWT("k", "s"))
	require.NoError(t, unbound.Do(t.Context(), "GET", "/accounts", nil, nil))
	assert.Equal(t, "/v1.1/accounts", rec.last(t).uri)
}

func TestDoChecksItsArguments(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, anything))
	c := newTestClient(t, rec.URL, AccountJWT("k", "s"), WithApp("a1"))
	for _, path := range []string{
		"", "/", "/a//b", "/a/", "/a/../b", "/a/%2e%2E/b", "/./b", "//evil.test/x", "http://evil.test/x",
		"/a b", "/a#b", "/a%zz", `/a\b`, "/søren",
	} {
		assert.ErrorIs(t, c.Do(t.Context(), "GET", path, nil, nil), ErrInvalidArgument, path)
	}
	assert.ErrorIs(t, c.Do(t.Context(), "GET", "/a", map[string]any{}, nil), ErrInvalidArgument)
	assert.ErrorIs(t, c.Do(t.Context(), "GE T", "/a", nil, nil), ErrInvalidArgument)
	assert.ErrorIs(t, c.Do(t.Context(), "POST", "/a", make(chan int), nil), ErrInvalidArgument)
	assert.ErrorIs(t, c.Do(t.Context(), "POST", "/a", nil, struct{}{}), ErrInvalidArgument, "not a pointer")
	assert.ErrorIs(t, c.Do(t.Context(), "POST", "/a", nil, (*App)(nil)), ErrInvalidArgument)
	assert.Empty(t, rec.requests(), "nothing is sent")
}
