package smooch

import (
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOptionsCheckTheirArguments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		opts  []Option
		names string // what the error must name; "": no error
	}{
		{"empty app", []Option{WithApp("")}, "appID"},
		{"dots as app", []Option{WithApp("..")}, "appID"},
		{"version", []Option{WithVersion("v3")}, "version"},
		{"region", []Option{WithRegion("mars")}, "region"},
		{"EU", []Option{WithRegion(EU)}, ""},
		{"loopback", []Option{WithBaseURL("http://127.0.0.1:8800")}, ""},
		{"loopback 6", []Option{WithBaseURL("http://[::1]:8800")}, ""},
		{"localhost", []Option{WithBaseURL("http://localhost:8800/")}, ""},
		{"plain http", []Option{WithBaseURL("http://api.smooch.io")}, "base URL"},
		{"plain http, loopback in the path", []Option{WithBaseURL("http://evil.test/127.0.0.1")}, "base URL"},
		{"plain http, loopback as a name's start", []Option{WithBaseURL("http://localhost.evil.test")}, "base URL"},
		{"plain http wanted", []Option{WithBaseURL("http://api.test"), WithInsecureHTTP()}, ""},
		{"no scheme", []Option{WithBaseURL("api.smooch.io")}, "base URL"},
		{"ftp", []Option{WithBaseURL("ftp://api.smooch.io")}, "base URL"},
		{"no URL", []Option{WithBaseURL("https://%zz")}, "base URL"},
		{"empty", []Option{WithBaseURL("")}, "base URL"},
		{"no host", []Option{WithBaseURL("https://:443")}, "base URL"},
		{"password", []Option{WithBaseURL("https://u:p@api.test")}, "base URL"},
		{"query", []Option{WithBaseURL("https://api.test/?a=b")}, "base URL"},
		{"version in the URL", []Option{WithBaseURL("https://api.test/v1.1")}, "base URL"},
		{"path", []Option{WithBaseURL("https://x.zendesk.test/sc/")}, ""},
		{"nil http client", []Option{WithHTTPClient(nil)}, "HTTP client"},
		{"nil logger", []Option{WithLogger(nil)}, "logger"},
		{"nil limiter", []Option{WithLimiter(nil)}, "limiter"},
		{"time-out", []Option{WithTimeout(0)}, "time-out"},
		{"negative response", []Option{WithMaxResponse(-1)}, "maximum response"},
		{"largest response", []Option{WithMaxResponse(math.MaxInt64)}, ""},
		{"retry", []Option{WithRetryPolicy(RetryPolicy{MaxAttempts: -1})}, "retry policy"},
		{"user agent", []Option{WithUserAgent("bot\r\nX: 1")}, "user agent"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			assertNewClient(t, AppJWT("k", "s"), test.opts, test.names)
		})
	}
}

// TestLargestDelays: no sum of delays overflows.
func TestLargestDelays(t *testing.T) {
	t.Parallel()
	for _, largest := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64/2 + 1} {
		for _, policy := range []RetryPolicy{
			{MinDelay: largest}, {MaxDelay: largest}, {MinDelay: largest, MaxDelay: largest, MaxRetryAfter: largest, MaxAttempts: math.MaxInt, Budget: math.MaxInt},
		} {
			c := newTestClient(t, string(US), AppJWT("k", "s"), WithRetryPolicy(policy))
			for n := range 70 {
				delay := c.core.retry.backoff(n + 1)
				assert.GreaterOrEqual(t, delay, time.Duration(0))
				assert.Positive(t, delay+retryAfter(http.Header{"Retry-After": {"1e300"}}), "what is waited after a 503")
			}
		}
	}
}

func TestHTTPClientOfTheCallerIsNotChanged(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, anything))
	hc := &http.Client{}
	c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithHTTPClient(hc))
	_, err := c.AppUsers.Get(t.Context(), "u")
	require.NoError(t, err)
	assert.Nil(t, hc.Transport)
	assert.Nil(t, hc.CheckRedirect)
}

// TestTransportKeepsTheConnectionsOfABurst: 64 calls at once, twice; the second time none dials.
func TestTransportKeepsTheConnectionsOfABurst(t *testing.T) {
	t.Parallel()
	var dialled, waiting atomic.Int32
	all := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if waiting.Add(1) == 64 {
			close(all)
		}
		<-all // all 64 are open at once
		reply(200, anything)(w, r)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			dialled.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := newTestClient(t, server.URL, AppJWT("k", "s"))
	for range 2 {
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				_, err := c.AppUsers.Get(t.Context(), "u")
				assert.NoError(t, err)
			})
		}
		group.Wait()
	}
	assert.LessOrEqual(t, dialled.Load(), int32(64+2))
}
