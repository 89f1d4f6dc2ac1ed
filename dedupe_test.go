package smooch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const untimedPostback = `{"trigger":"postback","appUser":{"_id":"u1"},"postbacks":[{"action":{"_id":"p1"}}]}`

// hookedDeduper calls before ahead of each call of the deduper inside.
type hookedDeduper struct {
	Deduper
	before func(ctx context.Context, call, key string) error
}

func (d *hookedDeduper) Claim(ctx context.Context, key string, lease time.Duration) (Claim, error) {
	if err := d.before(ctx, "claim", key); err != nil {
		return ClaimBusy, err
	}
	return d.Deduper.Claim(ctx, key, lease)
}

func (d *hookedDeduper) Done(ctx context.Context, key string) error {
	if err := d.before(ctx, "done", key); err != nil {
		return err
	}
	return d.Deduper.Done(ctx, key)
}

func (d *hookedDeduper) Release(ctx context.Context, key string) error {
	if err := d.before(ctx, "release", key); err != nil {
		return err
	}
	return d.Deduper.Release(ctx, key)
}

// TestUntimedEventOfADeadProcess: a process that dies before it has forgotten a tap does not make a copy of every later tap.
func TestUntimedEventOfADeadProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := NewMemoryDeduper(100)
		var dead atomic.Bool
		var taps atomic.Int32
		start := func(d Deduper) *WebhookReceiver {
			r := newTestReceiver(t, WithDeduper(d))
			Handle(r, func(context.Context, *PostbackEvent) error { taps.Add(1); return nil })
			return r
		}
		first := start(&hookedDeduper{store, func(context.Context, string, string) error {
			if dead.Load() {
				return errors.New("the process is gone")
			}
			return nil
		}})
		second := start(store)
		time.Sleep(40 * time.Second) // into a minute
		assert.Equal(t, 200, deliver(first, testSecret, untimedPostback))
		dead.Store(true)
		time.Sleep(30 * time.Second)
		assert.Equal(t, 200, deliver(second, testSecret, untimedPostback))
		assert.EqualValues(t, 1, taps.Load(), "a copy, in the next minute of the clock and in another process")
		time.Sleep(90 * time.Second)
		assert.Equal(t, 200, deliver(second, testSecret, untimedPostback))
		assert.EqualValues(t, 2, taps.Load(), "a new tap")
		time.Sleep(2 * time.Minute)
	})
}

func TestUntimedEventThatFailedOrTookLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		r := newTestReceiver(t)
		Handle(r, func(context.Context, *PostbackEvent) error {
			switch calls.Add(1) {
			case 1:
				return errors.New("not yet")
			case 2:
				time.Sleep(5 * time.Minute)
			}
			return nil
		})
		assert.Equal(t, 503, deliver(r, testSecret, untimedPostback))
		assert.Equal(t, 503, deliver(r, testSecret, untimedPostback), "too slow")
		time.Sleep(5 * time.Minute)
		began := time.Now()
		for range 3 {
			assert.Equal(t, 200, deliver(r, testSecret, untimedPostback))
		}
		assert.EqualValues(t, 2, calls.Load(), "the redelivery is a copy of what has ended just now")
		assert.Zero(t, time.Since(began), "a copy leaves nothing claimed behind")
		time.Sleep(time.Minute)
		assert.Equal(t, 200, deliver(r, testSecret, untimedPostback))
		assert.EqualValues(t, 3, calls.Load())
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.Empty(t, r.deduper.(*memoryDeduper).keys, "nothing stays claimed")
	})
}

func TestClaimsOfTheDeadAreForgottenFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewMemoryDeduper(3)
		for _, key := range []string{"dead1", "dead2"} {
			_, err := d.Claim(t.Context(), key, time.Second)
			require.NoError(t, err)
		}
		time.Sleep(time.Minute)
		require.NoError(t, d.Done(t.Context(), "done"))
		for _, key := range []string{"a", "b"} {
			_, err := d.Claim(t.Context(), key, time.Hour)
			require.NoError(t, err)
		}
		claim, err := d.Claim(t.Context(), "done", time.Second)
		require.NoError(t, err)
		assert.Equal(t, ClaimDone, claim)
	})
}

// TestShutdownWaitsForTheObserver, which alone is told of an event that was given up.
func TestShutdownWaitsForTheObserver(t *testing.T) {
	for _, opts := range [][]ReceiverOption{{WithBackground(10, 1)}, {WithHandlerTimeout(time.Second)}} {
		synctest.Test(t, func(t *testing.T) {
			var told atomic.Int32
			r := newTestReceiver(t, append(opts, WithObserver(func(d Delivery) {
				if d.Handled {
					time.Sleep(time.Second)
					told.Add(1)
				}
			}))...)
			Handle(r, func(context.Context, *MessageEvent) error {
				time.Sleep(time.Minute)
				return Permanent(errors.New("no"))
			})
			deliver(r, testSecret, messageBody("m1", "u1", V1_1))
			require.NoError(t, r.Shutdown(t.Context()))
			assert.EqualValues(t, 1, told.Load())
		})
	}
}

