package smooch

import (
	"context"
	"math"
	"sync"
	"time"
)

// A gate holds back the attempts of a client while the service refuses them.
//
// A 429 closes it until the pause is over. Then attempts pass one by one, those that were
// refused first, at the rate that the service accepted before the refusal; the rate grows
// by a tenth each second in which nothing is refused, until it no longer matters. Where nothing was accepted
// before, it begins at one a second and doubles. Nobody holds the lock while waiting.
type gate struct {
	mu       sync.Mutex
	until    time.Time     // closed until then
	closedAt time.Time     // when the last pause began
	interval time.Duration // between two attempts after the pause; 0: no pacing
	growth   float64       // of the rate in each second without a refusal
	next     time.Time     // when the next attempt may pass
	queues   [2][]*waiter  // 0: those that were refused
	timer    *time.Timer   // set while somebody waits

	accepted   [2]int    // answers in this and in the last second
	acceptedAt time.Time // when this second began
}

type waiter struct {
	passed chan struct{}
	gone   bool
}

// heldBack is how much longer the gate stays closed than a call can wait.
type heldBack time.Duration

func (h *heldBack) Error() string { return "held back for " + time.Duration(*h).String() }

// gateOpen is the rate at which pacing ends: a thousand attempts a second.
const gateOpen = time.Millisecond

// wait returns when an attempt may be sent. A context that would end before the pause does
// is told at once.
func (g *gate) wait(ctx context.Context, refused bool) error {
	g.mu.Lock()
	now := time.Now()
	if g.passes(now) {
		g.mu.Unlock()
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(g.until) {
		held := heldBack(g.until.Sub(now))
		g.mu.Unlock()
		return &held
	}
	w := &waiter{passed: make(chan struct{})}
	queue := 1
	if refused {
		queue = 0
	}
	g.queues[queue] = append(g.queues[queue], w)
	g.schedule(now)
	g.mu.Unlock()

	select {
	case <-w.passed:
		return nil
	case <-ctx.Done():
		g.mu.Lock()
		w.gone = true
		g.mu.Unlock()
		return ctx.Err()
	}
}

// closed reports whether a pause is on.
func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.until)
}

// passes lets an attempt through that need not wait.
func (g *gate) passes(now time.Time) bool {
	if now.Before(g.until) || len(g.queues[0])+len(g.queues[1]) > 0 {
		return false
	}
	pace := g.pace(now)
	if pace == 0 {
		return true
	}
	if now.Before(g.next) {
		return false
	}
	g.next = now.Add(pace)
	return true
}

// pace is the current time between two attempts.
func (g *gate) pace(now time.Time) time.Duration {
	if g.interval == 0 {
		return 0
	}
	quiet := max(now.Sub(g.until), 0).Seconds()
	pace := time.Duration(float64(g.interval) * math.Pow(1/g.growth, math.Floor(quiet)))
	if pace < gateOpen {
		g.interval, pace = 0, 0
	}
	return pace
}

// schedule sets the timer for the next waiter, unless it runs.
func (g *gate) schedule(now time.Time) {
	if g.timer == nil {
		g.timer = time.AfterFunc(max(g.until.Sub(now), g.next.Sub(now), 0), g.release)
	}
}

// release lets those through whose time has come.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timer = nil
	now := time.Now()
	for !now.Before(g.until) && !now.Before(g.next) {
		w := g.pop()
		if w == nil {
			return
		}
		if w.gone {
			continue
		}
		close(w.passed)
		// From the slot, not from now: a timer that was late does not lower the rate.
		slot := g.next
		if slot.Before(now.Add(-time.Second)) || slot.Before(g.until) {
			slot = now
		}
		g.next = slot.Add(g.pace(now))
	}
	if len(g.queues[0])+len(g.queues[1]) > 0 {
		g.schedule(now)
	}
}

func (g *gate) pop() *waiter {
	for i := range g.queues {
		if q := g.queues[i]; len(q) > 0 {
			w := q[0]
			q[0] = nil
			g.queues[i] = q[1:]
			return w
		}
	}
	return nil
}

// accept counts an answer that was not refused.
func (g *gate) accept() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn(time.Now())
	g.accepted[0]++
}

// turn moves on to the current second.
func (g *gate) turn(now time.Time) {
	switch age := now.Sub(g.acceptedAt); {
	case age >= 2*time.Second:
		g.accepted, g.acceptedAt = [2]int{}, now
	case age >= time.Second:
		g.accepted, g.acceptedAt = [2]int{0, g.accepted[0]}, g.acceptedAt.Add(time.Second)
	}
}

// refuse closes the gate for pause, after a 429 to an attempt that was sent at began.
func (g *gate) refuse(began time.Time, pause time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if until := now.Add(pause); until.After(g.until) {
		g.until = until
	}
	if began.Before(g.closedAt) {
		return // it was under way when the gate closed: no news of the rate
	}
	g.closedAt = now
	g.turn(now)
	rate := max(g.accepted[0], g.accepted[1], 1)
	slowest := time.Second / time.Duration(rate)
	switch passed := g.accepted[0]+g.accepted[1] > 0; {
	case passed:
		g.growth = 1.1
	case g.interval > 0:
		slowest = min(2*g.interval, time.Second) // nothing passed since the last refusal
	default:
		g.growth = 2
	}
	g.interval = max(slowest, gateOpen)
	if g.timer != nil && g.timer.Stop() {
		g.timer = nil
		g.schedule(now)
	}
}
