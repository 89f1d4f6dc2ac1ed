package smoochredis

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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

func TestDeduperConforms(t *testing.T) {
	t.Parallel()
	client := startServer(t).client(nil)
	smoochtest.TestDeduper(t, func() smooch.Deduper { return newPatientDeduper(client, "test") })
}

func TestDeduperConformsOnCluster(t *testing.T) {
	t.Parallel()
	client := startCluster(t)
	smoochtest.TestDeduper(t, func() smooch.Deduper { return newPatientDeduper(client, "test") })
	var used atomic.Int64
	require.NoError(t, client.ForEachMaster(t.Context(), func(ctx context.Context, node *redis.Client) error {
		if n, err := node.DBSize(ctx).Result(); err == nil && n > 0 {
			used.Add(1)
		}
		return nil
	}))
	assert.EqualValues(t, 3, used.Load(), "nodes that have keys")
}

// TestDeduperSurvivesFailover: what was handled stays handled on the replica that takes over.
func TestDeduperSurvivesFailover(t *testing.T) {
	t.Parallel()
	master, client := startSentinel(t)
	d := newPatientDeduper(client, "test")
	claim, err := d.Claim(t.Context(), "handled", time.Minute)
	require.NoError(t, err)
	require.NoError(t, d.Done(t.Context(), "handled", claim.Token))
	held, err := d.Claim(t.Context(), "held", time.Minute)
	require.NoError(t, err)
	eventually(t, "the replica has the writes", func() bool {
		n, err := client.Wait(t.Context(), 1, time.Second).Result()
		return err == nil && n == 1
	})

	master.kill()
	eventually(t, "the replica takes over", func() bool {
		claim, err = d.Claim(t.Context(), "handled", time.Minute)
		return err == nil
	})
	assert.Equal(t, smooch.ClaimDone, claim.State)
	claim, err = d.Claim(t.Context(), "held", time.Minute)
	assert.NoError(t, err)
	assert.Equal(t, smooch.ClaimBusy, claim.State)
	assert.NoError(t, d.Done(t.Context(), "held", held.Token))
}

// TestDeduperNames: each name is handled once, by itself.
func TestDeduperNames(t *testing.T) {
	t.Parallel()
	client := startServer(t).client(nil)
	for _, name := range []string{"bot", "archive"} {
		claim, err := newPatientDeduper(client, name).Claim(t.Context(), "k", time.Minute)
		assert.NoError(t, err)
		assert.Equal(t, smooch.ClaimWon, claim.State, name)
	}
}

// TestDeduperKeeps: a record expires after the time to keep it, a claim after its lease.
func TestDeduperKeeps(t *testing.T) {
	t.Parallel()
	client := startServer(t).client(nil)
	for keep, want := range map[time.Duration]time.Duration{0: 20 * time.Minute, 48 * time.Hour: 48 * time.Hour} {
		d := NewDeduper(client, keep.String(), keep)
		d.redis.timeout = time.Minute
		claim, err := d.Claim(t.Context(), "k", 90*time.Second)
		require.NoError(t, err)
		assert.InDelta(t, 90, client.TTL(t.Context(), keep.String()+":k").Val().Seconds(), 30)
		require.NoError(t, d.Done(t.Context(), "k", claim.Token))
		assert.InDelta(t, want.Seconds(), client.TTL(t.Context(), keep.String()+":k").Val().Seconds(), 30)
	}
}

// TestDeduperLostAnswers: go-redis repeats a script whose answer was lost. The repeat of a claim
// must not take its own claim for that of another.
func TestDeduperLostAnswers(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	var cut atomic.Bool // whether the next answer is lost
	proxy := loseAnswers(t, server.addr(), &cut)
	client := server.client(func(o *redis.Options) { o.Addr, o.PoolSize = proxy, 1 })
	d := newPatientDeduper(client, "test")
	warm, err := d.Claim(t.Context(), "warm", time.Minute) // so that the server knows the script
	require.NoError(t, err)
	require.NoError(t, d.Done(t.Context(), "warm", warm.Token))

	cut.Store(true)
	claim, err := d.Claim(t.Context(), "k", time.Minute)
	require.NoError(t, err)
	assert.Equal(t, smooch.ClaimWon, claim.State)
	cut.Store(true)
	assert.NoError(t, d.Done(t.Context(), "k", claim.Token))
	assert.False(t, cut.Load(), "no answer was lost")
}

