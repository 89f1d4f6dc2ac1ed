package smoochnats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
)

// keyPartitions is the key of the number of partitions in the metadata of the stream.
const keyPartitions = "smooch-partitions"

// checked returns the configuration with its defaults.
func (c QueueConfig) checked() (QueueConfig, error) {
	c.Name = cmp.Or(c.Name, "smooch")
	c.Partitions = cmp.Or(c.Partitions, 16)
	c.Replicas = cmp.Or(c.Replicas, 1)
	c.MaxAge = cmp.Or(c.MaxAge, 72*time.Hour)
	c.MaxBytes = cmp.Or(c.MaxBytes, 1<<30)
	c.Lease = cmp.Or(c.Lease, 30*time.Second)
	c.Attempts = cmp.Or(c.Attempts, 10)
	c.RetryFor = cmp.Or(c.RetryFor, time.Hour)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	for _, check := range []struct {
		fails   bool
		message string
	}{
		{strings.ContainsAny(c.Name, " \t\r\n.*>/\\"), "Name contains a space or one of .*>/\\"},
		{c.Partitions < 1 || c.Partitions > 1024, "Partitions is not between 1 and 1024"},
		{c.Replicas < 1 || c.Replicas > 5, "Replicas is not between 1 and 5"},
		{c.MaxAge < time.Minute, "MaxAge is shorter than a minute"},
		{c.MaxBytes < 1, "MaxBytes is not positive"},
		{c.Lease < 5*time.Second, "Lease is shorter than 5 seconds"},
		{c.Attempts < 1, "Attempts is not positive"},
		{c.RetryFor < 0, "RetryFor is negative"},
	} {
		if check.fails {
			return c, fmt.Errorf("smoochnats: QueueConfig: %s: %w", check.message, smooch.ErrInvalidArgument)
		}
	}
	return c, nil
}

// streamConfig returns the stream of the events. The number of partitions is part of the subjects,
// so that a process that has another number can neither put nor take events.
func (c QueueConfig) streamConfig() jetstream.StreamConfig {
	s := jetstream.StreamConfig{
		Name: c.Name, Description: "Events of Smooch, until they are handled", Retention: jetstream.WorkQueuePolicy,
		Replicas: c.Replicas, MaxAge: c.MaxAge, MaxBytes: c.MaxBytes, Discard: jetstream.DiscardNew,
		Duplicates: min(dedupeWindow, c.MaxAge), Metadata: map[string]string{keyPartitions: strconv.Itoa(c.Partitions)},
	}
	for i := range c.Partitions {
		s.Subjects = append(s.Subjects, fmt.Sprintf("%s.%s.*", c.Name, c.partition(i)))
	}
	return s
}

// partition returns the name of a partition: of its consumer, and in its subjects.
func (c QueueConfig) partition(i int) string { return fmt.Sprintf("%dof%d", i, c.Partitions) }

// deadConfig returns the stream of the dead letters, and of the attempts at events that may become
// dead letters. Each of both has the hash of the event's key as the end of its subject.
func (c QueueConfig) deadConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: c.deadName(), Description: "Events of Smooch that could not be handled",
		Subjects: []string{c.deadName() + ".letter.*", c.deadName() + ".attempts.*"}, MaxMsgsPerSubject: 1,
		Replicas: c.Replicas, MaxAge: 10 * c.MaxAge, MaxBytes: c.MaxBytes, Discard: jetstream.DiscardNew,
		Duplicates: min(dedupeWindow, c.MaxAge), AllowMsgTTL: true,
	}
}

func (c QueueConfig) deadName() string { return c.Name + "-dead" }

// consumerConfig returns the consumer of a partition. Only a pull renews the pin.
func (c QueueConfig) consumerConfig(i int) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable: c.partition(i), FilterSubject: fmt.Sprintf("%s.%s.*", c.Name, c.partition(i)),
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: c.Lease, MaxAckPending: maxPending, MaxDeliver: -1,
		PriorityPolicy: jetstream.PriorityPolicyPinned, PriorityGroups: []string{group}, PinnedTTL: c.pinnedTTL(),
	}
}

func (c QueueConfig) pinnedTTL() time.Duration { return max(c.Lease/3, 2*time.Second) }

const (
	maxPending = 256 // events of a partition that a worker has taken
	group      = "workers"
)

