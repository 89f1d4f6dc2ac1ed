package smoochnats

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
)

// QueueConfig says how a [Queue] keeps its events. A zero field has its default. All processes that
// use a queue must have the same configuration.
type QueueConfig struct {
	// Name is that of the stream, and what its subjects begin with. The stream of dead letters has the
	// same name with "-dead" appended. The default is "smooch".
	Name string

	// Partitions is how many parts the events are divided into, by their Order. A part is worked by
	// one process at a time, so there is no use for more processes than partitions. It can be changed
	// while the queue is empty. The default is 16.
	Partitions int

	// Replicas is on how many servers each event is stored before its delivery is acknowledged: 1, 3
	// or 5. The default is 1.
	Replicas int

	// MaxAge is how long an event is kept if nobody handles it, and MaxBytes how much the queue can
	// hold: beyond that, Put fails. The defaults are 72 hours and 1 GiB. Dead letters are kept for ten
	// times as long, and may take another MaxBytes.
	MaxAge   time.Duration
	MaxBytes int64

	// Lease is after what time the events of a worker that has died are given to another one.
	// Functions may take longer. The default is 30 seconds, as that of smooch.WithLease; the minimum
	// is 5.
	Lease time.Duration

	// Attempts is how often an event is tried before it becomes a dead letter, the first attempt and
	// those that have ended their process included. They are 1, 2, 4, ... seconds apart, with jitter.
	// The default is 10, which takes about 7 minutes.
	Attempts int

	// RetryFor is how long after its first failure an event is tried again. The default is an hour.
	RetryFor time.Duration

	// Logger gets a record for each dead letter, and for what goes wrong on the way to the servers. It
	// contains neither bodies nor ids of users. The default is slog.Default().
	Logger *slog.Logger
}

// A Queue keeps events in a JetStream stream, safe from the end of any process, until they are
// handled. Receivers put events into it ([smooch.WithQueue]), and workers take them out of it
// ([Queue.Run]), in any number of processes. Its methods are safe for concurrent use.
type Queue struct {
	js      jetstream.JetStream
	config  QueueConfig
	dead    jetstream.Stream
	subject string // of an event; %d is the partition, %s the hash of its order
}

// dedupeWindow is for how long the servers recognize copies of an event: the service repeats a
// delivery for 15 minutes. It only saves work. The copies that are decided on are those of the
// Deduper.
const dedupeWindow = 20 * time.Minute

// tryTimeout bounds a request, as one that reaches a cluster without a leader is never answered.
const tryTimeout = 2 * time.Second

// The headers of a message.
const (
	headerKey      = "Smooch-Key"
	headerOrder    = "Smooch-Order"
	headerReceived = "Smooch-Received"
	headerReason   = "Smooch-Reason"
	headerAttempts = "Smooch-Attempts"
)

// NewQueue returns the queue of a name, whose streams it makes, or changes as the configuration
// says. It fails if the streams exist with another number of partitions and events, or if ctx ends.
// It waits up to 30 seconds for the servers.
func NewQueue(ctx context.Context, js jetstream.JetStream, config QueueConfig) (*Queue, error) {
	config, err := config.checked()
	if err != nil {
		return nil, err
	}
	q := &Queue{js: js, config: config, subject: fmt.Sprintf("%s.%%dof%d.%%s", config.Name, config.Partitions)}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := makeStreams(ctx, q); err != nil {
		return nil, failed("NewQueue", explained(js, err))
	}
	return q, nil
}

// Put stores an event, and returns when it is safe on as many servers as QueueConfig.Replicas says.
// It rides out the election of a leader, which takes seconds. If the event is larger than the
// servers accept, which is 1 MiB unless they are set up otherwise, the error matches
// [smooch.ErrTooLarge].
func (q *Queue) Put(ctx context.Context, e smooch.QueuedEvent) error {
	partition, order := place(e.Order, q.config.Partitions)
	m := message(e, fmt.Sprintf(q.subject, partition, order))
	err := publish(ctx, q.js, m, jetstream.WithMsgID(hash(e.Key)), jetstream.WithExpectStream(q.config.Name))
	switch {
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum):
		return fmt.Errorf("smoochnats: Put: %w: %w", smooch.ErrTooLarge, err)
	case err != nil:
		return fmt.Errorf("smoochnats: Put: %w", err)
	}
	return nil
}

