package smooch

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRetryAfterIsWaitedInFull(t *testing.T) {
	t.Parallel()
	for class, call := range callOfClass {
		t.Run(class, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				c := fakeClient(t, func(*http.Request) (*http.Response, error) {
					if sent++; sent == 1 {
						return answer(429, ``, "Retry-After: 7"), nil
					}
					return answer(200, anything), nil
				})
				began := time.Now()
				require.NoError(t, call(t.Context(), c))
				assert.Equal(t, 7*time.Second, time.Since(began))
			})
		})
	}
}

func TestRetryAfterOfAServerErrorIsWaitedInFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			if sent++; sent == 1 {
				return answer(503, ``, "Retry-After: "+time.Now().Add(12*time.Second).UTC().Format(http.TimeFormat)), nil
			}
			return answer(200, anything), nil
		})
		began := time.Now()
		_, err := c.AppUsers.Get(t.Context(), "ida")
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(began), 12*time.Second)
	})
}

func TestRetryAfterThatIsTooLongEndsTheCall(t *testing.T) {
	t.Parallel()
	for class, call := range callOfClass {
		t.Run(class, func(t *testing.T) {
			t.Parallel()
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
		})
	}
}

func TestRetryAfterBeyondTheDeadlineEndsTheCall(t *testing.T) {
	t.Parallel()
	for class, call := range callOfClass {
		t.Run(class, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := fakeClient(t, func(*http.Request) (*http.Response, error) {
					return answer(429, ``, "Retry-After: 20"), nil
				})
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				began := time.Now()
				assert.ErrorIs(t, call(ctx, c), ErrRateLimited)
				assert.Zero(t, time.Since(began))
			})
		})
	}
	t.Run("503", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := fakeClient(t, func(*http.Request) (*http.Response, error) {
				return answer(503, ``, "Retry-After: 20"), nil
			})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			began := time.Now()
			_, err := c.AppUsers.Get(ctx, "ida")
			assert.ErrorIs(t, err, ErrServer)
			assert.NotErrorIs(t, err, context.DeadlineExceeded)
			assert.Zero(t, time.Since(began))
		})
	})
}

// TestWaitsEndWithTheContext: a call that is cancelled while it waits still reports the failure
// that made it wait.
func TestWaitsEndWithTheContext(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		class  string
		cause  error
	}{
		{"503", 503, "safe", ErrServer},
		{"429", 429, "safe", ErrRateLimited},
		{"429 to a message", 429, "traceable", ErrRateLimited},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := fakeClient(t, func(*http.Request) (*http.Response, error) {
					return answer(test.status, ``, "Retry-After: 30"), nil
				})
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(2*time.Second, cancel)
				began := time.Now()
				err := callOfClass[test.class](ctx, c)
				assert.ErrorIs(t, err, context.Canceled)
				assert.ErrorIs(t, err, test.cause)
				assert.NotErrorIs(t, err, ErrOutcomeUnknown)
				assert.Equal(t, 2*time.Second, time.Since(began))
			})
		})
	}
}

func TestLimiterIsAskedBeforeEveryAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		limiter := &countingLimiter{}
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			if sent++; sent == 1 {
				return answer(429, ``), nil
			}
			return answer(200, anything), nil
		}, WithLimiter(limiter))
		_, err := c.AppUsers.Get(t.Context(), "ida")
		require.NoError(t, err)
		assert.Equal(t, 2, limiter.asked)

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

// appCounter is a limiter that is told the app and each 429.
type appCounter struct {
	countingLimiter
	apps     []string
	refusals []string
}

func (l *appCounter) WaitApp(_ context.Context, appID string) error {
	l.apps = append(l.apps, appID)
	return l.err
}

func (l *appCounter) Refused(_ context.Context, appID string, retryAfter time.Duration) {
	l.refusals = append(l.refusals, appID+" "+retryAfter.String())
}

func TestLimiterIsToldTheAppAndEach429(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		retryAfter string
		refused    int // attempts that are answered with 429
		opts       []CallOption
		fails      error
		asked      int
		told       []string
	}{
		{"none", "", 0, nil, nil, 1, nil},
		{"seconds", "7", 2, nil, nil, 3, []string{"a1 7s", "a1 7s"}},
		{"no header", "", 2, nil, nil, 3, []string{"a1 500ms", "a1 1s"}},
		{"longer than is waited for", "3600", 1, nil, ErrRateLimited, 1, []string{"a1 1m0s"}},
		{"the last attempt", "1", 3, nil, ErrRateLimited, 3, []string{"a1 1s", "a1 1s", "a1 1s"}},
		{"not repeated", "2", 1, []CallOption{WithoutRetry()}, ErrRateLimited, 1, []string{"a1 2s"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				limiter := &appCounter{}
				sent := 0
				c := fakeClient(t, func(*http.Request) (*http.Response, error) {
					if sent++; sent <= test.refused {
						resp := answer(429, ``)
						if test.retryAfter != "" {
							resp.Header.Set("Retry-After", test.retryAfter)
						}
						return resp, nil
					}
					return answer(200, anything), nil
				}, WithLimiter(limiter), WithApp("a1"))
				_, err := c.AppUsers.Get(t.Context(), "ida", test.opts...)
				assert.ErrorIs(t, err, test.fails)
				assert.Equal(t, slices.Repeat([]string{"a1"}, test.asked), limiter.apps)
				assert.Equal(t, test.told, limiter.refusals)
				assert.Zero(t, limiter.asked, "Wait is not called as well")

				limiter.err = errors.New("the day's quota is used up")
				before := sent
				_, err = c.ForApp("a2").AppUsers.Get(t.Context(), "ida")
				assert.ErrorIs(t, err, limiter.err)
				assert.Equal(t, "a2", limiter.apps[len(limiter.apps)-1])
				assert.Equal(t, before, sent, "nothing is sent")
			})
		})
	}
}

