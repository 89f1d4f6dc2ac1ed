package smoochnats

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/smooch/smooch-go"
)

var errDied = errors.New("the process ended, or was cut off, while it handled the event")

// busyDelay is when an event is tried again that cannot be claimed.
const busyDelay = 500 * time.Millisecond

// handle tries an event until it is handled or a dead letter, and acknowledged. It returns false if
// the session ends before.
func handle(s *session, t *taken) bool {
	e, err := event(t.message.Headers(), t.message.Data())
	if err != nil {
		return giveUp(s, t, e, err, 0)
	}
	a, delay, ok := attemptsBefore(s, t, e.Key)
	if !ok {
		return false
	}
	for reason, counts := errDied, true; ; {
		if a.Count >= s.q.config.Attempts && counts {
			return giveUp(s, t, e, reason, a.Count)
		}
		if !s.wait(t, delay) {
			return false
		}
		if counts {
			if a.Count++; a.Count > 1 && !persist(s, "the attempts at an event could not be stored", func() error {
				return storeAttempts(s.ctx, s.q, e.Key, a)
			}) {
				return false
			}
		}
		if !s.start(t) {
			return false
		}
		err := s.receiver.Process(s.values, e)
		switch {
		case err == nil:
			return s.acknowledge(t)
		case smooch.IsPermanent(err):
			return giveUp(s, t, e, err, a.Count)
		case errors.Is(err, smooch.ErrBusy), errors.Is(err, smooch.ErrClaimLost):
			counts, delay = false, busyDelay
		case time.Since(a.Since) > s.q.config.RetryFor:
			return giveUp(s, t, e, err, a.Count)
		default:
			reason, counts, delay = err, true, backoff(a.Count)
		}
	}
}

// attemptsBefore returns the attempts at an event that have been made, and how long to wait for the
// next one. Of an event that comes for the second time, it is not known whether one was made: it
// counts as one. ok is false if the session ends.
func attemptsBefore(s *session, t *taken, key string) (a attempts, delay time.Duration, ok bool) {
	if t.deliveries == 1 {
		return attempts{Since: time.Now()}, 0, true
	}
	ok = persist(s, "the attempts at an event could not be read", func() (err error) {
		a, err = loadAttempts(s.ctx, s.q, key)
		return err
	})
	if a.Count == 0 {
		return attempts{Count: 1, Since: time.Now()}, 0, ok
	}
	return a, backoff(a.Count), ok
}

// backoff returns how long to wait after a number of attempts.
func backoff(attempts int) time.Duration {
	d := time.Second << min(attempts-1, 20)
	return d/2 + rand.N(d/2)
}

// giveUp makes an event a dead letter, and acknowledges it.
func giveUp(s *session, t *taken, e smooch.QueuedEvent, reason error, attempts int) bool {
	if !s.start(t) || !persist(s, "a dead letter could not be stored", func() error {
		return bury(s.ctx, s.q, e, reason, attempts)
	}) {
		return false
	}
	s.log.Error("smooch queue: an event is a dead letter", "id", hash(e.Key), "attempts", attempts, "received", e.Received)
	return s.acknowledge(t)
}

// persist calls f until it succeeds, and logs its errors. It returns false if the session ends.
func persist(s *session, failure string, f func() error) bool {
	for s.ctx.Err() == nil {
		err := f()
		if err == nil {
			return true
		}
		if !errors.Is(err, context.Canceled) {
			s.log.Error("smooch queue: "+failure, "error", err)
		}
		pause(s.ctx, 5*time.Second)
	}
	return false
}