// Run handles the events of the queue with receiver, which must have functions and a
// [smooch.Deduper] that all processes share, until ctx ends. It then leaves: it takes no more
// events, lets functions that run finish, and gives the rest to other processes, which go on at
// once. Call it once in a process.
//
// Any number of processes may run a queue; each partition is worked by one of them, and the others
// stand by. Events of one Order are handled one after another, in the order in which they were put,
// whichever processes die, are suspended or come back. Those of different Orders are handled side
// by side, up to 256 of a partition. If the next worker of a partition does not know what others
// are still handling, it waits until they have finished, or until their Lease has ended.
//
// If a function fails, its event is tried again, and only the events of the same Order wait. What
// fails for good becomes a dead letter, see [Queue.DeadLetters], and its Order goes on. A user with
// 256 events waiting holds up the others of the partition.
//
// Run returns nil when it has left, or an error if the streams are gone or cannot be used.
func (q *Queue) Run(ctx context.Context, receiver *smooch.WebhookReceiver) error {
	return run(ctx, q, receiver)
}

// Stats is the state of a queue at one moment.
type Stats struct {
	Waiting     int           // events that no worker has taken
	Pending     int           // events that workers have taken and not finished
	OldestAge   time.Duration // since the oldest event of both was put; 0 if there is none
	DeadLetters int
}

// Stats returns the state of the queue, for monitoring and for an autoscaler: if OldestAge grows
// while Pending is below 256 in each partition, another worker helps.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	s, err := stats(ctx, q)
	if err != nil {
		return Stats{}, fmt.Errorf("smoochnats: Stats: %w", err)
	}
	return s, nil
}

// DeadLetters returns the events that were given up, oldest first. An error is yielded once, last.
func (q *Queue) DeadLetters(ctx context.Context) iter.Seq2[*DeadLetter, error] {
	return func(yield func(*DeadLetter, error) bool) { deadLetters(ctx, q, yield) }
}

// Replay puts a dead letter back into the queue, as the last event of its Order, and removes it
// from the dead letters. The event has another Key than before, and counts its attempts anew. If
// there is no such dead letter, the error matches [smooch.ErrNotFound]. After any other error, call
// it again: the event is put once.
func (q *Queue) Replay(ctx context.Context, id string) error {
	if err := replay(ctx, q, id); err != nil {
		return fmt.Errorf("smoochnats: Replay: %w", err)
	}
	return nil
}

// place returns the partition of an order, and what stands for the order in a subject.
func place(order string, partitions int) (partition int, token string) {
	sum := sha256.Sum256([]byte(order))
	return int(binary.BigEndian.Uint64(sum[:]) % uint64(partitions)), fmt.Sprintf("%x", sum[8:16])
}

// message returns an event as a message.
func message(e smooch.QueuedEvent, subject string) *nats.Msg {
	m := nats.NewMsg(subject)
	m.Header.Set(headerKey, url.QueryEscape(e.Key)) // a header cannot hold all characters
	m.Header.Set(headerOrder, url.QueryEscape(e.Order))
	m.Header.Set(headerReceived, e.Received.UTC().Format(time.RFC3339Nano))
	m.Data = e.Body
	return m
}

// event returns the event of a message.
func event(header nats.Header, body []byte) (e smooch.QueuedEvent, err error) {
	var errs [3]error
	e.Key, errs[0] = url.QueryUnescape(header.Get(headerKey))
	e.Order, errs[1] = url.QueryUnescape(header.Get(headerOrder))
	e.Received, errs[2] = time.Parse(time.RFC3339Nano, header.Get(headerReceived))
	e.Body = body
	return e, errors.Join(errs[:]...)
}
