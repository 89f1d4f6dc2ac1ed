package smooch

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"
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

// settled is for how long an event that cannot be told from the next of its kind counts as a copy.
const settled = time.Minute

// once has an event handled by one delivery of it, and answers all.
func (r *WebhookReceiver) once(ctx context.Context, d *Delivery, handler func(context.Context, Event) error) {
	began := time.Now()
	key := EventKey(d.Event)
	waiting, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	f, mine := r.board(key)
	if f == nil {
		d.Status, d.Err = http.StatusServiceUnavailable, errQueueFull
		return
	}
	if !mine {
		d.Duplicate = true
		r.await(waiting, d, f)
		return
	}
	claims := claimKeys(d.Event, key)
	won, err := r.claim(waiting, claims)
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
		r.enqueue(ctx, d, key, f, claims, run)
		return
	}
	event := d.Event
	r.running.Add(1) // until the observer knows
	defer func() {
		if d.Handled {
			r.running.Done()
		}
	}()
	go func() { r.land(key, f, r.conclude(ctx, event, claims, run())) }()
	d.Handled = r.await(waiting, d, f)
	if !d.Handled {
		r.reportLater(*d, f, began)
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
func (r *WebhookReceiver) await(ctx context.Context, d *Delivery, f *flight) bool {
	select {
	case <-f.queued:
		d.Status = http.StatusOK
		return true
	case <-f.ended:
		d.Status, d.Err = f.status, f.err
		return true
	case <-ctx.Done():
		d.Status, d.Err = http.StatusServiceUnavailable, errTooSlow
		return false
	}
}

func statusOf(err error) int {
	_, permanent := errors.AsType[*permanentError](err)
	_, panicked := errors.AsType[*PanicError](err)
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
func (r *WebhookReceiver) reportLater(d Delivery, f *flight, began time.Time) {
	go func() {
		defer r.running.Done()
		<-f.ended
		d.Status, d.Handled, d.Err, d.Duration = 0, true, f.err, time.Since(began)
		r.report(d)
	}()
}

// report calls the observer where no request waits. There nobody would catch a panic, and there is nobody to tell of it.
func (r *WebhookReceiver) report(d Delivery) {
	_ = guarded(func() error { r.observer(d); return nil })
}

// lease is for how long a claim holds whose holder says nothing more. In one process a
// function is never run beside itself, however long it takes; another process may take its event over after this.
func (r *WebhookReceiver) lease() time.Duration { return 2*r.timeout + 30*time.Second }

// claimKeys are the keys that the deduper knows an event by. One that cannot be told from the next of its kind has the
// minute in them, the last one and the current one: after a process that dies before it has released them,
// the later events of the kind are copies for two minutes at most, instead of for ever.
func claimKeys(e Event, key string) []string {
	if !isUntimed(e) {
		return []string{key}
	}
	now := time.Now()
	return []string{minuteKey(key, now.Add(-settled)), minuteKey(key, now)}
}

func minuteKey(key string, at time.Time) string {
	return key + "|" + strconv.FormatInt(at.Unix()/int64(settled/time.Second), 10)
}

// claim asks the deduper for all keys, and waits while another process handles the event.
func (r *WebhookReceiver) claim(ctx context.Context, keys []string) (won bool, err error) {
	for i, key := range keys {
		if won, err := r.claimOne(ctx, key); !won {
			return false, errors.Join(err, r.release(ctx, keys[:i]))
		}
	}
	return true, nil
}

func (r *WebhookReceiver) claimOne(ctx context.Context, key string) (won bool, err error) {
	for {
		var claim Claim
		err := guarded(func() (err error) { claim, err = r.deduper.Claim(ctx, key, r.lease()); return })
		switch {
		case err != nil:
			return false, err
		case claim == ClaimWon:
			return true, nil
		case claim == ClaimDone:
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, errTooSlow
		case <-time.After(250 * time.Millisecond):
		}
	}
}

func (r *WebhookReceiver) done(ctx context.Context, keys []string) error {
	return r.each(ctx, keys, r.deduper.Done)
}

func (r *WebhookReceiver) release(ctx context.Context, keys []string) error {
	return r.each(ctx, keys, r.deduper.Release)
}

// each tells the deduper something of several keys, in a time of its own that leaves some for the answer.
func (r *WebhookReceiver) each(ctx context.Context, keys []string, tell func(context.Context, string) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout/3)
	defer cancel()
	var failed []error
	for _, key := range keys {
		failed = append(failed, guarded(func() error { return tell(ctx, key) }))
	}
	return errors.Join(failed...)
}

// run calls a function within its time, on a goroutine of its own: the function may end it, as a test's FailNow does.
func (r *WebhookReceiver) run(ctx context.Context, e Event, handler func(context.Context, Event) error) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	var err error = &PanicError{Value: "runtime.Goexit"} // unless it returns
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		err = guarded(func() error { return handler(ctx, e) })
	}()
	<-returned
	return err
}

// guarded turns a panic into an error: most of these calls are not on net/http's goroutine, where it would be caught.
func guarded(fn func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	return fn()
}

// conclude remembers an event that was handled, for good or not at all, and gives back the claim of one that was not.
func (r *WebhookReceiver) conclude(ctx context.Context, e Event, claims []string, err error) outcome {
	status := statusOf(err)
	if status == http.StatusServiceUnavailable || status == http.StatusInternalServerError {
		return outcome{status, errors.Join(err, r.release(ctx, claims))}
	}
	if isUntimed(e) {
		held := claims
		claims = claimKeys(e, EventKey(e)) // the function may have taken minutes
		// At worst they count for a minute more.
		time.AfterFunc(settled, func() { _ = r.release(ctx, append(held, claims...)) })
	}
	// Handled all the same if this fails: asking for a copy would make it twice.
	return outcome{status, errors.Join(err, r.done(ctx, claims))}
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
