package smooch

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostileIDs are ids that other clients let into the URL, and how each must arrive: as one segment.
var hostileIDs = map[string]string{
	"a/b":                    "a%2Fb",
	"../../apps/other":       "..%2F..%2Fapps%2Fother",
	"a?x=1":                  "a%3Fx=1",
	"a#f":                    "a%23f",
	"100%":                   "100%25",
	"a%2Fb":                  "a%252Fb",
	"%2e%2e":                 "%252e%252e",
	"a b":                    "a%20b",
	" ":                      "%20",
	"a+b":                    "a%2Bb",
	"steveb@channel5.com":    "steveb@channel5.com",
	"$&":                     "$&",
	`a\b`:                    "a%5Cb",
	"a\r\nX-Evil: 1":         "a%0D%0AX-Evil:%201",
	"søren":                  "s%C3%B8ren",
	"日本":                     "%E6%97%A5%E6%9C%AC",
	":userId":                ":userId",
	"...":                    "...",
	"a;b,c":                  "a%3Bb%2Cc",
	"\x00":                   "%00",
	"https://evil.test/x":    "https:%2F%2Fevil.test%2Fx",
	strings.Repeat("x", 255): strings.Repeat("x", 255),
}

func TestEachIDIsOneSegment(t *testing.T) {
	rec := newRecorder(t, reply(200, `{}`))
	c := newTestClient(t, rec.URL, AppJWT("k", "s")).ForApp("app1")
	for id, escaped := range hostileIDs {
		_, err := c.AppUsers.Get(t.Context(), id)
		require.NoError(t, err, "%q", id)
		assert.Equal(t, "/v1.1/apps/app1/appusers/"+escaped, rec.last(t).uri)

		require.NoError(t, c.Conversations.DeleteMessage(t.Context(), id, id))
		assert.Equal(t, "/v1.1/apps/app1/appusers/"+escaped+"/messages/"+escaped, rec.last(t).uri)

		_, err = c.ForApp(id).Webhooks.List(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "/v1.1/apps/"+escaped+"/webhooks", rec.last(t).uri)

		require.NoError(t, c.AppUsers.UnlinkChannel(t.Context(), "u", id))
		assert.Equal(t, "/v1.1/apps/app1/appusers/u/channels/"+escaped, rec.last(t).uri)
	}
}

func TestIDsThatWouldReachTheParentAreRefused(t *testing.T) {
	rec := newRecorder(t, reply(200, `{}`))
	c := newTestClient(t, rec.URL, AppJWT("k", "s")).ForApp("app1")
	for _, id := range []string{"", ".", "..", "a\xff"} {
		refused := map[string]error{
			"userID":    c.AppUsers.Delete(t.Context(), id),
			"messageID": c.Conversations.DeleteMessage(t.Context(), "u", id),
			"channel":   c.AppUsers.UnlinkChannel(t.Context(), "u", id),
			"webhookID": c.Webhooks.Delete(t.Context(), id),
			"keyID":     c.Keys.Delete(t.Context(), id),
			"appID":     c.ForApp(id).AppUsers.Delete(t.Context(), "u"),
		}
		for name, err := range refused {
			assert.ErrorIs(t, err, ErrInvalidArgument)
			assert.ErrorContains(t, err, name)
		}
		assert.ErrorIs(t, c.Apps.Delete(t.Context(), id), ErrInvalidArgument)
	}
	assert.Empty(t, rec.requests(), "nothing is sent")
}

func TestPathFormsByCredential(t *testing.T) {
	const short, full = "/v1/appusers/u", "/v1/apps/a1/appusers/u"
	token := func(scope Scope) Auth {
		signed, err := newSigner(scope, "k", "s").Token()
		require.NoError(t, err)
		return BearerToken(signed)
	}
	tests := []struct {
		name           string
		auth           Auth
		bound, unbound string // "": refused before sending
	}{
		{"app token", AppToken("t"), short, short},
		{"appUser JWT", AppUserJWT("k", "s", "u"), short, short},
		{"app JWT", AppJWT("k", "s"), full, short},
		{"appMaker JWT", AppMakerJWT("k", "s"), full, ""},
		{"account JWT", AccountJWT("k", "s"), full, ""},
		{"Basic", BasicAuth("k", "s"), full, short},
		{"bearer appUser", token(ScopeAppUser), short, short},
		{"bearer app", token(ScopeApp), full, short},
		{"bearer appMaker", token(ScopeAppMaker), full, ""},
		{"opaque bearer", BearerToken("0auth"), full, short},
		{"function", AuthFunc(func(context.Context, *http.Request) error { return nil }), full, short},
	}
	rec := newRecorder(t, reply(200, `{}`))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newTestClient(t, rec.URL, test.auth, WithVersion(V1))
			_, err := c.ForApp("a1").AppUsers.Get(t.Context(), "u")
			require.NoError(t, err)
			assert.Equal(t, test.bound, rec.last(t).uri)

			before := len(rec.requests())
			_, err = c.AppUsers.Get(t.Context(), "u")
			if test.unbound == "" {
				assert.ErrorIs(t, err, ErrInvalidArgument)
				assert.ErrorContains(t, err, "appID")
				assert.Len(t, rec.requests(), before)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.unbound, rec.last(t).uri)
		})
	}
}

