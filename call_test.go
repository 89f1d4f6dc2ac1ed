package smooch

import (
	"errors"
	"reflect"
	"strings"
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

// TestWithQueryReplacesWhatTheMethodSets: a parameter of the same name, and no other one.
func TestWithQueryReplacesWhatTheMethodSets(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, anything))
	c := newTestClient(t, rec.URL, AccountJWT("k", "s"))
	_, err := c.Apps.List(t.Context(), AppListOptions{Offset: 5, Limit: 10}, WithQuery("limit", "1000"))
	require.NoError(t, err)
	assert.Equal(t, "/v1.1/apps?limit=1000&offset=5", rec.last(t).uri)
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
	rec := newRecorder(t, reply(200, anything))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	_, err := c.AppUsers.Get(t.Context(), "u", WithHeader("X-Note", "Grüße\tan alle"), WithHeader("Authorization", "Bearer mine"))
	require.NoError(t, err)
	assert.Equal(t, "Grüße\tan alle", rec.last(t).header.Get("X-Note"))
	assert.NotEqual(t, "Bearer mine", rec.last(t).header.Get("Authorization"), "it does not replace the credential")
}

// TestSuccessesWithoutTheResource makes each call of wires to a service that answers 2xx without
// what the call is for.
func TestSuccessesWithoutTheResource(t *testing.T) {
	t.Parallel()
	for _, w := range wires {
		op := w.operation(t)
		if op == opOAuthAuthorize { // for a browser
			continue
		}
		bodies := []string{``, ` `, `null`, `{}`, `{"x":{"y":[1,2]}}`}
		if op.answer != "" && op.answer != "account" { // what an account is, nobody knows
			bodies = append(bodies, `{"`+op.answer+`":null}`)
		}
		if strings.HasPrefix(op.always, op.answer+".") {
			bodies = append(bodies, `{"`+op.answer+`":{}}`, `{"`+op.answer+`":[]}`, `{"`+op.answer+`":{"name":"n"}}`)
		}
		for _, body := range bodies {
			t.Run(w.name+" "+string(w.v)+" "+body, func(t *testing.T) {
				t.Parallel()
				c := newTestClient(t, newRecorder(t, reply(200, body)).URL, AccountJWT("act_1", "s"), WithApp("a1"))
				result, err := w.call(t.Context(), c.ForVersion(w.v))
				if op.always == "" {
					require.NoError(t, err)
					assert.True(t, result == nil || reflect.ValueOf(result).Elem().IsZero(), "%+v", result)
					return
				}
				e, ok := errors.AsType[*DecodeError](err)
				require.True(t, ok, "%v", err)
				assert.ErrorContains(t, err, "carried out with status 200")
				assert.Equal(t, 200, e.StatusCode)
				assert.True(t, isNil(result) || result == "", "%+v", result)
			})
		}
	}
}

// TestEmptyListsAreLists: a list without items is not a missing list.
func TestEmptyListsAreLists(t *testing.T) {
	t.Parallel()
	for _, w := range wires {
		op := w.operation(t)
		if op.always != op.answer || !strings.HasSuffix(op.always, "s") {
			continue
		}
		t.Run(w.name+" "+string(w.v), func(t *testing.T) {
			t.Parallel()
			c := newTestClient(t, newRecorder(t, reply(200, `{"`+op.answer+`":[]}`)).URL, AccountJWT("act_1", "s"), WithApp("a1"))
			_, err := w.call(t.Context(), c.ForVersion(w.v))
			assert.NoError(t, err)
		})
	}
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
