package smoochnats

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
)

// run works all partitions until ctx ends, or one of them cannot be worked.
func run(ctx context.Context, q *Queue, receiver *smooch.WebhookReceiver) error {
	if receiver == nil {
		return fmt.Errorf("smoochnats: Run: the receiver is nil: %w", smooch.ErrInvalidArgument)
	}
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var group sync.WaitGroup
	share := newShare(q)
	group.Go(func() { share.watch(working) })
	for i := range q.config.Partitions {
		group.Go(func() {
			w := &worker{q: q, receiver: receiver, partition: i, share: share, log: q.config.Logger.With("partition", i)}
			if err := w.run(working); err != nil {
				stop(fmt.Errorf("smoochnats: Run: partition %d: %w", i, err))
			}
		})
	}
	group.Wait()
	// The process may end at once, and what was given back must have reached the servers by then.
	_ = q.js.Conn().FlushTimeout(tryTimeout)
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(working)
}

// A worker works one partition, in one session after another.
type worker struct {
	q         *Queue
	receiver  *smooch.WebhookReceiver
	partition int
	share     *share
	log       *slog.Logger
	finishing sync.WaitGroup // of sessions that have ended
}

// run works the partition until ctx ends. It returns an error if that is impossible.
func (w *worker) run(ctx context.Context) error {
	defer w.finishing.Wait()
	for ctx.Err() == nil {
		s, err := w.begin(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		s.work(ctx)
	}
	return nil
}

// begin makes the consumer, and begins a session with it.
func (w *worker) begin(ctx context.Context) (*session, error) {
	// The server would not mind a consumer of a partition that the stream does not have.
	info, err := streamInfo(ctx, w.q)
	if err != nil {
		return nil, err
	}
	if n := info.Config.Metadata[keyPartitions]; n != strconv.Itoa(w.q.config.Partitions) {
		return nil, fmt.Errorf("the number of partitions has changed to %s", n)
	}
	var c jetstream.Consumer
	err = try(ctx, func(ctx context.Context) (err error) {
		c, err = w.q.js.CreateOrUpdateConsumer(ctx, w.q.config.Name, w.q.config.consumerConfig(w.partition))
		return err
	})
	if err != nil {
		return nil, err
	}
	if c.CachedInfo().Config.PriorityPolicy != jetstream.PriorityPolicyPinned {
		return nil, errOldServer
	}
	s := newSession(context.WithoutCancel(ctx), w, c)
	s.consuming, err = c.Consume(s.take, jetstream.PullPriorityGroup(group),
		jetstream.PullMaxMessages(maxPending), jetstream.PullExpiry(w.q.config.pinnedTTL()/2),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			w.log.Debug("smooch queue: a pull has failed", "error", err)
		}))
	return s, err
}
