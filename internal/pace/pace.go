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
// those of refused callers first, at a rate that is found as TCP CUBIC finds its window:
//
//   - After several refusals, the rate is just below what the service accepted in the last second
//     before the pause. It is held for a second, and then raised, slowly at first and ever faster.
//   - If the raised rate is refused soon, the one that was held is right, and is held for longer.
//     If a rate is refused while it is held, it is too high, and is lowered.
//   - A pause after which nothing was accepted was too short and says nothing about the rate.
//   - A single refusal of a client that was not throttled may be a stray one: the rate is raised
//     fast from the start.
//
// Throttling ends at a thousand attempts a second.
type Throttle struct {
	active  atomic.Bool // false: no attempt need wait, and Wait takes no lock
	history history     // of accepted attempts

	mu     sync.Mutex
	until  time.Time    // end of the pause
	next   time.Time    // earliest time of the next attempt
	queues [2][]*waiter // refused callers in the first, all others in the second
	timer  *time.Timer  // set while a caller waits

	first    time.Time // when the first attempt was sent whose refusal led to the pause
	noticed  time.Time // when that refusal came
	refusals int       // of attempts that were sent before the pause ended
	decided  bool      // the rate after the pause

	rate     float64       // attempts a second, up to the time hold; 0: the client is not throttled
	resumed  time.Time     // when attempts were first sent at this rate
	hold     time.Time     // when the rate begins to rise
	doubling time.Duration // after hold, in which the rate first doubles
}

