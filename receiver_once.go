package smooch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// A handling is an event on its way through a receiver, from its claim until its function has
// returned, however long that takes. Copies of the event that arrive meanwhile share its outcome.
type handling struct {
	receiver *WebhookReceiver
	key      string // which its copies have, too
	event    Event
	function func(context.Context, Event) error
	queued   bool      // the event comes out of a queue
	began    time.Time // when the request arrived
	fact     fact      // not set if the event is queued

	values context.Context // has the values of ctx, and does not end
	ctx    context.Context // ends when the handling ends, or a claim is lost
	cancel context.CancelCauseFunc

	keys      []string // to claim
	claims    []keyClaim
	keyRoom   [1]string   // for keys
	claimRoom [1]keyClaim // for claims
	until     time.Time   // when the claims end

	mu        sync.Mutex
	extension *time.Timer // calls extend
	settled   bool        // the claims are not extended any longer
	lost      bool        // a claim does not hold any longer

	ended   chan struct{} // closed when the outcome is set
	outcome outcome
	told    func(HandlingResult) // tells the hooks of the end; nil if there are none
}

// A keyClaim is a claim that was won.
type keyClaim struct{ key, token string }

// An outcome is the result of a handling.
type outcome struct {
	status    int // of the answer
	err       error
	handled   bool // the function was called
	duplicate bool // another process has handled the event
}

// handleOnce handles the event of a delivery, or waits for the delivery that is handling it, and
// sets the result in d. It waits no longer than the receiver's timeout, counted from the arrival of
// the request, so that the answer comes in time after a body that took long. ctx does not end.
func handleOnce(ctx context.Context, r *WebhookReceiver, d *DeliveryResult, f fact, function func(context.Context, Event) error, began time.Time) {
	h, first := r.handlings.join(f.key, true)
	if h == nil {
		d.StatusCode, d.Err = http.StatusServiceUnavailable, errShutdown
		r.log.count(lineRefused, "shutting_down", nil)
		return
	}
	var lost <-chan struct{}
	if first {
		h.receiver, h.event, h.function, h.began, h.fact, h.values = r, d.Event, function, began, f, ctx
		if f.recurs {
			h.keys = f.recurringKeys(time.Now())
		}
		h.start(ctx)
		lost = h.ctx.Done()
	}
	timer := time.NewTimer(time.Until(began.Add(r.timeout)))
	defer timer.Stop()
	d.Duplicate = !first
	select {
	case <-h.ended:
	case <-lost:
		d.Err = ErrClaimLost // which has been logged
	case <-timer.C:
		if d.Err = errTooSlow; first {
			h.logFailure("smooch webhook: a function takes too long", errTooSlow)
		}
	}
	if d.Err != nil && !h.hasEnded() {
		d.StatusCode = http.StatusServiceUnavailable
		return
	}
	d.StatusCode, d.Err = h.outcome.status, h.outcome.err
	d.Handled, d.Duplicate = h.outcome.handled && first, d.Duplicate || h.outcome.duplicate
}

// start begins the handling. If ctx ends, so does the context of the function.
func (h *handling) start(ctx context.Context) {
	if hooks := h.receiver.handlingHooks; hooks != nil {
		began := time.Now()
		hooked, end := hooks.begin(ctx, HandlingInfo{h.event, h.queued, h.began}, HandlingResult{Err: errAborted})
		ctx, h.values = hooked, context.WithoutCancel(hooked)
		h.told = func(result HandlingResult) {
			result.Duration = time.Since(began)
			end(result)
		}
	}
	h.ctx, h.cancel = context.WithCancelCause(ctx)
	go h.run()
}

// run claims the event and handles it. It runs on a goroutine of its own, as the function may still
// run when the request has been answered, and may end its goroutine.
func (h *handling) run() {
	switch state, err := h.claim(); {
	case err != nil:
		h.logFailure("smooch webhook: an event could not be claimed", err)
		h.end(outcome{status: http.StatusServiceUnavailable, err: err})
	case state == ClaimBusy:
		h.end(outcome{status: http.StatusServiceUnavailable, err: ErrBusy})
	case state == ClaimDone:
		h.end(outcome{status: http.StatusOK, duplicate: true})
	case !time.Now().Before(h.until): // the process was suspended: another one may be ahead of it
		h.logFailure(messageLost, ErrClaimLost)
		h.end(outcome{status: http.StatusServiceUnavailable, err: ErrClaimLost})
	default:
		h.call()
	}
}

