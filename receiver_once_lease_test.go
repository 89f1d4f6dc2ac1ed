package smooch

import (
	"context"
	"errors"
	"fmt"
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

// leaseRecorder keeps the leases that are asked for, and when.
type leaseRecorder struct {
	Deduper
	claims, extensions []time.Duration
	at                 []time.Time // of the extensions
}

func (d *leaseRecorder) Claim(ctx context.Context, key string, lease time.Duration) (Claim, error) {
	d.claims = append(d.claims, lease)
	return d.Deduper.Claim(ctx, key, lease)
}

func (d *leaseRecorder) Extend(ctx context.Context, key, token string, lease time.Duration) error {
	d.extensions, d.at = append(d.extensions, lease), append(d.at, time.Now())
	return d.Deduper.Extend(ctx, key, token, lease)
}

// TestLeaseIsExtendedWhileTheFunctionRuns, each time a third of it has passed, and not afterwards.
func TestLeaseIsExtendedWhileTheFunctionRuns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		opts  []ReceiverOption
		lease time.Duration
	}{
		"default": {nil, 30 * time.Second},
		"set":     {[]ReceiverOption{WithLease(3 * time.Second)}, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &leaseRecorder{Deduper: NewMemoryDeduper(10)}
				r := newTestReceiver(t, append(test.opts, WithDeduper(store))...)
				Handle(r, func(context.Context, *MessageEvent) error {
					time.Sleep(test.lease + test.lease/2)
					return nil
				})
				began := time.Now()
				deliver(t, r, messageBody("m1", "u1", V1_1))
				time.Sleep(10 * test.lease)
				synctest.Wait()
				assert.Equal(t, []time.Duration{test.lease}, store.claims)
				require.Len(t, store.extensions, 4)
				for i, at := range store.at {
					assert.Equal(t, test.lease, store.extensions[i])
					assert.Equal(t, time.Duration(i+1)*test.lease/3, at.Sub(began))
				}
				assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)))
				assert.Len(t, store.claims, 2)
			})
		})
	}
}

// TestLostClaim ends the context of a function with that cause, and nothing is recorded. What the
// function returns then does not count.
func TestLostClaim(t *testing.T) {
	t.Parallel()
	down := errors.New("the store is down")
	tests := []struct {
		name   string
		fault  func(call string, after time.Duration) error // of the deduper
		lost   time.Duration                                // when the context ends; 0: it does not
		called int                                          // how often the deduper was asked to extend
	}{
		{"none", func(string, time.Duration) error { return nil }, 0, 5},
		{"claimed by another process", func(call string, after time.Duration) error {
			if call == "extend" && after > 15*time.Second {
				return fmt.Errorf("refused: %w", ErrClaimLost)
			}
			return nil
		}, 20 * time.Second, 2},
		{"the store is down for a while", func(_ string, after time.Duration) error {
			if after > 5*time.Second && after < 28*time.Second {
				return down
			}
			return nil
		}, 0, 10}, // at 10, 13, 16, 19, 22, 25, 28, 38, 48, 58
		{"the store is down for longer than the lease", func(call string, after time.Duration) error {
			if call == "extend" && after > 5*time.Second {
				return down
			}
			return nil
		}, 30 * time.Second, 7},
		{"the deduper panics", func(call string, after time.Duration) error {
			if call == "extend" && after > 5*time.Second {
				panic(down)
			}
			return nil
		}, 30 * time.Second, 7},
	}
	for _, test := range tests {
		for _, late := range []error{nil, errors.New("not yet"), Permanent(errors.New("no"))} {
			t.Run(fmt.Sprintf("%s, %v", test.name, late), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					var mu sync.Mutex
					counts := map[string]int{}
					r := newTestReceiver(t, WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(_ context.Context, call string) error {
						mu.Lock()
						counts[call]++
						mu.Unlock()
						return test.fault(call, time.Since(began))
					}}))
					Handle(r, func(ctx context.Context, _ *MessageEvent) error {
						select {
						case <-ctx.Done():
							assert.Equal(t, test.lost, time.Since(began))
							assert.Equal(t, ErrClaimLost, context.Cause(ctx))
						case <-time.After(59 * time.Second):
							assert.Zero(t, test.lost)
						}
						return late
					})
					err := r.Process(t.Context(), queuedMessage("m1"))
					mu.Lock()
					defer mu.Unlock()
					assert.Equal(t, test.called, counts["extend"])
					if test.lost == 0 {
						assert.ErrorIs(t, err, late)
						assert.Equal(t, 1, counts["done"]+counts["release"])
						return
					}
					assert.ErrorIs(t, err, ErrClaimLost)
					assert.False(t, IsPermanent(err), "it comes again")
					assert.NotErrorIs(t, err, ErrBusy)
					assert.Zero(t, counts["done"]+counts["release"])
				})
			})
		}
	}
}

