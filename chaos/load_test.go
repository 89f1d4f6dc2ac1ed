package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/require"
)

// get makes a call that is safe to repeat.
func get(ctx context.Context, client *smooch.Client) error {
	_, err := client.AppUsers.Get(ctx, "ida")
	return err
}

func writeUser(w http.ResponseWriter) { fmt.Fprint(w, `{"appUser":{"_id":"u1"}}`) }

func refuse(w http.ResponseWriter, retryAfter string) {
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.WriteHeader(http.StatusTooManyRequests)
}

func serve(t *testing.T, handler http.HandlerFunc, opts ...smooch.Option) (*httptest.Server, *smooch.Client) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	opts = append([]smooch.Option{smooch.WithBaseURL(server.URL)}, opts...)
	client, err := smooch.NewClient(smooch.AppJWT("key", "secret"), opts...)
	require.NoError(t, err)
	return server, client.ForApp("a1")
}

// TestChaosOutage takes the service away for some seconds while many callers go on calling. A
// client may repeat no more calls than its budget allows.
func TestChaosOutage(t *testing.T) {
	timed(t)
	const outage, callers, budget = 5 * time.Second, 64, 100
	for _, kind := range []string{"connections refused", "503", "no answer"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var down atomic.Bool
			var attempts, begun, failed, failedLater atomic.Int64
			end := make(chan struct{})
			dialer := &net.Dialer{}
			transport := &http.Transport{MaxIdleConnsPerHost: callers, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if kind == "connections refused" && down.Load() {
					attempts.Add(1)
					address = "127.0.0.1:1"
				}
				return dialer.DialContext(ctx, network, address)
			}}
			server, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case !down.Load():
					writeUser(w)
				case kind == "503":
					attempts.Add(1)
					w.WriteHeader(http.StatusServiceUnavailable)
				case kind == "no answer":
					attempts.Add(1)
					select {
					case <-r.Context().Done():
					case <-end:
					}
				}
			}, smooch.WithHTTPClient(&http.Client{Transport: transport}), smooch.WithTimeout(500*time.Millisecond))
			stop := make(chan struct{})
			var group sync.WaitGroup
			for range callers {
				group.Go(func() {
					for {
						select {
						case <-stop:
							return
						case <-time.After(50 * time.Millisecond):
						}
						during := down.Load()
						if during {
							begun.Add(1)
						}
						switch err := get(t.Context(), client); {
						case err != nil && during:
							failed.Add(1)
						case err != nil && !down.Load():
							failedLater.Add(1)
						}
					}
				})
			}
			time.Sleep(500 * time.Millisecond)
			down.Store(true)
			if kind == "connections refused" {
				server.CloseClientConnections()
			}
			time.Sleep(outage)
			down.Store(false)
			close(end)
			repeats, calls := attempts.Load()-begun.Load(), begun.Load()
			time.Sleep(time.Second)
			close(stop)
			group.Wait()
			record(t, result{
				"outage: " + kind, int(calls),
				fmt.Sprintf("attempts beyond calls at most %d (budget) + %d (in flight); 0 failed afterwards", budget, callers),
				fmt.Sprintf("%d beyond calls, %d failed, %d afterwards", repeats, failed.Load(), failedLater.Load()),
				repeats <= budget+callers && failed.Load() > 0 && failedLater.Load() == 0,
			})
		})
	}
}

// TestChaosRateLimit has 200 callers share a limit of 50 calls in each second of the service's
// clock.
func TestChaosRateLimit(t *testing.T) {
	timed(t)
	const limit, callers, from = 50, 200, 4
	seconds := sized(10, 30)
	least := float64(sized(85, 95)) // percent of the limit; one pause takes a tenth of ten seconds
	for _, retryAfter := range []string{"1", ""} {
		name := "with Retry-After"
		if retryAfter == "" {
			name = "without Retry-After"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			began := time.Now()
			came := make([]int, from+seconds+2)
			_, client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				second := min(int(time.Since(began).Seconds()), len(came)-1)
				mu.Lock()
				came[second]++
				over := came[second] > limit
				mu.Unlock()
				if over {
					refuse(w, retryAfter)
					return
				}
				writeUser(w)
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var group sync.WaitGroup
			var refused, failed atomic.Int64
			for range callers {
				group.Go(func() {
					for ctx.Err() == nil {
						switch err := get(ctx, client); {
						case ctx.Err() != nil:
						case errors.Is(err, smooch.ErrRateLimited):
							refused.Add(1)
						case err != nil:
							failed.Add(1)
						}
					}
				})
			}
			for i := range from + seconds {
				progress("rate limit "+name, i, from+seconds)
				time.Sleep(time.Second)
			}
			progress("rate limit "+name, 1, 1)
			cancel()
			group.Wait()
			mu.Lock()
			defer mu.Unlock()
			sent, accepted := 0, 0
			for _, n := range came[from : from+seconds] {
				sent += n
				accepted += min(n, limit)
			}
			t.Logf("calls by second: %v", came)
			ideal := float64(limit * seconds)
			over, used := 100*(float64(sent)/ideal-1), 100*float64(accepted)/ideal
			record(t, result{
				"rate limit: " + name, sent, fmt.Sprintf("at most 10 %% over it, at least %.0f %% of it used, 0 refused for good", least),
				fmt.Sprintf("%+.1f %%, %.1f %% used, %d refused for good", over, used, refused.Load()+failed.Load()),
				over <= 10 && (used >= least || raceEnabled()) && refused.Load()+failed.Load() == 0,
			})
		})
	}
}

