package smooch

import (
	"encoding/base64"
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

// TestSignedTokens reads the tokens with golang-jwt alone.
func TestSignedTokens(t *testing.T) {
	t.Parallel()
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

// signWith makes a token with golang-jwt alone.
func signWith(t *testing.T, method jwt.SigningMethod, key, kid any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != nil {
		token.Header["kid"] = kid
	}
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

func TestVerifyJWT(t *testing.T) {
	t.Parallel()
	later := time.Now().Add(time.Hour).Unix()
	token := signWith(t, jwt.SigningMethodHS512, []byte("s3cr3t"), "key_1",
		jwt.MapClaims{"scope": "appUser", "userId": "bob", "exp": later, "iat": 1444348338})
	claims, err := VerifyJWT(token, secretFor)
	require.NoError(t, err)
	assert.Equal(t, &Claims{
		KeyID:     "key_1",
		Scope:     ScopeAppUser,
		UserID:    "bob",
		ExpiresAt: time.Unix(later, 0),
		IssuedAt:  time.Unix(1444348338, 0),
	}, claims)
}

func TestVerifyJWTRefuses(t *testing.T) {
	t.Parallel()
	sign := func(claims jwt.MapClaims) string {
		return signWith(t, jwt.SigningMethodHS256, []byte("s3cr3t"), "key_1", claims)
	}
	app := jwt.MapClaims{"scope": "app"}
	head, rest, _ := strings.Cut(sign(jwt.MapClaims{"scope": "appUser", "userId": "bob"}), ".")
	body, signature, _ := strings.Cut(rest, ".")
	other := base64.RawURLEncoding.EncodeToString([]byte(`{"scope":"app"}`))
	for name, token := range map[string]string{
		"none":             signWith(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "key_1", app),
		"wrong secret":     signWith(t, jwt.SigningMethodHS256, []byte("other"), "key_1", app),
		"unknown key":      signWith(t, jwt.SigningMethodHS256, []byte("s3cr3t"), "key_2", app),
		"no kid":           signWith(t, jwt.SigningMethodHS256, []byte("s3cr3t"), nil, app),
		"kid is a number":  signWith(t, jwt.SigningMethodHS256, []byte("s3cr3t"), 1, app),
		"no scope":         sign(jwt.MapClaims{"userId": "bob"}),
		"no user":          sign(jwt.MapClaims{"scope": "appUser"}),
		"user is a number": sign(jwt.MapClaims{"scope": "appUser", "userId": 4711}),
		"expired":          sign(jwt.MapClaims{"scope": "app", "exp": time.Now().Add(-time.Minute).Unix()}),
		"not valid yet":    sign(jwt.MapClaims{"scope": "app", "nbf": time.Now().Add(time.Hour).Unix()}),
		"changed":          head + "." + other + "." + signature,
		"no signature":     head + "." + body + ".",
		"two parts":        head + "." + body,
		"empty":            "",
		"garbage":          "a.b.c",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, err := VerifyJWT(token, secretFor)
			assert.Nil(t, claims)
			assert.ErrorIs(t, err, ErrUnauthorized)
			if token != "" {
				assert.NotContains(t, err.Error(), token)
			}
		})
	}
	t.Run("empty secret", func(t *testing.T) {
		t.Parallel()
		token := signWith(t, jwt.SigningMethodHS256, []byte(""), "key_1", app)
		_, err := VerifyJWT(token, func(string) (string, error) { return "", nil })
		assert.ErrorIs(t, err, ErrUnauthorized)
	})
}

func TestTokenFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := AppUserJWT("key_1", "s3cr3t", "bob", WithIssuedAt())
		token, err := s.TokenFor(24 * time.Hour)
		require.NoError(t, err)
		claims, err := VerifyJWT(token, secretFor)
		require.NoError(t, err)
		assert.Equal(t, 24*time.Hour, time.Until(claims.ExpiresAt))
		assert.Zero(t, time.Since(claims.IssuedAt))
		for _, ttl := range []time.Duration{0, -time.Hour, time.Millisecond} {
			_, err = s.TokenFor(ttl)
			assert.ErrorIs(t, err, ErrInvalidArgument, "an unset setting must not make a token eternal")
		}
		_, err = AppJWT("", "s").TokenFor(time.Hour)
		assert.ErrorIs(t, err, ErrInvalidArgument)
	})
}

func TestWithoutExpiry(t *testing.T) {
	t.Parallel()
	token, err := AppUserJWT("key_1", "s3cr3t", "bob", WithoutExpiry()).Token()
	require.NoError(t, err)
	claims, err := VerifyJWT(token, secretFor)
	require.NoError(t, err)
	assert.True(t, claims.ExpiresAt.IsZero())
}

func TestTokenIsKeptForFourFifthsOfItsLife(t *testing.T) {
	t.Parallel()
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

// TestTokenIsNeverExpired, however short its life is, though exp is in whole seconds.
func TestTokenIsNeverExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := AppJWT("key_1", "s3cr3t", WithTTL(2*time.Second))
		for range 700 {
			token, err := s.Token()
			require.NoError(t, err)
			_, err = VerifyJWT(token, secretFor)
			require.NoError(t, err)
			time.Sleep(7 * time.Millisecond)
		}
	})
}

// TestConcurrentCallsSignOnce: a thousand calls at once are sent with one token.
func TestConcurrentCallsSignOnce(t *testing.T) {
	t.Parallel()
	signer := AppJWT("k", "s")
	counting := &countingMethod{SigningMethod: signer.method}
	signer.method = counting
	var tokens sync.Map
	hc := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		tokens.Store(r.Header.Get("Authorization"), true)
		return answer(200, anything), nil
	})}
	c := newTestClient(t, "http://127.0.0.1:1", signer, WithHTTPClient(hc))
	start := make(chan struct{})
	var group sync.WaitGroup
	for range 1000 {
		group.Go(func() {
			<-start
			_, err := c.AppUsers.Get(t.Context(), "u")
			assert.NoError(t, err)
		})
	}
	close(start)
	group.Wait()
	sent := 0
	tokens.Range(func(any, any) bool { sent++; return true })
	assert.Equal(t, 1, sent)
	assert.EqualValues(t, 1, counting.signed.Load())
}

// countingMethod counts signatures, as tokens that are signed in the same second are equal.
type countingMethod struct {
	jwt.SigningMethod
	signed atomic.Int32
}

func (m *countingMethod) Sign(text string, key any) ([]byte, error) {
	m.signed.Add(1)
	time.Sleep(time.Millisecond) // for other calls to sign meanwhile
	return m.SigningMethod.Sign(text, key)
}
