package smooch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSecretLookup(t *testing.T) {
	t.Parallel()
	down := errors.New("the store is down")
	tests := []struct {
		name   string
		lookup func(ctx context.Context, secret string) (bool, error)
		status int
		err    error
		asked  int32 // in two deliveries
		took   time.Duration
	}{
		{"known", func(context.Context, string) (bool, error) { return true, nil }, 200, nil, 1, 0},
		{"unknown", func(context.Context, string) (bool, error) { return false, nil }, 401, errWrongSecret, 1, 0},
		{"failure", func(context.Context, string) (bool, error) { return false, down }, 503, down, 2, 0},
		{"known, but a failure", func(context.Context, string) (bool, error) { return true, down }, 503, down, 2, 0},
		{"panic", func(context.Context, string) (bool, error) { panic(down) }, 503, nil, 2, 0},
		{"Goexit", func(context.Context, string) (bool, error) { runtime.Goexit(); return true, nil }, 503, nil, 2, 0},
		{"too slow", func(ctx context.Context, _ string) (bool, error) { <-ctx.Done(); return false, ctx.Err() },
			503, context.DeadlineExceeded, 2, 15 * time.Second},
		{"ignores its context", func(context.Context, string) (bool, error) { time.Sleep(time.Hour); return false, nil },
			503, context.DeadlineExceeded, 1, 15 * time.Second},
	}
	for _, test := range tests {
		for _, configured := range []string{"", testSecret} {
			t.Run(fmt.Sprintf("%s/%q", test.name, configured), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var told observed
					var asked atomic.Int32
					r := newTestReceiver(t, told.option(), WithSecretLookup(func(ctx context.Context, secret string) (bool, error) {
						asked.Add(1)
						assert.Equal(t, "new", secret)
						return test.lookup(ctx, secret)
					}))
					if configured == "" {
						r.RemoveSecret(testSecret)
					}
					for range 2 {
						synctest.Wait() // the last call has ended
						began := time.Now()
						assert.Equal(t, test.status, deliverWith(t, r, "new", strings.NewReader(`{}`)))
						assert.Equal(t, test.took, time.Since(began))
						d := told.last(t)
						assert.Equal(t, test.status == 200, d.SecretIndex >= 0)
						assert.Equal(t, test.status == 200, d.Err == nil)
						if test.err != nil {
							assert.ErrorIs(t, d.Err, test.err)
						}
					}
					assert.Equal(t, test.asked, asked.Load())
					time.Sleep(time.Hour)
				})
			})
		}
	}
}

// TestLookupIsAskedOnlyIfItMustBe: not about a secret that is missing or that the receiver has.
func TestLookupIsAskedOnlyIfItMustBe(t *testing.T) {
	t.Parallel()
	r := newTestReceiver(t, WithSecretLookup(func(context.Context, string) (bool, error) {
		t.Error("the lookup was asked")
		return true, nil
	}))
	assert.Equal(t, 200, deliver(t, r, `{}`))
	assert.NoError(t, r.lookup.find(t.Context(), testSecret), "added after this delivery was compared")
	assert.Equal(t, 401, deliverWith(t, r, "", strings.NewReader(`{}`)))
	twice := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		req.Header.Add("X-API-Key", "second")
		r.ServeHTTP(w, req)
	})
	assert.Equal(t, 401, deliver(t, twice, `{}`))
	empty := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		req.Header.Set("X-API-Key", "")
		r.ServeHTTP(w, req)
	})
	assert.Equal(t, 401, deliver(t, empty, `{}`))
	r.RemoveSecret(testSecret)
	assert.Equal(t, 401, deliverWith(t, r, "", strings.NewReader(`{}`)))
}

// TestDeliveriesShareALookup, for each of two secrets, and later ones are answered from memory.
func TestDeliveriesShareALookup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		r := newTestReceiver(t, WithSecretLookup(func(_ context.Context, secret string) (bool, error) {
			asked.Add(1)
			time.Sleep(time.Second)
			return secret == "new", nil
		}))
		for range 2 {
			var deliveries sync.WaitGroup
			for range 100 {
				deliveries.Go(func() { assert.Equal(t, 200, deliverWith(t, r, "new", strings.NewReader(`{}`))) })
				deliveries.Go(func() { assert.Equal(t, 401, deliverWith(t, r, "guess", strings.NewReader(`{}`))) })
			}
			deliveries.Wait()
			assert.EqualValues(t, 2, asked.Load())
		}
	})
}

// TestLookupOutlivesItsDelivery: the client may be gone before there is an answer.
func TestLookupOutlivesItsDelivery(t *testing.T) {
	t.Parallel()
	r := newTestReceiver(t, WithSecretLookup(func(ctx context.Context, _ string) (bool, error) { return true, ctx.Err() }))
	canceled := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := context.WithCancel(req.Context())
		cancel()
		r.ServeHTTP(w, req.WithContext(ctx))
	})
	assert.Equal(t, 200, deliverWith(t, canceled, "new", strings.NewReader(`{}`)))
}

// TestRefusalsAreRememberedForTenSeconds, and no longer: the secret may have come to the store.
func TestRefusalsAreRememberedForTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var known atomic.Bool
		r := newTestReceiver(t, WithSecretLookup(func(context.Context, string) (bool, error) { return known.Load(), nil }))
		status := func() int { return deliverWith(t, r, "new", strings.NewReader(`{}`)) }
		assert.Equal(t, 401, status())
		known.Store(true)
		time.Sleep(10*time.Second - time.Nanosecond)
		assert.Equal(t, 401, status())
		time.Sleep(time.Nanosecond)
		assert.Equal(t, 200, status())
		known.Store(false)
		assert.Equal(t, 200, status(), "it was added")
		r.RemoveSecret("new")
		assert.Equal(t, 401, status())
		require.NoError(t, r.AddSecret("new"))
		assert.Equal(t, 200, status(), "what is remembered does not count against it")
	})
}

// TestRefusalsAreBounded, and the latest ones are kept.
func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		r := newTestReceiver(t, WithSecretLookup(func(context.Context, string) (bool, error) {
			asked.Add(1)
			return false, nil
		}))
		guess := func(i int) { assert.Equal(t, 401, deliverWith(t, r, fmt.Sprint("guess ", i), strings.NewReader(`{}`))) }
		for i := range maxRefusals + 100 {
			guess(i)
		}
		assert.Len(t, r.lookup.refusals, maxRefusals)
		assert.EqualValues(t, maxRefusals+100, asked.Load())
		guess(100)
		assert.EqualValues(t, maxRefusals+100, asked.Load())
		guess(99)
		assert.EqualValues(t, maxRefusals+101, asked.Load())
		assert.Empty(t, r.lookup.calls)
		assert.NotContains(t, fmt.Sprintf("%+v", r.lookup.refusals), "guess")
		time.Sleep(10 * time.Second)
		guess(0)
		assert.Len(t, r.lookup.refusals, 1)
	})
}