// TestHangingExtensionLosesTheClaimInTime: the context of the function ends when the lease does.
func TestHangingExtensionLosesTheClaimInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var log logged
		r := newTestReceiver(t, log.option(), WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(ctx context.Context, call string) error {
			if call == "extend" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}}))
		Handle(r, func(ctx context.Context, _ *MessageEvent) error {
			<-ctx.Done()
			return ctx.Err()
		})
		assert.ErrorIs(t, r.Process(t.Context(), queuedMessage("m1")), ErrClaimLost)
		assert.Equal(t, 30*time.Second, time.Since(began))
		assert.Contains(t, log.text(), "could not be extended")
		assert.Contains(t, log.text(), "the claim of an event was lost")
	})
}

// TestExtensionDuringTheEnd: that it comes too late is not a lost claim.
func TestExtensionDuringTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logged
		r := newTestReceiver(t, log.option(), WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(_ context.Context, call string) error {
			if call == "extend" {
				time.Sleep(3 * time.Second)
			}
			return nil
		}}))
		Handle(r, func(context.Context, *MessageEvent) error {
			time.Sleep(12 * time.Second)
			return nil
		})
		require.NoError(t, r.Process(t.Context(), queuedMessage("m1")))
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Empty(t, log.take(t))
	})
}

// TestDeliveryWhoseClaimIsLost is answered with 503 at once, and the service repeats it.
func TestDeliveryWhoseClaimIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := NewMemoryDeduper(10)
		var told observed
		var calls atomic.Int32
		r := newTestReceiver(t, told.option(), WithLease(3*time.Second), WithDeduper(&hookedDeduper{store, func(_ context.Context, call string) error {
			if call == "extend" {
				return ErrClaimLost
			}
			return nil
		}}))
		Handle(r, func(context.Context, *MessageEvent) error {
			if calls.Add(1) == 1 {
				time.Sleep(10 * time.Second) // it does not look at its context
			}
			return nil
		})
		began := time.Now()
		body := messageBody("m1", "u1", V1_1)
		assert.Equal(t, 503, deliver(t, r, body))
		assert.Equal(t, time.Second, time.Since(began))
		assert.ErrorIs(t, told.last(t).Err, ErrClaimLost)
		assert.False(t, told.last(t).Handled)
		assert.Equal(t, 503, deliver(t, r, body), "its copies are answered when it returns")
		assert.Equal(t, 10*time.Second, time.Since(began))
		assert.EqualValues(t, 1, calls.Load())
		synctest.Wait()
		require.Len(t, told.handled(), 1)
		assert.ErrorIs(t, told.handled()[0].Err, ErrClaimLost)
		assert.Equal(t, 200, deliver(t, r, body))
		assert.EqualValues(t, 2, calls.Load())
	})
}

// TestSuspendedProcess does not free or record the claim that another one has won meanwhile.
func TestSuspendedProcess(t *testing.T) {
	t.Parallel()
	for _, late := range []error{nil, errors.New("not yet")} {
		t.Run(fmt.Sprint(late), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := NewMemoryDeduper(10)
				e := queuedMessage("m1")
				suspended := newTestReceiver(t, WithDeduper(&hookedDeduper{store, func(_ context.Context, call string) error {
					if call == "extend" {
						time.Sleep(time.Minute)
					}
					return nil
				}}))
				Handle(suspended, func(context.Context, *MessageEvent) error {
					time.Sleep(40 * time.Second)
					return late
				})
				running := make(chan error)
				go func() { running <- suspended.Process(t.Context(), e) }()
				time.Sleep(31 * time.Second)

				other := newTestReceiver(t, WithDeduper(store))
				Handle(other, func(context.Context, *MessageEvent) error {
					time.Sleep(time.Minute)
					return nil
				})
				handled := make(chan error)
				go func() { handled <- other.Process(t.Context(), e) }()
				assert.ErrorIs(t, <-running, ErrClaimLost, "although the function has returned")
				claim(t, store, e.Key, time.Second, ClaimBusy)
				require.NoError(t, <-handled)
				claim(t, store, e.Key, time.Second, ClaimDone)
			})
		})
	}
}

