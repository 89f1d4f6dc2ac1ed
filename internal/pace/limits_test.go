package pace_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/smooch/smooch-go/internal/pace"
)

// A limitedService accepts a number of attempts a second, counted in one of the ways in which rate
// limits are built.
type limitedService struct {
	window string // fixed: by the seconds of its clock, sliding: the last second, bucket: of tokens
	limit  int
	began  time.Time // of its first second

	mu     sync.Mutex
	second time.Duration
	taken  []time.Time // accepted attempts, in the present window
	tokens float64
	filled time.Time
}

func (s *limitedService) accepts() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch s.window {
	case "fixed":
		if second := now.Sub(s.began).Truncate(time.Second); second != s.second {
			s.second, s.taken = second, nil
		}
	case "sliding":
		for len(s.taken) > 0 && now.Sub(s.taken[0]) >= time.Second {
			s.taken = s.taken[1:]
		}
	case "bucket":
		s.tokens = min(s.tokens+now.Sub(s.filled).Seconds()*float64(s.limit), float64(s.limit))
		s.filled = now
		if s.tokens < 1 {
			return false
		}
		s.tokens--
		return true
	}
	if len(s.taken) == s.limit {
		return false
	}
	s.taken = append(s.taken, now)
	return true
}

// A load is a number of callers that send all the time. Each attempt that is refused is made again,
// three times in all.
type load struct {
	callers    int
	retryAfter bool
	late       time.Duration // at most, between Wait and the attempt
	latency    time.Duration
	refusals   bool          // take as long as other responses; otherwise, they come at once
	phase      time.Duration // how much of a window has passed when the load begins
}

func (l load) pause(attempt int) time.Duration {
	if l.retryAfter {
		return time.Second
	}
	return 500 * time.Millisecond << attempt
}

// put puts the load on a service, and returns how many attempts were accepted and refused in
// seconds 4 to 34, and how many calls failed.
func (l load) put(t *testing.T, service *limitedService) (accepted, refused, failed int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		service.began, service.filled, service.tokens = began.Add(-l.phase), began, float64(service.limit)
		var throttle pace.Throttle
		var mu sync.Mutex
		ctx, cancel := context.WithTimeout(t.Context(), 36*time.Second)
		defer cancel()
		upTo := func(d time.Duration) { time.Sleep(rand.N(d + 1)) }
		call := func() (ended bool) {
			for attempt := range 3 {
				if throttle.Wait(ctx, attempt > 0) != nil {
					return true
				}
				upTo(l.late)
				sent := time.Now()
				throttle.Sent(sent)
				upTo(2 * time.Millisecond)
				if l.refusals {
					time.Sleep(l.latency / 2)
				}
				ok, age := service.accepts(), time.Since(began)
				mu.Lock()
				switch counts := age >= 4*time.Second && age < 34*time.Second; {
				case counts && ok:
					accepted++
				case counts:
					refused++
				}
				mu.Unlock()
				switch {
				case l.refusals:
					time.Sleep(l.latency / 2)
				case ok:
					time.Sleep(l.latency)
				}
				upTo(time.Millisecond)
				if ok {
					return false
				}
				throttle.Refused(sent, l.pause(attempt))
			}
			mu.Lock()
			defer mu.Unlock()
			failed++
			return false
		}
		var group sync.WaitGroup
		for range l.callers {
			group.Go(func() {
				for ended := false; !ended && ctx.Err() == nil; {
					ended = call()
				}
			})
		}
		group.Wait()
	})
	return accepted, refused, failed
}

const ms = time.Millisecond

