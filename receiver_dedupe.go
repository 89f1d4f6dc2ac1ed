package smooch

import (
	"context"
	"errors"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Claim is the result of [Deduper.Claim].
type Claim struct {
	State ClaimState

	// Token stands for the claim in later calls. It is set if State is ClaimWon, and differs from the
	// token of every other claim of the key.
	Token string
}

// ClaimState says who handles an event, see [Deduper].
type ClaimState int

// The results of a claim.
const (
	ClaimWon  ClaimState = iota + 1 // the caller has to handle the event
	ClaimBusy                       // another caller is handling it
	ClaimDone                       // it has been handled
)

// ErrClaimLost means that a claim does not hold any longer: its lease has ended, or it was
// released, or the [Deduper] has forgotten it. Someone else may have claimed the key since. A
// function whose claim is lost finds it as the cause of its context, see [context.Cause].
var ErrClaimLost = errors.New("smooch: the claim is lost")

// Deduper remembers which events have been handled, so that each is handled once. It knows an event
// by a key of at most 255 bytes, which may contain any character and differ from others in case
// only: its [EventKey]. If an event cannot be told from the next of its kind, as a postback without
// a timestamp, the key has the minute appended.
//
// A key is claimed before the event is handled. The claim ends after its lease, 30 seconds by
// default (see [WithLease]), so that the event of a process that dies is handled by another one.
// While a function runs, the receiver extends the claim each time a third of the lease has passed.
// The token says which claim a call is about: a process that was suspended for longer than the
// lease can neither extend nor end the claim that another one has won meanwhile.
//
// Extend, Done and Release return an error that matches [ErrClaimLost], and change nothing, if the
// token is not that of a claim of the key that holds. Any other error means that the store cannot
// be reached, and that the call may have taken effect.
//
// [NewMemoryDeduper] returns a Deduper for a single process. With a Deduper on a shared store,
// several processes can share a target. smoochtest.TestDeduper tests an implementation.
//
// Implementations must be safe for concurrent use, also for calls with the same token, and must
// return when the context ends. The context of Claim ends after the time that [WithHandlerTimeout]
// sets at the latest, that of the other methods after a third of it.
//
// If Claim fails, a delivery is answered with 503, so that the service repeats it. Other errors of
// Extend, Done and Release than ErrClaimLost do not change the answer. All errors are logged, and
// a hook gets them in [HandlingResult].Err.
type Deduper interface {
	// Claim claims the key for the caller, atomically: of all callers, one at a time gets ClaimWon. If
	// the claim is not extended, it ends after lease, or at most 2 seconds later. lease is at least a
	// second; a store that counts whole seconds rounds up.
	Claim(ctx context.Context, key string, lease time.Duration) (Claim, error)
	// Extend makes the claim end after lease from now.
	Extend(ctx context.Context, key, token string, lease time.Duration) error
	// Done ends the claim and records that the event has been handled. The record must be kept for
	// longer than the service repeats deliveries (15 minutes), and for longer than events stay in a
	// [Queue].
	Done(ctx context.Context, key, token string) error
	// Release ends the claim, or removes the record that Done has made with the token. Then the key
	// can be claimed at once.
	Release(ctx context.Context, key, token string) error
}

// WithDeduper makes the receiver use d to handle each event once. The default is
// NewMemoryDeduper(10_000).
func WithDeduper(d Deduper) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if isNil(d) {
			return argumentError("WithDeduper", "deduper", "is nil")
		}
		r.deduper = d
		return nil
	}
}

// WithLease sets how long a claim with the [Deduper] holds if its process dies: for so long, copies
// of the event are answered with 503, or stay in the [Queue]. The default is 30 seconds. Less than
// a second is an error. A process that is suspended for longer loses its claims.
func WithLease(d time.Duration) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if d < time.Second {
			return argumentError("WithLease", "lease", "is shorter than a second")
		}
		r.lease = d
		return nil
	}
}

// NewMemoryDeduper returns a [Deduper] that keeps up to size keys in memory, at least one. 10,000
// keys take about 2 MB. It forgets the oldest key first, but none whose claim holds, and all of
// them when the process ends.
func NewMemoryDeduper(size int) Deduper {
	d := &memoryDeduper{size: max(size, 1), keys: map[string]*claimed{}}
	d.held.init()
	d.done.init()
	return d
}

type memoryDeduper struct {
	claims atomic.Uint64 // so far; the number of a claim is its token
	size   int

	mu   sync.Mutex
	keys map[string]*claimed
	held claimed // the head of the ring of those that have not been handled, oldest first
	done claimed // the head of the ring of those that have been handled, oldest first
}

