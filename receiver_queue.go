package smooch

import (
	"errors"
	"net/http"
	"time"
)

// WithBackground makes the receiver answer a delivery as soon as its event is in a queue in memory.
// The event is handled later, on one of workers goroutines: events of one app user one after
// another, in the order of their arrival, and those of different users concurrently. While queue
// events are waiting or being handled, the receiver answers further ones with 503, so that the
// service repeats them.
//
// The service does not repeat a delivery that was answered with 200. So if a function fails, the
// receiver calls it up to twice more, after 1 and 5 seconds, unless the error is [Permanent] or a
// panic. Events of other users are handled meanwhile. After that, the event is dropped, which is
// logged, and the observer gets the error in [Delivery.Err].
//
// A process that dies loses up to queue events; without this option it loses none. Call
// [WebhookReceiver.Shutdown] before the process ends.
func WithBackground(queue, workers int) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if queue < 1 || workers < 1 {
			return argumentError("WithBackground", "queue and workers", "must both be positive")
		}
		r.queueSize, r.workers = queue, workers
		return nil
	}
}

// retryDelays are the delays before a failed function is called again in the background.
var retryDelays = [...]time.Duration{time.Second, 5 * time.Second}

// retryInBackground reports whether a function is to be called again, and after what time. calls is
// how often it was called, err the error of the last call.
func retryInBackground(calls int, err error) (again bool, after time.Duration) {
	if err == nil || statusOf(err) != http.StatusServiceUnavailable || calls > len(retryDelays) {
		return false, 0
	}
	return true, retryDelays[calls-1]
}

var errQueueFull = errors.New("smooch: the queue is full")
