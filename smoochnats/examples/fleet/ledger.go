package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochnats"
)

// A ledger knows what has become of each message.
type ledger struct {
	events, users int

	mu         sync.Mutex
	began      time.Time
	sent       int
	deliveries map[smooch.Version]int // that were acknowledged
	repeated   int                    // deliveries that were not
	accepted   map[string][]string    // of each user, in order
	acceptedAt map[string]time.Time   // by message
	calls      []*call
	open       map[string]*call // by worker and message
	handled    map[string]time.Time
	deaths     []*death
	progress   time.Time

	answers      int // messages that have one
	answersTwice int // answers that are there again
	deadLetters  int
	took         time.Duration
}

// A call is one of a worker's function.
type call struct {
	worker, user, text string
	from, to           time.Time // to is zero if the function never returned
	failed             bool
}

// A death is what this program has done to a process.
type death struct {
	name     string
	at       time.Time
	acks     time.Duration // until a delivery that arrived after the death was acknowledged
	wait     time.Duration // of a message, since it was accepted or the death, at most
	overcome bool
}

func newLedger(events, users int) *ledger {
	return &ledger{
		events: events, users: min(users, events), deliveries: map[smooch.Version]int{}, accepted: map[string][]string{},
		acceptedAt: map[string]time.Time{}, open: map[string]*call{}, handled: map[string]time.Time{},
	}
}

func (l *ledger) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = time.Now()
	l.progress = l.began
}

// pace waits until the nth message may be written: a fleet that has to wait for a lease should find
// new messages afterwards, not all of them at once.
func (l *ledger) pace(ctx context.Context, n int) {
	const ahead = 400
	for ctx.Err() == nil {
		l.mu.Lock()
		allowed := n < len(l.handled)+ahead && n <= (l.overcomeLocked()+2)*l.events/4
		if allowed {
			l.sent = n + 1
		}
		l.mu.Unlock()
		if allowed {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (l *ledger) overcomeLocked() (n int) {
	for _, d := range l.deaths {
		if d.overcome {
			n++
		}
	}
	return n
}

// delivered notes the answer to a delivery.
func (l *ledger) delivered(e *smooch.MessageEvent, arrived time.Time, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if status != 200 {
		l.repeated++
		return
	}
	l.deliveries[e.Version]++
	l.progress = time.Now()
	for _, d := range l.deaths {
		if d.acks == 0 && arrived.After(d.at) {
			d.acks = time.Since(d.at)
		}
	}
	user, id := e.AppUser.UserID, e.AppUser.UserID+"/"+e.Messages[0].Text
	if _, known := l.acceptedAt[id]; !known {
		l.acceptedAt[id] = time.Now()
		l.accepted[user] = append(l.accepted[user], e.Messages[0].Text)
	}
}

// ran notes the beginning or the end of a function.
func (l *ledger) ran(worker string, n note) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := n.User + "/" + n.Text
	if n.Begins {
		r := &call{worker: worker, user: n.User, text: n.Text, from: n.At}
		l.calls = append(l.calls, r)
		l.open[worker+"/"+id] = r
		return
	}
	r := l.open[worker+"/"+id]
	delete(l.open, worker+"/"+id)
	r.to, r.failed = n.At, n.Failed
	if !n.Failed {
		if l.handled[id].IsZero() {
			l.handled[id] = n.At
		}
		l.progress = time.Now()
	}
}

// busiest returns the worker in which most functions are running, "" if there are none.
func (l *ledger) busiest() (worker string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	running := map[string]int{}
	for _, c := range l.open {
		if running[c.worker]++; running[c.worker] > running[worker] {
			worker = c.worker
		}
	}
	return worker
}

// died notes the death of a process.
func (l *ledger) died(name string) *death {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := &death{name: name, at: time.Now()}
	l.deaths = append(l.deaths, d)
	return d
}

// overcome waits until what was accepted is handled, the messages of the first seconds after
// deliveries were acknowledged again, and the process was started again, included.
func (l *ledger) overcome(ctx context.Context, d *death) {
	for ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
		l.mu.Lock()
		until := d.at.Add(d.acks + restartDelay + time.Second)
		d.overcome = d.acks > 0 && time.Now().After(until)
		for id, at := range l.acceptedAt {
			if handled := l.handled[id]; at.Before(until) && handled.IsZero() {
				d.overcome = false
				break
			} else if at.Before(until) && handled.After(d.at) {
				d.wait = max(d.wait, handled.Sub(later(at, d.at)))
			}
		}
		over := d.overcome
		l.mu.Unlock()
		if over {
			return
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// waitHandled waits until n messages are handled. It returns false if ctx ends first.
func (l *ledger) waitHandled(ctx context.Context, n int) bool {
	for ctx.Err() == nil {
		l.mu.Lock()
		reached := len(l.handled) >= n
		l.mu.Unlock()
		if reached {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

// wait waits until all messages are delivered and handled and the queue is empty, or nothing has
// happened for a minute.
func (l *ledger) wait(ctx context.Context, queue *smoochnats.Queue) error {
	for {
		l.mu.Lock()
		done := len(l.handled) == l.events && l.deliveries[smooch.V1]+l.deliveries[smooch.V1_1] >= 2*l.events
		stuck := time.Since(l.progress) > time.Minute
		l.took = time.Since(l.began)
		l.mu.Unlock()
		if done {
			if s, err := queue.Stats(ctx); err == nil && s.Waiting+s.Pending == 0 {
				return nil
			}
		}
		if stuck {
			return nil // the report says what is missing
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// countAnswers reads the conversations of all users.
func (l *ledger) countAnswers(ctx context.Context, client *smooch.Client, queue *smoochnats.Queue) error {
	for u := range l.users {
		answers := map[string]int{}
		for m, err := range client.Conversations.Messages(ctx, fmt.Sprint("user-", u), smooch.MessageListOptions{}) {
			if err != nil {
				return err
			}
			if m.Role == smooch.RoleAppMaker {
				answers[m.Text]++
			}
		}
		for _, n := range answers {
			l.answers++
			l.answersTwice += n - 1
		}
	}
	stats, err := queue.Stats(ctx)
	l.deadLetters = stats.DeadLetters
	return err
}

// A verdict is what the calls add up to.
type verdict struct {
	again    int // functions that were called for a message for which one had been called
	disorder int // functions that were called before an older message of the user was handled
	beside   int // functions that were called while another one was running for the user
}

// judge compares the calls with the order in which the messages of each user were accepted.
func (l *ledger) judge() (v verdict) {
	byUser := map[string][]*call{}
	for _, r := range l.calls {
		byUser[r.user] = append(byUser[r.user], r)
	}
	for user, calls := range byUser {
		slices.SortStableFunc(calls, func(a, b *call) int { return cmp.Compare(a.from.UnixNano(), b.from.UnixNano()) })
		place := map[string]int{}
		for i, text := range l.accepted[user] {
			place[text] = i
		}
		last, done, end, retry := -1, -1, time.Time{}, false // last and done are places
		for _, r := range calls {
			at, known := place[r.text]
			switch {
			case at == last && retry:
			case at == last:
				v.again++
			case !known, at != last+1, done < at-1:
				v.disorder++
			}
			if r.from.Before(end) {
				v.beside++
			}
			last = max(last, at)
			if !r.to.IsZero() && !r.failed {
				done = max(done, at)
			}
			retry = r.failed
			if r.to.After(end) {
				end = r.to
			}
		}
	}
	return v
}
