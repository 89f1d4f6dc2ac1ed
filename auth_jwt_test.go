package smooch

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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

// signText makes a token of the texts of a header and of claims, whatever they are.
func signText(t testing.TB, method jwt.SigningMethod, header, claims string) string {
	t.Helper()
	text := encodePart(header) + "." + encodePart(claims)
	signature, err := method.Sign(text, []byte("s3cr3t"))
	require.NoError(t, err)
	return text + "." + encodePart(string(signature))
}

func encodePart(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

const (
	plainHeader = `{"alg":"HS256","kid":"key_1"}`
	plainClaims = `{"scope":"appUser","userId":"bob"}`
)

func TestVerifyJWTAccepts(t *testing.T) {
	t.Parallel()
	now := time.Now().Unix()
	for name, token := range map[string]string{
		"plain":               signText(t, jwt.SigningMethodHS256, plainHeader, plainClaims),
		"HS384":               signText(t, jwt.SigningMethodHS384, `{"alg":"HS384","kid":"key_1"}`, plainClaims),
		"white space":         signText(t, jwt.SigningMethodHS256, " {\"alg\" : \"HS256\",\n\"kid\":\"key_1\"} ", plainClaims),
		"unknown members":     signText(t, jwt.SigningMethodHS256, `{"alg":"HS256","kid":"key_1","typ":"x","x":{"a":[1]}}`, `{"scope":"appUser","userId":"bob","name":["Bob"]}`),
		"exp with a fraction": signText(t, jwt.SigningMethodHS256, plainHeader, fmt.Sprintf(`{"scope":"appUser","userId":"bob","exp":%d.5}`, now+3600)),
		"nbf in the past":     signText(t, jwt.SigningMethodHS256, plainHeader, fmt.Sprintf(`{"scope":"appUser","userId":"bob","nbf":%d}`, now-60)),
		"deep":                signText(t, jwt.SigningMethodHS256, plainHeader, `{"scope":"appUser","userId":"bob","x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`}`),
		"registered claim":    signText(t, jwt.SigningMethodHS256, plainHeader, `{"scope":"appUser","userId":"bob","iss":"us","aud":["a","b"],"sub":"s","jti":"1"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, err := VerifyJWT(token, secretFor)
			require.NoError(t, err)
			assert.Equal(t, "bob", claims.UserID)
		})
	}
}

