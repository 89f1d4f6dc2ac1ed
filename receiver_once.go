package smooch

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// A handling is an event on its way through a receiver, from its claim until its function has
// returned, however long that takes. Copies of the event that arrive meanwhile share its outcome.
type handling struct {
	receiver *WebhookReceiver
	ctx      context.Context // with the values of the request; it does not end with the request
	began    time.Time       // when the request arrived
	event    Event
	fact     fact
	function func(context.Context, Event) error
	claims   []string // the keys that are claimed with the deduper
	calls    int      // how often the function was called

	queued    chan struct{} // closed when the event has been put into the queue
	queuedErr error         // of the deduper at that time; it does not change the answer

	ended   chan struct{} // closed when the outcome is set
	outcome outcome
	report  *Delivery // what to tell the observer at the end; nil: nothing
}

// An outcome is the result of a handling.
type outcome struct {
	status    int // of the answer
	err       error
	handled   bool // the function was called
	duplicate bool // another process has handled the event
}

// handleOnce handles the event of a delivery, or waits for the delivery that is handling it, and
// sets the result in d. It waits no longer than the receiver's timeout, counted from the arrival of
// the request, so that the answer comes in time after a body that took long.
func handleOnce(ctx context.Context, r *WebhookReceiver, d *Delivery, f fact, function func(context.Context, Event) error, began time.Time) {
	h, first := r.handlings.join(f)
	if h == nil {
		d.Status, d.Err = http.StatusServiceUnavailable, errShutdown
		r.log.count(lineRefused, "shutting_down", nil)
		return
	}
	d.Duplicate = !first
	if first {
		h.receiver, h.ctx, h.began, h.event, h.function = r, ctx, began, d.Event, function
		go h.run(*d)
	}
	timer := time.NewTimer(time.Until(began.Add(r.timeout)))
	defer timer.Stop()
	select {
	case <-h.queued:
	case <-h.ended:
	case <-timer.C:
		d.Status, d.Err = http.StatusServiceUnavailable, errTooSlow
		if first {
			h.logFailure("smooch webhook: a function takes too long", errTooSlow)
		}
		if !first || r.handlings.reportAtEnd(h, *d) {
			return
		}
	}
	select {
	case <-h.queued: // even if the handling has ended since
		d.Status, d.Err = http.StatusOK, h.queuedErr
	default:
		d.Status, d.Err = h.outcome.status, h.outcome.err
		d.Handled, d.Duplicate = h.outcome.handled && first, d.Duplicate || h.outcome.duplicate
	}
}

// run claims the event, and then handles it or puts it into the queue. It runs on a goroutine of
// its own, as the function may still run when the request has been answered.
func (h *handling) run(d Delivery) {
	r := h.receiver
	won, err := h.claim()
	switch {
	case err != nil:
		h.logFailure("smooch webhook: an event could not be claimed", err)
		h.end(outcome{status: http.StatusServiceUnavailable, err: err})
	case !won:
		h.end(outcome{status: http.StatusOK, duplicate: true})
	case r.queue == nil:
		h.handle()
	default:
		r.handlings.reportAtEnd(h, d)
		if !r.queue.Add(h.fact.order, h) {
			r.log.count(lineQueueFull, "", nil)
			err := errors.Join(errQueueFull, h.updateClaims(r.deduper.Release))
			h.end(outcome{status: http.StatusServiceUnavailable, err: err})
			return
		}
		// Now the event counts as handled, so that other processes acknowledge its copies.
		h.queuedErr = h.updateClaims(r.deduper.Done)
		close(h.queued)
	}
}

