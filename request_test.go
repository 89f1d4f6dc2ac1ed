package smooch

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostileIDs are ids with characters that mean something in a URL, and how each must be sent: as
// one segment of the path.
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

// refusedIDs are ids that would reach another resource, whatever is done to them.
var refusedIDs = []string{"", ".", "..", "a\xff"}

func TestEscapeSegment(t *testing.T) {
	t.Parallel()
	for id, want := range hostileIDs {
		got, problem := escapeSegment(id)
		assert.Equal(t, want, got)
		assert.Empty(t, problem, "%q", id)
	}
	for _, id := range refusedIDs {
		got, problem := escapeSegment(id)
		assert.Empty(t, got)
		assert.NotEmpty(t, problem, "%q", id)
	}
}

func TestEachIDIsOneSegment(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, anything))
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

func TestIDsThatWouldReachAnotherResourceAreRefused(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, anything))
	c := newTestClient(t, rec.URL, AppJWT("k", "s")).ForApp("app1")
	for _, id := range refusedIDs {
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

// TestArgumentsThatSingleCallsRefuse: nothing is sent, and the error names the argument.
func TestArgumentsThatSingleCallsRefuse(t *testing.T) {
	t.Parallel()
	hsm := WhatsAppMessage(json.RawMessage(`{"type":"hsm"}`))
	hsm.Metadata = map[string]any{"a": 1}
	createUser := func(id string) func(context.Context, *Client) error {
		return func(ctx context.Context, c *Client) error {
			return ignore(c.AppUsers.Create(ctx, AppUserCreate{UserID: id}))
		}
	}
	listMessages := func(options MessageListOptions) func(context.Context, *Client) error {
		return func(ctx context.Context, c *Client) error {
			return ignore(c.Conversations.ListMessages(ctx, "u", options))
		}
	}
	tests := []struct {
		name     string
		argument string
		call     func(context.Context, *Client) error
	}{
		{"no context", "context", func(_ context.Context, c *Client) error {
			var none context.Context
			return ignore(c.AppUsers.Get(none, "u"))
		}},
		{"field of a call without a body", "field", func(ctx context.Context, c *Client) error {
			return ignore(c.AppUsers.Get(ctx, "u", WithField("x", 1)))
		}},
		{"send token of another call", "send token", func(ctx context.Context, c *Client) error {
			return ignore(c.AppUsers.Get(ctx, "u", WithSendToken("x")))
		}},
		{"user whom no other call would reach", "userID", createUser("..")},
		{"user whose id is a dot", "userID", createUser(".")},
		{"user whose id is not UTF-8", "userID", createUser("a\xff")},
		{"link without confirmation", "confirmation", func(ctx context.Context, c *Client) error {
			return ignore(c.AppUsers.LinkChannel(ctx, "u", ChannelLink{Type: IntegrationTypeTwilio}))
		}},
		{"link requests of no integration", "integrationIDs", func(ctx context.Context, c *Client) error {
			return ignore(c.AppUsers.LinkRequests(ctx, "u", nil))
		}},
		{"no integration", "integration", func(ctx context.Context, c *Client) error {
			return ignore(c.Integrations.Create(ctx, nil))
		}},
		{"token for no paths", "paths", func(ctx context.Context, c *Client) error {
			return ignore(c.Attachments.CreateMediaToken(ctx, nil))
		}},
		{"webhook without triggers", "triggers", func(ctx context.Context, c *Client) error {
			return ignore(c.Webhooks.Create(ctx, WebhookCreate{Target: "https://x.test"}))
		}},
		{"metadata that a notification would lose", "message", func(ctx context.Context, c *Client) error {
			return ignore(c.Notifications.Post(ctx, NotificationPost{Message: hsm}))
		}},
		{"empty message", "message", func(ctx context.Context, c *Client) error {
			return ignore(c.Conversations.PostMessage(ctx, "u", MessagePost{}))
		}},
		{"before and after", "options", listMessages(MessageListOptions{Before: at.Time, After: at.Time})},
		{"before and oldest first", "options", listMessages(MessageListOptions{Before: at.Time, OldestFirst: true})},
		{"after and oldest first", "options", listMessages(MessageListOptions{After: at.Time, OldestFirst: true})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rec := newRecorder(t, reply(200, anything))
			err := test.call(t.Context(), newTestClient(t, rec.URL, AppJWT("k", "s"), WithApp("a1")))
			assert.ErrorIs(t, err, ErrInvalidArgument)
			assert.ErrorContains(t, err, ": "+test.argument+" ")
			assert.Empty(t, rec.requests())
		})
	}
}

