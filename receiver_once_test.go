package smooch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAHundredCopiesAtOnceAreHandledOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told observed
		var calls atomic.Int32
		r := newTestReceiver(t, told.option())
		Handle(r, func(context.Context, *MessageEvent) error {
			calls.Add(1)
			time.Sleep(time.Second)
			return nil
		})
		answers := make(chan int)
		for i := range 100 {
			version := []Version{V1, V1_1}[i%2]
			go func() { answers <- deliver(t, r, messageBody("m1", "u1", version)) }()
		}
		for range 100 {
			assert.Equal(t, 200, <-answers)
		}
		assert.EqualValues(t, 1, calls.Load())
		var handled, duplicates int
		for _, d := range told.all() {
			assert.Equal(t, time.Second, d.Duration, "no copy is answered before the function returns")
			if d.Handled {
				handled++
			}
			if d.Duplicate {
				duplicates++
			}
		}
		assert.Equal(t, 1, handled)
		assert.Equal(t, 99, duplicates)
	})
}

func TestCopiesShareAFailureAndTheNextDeliveryIsHandled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		r := newTestReceiver(t)
		Handle(r, func(context.Context, *MessageEvent) error {
			if calls.Add(1) == 1 {
				time.Sleep(time.Second)
				return errors.New("not yet")
			}
			return nil
		})
		body := messageBody("m1", "u1", V1_1)
		answers := make(chan int)
		for range 3 {
			go func() { answers <- deliver(t, r, body) }()
		}
		for range 3 {
			assert.Equal(t, 503, <-answers)
		}
		assert.EqualValues(t, 1, calls.Load())
		assert.Equal(t, 200, deliver(t, r, body))
		assert.Equal(t, 200, deliver(t, r, body))
		assert.EqualValues(t, 2, calls.Load())
	})
}

// TestCopyWaitsForAnotherProcess, which holds the claim, and asks four times a second.
func TestCopyWaitsForAnotherProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := NewMemoryDeduper(10)
		var told observed
		var calls atomic.Int32
		start := func(opts ...ReceiverOption) *WebhookReceiver {
			r := newTestReceiver(t, append(opts, WithDeduper(store))...)
			Handle(r, func(context.Context, *MessageEvent) error {
				calls.Add(1)
				time.Sleep(9900 * time.Millisecond)
				return nil
			})
			return r
		}
		first, second := start(), start(told.option())
		go deliver(t, first, messageBody("m1", "u1", V1_1))
		synctest.Wait()
		assert.Equal(t, 200, deliver(t, second, messageBody("m1", "u1", V1_1)))
		assert.EqualValues(t, 1, calls.Load())
		assert.Equal(t, 10*time.Second, told.last(t).Duration)
		assert.True(t, told.last(t).Duplicate)
		assert.False(t, told.last(t).Handled)
	})
}

// TestFunctionHasTheValuesOfTheRequest, but does not end with it.
func TestFunctionHasTheValuesOfTheRequest(t *testing.T) {
	t.Parallel()
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	cancel()
	r := newTestReceiver(t)
	Handle(r, func(ctx context.Context, _ *MessageEvent) error {
		assert.Equal(t, "value", ctx.Value(key{}))
		return ctx.Err()
	})
	canceled := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.ServeHTTP(w, req.WithContext(ctx))
	})
	assert.Equal(t, 200, deliver(t, canceled, messageBody("m1", "u1", V1_1)))
}

func TestFunctionHasADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newTestReceiver(t)
		Handle(r, func(ctx context.Context, _ *MessageEvent) error {
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, 15*time.Second, time.Until(deadline))
			<-ctx.Done()
			return ctx.Err()
		})
		assert.Equal(t, 503, deliver(t, r, messageBody("m1", "u1", V1_1)))
	})
}

