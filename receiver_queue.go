package smooch

import (
	"errors"
	"net/http"
	"time"
)

// WithBackground answers an event as soon as it is queued, and handles it later on one of workers
// goroutines: events of one app user in the order of their arrival, those of different users side by
// side. With queue events waiting or being handled, further ones are answered 503, so that they come
// again.
//
// An answered event does not come again. A function that fails is called twice more, after 1 and 5
// seconds, unless the error is [Permanent] or a panic; meanwhile other users' events are handled.
// Then the observer is told ([Delivery.Err]) and the event is given up. A process that dies loses
// what is queued: up to queue events. Without this option it loses none. Call
// [WebhookReceiver.Shutdown] before the process ends.
func WithBackground(queue, workers int) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if queue < 1 || workers < 1 {
			return argumentError("WithBackground", "queue and workers", "are not both positive")
		}
		r.queueSize, r.workers = queue, workers
		return nil
	}
}

// retryDelays are the times before a function is called again in the background.
var retryDelays = [...]time.Duration{time.Second, 5 * time.Second}

// retryInBackground reports whether a function that has been called so often, and returned err, is to
// be called again, and when.
func retryInBackground(calls int, err error) (again bool, after time.Duration) {
	if err == nil || statusOf(err) != http.StatusServiceUnavailable || calls > len(retryDelays) {
		return false, 0
	}
	return true, retryDelays[calls-1]
}

var errQueueFull = errors.New("smooch: the queue is full, or the receiver is shutting down")
