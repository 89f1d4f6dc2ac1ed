package smoochredis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/smooch/smooch-go"
)

var _ smooch.Limiter = (*Limiter)(nil)

// Limiter is a [smooch.Limiter] that several processes share, for [smooch.WithLimiter]: all of them
// together send at most burst calls at once, and rate calls in each second. It is safe for
// concurrent use. Set the fields before the first use.
//
// When the service refuses a call to an app with 429, the Limiter holds back all calls to that app,
// in all processes, until the Retry-After has passed. Then they go at the rate, without a burst.
//
// If Redis cannot be reached or does not answer within 2 seconds, the process limits itself to the
// rate Fallback. It logs that once, asks Redis again each second, and logs when Redis has answered.
//
// Places are given out in advance, but not for more than a second: a process that dies takes with
// it the places of a second at most, which are not used then.
type Limiter struct {
	// Fallback is the rate of this process, in calls per second, while Redis is away. NewLimiter sets
	// it to the whole rate; with n processes, a n-th of it keeps the limit. If it is 0, calls fail.
	Fallback float64
	// Logger gets a warning when Redis is away, and a note when it is back. NewLimiter sets it to
	// slog.Default().
	Logger *slog.Logger

	redis    store
	key      string
	interval float64 // µs between two calls
	slack    float64 // µs that a call may go before its time, so that there can be a burst
	problem  error   // with the arguments of NewLimiter

	mu       sync.Mutex
	lines    map[string]*line // by app, if calls to it wait for their turn to ask
	away     bool             // Redis is
	askAgain time.Time        // when Redis is asked whether it is back
	full     time.Time        // when the bucket of this process is full; used while Redis is away
}

// A line is where the calls to an app stand that cannot have a place yet. Only the first one asks.
type line struct {
	first chan struct{} // has room for the one who is first
	calls int
}

// NewLimiter returns a limiter for calls that may be sent at rate, per second, and up to burst at
// once, but at least one. All processes that use key share the limit, and should agree on it.
//
// If rate is not positive or not finite, all calls fail.
func NewLimiter(client redis.UniversalClient, key string, rate float64, burst int) *Limiter {
	l := &Limiter{
		Fallback: rate, Logger: slog.Default(), redis: newStore(client),
		key:      "{smoochredis:" + key + "}", // the hash tag puts all keys in one slot
		interval: 1e6 / rate, slack: float64(max(burst, 1)-1) * 1e6 / rate,
		lines: map[string]*line{},
	}
	if !(rate > 0) || math.IsInf(rate, 0) {
		l.problem = fmt.Errorf("smoochredis: the rate %v is not a positive number", rate)
	}
	return l
}

const (
	horizon   = time.Second // how far in advance a place is given out
	retryAway = time.Second // between two attempts to reach Redis
)

// The bucket is full again at the time that KEYS[1] holds: each call takes the interval ARGV[1] out
// of it, and may go once no more than the slack ARGV[2] is missing (GCRA). KEYS[2] holds the end of
// the app's last pause. All numbers are in µs, on the clock of Redis.
var (
	// takeScript answers with how long the caller has to wait. If that is longer than ARGV[3], or the
	// app is paused, it has no place, and the answer is negative. At the end of a pause the bucket is
	// empty, so that no burst follows. A time in KEYS[1] that no caller can have written comes from
	// another clock, that of a failed server, and is ignored.
	takeScript = redis.NewScript(`
		local t = redis.call('TIME')
		local now, interval, slack = t[1] * 1000000 + t[2], tonumber(ARGV[1]), tonumber(ARGV[2])
		local pause = tonumber(redis.call('GET', KEYS[2]) or 0)
		if pause > now then return now - pause end
		local full = tonumber(redis.call('GET', KEYS[1]) or 0)
		if full > now + slack + interval + 1001000 then full = now end
		full = math.max(full, now, pause + slack + interval)
		local wait = math.ceil(math.max(full - slack - now, 0))
		if wait > tonumber(ARGV[3]) then return -wait end
		full = full + interval
		redis.call('SET', KEYS[1], string.format('%.2f', full), 'PX', math.ceil((full - now) / 1000))
		return wait`)
	// pauseScript answers with how long the app is still paused, 0 if it is not.
	pauseScript = redis.NewScript(`
		local t = redis.call('TIME')
		return math.max((redis.call('GET', KEYS[2]) or 0) - t[1] * 1000000 - t[2], 0)`)
	// refusedScript pauses the app for ARGV[3]. The key stays until the bucket has been refilled.
	refusedScript = redis.NewScript(`
		local t = redis.call('TIME')
		local pause = t[1] * 1000000 + t[2] + ARGV[3]
		if pause > tonumber(redis.call('GET', KEYS[2]) or 0) then
			redis.call('SET', KEYS[2], string.format('%.0f', pause), 'PX', math.ceil((ARGV[1] + ARGV[2] + ARGV[3]) / 1000))
		end
		return 0`)
)

// Wait returns when a call that is for no app may be sent, see [Limiter.WaitApp].
func (l *Limiter) Wait(ctx context.Context) error { return l.WaitApp(ctx, "") }

