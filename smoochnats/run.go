package smoochnats

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
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
	share := &share{pulls: make([]int, q.config.Partitions), pinned: make([]bool, q.config.Partitions)}
	for i := range q.config.Partitions {
		group.Go(func() {
			w := &worker{q: q, receiver: receiver, partition: i, share: share, log: q.config.Logger.With("partition", i)}
			if err := w.run(working); err != nil {
				stop(fmt.Errorf("smoochnats: Run: partition %d: %w", i, err))
			}
		})
	}
	group.Wait()
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
	info, err := streamInfo(ctx, w.q)
	if err != nil {
		return nil, err
	}
	if n := info.Config.Metadata[keyPartitions]; n != strconv.Itoa(w.q.config.Partitions) { // the server would not mind
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
	s := newSession(w, context.WithoutCancel(ctx), c)
	s.consuming, err = c.Consume(s.take, jetstream.PullPriorityGroup(group),
		jetstream.PullMaxMessages(maxPending), jetstream.PullExpiry(w.q.config.pinnedTTL()/2),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			w.log.Debug("smooch queue: a pull has failed", "error", err)
		}))
	return s, err
}

// A share is the part of the partitions that a process works. The server gives a partition to
// whoever asks first, which would be one process for all of them. So a process that has more than
// its share lets others have some, who wait for that: each process has a pull waiting at each
// partition, and that is how it knows how many there are.
type share struct {
	mu     sync.Mutex
	pulls  []int  // that were waiting at each partition
	pinned []bool // which partitions this process works
}

// update notes the state of a partition. It returns whether the process is to leave it.
func (s *share) update(partition, pulls int, pinned bool) (leave bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pulls[partition], s.pinned[partition] = pulls, pinned
	pulls = median(s.pulls) // a busy process may have two
	held := 0
	for _, pinned := range s.pinned {
		if pinned {
			held++
		}
	}
	leave = pinned && pulls > 1 && held > (len(s.pinned)+pulls-1)/pulls
	s.pinned[partition] = pinned && !leave
	return leave
}

func median(numbers []int) int {
	sorted := slices.Sorted(slices.Values(numbers))
	return sorted[len(sorted)/2]
}