var errOldServer = errors.New("the server is older than NATS 2.11, which is needed for pinned consumers")

// makeStreams makes the streams of a queue, or changes them as its configuration says.
func makeStreams(ctx context.Context, q *Queue) error {
	if err := checkPartitions(ctx, q); err != nil {
		return err
	}
	for _, want := range []jetstream.StreamConfig{q.config.streamConfig(), q.config.deadConfig()} {
		if err := try(ctx, func(ctx context.Context) (err error) {
			q.dead, err = q.js.CreateOrUpdateStream(ctx, want) // the last one is
			return err
		}); err != nil {
			return fmt.Errorf("stream %q: %w", want.Name, err)
		}
	}
	return nil
}

// checkPartitions makes a stream that is empty ready for another number of partitions. Until it has
// the subjects of that number, events can still be put with the old ones, so they are taken away
// first.
func checkPartitions(ctx context.Context, q *Queue) error {
	info, err := streamInfo(ctx, q)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	partitions := info.Config.Metadata[keyPartitions]
	if partitions == strconv.Itoa(q.config.Partitions) {
		return nil
	}
	refused := func(events uint64) error {
		return fmt.Errorf("stream %q has %s partitions and %d events: let them be handled before another number is set",
			q.config.Name, partitions, events)
	}
	switch {
	case partitions == "":
		return fmt.Errorf("stream %q is not that of a queue", q.config.Name)
	case info.State.Msgs > 0:
		return refused(info.State.Msgs)
	}
	update := func(c jetstream.StreamConfig) error {
		return try(ctx, func(ctx context.Context) error {
			_, err := q.js.UpdateStream(ctx, c)
			return err
		})
	}
	closed := info.Config
	closed.Subjects = []string{q.config.Name + ".closed"}
	if err := update(closed); err != nil {
		return err
	}
	now, err := streamInfo(ctx, q)
	if err == nil && now.State.Msgs > 0 {
		err = refused(now.State.Msgs)
	}
	if err != nil {
		return errors.Join(err, update(info.Config))
	}
	return deleteConsumers(ctx, q)
}

// deleteConsumers deletes the consumers of all partitions.
func deleteConsumers(ctx context.Context, q *Queue) error {
	consumers, err := consumers(ctx, q)
	if err != nil {
		return err
	}
	for _, name := range slices.Collect(maps.Keys(consumers)) {
		if err := try(ctx, func(ctx context.Context) error {
			return q.js.DeleteConsumer(ctx, q.config.Name, name)
		}); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return err
		}
	}
	return nil
}

func streamInfo(ctx context.Context, q *Queue) (info *jetstream.StreamInfo, err error) {
	err = try(ctx, func(ctx context.Context) error {
		s, err := q.js.Stream(ctx, q.config.Name)
		if err == nil {
			info = s.CachedInfo()
		}
		return err
	})
	return info, err
}

// consumers returns the state of the consumers, by name.
func consumers(ctx context.Context, q *Queue) (all map[string]*jetstream.ConsumerInfo, err error) {
	err = try(ctx, func(ctx context.Context) error {
		all = map[string]*jetstream.ConsumerInfo{}
		s, err := q.js.Stream(ctx, q.config.Name)
		if err != nil {
			return err
		}
		list := s.ListConsumers(ctx)
		for c := range list.Info() {
			all[c.Name] = c
		}
		return list.Err()
	})
	return all, err
}

// stats returns the state of a queue. An event that is handled is not stored any longer.
func stats(ctx context.Context, q *Queue) (Stats, error) {
	info, err := streamInfo(ctx, q)
	if err != nil {
		return Stats{}, err
	}
	taken, err := consumers(ctx, q)
	if err != nil {
		return Stats{}, err
	}
	var s Stats
	for _, c := range taken {
		s.Pending += c.NumAckPending
	}
	s.Waiting = max(0, int(info.State.Msgs)-s.Pending)
	if info.State.Msgs > 0 {
		s.OldestAge = max(0, info.TimeStamp.Sub(info.State.FirstTime))
	}
	err = try(ctx, func(ctx context.Context) error {
		info, err := q.dead.Info(ctx, jetstream.WithSubjectFilter(q.config.deadName()+".letter.*"))
		if err == nil {
			s.DeadLetters = len(info.State.Subjects)
		}
		return err
	})
	return s, err
}
