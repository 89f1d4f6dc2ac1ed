package smoochredis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// callTimeout limits each call of Redis.
const callTimeout = 2 * time.Second

// errTimeout is the error of a call that Redis has not answered within callTimeout. The call may
// have taken effect.
var errTimeout = errors.New("no answer within " + callTimeout.String())

// A pending is a script that Redis is running. It has a goroutine of its own, as go-redis does not
// return when a context ends, unless the client's options say so, but after its own time-outs.
type pending struct {
	limited context.Context // ends after callTimeout
	answer  chan answer
}

type answer struct {
	value int64
	err   error
}

// run starts a script that answers with an integer. keys are in one slot of a cluster.
func run(ctx context.Context, client redis.UniversalClient, script *redis.Script, keys []string, args ...any) pending {
	limited, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), callTimeout, errTimeout)
	p := pending{limited, make(chan answer, 1)}
	go func() {
		defer cancel()
		value, err := script.Run(limited, client, keys, args...).Int64()
		if err != nil && limited.Err() != nil {
			err = context.Cause(limited)
		}
		p.answer <- answer{value, err}
	}()
	return p
}

// wait returns the answer of Redis, or an error when ctx or the time of the call has ended.
func (p pending) wait(ctx context.Context) (int64, error) {
	select {
	case a := <-p.answer:
		return a.value, a.err
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-p.limited.Done():
	}
	select {
	case a := <-p.answer: // which ends limited, too
		return a.value, a.err
	default:
		return 0, context.Cause(p.limited)
	}
}
