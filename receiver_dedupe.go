package smooch

import (
	lru "container/list"
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"
)

// Claim says who handles an event, see [Deduper].
type Claim int

// The results of a claim.
const (
	ClaimWon  Claim = iota // the caller has to handle the event
	ClaimBusy              // another caller is handling it
	ClaimDone              // it has been handled
)

// Deduper remembers which events have been handled, so that each is handled once. It knows an event
// by its [EventKey]. If an event cannot be told from the next of its kind, as a postback without a
// timestamp, the key has the minute appended.
//
// [NewMemoryDeduper] returns a Deduper for a single process. With a Deduper on a shared store,
// several processes can share a target.
//
// Implementations must be safe for concurrent use. If Claim fails, the receiver answers with 503,
// so that the service repeats the delivery. Errors of Done and Release do not change the answer.
// All are logged, and an observer gets them in [Delivery.Err]. The context of Claim ends after the
// time that [WithHandlerTimeout] sets, the context of the other methods after a third of it.
type Deduper interface {
	// Claim claims the key for the caller, atomically: of all callers, one at a time gets ClaimWon. If
	// neither Done nor Release follows, the holder has died, and the claim ends after lease.
	Claim(ctx context.Context, key string, lease time.Duration) (Claim, error)
	// Done records that the event has been handled. The record must be kept for longer than the
	// service repeats deliveries (15 minutes).
	Done(ctx context.Context, key string) error
	// Release ends a claim, or removes the record that the event has been handled.
	Release(ctx context.Context, key string) error
}

// NewMemoryDeduper returns a [Deduper] that keeps up to size keys in memory, at least one. 10,000
// keys take about 2 MB. It forgets the oldest key first, and all of them when the process ends.
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
	until time.Time // when the claim ends, unless it is done
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

// evict forgets one key: the oldest whose event has been handled or whose claim has ended, or if
// there is none, the oldest of all.
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

// panicSafeDeduper turns a panic of a Deduper into an error, as it is called on a goroutine on
// which net/http does not recover panics.
type panicSafeDeduper struct{ Deduper }

func (d panicSafeDeduper) Claim(ctx context.Context, key string, lease time.Duration) (claim Claim, err error) {
	defer recoverTo(&err)
	claim, err = d.Deduper.Claim(ctx, key, lease)
	return claim, checked(err)
}

func (d panicSafeDeduper) Done(ctx context.Context, key string) (err error) {
	defer recoverTo(&err)
	return checked(d.Deduper.Done(ctx, key))
}

func (d panicSafeDeduper) Release(ctx context.Context, key string) (err error) {
	defer recoverTo(&err)
	return checked(d.Deduper.Release(ctx, key))
}

// recoverTo recovers a panic and stores it in err. It must be deferred.
func recoverTo(err *error) {
	if value := recover(); value != nil {
		*err = &PanicError{Value: value, Stack: debug.Stack()}
	}
}

// checked returns an error of foreign code as it is, or a *PanicError if its Unwrap, Is or As
// panics, as that of a nil pointer may. Afterwards the error can be examined on any goroutine.
func checked(err error) (same error) {
	defer recoverTo(&same)
	_, _ = errors.AsType[*unlikeError](err)
	_ = errors.Is(err, (*unlikeError)(nil))
	return err
}

// unlikeError is an error that no other one is or wraps, so that all of them are examined.
type unlikeError struct{ error }
