package smooch

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestShorthand(t *testing.T) {
	type made struct {
		text string
		err  error
	}
	of := func(text string, err error) made { return made{text, err} }
	for want, got := range map[string]made{
		"%[Go](https://x.test/a%28b%29)":   of(LinkShorthand("Go", "https://x.test/a(b)")),
		"%[Go](tel:+32%20255)":             of(LinkShorthand("Go", "tel:+32 255")),
		"%[Yes](reply:YES)":                of(ReplyShorthand("Yes", "YES")),
		"%[Reserve (2)](postback:R_2)":     of(PostbackShorthand("Reserve (2)", "R_2")),
		"%[Where?](location)":              of(LocationRequestShorthand("Where?")),
		"$[Pay](25.00)":                    of(BuyShorthand("Pay", 2500)),
		"$[Pay](0.05)":                     of(BuyShorthand("Pay", 5)),
		"![](https://x.test/a%28b%29.png)": of(ImageShorthand("https://x.test/a(b).png")),
		"%((template: hello))%":            of(TemplateShorthand("hello")),
	} {
		require.NoError(t, got.err)
		assert.Equal(t, want, got.text)
	}
	for name, got := range map[string]made{
		"label closes":     of(LinkShorthand("a](https://evil.test)", "https://x.test")),
		"label opens":      of(ReplyShorthand("[a", "x")),
		"label is empty":   of(LocationRequestShorthand("")),
		"payload closes":   of(PostbackShorthand("a", "x) %[b](postback:y")),
		"payload is empty": of(ReplyShorthand("a", "")),
		"uri is relative":  of(LinkShorthand("a", "location")),
		"uri is a reply":   of(LinkShorthand("a", "reply:x")),
		"uri is a button":  of(LinkShorthand("a", "Postback:x")),
		"uri breaks":       of(LinkShorthand("a", "https://x.test/\n")),
		"image is empty":   of(ImageShorthand("")),
		"image breaks":     of(ImageShorthand("https://x.test/\n")),
		"line break":       of(LinkShorthand("a\nb", "https://x.test")),
		"negative amount":  of(BuyShorthand("a", -1)),
		"template closes":  of(TemplateShorthand("a))% %((template: b")),
		"template empty":   of(TemplateShorthand("")),
	} {
		assert.ErrorIs(t, got.err, ErrInvalidArgument, name)
		assert.Empty(t, got.text, name)
	}
}

func TestTypesAreInferredOnV11Only(t *testing.T) {
	for want, m := range map[MessageType]MessagePost{
		MessageTypeText:     {Text: "x"},
		MessageTypeImage:    {MediaURL: "https://x.test", MediaType: "image/png"},
		MessageTypeFile:     {MediaURL: "https://x.test", MediaType: "application/pdf", Text: "caption"},
		MessageTypeCarousel: {Items: []MessageItem{{}}},
		MessageTypeLocation: {Coordinates: &Coordinates{}},
		MessageTypeForm:     {Fields: []FormField{{}}},
		"hologram":          {Type: "hologram", Text: "x"},
		"":                  {MessageSchema: "whatsapp", Message: []byte(`{}`)},
	} {
		assert.Equal(t, want, m.withDefaults(V1_1, RoleAppMaker).Type)
		assert.Equal(t, m.Type, m.withDefaults(V1, RoleAppMaker).Type)
		assert.Equal(t, RoleAppMaker, m.withDefaults(V1, RoleAppMaker).Role)
	}
	rec := newRecorder(t, reply(201, `{}`))
	c := newTestClient(t, rec.URL, AppUserJWT("k", "s", "u"))
	_, err := c.Conversations.PostMessage(t.Context(), "u", MessagePost{})
	assert.ErrorIs(t, err, ErrInvalidArgument)
	assert.Empty(t, rec.requests())
	_, err = c.Conversations.PostMessage(t.Context(), "u", TextMessage("x"))
	require.NoError(t, err)
	assert.Contains(t, rec.last(t).body, `"role":"appUser"`, "a credential of one user speaks as that user")
}

func TestOneLogRecordForEachAttempt(t *testing.T) {
	var log bytes.Buffer
	n := 0
	c := fakeClient(t, func(*http.Request) (*http.Response, error) {
		if n++; n == 1 {
			return nil, errReset
		}
		return answer(200, `{}`), nil
	}, WithRetryPolicy(RetryPolicy{MinDelay: 1, MaxDelay: 1}),
		WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	_, err := c.AppUsers.Get(t.Context(), "bob@example.com")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 2)
	assert.Regexp(t, `level=DEBUG msg="smooch attempt" op="GET /appusers/\{userId\}" status=0 attempt=1 duration=\S+$`, lines[0])
	assert.Regexp(t, `status=200 attempt=2 duration=\S+$`, lines[1])
}