// TestNotificationsOfDifferentPeopleSideBySide: they have no app user at the top.
func TestNotificationsOfDifferentPeopleSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestReceiver(t, WithBackground(40, 40))
		Handle(r, func(context.Context, *NotificationEvent) error { time.Sleep(time.Second); return nil })
		began := time.Now()
		for i := range 20 {
			deliver(r, testSecret, fmt.Sprintf(`{"trigger":"notification:delivery:channel","notification":{"_id":"n%d"}}`, i))
			deliver(r, testSecret, fmt.Sprintf(`{"trigger":"notification:delivery:user","notification":{"_id":"p%d"},"matchResult":{"appUser":{"_id":"u%d"}}}`, i, i))
		}
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Equal(t, time.Second, time.Since(began))
	})
}

// TestDeduperThatHangs: its context ends in time for an answer, and what hung is claimed again later.
func TestDeduperThatHangs(t *testing.T) {
	tests := map[string]struct {
		status int
		after  time.Duration
	}{
		"claim":   {503, 15 * time.Second},
		"done":    {200, 5 * time.Second}, // handled all the same
		"release": {503, 5 * time.Second},
	}
	for call, want := range tests {
		synctest.Test(t, func(t *testing.T) {
			var hung atomic.Bool
			store := NewMemoryDeduper(10)
			r := newTestReceiver(t, WithDeduper(&hookedDeduper{store, func(ctx context.Context, c, _ string) error {
				if c == call && hung.CompareAndSwap(false, true) {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			}}))
			var calls atomic.Int32
			Handle(r, func(context.Context, *MessageEvent) error {
				if calls.Add(1) == 1 && call == "release" {
					return errors.New("not yet")
				}
				return nil
			})
			body := messageBody("m1", "u1", V1_1)
			began := time.Now()
			assert.Equal(t, want.status, deliver(r, testSecret, body), call)
			assert.Equal(t, want.after, time.Since(began), "before the service gives up")
			time.Sleep(2 * time.Minute) // beyond the lease
			assert.Equal(t, 200, deliver(r, testSecret, body), call)
			require.NoError(t, r.Shutdown(t.Context()), "nothing is left under way")
		})
	}
}

// TestDeduperThatPanics does not end the process, which a panic outside of net/http's goroutine would.
func TestDeduperThatPanics(t *testing.T) {
	for call, want := range map[string]int{"claim": 503, "done": 200, "release": 503} {
		var seen Delivery
		r := newTestReceiver(t, WithObserver(func(d Delivery) { seen = d }), WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(_ context.Context, c, _ string) error {
			if c == call {
				panic("no connection")
			}
			return nil
		}}))
		Handle(r, func(context.Context, *MessageEvent) error {
			if call == "release" {
				return errors.New("not yet")
			}
			return nil
		})
		assert.Equal(t, want, deliver(r, testSecret, messageBody("m1", "u1", V1_1)), call)
		_, ok := errors.AsType[*PanicError](seen.Err)
		assert.True(t, ok, "%s: %v", call, seen.Err)
		require.NoError(t, r.Shutdown(t.Context()))
	}
}

// TestHandlerThatEndsItsGoroutine, as a test's FailNow does: it is answered for at once, comes again, and holds up nobody.
func TestHandlerThatEndsItsGoroutine(t *testing.T) {
	for _, opts := range [][]ReceiverOption{nil, {WithBackground(10, 1)}} {
		synctest.Test(t, func(t *testing.T) {
			var calls atomic.Int32
			r := newTestReceiver(t, opts...)
			Handle(r, func(context.Context, *MessageEvent) error {
				if calls.Add(1) == 1 {
					runtime.Goexit()
				}
				return nil
			})
			began := time.Now()
			status := deliver(r, testSecret, messageBody("m1", "u1", V1_1))
			if opts == nil {
				assert.Equal(t, 500, status)
				assert.Equal(t, 200, deliver(r, testSecret, messageBody("m1", "u1", V1_1)))
			}
			synctest.Wait()
			assert.Equal(t, 200, deliver(r, testSecret, messageBody("m2", "u1", V1_1)))
			if opts != nil {
				assert.Equal(t, 200, deliver(r, testSecret, messageBody("m3", "u2", V1_1)), "the one worker lives")
			}
			require.NoError(t, r.Shutdown(t.Context()))
			assert.EqualValues(t, 3, calls.Load())
			assert.Zero(t, time.Since(began), "like a panic, it is not tried again in the background")
		})
	}
}