// A claimed is a key that was claimed. It is in one of two rings.
type claimed struct {
	key          string
	token        string
	done         bool
	until        time.Time // when the claim ends, unless it is done
	older, newer *claimed  // in the ring; those of its head are the newest and the oldest
}

// init makes c the head of an empty ring.
func (c *claimed) init() { c.older, c.newer = c, c }

// oldest returns the oldest in the ring of which c is the head, nil if it is empty.
func (c *claimed) oldest() *claimed {
	if c.newer == c {
		return nil
	}
	return c.newer
}

// enter puts c into a ring as the newest.
func (c *claimed) enter(head *claimed) {
	c.older, c.newer = head.older, head
	c.older.newer, head.older = c, c
}

// leave takes c out of its ring.
func (c *claimed) leave() { c.older.newer, c.newer.older = c.newer, c.older }

func (d *memoryDeduper) Claim(_ context.Context, key string, lease time.Duration) (Claim, error) {
	now := time.Now()
	c := &claimed{key: key, token: strconv.FormatUint(d.claims.Add(1), 10), until: now.Add(lease)}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch former := d.keys[key]; {
	case former == nil:
		d.makeRoom(now)
	case former.done:
		return Claim{State: ClaimDone}, nil
	case now.Before(former.until):
		return Claim{State: ClaimBusy}, nil
	default:
		d.forget(former)
	}
	d.keys[key] = c
	c.enter(&d.held)
	return Claim{ClaimWon, c.token}, nil
}

// makeRoom forgets keys until there is room for another one: those whose claim has ended, and then
// the oldest whose event has been handled.
func (d *memoryDeduper) makeRoom(now time.Time) {
	for len(d.keys) >= d.size {
		oldest := d.held.oldest()
		if oldest == nil || now.Before(oldest.until) {
			oldest = d.done.oldest()
		}
		if oldest == nil {
			return // every claim holds
		}
		d.forget(oldest)
	}
}

func (d *memoryDeduper) forget(c *claimed) {
	delete(d.keys, c.key)
	c.leave()
}

// find returns what is known of a key, or an error if the token is not that of its claim.
func (d *memoryDeduper) find(key, token string) (*claimed, error) {
	c := d.keys[key]
	if c == nil || c.token != token || !c.done && !time.Now().Before(c.until) {
		return nil, ErrClaimLost
	}
	return c, nil
}

func (d *memoryDeduper) Extend(_ context.Context, key, token string, lease time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.find(key, token)
	if err != nil {
		return err
	}
	if c.done {
		return ErrClaimLost
	}
	c.until = time.Now().Add(lease)
	c.leave()
	c.enter(&d.held)
	return nil
}

func (d *memoryDeduper) Done(_ context.Context, key, token string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.find(key, token)
	if err == nil {
		c.done = true
		c.leave()
		c.enter(&d.done)
	}
	return err
}

func (d *memoryDeduper) Release(_ context.Context, key, token string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.find(key, token)
	if err == nil {
		d.forget(c)
	}
	return err
}

// guardedDeduper is a Deduper of the program. It turns a panic into an error, as it is called on a
// goroutine on which net/http does not recover panics, and bounds the time of a call, so that
// enough is left for the answer.
type guardedDeduper struct {
	Deduper
	timeout time.Duration // of Claim
}

func (d guardedDeduper) Claim(ctx context.Context, key string, lease time.Duration) (claim Claim, err error) {
	defer recoverTo(&err)
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	claim, err = d.Deduper.Claim(ctx, key, lease)
	return claim, checked(err)
}

func (d guardedDeduper) Extend(ctx context.Context, key, token string, lease time.Duration) error {
	return d.update(ctx, func(ctx context.Context) error { return d.Deduper.Extend(ctx, key, token, lease) })
}

func (d guardedDeduper) Done(ctx context.Context, key, token string) error {
	return d.update(ctx, func(ctx context.Context) error { return d.Deduper.Done(ctx, key, token) })
}

func (d guardedDeduper) Release(ctx context.Context, key, token string) error {
	return d.update(ctx, func(ctx context.Context) error { return d.Deduper.Release(ctx, key, token) })
}

func (d guardedDeduper) update(ctx context.Context, call func(context.Context) error) (err error) {
	defer recoverTo(&err)
	ctx, cancel := context.WithTimeout(ctx, d.timeout/3)
	defer cancel()
	return checked(call(ctx))
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