// claim claims the event. While another process holds the claim, it tries again for a delivery, for
// as long as that is waited for. A queue brings the event again by itself.
func (h *handling) claim() (ClaimState, error) {
	for {
		state, err := h.claimKeys()
		if err != nil || state != ClaimBusy || h.queued {
			return state, err
		}
		left := time.Until(h.began.Add(h.receiver.timeout))
		if left <= 0 {
			return state, errTooSlow
		}
		select {
		case <-h.ctx.Done():
		case <-time.After(min(left, 250*time.Millisecond)):
		}
	}
}

// claimKeys claims all keys, or none.
func (h *handling) claimKeys() (ClaimState, error) {
	h.until = time.Now().Add(h.receiver.lease)
	for _, key := range h.keys {
		if state, err := h.claimKey(h.ctx, key); err != nil || state != ClaimWon {
			err = errors.Join(err, h.update(h.receiver.deduper.Release))
			h.claims = h.claims[:0]
			return state, err
		}
	}
	return ClaimWon, nil
}

func (h *handling) claimKey(ctx context.Context, key string) (ClaimState, error) {
	c, err := h.receiver.deduper.Claim(ctx, key, h.receiver.lease)
	switch {
	case err != nil:
	case c.State == ClaimWon:
		h.claims = append(h.claims, keyClaim{key, c.Token})
	case c.State != ClaimBusy && c.State != ClaimDone:
		err = errClaimState
	}
	return c.State, err
}

// call calls the function, and concludes the handling.
func (h *handling) call() {
	// If the function neither returns nor panics, it has called Goexit, as FailNow of a test does.
	var err error = &PanicError{Value: "runtime.Goexit"}
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
		h.conclude(err)
	}()
	h.mu.Lock()
	h.extension = time.AfterFunc(h.receiver.lease/3, h.extend)
	h.mu.Unlock()
	ctx := h.ctx
	if !h.queued {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.receiver.timeout)
		defer cancel()
	}
	err = checked(h.function(ctx, h.event))
}

// extend extends the claims while the function runs. If the deduper fails, it tries again until
// they end. When a claim is lost, it ends the context of the function.
func (h *handling) extend() {
	h.mu.Lock()
	if h.settled { // then the claims may change
		h.mu.Unlock()
		return
	}
	claims := h.claims
	h.mu.Unlock()
	lease, now, err := h.receiver.lease, time.Now(), ErrClaimLost
	if now.Before(h.until) {
		limit := now.Add(lease / 3)
		if limit.After(h.until) {
			limit = h.until
		}
		ctx, cancel := context.WithDeadline(h.values, limit)
		defer cancel()
		err = eachClaim(ctx, claims, func(ctx context.Context, key, token string) error {
			return h.receiver.deduper.Extend(ctx, key, token, lease)
		})
	}
	next := lease / 3
	switch {
	case err == nil:
		h.until = now.Add(lease)
	case !errors.Is(err, ErrClaimLost):
		next = max(0, min(lease/10, time.Until(h.until)))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.settled:
	case errors.Is(err, ErrClaimLost):
		h.lost = true
		h.cancel(ErrClaimLost)
		h.logFailure(messageLost, ErrClaimLost)
	default:
		h.extension.Reset(next)
		if err != nil {
			h.logFailure("smooch webhook: the claim of an event could not be extended", err)
		}
	}
}

// settle ends the extension of the claims, and reports whether one was lost.
func (h *handling) settle() (lost bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settled = true
	h.extension.Stop()
	return h.lost
}

// conclude records the result of the function in the deduper, and ends the handling. If the deduper
// fails, the answer stays the same: a repeated delivery would handle the event twice. If the claim
// is lost, the event is for someone else to handle.
func (h *handling) conclude(err error) {
	o := outcome{status: http.StatusOK, err: err, handled: true}
	if err != nil {
		o.status = statusOf(err)
		h.logFailure("smooch webhook: a function failed", err, slog.Bool("dropped", o.status == http.StatusNotAcceptable))
	}
	lost, failed := h.settle(), error(nil)
	switch {
	case lost:
		failed = ErrClaimLost
	case o.status == http.StatusOK, o.status == http.StatusNotAcceptable && !h.queued:
		failed = h.recordDone()
	default:
		failed = h.update(h.receiver.deduper.Release)
	}
	if failed != nil {
		o.err = errors.Join(err, failed)
		if !lost {
			h.logFailure(messageUnrecorded, failed)
		}
	}
	if errors.Is(failed, ErrClaimLost) {
		o.status = http.StatusServiceUnavailable
		if err != nil { // its chain must not say what is to become of the event
			o.err = fmt.Errorf("%w, and the function has failed: %s", ErrClaimLost, fmt.Sprint(err))
		}
	}
	h.end(o)
}

