package smooch

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func secretFor(kid string) (string, error) {
	if kid != "key_1" {
		return "", errors.New("no such key")
	}
	return "s3cr3t", nil
}

// TestTokensAreReadByOthers checks our tokens with golang-jwt alone.
func TestTokensAreReadByOthers(t *testing.T) {
	tests := []struct {
		signer *JWTSigner
		alg    string
		claims map[string]any
	}{
		{AppJWT("key_1", "s3cr3t", WithoutExpiry()), "HS256", map[string]any{"scope": "app"}},
		{AppMakerJWT("key_1", "s3cr3t", WithoutExpiry(), WithAlgorithm("HS384")), "HS384", map[string]any{"scope": "appMaker"}},
		{AccountJWT("key_1", "s3cr3t", WithoutExpiry(), WithAlgorithm("HS512")), "HS512", map[string]any{"scope": "account"}},
		{AppUserJWT("key_1", "s3cr3t", "bob@example.com", WithoutExpiry()), "HS256", map[string]any{"scope": "appUser", "userId": "bob@example.com"}},
		{AppUserJWT("key_1", "s3cr3t", "4711", WithoutExpiry()), "HS256", map[string]any{"scope": "appUser", "userId": "4711"}},
	}
	for _, test := range tests {
		signed, err := test.signer.Token()
		require.NoError(t, err)
		token, err := jwt.Parse(signed, func(token *jwt.Token) (any, error) {
			assert.Equal(t, "key_1", token.Header["kid"])
			return []byte("s3cr3t"), nil
		}, jwt.WithValidMethods([]string{test.alg}))
		require.NoError(t, err)
		assert.Equal(t, jwt.MapClaims(test.claims), token.Claims)
		again, err := test.signer.Token()
		require.NoError(t, err)
		assert.Equal(t, signed, again)
	}
}

// TestTokensOfOthersAreRead checks tokens that golang-jwt alone has made.
func TestTokensOfOthersAreRead(t *testing.T) {
	sign := func(method jwt.SigningMethod, key any, kid any, claims jwt.MapClaims) string {
		token := jwt.NewWithClaims(method, claims)
		if kid != nil {
			token.Header["kid"] = kid
		}
		signed, err := token.SignedString(key)
		require.NoError(t, err)
		return signed
	}
	secret := []byte("s3cr3t")
	later := time.Now().Add(time.Hour).Unix()
	good := sign(jwt.SigningMethodHS512, secret, "key_1", jwt.MapClaims{"scope": "appUser", "userId": "bob", "exp": later, "iat": 1444348338})
	claims, err := VerifyJWT(good, secretFor)
	require.NoError(t, err)
	assert.Equal(t, &Claims{KeyID: "key_1", Scope: ScopeAppUser, UserID: "bob", ExpiresAt: time.Unix(later, 0), IssuedAt: time.Unix(1444348338, 0)}, claims)

	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	other := base64.RawURLEncoding.EncodeToString([]byte(`{"scope":"app"}`))
	refused := map[string]string{
		"none":             sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "key_1", jwt.MapClaims{"scope": "app"}),
		"wrong secret":     sign(jwt.SigningMethodHS256, []byte("other"), "key_1", jwt.MapClaims{"scope": "app"}),
		"unknown key":      sign(jwt.SigningMethodHS256, secret, "key_2", jwt.MapClaims{"scope": "app"}),
		"no kid":           sign(jwt.SigningMethodHS256, secret, nil, jwt.MapClaims{"scope": "app"}),
		"kid is a number":  sign(jwt.SigningMethodHS256, secret, 1, jwt.MapClaims{"scope": "app"}),
		"no scope":         sign(jwt.SigningMethodHS256, secret, "key_1", jwt.MapClaims{"userId": "bob"}),
		"no user":          sign(jwt.SigningMethodHS256, secret, "key_1", jwt.MapClaims{"scope": "appUser"}),
		"user is a number": sign(jwt.SigningMethodHS256, secret, "key_1", jwt.MapClaims{"scope": "appUser", "userId": 4711}),
		"ran out":          sign(jwt.SigningMethodHS256, secret, "key_1", jwt.MapClaims{"scope": "app", "exp": time.Now().Add(-time.Minute).Unix()}),
		"not yet":          sign(jwt.SigningMethodHS256, secret, "key_1", jwt.MapClaims{"scope": "app", "nbf": later}),
		"changed":          head + "." + other + "." + signature,
		"no signature":     head + "." + body + ".",
		"two parts":        head + "." + body,
		"empty":            "",
		"garbage":          "a.b.c",
	}
	for name, token := range refused {
		claims, err := VerifyJWT(token, secretFor)
		assert.Nil(t, claims, name)
		assert.ErrorIs(t, err, ErrUnauthorized, name)
		if token != "" {
			assert.NotContains(t, err.Error(), token, name)
		}
	}
	_, err = VerifyJWT(sign(jwt.SigningMethodHS256, []byte(""), "key_1", jwt.MapClaims{"scope": "app"}), func(string) (string, error) { return "", nil })
	assert.ErrorIs(t, err, ErrUnauthorized, "an empty secret is nobody's")
}

