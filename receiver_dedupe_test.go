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

func TestMemoryDeduper(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := NewMemoryDeduper(3)
		assert.Equal(t, ClaimWon, claim(t, d, "a", time.Minute))
		assert.Equal(t, ClaimBusy, claim(t, d, "a", time.Minute))
		time.Sleep(time.Minute)
		assert.Equal(t, ClaimWon, claim(t, d, "a", time.Minute), "the lease has ended")
		assert.Equal(t, ClaimBusy, claim(t, d, "a", time.Minute), "and another has begun")
		require.NoError(t, d.Release(t.Context(), "a"))
		assert.Equal(t, ClaimWon, claim(t, d, "a", time.Minute))
		require.NoError(t, d.Done(t.Context(), "a"))
		assert.Equal(t, ClaimDone, claim(t, d, "a", time.Minute))
		require.NoError(t, d.Release(t.Context(), "unknown"))
		require.NoError(t, d.Release(t.Context(), "a"))
		assert.Empty(t, d.(*memoryDeduper).keys)
		assert.Zero(t, d.(*memoryDeduper).order.Len())
	})
}

func TestMemoryDeduperForgetsWhatIsDoneFirst(t *testing.T) {
	t.Parallel()
	d := NewMemoryDeduper(3)
	assert.Equal(t, ClaimWon, claim(t, d, "a", time.Minute))
	assert.Equal(t, ClaimWon, claim(t, d, "b", time.Minute))
	require.NoError(t, d.Done(t.Context(), "b"))
	assert.Equal(t, ClaimWon, claim(t, d, "c", time.Minute))
	assert.Equal(t, ClaimWon, claim(t, d, "d", time.Minute))
	assert.Equal(t, ClaimBusy, claim(t, d, "a", time.Minute), "the oldest, but in use")
	assert.Len(t, d.(*memoryDeduper).keys, 3)
	assert.NotContains(t, d.(*memoryDeduper).keys, "b")
}

func TestMemoryDeduperForgetsTheOldestFirst(t *testing.T) {
	t.Parallel()
	d := NewMemoryDeduper(2)
	assert.Equal(t, ClaimWon, claim(t, d, "a", time.Minute))
	assert.Equal(t, ClaimWon, claim(t, d, "b", time.Minute))
	require.NoError(t, d.Done(t.Context(), "b"))
	require.NoError(t, d.Done(t.Context(), "a"))
	require.NoError(t, d.Done(t.Context(), "c"), "which was forgotten, or claimed elsewhere")
	assert.Equal(t, ClaimDone, claim(t, d, "a", time.Minute))
	assert.Equal(t, ClaimDone, claim(t, d, "c", time.Minute))
	assert.NotContains(t, d.(*memoryDeduper).keys, "b")
}

func TestMemoryDeduperKeepsAtLeastOneKey(t *testing.T) {
	t.Parallel()
	d := NewMemoryDeduper(0)
	assert.Equal(t, ClaimWon, claim(t, d, "a", time.Minute))
	assert.Equal(t, ClaimBusy, claim(t, d, "a", time.Minute))
}

func TestMemoryDeduperForgetsClaimsOfTheDeadFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := NewMemoryDeduper(3)
		assert.Equal(t, ClaimWon, claim(t, d, "dead1", time.Second))
		assert.Equal(t, ClaimWon, claim(t, d, "dead2", time.Second))
		time.Sleep(time.Minute)
		require.NoError(t, d.Done(t.Context(), "done"))
		assert.Equal(t, ClaimWon, claim(t, d, "a", time.Hour))
		assert.Equal(t, ClaimWon, claim(t, d, "b", time.Hour))
		assert.Equal(t, ClaimDone, claim(t, d, "done", time.Second))
	})
}

func claim(t *testing.T, d Deduper, key string, lease time.Duration) Claim {
	t.Helper()
	c, err := d.Claim(t.Context(), key, lease)
	require.NoError(t, err)
	return c
}

// TestDeduperThatPanics does not end the process, as an unrecovered panic in the receiver's own
// goroutine would.
func TestDeduperThatPanics(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]int{"claim": 503, "done": 200, "release": 503} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			var told observed
			r := newTestReceiver(t, WithObserver(told.observe), WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(_ context.Context, c string) error {
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
