package smoochredis

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// waitAtOnce makes n calls for an app at once, spread over the limiters, and returns how long the
// last of them waited.
func waitAtOnce(t *testing.T, n int, appID string, limiters ...*Limiter) time.Duration {
	t.Helper()
	began := time.Now()
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { assert.NoError(t, limiters[i%len(limiters)].WaitApp(t.Context(), appID)) })
	}
	group.Wait()
	return time.Since(began)
}

// fleet returns a limiter for each of n processes.
func fleet(n int, server *server, rate float64, burst int) (limiters []*Limiter) {
	for range n {
		limiters = append(limiters, newPatientLimiter(server.client(nil), "test", rate, burst))
	}
	return limiters
}

// TestLimiterIsShared: of all processes together, no more calls go than the rate and the burst
// allow, and no process is left out. A slow machine can only make them later.
func TestLimiterIsShared(t *testing.T) {
	t.Parallel()
	limiters := fleet(3, startServer(t), 200, 40)
	took := waitAtOnce(t, 440, "app", limiters...)
	assert.GreaterOrEqual(t, took, 2*time.Second-10*time.Millisecond)
	assert.Less(t, took, 20*time.Second)
	for _, l := range limiters {
		assert.Empty(t, l.lines)
	}
}

// TestLimiterBurst: the burst goes at once, and is there again when the bucket has been refilled.
func TestLimiterBurst(t *testing.T) {
	t.Parallel()
	l := newPatientLimiter(startServer(t).client(nil), "test", 0.1, 3)
	began := time.Now()
	waitAtOnce(t, 3, "", l)
	assert.Less(t, time.Since(began), 10*time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, l.Wait(ctx), context.DeadlineExceeded)
	waitAtOnce(t, 1, "", l)
	assert.GreaterOrEqual(t, time.Since(began), 10*time.Second)
}

// TestLimiterOnCluster: the keys of a script are in one slot, whatever the names are.
func TestLimiterOnCluster(t *testing.T) {
	t.Parallel()
	client := startCluster(t)
	for _, key := range []string{"", "}", "{a}b", "bot"} {
		var log bytes.Buffer
		l := newPatientLimiter(client, key, 1000, 1)
		l.Logger = slog.New(slog.NewTextHandler(&log, nil))
		waitAtOnce(t, 5, "}app{", l)
		l.Refused(t.Context(), "}app{", time.Second)
		assert.GreaterOrEqual(t, waitAtOnce(t, 5, "}app{", l), 500*time.Millisecond, "%q", key)
		assert.Empty(t, log.String(), "%q", key)
	}
}

// TestLimiterRefused: a 429 holds back the calls of its app in every process, also those that were
// waiting for their places already. Other apps go on.
func TestLimiterRefused(t *testing.T) {
	t.Parallel()
	const pause = 8 * time.Second
	limiters := fleet(2, startServer(t), 10, 1)
	went := make(chan time.Time, 30) // which takes three seconds
	for range cap(went) {
		go func() {
			assert.NoError(t, limiters[1].WaitApp(t.Context(), "app"))
			went <- time.Now()
		}()
	}
	refused := time.Now()
	limiters[0].Refused(t.Context(), "app", pause)
	limiters[0].Refused(t.Context(), "app", time.Millisecond) // does not end it
	told := time.Now()
	waitAtOnce(t, 4, "other", limiters...)
	assert.Less(t, time.Since(refused), pause, "another app")
	afterwards := 0
	for range cap(went) {
		if at := <-went; at.Sub(refused) >= pause {
			afterwards++
		} else {
			assert.Less(t, at.Sub(told), pause/2, "a call that was on its way when the app was refused")
		}
	}
	assert.GreaterOrEqual(t, afterwards, 10)
}

// TestLimiterNoBurstAfterPause: the calls that a pause has held back go at the rate.
func TestLimiterNoBurstAfterPause(t *testing.T) {
	t.Parallel()
	limiters := fleet(2, startServer(t), 100, 50)
	began := time.Now()
	limiters[0].Refused(t.Context(), "app", time.Second)
	waitAtOnce(t, 60, "app", limiters...)
	assert.GreaterOrEqual(t, time.Since(began), time.Second+600*time.Millisecond-10*time.Millisecond)
}

// nextPlace returns when the next call has a place. It is in the past if a call may go at once.
func (l *Limiter) nextPlace(t *testing.T) time.Time {
	t.Helper()
	micros, err := l.redis.client.Get(t.Context(), l.key).Float64()
	if !errors.Is(err, redis.Nil) {
		require.NoError(t, err)
	}
	return time.UnixMicro(int64(micros))
}