// TestSlowFunctionIsNeverRunBesideItself: it ignores its context and takes far longer than the
// lease. Deliveries are answered 503 until it returns. After a late failure, the next delivery
// calls it again.
func TestSlowFunctionIsNeverRunBesideItself(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		late  error // what the function returns at last
		calls int32
	}{
		{"late success", nil, 1},
		{"late failure", errors.New("failed late"), 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var told observed
				var calls, running atomic.Int32
				r := newTestReceiver(t, WithHandlerTimeout(10*time.Second), told.option())
				Handle(r, func(context.Context, *MessageEvent) error {
					assert.EqualValues(t, 1, running.Add(1))
					defer running.Add(-1)
					if calls.Add(1) > 1 {
						return nil
					}
					time.Sleep(5 * time.Minute)
					return test.late
				})
				body := messageBody("m1", "u1", V1_1)
				began := time.Now()
				assert.Equal(t, 503, deliver(t, r, body))
				assert.Equal(t, 10*time.Second, time.Since(began), "the service waits 20 seconds")
				time.Sleep(2 * time.Minute)
				assert.Equal(t, 503, deliver(t, r, body), "it still runs")
				time.Sleep(5 * time.Minute)
				require.Len(t, told.all(), 2)
				require.Len(t, told.handlingsTold(), 1, "that of the first delivery")
				assert.True(t, told.handled()[0].Handled)
				assert.False(t, told.handled()[0].Duplicate)
				assert.ErrorIs(t, told.handled()[0].Err, test.late)
				assert.Equal(t, 200, deliver(t, r, body))
				assert.Equal(t, test.calls, calls.Load())
			})
		})
	}
}

// TestHandlingOutlivesItsDelivery: the hook is told of the answer, and later of the function.
func TestHandlingOutlivesItsDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told observed
		r := newTestReceiver(t, told.option())
		Handle(r, func(context.Context, *MessageEvent) error {
			time.Sleep(time.Minute)
			return nil
		})
		assert.Equal(t, 503, deliver(t, r, messageBody("m1", "u1", V1_1)))
		require.NoError(t, r.Shutdown(t.Context()))
		require.Len(t, told.all(), 1)
		assert.Equal(t, 15*time.Second, told.last(t).Duration)
		assert.False(t, told.last(t).Handled)
		assert.Equal(t, 503, told.last(t).StatusCode)
		assert.Equal(t, []HandlingResult{{Handled: true, Duration: time.Minute}}, told.handlingsTold())
	})
}

func TestPanicErrorHasTheStack(t *testing.T) {
	t.Parallel()
	var told observed
	r := newTestReceiver(t, told.option())
	Handle(r, func(context.Context, *MessageEvent) error { panic("boom") })
	assert.Equal(t, 500, deliver(t, r, messageBody("m1", "u1", V1_1)))
	var panicErr *PanicError
	require.ErrorAs(t, told.last(t).Err, &panicErr)
	assert.Equal(t, "boom", panicErr.Value)
	assert.Contains(t, string(panicErr.Stack), "receiver_once_test.go")
}

// TestFunctionThatEndsItsGoroutine, as a test's FailNow does, is answered for at once. Its event
// comes again, and no other one waits for it.
func TestFunctionThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	goexitFirst := func(calls *atomic.Int32) func(context.Context, *MessageEvent) error {
		return func(context.Context, *MessageEvent) error {
			if calls.Add(1) == 1 {
				runtime.Goexit()
			}
			return nil
		}
	}
	t.Run("before the answer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var calls atomic.Int32
			r := newTestReceiver(t)
			Handle(r, goexitFirst(&calls))
			began := time.Now()
			assert.Equal(t, 500, deliver(t, r, messageBody("m1", "u1", V1_1)))
			assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)))
			assert.Equal(t, 200, deliver(t, r, messageBody("m2", "u1", V1_1)))
			require.NoError(t, r.Shutdown(t.Context()))
			assert.EqualValues(t, 3, calls.Load())
			assert.Zero(t, time.Since(began))
		})
	})
	t.Run("in the background", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var calls atomic.Int32
			var told observed
			r := newTestReceiver(t, WithBackground(10, 1), told.option())
			Handle(r, goexitFirst(&calls))
			began := time.Now()
			assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)))
			synctest.Wait()
			var panicErr *PanicError
			require.Len(t, told.handled(), 1)
			require.ErrorAs(t, told.handled()[0].Err, &panicErr)
			assert.Equal(t, 200, deliver(t, r, messageBody("m2", "u1", V1_1)))
			assert.Equal(t, 200, deliver(t, r, messageBody("m3", "u2", V1_1)), "the one worker lives")
			require.NoError(t, r.Shutdown(t.Context()))
			assert.EqualValues(t, 3, calls.Load())
			assert.Zero(t, time.Since(began), "like a panic, it is not tried again")
		})
	})
}

func TestUntimedPostbackIsACopyForAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var taps atomic.Int32
		r := newTestReceiver(t)
		Handle(r, func(context.Context, *PostbackEvent) error { taps.Add(1); return nil })
		tap := func(user, extra string) {
			body := fmt.Sprintf(`{"trigger":"postback","appUser":{"_id":%q},"postbacks":[{"action":{"_id":"p1"}}]%s}`, user, extra)
			assert.Equal(t, 200, deliver(t, r, body))
		}
		tap("u1", "")
		time.Sleep(50 * time.Second)
		tap("u1", "")
		assert.EqualValues(t, 1, taps.Load())
		tap("u2", "")
		assert.EqualValues(t, 2, taps.Load(), "a menu item has the same action for all users")
		time.Sleep(11 * time.Second)
		tap("u1", "")
		assert.EqualValues(t, 3, taps.Load(), "a later tap is a new one")
		tap("u3", `,"timestamp":1540000000.5`)
		time.Sleep(2 * time.Minute)
		tap("u3", `,"timestamp":1540000000.5`)
		assert.EqualValues(t, 4, taps.Load(), "with a timestamp a copy is known for ever")
	})
}

func TestUntimedPostbackThatFailedOrTookLong(t *testing.T) {
	t.Parallel()
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
		assert.Equal(t, 503, deliver(t, r, untimedPostback))
		assert.Equal(t, 503, deliver(t, r, untimedPostback), "too slow")
		time.Sleep(5 * time.Minute)
		began := time.Now()
		for range 3 {
			assert.Equal(t, 200, deliver(t, r, untimedPostback))
		}
		assert.EqualValues(t, 2, calls.Load(), "copies of what has ended just now")
		assert.Zero(t, time.Since(began), "a copy leaves nothing claimed behind")
		time.Sleep(time.Minute)
		assert.Equal(t, 200, deliver(t, r, untimedPostback))
		assert.EqualValues(t, 3, calls.Load())
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.Empty(t, r.deduper.(*memoryDeduper).keys, "nothing stays claimed")
	})
}

// TestUntimedPostbackOfADeadProcess: a process that dies before it has forgotten a tap does not
// make a copy of every later tap.
func TestUntimedPostbackOfADeadProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := NewMemoryDeduper(100)
		var dead atomic.Bool
		var taps atomic.Int32
		start := func(d Deduper) *WebhookReceiver {
			r := newTestReceiver(t, WithDeduper(d))
			Handle(r, func(context.Context, *PostbackEvent) error { taps.Add(1); return nil })
			return r
		}
		first := start(&hookedDeduper{store, func(context.Context, string) error {
			if dead.Load() {
				return errors.New("the process is dead")
			}
			return nil
		}})
		second := start(store)
		time.Sleep(40 * time.Second) // into a minute of the clock
		assert.Equal(t, 200, deliver(t, first, untimedPostback))
		dead.Store(true)
		time.Sleep(30 * time.Second)
		assert.Equal(t, 200, deliver(t, second, untimedPostback))
		assert.EqualValues(t, 1, taps.Load(), "a copy, in another process and in the next minute")
		time.Sleep(90 * time.Second)
		assert.Equal(t, 200, deliver(t, second, untimedPostback))
		assert.EqualValues(t, 2, taps.Load(), "a new tap")
	})
}