func TestRefusedHeaders(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, anything))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	for key, value := range map[string]string{
		"Accept-Encoding": "gzip",
		"X-Note":          "a\r\nX-Other: b",
		"X-Bell":          "\a",
		"X-Delete":        "\x7f",
		"X Note":          "a",
		"":                "a",
		"Grüße":           "a",
	} {
		_, err := c.AppUsers.Get(t.Context(), "u", WithHeader(key, value))
		assert.ErrorIs(t, err, ErrInvalidArgument, key)
	}
	assert.Empty(t, rec.requests(), "nothing is sent")
}

// TestErrorsDoNotRepeatWhatHTTPDoesNotAllow: a line break in an error would forge a line of a log.
func TestErrorsDoNotRepeatWhatHTTPDoesNotAllow(t *testing.T) {
	t.Parallel()
	const evil = "GET\r\nX-Evil: s3cr3t"
	rec := newRecorder(t, reply(200, anything))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	ctx := t.Context()
	for name, err := range map[string]error{
		"method":           c.Do(ctx, evil, "/sdks", nil, nil),
		"method with body": c.Do(ctx, evil, "/sdks", 1, nil),
		"no method":        c.Do(ctx, "", "/sdks", nil, nil),
		"method in UTF-8":  c.Do(ctx, "GÉT s3cr3t", "/sdks", nil, nil),
		"path":             c.Do(ctx, "GET", "/"+evil, nil, nil),
		"escape in a path": c.Do(ctx, "GET", "/s3cr3t%0", nil, nil),
		"query":            c.Do(ctx, "GET", "/sdks?s3cr3t=%0", nil, nil),
		"header":           ignore(c.AppUsers.Get(ctx, "u", WithHeader(evil, "1"))),
		"header value":     ignore(c.AppUsers.Get(ctx, "u", WithHeader("X-A", evil))),
		"field":            ignore(c.AppUsers.Create(ctx, AppUserCreate{UserID: "u"}, WithField("x", json.Number(evil)))),
		"app":              ignore(c.ForApp("..").AppUsers.Get(ctx, evil)),
		"version":          ignore(c.ForVersion(Version(evil)).AppUsers.Get(ctx, "u")),
	} {
		assert.ErrorIs(t, err, ErrInvalidArgument, name)
		assert.NotContains(t, err.Error(), "s3cr3t", name)
		assert.NotContains(t, err.Error(), "\n", name)
	}
	assert.Empty(t, rec.requests(), "nothing is sent")
}

// TestPathByCredential: calls have the app's prefix unless the credential implies the app.
func TestPathByCredential(t *testing.T) {
	t.Parallel()
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
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rec := newRecorder(t, reply(200, anything))
			c := newTestClient(t, rec.URL, test.auth, WithVersion(V1))
			_, err := c.ForApp("a1").AppUsers.Get(t.Context(), "u")
			require.NoError(t, err)
			assert.Equal(t, test.bound, rec.last(t).uri)

			_, err = c.AppUsers.Get(t.Context(), "u")
			if test.unbound == "" {
				assert.ErrorIs(t, err, ErrInvalidArgument)
				assert.ErrorContains(t, err, "appID")
				assert.Len(t, rec.requests(), 1)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.unbound, rec.last(t).uri)
		})
	}
}

func TestCallsThatTheVersionLacks(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, anything))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	_, err := c.Init(t.Context(), InitRequest{})
	assert.ErrorIs(t, err, ErrUnsupportedVersion)
	assert.EqualError(t, err, `smooch: POST /init: exists in v1, not in v1.1: use AppUsers.Create, or client.ForVersion("v1")`)
	_, err = c.AppUsers.TransferRequests(t.Context(), "u", "messenger")
	assert.ErrorContains(t, err, `use AppUsers.LinkRequests, or client.ForVersion("v1")`)
	_, err = c.ForVersion(V1).Apps.SDKIDs(t.Context())
	assert.ErrorIs(t, err, ErrUnsupportedVersion)
	assert.ErrorContains(t, err, `"v1.1"`)
	for _, options := range []IntegrationListOptions{{Limit: 5}, {Offset: 5}} {
		_, err = c.ForVersion(V1).Integrations.List(t.Context(), options)
		assert.ErrorIs(t, err, ErrUnsupportedVersion)
	}
	assert.Empty(t, rec.requests(), "nothing is sent")

	_, err = c.ForVersion(V1).Init(t.Context(), InitRequest{Device: Device{ID: "d", Platform: PlatformIOS}})
	require.NoError(t, err)
	assert.Equal(t, "/v1/init", rec.last(t).uri)
	_, err = c.Conversations.Get(t.Context(), "u")
	require.NoError(t, err, "a version that is not verified counts as having the call")
}

func TestCallsWithoutABody(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, anything))
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
