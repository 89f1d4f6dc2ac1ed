package smooch

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestHookContextsCannotOutliveTheCall: neither the deadline of the caller nor the timeout of an
// attempt is lost if a hook returns a context that ends later, or never.
func TestHookContextsCannotOutliveTheCall(t *testing.T) {
	t.Parallel()
	type key struct{}
	later := map[string]func(*testing.T, context.Context) context.Context{
		"Background":    func(*testing.T, context.Context) context.Context { return context.Background() },
		"WithoutCancel": func(_ *testing.T, ctx context.Context) context.Context { return context.WithoutCancel(ctx) },
		"a deadline": func(t *testing.T, ctx context.Context) context.Context {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Hour)
			t.Cleanup(cancel)
			return ctx
		},
	}
	for name, later := range later {
		for _, where := range []string{"call", "attempt"} {
			t.Run(where+", "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					detach := func(ctx context.Context) context.Context { return context.WithValue(later(t, ctx), key{}, 1) }
					hook := Hook{Call: func(ctx context.Context, _ CallInfo) (context.Context, func(CallResult)) { return detach(ctx), nil }}
					if where == "attempt" {
						hook = Hook{Attempt: func(ctx context.Context, _ AttemptInfo) (context.Context, func(AttemptResult)) {
							return detach(ctx), nil
						}}
					}
					c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
						assert.Equal(t, 1, r.Context().Value(key{}))
						<-r.Context().Done()
						return nil, r.Context().Err()
					}, WithHook(hook), WithTimeout(10*time.Second), WithRetryPolicy(RetryPolicy{MaxAttempts: 1}))
					began := time.Now()
					_, err := c.AppUsers.Get(t.Context(), "bob")
					assert.ErrorContains(t, err, "no response within 10s")
					assert.Equal(t, 10*time.Second, time.Since(began))

					ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
					defer cancel()
					began = time.Now()
					_, err = c.AppUsers.Get(ctx, "bob")
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					assert.Equal(t, 3*time.Second, time.Since(began))

					canceled, cancel := context.WithCancel(t.Context())
					time.AfterFunc(2*time.Second, cancel)
					began = time.Now()
					_, err = c.AppUsers.Get(canceled, "bob")
					assert.ErrorIs(t, err, context.Canceled)
					assert.Equal(t, 2*time.Second, time.Since(began))
				})
			})
		}
	}
}

// TestHookContextMayEndEarlier than that of the caller.
func TestHookContextMayEndEarlier(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, WithHook(Hook{Call: func(context.Context, CallInfo) (context.Context, func(CallResult)) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			return ctx, func(CallResult) { cancel() }
		}}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		_, err := c.AppUsers.Get(ctx, "bob")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(began))
	})
}

// TestDetachedAttemptIsStillTraced: a POST whose connection breaks after it was written must not be
// sent again, whatever context a hook returns.
func TestDetachedAttemptIsStillTraced(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			_ = conn.Close()
		}
	})
	c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithHook(Hook{
		Attempt: func(context.Context, AttemptInfo) (context.Context, func(AttemptResult)) {
			return context.Background(), nil
		},
	}))
	_, err := c.AppUsers.Create(t.Context(), AppUserCreate{UserID: "bob"})
	assert.ErrorIs(t, err, ErrOutcomeUnknown)
	assert.Len(t, rec.requests(), 1)
}

// TestPanicInAHookIsTheCallers: it comes out of the method, and what began is told its end.
func TestPanicInAHookIsTheCallers(t *testing.T) {
	t.Parallel()
	call := func(begin, end func()) Hook {
		return Hook{Call: func(context.Context, CallInfo) (context.Context, func(CallResult)) {
			begin()
			return nil, func(CallResult) { end() }
		}}
	}
	attempt := func(begin, end func()) Hook {
		return Hook{Attempt: func(context.Context, AttemptInfo) (context.Context, func(AttemptResult)) {
			begin()
			return nil, func(AttemptResult) { end() }
		}}
	}
	quiet, loud := func() {}, func() { panic("boom") }
	tests := map[string]struct {
		hook  Hook
		order []string
	}{
		"begin of a call":     {call(loud, quiet), []string{"a call appusers.get", "a called"}},
		"end of a call":       {call(quiet, loud), []string{"a call appusers.get", "a attempt 1", "a attempted", "a attempt 2", "a attempted", "a called"}},
		"begin of an attempt": {attempt(loud, quiet), []string{"a call appusers.get", "a attempt 1", "a attempted", "a called"}},
		"end of an attempt":   {attempt(quiet, loud), []string{"a call appusers.get", "a attempt 1", "a attempted", "a called"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w watcher
			sent := 0
			c := fakeClient(t, func(*http.Request) (*http.Response, error) {
				if sent++; sent == 1 {
					return answer(500, ""), nil
				}
				return answer(200, anything), nil
			}, w.option("a"), WithHook(test.hook), WithRetryPolicy(RetryPolicy{MinDelay: 1}))
			assert.PanicsWithValue(t, "boom", func() { _, _ = c.AppUsers.Get(t.Context(), "bob") })
			assert.Equal(t, test.order, w.order)
			if name != "end of a call" {
				assert.Equal(t, errAborted, w.results[0].Err)
			}
		})
	}
}

// TestPanicOfTheTransportEndsAnAttempt, for the hook: it must not count it as running for ever.
func TestPanicOfTheTransportEndsAnAttempt(t *testing.T) {
	t.Parallel()
	var w watcher
	c := fakeClient(t, func(*http.Request) (*http.Response, error) { panic("boom") }, w.option("a"))
	assert.PanicsWithValue(t, "boom", func() { _, _ = c.AppUsers.Get(t.Context(), "bob") })
	assert.Equal(t, errAborted, w.ends[0].Err)
	assert.Equal(t, errAborted, w.results[0].Err)
}