// untilInTime repeats a test that says nothing on a machine that is too slow at the moment.
func untilInTime(t *testing.T, test func() (inTime bool)) {
	t.Helper()
	for range 20 {
		if test() {
			return
		}
	}
	assert.Fail(t, "the machine is too slow")
}

// TestLimiterLooksAgain: a call with a place in the near future looks at the pause when its time
// has come.
func TestLimiterLooksAgain(t *testing.T) {
	t.Parallel()
	const pause = 2 * time.Second
	limiters := fleet(2, startServer(t), 1.25, 1)
	untilInTime(t, func() bool {
		waitAtOnce(t, 1, "app", limiters[1])
		place := limiters[0].nextPlace(t)
		went := make(chan time.Time, 1)
		go func() {
			assert.NoError(t, limiters[1].WaitApp(t.Context(), "app"))
			went <- time.Now()
		}()
		eventually(t, "the call has the place", func() bool { return len(went) > 0 || !limiters[0].nextPlace(t).Equal(place) })
		refused := time.Now()
		limiters[0].Refused(t.Context(), "app", pause)
		inTime := time.Now().Before(place)
		if at := <-went; inTime {
			assert.GreaterOrEqual(t, at.Sub(refused), pause)
		}
		return inTime
	})
}

// TestLimiterDeadline: a call that cannot go before its deadline fails at once, and takes no place.
func TestLimiterDeadline(t *testing.T) {
	t.Parallel()
	l := newPatientLimiter(startServer(t).client(nil), "test", 1.25, 1)
	for range 5 {
		untilInTime(t, func() bool {
			waitAtOnce(t, 1, "app", l) // the next one in 800 ms
			place := l.nextPlace(t)
			const patience = 50 * time.Millisecond
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := l.WaitApp(ctx, "app")
			next := l.nextPlace(t)
			inTime := time.Now().Add(patience).Before(place)
			if inTime {
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, place, next)
			}
			return inTime
		})
	}
}

// TestLimiterPausedTakesNothing: a call to an app that is paused takes no place from the others.
func TestLimiterPausedTakesNothing(t *testing.T) {
	t.Parallel()
	l := newPatientLimiter(startServer(t).client(nil), "test", 100, 1)
	for _, pause := range []time.Duration{900 * time.Millisecond, time.Minute} {
		untilInTime(t, func() bool {
			refused := time.Now()
			l.Refused(t.Context(), "app", pause)
			wait, err := l.take(t.Context(), "app")
			place := l.nextPlace(t)
			inTime := time.Since(refused) < pause
			if inTime {
				assert.NoError(t, err)
				assert.Less(t, wait, time.Duration(0))
				assert.Zero(t, place.UnixMicro())
			}
			return inTime
		})
	}
}

// TestLimiterCanceled: calls that give up, or whose process dies, do not keep more than the places
// of a second.
func TestLimiterCanceled(t *testing.T) {
	t.Parallel()
	limiters := fleet(2, startServer(t), 20, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 1000 {
		group.Go(func() { _ = limiters[0].WaitApp(ctx, "app") })
	}
	time.Sleep(300 * time.Millisecond)
	cancel()
	group.Wait()
	assert.Less(t, waitAtOnce(t, 1, "app", limiters[1]), 10*time.Second, "of the 50 that 1,000 places take")
	assert.Empty(t, limiters[0].lines)
}

// TestLimiterForeignClock: a time in Redis that is far in the future, as after a failover to a
// server whose clock is behind, does not stop the fleet.
func TestLimiterForeignClock(t *testing.T) {
	t.Parallel()
	client := startServer(t).client(nil)
	l := newPatientLimiter(client, "test", 10, 1)
	future := time.Now().Add(time.Hour).UnixMicro()
	require.NoError(t, client.Set(t.Context(), l.key, future, 0).Err())
	assert.Less(t, waitAtOnce(t, 1, "app", l), 30*time.Second)
}

func TestLimiterArguments(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	for _, rate := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		l := NewLimiter(client, "test", rate, 0)
		assert.ErrorContains(t, l.Wait(t.Context()), "is not a positive number")
		l.Refused(t.Context(), "", time.Second)
	}
}

