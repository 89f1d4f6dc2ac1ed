package smooch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// smoochtest tests what every deduper has to do.

func TestMemoryDeduperForgetsWhatIsDoneFirst(t *testing.T) {
	t.Parallel()
	d := NewMemoryDeduper(3).(*memoryDeduper)
	claim(t, d, "a", time.Minute, ClaimWon)
	b := claim(t, d, "b", time.Minute, ClaimWon)
	require.NoError(t, d.Done(t.Context(), "b", b))
	claim(t, d, "c", time.Minute, ClaimWon)
	claim(t, d, "d", time.Minute, ClaimWon)
	claim(t, d, "a", time.Minute, ClaimBusy)
	assert.Len(t, d.keys, 3)
	assert.NotContains(t, d.keys, "b")
}

func TestMemoryDeduperForgetsTheOldestFirst(t *testing.T) {
	t.Parallel()
	d := NewMemoryDeduper(2).(*memoryDeduper)
	a := claim(t, d, "a", time.Minute, ClaimWon)
	b := claim(t, d, "b", time.Minute, ClaimWon)
	require.NoError(t, d.Done(t.Context(), "b", b))
	require.NoError(t, d.Done(t.Context(), "a", a))
	c := claim(t, d, "c", time.Minute, ClaimWon)
	require.NoError(t, d.Done(t.Context(), "c", c))
	claim(t, d, "a", time.Minute, ClaimDone)
	claim(t, d, "c", time.Minute, ClaimDone)
	assert.NotContains(t, d.keys, "b")
}

// TestMemoryDeduperKeepsClaimsThatHold, even if they are more than its size.
func TestMemoryDeduperKeepsClaimsThatHold(t *testing.T) {
	t.Parallel()
	d := NewMemoryDeduper(0).(*memoryDeduper)
	tokens := map[string]string{}
	for _, key := range []string{"a", "b", "c"} {
		tokens[key] = claim(t, d, key, time.Minute, ClaimWon)
	}
	for key, token := range tokens {
		claim(t, d, key, time.Minute, ClaimBusy)
		require.NoError(t, d.Done(t.Context(), key, token))
	}
	claim(t, d, "d", time.Minute, ClaimWon)
	claim(t, d, "d", time.Minute, ClaimBusy)
	assert.Len(t, d.keys, 1, "its size is one at least")
	assert.Nil(t, d.done.oldest())
	d.held.oldest().leave()
	assert.Nil(t, d.held.oldest())
}

func TestMemoryDeduperForgetsClaimsOfTheDeadFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := NewMemoryDeduper(3)
		claim(t, d, "dead1", time.Second, ClaimWon)
		claim(t, d, "dead2", time.Second, ClaimWon)
		time.Sleep(time.Minute)
		done := claim(t, d, "done", time.Hour, ClaimWon)
		require.NoError(t, d.Done(t.Context(), "done", done))
		claim(t, d, "a", time.Hour, ClaimWon)
		claim(t, d, "b", time.Hour, ClaimWon)
		claim(t, d, "done", time.Second, ClaimDone)
	})
}

// TestMemoryDeduperForgetsADeadClaimOnce: when its key has been claimed again, the new claim stays.
func TestMemoryDeduperForgetsADeadClaimOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := NewMemoryDeduper(2)
		claim(t, d, "a", time.Second, ClaimWon)
		time.Sleep(time.Minute)
		claim(t, d, "a", time.Hour, ClaimWon)
		for _, key := range []string{"b", "c", "d"} {
			claim(t, d, key, time.Hour, ClaimWon)
		}
		claim(t, d, "a", time.Hour, ClaimBusy)
	})
}

// TestMemoryDeduperForgetsTheExtendedLast: the order is that of the ends of the leases.
func TestMemoryDeduperForgetsTheExtendedLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := NewMemoryDeduper(2)
		token := claim(t, d, "extended", time.Minute, ClaimWon)
		claim(t, d, "dead", time.Minute, ClaimWon)
		time.Sleep(50 * time.Second)
		require.NoError(t, d.Extend(t.Context(), "extended", token, time.Minute))
		time.Sleep(20 * time.Second)
		claim(t, d, "new", time.Minute, ClaimWon)
		assert.Len(t, d.(*memoryDeduper).keys, 2)
		claim(t, d, "extended", time.Minute, ClaimBusy)
	})
}

// TestDeduperThatPanics does not end the process, as an unrecovered panic in the receiver's own
// goroutine would.
func TestDeduperThatPanics(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]int{"claim": 503, "done": 200, "release": 503} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			var told observed
			r := newTestReceiver(t, told.option(), WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(_ context.Context, c string) error {
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
			assert.Equal(t, want, deliver(t, r, messageBody("m1", "u1", V1_1)))
			var panicErr *PanicError
			assert.ErrorAs(t, told.last(t).Err, &panicErr)
			require.NoError(t, r.Shutdown(t.Context()))
		})
	}
}

// errorWithCause is an error whose Unwrap panics if it is nil.
type errorWithCause struct{ cause error }

func (e *errorWithCause) Error() string { return "failed" }
func (e *errorWithCause) Unwrap() error { return e.cause }

// errorWithIs is an error whose Is panics if it is nil.
type errorWithIs struct{ class error }

func (e *errorWithIs) Error() string        { return "failed" }
func (e *errorWithIs) Is(target error) bool { return target == e.class }

// errorWithAs is an error whose As panics if it is nil.
type errorWithAs struct{ class any }

func (e *errorWithAs) Error() string      { return "failed" }
func (e *errorWithAs) As(target any) bool { return target == e.class }

// TestNilPointerInAnError of a function, a lookup or a deduper does not end the process when the
// error is examined.
func TestNilPointerInAnError(t *testing.T) {
	t.Parallel()
	failing := func(call string, result, none error) func(...ReceiverOption) (*WebhookReceiver, error) {
		return func(opts ...ReceiverOption) (*WebhookReceiver, error) {
			r := newTestReceiver(t, append(opts, WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(_ context.Context, c string) error {
				if c == call {
					return none
				}
				return nil
			}}))...)
			Handle(r, func(context.Context, *MessageEvent) error { return result })
			return r, nil
		}
	}
	for kind, none := range map[string]error{"Unwrap": (*errorWithCause)(nil), "Is": (*errorWithIs)(nil), "As": (*errorWithAs)(nil)} {
		receivers := map[string]func(...ReceiverOption) (*WebhookReceiver, error){
			"function": failing("", none, nil),
			"claim":    failing("claim", nil, none),
			"done":     failing("done", nil, none),
			"release":  failing("release", errors.New("not yet"), none),
			"lookup": func(opts ...ReceiverOption) (*WebhookReceiver, error) {
				return NewWebhookReceiver(nil, append(opts, WithSecretLookup(func(context.Context, string) (bool, error) { return false, none }))...)
			},
		}
		for name, receiver := range receivers {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				var told observed
				r, err := receiver(told.option())
				require.NoError(t, err)
				assert.Equal(t, name == "done", deliver(t, r, messageBody("m1", "u1", V1_1)) == 200)
				var panicErr *PanicError
				assert.ErrorAs(t, told.last(t).Err, &panicErr)
			})
		}
	}
}