// TestThrottleFindsTheLimit has 200 callers send to a service that accepts 50 attempts a second,
// however long it takes to answer, and wherever in its window the load begins. If the first burst
// straddles two windows, it takes longer until the limit is known, as twice as much was accepted.
func TestThrottleFindsTheLimit(t *testing.T) {
	t.Parallel()
	const straddles = 999 * ms
	phases := []time.Duration{0, ms, 10 * ms, 100 * ms, 250 * ms, 400 * ms, 490 * ms, 500 * ms, 510 * ms, 600 * ms, 750 * ms, 900 * ms, 990 * ms, straddles}
	for _, latency := range []time.Duration{0, 10 * ms, 300 * ms, 700 * ms, 1200 * ms, 2000 * ms, 3000 * ms} {
		for _, retryAfter := range []bool{true, false} {
			t.Run(fmt.Sprint(latency, ", Retry-After ", retryAfter), func(t *testing.T) {
				t.Parallel()
				for _, phase := range phases {
					l := load{callers: 200, latency: latency, retryAfter: retryAfter, phase: phase}
					accepted, refused, failed := l.put(t, &limitedService{window: "fixed", limit: 50})
					used := 95
					if phase == straddles {
						used = 85
					}
					assert.GreaterOrEqual(t, accepted, 30*50*used/100, "of what the service would accept, begun %v into a window", phase)
					assert.LessOrEqual(t, refused, 30*50*10/100, "over the limit")
					assert.Zero(t, failed, "refused three times")
				}
			})
		}
	}
}

// TestThrottleUsesEveryLimit puts all kinds of loads on all kinds of services. Each must be used
// for the most part, and few attempts must be over it. While refusals take seconds to come, even a
// low rate that is wrong sends some tens of attempts.
func TestThrottleUsesEveryLimit(t *testing.T) {
	t.Parallel()
	for _, window := range []string{"fixed", "sliding", "bucket"} {
		for _, limit := range []int{5, 50, 500} {
			t.Run(fmt.Sprint(window, " ", limit), func(t *testing.T) {
				t.Parallel()
				allMost, allRefused := 0, 0
				for _, latency := range []time.Duration{10 * ms, 1200 * ms, 3000 * ms} {
					for _, callers := range []int{20, 200} {
						for i := range 4 {
							l := load{callers: callers, latency: latency, retryAfter: i&1 > 0, refusals: i&2 > 0, phase: rand.N(time.Second), late: 20 * ms * time.Duration(i&1)}
							if limit == 500 && (latency > 10*ms || i > 0) {
								continue // too few callers to reach the limit, or slow to simulate
							}
							accepted, refused, _ := l.put(t, &limitedService{window: window, limit: limit})
							most := 30 * min(limit, int(float64(callers)/(latency+l.late/2+2*ms).Seconds()))
							assert.GreaterOrEqual(t, accepted, most*60/100, "%+v", l)
							assert.LessOrEqual(t, refused, max(most*15/100, 50), "%+v", l)
							allMost, allRefused = allMost+most, allRefused+refused
						}
					}
				}
				assert.LessOrEqual(t, allRefused, allMost*8/100, "over the limit, of all loads")
			})
		}
	}
}

// TestThrottleAfterStrayRefusals sends 200 attempts after refusals by a service without a limit.
func TestThrottleAfterStrayRefusals(t *testing.T) {
	t.Parallel()
	const never = time.Hour
	for _, before := range []int{0, 1, 5, 20} {
		for _, strays := range []int{1, 2, 3} {
			for _, second := range []time.Duration{never, 0, 100 * ms, 500 * ms, 1000 * ms, 1500 * ms} {
				t.Run(fmt.Sprint(before, " a second before, ", strays, " refusals, another ", second, " later"), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						var throttle pace.Throttle
						for range 3 * before {
							accept(&throttle, 1)
							time.Sleep(time.Second / time.Duration(before))
						}
						refuse(&throttle, strays, time.Second)
						resumed := time.Now().Add(time.Second)
						ends := resumed
						var mu sync.Mutex
						var group sync.WaitGroup
						for range 200 {
							group.Go(func() {
								assert.NoError(t, throttle.Wait(t.Context(), false))
								sent := time.Now()
								throttle.Sent(sent)
								mu.Lock()
								defer mu.Unlock()
								if second < never && ends.Equal(resumed) && sent.Sub(resumed) >= second {
									throttle.Refused(sent, time.Second)
									ends = sent.Add(time.Second)
								}
							})
						}
						group.Wait()
						assert.Less(t, time.Since(ends), 5*time.Second)
					})
				})
			}
		}
	}
}