// TestChaosStray429 refuses one call of a client, which then makes 200 at once.
func TestChaosStray429(t *testing.T) {
	timed(t)
	const calls = 200
	for _, kind := range []string{"Retry-After: 1", "Retry-After as a date", "no Retry-After"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var first atomic.Bool
			var refused, pause atomic.Int64 // when, and for how long, in nanoseconds
			answered := make(chan struct{})
			_, client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if first.Swap(true) {
					writeUser(w)
					return
				}
				retryAfter, now := "", time.Now()
				switch kind {
				case "Retry-After: 1":
					retryAfter = "1"
					pause.Store(int64(time.Second))
				case "Retry-After as a date":
					retryAfter = now.Add(2 * time.Second).UTC().Format(http.TimeFormat)
					pause.Store(int64(2 * time.Second))
				}
				refused.Store(now.UnixNano())
				refuse(w, retryAfter)
				close(answered)
			})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			var group sync.WaitGroup
			var failed atomic.Int64
			call := func() {
				if get(ctx, client) != nil {
					failed.Add(1)
				}
			}
			group.Go(call)
			<-answered
			time.Sleep(50 * time.Millisecond)
			for range calls {
				group.Go(call)
			}
			group.Wait()
			late := time.Since(time.Unix(0, refused.Load()+pause.Load()))
			record(t, result{
				"stray 429: " + kind, calls, "all done 5s after the pause, 0 failed within 10s",
				fmt.Sprintf("%v, %d failed", millis(late), failed.Load()), late <= 5*time.Second && failed.Load() == 0,
			})
		})
	}
}

// TestChaosNoisyApps refuses all calls of one app, and then of three, of a client that serves ten.
func TestChaosNoisyApps(t *testing.T) {
	timed(t)
	const apps, slow = 10, time.Second // half of the pause
	run := func(t *testing.T, noisy, calls int) (took []time.Duration, failed int64) {
		_, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			for i := range noisy {
				if strings.Contains(r.URL.Path, fmt.Sprintf("/apps/app%d/", i)) {
					refuse(w, "2")
					return
				}
			}
			writeUser(w)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var group, others sync.WaitGroup
		var mu sync.Mutex
		var bad atomic.Int64
		for i := range noisy {
			group.Go(func() { _ = get(ctx, client.ForApp(fmt.Sprintf("app%d", i))) })
		}
		time.Sleep(200 * time.Millisecond) // now all of them have been refused
		for i := noisy; i < apps; i++ {
			others.Go(func() {
				app := client.ForApp(fmt.Sprintf("app%d", i))
				for range calls {
					began := time.Now()
					if get(ctx, app) != nil {
						bad.Add(1)
					}
					mu.Lock()
					took = append(took, time.Since(began))
					mu.Unlock()
					time.Sleep(10 * time.Millisecond)
				}
			})
		}
		others.Wait()
		cancel()
		group.Wait()
		return took, bad.Load()
	}
	t.Run("one", func(t *testing.T) {
		t.Parallel()
		took, failed := run(t, 1, 50)
		worst := slices.Max(took)
		record(t, result{
			"noisy app: one of ten is refused", len(took), fmt.Sprintf("others within %v, 0 failed", slow),
			fmt.Sprintf("%v, %d failed", millis(worst), failed), (worst <= slow || raceEnabled()) && failed == 0,
		})
	})
	t.Run("three", func(t *testing.T) {
		t.Parallel()
		took, failed := run(t, 3, 10)
		worst := slices.Max(took)
		record(t, result{
			"noisy app: three of ten are refused", len(took), "others wait for the end of the pause of 2s, 0 failed",
			fmt.Sprintf("%v, %d failed", millis(worst), failed), worst >= time.Second && failed == 0,
		})
	})
}