func TestKeysNeedTheBoundApp(t *testing.T) {
	rec := newRecorder(t, reply(200, `{}`))
	for _, auth := range []Auth{AppToken("t"), AppJWT("k", "s"), AppMakerJWT("k", "s"), BasicAuth("k", "s")} {
		c := newTestClient(t, rec.URL, auth, WithVersion(V1))
		_, err := c.Keys.List(t.Context())
		assert.ErrorIs(t, err, ErrInvalidArgument)
		assert.ErrorContains(t, err, "appID")
		assert.Empty(t, rec.requests())
	}
	_, err := newTestClient(t, rec.URL, AppMakerJWT("k", "s"), WithApp("a/1")).Keys.Get(t.Context(), "app_1")
	require.NoError(t, err)
	assert.Equal(t, "/v1.1/apps/a%2F1/keys/app_1", rec.last(t).uri)
}

func TestVersions(t *testing.T) {
	rec := newRecorder(t, reply(200, `{}`))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	_, err := c.Init(t.Context(), InitRequest{})
	assert.ErrorIs(t, err, ErrUnsupportedVersion)
	assert.ErrorContains(t, err, `"v1"`)
	_, err = c.ForVersion(V1).Apps.SDKIDs(t.Context())
	assert.ErrorIs(t, err, ErrUnsupportedVersion)
	assert.ErrorContains(t, err, `"v1.1"`)
	_, err = c.ForVersion("v2").AppUsers.Get(t.Context(), "u")
	assert.ErrorIs(t, err, ErrInvalidArgument)
	_, err = newTestClient(t, rec.URL, AppToken("t")).ForVersion(V1_1).AppUsers.Get(t.Context(), "u")
	assert.ErrorIs(t, err, ErrInvalidArgument)
	assert.Empty(t, rec.requests(), "nothing is sent")

	_, err = c.ForVersion(V1).Init(t.Context(), InitRequest{Device: Device{ID: "d", Platform: PlatformIOS}})
	require.NoError(t, err)
	assert.Equal(t, "/v1/init", rec.last(t).uri)
	_, err = c.Conversations.Get(t.Context(), "u")
	require.NoError(t, err, "a version that was not verified counts as had")
}

