package smooch

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestFailureAfterRepeatsIsLogged once, with its cause.
func TestFailureAfterRepeatsIsLogged(t *testing.T) {
	t.Parallel()
	var w watcher
	tests := map[string]struct {
		answer func() (*http.Response, error)
		opts   []Option
		want   string // "": nothing
	}{
		"status":    {func() (*http.Response, error) { return answer(503, `{"error":{"code":"x"}}`), nil }, nil, `status=503 attempts=3 duration=2(\.00000000\d)?s error="503 x"`},
		"lost":      {func() (*http.Response, error) { return nil, errReset }, nil, `status=0 attempts=3 duration=2(\.00000000\d)?s error="connection reset by peer"`},
		"with hook": {func() (*http.Response, error) { return nil, errReset }, []Option{w.option("a")}, `status=0 attempts=3 duration=2(\.00000000\d)?s error="connection reset by peer"`},
		"no repeat": {func() (*http.Response, error) { return answer(400, ""), nil }, nil, ""},
		"success":   {func() (*http.Response, error) { return answer(200, anything), nil }, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				sent := 0
				c := fakeClient(t, func(*http.Request) (*http.Response, error) {
					if sent++; sent == 3 {
						time.Sleep(2 * time.Second)
					}
					return test.answer()
				}, append(test.opts, WithLogger(slog.New(slog.NewTextHandler(&log, nil))), WithRetryPolicy(RetryPolicy{MinDelay: 1}))...)
				_, _ = c.AppUsers.Get(t.Context(), "bob@example.com")
				if test.want == "" {
					assert.Empty(t, log.String())
					return
				}
				_, line, _ := strings.Cut(strings.TrimSpace(log.String()), " ")
				assert.Regexp(t, `^level=WARN msg="smooch call failed after repeats" op="GET /appusers/\{userId\}" `, line)
				assert.Regexp(t, test.want, line)
				assert.Equal(t, 1, strings.Count(log.String(), "\n"))
			})
		})
	}
}

// TestFailureWithoutARepeatIsNotLogged: the context ends while the call waits for the second
// attempt.
func TestFailureWithoutARepeatIsNotLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			return answer(503, "", "Retry-After: 9"), nil
		}, WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := c.AppUsers.Get(ctx, "bob")
		assert.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, log.String())
	})
}
