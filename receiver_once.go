package smooch

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// A handling is an event on its way through a receiver, from its claim until its function has
// returned, however long that takes. Copies of the event that come meanwhile share its outcome.
type handling struct {
	receiver *WebhookReceiver
	ctx      context.Context // the values of the request that brought the event
	began    time.Time       // when that request came
	event    Event
	fact     fact
	function func(context.Context, Event) error
	claims   []string // the keys that the deduper knows the fact by
	calls    int      // how often the function was called

	queued    chan struct{} // closed when the event is in the queue, if there is one
	queuedErr error         // what went wrong then, but changes nothing

	ended   chan struct{} // closed when the outcome is set
	outcome outcome
	report  *Delivery // what to tell the observer at the end: the request was answered before; or nil
}

// An outcome is what an event came to: the answer that it gets, and what became of it.
type outcome struct {
	status    int
	err       error
	handled   bool // the function was called
	duplicate bool // another process has handled the event
}

// handleOnce handles the event of a delivery, or waits for the delivery that handles it, and fills in
// what d is answered. It waits no longer than the receiver's time-out.
func handleOnce(ctx context.Context, r *WebhookReceiver, d *Delivery, function func(context.Context, Event) error, began time.Time) {
	h, first := r.handlings.join(factOf(d.Event))
	if h == nil {
		d.Status, d.Err = http.StatusServiceUnavailable, errQueueFull
		return
	}
	d.Duplicate = !first
	if first {
		h.receiver, h.ctx, h.began, h.event, h.function = r, ctx, began, d.Event, function
		go h.run(*d)
	}
	timer := time.NewTimer(r.timeout)
	defer timer.Stop()
	select {
	case <-h.queued:
	case <-h.ended:
	case <-timer.C:
		d.Status, d.Err = http.StatusServiceUnavailable, errTooSlow
		if !first || r.handlings.reportAtEnd(h, *d) {
			return
		}
	}
	select {
	case <-h.queued: // before it ended, if it has
		d.Status, d.Err = http.StatusOK, h.queuedErr
	default:
		d.Status, d.Err = h.outcome.status, h.outcome.err
		d.Handled, d.Duplicate = h.outcome.handled && first, d.Duplicate || h.outcome.duplicate
	}
}

// run claims the event, and then handles it or puts it into the queue. It has a goroutine of its own,
// as the function may take longer than the answer.
func (h *handling) run(d Delivery) {
	r := h.receiver
	won, err := h.claim()
	switch {
	case err != nil:
		h.end(outcome{status: http.StatusServiceUnavailable, err: err})
	case !won:
		h.end(outcome{status: http.StatusOK, duplicate: true})
	case r.queue == nil:
		h.handle()
	default:
		r.handlings.reportAtEnd(h, d)
		if !r.queue.Add(h.fact.order, h) {
			err := errors.Join(errQueueFull, h.tell(r.deduper.Release))
			h.end(outcome{status: http.StatusServiceUnavailable, err: err})
			return
		}
		// From here on copies are acknowledged, by other processes too.
		h.queuedErr = h.tell(r.deduper.Done)
		close(h.queued)
	}
}

// handle calls the function, and concludes the event unless it is to be handled again.
func (h *handling) handle() (again bool, after time.Duration) {
	var err error = &PanicError{Value: "runtime.Goexit"} // as a test's FailNow calls, unless it returns
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
		if h.receiver.queue != nil {
			again, after = retryInBackground(h.calls, err)
		}
		if !again {
			h.conclude(err)
		}
	}()
	if h.receiver.queue != nil {
		<-h.queued // it is acknowledged first
	}
	h.calls++
	ctx, cancel := context.WithTimeout(h.ctx, h.receiver.timeout)
	defer cancel()
	err = h.function(ctx, h.event)
	return again, after
}

