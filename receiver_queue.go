package smooch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/smooch/smooch-go/internal/keyqueue"
)

// Queue keeps events between the processes that receive them and those that handle them, see
// [WithQueue].
//
// A queue hands each event to [WebhookReceiver.Process] until that succeeds, of events with the
// same Order one after another, in the order in which they were put. It may bring an event more
// than once: Process recognizes copies by their Key. Implementations must be safe for concurrent
// use.
type Queue interface {
	// Put returns nil when the event is safe, however the process ends: the delivery is then answered
	// with 200, and the service does not repeat it. It must return when ctx ends, which is after the
	// time that [WithHandlerTimeout] sets at the latest. If the body is over a limit of the queue, the
	// error matches [ErrTooLarge], and the answer is 413. After any other error it is 503. The service
	// repeats the delivery after both, also if the event was put all the same. Put may keep e.Body.
	Put(ctx context.Context, e QueuedEvent) error
}

// QueuedEvent is an event in a [Queue], which has to bring back all of its fields.
type QueuedEvent struct {
	// Key is what the event is claimed by: its [EventKey]. If the event cannot be told from the next
	// of its kind, as a postback without a timestamp, the minute of Received is appended, so that
	// copies are recognized within that minute. It has at most 255 bytes.
	Key string

	// Order is the same for events that must be handled one after another: the id of their app user
	// or notification. Events without one have their Key here. It is never empty.
	Order string

	Received time.Time // when the delivery arrived
	Body     []byte    // of the delivery
}

// ErrBusy is the error of [WebhookReceiver.Process] if the event cannot be claimed at this time:
// another process or goroutine is handling a copy of it, or the [Deduper] fails.
var ErrBusy = errors.New("smooch: the event cannot be claimed")

// WithQueue makes the receiver put events into q, and answer a delivery when its event is safe
// there. It checks secrets, accepted versions and the body, but needs no functions and does not use
// its [Deduper]. In this process or others, a receiver with functions and a Deduper that all
// processes share takes events out of the queue with [WebhookReceiver.Process].
//
//	queue accepts the event   200  not repeated
//	body is over its limit    413  repeated
//	queue fails or is late    503  repeated
//
// See [WithBackground] for a queue in memory.
func WithQueue(q Queue) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if isNil(q) {
			return argumentError("WithQueue", "queue", "is nil")
		}
		r.queue = q
		return nil
	}
}

// process handles an event that comes out of a queue.
func process(ctx context.Context, r *WebhookReceiver, e QueuedEvent) error {
	if e.Key == "" {
		return argumentError("Process", "key", "is empty, so that all events would be copies of one")
	}
	event, _, err := decodeEvent(bytes.Clone(e.Body))
	if err != nil {
		return Permanent(err)
	}
	function := r.function(event)
	if function == nil {
		return nil
	}
	h, first := r.handlings.join(e.Key, false)
	if !first {
		tellBusy(ctx, r, HandlingInfo{event, true, e.Received})
		return ErrBusy
	}
	h.receiver, h.event, h.function, h.began, h.values = r, event, function, e.Received, context.WithoutCancel(ctx)
	h.start(ctx)
	<-h.ended
	o := h.outcome
	switch {
	case o.status == http.StatusOK:
		return nil
	case !o.handled && !errors.Is(o.err, ErrBusy):
		return fmt.Errorf("%w: %w", ErrBusy, o.err)
	}
	return o.err
}

// enqueue puts the event of a delivery into the queue, and sets the result in d.
func enqueue(ctx context.Context, r *WebhookReceiver, d *DeliveryResult, f fact, body []byte, began time.Time) {
	if !r.handlings.enter() {
		d.StatusCode, d.Err = http.StatusServiceUnavailable, errShutdown
		r.log.count(lineRefused, "shutting_down", nil)
		return
	}
	defer r.handlings.running.Done()
	e := QueuedEvent{Key: f.key, Order: f.order, Received: began, Body: bytes.Clone(body)}
	if f.recurs {
		e.Key = f.inMinute(began)
	}
	if e.Order == "" {
		e.Order = e.Key
	}
	ctx, cancel := context.WithDeadline(ctx, began.Add(r.timeout))
	defer cancel()
	switch d.Err = put(ctx, r.queue, e); {
	case d.Err == nil:
		d.StatusCode, d.Queued = http.StatusOK, true
	case errors.Is(d.Err, ErrTooLarge):
		d.StatusCode = http.StatusRequestEntityTooLarge
		r.log.count(lineRefused, "too_large", nil)
	default:
		d.StatusCode = http.StatusServiceUnavailable
		if errors.Is(d.Err, errQueueFull) {
			r.log.count(lineQueueFull, "", nil)
		} else {
			r.log.failure(ctx, "smooch webhook: an event could not be queued", d.Event, f.key, d.Err)
		}
	}
}

