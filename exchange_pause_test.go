package smooch

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPauseOfAnAppLeavesCallsOutsideIt, which any client can make, whatever app it is bound to.
func TestPauseOfAnAppLeavesCallsOutsideIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := ""
		hc := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, refused) {
				return answer(429, ``, "Retry-After: 10"), nil
			}
			return answer(200, anything), nil
		})}
		inside := func(c *Client) error { return ignore(c.AppUsers.Get(t.Context(), "u", WithoutRetry())) }
		outside := func(c *Client) error {
			return ignore(c.Apps.List(t.Context(), AppListOptions{}, WithoutRetry()))
		}
		for path, calls := range map[string][2]func(*Client) error{"/u": {inside, outside}, "/apps": {outside, inside}} {
			c := newTestClient(t, "http://127.0.0.1:1", AccountJWT("act_1", "s"), WithApp("a1"), WithHTTPClient(hc))
			began := time.Now()
			refused = path
			assert.ErrorIs(t, calls[0](c), ErrRateLimited)
			assert.NoError(t, calls[1](c))
			assert.Zero(t, time.Since(began), "it is not held back after %s", path)
			refused = "nothing"
			assert.NoError(t, calls[0](c))
			assert.Equal(t, 10*time.Second, time.Since(began))
		}
	})
}

// TestRepeatThatAPauseForbids: the error has both failures, that of the call and another's 429.
func TestRepeatThatAPauseForbids(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c *Client
		sent := 0
		c = fakeClient(t, func(r *http.Request) (*http.Response, error) {
			if sent++; strings.HasSuffix(r.URL.Path, "/other") {
				return answer(429, ``, "Retry-After: 30"), nil
			}
			assert.ErrorIs(t, ignore(c.AppUsers.Get(t.Context(), "other", WithoutRetry())), ErrRateLimited)
			return answer(503, ``), nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.AppUsers.Get(ctx, "u")
		require.ErrorIs(t, err, ErrRateLimited)
		assert.ErrorIs(t, err, ErrServer)
		assert.LessOrEqual(t, time.Since(began), 500*time.Millisecond, "the delay before a repeat")
		assert.Equal(t, 2, sent)
	})
}
