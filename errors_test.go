package smooch

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestErrorClasses(t *testing.T) {
	t.Parallel()
	classes := map[int]error{
		400: ErrBadRequest, 401: ErrUnauthorized, 402: ErrPaymentRequired, 403: ErrForbidden, 404: ErrNotFound,
		409: ErrConflict, 413: ErrTooLarge, 423: ErrConversationFull, 429: ErrRateLimited, 500: ErrServer, 501: ErrServer, 503: ErrServer,
	}
	for status, class := range classes {
		err := fmt.Errorf("wrapped: %w", &Error{StatusCode: status, Code: "some_code"})
		for other, otherClass := range classes {
			same := other == status || other >= 500 && status >= 500
			assert.Equal(t, same, errors.Is(err, otherClass), "%d is %v", status, otherClass)
		}
		assert.ErrorIs(t, err, class)
		assert.ErrorIs(t, err, ErrorCode("some_code"))
		assert.NotErrorIs(t, err, ErrorCode("other_code"))
		assert.NotErrorIs(t, err, ErrOutcomeUnknown)
	}
	assert.NotErrorIs(t, &Error{StatusCode: 418}, ErrorCode(""), "no code is not the empty code")
}

// TestErrorBodies: whatever a service or a gateway sends, the status is kept.
func TestErrorBodies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body  string
		code        ErrorCode
		description string
	}{
		{"envelope", `{"error":{"code":"unauthorized","description":"Authorization is required"}}`, CodeUnauthorized, "Authorization is required"},
		{"next generation", `{"errors":[{"code":"conflict","title":"User already exists"}]}`, "conflict", "User already exists"},
		{"delivery wording", `{"error":{"code":"x","message":"m"}}`, "x", "m"},
		{"code is a number", `{"error":{"code":4010,"description":"d"}}`, "4010", "d"},
		{"description is an object", `{"error":{"code":"x","description":{"a":1}}}`, "x", ""},
		{"error is text", `{"error":"nope"}`, "", "nope"},
		{"error is null", `{"error":null}`, "", ""},
		{"array", `[{"error":1}]`, "", ""},
		{"empty errors", `{"errors":[]}`, "", ""},
		{"html", `<html><body>502 Bad Gateway</body></html>`, "", ""},
		{"empty", ``, "", ""},
		{"truncated", `{"error":{"code":"unauth`, "", ""},
		{"null", `null`, "", ""},
		{"number", `17`, "", ""},
		{"deep", strings.Repeat(`{"error":`, 20000), "", ""},
	}
	for _, test := range tests {
		for _, status := range []int{400, 401, 403, 404, 429, 502} {
			t.Run(test.name+"/"+strconv.Itoa(status), func(t *testing.T) {
				t.Parallel()
				rec := newRecorder(t, reply(status, test.body))
				c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithRetryPolicy(RetryPolicy{MaxAttempts: 1}))
				var answered Response
				user, err := c.AppUsers.Get(t.Context(), "ida", WithResponse(&answered))
				assert.Nil(t, user)
				e, ok := errors.AsType[*Error](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, "GET /appusers/{userId}", e.Op)
				assert.Equal(t, status, e.StatusCode)
				assert.Equal(t, test.code, e.Code)
				assert.Equal(t, test.description, e.Description)
				assert.Equal(t, test.body[:min(len(test.body), 64<<10)], string(e.Body))
				assert.Equal(t, 1, e.Attempts)
				assert.NotNil(t, e.Header)
				assert.Equal(t, status == 401 || status == 403, e.Hint != "")
				assert.Equal(t, status, answered.StatusCode)
				assert.Equal(t, e.Body, answered.Body)
				assert.NotContains(t, err.Error(), "\n")
				assert.NotContains(t, err.Error(), "html")
			})
		}
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(401, `{"error":{"code":"unauthorized","description":"Authorization is required"}}`))
	c := newTestClient(t, rec.URL, AppToken("t0ken"))
	_, err := c.AppUsers.Get(t.Context(), "ida")
	assert.EqualError(t, err, "smooch: GET /appusers/{userId}: 401 unauthorized: Authorization is required; this call accepts an app token (v1); or a JWT of scope appUser (of that user), app, appMaker, account; or Basic (v1.1) with a key of: app, account, service account")

	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("failed", "err", err)
	assert.Contains(t, log.String(), `err.op="GET /appusers/{userId}" err.status=401 err.code=unauthorized`)

	held := &Error{Op: "GET /apps", StatusCode: 429, RetryAfter: 8999999999}
	assert.EqualError(t, held, "smooch: GET /apps: 429 Too Many Requests; retry after 9s")
}

// TestErrorsPrintNoCause: %#v prints the members of a cause that is no pointer, such as the
// GOAWAY of HTTP/2, which may repeat a request.
func TestErrorsPrintNoCause(t *testing.T) {
	t.Parallel()
	cause := talkativeError{debug: "the text of a message"}
	for _, err := range []error{
		callFailed("GET /x", cause), outcomeUnknown("POST /x", cause), &DecodeError{Op: "GET /x", StatusCode: 200, Err: cause},
	} {
		assert.ErrorIs(t, err, cause)
		assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), cause.debug)
	}
}

type talkativeError struct{ debug string }

func (talkativeError) Error() string { return "closed" }