const (
	messageLost       = "smooch webhook: the claim of an event was lost"
	messageUnrecorded = "smooch webhook: the deduper did not record what became of an event"
)

// recordDone records that the event has been handled. If another fact may have the same key, it
// removes the record after a while.
func (h *handling) recordDone() error {
	if h.fact.recurs {
		// The function may have taken minutes, and a copy is claimed by the minutes of its arrival. If
		// such a claim fails, a copy may be handled again, as after a failure of Done.
		for _, key := range h.fact.recurringKeys(time.Now()) {
			if !slices.Contains(h.keys, key) {
				_, _ = h.claimKey(h.values, key)
			}
		}
		r, values, claims, key := h.receiver, h.values, slices.Clone(h.claims), h.fact.key
		withoutBody := &UnknownEvent{EventHeader{Trigger: h.event.header().Trigger}}
		time.AfterFunc(recurrence, func() {
			// If this fails, similar events count as copies for another minute.
			if err := eachClaim(values, claims, r.deduper.Release); err != nil {
				r.log.failure(values, messageUnrecorded, withoutBody, key, err)
			}
		})
	}
	return h.update(h.receiver.deduper.Done)
}

// update calls Done or Release of the deduper for each claim.
func (h *handling) update(call func(ctx context.Context, key, token string) error) error {
	return eachClaim(h.values, h.claims, call)
}

// eachClaim calls a method of the deduper for each claim.
func eachClaim(ctx context.Context, claims []keyClaim, call func(ctx context.Context, key, token string) error) error {
	var failed []error
	for _, c := range claims {
		if err := call(ctx, c.key, c.token); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// end tells the hooks, and sets the outcome.
func (h *handling) end(o outcome) {
	handlings := &h.receiver.handlings
	if !h.queued {
		defer handlings.running.Done()
	}
	defer h.cancel(nil)
	defer handlings.leave(h, o) // also if a hook ends the goroutine
	if h.told != nil {
		h.told(HandlingResult{Handled: o.handled, Duplicate: o.duplicate, Err: o.err})
	}
}

// hasEnded reports whether the outcome is set.
func (h *handling) hasEnded() bool {
	select {
	case <-h.ended:
		return true
	default:
		return false
	}
}

func (h *handling) logFailure(message string, err error, attrs ...slog.Attr) {
	h.receiver.log.failure(h.values, message, h.event, EventKey(h.event), err, attrs...)
}

// statusOf returns the status of the answer for an error of a function.
func statusOf(err error) int {
	_, panicked := errors.AsType[*PanicError](err)
	switch {
	case IsPermanent(err):
		return http.StatusNotAcceptable
	case panicked:
		return http.StatusInternalServerError
	}
	return http.StatusServiceUnavailable
}

// A handlingGroup holds the handlings that are under way, by key, so that copies of an event share
// one (singleflight).
type handlingGroup struct {
	running sync.WaitGroup // of deliveries that have not ended and been reported

	mu     sync.Mutex
	byKey  map[string]*handling
	closed bool
}

// enter counts a delivery as running. It returns false if the group is closed.
func (g *handlingGroup) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.running.Add(1)
	}
	return !g.closed
}

// join returns the handling of a key. If first is true, it is new and the caller has to start it.
// For a delivery, join returns nil instead of a new handling if the group is closed.
func (g *handlingGroup) join(key string, delivered bool) (h *handling, first bool) {
	h = &handling{key: key, queued: !delivered, ended: make(chan struct{})}
	h.keyRoom[0] = key
	h.keys, h.claims = h.keyRoom[:], h.claimRoom[:0]
	g.mu.Lock()
	defer g.mu.Unlock()
	if same := g.byKey[key]; same != nil {
		return same, false
	}
	if delivered {
		if g.closed {
			return nil, false
		}
		g.running.Add(1)
	}
	g.byKey[key] = h
	return h, true
}

// leave removes a handling from the group and publishes its outcome.
func (g *handlingGroup) leave(h *handling, o outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.byKey, h.key)
	h.outcome = o
	close(h.ended)
}

// close makes the group refuse new deliveries.
func (g *handlingGroup) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}