func TestTokenFor(t *testing.T) {
	s := AppUserJWT("key_1", "s3cr3t", "bob", WithIssuedAt())
	token, err := s.TokenFor(24 * time.Hour)
	require.NoError(t, err)
	claims, err := VerifyJWT(token, secretFor)
	require.NoError(t, err)
	assert.InDelta(t, (24 * time.Hour).Seconds(), time.Until(claims.ExpiresAt).Seconds(), 2)
	assert.InDelta(t, 0, time.Since(claims.IssuedAt).Seconds(), 2)
	for _, ttl := range []time.Duration{0, -time.Hour, time.Millisecond} {
		_, err = s.TokenFor(ttl)
		assert.ErrorIs(t, err, ErrInvalidArgument, "an unset setting must not make a token eternal")
	}
	token, err = AppUserJWT("key_1", "s3cr3t", "bob", WithoutExpiry()).Token()
	require.NoError(t, err)
	claims, err = VerifyJWT(token, secretFor)
	require.NoError(t, err)
	assert.True(t, claims.ExpiresAt.IsZero())
	_, err = AppJWT("", "s").TokenFor(time.Hour)
	assert.ErrorIs(t, err, ErrInvalidArgument)
}

func TestTokenIsCachedUntilFourFifthsOfItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := AppJWT("k", "s", WithTTL(100*time.Second))
		first, err := s.Token()
		require.NoError(t, err)
		time.Sleep(79 * time.Second)
		same, err := s.Token()
		require.NoError(t, err)
		assert.Equal(t, first, same)
		time.Sleep(2 * time.Second)
		second, err := s.Token()
		require.NoError(t, err)
		assert.NotEqual(t, first, second)
	})
}

// TestShortLivedTokensAreNeverExpired, though exp has whole seconds.
func TestShortLivedTokensAreNeverExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := AppJWT("k", "s", WithTTL(2*time.Second))
		for range 700 {
			token, err := s.Token()
			require.NoError(t, err)
			_, err = VerifyJWT(token, func(string) (string, error) { return "s", nil })
			require.NoError(t, err)
			time.Sleep(7 * time.Millisecond)
		}
	})
}

// TestConcurrentCallsSignOnce: a thousand calls at once, each with the one token. WithIssuedAt is not needed to tell tokens
// apart: a signer that signed twice would have been asked for two times of expiry.
func TestConcurrentCallsSignOnce(t *testing.T) {
	var mu sync.Mutex
	tokens := map[string]int{}
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		tokens[r.Header.Get("Authorization")]++
		mu.Unlock()
		reply(200, `{}`)(w, r)
	})
	signer := AppJWT("k", "s")
	c := newTestClient(t, rec.URL, signer)
	signed := countSignatures(t, signer)
	var group sync.WaitGroup
	for range 1000 {
		group.Go(func() {
			_, err := c.AppUsers.Get(t.Context(), "u")
			assert.NoError(t, err)
		})
	}
	group.Wait()
	assert.Len(t, tokens, 1)
	assert.EqualValues(t, 1, signed.Load())
}

// countSignatures has the signer count how often it signs.
func countSignatures(t *testing.T, s *JWTSigner) *atomic.Int32 {
	t.Helper()
	counting := &countingMethod{SigningMethod: s.method}
	s.method = counting
	return &counting.signed
}

type countingMethod struct {
	jwt.SigningMethod
	signed atomic.Int32
}

func (m *countingMethod) Sign(text string, key any) ([]byte, error) {
	m.signed.Add(1)
	return m.SigningMethod.Sign(text, key)
}

