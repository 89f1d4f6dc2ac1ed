package smooch

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestContentEncoding(t *testing.T) {
	t.Parallel()
	tests := []struct {
		values []string
		want   int
	}{
		{nil, 200},
		{[]string{""}, 200},
		{[]string{"identity"}, 200},
		{[]string{" Identity , identity"}, 200},
		{[]string{"gzip"}, 415},
		{[]string{"identity, br"}, 415},
		{[]string{"identity", "deflate"}, 415},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.values), func(t *testing.T) {
			t.Parallel()
			r := newTestReceiver(t)
			encoded := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				req.Header["Content-Encoding"] = test.values
				r.ServeHTTP(w, req)
			})
			assert.Equal(t, test.want, deliver(t, encoded, `{}`))
			assert.Equal(t, 401, deliverWith(t, encoded, "guess", strings.NewReader(`{}`)), "the secret comes first")
		})
	}
}

// TestDrippingBody: the sender sends the head and half of the body, and then nothing. The answer
// comes all the same, and the connection is closed.
func TestDrippingBody(t *testing.T) {
	t.Parallel()
	// hidden hides the connection from http.ResponseController, as old middleware does.
	hidden := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			h.ServeHTTP(struct{ http.ResponseWriter }{w}, req)
		})
	}
	plain := func(h http.Handler) http.Handler { return h }
	const timeout = 15 * time.Second // the default
	tests := []struct {
		name        string
		method      string
		secret      string
		wrap        func(http.Handler) http.Handler
		readTimeout time.Duration // of the server
		want        int
		took        time.Duration
	}{
		{"right secret", "POST", testSecret, plain, 0, 503, timeout},
		{"right secret, no deadlines", "POST", testSecret, hidden, 0, 503, timeout},
		{"wrong secret", "POST", "guess", plain, 0, 401, timeout},
		{"wrong secret, no deadlines", "POST", "guess", hidden, 0, 401, 0},
		{"GET", "GET", "", plain, 0, 200, timeout},
		{"PUT", "PUT", "", plain, 0, 405, timeout},
		{"shorter limit of the server", "POST", testSecret, plain, time.Second, 503, time.Second},
		{"longer limit of the server", "POST", testSecret, plain, time.Minute, 503, timeout},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				conn, service := net.Pipe()
				listener := &pipeListener{accepted: make(chan net.Conn, 1)}
				listener.accepted <- service
				server := &http.Server{Handler: test.wrap(newTestReceiver(t)), ReadTimeout: test.readTimeout}
				go func() { _ = server.Serve(listener) }()
				t.Cleanup(func() { assert.NoError(t, server.Close()) })
				began := time.Now()
				_, err := fmt.Fprintf(conn, "%s /smooch HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: 100\r\n\r\n{", test.method, test.secret)
				require.NoError(t, err)
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				assert.Equal(t, test.took, time.Since(began))
				assert.Equal(t, test.want, resp.StatusCode)
				assert.True(t, resp.Close)
				require.NoError(t, resp.Body.Close())
				require.NoError(t, conn.Close()) // for which the server waits if it has no deadline
			})
		})
	}
}

// TestDeadlineDoesNotOutliveTheDelivery: the connection serves further ones.
func TestDeadlineDoesNotOutliveTheDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		transport := pipeTransport(t, newTestReceiver(t).ServeHTTP).(*http.Transport)
		dial := transport.DialContext
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			dials++
			return dial(ctx, network, address)
		}
		for range 3 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1", strings.NewReader(`{}`))
			require.NoError(t, err)
			req.Header.Set("X-API-Key", testSecret)
			resp, err := transport.RoundTrip(req)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, 200, resp.StatusCode)
			time.Sleep(time.Minute) // the time-out is 15 s
		}
		assert.Equal(t, 1, dials)
	})
}

// TestSlowBodyLeavesLessTimeForTheAnswer, but not for the function: what it does is known when the
// delivery is repeated.
func TestSlowBodyLeavesLessTimeForTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newTestReceiver(t)
		calls := 0
		Handle(r, func(ctx context.Context, _ *MessageEvent) error {
			calls++
			time.Sleep(10 * time.Second)
			return ctx.Err()
		})
		body := messageBody("m1", "u1", V1_1)
		began := time.Now()
		assert.Equal(t, 503, deliverWith(t, r, testSecret, &lateReader{10 * time.Second, strings.NewReader(body)}))
		assert.Equal(t, 15*time.Second, time.Since(began))
		time.Sleep(time.Minute)
		assert.Equal(t, 200, deliver(t, r, body))
		assert.Equal(t, 1, calls)

		began = time.Now()
		assert.Equal(t, 503, deliverWith(t, r, testSecret, &lateReader{time.Minute, strings.NewReader(body)}))
		assert.Equal(t, 15*time.Second, time.Since(began))
		time.Sleep(time.Minute)
	})
}

// lateReader waits before its first byte.
type lateReader struct {
	wait time.Duration
	io.Reader
}

func (r *lateReader) Read(p []byte) (int, error) {
	time.Sleep(r.wait)
	r.wait = 0
	return r.Reader.Read(p)
}

// TestBodyThatPanics: its reader is not called on a goroutine of net/http.
func TestBodyThatPanics(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 503, deliverWith(t, newTestReceiver(t), testSecret, struct{ io.Reader }{}))
}
