package smoochnats_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochnats"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A failing event is tried again in its place. Only its own user waits, and goes on when it is a
// dead letter, which can be replayed.
func TestQueueFailingEvent(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	q := newQueue(t, js, smoochnats.QueueConfig{Partitions: 1, Attempts: 3})
	var j journal
	var mu sync.Mutex
	var tries []time.Time
	var mended bool
	start(t, q, newWorker(t, js, 1, func(ctx context.Context, e *smooch.MessageEvent) error {
		mu.Lock()
		defer mu.Unlock()
		if e.Messages[0].ID == "u1-2" && !mended {
			tries = append(tries, time.Now())
			return fmt.Errorf("the database is away: %q", "é\n")
		}
		j.add(e)
		return nil
	}))
	put(t, q, numbered("u1", 1), numbered("u1", 2), numbered("u1", 3), numbered("u2", 1), numbered("u2", 2))
	eventually(t, "the other user", func() bool { return len(j.of("u2")) == 2 && len(j.of("u1")) > 0 })
	assert.Equal(t, []string{"1"}, j.of("u1"))
	assert.Empty(t, deadLetters(t, q))
	eventually(t, "the user of the failing event", func() bool { return len(j.of("u1")) == 2 })
	assert.Equal(t, []string{"1", "3"}, j.of("u1"))
	require.Len(t, tries, 3)
	assert.GreaterOrEqual(t, tries[1].Sub(tries[0]), 500*time.Millisecond)
	assert.GreaterOrEqual(t, tries[2].Sub(tries[1]), time.Second)

	letters := deadLetters(t, q)
	require.Len(t, letters, 1)
	letter := *letters[0]
	want := numbered("u1", 2)
	assert.WithinDuration(t, want.Received, letter.Event.Received, time.Minute)
	want.Received = letter.Event.Received
	assert.Equal(t, want, letter.Event)
	assert.Equal(t, 3, letter.Attempts)
	assert.Equal(t, "the database is away: \"é\\n\"", letter.Reason)
	assert.WithinDuration(t, time.Now(), letter.At, time.Minute)
	s, err := q.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, s.DeadLetters)

	require.NoError(t, q.Put(t.Context(), numbered("u1", 2)), "a copy from the service")
	mu.Lock()
	mended = true
	mu.Unlock()
	require.NoError(t, q.Replay(t.Context(), letter.ID))
	eventually(t, "the replay", func() bool { return len(j.of("u1")) == 3 })
	assert.Equal(t, []string{"1", "3", "2"}, j.of("u1"))
	assert.Empty(t, deadLetters(t, q))
	assert.ErrorIs(t, q.Replay(t.Context(), letter.ID), smooch.ErrNotFound)
	assert.ErrorIs(t, q.Replay(t.Context(), "no.such"), smooch.ErrNotFound)
}

// What can never be handled becomes a dead letter at once, also what is no event at all, and a
// replay that fails again becomes another one.
func TestQueuePermanentFailure(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	q := newQueue(t, js, smoochnats.QueueConfig{Partitions: 1})
	calls := make(chan string, 10)
	start(t, q, newWorker(t, js, 1, func(ctx context.Context, e *smooch.MessageEvent) error {
		calls <- e.Messages[0].ID
		return smooch.Permanent(fmt.Errorf("no such customer"))
	}))
	put(t, q, numbered("u1", 1),
		smooch.QueuedEvent{Key: "k", Order: "u2", Received: time.Now(), Body: []byte("[]")},
		smooch.QueuedEvent{Key: "l", Order: "u3", Received: time.Now()})
	eventually(t, "three dead letters", func() bool { return len(deadLetters(t, q)) == 3 })
	assert.Equal(t, "u1-1", <-calls)
	var first *smoochnats.DeadLetter
	for _, letter := range deadLetters(t, q) {
		assert.Equal(t, 1, letter.Attempts)
		if letter.Event.Order == "u1" {
			first = letter
		}
	}
	assert.Equal(t, "no such customer", first.Reason)
	require.NoError(t, q.Replay(t.Context(), first.ID))
	assert.Equal(t, "u1-1", <-calls)
	eventually(t, "the dead letter of the replay", func() bool { return len(deadLetters(t, q)) == 3 })
	for _, letter := range deadLetters(t, q) {
		assert.NotEqual(t, first.ID, letter.ID)
	}
	assert.Empty(t, calls)
}

// An event that has failed for longer than RetryFor is given up before it has had all attempts, and
// not before.
func TestQueueGivesUpAfterRetryFor(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	q := newQueue(t, js, smoochnats.QueueConfig{Partitions: 1, RetryFor: 2 * time.Second})
	var mu sync.Mutex
	var tries []time.Time
	start(t, q, newWorker(t, js, 1, func(context.Context, *smooch.MessageEvent) error {
		mu.Lock()
		defer mu.Unlock()
		tries = append(tries, time.Now())
		return fmt.Errorf("not yet")
	}))
	put(t, q, numbered("u1", 1))
	eventually(t, "a dead letter", func() bool { return len(deadLetters(t, q)) == 1 })
	mu.Lock()
	defer mu.Unlock()
	letter := deadLetters(t, q)[0]
	assert.Equal(t, len(tries), letter.Attempts)
	assert.Less(t, letter.Attempts, 10)
	assert.Greater(t, letter.At.Sub(tries[0]), 1900*time.Millisecond)
}

// A worker that has lost its pin gives back an event that fails, so that its next attempt, and the
// events of other users, do not wait for the worker.
func TestQueueFailingEventAfterPinIsLost(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	q := newQueue(t, js, smoochnats.QueueConfig{Partitions: 1})
	var j journal
	failures := map[string]*atomic.Int32{"a": {}, "b": {}}
	for name, failed := range failures {
		start(t, q, newWorker(t, js, 1, func(ctx context.Context, e *smooch.MessageEvent) error {
			if e.AppUser.ID == "u1" {
				failed.Add(1)
				return fmt.Errorf("%s fails", name)
			}
			j.add(e)
			return nil
		}))
	}
	put(t, q, numbered("u1", 1))
	eventually(t, "a failure", func() bool { return failures["a"].Load()+failures["b"].Load() > 0 })
	first, second := failures["a"], failures["b"]
	if first.Load() == 0 {
		first, second = second, first
	}
	time.Sleep(2 * time.Second) // the next attempts are seconds apart
	stream, err := js.Stream(t.Context(), "smooch")
	require.NoError(t, err)
	require.NoError(t, stream.UnpinConsumer(t.Context(), "0of1", "workers"))
	began := time.Now()
	put(t, q, numbered("u2", 1))
	eventually(t, "the other user", func() bool { return j.count() == 1 })
	assert.Less(t, time.Since(began), 20*time.Second)
	eventually(t, "the next attempt", func() bool { return second.Load() > 0 })
	assert.Empty(t, deadLetters(t, q))
}

func deadLetters(t testing.TB, q *smoochnats.Queue) (all []*smoochnats.DeadLetter) {
	t.Helper()
	for letter, err := range q.DeadLetters(t.Context()) {
		require.NoError(t, err)
		all = append(all, letter)
	}
	return all
}
