package smooch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
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

// sliceQueue is a queue that keeps events in the order of their arrival.
type sliceQueue struct {
	mu     sync.Mutex
	events []QueuedEvent
	put    func(ctx context.Context) error // called before an event is kept; nil: nothing
}

func (q *sliceQueue) Put(ctx context.Context, e QueuedEvent) error {
	if q.put != nil {
		if err := q.put(ctx); err != nil {
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.events = append(q.events, e)
	return nil
}

func TestEventsInAQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		message := messageBody("m1", "u1", V1_1)
		minute := "|" + strconv.FormatInt(time.Now().Unix()/60, 10)
		tests := []struct{ body, key, order string }{
			{message, "message:appUser|m1", "u1"},
			{messageBody("m1", "u1", V1), "message:appUser|m1", "u1"},
			{untimedPostback, EventKey(parseEvent(t, untimedPostback)) + minute, "u1"},
			{`{"trigger":"poll:closed","timestamp":1.5}`, "body|" + hash([]byte(`{"trigger":"poll:closed","timestamp":1.5}`)), ""},
			{`{}`, "body|" + hash([]byte(`{}`)) + minute, ""},
			{`{"trigger":"notification:delivery:channel","notification":{"_id":"n1"}}`, "notification:delivery:channel|n1", "n1"},
		}
		for _, test := range tests {
			queue := &sliceQueue{put: func(context.Context) error { time.Sleep(time.Second); return nil }}
			var claims atomic.Int32
			r := newTestReceiver(t, WithQueue(queue), WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(context.Context, string) error {
				claims.Add(1)
				return nil
			}}))
			began := time.Now()
			assert.Equal(t, 200, deliver(t, r, test.body), "without a function")
			assert.Equal(t, time.Second, time.Since(began), "when the event is safe")
			if test.order == "" {
				test.order = queue.events[0].Key
			}
			assert.Equal(t, []QueuedEvent{{test.key, test.order, began, []byte(test.body)}}, queue.events)
			assert.Zero(t, claims.Load())
		}
	})
}

// TestQueueHasItsOwnBodies: neither a queue that reuses what it was given nor a hook that
// changes what it was told of changes an event.
func TestQueueHasItsOwnBodies(t *testing.T) {
	t.Parallel()
	body := messageBody("m1", "u1", V1_1)
	var told observed
	var kept Event
	queue := &sliceQueue{}
	r := newTestReceiver(t, WithQueue(queue), told.option())
	Handle(r, func(_ context.Context, e *MessageEvent) error { kept = e; return nil })
	assert.Equal(t, 200, deliver(t, r, body))
	raw := told.last(t).Event.RawJSON()
	assert.Equal(t, body, string(raw))
	clear(raw)
	require.NoError(t, r.Process(t.Context(), queue.events[0]))
	assert.Equal(t, body, string(queue.events[0].Body))
	clear(queue.events[0].Body)
	assert.Equal(t, body, string(kept.RawJSON()))
}

// TestKeysInAQueueAreBounded with the minute, too.
func TestKeysInAQueueAreBounded(t *testing.T) {
	t.Parallel()
	longest := 0
	for length := range 300 {
		queue := &sliceQueue{}
		r := newTestReceiver(t, WithQueue(queue))
		deliver(t, r, strings.Replace(untimedPostback, "p1", strings.Repeat("p", length), 1))
		require.NotEmpty(t, queue.events[0].Key)
		longest = max(longest, len(queue.events[0].Key))
	}
	assert.LessOrEqual(t, longest, 255)
}

