package smoochnats_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochnats"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newQueue returns a queue whose workers take over soon.
func newQueue(t testing.TB, js jetstream.JetStream, config smoochnats.QueueConfig) *smoochnats.Queue {
	t.Helper()
	if config.Lease == 0 {
		config.Lease = 5 * time.Second
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	q, err := smoochnats.NewQueue(t.Context(), js, config)
	require.NoError(t, err)
	return q
}

// newWorker returns a receiver with a shared deduper that calls handle for messages.
func newWorker(t testing.TB, js jetstream.JetStream, replicas int, handle func(ctx context.Context, e *smooch.MessageEvent) error) *smooch.WebhookReceiver {
	t.Helper()
	deduper, err := smoochnats.NewDeduper(t.Context(), js, smoochnats.DeduperConfig{Replicas: replicas})
	require.NoError(t, err)
	r, err := smooch.NewWebhookReceiver(nil, smooch.WithDeduper(deduper), smooch.WithLease(5*time.Second),
		smooch.WithReceiverLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	smooch.Handle(r, handle)
	return r
}

// start runs a queue until stop is called.
func start(t testing.TB, q *smoochnats.Queue, r *smooch.WebhookReceiver) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx, r) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { assert.NoError(t, stop()) })
	return stop
}

// numbered returns the nth message of a user.
func numbered(user string, n int) smooch.QueuedEvent {
	body := fmt.Sprintf(`{"trigger":"message:appUser","version":"v1.1","app":{"_id":"a"},"appUser":{"_id":%q},`+
		`"messages":[{"_id":"%s-%d","type":"text","role":"appUser","authorId":%q,"received":1700000000.5,"text":"%d"}]}`, user, user, n, user, n)
	return smooch.QueuedEvent{
		Key: fmt.Sprintf("message|%s|%d", user, n), Order: user, Received: time.Now(), Body: []byte(body),
	}
}

// A journal records what was handled.
type journal struct {
	mu     sync.Mutex
	byUser map[string][]string
	total  int
}

func (j *journal) add(e *smooch.MessageEvent) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.byUser == nil {
		j.byUser = map[string][]string{}
	}
	j.byUser[e.AppUser.ID] = append(j.byUser[e.AppUser.ID], e.Messages[0].Text)
	j.total++
}

func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.total
}

func (j *journal) of(user string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string{}, j.byUser[user]...)
}

func put(t testing.TB, q *smoochnats.Queue, events ...smooch.QueuedEvent) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, e := range events {
		require.NoError(t, q.Put(ctx, e))
	}
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 90*time.Second, 20*time.Millisecond, what)
}

func numbers(from, to int) (list []string) {
	for n := from; n <= to; n++ {
		list = append(list, fmt.Sprint(n))
	}
	return list
}

func TestQueueHandlesEachUserInOrder(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	q := newQueue(t, js, smoochnats.QueueConfig{Partitions: 3})
	var j journal
	start(t, q, newWorker(t, js, 1, func(ctx context.Context, e *smooch.MessageEvent) error {
		j.add(e)
		return nil
	}))
	for n := 1; n <= 20; n++ {
		for u := range 10 {
			put(t, q, numbered(fmt.Sprint("u", u), n))
		}
	}
	eventually(t, "all events", func() bool { return j.count() == 200 })
	for u := range 10 {
		assert.Equal(t, numbers(1, 20), j.of(fmt.Sprint("u", u)))
	}
	eventually(t, "an empty queue", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s == smoochnats.Stats{}
	})
}
