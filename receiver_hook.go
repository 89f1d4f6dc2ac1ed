package smooch

import (
	"context"
	"net/http"
	"runtime/debug"
	"time"
)

// DeliveryHook watches what a receiver does, for traces, metrics and logs. Both functions are
// optional. Package smoochotel has a DeliveryHook for OpenTelemetry.
//
// Delivery is called when a POST request arrives. The function that it returns is called once, when
// the answer has been written. HEAD and GET requests, with which the service checks the target, are
// not reported.
//
// Handling is called when an event is about to be claimed and handled. The function that it returns
// is called once, when the function of [Handle] has returned and its outcome is recorded: before
// the answer to the delivery if there is no queue, unless the answer has been given because the
// function took too long. With a queue, each [WebhookReceiver.Process] is a handling of its own, in
// whatever process it runs, also if an event comes again because it failed or was busy. Events
// without a function, and deliveries that wait for the handling of a copy, have no handling.
//
// The functions must be safe for concurrent use. The answer waits for them, except for the end of a
// delivery. The context that one returns is passed on: that of Delivery to the lookup of a secret,
// the queue, and the handling; that of Handling to the deduper and the function. nil leaves it as
// it is. The limits of time stay in force whatever context is returned. If a function of a hook
// panics, this is logged, and the receiver goes on.
type DeliveryHook struct {
	Delivery func(ctx context.Context, info DeliveryInfo) (context.Context, func(DeliveryResult))
	Handling func(ctx context.Context, info HandlingInfo) (context.Context, func(HandlingResult))
}

// DeliveryInfo describes a delivery that has arrived, see [DeliveryHook].
type DeliveryInfo struct {
	Request *http.Request // its body must not be read, and its header X-API-Key is the secret
}

// DeliveryResult says what became of a delivery, see [DeliveryHook].
type DeliveryResult struct {
	Event       Event         // nil if the request was refused before it was decoded
	SecretIndex int           // of the matching secret, in the order of addition; -1: none
	StatusCode  int           // of the answer
	Handled     bool          // the function has run; its error is in Err
	Duplicate   bool          // another delivery of the same event was handled instead
	Ignored     bool          // the version is not accepted, or there is no function for the event
	Queued      bool          // the event is in the queue
	Err         error         // what went wrong
	Duration    time.Duration // since the request arrived
}

// HandlingInfo describes an event that is about to be handled, see [DeliveryHook].
type HandlingInfo struct {
	Event    Event
	Queued   bool      // it comes out of a queue
	Received time.Time // when its delivery arrived
}

// HandlingResult says how the handling of an event has ended, see [DeliveryHook].
type HandlingResult struct {
	Handled   bool          // the function has run; its error is in Err
	Duplicate bool          // the event had been handled before
	Err       error         // what went wrong; ErrBusy if another process or goroutine handles it
	Duration  time.Duration // of the claim, the function, and the recording of its outcome
}

// WithDeliveryHook calls the functions of h for each delivery and handling. With several hooks, the
// first one given is the outermost: it hears first of a beginning and last of an end, and the
// next one gets the context that it returns.
func WithDeliveryHook(h DeliveryHook) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if h.Delivery == nil && h.Handling == nil {
			return argumentError("WithDeliveryHook", "hook", "has no function")
		}
		if h.Delivery != nil {
			r.deliveryHooks = append(r.deliveryHooks, guarded(&r.log, h.Delivery))
		}
		if h.Handling != nil {
			r.handlingHooks = append(r.handlingHooks, guarded(&r.log, h.Handling))
		}
		return nil
	}
}

// guarded makes a function of a hook log its panics. The event is handled all the same, and a panic
// on a goroutine of the receiver would end the process.
func guarded[Info, Result any](log *receiverLog, hook func(context.Context, Info) (context.Context, func(Result))) func(context.Context, Info) (context.Context, func(Result)) {
	return func(ctx context.Context, info Info) (hooked context.Context, end func(Result)) {
		guard := func() {
			if value := recover(); value != nil {
				log.hookPanic(ctx, &PanicError{Value: value, Stack: debug.Stack()})
			}
		}
		defer guard()
		hooked, told := hook(ctx, info)
		if told == nil {
			return hooked, nil
		}
		return hooked, func(result Result) {
			defer guard()
			told(result)
		}
	}
}

// tellBusy tells the hooks of a handling that does not begin, as a copy is being handled.
func tellBusy(ctx context.Context, r *WebhookReceiver, info HandlingInfo) {
	_, end := r.handlingHooks.begin(ctx, info, HandlingResult{Err: errAborted})
	end(HandlingResult{Err: ErrBusy})
}