// lateDeduper answers its first claim when that has ended.
type lateDeduper struct {
	Deduper
	late sync.Once
}

func (d *lateDeduper) Claim(ctx context.Context, key string, lease time.Duration) (Claim, error) {
	c, err := d.Deduper.Claim(ctx, key, lease)
	d.late.Do(func() { time.Sleep(lease) })
	return c, err
}

// TestProcessSuspendedBetweenClaimAndFunction does not call the function: by then, another process
// may have handled the event, and newer ones of the user.
func TestProcessSuspendedBetweenClaimAndFunction(t *testing.T) {
	t.Parallel()
	for name, process := range map[string]func(*testing.T, *WebhookReceiver) error{
		"queue": func(t *testing.T, r *WebhookReceiver) error { return r.Process(t.Context(), queuedMessage("m1")) },
		"delivery": func(t *testing.T, r *WebhookReceiver) error {
			assert.Equal(t, 503, deliver(t, r, messageBody("m1", "u1", V1_1)))
			return ErrClaimLost
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				var log logged
				r := newTestReceiver(t, log.option(), WithLease(3*time.Second), WithDeduper(&lateDeduper{Deduper: NewMemoryDeduper(10)}))
				Handle(r, func(context.Context, *MessageEvent) error { calls.Add(1); return nil })
				assert.ErrorIs(t, process(t, r), ErrClaimLost)
				assert.Zero(t, calls.Load())
				assert.Contains(t, log.text(), "the claim of an event was lost")
				require.NoError(t, r.Process(t.Context(), queuedMessage("m1")), "it comes again")
				assert.EqualValues(t, 1, calls.Load())
			})
		})
	}
}

// stateless is a deduper whose claims have no state.
type stateless struct{ Deduper }

func (stateless) Claim(context.Context, string, time.Duration) (Claim, error) { return Claim{}, nil }

// TestClaimWithoutAState is an error, and not a claim that was won.
func TestClaimWithoutAState(t *testing.T) {
	t.Parallel()
	var told observed
	r := newTestReceiver(t, told.option(), WithDeduper(stateless{NewMemoryDeduper(1)}))
	Handle(r, func(context.Context, *MessageEvent) error { t.Error("the event is not claimed"); return nil })
	assert.Equal(t, 503, deliver(t, r, messageBody("m1", "u1", V1_1)))
	assert.ErrorIs(t, told.last(t).Err, errClaimState)
	assert.ErrorIs(t, r.Process(t.Context(), queuedMessage("m1")), ErrBusy)
}

// TestClaimThatFailsAfterTheAnswer is not reported as an event that was handled.
func TestClaimThatFailsAfterTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told observed
		r := newTestReceiver(t, told.option(), WithDeduper(&hookedDeduper{NewMemoryDeduper(1), func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		}}))
		Handle(r, func(context.Context, *MessageEvent) error { return nil })
		body := &lateReader{10 * time.Second, strings.NewReader(messageBody("m1", "u1", V1_1))}
		assert.Equal(t, 503, deliverWith(t, r, testSecret, body))
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Len(t, told.all(), 1)
		assert.Len(t, told.handlingsTold(), 1)
		assert.Empty(t, told.handled())
	})
}

// TestFunctionThatReturnsWhenTheAnswerIsDue is told once, before the answer or after it.
func TestFunctionThatReturnsWhenTheAnswerIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told observed
		r := newTestReceiver(t, told.option())
		Handle(r, func(context.Context, *MessageEvent) error {
			time.Sleep(15 * time.Second)
			return nil
		})
		const events = 300
		for i := range events {
			go deliver(t, r, messageBody(strconv.Itoa(i), "u1", V1_1))
		}
		time.Sleep(time.Minute)
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Len(t, told.handled(), events)
	})
}
