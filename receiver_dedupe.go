package smooch

import (
	lru "container/list"
	"context"
	"runtime/debug"
	"sync"
	"time"
)

// Claim is the answer to the question who handles an event.
type Claim int

// The answers of [Deduper].
const (
	ClaimWon  Claim = iota // the caller handles it
	ClaimBusy              // somebody else is handling it
	ClaimDone              // it has been handled
)

// Deduper remembers which events were handled, by [EventKey]; the key of an event that cannot be told from
// the next of its kind, such as a postback without a timestamp, has the minute appended. [NewMemoryDeduper] is one for a
// single process; one over a shared store lets several processes share a target.
//
// Implementations are safe for concurrent use. Their errors make the receiver answer 503, so that the event comes again.
// Each call has a context that ends: Claim's after [WithHandlerTimeout], that of the others after a third of it.
type Deduper interface {
	// Claim gives the key to at most one caller at a time, atomically. A claim that is neither done nor
	// released ends with the lease: its holder has died.
	Claim(ctx context.Context, key string, lease time.Duration) (Claim, error)
	// Done says that the event has been handled. Keep it for longer than the service repeats (15 minutes).
	Done(ctx context.Context, key string) error
	// Release gives a claim back, or forgets that the event was handled.
	Release(ctx context.Context, key string) error
}

// NewMemoryDeduper makes a [Deduper] that keeps the last size keys in memory. With size 10,000 it takes
// about 2 MB. It forgets the oldest first, and everything when the process ends.
func NewMemoryDeduper(size int) Deduper {
	return &memoryDeduper{size: max(size, 1), keys: map[string]*lru.Element{}, order: lru.New()}
}

type memoryDeduper struct {
	mu    sync.Mutex
	size  int
	keys  map[string]*lru.Element
	order *lru.List // of *claimed, oldest first
}

type claimed struct {
	key   string
	done  bool
	until time.Time // of a claim that is not done
}

func (d *memoryDeduper) Claim(_ context.Context, key string, lease time.Duration) (Claim, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if element, known := d.keys[key]; known {
		c := element.Value.(*claimed)
		switch {
		case c.done:
			return ClaimDone, nil
		case now.Before(c.until):
			return ClaimBusy, nil
		}
		c.until = now.Add(lease)
		return ClaimWon, nil
	}
	if len(d.keys) >= d.size {
		d.evict()
	}
	d.keys[key] = d.order.PushBack(&claimed{key: key, until: now.Add(lease)})
	return ClaimWon, nil
}

// evict makes room for one key. A key in use is kept as long as there is one to forget that is done or whose holder has died.
func (d *memoryDeduper) evict() {
	oldest, now := d.order.Front(), time.Now()
	for e := oldest; e != nil; e = e.Next() {
		if c := e.Value.(*claimed); c.done || now.After(c.until) {
			oldest = e
			break
		}
	}
	delete(d.keys, d.order.Remove(oldest).(*claimed).key)
}

func (d *memoryDeduper) Done(_ context.Context, key string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if element, known := d.keys[key]; known {
		element.Value.(*claimed).done = true
		d.order.MoveToBack(element)
		return nil
	}
	if len(d.keys) >= d.size {
		d.evict()
	}
	d.keys[key] = d.order.PushBack(&claimed{key: key, done: true})
	return nil
}

func (d *memoryDeduper) Release(_ context.Context, key string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if element, known := d.keys[key]; known {
		d.order.Remove(element)
		delete(d.keys, key)
	}
	return nil
}

// panicSafeDeduper turns a panic of a Deduper into an error: net/http, which would recover it, is on
// another goroutine.
type panicSafeDeduper struct{ Deduper }

func (d panicSafeDeduper) Claim(ctx context.Context, key string, lease time.Duration) (claim Claim, err error) {
	defer recoverTo(&err)
	return d.Deduper.Claim(ctx, key, lease)
}

func (d panicSafeDeduper) Done(ctx context.Context, key string) (err error) {
	defer recoverTo(&err)
	return d.Deduper.Done(ctx, key)
}

func (d panicSafeDeduper) Release(ctx context.Context, key string) (err error) {
	defer recoverTo(&err)
	return d.Deduper.Release(ctx, key)
}

func recoverTo(err *error) {
	if value := recover(); value != nil {
		*err = &PanicError{Value: value, Stack: debug.Stack()}
	}
}