// TestObserverThatPanics after the answer does not end the process.
func TestObserverThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestReceiver(t, WithBackground(10, 1), WithObserver(func(d Delivery) {
			if d.Status == 0 || d.Handled {
				panic("no log")
			}
		}))
		var calls atomic.Int32
		Handle(r, func(context.Context, *MessageEvent) error { calls.Add(1); return nil })
		assert.Equal(t, 200, deliver(r, testSecret, messageBody("m1", "u1", V1_1)))
		assert.Equal(t, 200, deliver(r, testSecret, messageBody("m2", "u1", V1_1)))
		require.NoError(t, r.Shutdown(t.Context()))
		assert.EqualValues(t, 2, calls.Load())
	})
}

func TestPanicShowsItsPlace(t *testing.T) {
	var seen Delivery
	r := newTestReceiver(t, WithObserver(func(d Delivery) { seen = d }))
	Handle(r, func(context.Context, *MessageEvent) error { panic("boom") })
	assert.Equal(t, 500, deliver(r, testSecret, messageBody("m1", "u1", V1_1)))
	e, ok := errors.AsType[*PanicError](seen.Err)
	require.True(t, ok)
	assert.Equal(t, "boom", e.Value)
	assert.Contains(t, string(e.Stack), "dedupe_test.go")
}

// TestLateReportCountsFromTheRequest: the observer hears of a function that was answered for, and how long it took in all.
func TestLateReportCountsFromTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []Delivery
		r := newTestReceiver(t, WithObserver(func(d Delivery) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, d)
		}))
		Handle(r, func(context.Context, *MessageEvent) error { time.Sleep(time.Minute); return nil })
		assert.Equal(t, 503, deliver(r, testSecret, messageBody("m1", "u1", V1_1)))
		require.NoError(t, r.Shutdown(t.Context()))
		synctest.Wait()
		require.Len(t, seen, 2)
		assert.Equal(t, 15*time.Second, seen[0].Duration)
		assert.False(t, seen[0].Handled)
		assert.Equal(t, time.Minute, seen[1].Duration)
		assert.True(t, seen[1].Handled)
		assert.NoError(t, seen[1].Err)
	})
}

func TestSecretThatIsAddedAgainKeepsItsPlace(t *testing.T) {
	var place atomic.Int32
	r := newTestReceiver(t, WithObserver(func(d Delivery) { place.Store(int32(d.SecretIndex)) }))
	for range 3 {
		require.NoError(t, r.AddSecret("second"))
		require.NoError(t, r.AddSecret(testSecret))
	}
	assert.Len(t, r.secrets, 2)
	assert.Equal(t, 200, deliver(r, testSecret, `{}`))
	assert.Zero(t, place.Load())
}

// TestLimitOfTheApplication: a smaller limit around the receiver gets the same answer.
func TestLimitOfTheApplication(t *testing.T) {
	r := newTestReceiver(t)
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(messageBody(strings.Repeat("m", 1000), "u1", V1_1)))
	req.Header.Set("X-API-Key", testSecret)
	w := httptest.NewRecorder()
	http.MaxBytesHandler(r, 100).ServeHTTP(w, req)
	assert.Equal(t, 413, w.Code)
}

// TestQueuedEventIsHandledForAllProcesses: a copy of it is acknowledged by another process at once, however long the queue is.
func TestQueuedEventIsHandledForAllProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := NewMemoryDeduper(10)
		var calls atomic.Int32
		start := func() *WebhookReceiver {
			r := newTestReceiver(t, WithDeduper(store), WithBackground(10, 1))
			Handle(r, func(context.Context, *MessageEvent) error { calls.Add(1); time.Sleep(5 * time.Minute); return nil })
			return r
		}
		first, second := start(), start()
		assert.Equal(t, 200, deliver(first, testSecret, messageBody("m1", "u1", V1_1)))
		assert.Equal(t, 200, deliver(first, testSecret, messageBody("m2", "u1", V1_1)))
		for range 2 {
			began := time.Now()
			assert.Equal(t, 200, deliver(second, testSecret, messageBody("m2", "u1", V1_1)))
			assert.Zero(t, time.Since(began))
			time.Sleep(4 * time.Minute) // beyond the lease
		}
		require.NoError(t, first.Shutdown(t.Context()))
		require.NoError(t, second.Shutdown(t.Context()))
		assert.EqualValues(t, 2, calls.Load())
	})
}