// put calls the queue, and turns a panic into an error, so that it is answered and logged as one.
func put(ctx context.Context, q Queue, e QueuedEvent) (err error) {
	defer recoverTo(&err)
	return checked(q.Put(ctx, e))
}

// WithBackground is [WithQueue] with a queue in memory, whose events are handled on workers
// goroutines: events of one app user one after another, in the order of their arrival, and those of
// different users concurrently. While queue events are waiting or being handled, the receiver
// answers further ones with 503, so that the service repeats them.
//
// The service does not repeat a delivery that was answered with 200. So if a function fails, the
// receiver calls it up to twice more, after 1 and 5 seconds, unless the error is [Permanent] or a
// panic. Events of other users are handled meanwhile. After that, the event is given up, which is
// logged. The context of a function has no deadline.
//
// A process that dies loses up to queue events; without this option it loses none. Call
// [WebhookReceiver.Shutdown] before the process ends.
func WithBackground(queue, workers int) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if queue < 1 || workers < 1 {
			return argumentError("WithBackground", "queue and workers", "must both be positive")
		}
		r.queue = &memoryQueue{receiver: r, size: queue, workers: workers, keys: map[string]bool{}}
		return nil
	}
}

// memoryQueue is the queue of WithBackground, and what works it.
type memoryQueue struct {
	receiver      *WebhookReceiver
	size, workers int
	events        *keyqueue.Queue[*memoryItem]

	mu   sync.Mutex
	keys map[string]bool // of the events in the queue
}

type memoryItem struct {
	ctx      context.Context // with the values of the request; it does not end
	event    QueuedEvent
	attempts int
}

var errQueueFull = errors.New("smooch: the queue is full")

// start starts the workers.
func (q *memoryQueue) start() { q.events = keyqueue.New(q.size, q.workers, q.process) }

// Put adds an event, unless a copy of it is in the queue.
func (q *memoryQueue) Put(ctx context.Context, e QueuedEvent) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.keys[e.Key] {
		return nil
	}
	if !q.events.Add(e.Order, &memoryItem{ctx: context.WithoutCancel(ctx), event: e}) {
		return errQueueFull
	}
	q.keys[e.Key] = true
	return nil
}

// process makes one attempt at an event. It returns whether and when to make another.
func (q *memoryQueue) process(item *memoryItem) (again bool, after time.Duration) {
	err := q.receiver.Process(item.ctx, item.event)
	if item.attempts++; errors.Is(err, ErrBusy) || errors.Is(err, ErrClaimLost) {
		item.attempts--
	}
	if again, after = retryInBackground(item.attempts, err); again {
		return true, after
	}
	q.mu.Lock()
	delete(q.keys, item.event.Key)
	q.mu.Unlock()
	if err != nil && !IsPermanent(err) {
		event, _, _ := decodeEvent(item.event.Body) // which Process has decoded as well
		q.receiver.log.failure(item.ctx, "smooch webhook: an event was given up", event, EventKey(event), err, slog.Int("attempts", item.attempts))
	}
	return false, 0
}

// retryDelays are the delays before a failed function is called again in the background.
var retryDelays = [...]time.Duration{time.Second, 5 * time.Second}

// retryInBackground reports whether an event is to be processed again, and after what time.
// attempts is how many have counted, err the error of the last one.
func retryInBackground(attempts int, err error) (again bool, after time.Duration) {
	_, panicked := errors.AsType[*PanicError](err)
	switch {
	case errors.Is(err, ErrBusy), errors.Is(err, ErrClaimLost):
		return true, time.Second
	case err == nil, IsPermanent(err), panicked, attempts > len(retryDelays):
		return false, 0
	}
	return true, retryDelays[attempts-1]
}