func TestConstruction(t *testing.T) {
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
		{"nil option", auth, []Option{nil}, "option"},
		{"empty key", AppJWT("", "s"), nil, "keyID"},
		{"empty secret", AppMakerJWT("k", ""), nil, "secret"},
		{"empty user", AppUserJWT("k", "s", ""), nil, "userID"},
		{"user that would be signed as another", AppUserJWT("k", "s", "\xff"), nil, "userID"},
		{"empty app token", AppToken(""), nil, "token"},
		{"empty bearer", BearerToken(""), nil, "token"},
		{"empty basic", BasicAuth("k", ""), nil, "secret"},
		{"basic with a colon", BasicAuth("k:s", "s"), nil, "keyID"},
		{"line break read with a token", BearerToken("t\n"), nil, "token"},
		{"algorithm", AppJWT("k", "s", WithAlgorithm("none")), nil, "algorithm"},
		{"negative TTL", AppJWT("k", "s", WithTTL(-1)), nil, "TTL"},
		{"no TTL", AppJWT("k", "s", WithTTL(0)), nil, "TTL"},
		{"empty app", auth, []Option{WithApp("")}, "appID"},
		{"dots as app", auth, []Option{WithApp("..")}, "appID"},
		{"version", auth, []Option{WithVersion("v3")}, "version"},
		{"app token on v1.1", AppToken("t"), []Option{WithVersion(V1_1)}, "version"},
		{"region", auth, []Option{WithRegion("mars")}, "region"},
		{"EU", auth, []Option{WithRegion(EU)}, ""},
		{"no limit", auth, []Option{WithMaxResponse(math.MaxInt64)}, ""},
		{"signer without a key", &JWTSigner{}, nil, "auth"},
		{"loopback", auth, []Option{WithBaseURL("http://127.0.0.1:8800")}, ""},
		{"loopback 6", auth, []Option{WithBaseURL("http://[::1]:8800")}, ""},
		{"localhost", auth, []Option{WithBaseURL("http://localhost:8800/")}, ""},
		{"plain http", auth, []Option{WithBaseURL("http://api.smooch.io")}, "base URL"},
		{"plain http, loopback in the path", auth, []Option{WithBaseURL("http://evil.test/127.0.0.1")}, "base URL"},
		{"plain http, loopback as a name's start", auth, []Option{WithBaseURL("http://localhost.evil.test")}, "base URL"},
		{"plain http wanted", auth, []Option{WithBaseURL("http://api.test"), WithInsecureHTTP()}, ""},
		{"no scheme", auth, []Option{WithBaseURL("api.smooch.io")}, "base URL"},
		{"ftp", auth, []Option{WithBaseURL("ftp://api.smooch.io")}, "base URL"},
		{"no URL", auth, []Option{WithBaseURL("https://%zz")}, "base URL"},
		{"empty", auth, []Option{WithBaseURL("")}, "base URL"},
		{"no host", auth, []Option{WithBaseURL("https://:443")}, "base URL"},
		{"password", auth, []Option{WithBaseURL("https://u:p@api.test")}, "base URL"},
		{"query", auth, []Option{WithBaseURL("https://api.test/?a=b")}, "base URL"},
		{"version in the URL", auth, []Option{WithBaseURL("https://api.test/v1.1")}, "base URL"},
		{"path", auth, []Option{WithBaseURL("https://x.zendesk.test/sc/")}, ""},
		{"nil http client", auth, []Option{WithHTTPClient(nil)}, "HTTP client"},
		{"nil logger", auth, []Option{WithLogger(nil)}, "logger"},
		{"nil limiter", auth, []Option{WithLimiter(nil)}, "limiter"},
		{"time-out", auth, []Option{WithTimeout(0)}, "time-out"},
		{"response", auth, []Option{WithMaxResponse(-1)}, "maximum response"},
		{"retry", auth, []Option{WithRetryPolicy(RetryPolicy{MaxAttempts: -1})}, "retry policy"},
		{"user agent", auth, []Option{WithUserAgent("bot\r\nX: 1")}, "user agent"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := NewClient(test.auth, test.opts...)
			if test.names == "" {
				require.NoError(t, err)
				assert.NotNil(t, c)
				return
			}
			assert.Nil(t, c)
			assert.ErrorIs(t, err, ErrInvalidArgument)
			assert.ErrorContains(t, err, test.names)
		})
	}
}

func TestDo(t *testing.T) {
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

	before := len(rec.requests())
	for _, path := range []string{"", "/", "/a//b", "/a/", "/a/../b", "/a/%2e%2E/b", "/./b", "//evil.test/x", "http://evil.test/x", "/a b", "/a#b", "/a%zz", `/a\b`, "/søren"} {
		assert.ErrorIs(t, c.Do(t.Context(), "GET", path, nil, nil), ErrInvalidArgument, path)
	}
	assert.ErrorIs(t, c.Do(t.Context(), "GET", "/a", map[string]any{}, nil), ErrInvalidArgument)
	assert.ErrorIs(t, c.Do(t.Context(), "GE T", "/a", nil, nil), ErrInvalidArgument)
	assert.ErrorIs(t, c.Do(t.Context(), "POST", "/a", make(chan int), nil), ErrInvalidArgument)
	assert.Len(t, rec.requests(), before, "nothing is sent")
}

