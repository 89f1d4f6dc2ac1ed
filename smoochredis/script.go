package smoochredis

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// A store is a Redis that is given up if it does not answer in time.
type store struct {
	client  redis.UniversalClient
	timeout time.Duration // of each call
}

func newStore(client redis.UniversalClient) store { return store{client, 2 * time.Second} }

// A pending is a script that Redis is running. It has a goroutine of its own, as go-redis does not
// return when a context ends, unless the client's options say so, but after its own time-outs.
type pending struct {
	limited context.Context // ends when Redis is given up
	answer  chan answer
}

type answer struct {
	value int64
	err   error
}

// run starts a script that answers with an integer. keys are in one slot of a cluster. If Redis is
// given up, the script may have run nevertheless.
func (s store) run(ctx context.Context, script *redis.Script, keys []string, args ...any) pending {
	limited, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.timeout, fmt.Errorf("no answer within %v", s.timeout))
	p := pending{limited, make(chan answer, 1)}
	go func() {
		defer cancel()
		value, err := script.Run(limited, s.client, keys, args...).Int64()
		if late, _ := limited.Deadline(); err != nil && !time.Now().Before(late) {
			<-limited.Done() // at this moment, if go-redis was first
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
