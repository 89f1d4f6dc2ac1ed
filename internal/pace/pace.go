// Package pace decides when a client may send to a service that refuses or fails its attempts:
// a Throttle spaces attempts after a refusal, a Budget bounds how many are repeated.
package pace

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// A Throttle holds back the attempts of a client while the service refuses them. The zero value is
// ready to use, and the methods may be called concurrently.
//
// A refusal starts a pause, in which no attempt is sent. After it, attempts are sent one at a time,
// those of refused callers first, at the rate that the service accepted in the last two seconds
// before the refusal. Each second without a refusal raises the rate by a tenth. If nothing was
// accepted, the rate is half of what it was, or starts at one attempt a second and then doubles
// each second. Pacing ends at a thousand attempts a second.
type Throttle struct {
	active atomic.Bool // false: no attempt need wait, and Wait takes no lock

	mu       sync.Mutex
	until    time.Time     // end of the pause
	rateSet  time.Time     // when a refusal last changed the rate
	interval time.Duration // between two attempts when the pause ends; 0: no pacing
	growth   float64       // factor of the rate in each second without a refusal
	next     time.Time     // earliest time of the next attempt
	queues   [2][]*waiter  // refused callers in the first, all others in the second
	timer    *time.Timer   // set while a caller waits

	accepted [2]int    // answers in the current second and in the one before
	second   time.Time // when the current second began
}

// minInterval is the interval between attempts below which pacing ends.
const minInterval = time.Millisecond

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
func (t *Throttle) Paused() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Now().Before(t.until)
}

// Accepted counts an answer that was not a refusal.
func (t *Throttle) Accepted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); now.Sub(t.second) >= time.Second {
		t.advance(now)
	}
	t.accepted[0]++
}

// Refused starts or extends a pause after the service refused an attempt that was sent at began.
// It never shortens one. If the attempt was sent before a refusal last changed the rate, its own
// refusal says nothing new about the rate and leaves it as it is.
func (t *Throttle) Refused(began time.Time, pause time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.active.Store(true)
	now := time.Now()
	if until := now.Add(pause); until.After(t.until) {
		t.until = until
	}
	if began.Before(t.rateSet) {
		return
	}
	t.rateSet = now
	t.advance(now)
	interval := time.Second / time.Duration(max(t.accepted[0], t.accepted[1], 1))
	switch {
	case t.accepted != [2]int{}:
		t.growth = 1.1
	case t.interval > 0:
		interval = min(2*t.interval, time.Second)
	default:
		t.growth = 2
	}
	t.interval = max(interval, minInterval)
}

// tryNow reports whether an attempt may be sent without waiting, and takes its turn if so.
func (t *Throttle) tryNow(now time.Time) bool {
	if now.Before(t.until) || t.waiting() {
		return false
	}
	interval := t.currentInterval(now)
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

// currentInterval is the time between two attempts at the present rate; 0: no pacing.
func (t *Throttle) currentInterval(now time.Time) time.Duration {
	if t.interval == 0 {
		return 0
	}
	quiet := math.Floor(max(now.Sub(t.until), 0).Seconds())
	interval := time.Duration(float64(t.interval) * math.Pow(1/t.growth, quiet))
	if interval < minInterval {
		t.interval, interval = 0, 0
	}
	return interval
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
		if turn.Before(now.Add(-time.Second)) || turn.Before(t.until) {
			turn = now
		}
		t.next = turn.Add(t.currentInterval(now))
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

// advance moves the counts of accepted answers on to the current second.
func (t *Throttle) advance(now time.Time) {
	switch age := now.Sub(t.second); {
	case age >= 2*time.Second:
		t.accepted, t.second = [2]int{}, now
	case age >= time.Second:
		t.accepted, t.second = [2]int{0, t.accepted[0]}, t.second.Add(time.Second)
	}
}

// A Budget is a bucket of tokens that bounds how many attempts are repeated, so that repeats do not
// make an outage worse. Its methods may be called concurrently.
type Budget struct {
	mu         sync.Mutex
	left, size int // in tenths of a token
}

// NewBudget returns a full bucket of so many tokens.
func NewBudget(tokens int) *Budget {
	tenths := 10 * min(tokens, math.MaxInt/10)
	return &Budget{left: tenths, size: tenths}
}

// Take takes a token for a repeat. It returns false if less than one is left.
func (b *Budget) Take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < 10 {
		return false
	}
	b.left -= 10
	return true
}

// Return puts a tenth of a token back, up to the size of the bucket. Call it for each success.
func (b *Budget) Return() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+1, b.size)
}