// loseAnswers returns the address of a proxy that closes the connection in place of the next
// answer of a script if cut is set.
func loseAnswers(t *testing.T, to string, cut *atomic.Bool) (addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to) //nolint:noctx // on loopback
			if err != nil {
				_ = in.Close()
				continue
			}
			go func() { _, _ = io.Copy(out, in) }()
			go func() {
				defer in.Close()
				defer out.Close()
				buffer := make([]byte, 64<<10)
				for {
					n, err := out.Read(buffer)
					if err != nil || strings.HasPrefix(string(buffer[:n]), ":") && cut.CompareAndSwap(true, false) {
						return
					}
					if _, err := in.Write(buffer[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// TestDeduperAway: a Redis that is gone, or that accepts calls and never answers, costs a call its
// own time limit at most, or that of its context, whatever the options of the client are.
func TestDeduperAway(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*redis.Options){
		"default options": nil,
		"patient options": func(o *redis.Options) {
			o.ReadTimeout, o.DialTimeout, o.MaxRetries = -1, time.Hour, 10
		},
		"options that honor contexts": func(o *redis.Options) { o.ContextTimeoutEnabled = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startServer(t)
			client := server.client(change)
			d := NewDeduper(client, "test", time.Hour)
			claim, err := newPatientDeduper(client, "test").Claim(t.Context(), "k", time.Minute)
			require.NoError(t, err)

			server.signal(syscall.SIGSTOP)
			calls := map[string]func(ctx context.Context) error{
				"Claim":   func(ctx context.Context) error { _, err := d.Claim(ctx, "other", time.Minute); return err },
				"Extend":  func(ctx context.Context) error { return d.Extend(ctx, "k", claim.Token, time.Minute) },
				"Done":    func(ctx context.Context) error { return d.Done(ctx, "k", claim.Token) },
				"Release": func(ctx context.Context) error { return d.Release(ctx, "k", claim.Token) },
			}
			fail := func(text string) {
				var group sync.WaitGroup
				for name, call := range calls {
					group.Go(func() {
						began := time.Now()
						err := call(t.Context())
						assert.ErrorContains(t, err, text, name)
						assert.NotErrorIs(t, err, smooch.ErrClaimLost, name)
						assert.Less(t, time.Since(began), d.redis.timeout+2*time.Second, name)
					})
				}
				group.Wait()
			}
			fail("no answer within 2s")
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			began := time.Now()
			assert.ErrorIs(t, calls["Claim"](ctx), context.DeadlineExceeded)
			assert.Less(t, time.Since(began), d.redis.timeout)
			server.signal(syscall.SIGCONT)
			eventually(t, "Redis answers again", func() bool {
				_, err := d.Claim(t.Context(), "after", time.Minute)
				return err == nil
			})

			server.kill()
			fail("smoochredis: ")
		})
	}
}

// TestReceiversShareRedis: of the copies that two receivers get, one is handled. While Redis is
// away they answer 503, and afterwards the event is handled.
func TestReceiversShareRedis(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	var handled atomic.Int64
	var receivers []*smooch.WebhookReceiver
	for range 2 {
		r, err := smooch.NewWebhookReceiver([]string{"secret"},
			smooch.WithDeduper(newPatientDeduper(server.client(nil), "bot")))
		require.NoError(t, err)
		smooch.Handle(r, func(context.Context, *smooch.PostbackEvent) error {
			handled.Add(1)
			return nil
		})
		receivers = append(receivers, r)
	}
	deliver := func(r http.Handler, event string) int {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(
			`{"trigger":"postback","version":"v1.1","app":{"_id":"a"},"appUser":{"_id":"u"},"timestamp":`+event+`,"postbacks":[{}]}`))
		request.Header.Set("X-Api-Key", "secret")
		answer := httptest.NewRecorder()
		r.ServeHTTP(answer, request)
		return answer.Code
	}
	for _, r := range receivers {
		assert.Equal(t, http.StatusOK, deliver(r, "1480000000.1"))
	}
	assert.EqualValues(t, 1, handled.Load())

	server.kill()
	assert.Equal(t, http.StatusServiceUnavailable, deliver(receivers[0], "1480000000.2"))
	assert.EqualValues(t, 1, handled.Load())
	server.start()
	for _, r := range receivers {
		eventually(t, "the receiver is well again", func() bool { return deliver(r, "1480000000.2") == http.StatusOK })
	}
	assert.EqualValues(t, 2, handled.Load())
}
