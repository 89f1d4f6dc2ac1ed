package smooch

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnswersThatBreakOff(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "500")
		_, _ = io.WriteString(w, `{"message":{`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithRetryPolicy(RetryPolicy{MinDelay: time.Millisecond}))
	_, err := c.Conversations.PostMessage(t.Context(), "u", TextMessage("hi"))
	_, ok := errors.AsType[*DecodeError](err)
	assert.True(t, ok, "%v", err)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.NotErrorIs(t, err, ErrOutcomeUnknown)
	assert.Len(t, rec.requests(), 1)

	_, err = c.AppUsers.Get(t.Context(), "u")
	_, ok = errors.AsType[*DecodeError](err)
	assert.True(t, ok, "%v", err)
	assert.Len(t, rec.requests(), 1+3, "a call that only reads is repeated")
}

// TestAnswersAreBounded measures the memory of the whole process, so it does not run in parallel.
func TestAnswersAreBounded(t *testing.T) {
	endless := func(status int, zipped bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			out := io.Writer(w)
			if zipped {
				w.Header().Set("Content-Encoding", "gzip")
				z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
				defer z.Close()
				out = z
			}
			w.WriteHeader(status)
			chunk := bytes.Repeat([]byte("a"), 1<<20)
			for range 40 {
				if _, err := out.Write(chunk); err != nil {
					return
				}
			}
		}
	}
	for _, zipped := range []bool{false, true} {
		for _, status := range []int{200, 400} {
			t.Run(fmt.Sprintf("%d, zipped %t", status, zipped), func(t *testing.T) {
				limits := map[int]int64{200: 1 << 20, 400: 32 << 20} // that of an error is lower
				c := newTestClient(t, newRecorder(t, endless(status, zipped)).URL, AppJWT("k", "s"), WithMaxResponse(limits[status]))
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, err := c.AppUsers.Create(t.Context(), AppUserCreate{UserID: "u"})
				runtime.ReadMemStats(&after)
				require.Error(t, err)
				if status == 200 {
					assert.ErrorIs(t, err, ErrResponseTooLarge)
					assert.NotErrorIs(t, err, ErrOutcomeUnknown)
				} else {
					e, _ := errors.AsType[*Error](err)
					require.NotNil(t, e)
					assert.Len(t, e.Body, 64<<10)
				}
				assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20), "of 40 MiB")
			})
		}
	}
}

func TestLargestPossibleMaxResponse(t *testing.T) {
	t.Parallel()
	c := fakeClient(t, func(*http.Request) (*http.Response, error) {
		return answer(200, `{"app":{"_id":"a1"}}`), nil
	}, WithMaxResponse(math.MaxInt64))
	app, err := c.Apps.Get(t.Context(), "a1")
	require.NoError(t, err)
	assert.Equal(t, "a1", app.ID)
}

// TestConnectionsAreUsedAgain: whatever the status, and even if only part of the body is kept.
func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	remotes := map[string]bool{}
	long := `{"error":{"description":"` + strings.Repeat("x", 100<<10) + `"}}`
	statuses := []int{404, 500, 200, 413, 503}
	n := 0
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		remotes[r.RemoteAddr] = true
		n++
		reply(statuses[n%len(statuses)], long)(w, r)
	})
	c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithRetryPolicy(RetryPolicy{MinDelay: time.Millisecond, MaxDelay: time.Millisecond}))
	for range 20 {
		_, _ = c.AppUsers.Get(t.Context(), "u") // most fail
	}
	assert.Greater(t, n, 20)
	assert.Len(t, remotes, 1)
}

// TestStatusIsNoAnswer: a status outside 200 to 599 is treated as a lost connection. Its body is
// not read, as that of 101 ends neither with the context nor with the time-out.
func TestStatusIsNoAnswer(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 1, 99, 101, 199, 600, 999} {
		transports := map[string]http.RoundTripper{
			"net/http": rawTransport(t, status),
			"another transport": roundTripper(func(r *http.Request) (*http.Response, error) {
				if hooks := httptrace.ContextClientTrace(r.Context()); hooks != nil {
					hooks.GetConn("") // the only hook that it calls
				}
				return &http.Response{StatusCode: status, Body: stuckBody{t.Context()}}, nil
			}),
		}
		for name, transport := range transports {
			for class, call := range callOfClass {
				t.Run(fmt.Sprintf("%03d/%s/%s", status, name, class), func(t *testing.T) {
					t.Parallel()
					c := newTestClient(t, "http://127.0.0.1:1", AppJWT("k", "s"), WithHTTPClient(&http.Client{Transport: transport}),
						WithTimeout(30*time.Second), WithRetryPolicy(RetryPolicy{MinDelay: time.Millisecond}))
					var answered Response
					began := time.Now()
					err := call(t.Context(), c, WithResponse(&answered))
					assert.Less(t, time.Since(began), 20*time.Second)
					require.Error(t, err)
					mayDoTheWorkTwice := class == "unsafe" || class == "traceable"
					assert.Equal(t, mayDoTheWorkTwice, errors.Is(err, ErrOutcomeUnknown), "%v", err)
					attempts := 3
					if mayDoTheWorkTwice {
						attempts = 1
					}
					assert.Equal(t, Response{Attempts: attempts}, answered)
					if status != 199 || name != "net/http" { // which takes 199 for the announcement of an answer
						assert.ErrorContains(t, err, fmt.Sprintf("%03d", status))
					}
				})
			}
		}
	}
}

// rawTransport returns net/http's transport to a server that answers every request with a status
// and keeps the connection open, unless the status announces another answer.
func rawTransport(t *testing.T, status int) http.RoundTripper {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 %03d Odd\r\nConnection: Upgrade\r\nUpgrade: odd\r\n\r\n", status)
			if status == 199 {
				conn.Close()
			}
		}
	}()
	return &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, listener.Addr().String())
	}}
}

// stuckBody blocks in Read and Close until a context ends.
type stuckBody struct{ ctx context.Context }

func (b stuckBody) Read([]byte) (int, error) { <-b.ctx.Done(); return 0, b.ctx.Err() }
func (b stuckBody) Close() error             { <-b.ctx.Done(); return nil }