func TestVerifyJWTRefuses(t *testing.T) {
	t.Parallel()
	signed := func(header, claims string) string {
		return signText(t, jwt.SigningMethodHS256, header, claims)
	}
	withClaims := func(claims string) string { return signed(plainHeader, claims) }
	withMember := func(member string) string { return withClaims(`{"scope":"app",` + member + `}`) }
	withHeader := func(member string) string { return signed(`{"alg":"HS256","kid":"key_1",`+member+`}`, plainClaims) }
	withAlg := func(alg string) string { return signed(`{"alg":`+alg+`,"kid":"key_1"}`, plainClaims) }
	withKid := func(kid string) string { return signed(`{"alg":"HS256","kid":`+kid+`}`, plainClaims) }
	app := jwt.MapClaims{"scope": "app"}
	good := withClaims(plainClaims)
	parts := strings.Split(good, ".")
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	// Each part has two bytes more than a multiple of three, so that its encoding has spare bits.
	spare := signed(plainHeader+strings.Repeat(" ", 4-(len(plainHeader)+2)%3), plainClaims+strings.Repeat(" ", 4-(len(plainClaims)+2)%3))
	spareParts := strings.Split(spare, ".")
	resigned := func(header, claims string) string {
		signature, err := jwt.SigningMethodHS256.Sign(join(header, claims), []byte("s3cr3t"))
		require.NoError(t, err)
		return join(header, claims, encodePart(string(signature)))
	}
	_, err = VerifyJWT(spare, secretFor)
	require.NoError(t, err)
	_, err = VerifyJWT(good, secretFor)
	require.NoError(t, err)

	for name, token := range map[string]string{
		"none":              signWith(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "key_1", app),
		"none and signed":   withAlg(`"none"`),
		"None":              withAlg(`"None"`),
		"NONE":              withAlg(`"NONE"`),
		"nOnE":              withAlg(`"nOnE"`),
		"alg in lower":      withAlg(`"hs256"`),
		"alg HS512":         withAlg(`"HS512"`),
		"alg RS256":         withAlg(`"RS256"`),
		"alg ES256":         signWith(t, jwt.SigningMethodES256, ecKey, "key_1", app),
		"alg unknown":       withAlg(`"HS257"`),
		"alg empty":         withAlg(`""`),
		"alg a number":      withAlg(`256`),
		"alg null":          withAlg(`null`),
		"alg a list":        withAlg(`["HS256"]`),
		"no alg":            signed(`{"kid":"key_1"}`, plainClaims),
		"alg twice":         signed(`{"alg":"none","kid":"key_1","alg":"HS256"}`, plainClaims),
		"alg escaped too":   signed(`{"alg":"none","kid":"key_1","\u0061lg":"HS256"}`, plainClaims),
		"ALG":               signed(`{"ALG":"HS256","kid":"key_1"}`, plainClaims),
		"Alg too":           withHeader(`"Alg":"none"`),
		"crit":              withHeader(`"crit":["b64"],"b64":false`),
		"crit unknown":      withHeader(`"crit":["x"],"x":1`),
		"crit empty":        withHeader(`"crit":[]`),
		"crit null":         withHeader(`"crit":null`),
		"Crit":              withHeader(`"Crit":["x"]`),
		"wrong secret":      signWith(t, jwt.SigningMethodHS256, []byte("other"), "key_1", app),
		"unknown key":       signWith(t, jwt.SigningMethodHS256, []byte("s3cr3t"), "key_2", app),
		"no kid":            signWith(t, jwt.SigningMethodHS256, []byte("s3cr3t"), nil, app),
		"kid a number":      withKid(`1`),
		"kid empty":         withKid(`""`),
		"kid null":          withKid(`null`),
		"kid a list":        withKid(`["key_1"]`),
		"kid twice":         withHeader(`"kid":"key_1"`),
		"KID":               signed(`{"alg":"HS256","KID":"key_1"}`, plainClaims),
		"header a list":     signed(`[]`, plainClaims),
		"header null":       signed(`null`, plainClaims),
		"header broken":     signed(`{"alg":"HS256","kid":"key_1"`, plainClaims),
		"header and more":   signed(plainHeader+`{}`, plainClaims),
		"header empty":      signed(``, plainClaims),
		"claims a list":     withClaims(`[]`),
		"claims null":       withClaims(`null`),
		"claims text":       withClaims(`"scope"`),
		"claims broken":     withClaims(`{"scope":"app"`),
		"claims and more":   withClaims(`{"scope":"app"}}`),
		"claims empty":      withClaims(``),
		"claims not UTF-8":  withClaims("{\"scope\":\"appUser\",\"userId\":\"bob\xff\"}"),
		"no scope":          withClaims(`{"userId":"bob"}`),
		"scope empty":       withClaims(`{"scope":"","userId":"bob"}`),
		"scope null":        withClaims(`{"scope":null,"userId":"bob"}`),
		"scope a list":      withClaims(`{"scope":["app"]}`),
		"scope twice":       withClaims(`{"scope":"app","scope":"app"}`),
		"Scope":             withClaims(`{"Scope":"app"}`),
		"Scope too":         withMember(`"Scope":"account"`),
		"scope with \u017f": withMember(`"\u017fcope":"account"`), // which encoding/json reads as scope
		"no user":           withClaims(`{"scope":"appUser"}`),
		"user empty":        withClaims(`{"scope":"appUser","userId":""}`),
		"user a number":     withClaims(`{"scope":"appUser","userId":4711}`),
		"user null":         withMember(`"userId":null`),
		"user twice":        withClaims(`{"scope":"appUser","userId":"ida","userId":"bob"}`),
		"userID":            withClaims(`{"scope":"appUser","userId":"bob","userID":"ida"}`),
		"expired":           withMember(fmt.Sprintf(`"exp":%d`, time.Now().Unix()-60)),
		"exp now":           withMember(fmt.Sprintf(`"exp":%d`, time.Now().Unix())),
		"exp zero":          withMember(`"exp":0`),
		"exp negative":      withMember(`"exp":-1`),
		"exp very early":    withMember(`"exp":-1e300`),
		"exp a float":       withMember(`"exp":1444348338.5`),
		"exp tiny":          withMember(`"exp":1e-400`),
		"exp too large":     withMember(`"exp":1e19`),
		"exp infinite":      withMember(`"exp":1e400`),
		"exp text":          withMember(fmt.Sprintf(`"exp":"%d"`, time.Now().Unix()+3600)),
		"exp empty text":    withMember(`"exp":""`),
		"exp null":          withMember(`"exp":null`),
		"exp true":          withMember(`"exp":true`),
		"exp a list":        withMember(fmt.Sprintf(`"exp":[%d]`, time.Now().Unix()+3600)),
		"exp twice":         withMember(fmt.Sprintf(`"exp":1,"exp":%d`, time.Now().Unix()+3600)),
		"EXP":               withMember(fmt.Sprintf(`"EXP":%d`, time.Now().Unix()-60)),
		"iat text":          withMember(`"iat":"1444348338"`),
		"iat too large":     withMember(`"iat":1e300`),
		"nbf text":          withMember(`"nbf":"1444348338"`),
		"nbf negative":      withMember(`"nbf":-1e300`),
		"nbf later":         withMember(fmt.Sprintf(`"nbf":%d`, time.Now().Unix()+3600)),
		"other claims":      join(parts[0], encodePart(`{"scope":"app"}`), parts[2]),
		"other header":      join(encodePart(`{"alg":"HS256","kid":"key_1" }`), parts[1], parts[2]),
		"no signature":      join(parts[0], parts[1], ""),
		"half a signature":  join(parts[0], parts[1], parts[2][:20]),
		"longer signature":  join(parts[0], parts[1], parts[2]+"AAAA"),
		"one part":          parts[0],
		"two parts":         join(parts[0], parts[1]),
		"four parts":        good + ".",
		"five parts":        good + "." + parts[1] + "." + parts[2],
		"empty":             "",
		"dots":              "..",
		"garbage":           "a.b.c",
		"huge":              withMember(`"x":"` + strings.Repeat("x", 1<<20) + `"`),
		"very many dots":    strings.Repeat(".", 1<<20),
		"line break after":  good + "\n",
		"line break":        "\r\n" + good,
		"space after":       good + " ",
		"space":             " " + good,
		"tab after":         good + "\t",
		"break inside":      good[:len(good)-4] + "\n" + good[len(good)-4:],
		"break in header":   resigned(parts[0][:4]+"\n"+parts[0][4:], parts[1]),
		"break in claims":   resigned(parts[0], parts[1]+"\r"),
		"Bearer":            "Bearer " + good,
		"padding":           good + "=",
		"standard base64":   resigned(base64.StdEncoding.EncodeToString([]byte(plainHeader)), parts[1]),
		"spare bits":        join(parts[0], parts[1], withSpareBit(parts[2])),
		"spare in header":   resigned(withSpareBit(spareParts[0]), spareParts[1]),
		"spare in claims":   resigned(spareParts[0], withSpareBit(spareParts[1])),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, err := VerifyJWT(token, func(kid string) (string, error) {
				if kid != "key_1" {
					return "", fmt.Errorf("no key has the id %s", kid)
				}
				return "s3cr3t", nil
			})
			assert.Nil(t, claims)
			assert.ErrorIs(t, err, ErrUnauthorized)
			assertNothingOf(t, token, err.Error())
		})
	}
}

