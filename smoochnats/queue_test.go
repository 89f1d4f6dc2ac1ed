package smoochnats_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
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

// An event that is claimed elsewhere waits without counting attempts.
func TestQueueBusyEvent(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	// One that comes for the second time, as after a pause of the machine, has an attempt already.
	q := newQueue(t, js, smoochnats.QueueConfig{Partitions: 1, Attempts: 2})
	deduper, err := smoochnats.NewDeduper(t.Context(), js, smoochnats.DeduperConfig{})
	require.NoError(t, err)
	claim, err := deduper.Claim(t.Context(), numbered("u1", 1).Key, time.Minute)
	require.NoError(t, err)
	var j journal
	start(t, q, newWorker(t, js, 1, func(ctx context.Context, e *smooch.MessageEvent) error {
		j.add(e)
		return nil
	}))
	put(t, q, numbered("u1", 1), numbered("u1", 2), numbered("u2", 1))
	eventually(t, "the other user", func() bool { return len(j.of("u2")) == 1 })
	time.Sleep(2 * time.Second)
	assert.Empty(t, j.of("u1"))
	require.NoError(t, deduper.Release(t.Context(), numbered("u1", 1).Key, claim.Token))
	eventually(t, "the user", func() bool { return len(j.of("u1")) == 2 })
	assert.Equal(t, numbers(1, 2), j.of("u1"))
	assert.Empty(t, deadLetters(t, q))
}

// Copies of an event are handled once, whether the servers or the deduper recognize them.
func TestQueueCopies(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	var j journal
	handle := func(ctx context.Context, e *smooch.MessageEvent) error {
		j.add(e)
		return nil
	}
	for _, name := range []string{"one", "two"} { // a queue does not know the copies in another one
		q := newQueue(t, js, smoochnats.QueueConfig{Name: name, Partitions: 1})
		start(t, q, newWorker(t, js, 1, handle))
		put(t, q, numbered("u1", 1), numbered("u1", 1), numbered("u1", 2), numbered("u1", 1))
		stream, err := js.Stream(t.Context(), name)
		require.NoError(t, err)
		assert.EqualValues(t, 2, stream.CachedInfo().State.LastSeq, "the servers recognize copies")
	}
	eventually(t, "empty queues", func() bool { return j.count() == 2 })
	time.Sleep(time.Second)
	assert.Equal(t, numbers(1, 2), j.of("u1"))
}

// All fields come back, whatever they contain.
func TestQueuedEventComesBack(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	q := newQueue(t, js, smoochnats.QueueConfig{Partitions: 1})
	e := smooch.QueuedEvent{
		Key: " a b\r\n+%\x00\xff日|A", Order: "\nö .*> ", Received: time.Date(2026, 11, 21, 1, 2, 3, 456789, time.FixedZone("", 3600)),
		Body: []byte("\x00no JSON\r\n"),
	}
	put(t, q, e)
	start(t, q, newWorker(t, js, 1, func(context.Context, *smooch.MessageEvent) error { return nil }))
	eventually(t, "a dead letter", func() bool { return len(deadLetters(t, q)) == 1 })
	back := deadLetters(t, q)[0].Event
	assert.True(t, e.Received.Equal(back.Received), back.Received)
	back.Received = e.Received
	assert.Equal(t, e, back)
}

func TestQueueLimits(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	q := newQueue(t, js, smoochnats.QueueConfig{Partitions: 1, MaxBytes: 2 << 20})
	large := numbered("u1", 1)
	large.Body = make([]byte, 1<<20)
	assert.ErrorIs(t, q.Put(t.Context(), large), smooch.ErrTooLarge, "with its header it is over the limit of the servers")
	large.Body = large.Body[:1<<20-1000]
	put(t, q, large)
	large.Key = "second"
	put(t, q, large)
	large.Key = "third"
	began := time.Now()
	err := q.Put(t.Context(), large)
	assert.Error(t, err, "the queue is full")
	assert.NotErrorIs(t, err, smooch.ErrTooLarge)
	assert.Less(t, time.Since(began), 10*time.Second)
	s, err := q.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, s.Waiting)
	assert.Zero(t, s.Pending)
	assert.Positive(t, s.OldestAge)
}

func TestQueueStats(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	q := newQueue(t, js, smoochnats.QueueConfig{Partitions: 2})
	for n := range 300 {
		put(t, q, numbered("u1", n))
	}
	proceed, open := make(chan struct{}), sync.Once{}
	start(t, q, newWorker(t, js, 1, func(ctx context.Context, e *smooch.MessageEvent) error {
		<-proceed
		return nil
	}))
	goOn := func() { open.Do(func() { close(proceed) }) }
	t.Cleanup(goOn)
	eventually(t, "a full worker", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s.Waiting == 300-256 && s.Pending == 256
	})
	time.Sleep(1100 * time.Millisecond)
	s, err := q.Stats(t.Context())
	require.NoError(t, err)
	assert.Greater(t, s.OldestAge, time.Second)
	assert.Less(t, s.OldestAge, time.Minute)
	goOn()
	eventually(t, "an empty queue", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s == smoochnats.Stats{}
	})
}

