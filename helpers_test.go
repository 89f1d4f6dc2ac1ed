package smooch

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// roundTripper is a transport made of a function: the service inside a synctest bubble.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return f(r)
}

// answer makes a response out of a status, a body and header lines.
func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		h.Set(name, value)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

// seen is a request as a server received it.
type seen struct {
	method, uri, body string
	header            http.Header
}

// recorder is a bare server that keeps what arrives and answers what it is told to.
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

// last is the request that arrived last.
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

func newTestClient(t *testing.T, url string, auth Auth, opts ...Option) *Client {
	t.Helper()
	c, err := NewClient(auth, append([]Option{WithBaseURL(url)}, opts...)...)
	require.NoError(t, err)
	return c
}

// fakeClient is a client whose service is a function, for synctest.
func fakeClient(t *testing.T, f roundTripper, opts ...Option) *Client {
	t.Helper()
	hc := &http.Client{Transport: f}
	return newTestClient(t, "http://127.0.0.1:1", AppJWT("app_1", "s3cr3t"), append([]Option{WithHTTPClient(hc)}, opts...)...)
}

// assertNoSecret prints v in every way that people print things.
func assertNoSecret(t *testing.T, v any, secret string) {
	t.Helper()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
	for _, text := range []string{fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%s", v), log.String()} {
		assert.NotContains(t, text, secret)
	}
}
