package pace

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Throttles hold one throttle for each key that is in use, such as the app that an attempt reaches,
// as services mostly limit each customer alone. If the attempts of several keys are refused within
// one pause, the limit is probably one for all, and all keys are held back. The zero value is ready
// to use, and the methods may be called concurrently.
type Throttles struct {
	all   Throttle
	byKey sync.Map // from string to *KeyThrottle

	mu    sync.Mutex
	size  int // of byKey
	sweep int // the size at which unused keys are removed
}

const (
	severalKeys = 3           // refused within one pause, hold back all keys
	unusedAfter = time.Minute // a key is forgotten, unless it was paused or calls wait
	firstSweep  = 64
)

// A KeyThrottle is the throttle of one key.
type KeyThrottle struct {
	key  string
	own  Throttle
	set  *Throttles
	used atomic.Int64 // when it was last asked for, in seconds
}

// For returns the throttle of a key.
func (s *Throttles) For(key string) *KeyThrottle {
	now := time.Now()
	found, ok := s.byKey.Load(key)
	if !ok {
		found = s.add(key, now)
	}
	t := found.(*KeyThrottle)
	if seconds := now.Unix(); t.used.Load() != seconds {
		t.used.Store(seconds)
	}
	return t
}

// add makes the throttle of a key, and forgets the keys that are no longer used.
func (s *Throttles) add(key string, now time.Time) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := &KeyThrottle{key: key, set: s}
	fresh.used.Store(now.Unix())
	found, loaded := s.byKey.LoadOrStore(key, fresh)
	if loaded {
		return found
	}
	if s.size++; s.size >= max(s.sweep, firstSweep) {
		since := now.Add(-unusedAfter)
		s.byKey.Range(func(key, value any) bool {
			if t := value.(*KeyThrottle); t.used.Load() < since.Unix() && t.own.idle(since) {
				s.byKey.Delete(key)
				s.size--
			}
			return true
		})
		s.sweep = 2 * s.size
	}
	return fresh
}

// Wait returns when an attempt for the key may be sent, as [Throttle.Wait] does.
func (t *KeyThrottle) Wait(ctx context.Context, refused bool) error {
	if !t.own.active.Load() && !t.set.all.active.Load() {
		return nil
	}
	for {
		if err := t.set.all.Wait(ctx, refused); err != nil {
			return err
		}
		if err := t.own.Wait(ctx, refused); err != nil || !t.set.all.Paused() {
			return err
		}
	}
}

// Paused reports whether a pause holds back the key.
func (t *KeyThrottle) Paused() bool { return t.own.Paused() || t.set.all.Paused() }

// Sent counts an attempt for the key that was sent at began.
func (t *KeyThrottle) Sent(began time.Time) {
	t.own.history.add(began, 1)
	if t.set.all.active.Load() {
		t.set.all.history.add(began, 1)
	}
}

// Refused starts or extends the key's pause after an attempt that was sent at began was refused,
// and the pause of all keys if this one is among several.
func (t *KeyThrottle) Refused(began time.Time, pause time.Duration) {
	t = t.set.For(t.key) // the key may have been forgotten while the attempt was under way
	all := &t.set.all
	if all.active.Load() {
		all.history.add(began, -1)
	}
	if !t.own.Refused(began, pause) {
		return
	}
	longest, paused := time.Duration(0), 0
	t.set.byKey.Range(func(_, value any) bool {
		if remaining := value.(*KeyThrottle).own.Remaining(); remaining > 0 {
			longest = max(longest, remaining)
			paused++
		}
		return true
	})
	if paused < severalKeys {
		return
	}
	if !all.active.Load() { // it has counted nothing so far
		t.set.byKey.Range(func(_, value any) bool {
			all.history.merge(&value.(*KeyThrottle).own.history)
			return true
		})
	}
	all.pause(began, longest)
}

// Len returns the number of keys that have a throttle.
func (s *Throttles) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size
}