// lines is a log that can be read while it is written.
type logLines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logLines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// TestLimiterAway: while Redis is gone, or accepts calls and never answers, each process limits
// itself to its Fallback and says so once. When Redis is back, the limit is shared again.
func TestLimiterAway(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]struct{ leave, comeBack func(*server) }{
		"killed": {(*server).kill, (*server).start},
		"stopped": {
			func(s *server) { s.signal(syscall.SIGSTOP) },
			func(s *server) { s.signal(syscall.SIGCONT) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startServer(t)
			log := &logLines{}
			l := NewLimiter(server.client(nil), "test", 1e5, 1e5)
			l.Fallback, l.Logger = 20, slog.New(slog.NewTextHandler(log, nil))
			l.redis.timeout = 5 * time.Second // so that a busy machine is not taken for the end of Redis
			strict := NewLimiter(server.client(nil), "test", 1e5, 1e5)
			strict.Fallback, strict.Logger = 0, slog.New(slog.DiscardHandler)
			strict.redis.timeout = l.redis.timeout
			waitAtOnce(t, 10, "app", l, strict)
			away.leave(server)
			assert.Less(t, waitAtOnce(t, 1, "app", l), l.redis.timeout+2*time.Second)
			for range 2 { // the second one long after the first attempt to reach Redis again
				assert.GreaterOrEqual(t, waitAtOnce(t, 40, "app", l), 1900*time.Millisecond)
			}
			l.Refused(t.Context(), "app", time.Second) // nobody is told, but it does not fail
			assert.Equal(t, 1, log.count("Redis is away"))
			assert.Equal(t, 0, log.count("Redis is back"))

			assert.ErrorContains(t, strict.Wait(t.Context()), "no rate to fall back to")
			away.comeBack(server)
			eventually(t, "Redis is asked again", func() bool { return strict.Wait(t.Context()) == nil })
			eventually(t, "it is asked again by both", func() bool { return l.Wait(t.Context()) == nil && log.count("Redis is back") == 1 })
			assert.Equal(t, 1, log.count("Redis is away"))
			eventually(t, "it is said that Redis is back", func() bool { return log.count("Redis is back") == 1 })
			client := server.client(nil)
			eventually(t, "the limit is shared", func() bool {
				assert.NoError(t, l.Wait(t.Context()))
				return client.Exists(t.Context(), l.key).Val() == 1
			})
		})
	}
}

// TestLimiterAwayForHastyCalls: calls that end before Redis is given up fall back nevertheless.
func TestLimiterAwayForHastyCalls(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	l := NewLimiter(server.client(nil), "test", 1e5, 1e5)
	l.Logger = slog.New(slog.DiscardHandler)
	waitAtOnce(t, 1, "app", l)
	server.signal(syscall.SIGSTOP)
	eventually(t, "a hasty call may go", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		return l.WaitApp(ctx, "app") == nil
	})
	server.signal(syscall.SIGCONT)
}

// TestClientsShareLimit: two clients of one app, each with a limiter of its own, stay below the
// limit of the service; a 429 that one of them gets holds back the other.
func TestClientsShareLimit(t *testing.T) {
	t.Parallel()
	limiters := fleet(2, startServer(t), 200, 10)
	service := smoochtest.NewServer()
	defer service.Close()
	var clients []*smooch.Client
	for _, l := range limiters {
		clients = append(clients, service.Client(smooch.WithLimiter(l)))
	}
	began := time.Now()
	var group sync.WaitGroup
	var answered atomic.Int64
	for i := range 210 {
		group.Go(func() {
			if _, err := clients[i%2].Apps.Get(t.Context(), service.App().ID); assert.NoError(t, err) {
				answered.Add(1)
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, 210, answered.Load())
	assert.GreaterOrEqual(t, time.Since(began), time.Second-10*time.Millisecond)

	service.Fail(smoochtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 4 * time.Second})
	began = time.Now()
	done := make(chan error)
	go func() {
		_, err := clients[0].AppUsers.Get(t.Context(), "nobody")
		done <- err
	}()
	eventually(t, "the first client is refused", func() bool {
		paused, err := limiters[0].ask(t.Context(), pauseScript, service.App().ID, 0)
		return err == nil && paused > 0
	})
	_, err := clients[1].AppUsers.Get(t.Context(), "nobody")
	assert.ErrorIs(t, err, smooch.ErrNotFound)
	assert.GreaterOrEqual(t, time.Since(began), 4*time.Second)
	assert.ErrorIs(t, <-done, smooch.ErrNotFound)
}