// withSpareBit sets the last bit of an encoding, which stands for nothing.
func withSpareBit(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(part) - 1
	return part[:last] + string(alphabet[strings.IndexByte(alphabet, part[last])|1])
}

// assertNothingOf checks that text has no part of the token and no value in its header and claims.
func assertNothingOf(t *testing.T, token, text string) {
	t.Helper()
	assert.LessOrEqual(t, len(text), 200)
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 1 {
			assert.NotContains(t, text, part)
		}
		decoded, _ := base64.RawURLEncoding.DecodeString(part)
		var members map[string]any
		if json.Unmarshal(decoded, &members) != nil {
			continue
		}
		for _, value := range members {
			if value, ok := value.(string); ok && len(value) > 1 && !strings.HasPrefix(value, "HS") {
				assert.NotContains(t, strings.TrimPrefix(text, "smooch: VerifyJWT: "), value)
			}
		}
	}
}

func TestVerifyJWTAndItsFunction(t *testing.T) {
	t.Parallel()
	token := signText(t, jwt.SigningMethodHS256, plainHeader, plainClaims)
	claims, err := VerifyJWT(token, nil)
	assert.Nil(t, claims)
	assert.ErrorIs(t, err, ErrInvalidArgument)
	assert.NotErrorIs(t, err, ErrUnauthorized)

	_, err = VerifyJWT(signWith(t, jwt.SigningMethodHS256, []byte(""), "key_1", jwt.MapClaims{"scope": "app"}),
		func(string) (string, error) { return "", nil })
	assert.ErrorIs(t, err, ErrUnauthorized, "nobody signs with an empty secret")

	cause := errors.New("the store is down")
	_, err = VerifyJWT(token, func(kid string) (string, error) { return "", fmt.Errorf("looking for %s: %w", kid, cause) })
	assert.ErrorIs(t, err, ErrUnauthorized)
	assert.ErrorIs(t, err, cause)
	assert.EqualError(t, err, "smooch: VerifyJWT: looking for [redacted]: the store is down")

	for _, kid := range []string{"id\nid", strings.Repeat("id", 300)} {
		token := signWith(t, jwt.SigningMethodHS256, []byte("s3cr3t"), kid, jwt.MapClaims{"scope": "app"})
		_, err = VerifyJWT(token, func(kid string) (string, error) { return "", fmt.Errorf("no key has %s", kid) })
		assert.EqualError(t, err, "smooch: VerifyJWT: no key has [redacted]")
	}
}

