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

// accept counts n accepted answers.
func accept(throttle *pace.Throttle, n int) {
	for range n {
		throttle.Accepted()
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
			ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
			defer cancel()
			began := time.Now()
			assert.ErrorIs(t, throttle.Wait(ctx, false), context.DeadlineExceeded)
			assert.Equal(t, 3500*time.Millisecond, time.Since(began))
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
	const second, ms = time.Second, time.Millisecond
	inBubble(t, map[string]func(*testing.T, *pace.Throttle){
		"as before, then a tenth more each second": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 5)
			throttle.Refused(time.Now(), second)
			times := sendTimes(t, throttle, 13)
			assert.Equal(t, []time.Duration{second, 1200 * ms, 1400 * ms, 1600 * ms}, times[:4])
			assert.InDelta(t, 0.2/1.1, (times[6] - times[5]).Seconds(), 1e-6)
			assert.InDelta(t, 0.2/1.21, (times[12] - times[11]).Seconds(), 1e-6)
		},
		"of the better of the last two seconds": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 10)
			time.Sleep(second)
			accept(throttle, 4)
			throttle.Refused(time.Now(), second)
			assert.Equal(t, []time.Duration{second, 1100 * ms}, sendTimes(t, throttle, 2))
		},
		"not of earlier seconds": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 10)
			time.Sleep(2 * second)
			throttle.Refused(time.Now(), second)
			assert.Equal(t, []time.Duration{second, 2 * second}, sendTimes(t, throttle, 2))
		},
		"one a second, then doubled, if none was accepted": func(t *testing.T, throttle *pace.Throttle) {
			throttle.Refused(time.Now(), second)
			want := []time.Duration{second, 2 * second, 2500 * ms, 3 * second, 3250 * ms}
			assert.Equal(t, want, sendTimes(t, throttle, 5))
		},
		"counted in whole seconds": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 1)
			time.Sleep(1500 * ms)
			accept(throttle, 4)
			time.Sleep(700 * ms)
			accept(throttle, 5)
			throttle.Refused(time.Now(), second)
			assert.Equal(t, []time.Duration{second, 1200 * ms}, sendTimes(t, throttle, 2))
		},
		"no turns to catch up on after a pause": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 10)
			throttle.Refused(time.Now(), 0)
			sendTimes(t, throttle, 1)
			throttle.Refused(time.Now(), 500*ms)
			want := []time.Duration{500 * ms, 600 * ms, 700 * ms, 800 * ms}
			assert.Equal(t, want, sendTimes(t, throttle, 4))
		},
		"halved if none was accepted after the pause": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 10)
			throttle.Refused(time.Now(), 3*second)
			time.Sleep(3 * second)
			throttle.Refused(time.Now(), second)
			assert.Equal(t, []time.Duration{second, 1200 * ms, 1400 * ms}, sendTimes(t, throttle, 3))
		},
		"never below one a second": func(t *testing.T, throttle *pace.Throttle) {
			for range 3 {
				throttle.Refused(time.Now(), second)
				time.Sleep(second)
			}
			assert.Equal(t, []time.Duration{0, second}, sendTimes(t, throttle, 2))
		},
		"unchanged by an attempt that was under way": func(t *testing.T, throttle *pace.Throttle) {
			began := time.Now()
			accept(throttle, 10)
			time.Sleep(100 * ms)
			throttle.Refused(began, 3*second)
			time.Sleep(3 * second)
			throttle.Refused(began, second)
			assert.Equal(t, []time.Duration{second, 1100 * ms}, sendTimes(t, throttle, 2))
		},
		"pacing ends at a thousand a second": func(t *testing.T, throttle *pace.Throttle) {
			throttle.Refused(time.Now(), second)
			time.Sleep(10*second + 999*ms)
			require.NotEqual(t, []time.Duration{0, 0}, sendTimes(t, throttle, 2))
			time.Sleep(ms)
			assert.Equal(t, make([]time.Duration, 2000), sendTimes(t, throttle, 2000))
		},
		"starts anew after pacing has ended": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 10)
			throttle.Refused(time.Now(), second)
			time.Sleep(time.Minute)
			assert.Equal(t, []time.Duration{0, 0}, sendTimes(t, throttle, 2))
			throttle.Refused(time.Now(), second)
			want := []time.Duration{second, 2 * second, 2500 * ms}
			assert.Equal(t, want, sendTimes(t, throttle, 3))
		},
		"at most a thousand a second at first": func(t *testing.T, throttle *pace.Throttle) {
			accept(throttle, 5000)
			throttle.Refused(time.Now(), second)
			assert.Equal(t, []time.Duration{second, 1001 * ms, 1002 * ms}, sendTimes(t, throttle, 3))
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

// TestThrottleLimit sends a hundred attempts at once to a service that takes ten a second.
func TestThrottleLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 10
		var throttle pace.Throttle
		var mu sync.Mutex
		var second time.Time
		sent, refusals := 0, 0
		accepts := func() bool {
			mu.Lock()
			defer mu.Unlock()
			if now := time.Now(); now.Sub(second) >= time.Second {
				second, sent = now, 0
			}
			if sent++; sent > limit {
				refusals++
				return false
			}
			return true
		}
		var group sync.WaitGroup
		began := time.Now()
		for range 100 {
			group.Go(func() {
				for refused := false; ; refused = true {
					if !assert.NoError(t, throttle.Wait(t.Context(), refused)) {
						return
					}
					began := time.Now()
					if accepts() {
						throttle.Accepted()
						return
					}
					throttle.Refused(began, time.Second)
				}
			})
		}
		group.Wait()
		assert.Less(t, refusals, 90+15, "those of the first burst, and hardly any after it")
		assert.Less(t, time.Since(began), 20*time.Second)
	})
}
