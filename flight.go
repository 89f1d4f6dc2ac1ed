package smooch

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// A flight is an event on its way through a receiver: from its claim until its function has
// returned, however long that takes. Copies of the event share it.
type flight struct {
	ended  chan struct{} // closed when outcome is set
	queued chan struct{} // closed when the event is sure to be handled, in background mode
	outcome
}

// outcome is what an event came to: the answer that it gets, and what went wrong.
type outcome struct {
	status int
	err    error
}

// settled is for how long an event that does not tell itself from the next of its kind counts as a copy.
const settled = time.Minute

// once has an event handled by one delivery of it, and answers all.
func (r *WebhookReceiver) once(ctx context.Context, d *Delivery, handler func(context.Context, Event) error) {
	key := EventKey(d.Event)
	deadline := time.After(r.timeout)
	f, mine := r.board(key)
	if f == nil {
		d.Status, d.Err = http.StatusServiceUnavailable, errQueueFull
		return
	}
	if !mine {
		d.Duplicate = true
		r.await(d, f, deadline)
		return
	}
	won, err := r.claim(ctx, key, deadline)
	switch {
	case err != nil:
		r.land(key, f, outcome{http.StatusServiceUnavailable, err})
		d.Status, d.Err = f.status, err
		return
	case !won:
		r.land(key, f, outcome{http.StatusOK, nil})
		d.Status, d.Duplicate = f.status, true
		return
	}
	run := func() error { return r.run(ctx, d.Event, handler) }
	if r.background != nil {
		r.enqueue(ctx, d, key, f, run)
		return
	}
	event := d.Event
	go func() { r.land(key, f, r.conclude(ctx, key, event, run())) }()
	d.Handled = r.await(d, f, deadline)
	if !d.Handled {
		r.reportLater(*d, f)
	}
}

// board gives the flight of a key and whether the caller has begun it. nil: the receiver is shutting down.
func (r *WebhookReceiver) board(key string) (f *flight, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f, ok := r.flights[key]; ok {
		return f, false
	}
	if r.closed {
		return nil, false
	}
	f = &flight{ended: make(chan struct{}), queued: make(chan struct{})}
	r.flights[key] = f
	r.running.Add(1)
	return f, true
}

// land ends a flight.
func (r *WebhookReceiver) land(key string, f *flight, o outcome) {
	r.mu.Lock()
	delete(r.flights, key)
	r.mu.Unlock()
	f.outcome = o
	close(f.ended)
	r.running.Done()
}

// await answers with the outcome of a flight. It is false if that takes too long.
func (r *WebhookReceiver) await(d *Delivery, f *flight, deadline <-chan time.Time) bool {
	select {
	case <-f.queued:
		d.Status = http.StatusOK
		return true
	case <-f.ended:
		d.Status, d.Err = f.status, f.err
		return true
	case <-deadline:
		d.Status, d.Err = http.StatusServiceUnavailable, errTooSlow
		return false
	}
}

func statusOf(err error) int {
	_, permanent := errors.AsType[*permanentError](err)
	_, panicked := errors.AsType[*panicError](err)
	switch {
	case err == nil:
		return http.StatusOK
	case permanent:
		return http.StatusNotAcceptable
	case panicked:
		return http.StatusInternalServerError
	}
	return http.StatusServiceUnavailable
}

// reportLater tells the observer what became of an event that was answered before it was handled.
func (r *WebhookReceiver) reportLater(d Delivery, f *flight) {
	began := time.Now().Add(-d.Duration)
	go func() {
		<-f.ended
		d.Status, d.Handled, d.Err, d.Duration = 0, true, f.err, time.Since(began)
		r.observer(d)
	}()
}

// lease is for how long a claim holds whose holder says nothing more. In one process a
// function is never run beside itself, however long it takes; another process may take its event over after this.
func (r *WebhookReceiver) lease() time.Duration { return 2*r.timeout + 30*time.Second }

// claim asks the deduper, and waits while another process handles the event.
func (r *WebhookReceiver) claim(ctx context.Context, key string, deadline <-chan time.Time) (won bool, err error) {
	for {
		claim, err := r.deduper.Claim(ctx, key, r.lease())
		switch {
		case err != nil:
			return false, err
		case claim == ClaimWon:
			return true, nil
		case claim == ClaimDone:
			return false, nil
		}
		select {
		case <-deadline:
			return false, errTooSlow
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// run calls a function and turns a panic into an error.
func (r *WebhookReceiver) run(ctx context.Context, e Event, handler func(context.Context, Event) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value}
		}
	}()
	return handler(ctx, e)
}

// conclude remembers an event that was handled, for good or not at all, and gives back the claim of one that was not.
func (r *WebhookReceiver) conclude(ctx context.Context, key string, e Event, err error) outcome {
	status := statusOf(err)
	if status == http.StatusServiceUnavailable || status == http.StatusInternalServerError {
		return outcome{status, errors.Join(err, r.deduper.Release(ctx, key))}
	}
	if failed := r.deduper.Done(ctx, key); failed != nil {
		return outcome{status, errors.Join(err, failed)} // handled all the same: asking for a copy would make it twice
	}
	if isUntimed(e) {
		time.AfterFunc(settled, func() { _ = r.deduper.Release(ctx, key) }) // at worst the next tap counts as a copy
	}
	return outcome{status, err}
}

// Shutdown refuses new events with 503, so that they come again, and returns when those that
// were taken have been handled, or with ctx's error.
func (r *WebhookReceiver) Shutdown(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	drained := make(chan struct{})
	go func() {
		r.running.Wait()
		close(drained)
	}()
	select {
	case <-drained:
		if r.background != nil {
			r.background.stop()
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
