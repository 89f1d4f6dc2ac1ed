package smoochnats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
)

// DeadLetter is an event that was given up.
type DeadLetter struct {
	ID       string // for [Queue.Replay]
	Event    smooch.QueuedEvent
	Reason   string    // the error of the last attempt
	Attempts int       // that were made
	At       time.Time // when the event was given up
}

// bury stores an event as a dead letter. If that is repeated, there is still one.
func bury(ctx context.Context, q *Queue, e smooch.QueuedEvent, reason error, attempts int) error {
	m := message(e, fmt.Sprintf("%s.letter.%s", q.config.deadName(), hash(e.Key)))
	text := strings.ToValidUTF8(fmt.Sprint(reason), "\uFFFD")
	m.Header.Set(headerReason, strconv.Quote(text[:min(len(text), 2000)]))
	m.Header.Set(headerAttempts, strconv.Itoa(attempts))
	return publish(ctx, q.js, m)
}

// deadLetters yields the dead letters in the order of the stream.
func deadLetters(ctx context.Context, q *Queue, yield func(*DeadLetter, error) bool) {
	for next := uint64(0); ; {
		var m *jetstream.RawStreamMsg
		err := try(ctx, func(ctx context.Context) (err error) {
			m, err = q.dead.GetMsg(ctx, next+1, jetstream.WithGetMsgSubject(q.config.deadName()+".letter.*"))
			return err
		})
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return
		}
		if err != nil {
			yield(nil, fmt.Errorf("smoochnats: DeadLetters: %w", err))
			return
		}
		next = m.Sequence
		if letter, err := deadLetter(m); !yield(letter, err) || err != nil {
			return
		}
	}
}

func deadLetter(m *jetstream.RawStreamMsg) (*DeadLetter, error) {
	e, err := event(m.Header, m.Data)
	if err != nil {
		return nil, fmt.Errorf("smoochnats: a dead letter cannot be read: %w", err)
	}
	reason, err := strconv.Unquote(m.Header.Get(headerReason))
	if err != nil {
		reason = m.Header.Get(headerReason)
	}
	attempts, _ := strconv.Atoi(m.Header.Get(headerAttempts))
	return &DeadLetter{
		ID: m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], Event: e, Reason: reason, Attempts: attempts, At: m.Time,
	}, nil
}

// replay puts a dead letter back into the queue. The new key is that of this letter, so that a
// repeated replay is a copy.
func replay(ctx context.Context, q *Queue, id string) error {
	if id == "" || strings.ContainsAny(id, " \t\r\n.*>") {
		return fmt.Errorf("there is no dead letter %q: %w", id, smooch.ErrNotFound)
	}
	m, err := lastMessage(ctx, q, q.config.deadName()+".letter."+id)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("there is no dead letter %q: %w", id, smooch.ErrNotFound)
	}
	if err != nil {
		return err
	}
	letter, err := deadLetter(m)
	if err != nil {
		return err
	}
	e := letter.Event
	e.Key = fmt.Sprintf("replay|%d|%s", m.Sequence, id)
	if err := q.Put(ctx, e); err != nil {
		return err
	}
	err = try(ctx, func(ctx context.Context) error { return q.dead.DeleteMsg(ctx, m.Sequence) })
	if isConflict(err) { // somebody else has replayed it at the same time
		return nil
	}
	return err
}

// lastMessage returns the last message of a subject of the stream of dead letters.
func lastMessage(ctx context.Context, q *Queue, subject string) (m *jetstream.RawStreamMsg, err error) {
	err = try(ctx, func(ctx context.Context) (err error) {
		m, err = q.dead.GetLastMsgForSubject(ctx, subject)
		return err
	})
	return m, err
}

// attempts is how often an event has been tried. It is stored before each attempt but the first of
// an event that was never taken before, so that it survives the worker.
type attempts struct {
	Count int       `json:"count"` // that have begun
	Since time.Time `json:"since"` // the first of them
}

// loadAttempts returns the attempts at an event that were stored.
func loadAttempts(ctx context.Context, q *Queue, key string) (a attempts, err error) {
	m, err := lastMessage(ctx, q, attemptsSubject(q, key))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return a, nil
	}
	if err == nil {
		err = json.Unmarshal(m.Data, &a)
	}
	return a, err
}

// storeAttempts stores the attempts at an event, for longer than it can stay in the queue after the
// next one.
func storeAttempts(ctx context.Context, q *Queue, key string, a attempts) error {
	m := nats.NewMsg(attemptsSubject(q, key))
	m.Data, _ = json.Marshal(a)
	return publish(ctx, q.js, m, jetstream.WithMsgTTL(max(q.config.MaxAge, time.Second)))
}

func attemptsSubject(q *Queue, key string) string {
	return fmt.Sprintf("%s.attempts.%s", q.config.deadName(), hash(key))
}
