// Package pace decides when a client may send to a service that refuses or fails its attempts:
// Throttles space attempts after a refusal, a Budget bounds how many are repeated.
package pace

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// A Throttle holds back attempts while the service refuses them. The zero value is ready to use,
// and the methods may be called concurrently.
//
// A refusal starts a pause, in which no attempt is sent. After it, attempts are sent one at a time,
// those of refused callers first, at a rate that is found as TCP CUBIC finds its window. Each pause
// says something about the rate before it, and decides the rate after it:
//
//   - The first rate is just below the most that the service accepted in a second around the
//     refusals. An attempt counts as accepted when it is sent, until it is refused, so that slow
//     responses do not matter.
//   - A rate is held, and then raised, slowly at first and ever faster: more slowly if refusals
//     take long to come. If it is refused soon, the rate that was held is right, and is held for
//     long. If it is refused later, the limit is taken to be midway between the two.
//   - If a rate is refused while it is held, or has hardly been raised, it is too high. It is
//     lowered a little if it was accepted for two seconds, as timers that are late can be the
//     cause, and more each time if it was not. The lower rate is approached from below.
//   - A pause after which nothing was accepted was too short and says nothing about the rate.
//   - A few refusals of a quiet client may be stray ones: the rate is a guess, and is raised fast
//     from the start. Only when the second guess is refused too does it count as a limit.
//
// Throttling ends at a thousand attempts a second.
type Throttle struct {
	active  atomic.Bool // false: no attempt need wait, and Wait takes no lock
	history history     // of attempts that were sent and not refused

	mu     sync.Mutex
	until  time.Time    // end of the pause
	next   time.Time    // earliest time of the next attempt
	queues [2][]*waiter // refused callers in the first, all others in the second
	timer  *time.Timer  // set while a caller waits

	first, last time.Time     // when the attempts were sent whose refusals led to the pause
	delay       time.Duration // until the first refusal came
	refusals    int           // of attempts that were sent before the pause ended
	decided     bool          // the rate after the pause

	rate     float64       // attempts a second, up to the time rises; 0: the client is not throttled
	resumed  time.Time     // when attempts were first sent at this rate
	dips     bool          // the rate is approached from below
	rises    time.Time     // when the rate begins to rise
	doubling time.Duration // from then on, in which the rate first doubles
	guesses  int           // how many times in a row the rate was a guess; maxGuesses: it is none
}

const (
	fullRate     = 1000.0 // attempts a second at which throttling ends
	minRate      = 1.0
	margin       = 0.995 // of the rate that was accepted; the rest is for timers that are early
	shortHold    = time.Second
	longHold     = 30 * time.Second
	slowDoubling = 4 * time.Second
	perDelay     = 3 // times the delay of refusals are added to that

	hardly  = 1.02            // the factor up to which a rate has hardly been raised
	soon    = 1.25            // the factor, and one more, up to which a rate is refused soon
	proven  = 2 * time.Second // after which a rate that is held is at most a little too high
	nudged  = 0.97            // of a rate that may be a little too high
	lowered = 0.85            // of one that is probably far too high
	dip     = 0.15            // how far below such a rate it begins
	dipTime = 2 * time.Second

	fewRefusals  = 10   // fewer say nothing about the rate
	quietRate    = 40.0 // of a client that accepted fewer
	startRate    = 10.0 // the least that is guessed
	fastDoubling = time.Second
	maxGuesses   = 2

	mostLate = 20 * time.Millisecond // of a timer, that the next attempts make up for
)

type waiter struct {
	ready chan struct{} // closed when the attempt may be sent
	gone  bool          // its context has ended
}

// PauseError is the error of a caller whose deadline comes before the end of the pause.
type PauseError struct {
	Remaining time.Duration // until the end of the pause
}

// Error says how long the pause still lasts.
func (e *PauseError) Error() string { return "paused for another " + e.Remaining.String() }

// Wait returns nil when an attempt may be sent; refused tells that the caller's last attempt was
// refused. If ctx has a deadline before the end of the pause, Wait returns a [*PauseError] at once,
// and if ctx ends while it waits, ctx.Err().
func (t *Throttle) Wait(ctx context.Context, refused bool) error {
	if !t.active.Load() {
		return nil
	}
	t.mu.Lock()
	now := time.Now()
	if t.tryNow(now) {
		t.mu.Unlock()
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(t.until) {
		remaining := t.until.Sub(now)
		t.mu.Unlock()
		return &PauseError{remaining}
	}
	w := &waiter{ready: make(chan struct{})}
	queue := 1
	if refused {
		queue = 0
	}
	t.queues[queue] = append(t.queues[queue], w)
	t.schedule(now)
	t.mu.Unlock()

	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		t.mu.Lock()
		w.gone = true
		t.mu.Unlock()
		return ctx.Err()
	}
}

// Paused reports whether a pause is in progress.
func (t *Throttle) Paused() bool { return t.Remaining() > 0 }

// idle reports whether nobody waits, and no pause has lasted until since.
func (t *Throttle) idle(since time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.waiting() && t.until.Before(since)
}