// handle calls the function. It returns whether and when to call it again, and if it is not to be
// called again, it concludes the handling.
func (h *handling) handle() (again bool, after time.Duration) {
	// If the function neither returns nor panics, it has called Goexit, as FailNow of a test does.
	var err error = &PanicError{Value: "runtime.Goexit"}
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
		if h.receiver.queue != nil {
			again, after = retryInBackground(h.calls, err)
		}
		if err != nil {
			dropped := statusOf(err) == http.StatusNotAcceptable || h.receiver.queue != nil && !again
			h.logFailure("smooch webhook: a function failed", err, slog.Int("attempt", h.calls), slog.Bool("dropped", dropped))
		}
		if !again {
			h.conclude(err)
		}
	}()
	if h.receiver.queue != nil {
		<-h.queued // acknowledged first
	}
	h.calls++
	ctx, cancel := context.WithTimeout(h.ctx, h.receiver.timeout)
	defer cancel()
	err = h.function(ctx, h.event)
	return again, after
}

// conclude records the result of the function in the deduper, and ends the handling. If the deduper
// fails, the answer stays the same: a repeated delivery would handle the event twice.
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
		first := h.claims
		h.claims = h.fact.recurringClaims(time.Now()) // the function may have taken minutes
		release := handling{receiver: h.receiver, ctx: h.ctx, claims: append(first, h.claims...), fact: h.fact}
		release.event = &UnknownEvent{EventHeader{Trigger: h.event.header().Trigger}} // without the body
		time.AfterFunc(recurrence, func() {
			// If this fails, similar events count as copies for another minute.
			_ = release.updateClaims(h.receiver.deduper.Release)
		})
	}
	h.end(outcome{status: status, err: errors.Join(err, h.updateClaims(record)), handled: true})
}

// end sets the outcome, and tells the observer of it if the request has been answered already.
func (h *handling) end(o outcome) {
	defer h.receiver.handlings.running.Done()
	if h.receiver.handlings.leave(h, o); h.report != nil && o.handled {
		defer func() { _ = recover() }() // a panic of the observer would end the process
		d := *h.report
		d.Status, d.Handled, d.Err, d.Duration = 0, true, o.err, time.Since(h.began)
		h.receiver.observer(d)
	}
}

// claim claims the event with the deduper. While another process holds the claim, it tries again,
// up to the receiver's timeout. won is false if another process has handled the event.
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
				return false, errors.Join(err, h.updateClaims(h.receiver.deduper.Release))
			}
		}
	}
	return true, nil
}

// updateClaims calls update, which is Done or Release of the deduper, for each claimed key, and
// logs its errors. It has a timeout of its own, short enough to leave time for the answer.
func (h *handling) updateClaims(update func(context.Context, string) error) error {
	ctx, cancel := context.WithTimeout(h.ctx, h.receiver.timeout/3)
	defer cancel()
	var failed []error
	for _, key := range h.claims {
		failed = append(failed, update(ctx, key))
	}
	err := errors.Join(failed...)
	if err != nil {
		h.logFailure("smooch webhook: the deduper did not record what became of an event", err)
	}
	return err
}

func (h *handling) logFailure(message string, err error, attrs ...slog.Attr) {
	h.receiver.log.failure(h.ctx, message, h.event, h.fact.key, err, attrs...)
}

// statusOf returns the status of the answer for an error of a function.
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

// A handlingGroup holds the handlings that are under way, by key, so that copies of an event share
// one (singleflight).
type handlingGroup struct {
	running sync.WaitGroup // of handlings that have not ended and been reported

	mu     sync.Mutex
	byKey  map[string]*handling
	closed bool
}

// join returns the handling of a fact. If first is true, it is new and the caller has to run it.
// join returns nil instead of a new handling if the group is closed.
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

// leave removes a handling from the group and publishes its outcome.
func (g *handlingGroup) leave(h *handling, o outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.byKey, h.fact.key)
	h.outcome = o
	close(h.ended)
}

// reportAtEnd makes the handling tell the observer of d and the outcome when it ends. It returns
// false if the handling has ended already.
func (g *handlingGroup) reportAtEnd(h *handling, d Delivery) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.byKey[h.fact.key] != h {
		return false
	}
	h.report = &d
	return true
}

// close makes the group refuse new handlings.
func (g *handlingGroup) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}