// WaitApp returns when a call to the app may be sent, or when ctx ends. If that is sure to be after
// the deadline of ctx, WaitApp fails at once with an error that matches context.DeadlineExceeded.
func (l *Limiter) WaitApp(ctx context.Context, appID string) error {
	if l.problem != nil {
		return l.problem
	}
	t := turn{limiter: l, appID: appID}
	defer t.leave()
	if l.hasLine(appID) {
		if err := t.await(ctx); err != nil {
			return err
		}
	}
	for {
		wait, err := l.take(ctx, appID)
		switch {
		case err != nil || wait == 0:
			return err
		case wait > 0:
			t.leave()
			if err := sleep(ctx, wait, wait); err != nil {
				return err
			}
			if !l.paused(ctx, appID) { // meanwhile
				return ctx.Err()
			}
		case !t.first: // it has no place, and waits with the others before it asks again
			err = t.await(ctx)
		default:
			err = sleep(ctx, -wait, max(-wait-horizon/2, min(-wait, horizon/2)))
		}
		if err != nil {
			return err
		}
	}
}

// Refused holds back all calls to the app, in all processes, for as long as retryAfter.
func (l *Limiter) Refused(ctx context.Context, appID string, retryAfter time.Duration) {
	if l.problem == nil && retryAfter > 0 && l.reachable() {
		_, _ = l.ask(ctx, refusedScript, appID, retryAfter)
	}
}

// take takes a place and returns how long its call has to wait for it. If it is negative, there is
// no place before the horizon, and it has to be asked for again.
func (l *Limiter) take(ctx context.Context, appID string) (time.Duration, error) {
	if l.reachable() {
		within := horizon
		if deadline, ok := ctx.Deadline(); ok {
			within = max(min(within, time.Until(deadline)), 0)
		}
		if wait, err := l.ask(ctx, takeScript, appID, within); err == nil || ctx.Err() != nil {
			return wait, err
		}
	}
	return l.takeOwn()
}

// takeOwn is take while Redis is away. There is no burst, as other processes do the same.
func (l *Limiter) takeOwn() (time.Duration, error) {
	if !(l.Fallback > 0) {
		return 0, errors.New("smoochredis: Redis is away, and there is no rate to fall back to")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	wait := max(l.full.Sub(now), 0)
	if wait > horizon {
		return -wait, nil
	}
	l.full = now.Add(wait + time.Duration(min(1e9/l.Fallback, math.MaxInt64/2)))
	return wait, nil
}

// paused reports whether the app is paused. If Redis does not say, it is not.
func (l *Limiter) paused(ctx context.Context, appID string) bool {
	if !l.reachable() {
		return false
	}
	left, err := l.ask(ctx, pauseScript, appID, 0)
	return err == nil && left > 0
}

// ask runs a script and notices if Redis is away.
func (l *Limiter) ask(ctx context.Context, script *redis.Script, appID string, d time.Duration) (time.Duration, error) {
	p := l.redis.run(ctx, script, []string{l.key, l.key + ":pause:" + appID}, l.interval, l.slack, d.Microseconds())
	value, err := p.wait(ctx)
	switch {
	case ctx.Err() != nil && err != nil: // that the caller did not wait says nothing about Redis
		go func() {
			if _, err := p.wait(context.WithoutCancel(ctx)); err != nil {
				l.lost(err)
			}
		}()
		return 0, ctx.Err()
	case err != nil:
		l.lost(err)
	}
	return time.Duration(value) * time.Microsecond, err
}

// reachable reports whether Redis is to be asked. While it is away, reachable sends a call to see
// whether it is back, from time to time.
func (l *Limiter) reachable() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away && time.Now().After(l.askAgain) {
		l.askAgain = time.Now().Add(l.redis.timeout + retryAway)
		go func() {
			if _, err := l.ask(context.Background(), takeScript, "", 0); err == nil {
				l.found()
			}
		}()
	}
	return !l.away
}

func (l *Limiter) lost(err error) {
	l.mu.Lock()
	before := l.away
	l.away, l.askAgain = true, time.Now().Add(retryAway)
	l.mu.Unlock()
	if !before {
		l.Logger.Warn("smoochredis: Redis is away, the process limits itself", "rate", l.Fallback, "error", err)
	}
}

func (l *Limiter) found() {
	l.mu.Lock()
	l.away = false
	l.mu.Unlock()
	l.Logger.Info("smoochredis: Redis is back, the limit is shared again")
}

func (l *Limiter) hasLine(appID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines[appID] != nil
}

// A turn is the standing of a call in the line of its app.
type turn struct {
	limiter *Limiter
	appID   string
	line    *line // nil: it does not stand there
	first   bool
}

// await joins the line, and returns when the call is the first there.
func (t *turn) await(ctx context.Context) error {
	l := t.limiter
	l.mu.Lock()
	if l.lines[t.appID] == nil {
		l.lines[t.appID] = &line{first: make(chan struct{}, 1)}
	}
	t.line = l.lines[t.appID]
	t.line.calls++
	l.mu.Unlock()
	select {
	case t.line.first <- struct{}{}:
		t.first = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave leaves the line if the call stands there.
func (t *turn) leave() {
	if t.line == nil {
		return
	}
	if t.first {
		<-t.line.first
	}
	t.limiter.mu.Lock()
	defer t.limiter.mu.Unlock()
	if t.line.calls--; t.line.calls == 0 {
		delete(t.limiter.lines, t.appID)
	}
	t.line, t.first = nil, false
}

// sleep sleeps for d, but fails at once if ctx ends before the time needed has passed.
func sleep(ctx context.Context, needed, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < needed {
		return fmt.Errorf("smoochredis: the wait for the limit would be %v, and %w", needed.Round(time.Millisecond), context.DeadlineExceeded)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
