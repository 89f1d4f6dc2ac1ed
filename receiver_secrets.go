package smooch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// WithSecretLookup makes the receiver ask lookup about a secret that it does not have. With several
// processes behind one target, each thereby learns the secret of a webhook that another process has
// created. Without it, the others answer 401, and the service does not repeat the delivery.
//
// If lookup returns true, the secret is added, as with [WebhookReceiver.AddSecret]. If it returns
// false, the delivery is refused, and so are others with that secret for the next 10 seconds. If it
// fails, panics or takes longer than [WithHandlerTimeout] allows, the answer is 503, so that the
// service repeats the delivery.
//
// lookup must be safe for concurrent use and return when its context ends. It is called once for
// deliveries that arrive at the same time with the same secret, but anyone can make it run by
// sending another secret. It should compare hashes of secrets, as the time that a comparison of the
// secrets themselves takes tells how much of a guess is right. To withdraw a secret, make lookup
// return false before you call [WebhookReceiver.RemoveSecret].
func WithSecretLookup(lookup func(ctx context.Context, secret string) (bool, error)) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if lookup == nil {
			return argumentError("WithSecretLookup", "lookup", "is nil")
		}
		r.lookup = &secretLookup{receiver: r, ask: lookup, calls: map[[sha256.Size]byte]*lookupCall{}}
		return nil
	}
}

const (
	lookupMemory = 10 * time.Second // how long a refusal is remembered
	maxRefusals  = 1000             // that are remembered, whatever strangers send
)

// secretLookup asks a function about secrets that the receiver does not have.
type secretLookup struct {
	receiver *WebhookReceiver
	ask      func(ctx context.Context, secret string) (bool, error)

	mu       sync.Mutex
	calls    map[[sha256.Size]byte]*lookupCall // under way, by the hash of the secret
	refusals []lookupRefusal                   // oldest first
}

// A lookupCall is a call of the function, which deliveries with the same secret share.
type lookupCall struct {
	done chan struct{} // closed when the result is set
	err  error         // errWrongSecret if the secret is refused; nil if it was added
}

type lookupRefusal struct {
	secret [sha256.Size]byte // its hash
	until  time.Time
}

// find returns nil if the receiver now has the secret, and errWrongSecret if it is refused.
func (l *secretLookup) find(ctx context.Context, secret string) error {
	sum := sha256.Sum256([]byte(secret))
	now := time.Now()
	l.mu.Lock()
	call, asked := l.calls[sum]
	if !asked {
		l.refusals = slices.DeleteFunc(l.refusals, func(r lookupRefusal) bool { return !now.Before(r.until) })
		switch {
		case slices.ContainsFunc(l.refusals, func(r lookupRefusal) bool { return r.secret == sum }):
			l.mu.Unlock()
			return errWrongSecret
		case l.receiver.match([]string{secret}) >= 0: // another call has added it meanwhile
			l.mu.Unlock()
			return nil
		}
		call = &lookupCall{done: make(chan struct{})}
		l.calls[sum] = call
		go l.run(ctx, call, secret, sum)
	}
	l.mu.Unlock()
	select {
	case <-call.done:
		return call.err
	case <-ctx.Done():
		return &lookupError{text: "it takes too long", err: ctx.Err()}
	}
}

// run calls the function, on a goroutine of its own as it may not return in time.
func (l *secretLookup) run(ctx context.Context, call *lookupCall, secret string, sum [sha256.Size]byte) {
	known, err := false, error(&PanicError{Value: "runtime.Goexit"})
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
		switch {
		case err != nil:
			call.err = &lookupError{text: strings.ReplaceAll(fmt.Sprint(err), secret, "[redacted]"), err: err}
		case known:
			call.err = l.receiver.AddSecret(secret)
		default:
			call.err = errWrongSecret
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.calls, sum)
		if errors.Is(call.err, errWrongSecret) {
			l.refusals = append(l.refusals, lookupRefusal{sum, time.Now().Add(lookupMemory)})
			l.refusals = l.refusals[max(0, len(l.refusals)-maxRefusals):]
		}
		close(call.done)
	}()
	known, err = l.ask(ctx, secret)
}

// lookupError is the error of a lookup. Its text does not contain the secret.
type lookupError struct {
	text string
	err  error
}

func (e *lookupError) Error() string { return "smooch: the lookup of a secret failed: " + e.text }
func (e *lookupError) Unwrap() error { return e.err }