// TestRefusedTokenIsSignedAnew: a service whose clock is ahead finds the token run out.
func TestRefusedTokenIsSignedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		var refused string
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			sent++
			if sent == 1 {
				refused = r.Header.Get("Authorization")
				return answer(200, `{}`), nil
			}
			if r.Header.Get("Authorization") == refused {
				return answer(401, `{"error":{"code":"unauthorized"}}`), nil
			}
			return answer(200, `{}`), nil
		})
		_, err := c.AppUsers.Get(t.Context(), "u")
		require.NoError(t, err)
		time.Sleep(10 * time.Minute)
		_, err = c.Conversations.PostMessage(t.Context(), "u", TextMessage("hi"))
		require.NoError(t, err, "401 did nothing, so a message may be sent again")
		assert.Equal(t, 3, sent)

		_, err = c.AppUsers.Get(t.Context(), "u")
		require.NoError(t, err)
		assert.Equal(t, 4, sent, "the new token is kept")
	})
}

func TestUnauthorizedIsRepeatedOnceAndOnlyWithAnotherToken(t *testing.T) {
	counted := func(t *testing.T, auth Auth) (sent int) {
		synctest.Test(t, func(t *testing.T) {
			hc := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				sent++
				time.Sleep(2 * time.Second)
				return answer(401, ``), nil
			})}
			c := newTestClient(t, "http://127.0.0.1:1", auth, WithHTTPClient(hc), WithVersion(V1))
			_, err := c.AppUsers.Get(t.Context(), "u")
			assert.ErrorIs(t, err, ErrUnauthorized)
		})
		return sent
	}
	assert.Equal(t, 2, counted(t, AppJWT("k", "s")))
	assert.Equal(t, 1, counted(t, AppJWT("k", "s", WithoutExpiry())), "signing again gives the same token")
	assert.Equal(t, 1, counted(t, BearerToken("t")))
	assert.Equal(t, 1, counted(t, BasicAuth("k", "s")))
	assert.Equal(t, 1, counted(t, AppToken("t")))
	n := 0
	assert.Equal(t, 2, counted(t, AuthFunc(func(_ context.Context, r *http.Request) error {
		n++
		r.Header.Set("Authorization", "Bearer "+strings.Repeat("x", n))
		return nil
	})), "a function that has got another token")
}

func TestCredentialsOnTheWire(t *testing.T) {
	rec := newRecorder(t, reply(200, `{}`))
	tests := map[string]struct {
		auth          Auth
		header, value string
	}{
		"app token": {AppToken("cr2g6jgx"), "App-Token", "cr2g6jgx"},
		"basic":     {BasicAuth("app_1", "s:e"), "Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("app_1:s:e"))},
		"bearer":    {BearerToken("abc"), "Authorization", "Bearer abc"},
	}
	for name, test := range tests {
		_, err := newTestClient(t, rec.URL, test.auth, WithVersion(V1)).AppUsers.Get(t.Context(), "u")
		require.NoError(t, err)
		assert.Equal(t, []string{test.value}, rec.last(t).header[test.header], name)
	}
	require.NoError(t, newTestClient(t, rec.URL, NoAuth()).AppUsers.Delete(t.Context(), "u"))
	assert.Empty(t, rec.last(t).header["Authorization"])
	require.NoError(t, newTestClient(t, rec.URL, AppJWT("k", "s")).Attachments.SetCookie(t.Context(), "media"))
	assert.Equal(t, "Bearer media", rec.last(t).header.Get("Authorization"), "the media token instead of the client's credential")
}

func TestAuthThatFailsSendsNothing(t *testing.T) {
	rec := newRecorder(t, reply(200, `{}`))
	broken := errors.New("the vault is sealed")
	c := newTestClient(t, rec.URL, AuthFunc(func(context.Context, *http.Request) error { return broken }))
	_, err := c.AppUsers.Get(t.Context(), "u")
	assert.ErrorIs(t, err, broken)
	assert.Empty(t, rec.requests())
}

func TestSecretsDoNotPrint(t *testing.T) {
	var key Key
	require.NoError(t, json.Unmarshal([]byte(`{"_id":"app_1","secret":"s3cr3t"}`), &key))
	for _, v := range []any{AppJWT("k", "s3cr3t"), AppUserJWT("k", "s3cr3t", "u"), AppToken("s3cr3t"), key, &key, Webhook{Secret: "s3cr3t"}} {
		assertNoSecret(t, v, "s3cr3t")
	}
}
