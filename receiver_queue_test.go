package smooch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRetryInBackground(t *testing.T) {
	t.Parallel()
	failure := errors.New("not yet")
	tests := []struct {
		name  string
		calls int
		err   error
		again bool
		after time.Duration
	}{
		{"success", 1, nil, false, 0},
		{"first failure", 1, failure, true, time.Second},
		{"second failure", 2, failure, true, 5 * time.Second},
		{"third failure", 3, failure, false, 0},
		{"success after a failure", 2, nil, false, 0},
		{"permanent failure", 1, Permanent(failure), false, 0},
		{"permanent failure, wrapped", 1, fmt.Errorf("order 7: %w", Permanent(failure)), false, 0},
		{"panic", 1, &PanicError{Value: "boom"}, false, 0},
		{"time-out", 1, context.DeadlineExceeded, true, time.Second},
		{"another process handles it", 3, ErrBusy, true, time.Second},
		{"the deduper fails", 3, fmt.Errorf("%w: %w", ErrBusy, failure), true, time.Second},
		{"the claim was lost", 3, fmt.Errorf("%w: not yet", ErrClaimLost), true, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			again, after := retryInBackground(test.calls, test.err)
			assert.Equal(t, test.again, again)
			assert.Equal(t, test.after, after)
		})
	}
}

// TestBackgroundUnderLoad: nothing is lost, nothing is handled twice, and the events of each user
// keep their order, while eight users send over HTTP at once, each seventh event twice.
//
// Each 100th event of a user is held until an event has been refused because the queue is full, and
// that user's next events are in it. So 4,000 events fill it 40 times, where ten times as many,
// handled as fast as they come, never filled it.
func TestBackgroundUnderLoad(t *testing.T) {
	t.Parallel()
	const users, events, queue = 8, 500, 60 // a held event has 99 behind it, which is more than queue
	var refusals atomic.Int32
	refused := make(chan struct{}) // to functions that hold an event
	var mu sync.Mutex
	running, mostRunning := 0, 0
	handled := map[string][]string{} // messages by user
	r := newTestReceiver(t, WithBackground(queue, 16))
	Handle(r, func(ctx context.Context, e *MessageEvent) error {
		mu.Lock()
		running++
		mostRunning = max(mostRunning, running)
		mu.Unlock()
		id := e.Messages[0].ID
		if strings.HasSuffix(id, "00") {
			select {
			case <-refused:
			case <-ctx.Done():
				t.Errorf("nothing was refused while %s was held", id)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		running--
		handled[e.AppUser.ID] = append(handled[e.AppUser.ID], id)
		return nil
	})
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	transport := &http.Transport{MaxIdleConnsPerHost: users}
	t.Cleanup(transport.CloseIdleConnections)
	post := func(body string) (status int, err error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(body))
		if err != nil {
			return 0, err
		}
		req.Header.Set("X-API-Key", testSecret)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	var senders sync.WaitGroup
	want := map[string][]string{}
	for i := range users {
		user := fmt.Sprintf("u%d", i)
		var bodies []string
		for n := range events {
			id := fmt.Sprintf("%s-%03d", user, n)
			want[user] = append(want[user], id)
			for range 1 + n%7/6 {
				bodies = append(bodies, messageBody(id, user, V1_1))
			}
		}
		senders.Go(func() {
			for _, body := range bodies {
				status, err := post(body)
				for ; err == nil && status == http.StatusServiceUnavailable; status, err = post(body) {
					refusals.Add(1)
					select {
					case refused <- struct{}{}:
					default:
						time.Sleep(time.Millisecond)
					}
				}
				if err != nil || status != http.StatusOK {
					t.Errorf("%s is answered %d, %v", body, status, err)
					return
				}
			}
		})
	}
	senders.Wait()
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, want, handled)
	assert.GreaterOrEqual(t, int(refusals.Load()), users*events/100)
	assert.Greater(t, mostRunning, 1)
	assert.Equal(t, 503, deliver(t, r, messageBody("late", "u", V1_1)), "after Shutdown")
}

func TestFullQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		var handled atomic.Int32
		r := newTestReceiver(t, WithBackground(2, 1))
		Handle(r, func(context.Context, *MessageEvent) error {
			<-proceed
			handled.Add(1)
			return nil
		})
		assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)))
		assert.Equal(t, 200, deliver(t, r, messageBody("m2", "u1", V1_1)))
		assert.Equal(t, 503, deliver(t, r, messageBody("m3", "u2", V1_1)))
		assert.Equal(t, 200, deliver(t, r, messageBody("m2", "u1", V1_1)), "a copy of a queued event")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, r.Shutdown(ctx), context.DeadlineExceeded)
		close(proceed)
		require.NoError(t, r.Shutdown(t.Context()))
		assert.EqualValues(t, 2, handled.Load())
	})
}

