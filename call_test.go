package smooch

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCallOptions(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(201, `{"app":{"_id":"a1"}}`))
	c := newTestClient(t, rec.URL, AccountJWT("k", "s"), WithUserAgent("acme/1"))
	var answered Response
	_, err := c.Apps.Create(t.Context(), AppCreate{Name: "A & B"}, nil,
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
}

func TestWithFieldMakesABodyForAPOSTWithoutOne(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, `{}`))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	require.NoError(t, c.Conversations.ResetUnreadCount(t.Context(), "u", WithField("deviceId", "d")))
	assert.JSONEq(t, `{"deviceId":"d"}`, rec.last(t).body)
}

func TestWithHeader(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, `{}`))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	_, err := c.AppUsers.Get(t.Context(), "u", WithHeader("X-Note", "Grüße\tan alle"), WithHeader("Authorization", "Bearer mine"))
	require.NoError(t, err)
	assert.Equal(t, "Grüße\tan alle", rec.last(t).header.Get("X-Note"))
	assert.NotEqual(t, "Bearer mine", rec.last(t).header.Get("Authorization"), "it does not replace the credential")
}

func TestSuccessesWithoutTheResource(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty":         ``,
		"null":          `null`,
		"object":        `{}`,
		"other members": `{"x":{"y":[1,2]}}`,
		"null member":   `{"appUser":null}`,
		"empty array":   `{"appUser":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTestClient(t, newRecorder(t, reply(200, body)).URL, AppJWT("k", "s"))
			user, err := c.AppUsers.Get(t.Context(), "u")
			require.NoError(t, err)
			assert.Equal(t, &AppUser{}, user)
		})
	}
	t.Run("no content", func(t *testing.T) {
		t.Parallel()
		rec := newRecorder(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
		assert.NoError(t, newTestClient(t, rec.URL, AppJWT("k", "s")).AppUsers.Delete(t.Context(), "u"))
	})
}

func TestSuccessesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"html":         `<html>login</html>`,
		"truncated":    `{"appUser":{"_id":"u"`,
		"array":        `[{"_id":"u"}]`,
		"trailing":     `{"appUser":{}}<html>`,
		"text":         `"u"`,
		"wrong type":   `{"appUser":"u"}`,
		"wrong member": `{"appUser":{"_id":{"a":1}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := newRecorder(t, reply(201, body))
			c := newTestClient(t, rec.URL, AppJWT("k", "s"))
			var answered Response
			user, err := c.AppUsers.Create(t.Context(), AppUserCreate{UserID: "u"}, WithResponse(&answered))
			assert.Nil(t, user)
			e, ok := errors.AsType[*DecodeError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, 201, e.StatusCode)
			assert.Equal(t, "POST /appusers", e.Op)
			assert.NotErrorIs(t, err, ErrOutcomeUnknown, "it was carried out")
			assert.Equal(t, body, string(answered.Body), "WithResponse has the body nevertheless")
			assert.Len(t, rec.requests(), 1)
		})
	}
}
