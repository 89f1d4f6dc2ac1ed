package smooch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRetryTable is the table in RetryPolicy's comment over a transport: what happens to the first
// attempt, and which classes of calls then make another. The second attempt succeeds.
func TestRetryTable(t *testing.T) {
	t.Parallel()
	all := []string{"unsafe", "traceable", "idempotent", "removing", "unlinking", "safe"}
	mayDoTheWorkTwice, changeNothing := all[:2], all[2:]
	status := func(code int, header ...string) roundTripper {
		return func(*http.Request) (*http.Response, error) { return answer(code, anything, header...), nil }
	}
	fails := func(err error) roundTripper {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	tests := []struct {
		name    string
		first   roundTripper
		repeats []string // the classes that are sent twice
		unknown []string // the classes that fail with ErrOutcomeUnknown
	}{
		{"429", status(429), all, nil},
		{"429 with Retry-After", status(429, "Retry-After: 3"), all, nil},
		{"no connection", fails(errDial), all, nil},
		{"connection lost", fails(errReset), changeNothing, mayDoTheWorkTwice},
		{"time-out", hang, changeNothing, mayDoTheWorkTwice},
		{"500", status(500), changeNothing, mayDoTheWorkTwice},
		{"502", status(502), changeNothing, mayDoTheWorkTwice},
		{"503", status(503), changeNothing, mayDoTheWorkTwice},
		{"504", status(504), changeNothing, mayDoTheWorkTwice},
		{"501", status(501), nil, nil},
		{"body breaks off", func(*http.Request) (*http.Response, error) { return brokenAnswer(), nil }, changeNothing, nil},
		{"409", status(409), []string{"idempotent", "removing", "unlinking"}, nil},
		{"400", status(400), nil, nil},
		{"402", status(402), nil, nil},
		{"403", status(403), nil, nil},
		{"404", status(404), nil, nil},
		{"413", status(413), nil, nil},
		{"423", status(423), nil, nil},
		{"302", status(302, "Location: http://elsewhere.test/"), nil, nil},
		{"certificate", fails(&tls.CertificateVerificationError{Err: errors.New("unknown authority")}), nil, nil},
	}
	for _, test := range tests {
		for class, call := range callOfClass {
			t.Run(test.name+"/"+class, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					sent := 0
					c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
						sent++
						if sent == 1 {
							return test.first(r)
						}
						return answer(200, anything), nil
					})
					var answered Response
					err := call(t.Context(), c, WithResponse(&answered))
					repeated := slices.Contains(test.repeats, class)
					assert.Equal(t, repeated, sent == 2, "sent %d times", sent)
					assert.Equal(t, sent, answered.Attempts)
					assert.Equal(t, repeated, err == nil, "%v", err)
					assert.Equal(t, slices.Contains(test.unknown, class), errors.Is(err, ErrOutcomeUnknown), "%v", err)
				})
			})
		}
	}
}

// hang is a service that does not answer.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestOutcomeIsUnknownOnceTheRequestIsWritten has net/http tell whether the request was written,
// over sockets.
func TestOutcomeIsUnknownOnceTheRequestIsWritten(t *testing.T) {
	t.Parallel()
	quick := WithRetryPolicy(RetryPolicy{MinDelay: time.Millisecond})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	var accepted atomic.Int32
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			_, _ = conn.Read(make([]byte, 4096))
			conn.Close()
		}
	}()
	c := newTestClient(t, "http://"+listener.Addr().String(), AppJWT("k", "s"), quick)
	_, err = c.Conversations.PostMessage(t.Context(), "ida", TextMessage("hi"))
	assert.ErrorIs(t, err, ErrOutcomeUnknown)
	assert.EqualValues(t, 1, accepted.Load())

	closed := newTestClient(t, "http://127.0.0.1:1", AppJWT("k", "s"), quick)
	var answered Response
	_, err = closed.Conversations.PostMessage(t.Context(), "ida", TextMessage("hi"), WithResponse(&answered))
	assert.Error(t, err)
	assert.NotErrorIs(t, err, ErrOutcomeUnknown)
	assert.Equal(t, 3, answered.Attempts)
}

func TestCallEndsAfterMaxAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			sent++
			return answer(503, `{"error":{"code":"busy","description":"later"}}`), nil
		})
		began := time.Now()
		_, err := c.AppUsers.Get(t.Context(), "ida")
		e, ok := errors.AsType[*Error](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, 3, sent)
		assert.Equal(t, 3, e.Attempts)
		assert.Equal(t, ErrorCode("busy"), e.Code)
		assert.Equal(t, `{"error":{"code":"busy","description":"later"}}`, string(e.Body))
		assert.LessOrEqual(t, time.Since(began), 1500*time.Millisecond, "500 ms and 1 s at most")
	})
}

func TestWithoutRetry(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 429, 500} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				c := fakeClient(t, func(*http.Request) (*http.Response, error) {
					sent++
					time.Sleep(2 * time.Second) // another token would be signed after it
					return answer(status, ``), nil
				})
				_, err := c.AppUsers.Get(t.Context(), "ida", WithoutRetry())
				assert.Error(t, err)
				assert.Equal(t, 1, sent)
			})
		})
	}
}

// TestNetHTTPRepeatsNothing: left to itself, net/http sends some requests again when a connection
// that it has kept breaks.
func TestNetHTTPRepeatsNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]func(context.Context, *Client) error{
		"GET": func(ctx context.Context, c *Client) error {
			_, err := c.AppUsers.Get(ctx, "cut", WithoutRetry())
			return err
		},
		"POST with Idempotency-Key": func(ctx context.Context, c *Client) error {
			_, err := c.Conversations.PostMessage(ctx, "cut", TextMessage("hi"), WithHeader("Idempotency-Key", "7"))
			return err
		},
		"POST without a body, with Idempotency-Key": func(ctx context.Context, c *Client) error {
			return c.Do(ctx, http.MethodPost, "/cut", nil, nil, WithHeader("Idempotency-Key", "7"))
		},
		"POST with X-Idempotency-Key": func(ctx context.Context, c *Client) error {
			_, err := c.Conversations.PostMessage(ctx, "cut", TextMessage("hi"), WithHeader("X-Idempotency-Key", "7"))
			return err
		},
	}
	for name, call := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "cut") {
					panic(http.ErrAbortHandler)
				}
				reply(200, anything)(w, r)
			})
			c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithRetryPolicy(RetryPolicy{MaxAttempts: 1}))
			_, err := c.AppUsers.Get(t.Context(), "ida", WithoutRetry()) // leaves a connection
			require.NoError(t, err)
			assert.Empty(t, rec.last(t).header["Transfer-Encoding"], "still without a body")
			assert.Empty(t, rec.last(t).header["Content-Length"])
			assert.Error(t, call(t.Context(), c))
			assert.Len(t, rec.requests(), 2)
		})
	}
}

// TestHTTP2ResetRepeatsNothing: left to itself, net/http sends a request again each time a service
// resets its stream with PROTOCOL_ERROR or REFUSED_STREAM, though it may have carried it out.
func TestHTTP2ResetRepeatsNothing(t *testing.T) {
	t.Parallel()
	calls := map[string]func(context.Context, *Client) error{
		"POST": func(ctx context.Context, c *Client) error {
			return ignore(c.Conversations.PostMessage(ctx, "ida", TextMessage("hi")))
		},
		"POST without a body": func(ctx context.Context, c *Client) error {
			return c.Do(ctx, http.MethodPost, "/x", nil, nil)
		},
		"upload": func(ctx context.Context, c *Client) error {
			return ignore(c.Attachments.Upload(ctx, Upload{Source: strings.NewReader("hello")}, AttachmentOptions{}))
		},
		"GET with WithoutRetry": func(ctx context.Context, c *Client) error {
			return ignore(c.AppUsers.Get(ctx, "ida", WithoutRetry()))
		},
		"PUT with WithoutRetry": func(ctx context.Context, c *Client) error {
			return ignore(c.AppUsers.Update(ctx, "ida", AppUserUpdate{}, WithoutRetry()))
		},
		"DELETE with WithoutRetry": func(ctx context.Context, c *Client) error {
			return c.AppUsers.Delete(ctx, "ida", WithoutRetry())
		},
	}
	for name, call := range calls {
		for _, code := range []byte{1, 2, 7, 8} {
			for _, unencrypted := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, code %d, unencrypted %t", name, code, unencrypted), func(t *testing.T) {
					t.Parallel()
					var came atomic.Int32
					base, transport := resettingService(t, code, unencrypted, &came)
					c := newTestClient(t, base, AppJWT("k", "s"), WithHTTPClient(&http.Client{Transport: transport}))
					err := call(t.Context(), c)
					require.Error(t, err)
					assert.Equal(t, strings.Contains(name, "WithoutRetry"), !errors.Is(err, ErrOutcomeUnknown))
					assert.Equal(t, int32(1), came.Load())
				})
			}
		}
	}
}

