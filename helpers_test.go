package smooch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// callOfClass has one call of each repeat class.
var callOfClass = map[string]func(context.Context, *Client, ...CallOption) error{
	"unsafe": func(ctx context.Context, c *Client, o ...CallOption) error {
		_, err := c.AppUsers.Create(ctx, AppUserCreate{UserID: "ida"}, o...)
		return err
	},
	"traceable": func(ctx context.Context, c *Client, o ...CallOption) error {
		_, err := c.Conversations.PostMessage(ctx, "ida", TextMessage("hi"), o...)
		return err
	},
	"idempotent": func(ctx context.Context, c *Client, o ...CallOption) error {
		_, err := c.AppUsers.Update(ctx, "ida", AppUserUpdate{}, o...)
		return err
	},
	"removing": func(ctx context.Context, c *Client, o ...CallOption) error {
		return c.AppUsers.Delete(ctx, "ida", o...)
	},
	"unlinking": func(ctx context.Context, c *Client, o ...CallOption) error {
		return c.AppUsers.UnlinkChannel(ctx, "ida", "twilio", o...)
	},
	"safe": func(ctx context.Context, c *Client, o ...CallOption) error {
		_, err := c.AppUsers.Get(ctx, "ida", o...)
		return err
	},
}

var (
	errReset = errors.New("connection reset by peer")
	errDial  = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
)

// roundTripper is a transport made of a function: the service inside a synctest bubble.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return f(r)
}

// answer makes a response of a status, a body and header lines.
func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		h.Set(name, value)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

// brokenAnswer is a 200 whose body breaks off.
func brokenAnswer() *http.Response {
	r := answer(200, "")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"appUser":{"_id":`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	r.ContentLength = 500
	return r
}

// seen is a request as a server received it.
type seen struct {
	method, uri, body string
	header            http.Header
}

// recorder is a bare server that keeps what arrives and answers as it is told.
type recorder struct {
	*httptest.Server
	mu     sync.Mutex
	got    []seen
	answer http.HandlerFunc
}

func newRecorder(t *testing.T, answer http.HandlerFunc) *recorder {
	t.Helper()
	rec := &recorder{answer: answer}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading the request: %v", err)
		}
		rec.mu.Lock()
		rec.got = append(rec.got, seen{r.Method, r.RequestURI, string(body), r.Header})
		rec.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec.answer(w, r)
	}))
	t.Cleanup(rec.Close)
	return rec
}

func (rec *recorder) requests() []seen {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]seen(nil), rec.got...)
}

// last returns the request that arrived last.
func (rec *recorder) last(t *testing.T) seen {
	t.Helper()
	all := rec.requests()
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// anything is the body of a 2xx response that has what every call of these tests needs.
const anything = `{"_id":"1","appUser":{"_id":"1"},"message":{"_id":"1"},"key":{"_id":"1"},"app":{"_id":"1"},"conversation":{"_id":"1"},
	"integration":{"_id":"1"},"webhook":{"_id":"1"},"webhooks":[],"apps":[],"keys":[],"messages":[],"serviceAccounts":[],
	"integrations":[],"templates":[],"deployments":[],"mediaUrl":"https://m.test/1","mediaType":"image/png"}`

func newTestClient(t *testing.T, url string, auth Auth, opts ...Option) *Client {
	t.Helper()
	c, err := NewClient(auth, append([]Option{WithBaseURL(url)}, opts...)...)
	require.NoError(t, err)
	return c
}

// fakeClient returns a client whose service is a function, for synctest.
func fakeClient(t *testing.T, f roundTripper, opts ...Option) *Client {
	t.Helper()
	hc := &http.Client{Transport: f}
	return newTestClient(t, "http://127.0.0.1:1", AppJWT("app_1", "s3cr3t"), append([]Option{WithHTTPClient(hc)}, opts...)...)
}

// watchedReader counts how often it is read.
type watchedReader struct {
	left  int
	reads atomic.Int64
}

func (r *watchedReader) Read(b []byte) (int, error) {
	r.reads.Add(1)
	n := min(len(b), r.left)
	if n == 0 {
		return 0, io.EOF
	}
	r.left -= n
	return n, nil
}

// pipeTransport returns net/http's transport to net/http's server with the connections in memory,
// for tests of both inside a synctest bubble, where time does not move while a goroutine reads a
// socket. A write to such a connection waits until it has been read.
func pipeTransport(t *testing.T, handler http.HandlerFunc) http.RoundTripper {
	t.Helper()
	listener := &pipeListener{accepted: make(chan net.Conn)}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, service := net.Pipe()
		listener.accepted <- service
		return client, nil
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		assert.NoError(t, server.Close())
	})
	return transport
}

type pipeListener struct {
	net.Listener
	accepted chan net.Conn
}

func (l *pipeListener) Accept() (net.Conn, error) {
	if conn, ok := <-l.accepted; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l *pipeListener) Close() error {
	close(l.accepted)
	return nil
}

// assertNoSecret prints v in every way that people print things.
func assertNoSecret(t *testing.T, v any, secret string) {
	t.Helper()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
	slog.New(slog.NewTextHandler(&log, nil)).With("v", v).Info("x")
	for _, text := range []string{fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%s", v), fmt.Sprintf("%q", v), log.String()} {
		assert.NotContains(t, text, secret)
	}
}

func ignore[T any](_ T, err error) error { return err }
