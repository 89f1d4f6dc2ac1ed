package pace_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/pace"
)

// sendTimes waits for n attempts in turn and returns when each may be sent, counted from the call.
func sendTimes(t *testing.T, throttle *pace.Throttle, n int) []time.Duration {
	t.Helper()
	began := time.Now()
	var times []time.Duration
	for range n {
		require.NoError(t, throttle.Wait(t.Context(), false))
		times = append(times, time.Since(began))
	}
	return times
}

// accept counts n accepted attempts that were sent now.
func accept(throttle *pace.Throttle, n int) {
	for range n {
		throttle.Sent(time.Now())
	}
}

// refuse counts n refused attempts that were sent now.
func refuse(throttle *pace.Throttle, n int, pause time.Duration) {
	for range n {
		throttle.Sent(time.Now())
		throttle.Refused(time.Now(), pause)
	}
}

// inBubble runs each test of a table in a bubble of its own, with a throttle of its own.
func inBubble(t *testing.T, tests map[string]func(*testing.T, *pace.Throttle)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test(t, new(pace.Throttle)) })
		})
	}
}

func TestThrottlePause(t *testing.T) {
	t.Parallel()
	inBubble(t, map[string]func(*testing.T, *pace.Throttle){
		"no refusal, no wait": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 3)
			assert.False(t, throttle.Paused())
			assert.Equal(t, []time.Duration{0, 0, 0}, sendTimes(t, throttle, 3))
		},
		"nothing is sent before the end": func(t *testing.T, throttle *pace.Throttle) {
			throttle.Refused(time.Now(), 10*time.Second)
			assert.True(t, throttle.Paused())
			assert.Equal(t, []time.Duration{10 * time.Second}, sendTimes(t, throttle, 1))
			assert.False(t, throttle.Paused())
		},
		"a longer one extends it for those who wait": func(t *testing.T, throttle *pace.Throttle) {
			throttle.Refused(time.Now(), 2*time.Second)
			time.AfterFunc(time.Second, func() { throttle.Refused(time.Now(), 5*time.Second) })
			assert.Equal(t, []time.Duration{6 * time.Second}, sendTimes(t, throttle, 1))
		},
		"a shorter one does not end it": func(t *testing.T, throttle *pace.Throttle) {
			throttle.Refused(time.Now(), 5*time.Second)
			throttle.Refused(time.Now(), time.Second)
			assert.Equal(t, []time.Duration{5 * time.Second}, sendTimes(t, throttle, 1))
		},
		"a deadline before its end fails at once": func(t *testing.T, throttle *pace.Throttle) {
			throttle.Refused(time.Now(), 10*time.Second)
			time.Sleep(time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			began := time.Now()
			var paused *pace.PauseError
			require.ErrorAs(t, throttle.Wait(ctx, true), &paused)
			assert.Equal(t, 9*time.Second, paused.Remaining)
			assert.EqualError(t, paused, "paused for another 9s")
			assert.Zero(t, time.Since(began))
		},
		"a deadline at its end does not": func(t *testing.T, throttle *pace.Throttle) {
			throttle.Refused(time.Now(), 3*time.Second)
			ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(3*time.Second+1))
			defer cancel()
			assert.NoError(t, throttle.Wait(ctx, false))
		},
		"a deadline between its end and the attempt's turn": func(t *testing.T, throttle *pace.Throttle) {
			throttle.Refused(time.Now(), 3*time.Second)
			go func() { _ = throttle.Wait(t.Context(), true) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 3050*time.Millisecond)
			defer cancel()
			began := time.Now()
			assert.ErrorIs(t, throttle.Wait(ctx, false), context.DeadlineExceeded)
			assert.Equal(t, 3050*time.Millisecond, time.Since(began))
		},
		"a caller that left does not take a turn": func(t *testing.T, throttle *pace.Throttle) {
			throttle.Refused(time.Now(), 10*time.Second)
			ctx, cancel := context.WithCancel(t.Context())
			left := make(chan error)
			go func() { left <- throttle.Wait(ctx, true) }()
			synctest.Wait()
			cancel()
			assert.ErrorIs(t, <-left, context.Canceled)
			assert.Equal(t, []time.Duration{10 * time.Second}, sendTimes(t, throttle, 1))
		},
	})
}