// TestClaimOfADeadProcess ends with its lease; until then copies are asked to come again.
func TestClaimOfADeadProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := NewMemoryDeduper(100)
		v1, v11 := messageBody("m1", "u1", V1), messageBody("m1", "u1", V1_1)
		claim(t, store, EventKey(parseEvent(t, v11)), time.Minute, ClaimWon)

		var calls atomic.Int32
		start := func() *WebhookReceiver {
			r := newTestReceiver(t, WithDeduper(store))
			Handle(r, func(context.Context, *MessageEvent) error { calls.Add(1); return nil })
			return r
		}
		first, second := start(), start()
		assert.Equal(t, 503, deliver(t, first, v11))
		time.Sleep(time.Minute)
		assert.Equal(t, 200, deliver(t, first, v11))
		assert.EqualValues(t, 1, calls.Load())
		assert.Equal(t, 200, deliver(t, second, v1))
		assert.EqualValues(t, 1, calls.Load(), "another process knows it, in the other version too")
	})
}

func TestDeduperThatFails(t *testing.T) {
	t.Parallel()
	broken := ""
	r := newTestReceiver(t, WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(_ context.Context, call string) error {
		if call == broken {
			return errors.New("the store is down")
		}
		return nil
	}}))
	var calls atomic.Int32
	Handle(r, func(context.Context, *MessageEvent) error { calls.Add(1); return nil })
	broken = "claim"
	assert.Equal(t, 503, deliver(t, r, messageBody("m1", "u1", V1)), "it comes again")
	assert.Zero(t, calls.Load())
	broken = "done"
	assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1)), "it has been handled all the same")
	assert.EqualValues(t, 1, calls.Load())
}

// TestClaimThatFailsHalfway: an untimed event has two claims, one for each of two minutes of the
// clock. If the second fails, the first is released.
func TestClaimThatFailsHalfway(t *testing.T) {
	t.Parallel()
	store := NewMemoryDeduper(10)
	var claims atomic.Int32
	r := newTestReceiver(t, WithDeduper(&hookedDeduper{store, func(_ context.Context, call string) error {
		if call == "claim" && claims.Add(1) == 2 {
			return errors.New("the store is down")
		}
		return nil
	}}))
	Handle(r, func(context.Context, *PostbackEvent) error { return nil })
	assert.Equal(t, 503, deliver(t, r, untimedPostback))
	assert.Empty(t, store.(*memoryDeduper).keys)
	assert.Equal(t, 200, deliver(t, r, untimedPostback))
}

// TestDeduperThatHangs: its context ends in time for an answer, and what was claimed then can be
// claimed again after the lease.
func TestDeduperThatHangs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		call   string
		status int
		after  time.Duration
	}{
		{"claim", 503, 15 * time.Second},
		{"done", 200, 5 * time.Second}, // it has been handled all the same
		{"release", 503, 5 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.call, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var hung atomic.Bool
				var calls atomic.Int32
				r := newTestReceiver(t, WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(ctx context.Context, call string) error {
					if call == test.call && hung.CompareAndSwap(false, true) {
						<-ctx.Done()
						return ctx.Err()
					}
					return nil
				}}))
				Handle(r, func(context.Context, *MessageEvent) error {
					if calls.Add(1) == 1 && test.call == "release" {
						return errors.New("not yet")
					}
					return nil
				})
				body := messageBody("m1", "u1", V1_1)
				began := time.Now()
				assert.Equal(t, test.status, deliver(t, r, body))
				assert.Equal(t, test.after, time.Since(began), "before the service gives up")
				time.Sleep(2 * time.Minute) // beyond the lease
				assert.Equal(t, 200, deliver(t, r, body))
				require.NoError(t, r.Shutdown(t.Context()), "nothing is left under way")
			})
		})
	}
}