// Remaining returns how long the pause still lasts; 0 if there is none.
func (t *Throttle) Remaining() time.Duration {
	if !t.active.Load() {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(time.Until(t.until), 0)
}

// Sent counts an attempt that was sent at began. It counts as accepted unless it is refused.
func (t *Throttle) Sent(began time.Time) { t.history.add(began, 1) }

// Refused starts or extends a pause after the service refused an attempt that was sent at began. It
// never shortens one. It reports whether it has started one.
func (t *Throttle) Refused(began time.Time, pause time.Duration) (started bool) {
	t.history.add(began, -1)
	return t.pause(began, pause)
}

// pause does what Refused does, except for the history.
func (t *Throttle) pause(began time.Time, length time.Duration) (started bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.active.Store(true)
	now := time.Now()
	started = !began.Before(t.until) && !now.Before(t.until)
	switch {
	case started:
		t.first, t.last, t.delay, t.refusals, t.decided = began, began, now.Sub(began), 0, false
	case began.Before(t.resumed): // it says nothing about the rate
	case began.Before(t.first):
		t.first = began
	case began.After(t.last):
		t.last = began
	}
	t.refusals++
	if until := now.Add(length); until.After(t.until) {
		t.until = until
	}
	return started
}

// tryNow reports whether an attempt may be sent without waiting, and takes its turn if so.
func (t *Throttle) tryNow(now time.Time) bool {
	if now.Before(t.until) || t.waiting() {
		return false
	}
	interval := t.interval(now)
	if interval == 0 {
		t.active.Store(false)
		return true
	}
	if now.Before(t.next) {
		return false
	}
	t.next = now.Add(interval)
	return true
}

// waiting reports whether a caller waits.
func (t *Throttle) waiting() bool { return len(t.queues[0])+len(t.queues[1]) > 0 }

// interval returns the time between two attempts at the present rate; 0: the client is no longer
// throttled.
func (t *Throttle) interval(now time.Time) time.Duration {
	if !t.decided {
		t.decide()
	}
	rate := t.rateAt(now)
	if rate == 0 || rate > fullRate {
		t.rate = 0
		return 0
	}
	return time.Duration(float64(time.Second) / rate)
}

// rateAt returns the rate at a time: what is left of the dip, the rate that is held, and then a
// convex curve.
func (t *Throttle) rateAt(at time.Time) float64 {
	if t.rate == 0 {
		return 0
	}
	if left := 1 - at.Sub(t.resumed).Seconds()/dipTime.Seconds(); t.dips && left > 0 {
		return t.rate * (1 - dip*left*left*left)
	}
	x := float64(max(at.Sub(t.rises), 0)) / float64(t.doubling)
	return t.rate * math.Exp2(x*x)
}

// decide sets the rate after a pause.
func (t *Throttle) decide() {
	was, refused := t.rate, t.rateAt(t.first)
	if refused > fullRate {
		was = 0 // throttling had ended, though nobody asked
	}
	if was == 0 {
		t.guesses = 0
	}
	accepted := margin * float64(t.history.most(t.first, t.last))
	guess := t.refusals < fewRefusals && accepted < quietRate && t.guesses < maxGuesses
	held := refused < hardly*was || t.doubling == fastDoubling // a guess counts as held
	again := t.dips
	hold := shortHold
	t.doubling, t.dips = slowDoubling+perDelay*t.delay, false
	switch {
	case guess:
		t.rate, hold, t.doubling = max(was, accepted, startRate), 0, fastDoubling
		t.guesses++
	case was == 0:
		t.rate = accepted
	case t.history.between(t.resumed, t.first) == 0: // the pause was too short
	case held:
		factor := nudged
		if again && t.first.Sub(t.resumed) < proven {
			factor = lowered
		}
		t.rate, t.dips = min(accepted, factor*refused), true
	case refused < soon*was+1:
		hold = longHold
	default:
		t.rate, t.dips = max(was, min(accepted, math.Sqrt(was*refused))), true
	}
	if !guess {
		t.guesses = maxGuesses
	}
	if t.dips {
		hold += dipTime
	}
	t.rate = max(t.rate, minRate)
	t.resumed, t.rises, t.decided = t.until, t.until.Add(hold), true
}

// schedule sets the timer for the next waiter, unless it is set already.
func (t *Throttle) schedule(now time.Time) {
	if t.timer == nil {
		t.timer = time.AfterFunc(max(t.until.Sub(now), t.next.Sub(now), 0), t.release)
	}
}

// release wakes the waiters whose turn has come.
func (t *Throttle) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = nil
	now := time.Now()
	for !now.Before(t.until) && !now.Before(t.next) {
		w := t.pop()
		if w == nil {
			return
		}
		if w.gone {
			continue
		}
		close(w.ready)
		// Count from the planned time, not from now, so that a late timer does not lower the rate.
		turn := t.next
		if turn.Before(now.Add(-mostLate)) || turn.Before(t.until) {
			turn = now
		}
		t.next = turn.Add(t.interval(now))
	}
	if t.waiting() {
		t.schedule(now)
	}
}

// pop removes the waiter whose turn is next; nil if there is none.
func (t *Throttle) pop() *waiter {
	for i, queue := range t.queues {
		if len(queue) > 0 {
			w := queue[0]
			queue[0] = nil // so that the array does not keep it
			t.queues[i] = queue[1:]
			return w
		}
	}
	return nil
}