func TestDeliveriesThatAreNotQueued(t *testing.T) {
	t.Parallel()
	message := messageBody("m1", "u1", V1_1)
	tests := []struct {
		name   string
		put    func(context.Context) error
		secret string
		body   string
		status int
		after  time.Duration
		log    string
	}{
		{"accepted", nil, testSecret, message, 200, 0, ""},
		{"wrong secret", nil, "guess", message, 401, 0, "wrong_secret"},
		{"another version", nil, testSecret, messageBody("m1", "u1", V1), 200, 0, ""},
		{"not JSON", nil, testSecret, message[1:], 400, 0, "not_json"},
		{"too large", func(context.Context) error { return fmt.Errorf("4 KiB: %w", ErrTooLarge) }, testSecret, message, 413, 0, "too_large"},
		{"full", func(context.Context) error { return errors.New("no disk for user-01") }, testSecret, message, 503, 0, "no disk for [redacted]"},
		{"late", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, testSecret, message, 503, 15 * time.Second, "deadline exceeded"},
		{"panic", func(context.Context) error { panic("no connection") }, testSecret, message, 503, 0, "no connection"},
		{"nil pointer", func(context.Context) error { return (*errorWithCause)(nil) }, testSecret, message, 503, 0, "could not be queued"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var told observed
				var log logged
				queue := &sliceQueue{put: test.put}
				r := newTestReceiver(t, WithQueue(queue), WithAcceptVersions(V1_1), told.option(), log.option())
				body := strings.ReplaceAll(test.body, "u1", "user-01")
				began := time.Now()
				assert.Equal(t, test.status, deliverWith(t, r, test.secret, strings.NewReader(body)))
				assert.Equal(t, test.after, time.Since(began))
				assert.Equal(t, test.name == "accepted", len(queue.events) == 1)
				require.Len(t, told.all(), 1)
				assert.Equal(t, test.status, told.last(t).StatusCode)
				assert.Equal(t, test.status != 200, told.last(t).Err != nil)
				assert.Equal(t, test.name == "another version", told.last(t).Ignored)
				assert.Contains(t, log.text(), test.log)
				assert.Equal(t, test.log == "", log.text() == "")
				require.NoError(t, r.Shutdown(t.Context()))
			})
		})
	}
}

// TestShutdownWithAQueue waits for events that are being put, and refuses others. Process goes on.
func TestShutdownWithAQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := &sliceQueue{put: func(context.Context) error { time.Sleep(time.Second); return nil }}
		r := newTestReceiver(t, WithQueue(queue))
		Handle(r, func(context.Context, *MessageEvent) error { return nil })
		began := time.Now()
		accepted := make(chan int)
		go func() { accepted <- deliver(t, r, messageBody("m1", "u1", V1_1)) }()
		synctest.Wait()
		shutdown := make(chan error)
		go func() { shutdown <- r.Shutdown(t.Context()) }()
		synctest.Wait()
		assert.Equal(t, 503, deliver(t, r, messageBody("m2", "u1", V1_1)))
		assert.Zero(t, time.Since(began))
		assert.Equal(t, 200, <-accepted)
		require.NoError(t, <-shutdown)
		assert.Equal(t, time.Second, time.Since(began))
		assert.Len(t, queue.events, 1)
		require.NoError(t, r.Process(t.Context(), queue.events[0]))
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