func TestFailuresInTheBackground(t *testing.T) {
	t.Parallel()
	failure := errors.New("not yet")
	succeedThird := func(call int) error {
		if call < 3 {
			return failure
		}
		return nil
	}
	tests := []struct {
		name     string
		function func(call int) error
		calls    int
		fails    bool
	}{
		{"success at last", succeedThird, 3, false},
		{"failures", func(int) error { return failure }, 3, true},
		{"permanent failure", func(int) error { return Permanent(failure) }, 1, true},
		{"panic", func(int) error { panic("boom") }, 1, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var told observed
				calls := 0
				r := newTestReceiver(t, WithBackground(10, 4), told.option())
				Handle(r, func(context.Context, *MessageEvent) error {
					calls++
					return test.function(calls)
				})
				assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)))
				require.NoError(t, r.Shutdown(t.Context()))
				assert.Equal(t, test.calls, calls)
				assert.Len(t, told.all(), 1)
				assert.True(t, told.last(t).Queued)
				require.Len(t, told.handled(), test.calls)
				err := told.handled()[test.calls-1].Err
				assert.Equal(t, test.fails, err != nil, "%v", err)
			})
		})
	}
}

// TestFailingEventDelaysOnlyItsUser: while an event waits to be handled again, the one worker
// handles other users' events. Those of its user follow when it has been given up.
func TestFailingEventDelaysOnlyItsUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var calls []string
		began := time.Now()
		r := newTestReceiver(t, WithBackground(10, 1))
		Handle(r, func(_ context.Context, e *MessageEvent) error {
			mu.Lock()
			defer mu.Unlock()
			id := e.Messages[0].ID
			calls = append(calls, fmt.Sprintf("%s after %v", id, time.Since(began)))
			if id == "a1" {
				return errors.New("not yet")
			}
			return nil
		})
		for _, id := range []string{"a1", "a2", "b1", "b2"} {
			assert.Equal(t, 200, deliver(t, r, messageBody(id, id[:1], V1_1)))
		}
		time.Sleep(3 * time.Second)
		assert.Equal(t, 200, deliver(t, r, messageBody("c1", "c", V1_1)))
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Equal(t, []string{
			"a1 after 0s", "b1 after 0s", "b2 after 0s",
			"a1 after 1s", "c1 after 3s", "a1 after 6s", "a2 after 6s",
		}, calls)
	})
}

// TestNotificationsAreHandledSideBySide: they have no app user in the header, by which events keep
// their order.
func TestNotificationsAreHandledSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newTestReceiver(t, WithBackground(40, 40))
		Handle(r, func(context.Context, *NotificationEvent) error {
			time.Sleep(time.Second)
			return nil
		})
		began := time.Now()
		for i := range 20 {
			unmatched := fmt.Sprintf(`{"trigger":"notification:delivery:channel","notification":{"_id":"n%d"}}`, i)
			matched := fmt.Sprintf(`{"trigger":"notification:delivery:user","notification":{"_id":"p%d"},"matchResult":{"appUser":{"_id":"u%d"}}}`, i, i)
			assert.Equal(t, 200, deliver(t, r, unmatched))
			assert.Equal(t, 200, deliver(t, r, matched))
		}
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Equal(t, time.Second, time.Since(began))
	})
}

// TestQueuedEventIsDoneForAllProcesses: another process acknowledges a copy of it at once, however
// long it is in the queue.
func TestQueuedEventIsDoneForAllProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := NewMemoryDeduper(10)
		var calls atomic.Int32
		start := func() *WebhookReceiver {
			r := newTestReceiver(t, WithDeduper(store), WithBackground(10, 1))
			Handle(r, func(context.Context, *MessageEvent) error {
				calls.Add(1)
				time.Sleep(5 * time.Minute)
				return nil
			})
			return r
		}
		first, second := start(), start()
		assert.Equal(t, 200, deliver(t, first, messageBody("m1", "u1", V1_1)))
		assert.Equal(t, 200, deliver(t, first, messageBody("m2", "u1", V1_1)))
		for range 2 {
			began := time.Now()
			assert.Equal(t, 200, deliver(t, second, messageBody("m2", "u1", V1_1)))
			assert.Zero(t, time.Since(began))
			time.Sleep(4 * time.Minute) // beyond the lease
		}
		require.NoError(t, first.Shutdown(t.Context()))
		require.NoError(t, second.Shutdown(t.Context()))
		assert.EqualValues(t, 2, calls.Load())
	})
}