// The number of partitions can be changed while the queue is empty. Processes that still have the
// old number can do no harm.
func TestQueuePartitionsChange(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	before := newQueue(t, js, smoochnats.QueueConfig{Partitions: 4})
	put(t, before, numbered("u1", 1))
	logger := slog.New(slog.DiscardHandler)
	_, err := smoochnats.NewQueue(t.Context(), js, smoochnats.QueueConfig{Partitions: 2, Logger: logger})
	assert.ErrorContains(t, err, "has 4 partitions and 1 events")
	put(t, before, numbered("u1", 2)) // it is as before

	var j journal
	handle := func(ctx context.Context, e *smooch.MessageEvent) error {
		j.add(e)
		return nil
	}
	stop := start(t, before, newWorker(t, js, 1, handle))
	eventually(t, "an empty queue", func() bool {
		s, err := before.Stats(t.Context())
		return err == nil && j.count() == 2 && s == smoochnats.Stats{}
	})
	require.NoError(t, stop())

	after := newQueue(t, js, smoochnats.QueueConfig{Partitions: 2})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	assert.Error(t, before.Put(ctx, numbered("u1", 3)))
	assert.Error(t, before.Run(t.Context(), newWorker(t, js, 1, handle)))
	put(t, after, numbered("u1", 3))
	start(t, after, newWorker(t, js, 1, handle))
	eventually(t, "the third event", func() bool { return j.count() == 3 })
	consumers, err := js.Stream(t.Context(), "smooch")
	require.NoError(t, err)
	assert.Equal(t, 2, consumers.CachedInfo().State.Consumers)
}

func TestQueueConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, config := range []smoochnats.QueueConfig{
		{Name: "a.b"}, {Name: "a b"}, {Partitions: -1}, {Partitions: 2000}, {Replicas: 7}, {MaxAge: time.Second}, {MaxBytes: -1},
		{Lease: time.Second}, {Attempts: -1}, {RetryFor: -1},
	} {
		_, err := smoochnats.NewQueue(t.Context(), nil, config)
		assert.ErrorIs(t, err, smooch.ErrInvalidArgument, "%+v", config)
	}
	for _, config := range []smoochnats.DeduperConfig{{Bucket: "a b"}, {Keep: time.Second}} {
		_, err := smoochnats.NewDeduper(t.Context(), nil, config)
		assert.ErrorIs(t, err, smooch.ErrInvalidArgument, "%+v", config)
	}
}

// A worker that has nothing to do keeps its partition: its pulls renew the pin.
func TestQueueIdleWorkerKeepsItsPin(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	q := newQueue(t, js, smoochnats.QueueConfig{Partitions: 1, Lease: 30 * time.Second})
	var j journal
	start(t, q, newWorker(t, js, 1, func(_ context.Context, e *smooch.MessageEvent) error {
		j.add(e)
		return nil
	}))
	put(t, q, numbered("u1", 1))
	eventually(t, "the event", func() bool { return j.count() == 1 })
	pin := func() string {
		c, err := js.Consumer(t.Context(), "smooch", "0of1")
		require.NoError(t, err)
		require.Len(t, c.CachedInfo().PriorityGroups, 1)
		return c.CachedInfo().PriorityGroups[0].PinnedClientID
	}
	first := pin()
	require.NotEmpty(t, first)
	for range 13 { // a pin that is not renewed ends after 10 seconds
		time.Sleep(time.Second)
		assert.Equal(t, first, pin())
	}
}

// A slowDialer makes connections that write late, and not at all once they are cut.
type slowDialer struct {
	delay time.Duration
	cut   atomic.Bool
}

type slowConn struct {
	net.Conn
	dialer *slowDialer
}

func (d *slowDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).Dial(network, address)
	return slowConn{conn, d}, err
}

func (c slowConn) Write(p []byte) (int, error) {
	time.Sleep(c.dialer.delay)
	if c.dialer.cut.Load() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

// A process may end as soon as Run has returned: what it gives back has reached the servers by
// then.
func TestQueueGivesBackBeforeRunReturns(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	dialer := &slowDialer{delay: 100 * time.Millisecond}
	conn, err := nats.Connect(s.urls(), nats.SetCustomDialer(dialer))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	config := smoochnats.QueueConfig{Partitions: 1, Lease: time.Minute}
	leaving, next := newQueue(t, js, config), newQueue(t, s.connect(), config)
	failed := make(chan struct{}, 10)
	stop := start(t, leaving, newWorker(t, js, 1, func(context.Context, *smooch.MessageEvent) error {
		failed <- struct{}{}
		return fmt.Errorf("not yet")
	}))
	put(t, next, numbered("u1", 1), numbered("u1", 2)) // the second one waits for the first
	<-failed
	eventually(t, "both events have been taken", func() bool {
		s, err := next.Stats(t.Context())
		return err == nil && s.Pending == 2
	})
	require.NoError(t, stop())
	dialer.cut.Store(true)
	var j journal
	left := time.Now()
	start(t, next, newWorker(t, s.connect(), 1, func(_ context.Context, e *smooch.MessageEvent) error {
		j.add(e)
		return nil
	}))
	eventually(t, "the events", func() bool { return j.count() == 2 })
	assert.Less(t, time.Since(left), config.Lease/2)
}