const (
	fullRate     = 1000.0 // attempts a second at which throttling ends
	startRate    = 10.0   // at least, after a single refusal
	minRate      = 1.0
	margin       = 0.995 // of the rate that was accepted; the rest is for timers that are early
	lowered      = 0.9   // of a rate that was refused while it was held
	soon         = 1.25  // the factor up to which a raised rate counts as refused soon
	shortHold    = time.Second
	longHold     = 30 * time.Second
	fastDoubling = time.Second
	slowDoubling = 4 * time.Second
	mostLate     = 20 * time.Millisecond // of a timer, that the next attempts make up for
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

// Remaining returns how long the pause still lasts; 0 if there is none.
func (t *Throttle) Remaining() time.Duration {
	if !t.active.Load() {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(time.Until(t.until), 0)
}

// Accepted counts an attempt, sent at began, that was not refused.
func (t *Throttle) Accepted(began time.Time) { t.history.add(began) }

// Refused starts or extends a pause after the service refused an attempt that was sent at began. It
// never shortens one. It reports whether it has started one.
func (t *Throttle) Refused(began time.Time, pause time.Duration) (started bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.active.Store(true)
	now := time.Now()
	started = !began.Before(t.until) && !now.Before(t.until)
	if started {
		t.first, t.noticed, t.refusals, t.decided = began, now, 0, false
	}
	t.refusals++
	if until := now.Add(pause); until.After(t.until) {
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

// rateAt returns the rate at a time: the one that is held, then a convex curve.
func (t *Throttle) rateAt(at time.Time) float64 {
	if t.rate == 0 {
		return 0
	}
	x := float64(max(at.Sub(t.hold), 0)) / float64(t.doubling)
	return t.rate * math.Exp2(x*x)
}

// decide sets the rate after a pause.
func (t *Throttle) decide() {
	was, refused := t.rate, t.rateAt(t.first)
	if refused > fullRate {
		was = 0 // throttling had ended, though nobody asked
	}
	last := t.first
	if was == 0 { // many may be sent at once, and be accepted in another order
		last = t.noticed
	}
	accepted := margin * float64(t.history.before(last, time.Second))
	hold := shortHold
	t.doubling = slowDoubling
	switch {
	case was == 0 && t.refusals == 1:
		t.rate, hold, t.doubling = max(accepted, startRate), 0, fastDoubling
	case was == 0:
		t.rate = accepted
	case t.history.between(t.resumed, t.first) == 0: // the pause was too short
	case t.first.Before(t.hold):
		t.rate = min(accepted, lowered*refused)
	case refused < soon*was:
		hold = longHold
	default:
		t.rate = max(was, min(accepted, lowered*refused))
	}
	t.rate = max(t.rate, minRate)
	t.resumed, t.hold, t.decided = t.until, t.until.Add(hold), true
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

// Throttles hold one throttle for each key that is in use, such as the app that an attempt reaches,
// as services mostly limit each customer alone. If the attempts of several keys are refused within
// one pause, the limit is probably one for all, and all keys are held back. The zero value is ready
// to use, and the methods may be called concurrently.
type Throttles struct {
	all   Throttle
	byKey sync.Map // from string to *KeyThrottle

	mu    sync.Mutex
	size  int // of byKey
	sweep int // the size at which unused keys are removed
}

const (
	severalKeys = 3           // refused within one pause, hold back all keys
	unusedAfter = time.Minute // a key is forgotten, unless it is paused
	firstSweep  = 64
)

// A KeyThrottle is the throttle of one key.
type KeyThrottle struct {
	own  Throttle
	set  *Throttles
	used atomic.Int64 // when it was last asked for, in seconds
}

// For returns the throttle of a key.
func (s *Throttles) For(key string) *KeyThrottle {
	now := time.Now()
	found, ok := s.byKey.Load(key)
	if !ok {
		found = s.add(key, now)
	}
	t := found.(*KeyThrottle)
	if seconds := now.Unix(); t.used.Load() != seconds {
		t.used.Store(seconds)
	}
	return t
}

// add makes the throttle of a key, and forgets the keys that are no longer used.
func (s *Throttles) add(key string, now time.Time) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := &KeyThrottle{set: s}
	fresh.used.Store(now.Unix())
	found, loaded := s.byKey.LoadOrStore(key, fresh)
	if loaded {
		return found
	}
	if s.size++; s.size >= max(s.sweep, firstSweep) {
		s.byKey.Range(func(key, value any) bool {
			t := value.(*KeyThrottle)
			if t.used.Load() < now.Add(-unusedAfter).Unix() && !t.own.Paused() {
				s.byKey.Delete(key)
				s.size--
			}
			return true
		})
		s.sweep = 2 * s.size
	}
	return fresh
}

// Wait returns when an attempt for the key may be sent, as [Throttle.Wait] does.
func (t *KeyThrottle) Wait(ctx context.Context, refused bool) error {
	if !t.own.active.Load() && !t.set.all.active.Load() {
		return nil
	}
	for {
		if err := t.set.all.Wait(ctx, refused); err != nil {
			return err
		}
		if err := t.own.Wait(ctx, refused); err != nil || !t.set.all.Paused() {
			return err
		}
	}
}

// Paused reports whether a pause holds back the key.
func (t *KeyThrottle) Paused() bool { return t.own.Paused() || t.set.all.Paused() }

// Accepted counts an attempt for the key, sent at began, that was not refused.
func (t *KeyThrottle) Accepted(began time.Time) {
	t.own.history.add(began)
	if t.set.all.active.Load() {
		t.set.all.history.add(began)
	}
}

// Refused starts or extends the key's pause after an attempt that was sent at began was refused,
// and the pause of all keys if this one is among several.
func (t *KeyThrottle) Refused(began time.Time, pause time.Duration) {
	if !t.own.Refused(began, pause) {
		return
	}
	longest, paused := time.Duration(0), 0
	t.set.byKey.Range(func(_, value any) bool {
		if remaining := value.(*KeyThrottle).own.Remaining(); remaining > 0 {
			longest = max(longest, remaining)
			paused++
		}
		return true
	})
	if paused < severalKeys {
		return
	}
	if !t.set.all.active.Load() { // it has counted nothing so far
		t.set.byKey.Range(func(_, value any) bool {
			t.set.all.history.merge(&value.(*KeyThrottle).own.history)
			return true
		})
	}
	t.set.all.Refused(began, longest)
}

// Len returns the number of keys that have a throttle.
func (s *Throttles) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size
}

// A history counts accepted attempts by the slice of time in which they were sent, for the last few
// seconds. It takes no lock.
type history struct {
	cells [cells]atomic.Uint64 // the number of a slice, and in the low bits its count
}

const (
	slice     = 50 * time.Millisecond
	cells     = 64
	countBits = 20
)

// add counts an attempt that was sent at a time.
func (h *history) add(at time.Time) {
	n := uint64(at.UnixNano()) / uint64(slice)
	cell := &h.cells[n%cells]
	for {
		old := cell.Load()
		next := n<<countBits | 1
		switch {
		case old>>countBits == n:
			next = old + 1
		case old>>countBits > n: // of a slice long ago
			return
		}
		if cell.CompareAndSwap(old, next) {
			return
		}
	}
}

// merge adds the counts of another history.
func (h *history) merge(other *history) {
	for i := range other.cells {
		cell := other.cells[i].Load()
		at := time.Unix(0, int64(cell>>countBits)*int64(slice))
		for range cell & (1<<countBits - 1) {
			h.add(at)
		}
	}
}

// before returns how many were sent in a time of the given length that ends at a moment.
func (h *history) before(at time.Time, length time.Duration) int {
	n := uint64(at.UnixNano()) / uint64(slice)
	return h.sum(n-uint64(length/slice)+1, n)
}

// between returns how many were sent between two moments.
func (h *history) between(from, to time.Time) int {
	return h.sum(uint64(from.UnixNano())/uint64(slice), uint64(to.UnixNano())/uint64(slice))
}

// sum adds up the slices from first to last.
func (h *history) sum(first, last uint64) int {
	total := 0
	for i := range h.cells {
		if cell := h.cells[i].Load(); cell>>countBits >= first && cell>>countBits <= last {
			total += int(cell & (1<<countBits - 1))
		}
	}
	return total
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

// Empty reports whether less than one token is left.
func (b *Budget) Empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left < 10
}

// Return puts a tenth of a token back, up to the size of the bucket. Call it for each success.
func (b *Budget) Return() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+1, b.size)
}