// TestProcess: what it returns, and what is claimed afterwards.
func TestProcess(t *testing.T) {
	t.Parallel()
	failure, down := errors.New("not yet"), errors.New("the store is down")
	body := messageBody("m1", "u1", V1_1)
	tests := []struct {
		name      string
		body      string
		function  func() error // nil: there is none
		fault     string       // the call of the deduper that fails
		claimed   ClaimState   // what another process's claim returns before; 0: there is none
		is        []error
		not       []error // is and not are nil: there is no error
		permanent bool
		after     ClaimState // what a claim returns afterwards
		calls     int
	}{
		{"success", body, succeed, "", 0, nil, nil, false, ClaimDone, 1},
		{"failure", body, func() error { return failure }, "", 0, []error{failure}, []error{ErrBusy, ErrClaimLost}, false, ClaimWon, 1},
		{"permanent failure", body, func() error { return fmt.Errorf("order 7: %w", Permanent(failure)) }, "", 0, []error{failure}, []error{ErrBusy, ErrClaimLost}, true, ClaimWon, 1},
		{"panic", body, func() error { panic("boom") }, "", 0, nil, []error{ErrBusy, ErrClaimLost}, false, ClaimWon, 1},
		{"panic of runtime.Goexit", body, func() error { runtime.Goexit(); return nil }, "", 0, nil, []error{ErrBusy, ErrClaimLost}, false, ClaimWon, 1},
		{"no function", body, nil, "", 0, nil, nil, false, ClaimWon, 0},
		{"not JSON", body[1:], succeed, "", 0, nil, []error{ErrBusy}, true, ClaimWon, 0},
		{"not an object", "[]", succeed, "", 0, nil, []error{ErrBusy}, true, ClaimWon, 0},
		{"handled before", body, succeed, "", ClaimDone, nil, nil, false, ClaimDone, 0},
		{"handled elsewhere", body, succeed, "", ClaimBusy, []error{ErrBusy}, []error{ErrClaimLost, errTooSlow}, false, ClaimBusy, 0},
		{"claim fails", body, succeed, "claim", 0, []error{ErrBusy, down}, []error{ErrClaimLost}, false, ClaimWon, 0},
		{"done fails", body, succeed, "done", 0, nil, nil, false, ClaimBusy, 1},
		{"release fails", body, func() error { return Permanent(failure) }, "release", 0, []error{failure, down}, []error{ErrBusy, ErrClaimLost}, true, ClaimBusy, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := NewMemoryDeduper(10)
				const key = "the key that the queue has brought"
				if test.claimed != 0 {
					token := claim(t, store, key, time.Minute, ClaimWon)
					if test.claimed == ClaimDone {
						require.NoError(t, store.Done(t.Context(), key, token))
					}
				}
				var told observed
				r := newTestReceiver(t, told.option(), WithDeduper(&hookedDeduper{store, func(_ context.Context, call string) error {
					if call == test.fault {
						return down
					}
					return nil
				}}))
				calls := 0
				if test.function != nil {
					Handle(r, func(_ context.Context, e *MessageEvent) error {
						calls++
						assert.Equal(t, "m1", e.Messages[0].ID)
						return test.function()
					})
				}
				began := time.Now()
				err := r.Process(t.Context(), QueuedEvent{Key: key, Order: "u1", Received: began.Add(-time.Hour), Body: []byte(test.body)})
				assert.Zero(t, time.Since(began), "it does not wait for other processes")
				fails := test.is != nil || test.not != nil
				assert.Equal(t, fails, err != nil, "%v", err)
				for _, want := range test.is {
					assert.ErrorIs(t, err, want)
				}
				_, panicked := errors.AsType[*PanicError](err)
				assert.Equal(t, strings.HasPrefix(test.name, "panic"), panicked)
				_, undecoded := errors.AsType[*DecodeError](err)
				assert.Equal(t, test.body != body, undecoded)
				for _, other := range test.not {
					assert.NotErrorIs(t, err, other)
				}
				assert.Equal(t, test.permanent, IsPermanent(err))
				assert.Equal(t, test.calls, calls)
				claim(t, store, key, time.Minute, test.after)
				if test.calls == 1 {
					require.Len(t, told.handlingsTold(), 1)
					h := told.handlingsTold()[0]
					assert.True(t, h.Handled)
					assert.Zero(t, h.Duration)
					assert.Equal(t, fails || test.fault != "", h.Err != nil)
				} else {
					assert.Empty(t, told.handled())
				}
				assert.Empty(t, told.all(), "it is no delivery")
			})
		})
	}
}

// TestProcessWithoutAKey: all events would be copies of the first.
func TestProcessWithoutAKey(t *testing.T) {
	t.Parallel()
	e := queuedMessage("m1")
	e.Key = ""
	assert.ErrorIs(t, newTestReceiver(t).Process(t.Context(), e), ErrInvalidArgument)
}

// TestFunctionOfProcess has the values of the context, ends with it, and may take any time.
func TestFunctionOfProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		store := NewMemoryDeduper(10)
		r := newTestReceiver(t, WithDeduper(store))
		Handle(r, func(ctx context.Context, e *MessageEvent) error {
			assert.Equal(t, "value", ctx.Value(key{}))
			_, bounded := ctx.Deadline()
			assert.False(t, bounded)
			if e.Messages[0].ID == "slow" {
				time.Sleep(5 * time.Minute)
				return ctx.Err()
			}
			<-ctx.Done()
			return context.Cause(ctx)
		})
		ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
		began := time.Now()
		require.NoError(t, r.Process(ctx, queuedMessage("slow")))
		assert.Equal(t, 5*time.Minute, time.Since(began))
		stop := errors.New("the worker stops")
		time.AfterFunc(time.Second, func() { cancel(stop) })
		assert.ErrorIs(t, r.Process(ctx, queuedMessage("m1")), stop)
		claim(t, store, queuedMessage("m1").Key, time.Minute, ClaimWon)
	})
}