func TestThrottleRate(t *testing.T) {
	t.Parallel()
	const second = time.Second
	// perSecond returns how many attempts may be sent in each of the next seconds.
	perSecond := func(t *testing.T, throttle *pace.Throttle, seconds int) []int {
		t.Helper()
		counts := make([]int, seconds)
		began := time.Now()
		for {
			require.NoError(t, throttle.Wait(t.Context(), false))
			n := int(time.Since(began) / second)
			if n >= seconds {
				return counts
			}
			counts[n]++
			if counts[n] > 3000 {
				t.Fatal("no longer throttled")
			}
		}
	}
	inBubble(t, map[string]func(*testing.T, *pace.Throttle){
		"just below what was accepted, held for a second, then rising ever faster": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 100)
			refuse(throttle, 2, second)
			counts := perSecond(t, throttle, 7)
			assert.Equal(t, []int{0, 100}, counts[:2])
			assert.InDeltaSlice(t, []int{101, 110, 130, 168, 243}, counts[2:], 3)
		},
		"of the last second before the pause": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 200)
			time.Sleep(2 * second)
			accept(throttle, 50)
			time.Sleep(500 * ms)
			refuse(throttle, 2, second)
			accept(throttle, 50) // and answered later
			assert.Equal(t, []int{0, 100}, perSecond(t, throttle, 2))
		},
		"of a burst, in whatever order it was accepted": func(t *testing.T, throttle *pace.Throttle) {
			first := time.Now()
			time.Sleep(60 * ms)
			accept(throttle, 100)
			throttle.Refused(first, second)
			refuse(throttle, 1, second)
			assert.Equal(t, []int{0, 100}, perSecond(t, throttle, 2))
		},
		"held for long if the raised rate is refused soon": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 100)
			refuse(throttle, 2, second)
			perSecond(t, throttle, 3)
			accept(throttle, 1)
			refuse(throttle, 1, second)
			counts := perSecond(t, throttle, 31)
			for _, n := range counts[2:] {
				assert.InDelta(t, 99.5, n, 1)
			}
		},
		"lowered if it is refused while it is held": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 100)
			refuse(throttle, 2, second)
			time.Sleep(second)
			sendTimes(t, throttle, 1)
			time.Sleep(100 * ms)
			accept(throttle, 100)
			refuse(throttle, 1, second)
			assert.InDelta(t, 90, perSecond(t, throttle, 2)[1], 1)
		},
		"lowered only a little if it was held for some seconds": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 100)
			refuse(throttle, 2, second)
			perSecond(t, throttle, 3)
			accept(throttle, 1)
			refuse(throttle, 1, second) // of the raised rate, so that the one before is held for long
			for range 4 {
				time.Sleep(second)
				sendTimes(t, throttle, 1)
				accept(throttle, 100)
			}
			time.Sleep(100 * ms)
			refuse(throttle, 1, second)
			counts := perSecond(t, throttle, 4)
			assert.InDelta(t, 90, counts[1], 1, "from below")
			assert.InDelta(t, 96, counts[2], 1)
			assert.InDelta(t, 96.5, counts[3], 1)
		},
		"lowered only a little if the lowered one was accepted for two seconds": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 100)
			refuse(throttle, 2, second)
			time.Sleep(second)
			sendTimes(t, throttle, 1)
			time.Sleep(100 * ms)
			accept(throttle, 100)
			refuse(throttle, 1, second) // 96.5 follows
			for range 3 {
				time.Sleep(second)
				sendTimes(t, throttle, 1)
				accept(throttle, 100)
			}
			time.Sleep(500 * ms)
			refuse(throttle, 1, second)
			assert.InDelta(t, 93.6, perSecond(t, throttle, 4)[3], 1)
		},
		"lowered far if the lowered one is refused at once": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 100)
			refuse(throttle, 2, second)
			for range 2 {
				time.Sleep(second)
				sendTimes(t, throttle, 1)
				time.Sleep(100 * ms)
				accept(throttle, 100)
				refuse(throttle, 1, second)
			}
			assert.InDelta(t, 66, perSecond(t, throttle, 2)[1], 2)
		},
		"a little below a raised one that is refused late": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 100)
			refuse(throttle, 2, second)
			perSecond(t, throttle, 7)
			accept(throttle, 200)
			refuse(throttle, 1, second)
			assert.InDelta(t, 168, perSecond(t, throttle, 4)[3], 5)
		},
		"rising more slowly if refusals take long to come": func(t *testing.T, throttle *pace.Throttle) {
			began := time.Now()
			accept(throttle, 102)
			time.Sleep(2 * second)
			throttle.Refused(began, second)
			throttle.Refused(began, second)
			counts := perSecond(t, throttle, 7)
			assert.InDeltaSlice(t, []int{0, 99, 99, 101, 103, 107, 113}, counts, 3)
		},
		"unchanged if nothing was accepted after the pause": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 100)
			refuse(throttle, 2, second)
			time.Sleep(second)
			sendTimes(t, throttle, 1)
			refuse(throttle, 1, second)
			assert.InDelta(t, 100, perSecond(t, throttle, 2)[1], 1)
		},
		"unchanged by attempts that were under way": func(t *testing.T, throttle *pace.Throttle) {
			began := time.Now()
			accept(throttle, 100)
			refuse(throttle, 2, second)
			time.Sleep(2 * second)
			throttle.Refused(began, 0)
			assert.InDelta(t, 99, perSecond(t, throttle, 1)[0], 2)
		},
		"rising fast after a single refusal": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 1)
			refuse(throttle, 1, second)
			assert.InDeltaSlice(t, []int{0, 12, 55}, perSecond(t, throttle, 3), 10)
		},
		"at least one a second": func(t *testing.T, throttle *pace.Throttle) {
			refuse(throttle, 20, second)
			assert.Equal(t, []time.Duration{second, 2 * second}, sendTimes(t, throttle, 2))
		},
		"no turns to catch up on after a pause": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 20)
			refuse(throttle, 2, 0)
			sendTimes(t, throttle, 1)
			time.Sleep(10 * second)
			refuse(throttle, 2, second)
			times := sendTimes(t, throttle, 3)
			assert.Equal(t, second, times[0])
			assert.Greater(t, times[1]-times[0], 10*ms)
			assert.Greater(t, times[2]-times[1], 10*ms)
		},
		"no limit any more when it has risen to a thousand a second": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 100)
			refuse(throttle, 2, second)
			time.Sleep(2*second + 9*second)
			assert.Equal(t, make([]time.Duration, 5000), sendTimes(t, throttle, 5000))
		},
		"starts anew after that": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 100)
			refuse(throttle, 2, second)
			time.Sleep(time.Minute)
			accept(throttle, 50)
			refuse(throttle, 2, second)
			assert.Equal(t, []int{0, 50}, perSecond(t, throttle, 2))
		},
	})
}

func TestThrottleOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var throttle pace.Throttle
		accept(&throttle, 10)
		throttle.Refused(time.Now(), time.Second)
		var mu sync.Mutex
		var order []string
		for _, caller := range []string{"new 1", "new 2", "refused 1", "refused 2"} {
			go func() {
				assert.NoError(t, throttle.Wait(t.Context(), caller[0] == 'r'))
				mu.Lock()
				defer mu.Unlock()
				order = append(order, caller)
			}()
			synctest.Wait()
		}
		time.Sleep(time.Second)
		require.NoError(t, throttle.Wait(t.Context(), false), "waits behind those who came before")
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, []string{"refused 1", "refused 2", "new 1", "new 2"}, order)
	})
}
