package pace_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/pace"
)

// waits returns how long an attempt for a key has to wait.
func waits(t *testing.T, throttle *pace.KeyThrottle) time.Duration {
	t.Helper()
	began := time.Now()
	require.NoError(t, throttle.Wait(t.Context(), false))
	return time.Since(began)
}

// bubble runs a test in a bubble with throttles of its own.
func bubble(t *testing.T, test func(*testing.T, *pace.Throttles)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, new(pace.Throttles)) })
}

func TestOneKeyIsHeldBackAlone(t *testing.T) {
	bubble(t, func(t *testing.T, throttles *pace.Throttles) {
		noisy := throttles.For("noisy")
		noisy.Refused(time.Now(), 10*time.Second)
		assert.True(t, noisy.Paused())
		assert.Same(t, noisy, throttles.For("noisy"))
		for i := range 9 {
			quiet := throttles.For(fmt.Sprint("quiet ", i))
			assert.False(t, quiet.Paused())
			assert.Zero(t, waits(t, quiet))
		}
		throttles.For("second").Refused(time.Now(), 10*time.Second)
		assert.Zero(t, waits(t, throttles.For("quiet 0")), "two keys are no limit for all")
		assert.Equal(t, 10*time.Second, waits(t, noisy))
	})
}

func TestThreeKeysHoldBackAll(t *testing.T) {
	bubble(t, func(t *testing.T, throttles *pace.Throttles) {
		quiet := throttles.For("quiet")
		for range 50 {
			quiet.Sent(time.Now())
		}
		for i := range 3 {
			assert.False(t, quiet.Paused())
			throttles.For(fmt.Sprint(i)).Refused(time.Now(), time.Duration(10-i)*time.Second)
			time.Sleep(time.Second)
		}
		assert.True(t, quiet.Paused())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var paused *pace.PauseError
		require.ErrorAs(t, quiet.Wait(ctx, false), &paused)
		assert.Equal(t, 7*time.Second, paused.Remaining, "to the end of the longest pause")
		assert.Equal(t, 7*time.Second, waits(t, quiet))

		began := time.Now()
		var group sync.WaitGroup
		for range 25 {
			group.Go(func() { assert.NoError(t, quiet.Wait(t.Context(), false)) })
		}
		group.Wait()
		assert.Greater(t, time.Since(began), 100*time.Millisecond, "all keys share the rate after it")
	})
}

func TestRefusalsOfDifferentPauses(t *testing.T) {
	bubble(t, func(t *testing.T, throttles *pace.Throttles) {
		for i := range 5 {
			throttles.For(fmt.Sprint(i)).Refused(time.Now(), time.Second)
			time.Sleep(600 * time.Millisecond)
		}
		assert.Zero(t, waits(t, throttles.For("quiet")), "no three of them overlap")
	})
}

func TestUnusedKeysAreForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, throttles *pace.Throttles) {
		paused, kept := throttles.For("paused"), throttles.For("used")
		paused.Refused(time.Now(), time.Hour)
		for i := range 2000 {
			assert.Same(t, kept, throttles.For("used"))
			throttles.For(fmt.Sprint(i))
			time.Sleep(time.Second)
		}
		assert.Less(t, throttles.Len(), 300)
		assert.Same(t, paused, throttles.For("paused"))
	})
}

// forget uses so many other keys that all keys are forgotten that are not in use.
func forget(throttles *pace.Throttles) {
	for i := range 200 {
		throttles.For(fmt.Sprint("other ", i))
	}
}

func TestRefusalOfAForgottenKey(t *testing.T) {
	bubble(t, func(t *testing.T, throttles *pace.Throttles) {
		slow, began := throttles.For("slow"), time.Now()
		slow.Sent(began)
		time.Sleep(62 * time.Second)
		forget(throttles)
		time.Sleep(3 * time.Second)
		slow.Refused(began, 30*time.Second)
		assert.Equal(t, 30*time.Second, waits(t, throttles.For("slow")))
	})
}

func TestKeysWithWaitersAreKept(t *testing.T) {
	bubble(t, func(t *testing.T, throttles *pace.Throttles) {
		key := throttles.For("key")
		began := time.Now()
		time.Sleep(20 * time.Second) // the longer refusals take, the more slowly the rate rises
		for range 20 {
			key.Refused(began, time.Second)
		}
		var group sync.WaitGroup
		for range 500 {
			group.Go(func() { assert.NoError(t, key.Wait(t.Context(), false)) })
		}
		time.Sleep(70 * time.Second)
		forget(throttles)
		assert.Same(t, key, throttles.For("key"))
		group.Wait()
	})
}

func TestThrottlesConcurrently(t *testing.T) {
	bubble(t, func(t *testing.T, throttles *pace.Throttles) {
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				for n := range 500 {
					key := throttles.For(fmt.Sprint((i + n) % 100))
					if !assert.NoError(t, key.Wait(t.Context(), false)) {
						return
					}
					if n%100 == 0 {
						key.Refused(time.Now(), time.Millisecond)
					}
					key.Sent(time.Now())
				}
			})
		}
		group.Wait()
		assert.LessOrEqual(t, throttles.Len(), 100)
	})
}