// TestPauseHoldsBackCallsInTheLimiter: they have passed the throttle already, and pass it again.
func TestPauseHoldsBackCallsInTheLimiter(t *testing.T) {
	t.Parallel()
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
			return answer(200, anything), nil
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
		assert.Less(t, times[20], 8*time.Second, "the rate is not known, so it doubles each second")
	})
}

// steadyLimiter lets one attempt through at regular intervals.
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

// TestPauseHoldsBackTheApp: calls of copies of the client too, and no calls of another app. A call
// whose deadline is earlier than the end of the pause fails at once.
func TestPauseHoldsBackTheApp(t *testing.T) {
	t.Parallel()
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
			return answer(200, anything), nil
		})
		var group sync.WaitGroup
		group.Go(func() {
			_, err := c.AppUsers.Get(t.Context(), "first")
			assert.NoError(t, err)
		})
		time.Sleep(time.Second)
		group.Go(func() {
			_, err := c.ForVersion(V1).AppUsers.Get(t.Context(), "second")
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
		assert.ErrorContains(t, err, "not sent, as an earlier call was refused; retry after 9s")
		assert.Equal(t, time.Second, time.Since(began), "it fails at once")
		_, err = c.ForApp("other").AppUsers.Get(t.Context(), "fourth")
		require.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(began), "another app is not held back")
		mu.Lock()
		times = times[:1]
		mu.Unlock()
		group.Wait()
		require.Len(t, times, 3)
		for _, sent := range times[1:] {
			assert.GreaterOrEqual(t, sent, 10*time.Second)
		}
	})
}

// TestRefusalsOfThreeAppsHoldBackAll: their limit is probably one for the whole account.
func TestRefusalsOfThreeAppsHoldBackAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "noisy") {
				return answer(429, ``, "Retry-After: 10"), nil
			}
			return answer(200, anything), nil
		})
		began := time.Now()
		for _, app := range []string{"noisy1", "noisy2", "noisy3"} {
			_, err := c.ForApp("quiet").AppUsers.Get(t.Context(), "ida")
			require.NoError(t, err)
			assert.Zero(t, time.Since(began))
			_, err = c.ForApp(app).AppUsers.Get(t.Context(), "ida", WithoutRetry())
			assert.ErrorIs(t, err, ErrRateLimited)
		}
		_, err := c.ForApp("quiet").AppUsers.Get(t.Context(), "ida")
		require.NoError(t, err)
		assert.Equal(t, 10*time.Second, time.Since(began))
	})
}

// TestAStrayRefusalCostsAQuietClientLittle: 200 calls with a deadline of 10 s, after one 429 of a
// service that has no limit.
func TestAStrayRefusalCostsAQuietClientLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int32
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			if sent.Add(1) == 1 {
				return answer(429, ``, "Retry-After: 1"), nil
			}
			return answer(200, anything), nil
		})
		_, err := c.AppUsers.Get(t.Context(), "ida", WithoutRetry())
		require.ErrorIs(t, err, ErrRateLimited)
		began := time.Now()
		var group sync.WaitGroup
		for range 200 {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := c.AppUsers.Get(ctx, "ida")
				assert.NoError(t, err)
			})
		}
		group.Wait()
		assert.Less(t, time.Since(began), time.Second+5*time.Second)
	})
}

func TestPauseIsNeverLongerThanMaxRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			if sent++; sent == 1 {
				return answer(429, ``, "Retry-After: 86400"), nil
			}
			return answer(200, anything), nil
		})
		_, err := c.AppUsers.Get(t.Context(), "ida")
		assert.ErrorIs(t, err, ErrRateLimited)
		began := time.Now()
		_, err = c.AppUsers.Get(t.Context(), "ida")
		assert.NoError(t, err)
		assert.InDelta(t, 60, time.Since(began).Seconds(), 0.5)
	})
}

// TestBurstIsSpreadOverTime: a service that takes ten calls a second, and a hundred calls at once.
// All succeed in their three attempts, and few are refused twice.
func TestBurstIsSpreadOverTime(t *testing.T) {
	t.Parallel()
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
			return answer(200, anything), nil
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
		assert.Less(t, refusals, 90+15, "those of the first second, and hardly any after it")
		assert.Less(t, time.Since(began), 20*time.Second)
	})
}

// TestRefusedCallsGoFirst: after a pause they go before calls that have not been sent yet, however
// long those have waited.
func TestRefusedCallsGoFirst(t *testing.T) {
	t.Parallel()
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
			return answer(200, anything), nil
		})
		var group sync.WaitGroup
		get := func(name string) {
			group.Go(func() {
				_, err := c.AppUsers.Get(t.Context(), "ida", WithHeader("X-Name", name))
				assert.NoError(t, err)
			})
			time.Sleep(10 * time.Millisecond)
		}
		get("slow")
		get("quick")
		for i := range 5 {
			get("new" + strconv.Itoa(i))
		}
		group.Wait()
		require.Len(t, order, 9)
		assert.ElementsMatch(t, []string{"slow", "quick"}, order[2:4])
	})
}
