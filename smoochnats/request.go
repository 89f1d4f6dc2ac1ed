package smoochnats

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// try calls f until it succeeds, fails for good, or ctx ends. Each call has [tryTimeout].
func try(ctx context.Context, f func(ctx context.Context) error) error {
	var last error
	for delay := 5 * time.Millisecond; ; delay = min(2*delay, 200*time.Millisecond) {
		one, cancel := context.WithTimeout(ctx, tryTimeout)
		err := f(one)
		cancel()
		switch {
		case err == nil || isFinal(err):
			return err
		case ctx.Err() != nil:
			if last == nil || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
				last = err
			}
			return fmt.Errorf("%w: %w", context.Cause(ctx), last)
		}
		last = err
		pause(ctx, delay/2+rand.N(delay))
	}
}

// Errors of the API for which the client has no names.
const (
	errCodeNoPeers       = 10005 // a cluster that has lost servers finds no place for a stream
	errCodeFull          = 10077 // a stream has MaxBytes
	errCodeCopyInProcess = 10158 // a copy of the message has arrived, and is not stored yet
)

// isFinal reports whether a request would fail again.
func isFinal(err error) bool {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return api.ErrorCode == errCodeFull ||
			api.Code != 503 && api.ErrorCode != errCodeNoPeers && api.ErrorCode != errCodeCopyInProcess
	}
	for _, passing := range []error{
		context.DeadlineExceeded, context.Canceled, nats.ErrTimeout, nats.ErrNoResponders, jetstream.ErrNoStreamResponse,
		nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, nats.ErrStaleConnection,
	} {
		if errors.Is(err, passing) {
			return false
		}
	}
	return true
}

// explained adds to an error what may be wrong. A connection is closed because of a wrong password,
// for example.
func explained(js jetstream.JetStream, err error) error {
	last := js.Conn().LastError()
	switch {
	case errors.Is(err, nats.ErrConnectionClosed) && last != nil:
		return fmt.Errorf("%w: %w", err, last)
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w: is JetStream enabled (nats-server -js)?", err)
	}
	return err
}

// publish stores a message.
func publish(ctx context.Context, js jetstream.JetStream, m *nats.Msg, opts ...jetstream.PublishOpt) error {
	return try(ctx, func(ctx context.Context) error {
		_, err := js.PublishMsg(ctx, m, opts...)
		return err
	})
}

// pause returns after d, or when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// hash stands for a key where that may contain any character.
func hash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
