package smoochtest

import (
	"sync"
	"time"
)

// rateLimit accepts max calls in each window. A window begins with the first call after the last
// one has ended.
type rateLimit struct {
	max    int // 0: no limit
	window time.Duration

	mu    sync.Mutex
	began time.Time
	calls int
}

// take counts a call. If it is one too many, take returns how long the window still lasts.
func (l *rateLimit) take(now time.Time) (limited bool, retryAfter time.Duration) {
	if l.max == 0 {
		return false, 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.began) >= l.window {
		l.began, l.calls = now, 0
	}
	l.calls++
	return l.calls > l.max, l.began.Add(l.window).Sub(now)
}

// reset begins a new window.
func (l *rateLimit) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began, l.calls = time.Time{}, 0
}
