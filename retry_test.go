package smooch

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// calls are one call of each repeat class.
var calls = map[string]func(context.Context, *Client, ...CallOption) error{
	"safe": func(ctx context.Context, c *Client, o ...CallOption) error {
		_, err := c.AppUsers.Get(ctx, "ida", o...)
		return err
	},
	"idempotent": func(ctx context.Context, c *Client, o ...CallOption) error {
		_, err := c.AppUsers.Update(ctx, "ida", AppUserUpdate{}, o...)
		return err
	},
	"removing": func(ctx context.Context, c *Client, o ...CallOption) error {
		return c.AppUsers.Delete(ctx, "ida", o...)
	},
	"unsafe": func(ctx context.Context, c *Client, o ...CallOption) error {
		_, err := c.Conversations.PostMessage(ctx, "ida", TextMessage("hi"), o...)
		return err
	},
}

var (
	errReset = errors.New("connection reset by peer")
	errDial  = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
)

// brokenBody is a 200 whose body ends in an error.
func brokenBody() *http.Response {
	r := answer(200, "")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"appUser":{"_id":`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	r.ContentLength = 500
	return r
}

// TestRetryTable is the table of RetryPolicy's comment: what happens on the first attempt, and how
// often each class of call is then sent. The second attempt succeeds.
func TestRetryTable(t *testing.T) {
	status := func(code int, header ...string) roundTripper {
		return func(*http.Request) (*http.Response, error) { return answer(code, `{}`, header...), nil }
	}
	fails := func(err error) roundTripper {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	hangs := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	tests := []struct {
		name    string
		first   roundTripper
		repeats []string // the classes that are sent twice
		unknown []string // the classes that fail with ErrOutcomeUnknown
	}{
		{"429", status(429), []string{"safe", "idempotent", "removing", "unsafe"}, nil},
		{"429 with Retry-After", status(429, "Retry-After: 3"), []string{"safe", "idempotent", "removing", "unsafe"}, nil},
		{"no connection", fails(errDial), []string{"safe", "idempotent", "removing", "unsafe"}, nil},
		{"reset", fails(errReset), []string{"safe", "idempotent", "removing"}, []string{"unsafe"}},
		{"time-out", hangs, []string{"safe", "idempotent", "removing"}, []string{"unsafe"}},
		{"500", status(500), []string{"safe", "idempotent", "removing"}, []string{"unsafe"}},
		{"502", status(502), []string{"safe", "idempotent", "removing"}, []string{"unsafe"}},
		{"503", status(503), []string{"safe", "idempotent", "removing"}, []string{"unsafe"}},
		{"504", status(504), []string{"safe", "idempotent", "removing"}, []string{"unsafe"}},
		{"501", status(501), nil, nil},
		{"body breaks off", func(*http.Request) (*http.Response, error) { return brokenBody(), nil }, []string{"safe", "idempotent", "removing"}, nil},
		{"409", status(409), []string{"idempotent", "removing"}, nil},
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
		for class, call := range calls {
			t.Run(test.name+"/"+class, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sent := 0
					c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
						sent++
						if sent == 1 {
							return test.first(r)
						}
						return answer(200, `{}`), nil
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

func TestWritesAreToldFromFailuresBefore(t *testing.T) {
	// A real server that closes the connection: what counts is whether the request was written.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
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
	c := newTestClient(t, "http://"+listener.Addr().String(), AppJWT("k", "s"), WithRetryPolicy(RetryPolicy{MinDelay: time.Millisecond}))
	_, err = c.Conversations.PostMessage(t.Context(), "ida", TextMessage("hi"))
	assert.ErrorIs(t, err, ErrOutcomeUnknown)
	assert.EqualValues(t, 1, accepted.Load())

	closed := newTestClient(t, "http://127.0.0.1:1", AppJWT("k", "s"), WithRetryPolicy(RetryPolicy{MinDelay: time.Millisecond}))
	var answered Response
	_, err = closed.Conversations.PostMessage(t.Context(), "ida", TextMessage("hi"), WithResponse(&answered))
	assert.Error(t, err)
	assert.NotErrorIs(t, err, ErrOutcomeUnknown)
	assert.Equal(t, 3, answered.Attempts)
}

func TestGivesUpAfterMaxAttempts(t *testing.T) {
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

func TestBackoffIsFullJitter(t *testing.T) {
	p := RetryPolicy{}.withDefaults()
	for attempt, most := range map[int]time.Duration{1: 500 * time.Millisecond, 2: time.Second, 4: 4 * time.Second, 7: 20 * time.Second, 90: 20 * time.Second} {
		least, longest := time.Hour, time.Duration(0)
		for range 2000 {
			d := p.backoff(attempt)
			least, longest = min(least, d), max(longest, d)
		}
		assert.LessOrEqual(t, longest, most)
		assert.Greater(t, longest, most*9/10)
		assert.Less(t, least, most/10)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Now().UTC()
	tests := map[string]time.Duration{
		"":            0,
		"3":           3 * time.Second,
		" 5 ":         5 * time.Second,
		"1.5":         1500 * time.Millisecond,
		"0":           0,
		"-5":          0,
		"NaN":         0,
		"soon":        0,
		"86400":       24 * time.Hour,
		"1e300":       1<<62 - 1,
		"99999999999": 1<<62 - 1,
	}
	for text, want := range tests {
		assert.Equal(t, want, retryAfter(http.Header{"Retry-After": {text}}), text)
	}
	assert.Greater(t, retryAfter(http.Header{"Retry-After": {"9223372037"}}), 24*time.Hour, "must not overflow to no wait")
	for _, layout := range []string{http.TimeFormat, time.RFC850, time.ANSIC} {
		text := now.Add(30 * time.Second).In(time.FixedZone("GMT", 0)).Format(layout)
		got := retryAfter(http.Header{"Retry-After": {text}})
		assert.InDelta(t, 30, got.Seconds(), 1.5, text)
	}
	skewed := http.Header{
		"Retry-After": {now.Add(time.Hour + 10*time.Second).Format(http.TimeFormat)},
		"Date":        {now.Add(time.Hour).Format(http.TimeFormat)},
	}
	assert.Equal(t, 10*time.Second, retryAfter(skewed), "the service's clock counts")
}

func TestRetryAfterIsAFloorWithACap(t *testing.T) {
	for class, call := range calls {
		t.Run(class, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				c := fakeClient(t, func(*http.Request) (*http.Response, error) {
					if sent++; sent == 1 {
						return answer(429, ``, "Retry-After: 7"), nil
					}
					return answer(200, `{}`), nil
				})
				began := time.Now()
				require.NoError(t, call(t.Context(), c))
				assert.GreaterOrEqual(t, time.Since(began), 7*time.Second)
				assert.Less(t, time.Since(began), 9*time.Second)
			})
			synctest.Test(t, func(t *testing.T) {
				c := fakeClient(t, func(*http.Request) (*http.Response, error) {
					return answer(429, ``, "Retry-After: 86400"), nil
				})
				began := time.Now()
				err := call(t.Context(), c)
				e, ok := errors.AsType[*Error](err)
				require.True(t, ok)
				assert.ErrorIs(t, err, ErrRateLimited)
				assert.Equal(t, 24*time.Hour, e.RetryAfter)
				assert.Equal(t, 1, e.Attempts)
				assert.Zero(t, time.Since(began))
			})
			synctest.Test(t, func(t *testing.T) {
				c := fakeClient(t, func(*http.Request) (*http.Response, error) {
					return answer(429, ``, "Retry-After: 20"), nil
				})
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				began := time.Now()
				err := call(ctx, c)
				assert.ErrorIs(t, err, ErrRateLimited, "a deadline before Retry-After ends the call at once")
				assert.Zero(t, time.Since(began))
			})
		})
	}
}

func TestRetryAfterOnServerFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			if sent++; sent == 1 {
				return answer(503, ``, "Retry-After: "+time.Now().Add(12*time.Second).UTC().Format(http.TimeFormat)), nil
			}
			return answer(200, `{}`), nil
		})
		began := time.Now()
		_, err := c.AppUsers.Get(t.Context(), "ida")
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(began), 11*time.Second)
	})
}

func TestContextThatHasEndedSendsNothing(t *testing.T) {
	rec := newRecorder(t, reply(200, `{}`))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for class, call := range calls {
		err := call(ctx, newTestClient(t, rec.URL, AppJWT("k", "s")))
		assert.ErrorIs(t, err, context.Canceled, class)
		assert.NotErrorIs(t, err, ErrOutcomeUnknown, class)
	}
	assert.Empty(t, rec.requests())
}

func TestNoLimitOfTheResponse(t *testing.T) {
	c := fakeClient(t, func(*http.Request) (*http.Response, error) { return answer(200, `{"app":{"_id":"a1"}}`), nil }, WithMaxResponse(math.MaxInt64))
	app, err := c.Apps.Get(t.Context(), "a1")
	require.NoError(t, err)
	assert.Equal(t, "a1", app.ID)
}

// TestAuthThatSignsTheURL: each attempt gets the URL as it was.
func TestAuthThatSignsTheURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var queries []string
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			queries = append(queries, r.URL.RawQuery)
			return answer(500, ``), nil
		}, WithRetryPolicy(RetryPolicy{MaxAttempts: 2}))
		c.core.auth = AuthFunc(func(_ context.Context, r *http.Request) error { r.URL.RawQuery += "sig=x"; return nil })
		_, err := c.AppUsers.Get(t.Context(), "ida")
		assert.Error(t, err)
		assert.Equal(t, []string{"sig=x", "sig=x"}, queries)
	})
}

func TestWaitsEndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			return answer(503, `{"error":{"code":"busy"}}`, "Retry-After: 30"), nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		began := time.Now()
		_, err := c.AppUsers.Get(ctx, "ida")
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, ErrServer, "the failure that caused the wait is not lost")
		assert.Equal(t, 2*time.Second, time.Since(began))
	})
	synctest.Test(t, func(t *testing.T) {
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			return answer(429, ``, "Retry-After: 30"), nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		began := time.Now()
		_, err := c.Conversations.PostMessage(ctx, "ida", TextMessage("hi"))
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, ErrRateLimited)
		assert.NotErrorIs(t, err, ErrOutcomeUnknown)
		assert.Equal(t, 2*time.Second, time.Since(began))
	})
}

func TestTimeoutsSayWhatTheyAre(t *testing.T) {
	hang := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	synctest.Test(t, func(t *testing.T) {
		c := fakeClient(t, hang, WithTimeout(4*time.Second))
		began := time.Now()
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("hi"))
		assert.ErrorIs(t, err, ErrOutcomeUnknown)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 4*time.Second, time.Since(began))
	})
	synctest.Test(t, func(t *testing.T) {
		c := fakeClient(t, hang)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.AppUsers.Get(ctx, "ida")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(began))
	})
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

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent, fail := 0, true
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			sent++
			if fail {
				return answer(500, ``), nil
			}
			return answer(200, `{}`), nil
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
		assert.Equal(t, 2, sent, "ten successes of any copy give back one repeat")
	})
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
		assert.Equal(t, 9, sent, "429 takes nothing from the budget")
	})
}

func TestWithoutRetry(t *testing.T) {
	for _, status := range []int{429, 500} {
		synctest.Test(t, func(t *testing.T) {
			sent := 0
			c := fakeClient(t, func(*http.Request) (*http.Response, error) {
				sent++
				return answer(status, ``), nil
			})
			_, err := c.AppUsers.Get(t.Context(), "ida", WithoutRetry())
			assert.Error(t, err)
			assert.Equal(t, 1, sent)
		})
	}
}

// TestNetHTTPSendsNothingTwice: it replays requests by itself when a kept connection breaks.
func TestNetHTTPSendsNothingTwice(t *testing.T) {
	once := WithRetryPolicy(RetryPolicy{MaxAttempts: 1})
	for name, call := range map[string]func(*Client) error{
		"GET": func(c *Client) error {
			_, err := c.AppUsers.Get(t.Context(), "cut", WithoutRetry())
			return err
		},
		"POST": func(c *Client) error {
			_, err := c.Conversations.PostMessage(t.Context(), "cut", TextMessage("hi"), WithHeader("Idempotency-Key", "7"))
			return err
		},
		"POST, the other key": func(c *Client) error {
			_, err := c.Conversations.PostMessage(t.Context(), "cut", TextMessage("hi"), WithHeader("X-Idempotency-Key", "7"))
			return err
		},
	} {
		rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "cut") {
				panic(http.ErrAbortHandler)
			}
			reply(200, `{}`)(w, r)
		})
		c := newTestClient(t, rec.URL, AppJWT("k", "s"), once)
		_, err := c.AppUsers.Get(t.Context(), "ida", WithoutRetry()) // leaves a connection
		require.NoError(t, err)
		assert.Equal(t, "", rec.last(t).header.Get("Transfer-Encoding")+rec.last(t).header.Get("Content-Length"), "still without a body")
		assert.Error(t, call(c), name)
		assert.Len(t, rec.requests(), 2, name)
	}
}

func TestRepeatedDeleteThatFindsNothingIsDone(t *testing.T) {
	run := func(t *testing.T, first, second int, call func(context.Context, *Client) error) error {
		var err error
		synctest.Test(t, func(t *testing.T) {
			sent := 0
			c := fakeClient(t, func(*http.Request) (*http.Response, error) {
				switch sent++; {
				case sent == 1 && first == 200:
					return brokenBody(), nil
				case sent == 1:
					return answer(first, ``), nil
				}
				return answer(second, ``), nil
			})
			err = call(t.Context(), c)
		})
		return err
	}
	remove := func(ctx context.Context, c *Client) error { return c.AppUsers.Delete(ctx, "ida") }
	unlink := func(ctx context.Context, c *Client) error { return c.AppUsers.UnlinkChannel(ctx, "ida", "twilio") }
	detach := func(ctx context.Context, c *Client) error {
		return c.Attachments.Delete(ctx, "https://media.test/x.png")
	}
	update := func(ctx context.Context, c *Client) error {
		_, err := c.AppUsers.Update(ctx, "ida", AppUserUpdate{})
		return err
	}

	assert.NoError(t, run(t, 502, 404, remove))
	assert.NoError(t, run(t, 502, 404, unlink))
	assert.NoError(t, run(t, 502, 400, unlink))
	assert.NoError(t, run(t, 502, 404, detach))
	assert.NoError(t, run(t, 409, 404, remove))
	assert.NoError(t, run(t, 200, 404, remove), "done, and its answer broke off")
	assert.ErrorIs(t, run(t, 404, 0, remove), ErrNotFound, "the first 404 is the answer")
	assert.ErrorIs(t, run(t, 429, 404, remove), ErrNotFound, "a 429 did nothing, so the 404 is news")
	assert.ErrorIs(t, run(t, 502, 400, remove), ErrBadRequest)
	assert.ErrorIs(t, run(t, 502, 404, update), ErrNotFound)
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		limiter := &countingLimiter{}
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			if sent++; sent == 1 {
				return answer(429, ``), nil
			}
			return answer(200, `{}`), nil
		}, WithLimiter(limiter))
		_, err := c.AppUsers.Get(t.Context(), "ida")
		require.NoError(t, err)
		assert.Equal(t, 2, limiter.asked, "asked before every attempt")

		limiter.err = errors.New("the day's quota is used up")
		_, err = c.AppUsers.Get(t.Context(), "ida")
		assert.ErrorIs(t, err, limiter.err)
		assert.Equal(t, 2, sent, "nothing is sent")
	})
}

type countingLimiter struct {
	asked int
	err   error
}

func (l *countingLimiter) Wait(context.Context) error { l.asked++; return l.err }

// TestPauseHoldsBackWhoWaitsInTheLimiter: they have passed the gate already, and pass it again.
func TestPauseHoldsBackWhoWaitsInTheLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var times []time.Duration
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			times = append(times, time.Since(began))
			if len(times) == 1 {
				return answer(429, ``, "Retry-After: 2"), nil
			}
			return answer(200, `{}`), nil
		}, WithLimiter(&steadyLimiter{every: 50 * time.Millisecond}))
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				_, err := c.AppUsers.Get(t.Context(), "ida")
				assert.NoError(t, err)
			})
		}
		group.Wait()
		require.Len(t, times, 21)
		assert.GreaterOrEqual(t, times[1]-times[0], 2*time.Second)
		assert.Less(t, times[20], 8*time.Second, "nothing was known of the rate: it doubles each second")
	})
}

// steadyLimiter lets one through every so often.
type steadyLimiter struct {
	every time.Duration
	mu    sync.Mutex
	next  time.Time
}

func (l *steadyLimiter) Wait(ctx context.Context) error {
	l.mu.Lock()
	l.next = time.Now().Add(max(time.Until(l.next), 0) + l.every)
	wait := time.Until(l.next)
	l.mu.Unlock()
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestPause: a 429 to one call holds back the others, copies included, and lets those through
// that cannot wait as a refusal.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var times []time.Duration
		began := time.Now()
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			times = append(times, time.Since(began))
			if len(times) == 1 {
				return answer(429, ``, "Retry-After: 10"), nil
			}
			return answer(200, `{}`), nil
		})
		var group sync.WaitGroup
		group.Go(func() {
			_, err := c.AppUsers.Get(t.Context(), "first")
			assert.NoError(t, err)
		})
		time.Sleep(time.Second)
		group.Go(func() {
			_, err := c.ForApp("other").AppUsers.Get(t.Context(), "second")
			assert.NoError(t, err)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := c.AppUsers.Get(ctx, "third")
		e, ok := errors.AsType[*Error](err)
		require.True(t, ok, "%v", err)
		assert.ErrorIs(t, err, ErrRateLimited)
		assert.Zero(t, e.Attempts)
		assert.Equal(t, 9*time.Second, e.RetryAfter)
		assert.Equal(t, time.Second, time.Since(began), "told at once")
		group.Wait()
		require.Len(t, times, 3)
		for _, at := range times[1:] {
			assert.GreaterOrEqual(t, at, 10*time.Second)
		}
	})
}

func TestPauseIsNeverLongerThanMaxRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			if sent++; sent == 1 {
				return answer(429, ``, "Retry-After: 86400"), nil
			}
			return answer(200, `{}`), nil
		})
		_, err := c.AppUsers.Get(t.Context(), "ida")
		assert.ErrorIs(t, err, ErrRateLimited)
		began := time.Now()
		_, err = c.AppUsers.Get(t.Context(), "ida")
		assert.NoError(t, err)
		assert.InDelta(t, 60, time.Since(began).Seconds(), 0.5)
	})
}

// TestPacing: a service that takes ten calls a second, and a hundred calls at once. All
// succeed in their three attempts, and few are refused twice.
func TestPacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 10
		var mu sync.Mutex
		refusals, window, taken := 0, time.Time{}, 0
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if now := time.Now(); now.Sub(window) >= time.Second {
				window, taken = now, 0
			}
			if taken++; taken > limit {
				refusals++
				return answer(429, ``, "Retry-After: 1"), nil
			}
			return answer(200, `{}`), nil
		})
		var group sync.WaitGroup
		var failed atomic.Int32
		began := time.Now()
		for range 100 {
			group.Go(func() {
				if _, err := c.AppUsers.Get(t.Context(), "ida"); err != nil {
					failed.Add(1)
				}
			})
		}
		group.Wait()
		assert.Zero(t, failed.Load())
		assert.Less(t, refusals, 90+15, "the first burst, and hardly any after it")
		assert.Less(t, time.Since(began), 20*time.Second)
	})
}

// TestRefusedCallsGoFirst: a call that was refused passes before those that were never sent, though they have waited longer.
func TestRefusedCallsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			name := r.Header.Get("X-Name")
			mu.Lock()
			order = append(order, name)
			first := len(order) <= 2
			mu.Unlock()
			switch {
			case first && name == "slow":
				time.Sleep(2 * time.Second)
				return answer(429, ``, "Retry-After: 5"), nil
			case first:
				return answer(429, ``, "Retry-After: 5"), nil
			}
			return answer(200, `{}`), nil
		})
		var group sync.WaitGroup
		ask := func(name string) {
			group.Go(func() {
				_, err := c.AppUsers.Get(t.Context(), "ida", WithHeader("X-Name", name))
				assert.NoError(t, err)
			})
			time.Sleep(10 * time.Millisecond)
		}
		ask("slow")
		ask("quick")
		for i := range 5 {
			ask("new" + strconv.Itoa(i))
		}
		group.Wait()
		require.Len(t, order, 9)
		assert.ElementsMatch(t, []string{"slow", "quick"}, order[2:4])
	})
}