func TestWithLeeway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		for claims, leeway := range map[string]time.Duration{ // the smallest leeway that accepts them
			fmt.Sprintf(`{"scope":"app","exp":%d}`, now-30):                time.Second * 31,
			fmt.Sprintf(`{"scope":"app","nbf":%d}`, now+30):                time.Second * 30,
			fmt.Sprintf(`{"scope":"app","nbf":%d,"exp":%d}`, now+5, now-5): time.Second * 6,
		} {
			token := signText(t, jwt.SigningMethodHS256, plainHeader, claims)
			_, err := VerifyJWT(token, secretFor)
			assert.ErrorIs(t, err, ErrUnauthorized, claims)
			_, err = VerifyJWT(token, secretFor, WithLeeway(leeway-time.Second))
			assert.ErrorIs(t, err, ErrUnauthorized, claims)
			_, err = VerifyJWT(token, secretFor, WithLeeway(leeway))
			assert.NoError(t, err, claims)
		}
		token := signText(t, jwt.SigningMethodHS256, plainHeader, plainClaims)
		for _, opt := range []VerifyOption{nil, WithLeeway(-1)} {
			_, err := VerifyJWT(token, secretFor, opt)
			assert.ErrorIs(t, err, ErrInvalidArgument)
		}
		_, err := VerifyJWT(token, secretFor, WithLeeway(math.MaxInt64))
		assert.NoError(t, err)
	})
}

// FuzzVerifyJWT: what is accepted has the HMAC that the standard library computes, in the one
// spelling that it can have.
func FuzzVerifyJWT(f *testing.F) {
	hashes := map[string]crypto.Hash{"HS256": crypto.SHA256, "HS384": crypto.SHA384, "HS512": crypto.SHA512}
	for alg := range hashes {
		f.Add(signText(f, jwt.GetSigningMethod(alg), `{"alg":"`+alg+`","kid":"key_1"}`, plainClaims))
	}
	f.Add(signText(f, jwt.SigningMethodHS256, plainHeader, `{"scope":"app","exp":99999999999,"iat":1.5,"nbf":0}`))
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := VerifyJWT(token, secretFor)
		if err != nil {
			assert.ErrorIs(t, err, ErrUnauthorized)
			assert.Nil(t, claims)
			return
		}
		parts := strings.Split(token, ".")
		require.Len(t, parts, 3)
		header, err := base64.RawURLEncoding.DecodeString(parts[0])
		require.NoError(t, err)
		var fields struct{ Alg string }
		require.NoError(t, json.Unmarshal(header, &fields))
		mac := hmac.New(hashes[fields.Alg].New, []byte("s3cr3t"))
		mac.Write([]byte(parts[0] + "." + parts[1]))
		assert.Equal(t, encodePart(string(mac.Sum(nil))), parts[2])
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
	counting := &countingMethod{SigningMethod: signer.method, pause: time.Millisecond}
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
	pause  time.Duration // for other calls to sign meanwhile
	signed atomic.Int32
}

func (m *countingMethod) Sign(text string, key any) ([]byte, error) {
	m.signed.Add(1)
	time.Sleep(m.pause)
	return m.SigningMethod.Sign(text, key)
}