func TestCallOptions(t *testing.T) {
	rec := newRecorder(t, reply(201, `{"app":{"_id":"a1"}}`))
	c := newTestClient(t, rec.URL, AccountJWT("k", "s"), WithUserAgent("acme/1"))
	var answered Response
	_, err := c.Apps.Create(t.Context(), AppCreate{Name: "A & B"},
		WithResponse(&answered), WithHeader("X-Trace", "7"), WithQuery("beta", "true"),
		WithField("region", "eu"), WithField("name", "C"))
	require.NoError(t, err)
	got := rec.last(t)
	assert.Equal(t, "/v1.1/apps?beta=true", got.uri)
	assert.JSONEq(t, `{"name":"C","region":"eu"}`, got.body)
	assert.Equal(t, "7", got.header.Get("X-Trace"))
	assert.Equal(t, "acme/1 smooch-go", got.header.Get("User-Agent"))
	assert.Equal(t, "application/json", got.header.Get("Accept"))
	assert.Equal(t, 201, answered.StatusCode)
	assert.Equal(t, `{"app":{"_id":"a1"}}`, string(answered.Body))
	assert.Equal(t, 1, answered.Attempts)
	assert.NotEmpty(t, answered.Header.Get("Date"))

	require.NoError(t, c.ForApp("a1").Conversations.ResetUnreadCount(t.Context(), "u", WithField("deviceId", "d")))
	assert.JSONEq(t, `{"deviceId":"d"}`, rec.last(t).body, "a call without a body gets one")

	before := len(rec.requests())
	_, err = c.Apps.Get(t.Context(), "a1", WithField("x", 1))
	assert.ErrorIs(t, err, ErrInvalidArgument)
	_, err = c.Apps.Get(t.Context(), "a1", WithSendToken("x"))
	assert.ErrorIs(t, err, ErrInvalidArgument)
	assert.ErrorIs(t, c.Do(t.Context(), "POST", "/x", nil, struct{}{}), ErrInvalidArgument, "the answer has nowhere to go")
	assert.ErrorIs(t, c.Do(t.Context(), "POST", "/x", nil, (*App)(nil)), ErrInvalidArgument)
	var none context.Context
	_, err = c.Apps.Get(none, "a1")
	assert.ErrorContains(t, err, "context is nil")
	for _, id := range []string{".", "..", "a\xff"} {
		_, err = c.ForApp("a1").AppUsers.Create(t.Context(), AppUserCreate{UserID: id})
		assert.ErrorIs(t, err, ErrInvalidArgument, "no other call would reach such a user")
	}
	_, err = c.ForApp("a1").Integrations.Create(t.Context(), nil)
	assert.ErrorIs(t, err, ErrInvalidArgument)
	_, err = c.ForApp("a1").Attachments.CreateMediaToken(t.Context(), nil)
	assert.ErrorIs(t, err, ErrInvalidArgument)
	template := WhatsAppMessage([]byte(`{"type":"hsm"}`))
	template.Metadata = map[string]any{"a": 1}
	_, err = c.ForApp("a1").Notifications.Post(t.Context(), NotificationPost{Message: template})
	assert.ErrorIs(t, err, ErrInvalidArgument, "it would get lost")
	v1 := c.ForVersion(V1).ForApp("a1")
	_, err = v1.Integrations.List(t.Context(), IntegrationListOptions{Limit: 5})
	assert.ErrorIs(t, err, ErrUnsupportedVersion)
	_, err = v1.Integrations.List(t.Context(), IntegrationListOptions{Offset: 5})
	assert.ErrorIs(t, err, ErrUnsupportedVersion)
	for key, value := range map[string]string{"Accept-Encoding": "gzip", "X-Note": "a\r\nX-Other: b", "X-Bell": "\a", "X Note": "a", "": "a", "Grüße": "a"} {
		_, err = c.Apps.Get(t.Context(), "a1", WithHeader(key, value))
		assert.ErrorIs(t, err, ErrInvalidArgument, key)
	}
	assert.Len(t, rec.requests(), before)
	_, err = c.Apps.Get(t.Context(), "a1", WithHeader("X-Note", "Grüße\tan alle"), nil)
	assert.NoError(t, err)

	_, err = c.Apps.Get(t.Context(), "a1", WithHeader("Authorization", "Bearer mine"))
	require.NoError(t, err)
	assert.NotEqual(t, "Bearer mine", rec.last(t).header.Get("Authorization"))
}

func TestNoBodyWhereNoneBelongs(t *testing.T) {
	rec := newRecorder(t, reply(200, `{}`))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	_, err := c.AppUsers.Get(t.Context(), "u")
	require.NoError(t, err)
	require.NoError(t, c.AppUsers.Delete(t.Context(), "u"))
	require.NoError(t, c.Conversations.ResetUnreadCount(t.Context(), "u"))
	for _, got := range rec.requests() {
		assert.Empty(t, got.body, got.uri)
		assert.Empty(t, got.header.Get("Content-Type"), got.uri)
		assert.Contains(t, []string{"", "0"}, got.header.Get("Content-Length"))
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := newRecorder(t, reply(200, `{}`))
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{elsewhere.URL + "/x", "", "http://%zz"} {
			rec := newRecorder(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Location"] = []string{location}
				w.WriteHeader(status)
			})
			c := newTestClient(t, rec.URL, AppJWT("k", "s"))
			_, err := c.Conversations.PostMessage(t.Context(), "u", TextMessage("hi"))
			e, ok := errors.AsType[*Error](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, status, e.StatusCode)
			assert.Len(t, rec.requests(), 1)
		}
	}
	assert.Empty(t, elsewhere.requests())
}

func TestTheCallersHTTPClientIsNotChanged(t *testing.T) {
	rec := newRecorder(t, reply(200, `{}`))
	hc := &http.Client{}
	c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithHTTPClient(hc))
	_, err := c.AppUsers.Get(t.Context(), "u")
	require.NoError(t, err)
	assert.Nil(t, hc.Transport)
	assert.Nil(t, hc.CheckRedirect)
}