// TestCopiesInAQueue are handled once, also at the same time and beside a delivery of one.
func TestCopiesInAQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls, claims atomic.Int32
		r := newTestReceiver(t, WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(_ context.Context, call string) error {
			if call == "claim" {
				claims.Add(1)
			}
			return nil
		}}))
		Handle(r, func(context.Context, *MessageEvent) error {
			calls.Add(1)
			time.Sleep(time.Second)
			return nil
		})
		e := queuedMessage("m1")
		results := make(chan error)
		for range 10 {
			go func() { results <- r.Process(t.Context(), e) }()
		}
		synctest.Wait()
		assert.EqualValues(t, 1, claims.Load(), "the deduper is asked once")
		assert.Equal(t, 200, deliver(t, r, string(e.Body)))
		busy := 0
		for range 10 {
			if err := <-results; errors.Is(err, ErrBusy) {
				busy++
			}
		}
		assert.Equal(t, 9, busy)
		require.NoError(t, r.Process(t.Context(), e))
		assert.EqualValues(t, 1, calls.Load())
	})
}

// TestTapsInAQueue: those of different minutes are different ones, however soon they are processed
// one after another. Copies in one minute are handled once.
func TestTapsInAQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := &sliceQueue{}
		r := newTestReceiver(t, WithQueue(queue))
		taps := 0
		Handle(r, func(context.Context, *PostbackEvent) error { taps++; return nil })
		for _, wait := range []time.Duration{0, 10 * time.Second, 51 * time.Second, time.Minute} {
			time.Sleep(wait)
			assert.Equal(t, 200, deliver(t, r, untimedPostback))
		}
		for _, e := range queue.events {
			require.NoError(t, r.Process(t.Context(), e))
		}
		assert.Equal(t, 3, taps)
	})
}

// TestBusyInTheBackground: while another process handles a copy or the deduper fails, attempts do
// not count, and the event is not given up.
func TestBusyInTheBackground(t *testing.T) {
	t.Parallel()
	for _, broken := range []bool{false, true} {
		t.Run(fmt.Sprint(broken), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := NewMemoryDeduper(10)
				began := time.Now()
				r := newTestReceiver(t, WithBackground(10, 1), WithDeduper(&hookedDeduper{store, func(context.Context, string) error {
					if broken && time.Since(began) < time.Minute {
						return errors.New("the store is down")
					}
					return nil
				}}))
				calls := 0
				Handle(r, func(context.Context, *MessageEvent) error {
					if calls++; calls < 3 {
						return errors.New("not yet")
					}
					return nil
				})
				if !broken { // by a process that has died
					claim(t, store, queuedMessage("m1").Key, time.Minute, ClaimWon)
				}
				assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)))
				require.NoError(t, r.Shutdown(t.Context()))
				assert.Equal(t, 3, calls)
				assert.Equal(t, 66*time.Second, time.Since(began))
			})
		})
	}
}

// TestBackgroundKeepsTheValuesOfTheRequest, but does not end with it.
func TestBackgroundKeepsTheValuesOfTheRequest(t *testing.T) {
	t.Parallel()
	type key struct{}
	r := newTestReceiver(t, WithBackground(1, 1))
	Handle(r, func(ctx context.Context, _ *MessageEvent) error {
		assert.Equal(t, "value", ctx.Value(key{}))
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	cancel()
	canceled := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.ServeHTTP(w, req.WithContext(ctx)) })
	assert.Equal(t, 200, deliver(t, canceled, messageBody("m1", "u1", V1_1)))
	require.NoError(t, r.Shutdown(t.Context()))
}