// resettingService returns the URL of a service that resets all streams of HTTP/2, and a transport
// that reaches it.
func resettingService(t *testing.T, code byte, unencrypted bool, came *atomic.Int32) (string, *http.Transport) {
	t.Helper()
	if unencrypted {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				go resetAll(conn, code, came)
			}
		}()
		transport := &http.Transport{Protocols: &http.Protocols{}}
		transport.Protocols.SetUnencryptedHTTP2(true)
		t.Cleanup(transport.CloseIdleConnections)
		return "http://" + listener.Addr().String(), transport
	}
	server := httptest.NewUnstartedServer(nil)
	server.TLS = &tls.Config{NextProtos: []string{"h2"}}
	server.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		"h2": func(_ *http.Server, conn *tls.Conn, _ http.Handler) { resetAll(conn, code, came) },
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport)
	transport.ForceAttemptHTTP2 = true
	return server.URL, transport
}

// resetAll serves HTTP/2: it counts each request once it has come whole, and resets its stream.
func resetAll(conn net.Conn, code byte, came *atomic.Int32) {
	defer conn.Close()
	const preface, settings, reset, ack, endStream = 24, 4, 3, 1, 1
	_, _ = io.ReadFull(conn, make([]byte, preface))
	_, _ = conn.Write([]byte{0, 0, 0, settings, 0, 0, 0, 0, 0})
	for {
		var head [9]byte // length, type, flags and stream of a frame
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, conn, int64(head[0])<<16|int64(head[1])<<8|int64(head[2]))
		switch kind, flags := head[3], head[4]; {
		case kind == settings && flags&ack == 0:
			_, _ = conn.Write([]byte{0, 0, 0, settings, ack, 0, 0, 0, 0})
		case kind <= 1 && flags&endStream != 0: // DATA or HEADERS
			came.Add(1)
			_, _ = conn.Write(append(append([]byte{0, 0, 4, reset, 0}, head[5:]...), 0, 0, 0, code))
		}
	}
}

// TestRepeatThatFindsTheWorkDone: 404 on a repeat means that an earlier attempt has done the work,
// unless none can have.
func TestRepeatThatFindsTheWorkDone(t *testing.T) {
	t.Parallel()
	remove, unlink, update := callOfClass["removing"], callOfClass["unlinking"], callOfClass["idempotent"]
	removeFile := func(ctx context.Context, c *Client, o ...CallOption) error {
		return c.Attachments.Delete(ctx, "https://media.test/x.png", o...)
	}
	tests := []struct {
		name  string
		call  func(context.Context, *Client, ...CallOption) error
		first int // 200: the body breaks off
		then  int
		err   error // nil: the call succeeds
	}{
		{"502, 404", remove, 502, 404, nil},
		{"409, 404", remove, 409, 404, nil},
		{"an answer that breaks off, 404", remove, 200, 404, nil},
		{"502, 400", remove, 502, 400, ErrBadRequest},
		{"404 at first", remove, 404, 0, ErrNotFound},
		{"429, which did nothing, 404", remove, 429, 404, ErrNotFound},
		{"file: 502, 404", removeFile, 502, 404, nil},
		{"channel: 502, 404", unlink, 502, 404, nil},
		{"channel: 502, 400", unlink, 502, 400, nil},
		{"update: 502, 404", update, 502, 404, ErrNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				c := fakeClient(t, func(*http.Request) (*http.Response, error) {
					switch sent++; {
					case sent == 1 && test.first == 200:
						return brokenAnswer(), nil
					case sent == 1:
						return answer(test.first, ``), nil
					}
					return answer(test.then, ``), nil
				})
				assert.ErrorIs(t, test.call(t.Context(), c), test.err)
			})
		})
	}
}

func TestBudgetBoundsTheRepeatsOfAllCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent, fail := 0, true
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			sent++
			if fail {
				return answer(500, ``), nil
			}
			return answer(200, anything), nil
		}, WithRetryPolicy(RetryPolicy{Budget: 5}))
		for range 10 {
			_, err := c.AppUsers.Get(t.Context(), "ida")
			assert.ErrorIs(t, err, ErrServer)
		}
		assert.Equal(t, 10+5, sent, "five repeats in all")

		fail = false
		for range 10 {
			_, err := c.ForApp("other").AppUsers.Get(t.Context(), "ida")
			require.NoError(t, err)
		}
		sent, fail = 0, true
		_, err := c.AppUsers.Get(t.Context(), "ida")
		assert.Error(t, err)
		assert.Equal(t, 2, sent, "ten successes of any copy return one repeat")
	})
}

func TestRepeatsAfter429TakeNothingFromTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			sent++
			return answer(429, ``), nil
		}, WithRetryPolicy(RetryPolicy{Budget: 1}))
		for range 3 {
			_, err := c.AppUsers.Get(t.Context(), "ida")
			assert.ErrorIs(t, err, ErrRateLimited)
		}
		assert.Equal(t, 9, sent)
	})
}

func TestContextThatHasEndedSendsNothing(t *testing.T) {
	t.Parallel()
	c := fakeClient(t, func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return answer(200, anything), nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for class, call := range callOfClass {
		err := call(ctx, c)
		assert.ErrorIs(t, err, context.Canceled, class)
		assert.NotErrorIs(t, err, ErrOutcomeUnknown, class)
	}
}

func TestTimeoutBoundsAnAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := fakeClient(t, hang, WithTimeout(4*time.Second))
		began := time.Now()
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("hi"))
		assert.ErrorIs(t, err, ErrOutcomeUnknown)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 4*time.Second, time.Since(began))
	})
}

func TestTimeoutOfTheHTTPClientBoundsAnAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hc := &http.Client{Transport: roundTripper(hang), Timeout: 3 * time.Second}
		c := newTestClient(t, "http://127.0.0.1:1", AppJWT("k", "s"), WithHTTPClient(hc))
		began := time.Now()
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("hi"))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 3*time.Second, time.Since(began))
		assert.Equal(t, 3*time.Second, hc.Timeout, "the caller's client is not changed")
	})
}

func TestContextBoundsTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := fakeClient(t, hang)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.AppUsers.Get(ctx, "ida")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotContains(t, err.Error(), "30s", "the error is not that of the time-out")
		assert.Equal(t, 5*time.Second, time.Since(began))
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := newRecorder(t, reply(200, anything))
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{elsewhere.URL + "/x", "", "http://%zz"} {
			rec := newRecorder(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Location"] = []string{location}
				w.WriteHeader(status)
			})
			c := newTestClient(t, rec.URL, AppJWT("k", "s"))
			_, err := c.Conversations.PostMessage(t.Context(), "u", TextMessage("hi"))
			e, ok := errors.AsType[*Error](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, status, e.StatusCode)
			assert.Len(t, rec.requests(), 1)
		}
	}
	assert.Empty(t, elsewhere.requests())
}

func TestEachAttemptIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		sent := 0
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			if sent++; sent == 1 {
				return nil, errReset
			}
			return answer(200, anything), nil
		}, WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
		_, err := c.AppUsers.Get(t.Context(), "bob@example.com")
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		require.Len(t, lines, 2)
		assert.Regexp(t, `level=DEBUG msg="smooch attempt" op="GET /appusers/\{userId\}" status=0 attempt=1 duration=\S+ error="connection reset by peer"$`, lines[0])
		assert.Regexp(t, `status=200 attempt=2 duration=\S+$`, lines[1])
	})
}