// conclude records what the function came to, and ends the handling. The event counts as handled even
// if the deduper cannot record it: another delivery would handle it twice.
func (h *handling) conclude(err error) {
	status := http.StatusOK
	if err != nil {
		status = statusOf(err)
	}
	record := h.receiver.deduper.Done
	switch {
	case status == http.StatusServiceUnavailable || status == http.StatusInternalServerError:
		record = h.receiver.deduper.Release
	case h.fact.recurs:
		held := h.claims
		h.claims = h.fact.recurringClaims(time.Now()) // the function may have taken minutes
		forget := handling{receiver: h.receiver, ctx: h.ctx, claims: append(held, h.claims...)}
		time.AfterFunc(recurrence, func() { _ = forget.tell(h.receiver.deduper.Release) }) // if that fails, they count for a minute more
	}
	h.end(outcome{status: status, err: errors.Join(err, h.tell(record)), handled: true})
}

// end sets the outcome and tells all who wait for it.
func (h *handling) end(o outcome) {
	defer h.receiver.handlings.running.Done()
	if h.receiver.handlings.leave(h, o); h.report != nil && o.handled {
		defer func() { _ = recover() }() // there is nobody left to tell of a panic
		d := *h.report
		d.Status, d.Handled, d.Err, d.Duration = 0, true, o.err, time.Since(h.began)
		h.receiver.observer(d)
	}
}

// claim asks the deduper for the fact, and waits while another process handles it.
func (h *handling) claim() (won bool, err error) {
	ctx, cancel := context.WithTimeout(h.ctx, h.receiver.timeout)
	defer cancel()
	h.claims = []string{h.fact.key}
	if h.fact.recurs {
		h.claims = h.fact.recurringClaims(time.Now())
	}
	for i, key := range h.claims {
		for claim := ClaimBusy; claim != ClaimWon; {
			claim, err = h.receiver.deduper.Claim(ctx, key, h.receiver.lease)
			if err == nil && claim == ClaimBusy {
				select {
				case <-ctx.Done():
					err = errTooSlow
				case <-time.After(250 * time.Millisecond):
				}
			}
			if err != nil || claim == ClaimDone {
				h.claims = h.claims[:i]
				return false, errors.Join(err, h.tell(h.receiver.deduper.Release))
			}
		}
	}
	return true, nil
}

// tell tells the deduper something of each key, in a time of its own that leaves some for the answer.
func (h *handling) tell(tell func(context.Context, string) error) error {
	ctx, cancel := context.WithTimeout(h.ctx, h.receiver.timeout/3)
	defer cancel()
	var failed []error
	for _, key := range h.claims {
		failed = append(failed, tell(ctx, key))
	}
	return errors.Join(failed...)
}

// statusOf is the answer for an error that a function returned.
func statusOf(err error) int {
	_, permanent := errors.AsType[*permanentError](err)
	_, panicked := errors.AsType[*PanicError](err)
	switch {
	case permanent:
		return http.StatusNotAcceptable
	case panicked:
		return http.StatusInternalServerError
	}
	return http.StatusServiceUnavailable
}

// A handlingGroup holds what a receiver handles at present, by key, so that copies of an event share
// one handling (singleflight).
type handlingGroup struct {
	running sync.WaitGroup // handlings whose end has not been reported

	mu     sync.Mutex
	byKey  map[string]*handling
	closed bool
}

// join returns the handling of a fact, and whether the caller is the first, who has to run it. It
// returns nil if the group is closed.
func (g *handlingGroup) join(f fact) (h *handling, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if h, ok := g.byKey[f.key]; ok {
		return h, false
	}
	if g.closed {
		return nil, false
	}
	h = &handling{fact: f, queued: make(chan struct{}), ended: make(chan struct{})}
	g.byKey[f.key] = h
	g.running.Add(1)
	return h, true
}

// leave takes a handling out of the group and publishes its outcome.
func (g *handlingGroup) leave(h *handling, o outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.byKey, h.fact.key)
	h.outcome = o
	close(h.ended)
}

// reportAtEnd has the observer told of the outcome. It returns false if the handling has ended.
func (g *handlingGroup) reportAtEnd(h *handling, d Delivery) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.byKey[h.fact.key] != h {
		return false
	}
	h.report = &d
	return true
}

// close lets in nobody who would be the first.
func (g *handlingGroup) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}
