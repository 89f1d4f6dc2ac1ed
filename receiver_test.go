package smooch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const testSecret = "8564b3e6a8b20a4bdb68"

func newTestReceiver(t *testing.T, opts ...ReceiverOption) *WebhookReceiver {
	t.Helper()
	r, err := NewWebhookReceiver([]string{testSecret}, opts...)
	require.NoError(t, err)
	return r
}

// deliver hands a body to a receiver and gives the answer.
func deliver(r *WebhookReceiver, secret, body string) int {
	req := httptest.NewRequest(http.MethodPost, "/smooch", strings.NewReader(body))
	if secret != "" {
		req.Header.Set("X-API-Key", secret)
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Code
}

// message is a delivery of one message.
func messageBody(id, user string, version Version) string {
	return fmt.Sprintf(`{"trigger":"message:appUser","app":{"_id":"a1"},"appUser":{"_id":%q},"messages":[{"_id":%q,"role":"appUser","text":"hi"}],"version":%q}`, user, id, version)
}

func TestReceiverAnswers(t *testing.T) {
	handle := func(fn func() error) func(*WebhookReceiver) {
		return func(r *WebhookReceiver) {
			Handle(r, func(context.Context, *MessageEvent) error { return fn() })
		}
	}
	fine := handle(func() error { return nil })
	body := messageBody("m1", "u1", V1_1)
	tests := []struct {
		name   string
		setUp  func(*WebhookReceiver)
		method string
		secret []string
		body   io.Reader
		want   int
	}{
		{"HEAD", fine, "HEAD", nil, nil, 200},
		{"GET", fine, "GET", nil, nil, 200},
		{"PUT", fine, "PUT", []string{testSecret}, nil, 405},
		{"DELETE", fine, "DELETE", []string{testSecret}, nil, 405},
		{"no secret", fine, "POST", nil, strings.NewReader(body), 401},
		{"empty secret", fine, "POST", []string{""}, strings.NewReader(body), 401},
		{"wrong secret", fine, "POST", []string{"8564b3e6a8b20a4bdb6"}, strings.NewReader(body), 401},
		{"two secrets", fine, "POST", []string{testSecret, "other"}, strings.NewReader(body), 401},
		{"the secret comes before the body", fine, "POST", nil, iotest.ErrReader(errors.New("must not be read")), 401},
		{"right", fine, "POST", []string{testSecret}, strings.NewReader(body), 200},
		{"garbage", fine, "POST", []string{testSecret}, strings.NewReader("<xml>"), 400},
		{"cut JSON", fine, "POST", []string{testSecret}, strings.NewReader(body[:40]), 400},
		{"empty", fine, "POST", []string{testSecret}, strings.NewReader(""), 400},
		{"array", fine, "POST", []string{testSecret}, strings.NewReader("[]"), 400},
		{"null", fine, "POST", []string{testSecret}, strings.NewReader("null"), 400},
		{"trailing", fine, "POST", []string{testSecret}, strings.NewReader(body + "x"), 400},
		{"deep", fine, "POST", []string{testSecret}, strings.NewReader(`{"trigger":"x","a":` + strings.Repeat("[", 10001) + strings.Repeat("]", 10001) + "}"), 400},
		{"cut connection", fine, "POST", []string{testSecret}, io.MultiReader(strings.NewReader(body[:40]), iotest.ErrReader(io.ErrUnexpectedEOF)), 503},
		{"10 MB", fine, "POST", []string{testSecret}, strings.NewReader(`{"a":"` + strings.Repeat("x", 10<<20) + `"}`), 413},
		{"unknown trigger", fine, "POST", []string{testSecret}, strings.NewReader(`{"trigger":"poll:closed"}`), 200},
		{"no trigger", fine, "POST", []string{testSecret}, strings.NewReader(`{}`), 200},
		{"duplicated keys", fine, "POST", []string{testSecret}, strings.NewReader(`{"trigger":"x","trigger":"message:appUser","messages":[]}`), 200},
		{"failure", handle(func() error { return errors.New("the store is down") }), "POST", []string{testSecret}, strings.NewReader(body), 503},
		{"permanent failure", handle(func() error { return Permanent(errors.New("no such order")) }), "POST", []string{testSecret}, strings.NewReader(body), 406},
		{"permanent nothing", handle(func() error { return Permanent(nil) }), "POST", []string{testSecret}, strings.NewReader(body), 200},
		{"panic", handle(func() error { panic("boom") }), "POST", []string{testSecret}, strings.NewReader(body), 500},
		{"no function", func(*WebhookReceiver) {}, "POST", []string{testSecret}, strings.NewReader(body), 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var seen []Delivery
			r := newTestReceiver(t, WithObserver(func(d Delivery) { seen = append(seen, d) }))
			test.setUp(r)
			req := httptest.NewRequest(test.method, "/smooch", test.body)
			for _, secret := range test.secret {
				req.Header.Add("X-API-Key", secret)
			}
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			assert.Equal(t, test.want, w.Code)
			assert.Empty(t, w.Body.String())
			if test.method == "POST" {
				require.Len(t, seen, 1)
				assert.Equal(t, test.want, seen[0].Status)
				assert.Equal(t, test.want == 401, seen[0].SecretIndex == -1)
			}
		})
	}
}

func TestReceiverReadsNoMoreThanItsLimit(t *testing.T) {
	r := newTestReceiver(t, WithMaxBody(1000))
	body := &watchedReader{left: 1 << 30}
	req := httptest.NewRequest(http.MethodPost, "/", body)
	req.Header.Set("X-API-Key", testSecret)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	assert.Equal(t, 413, w.Code)
	assert.Equal(t, 1<<30-1001, body.left)
}

func TestReceiverIsRefusedWithoutSecret(t *testing.T) {
	for _, secrets := range [][]string{nil, {}, {""}, {testSecret, ""}} {
		_, err := NewWebhookReceiver(secrets)
		assert.ErrorIs(t, err, ErrInvalidArgument)
	}
	r := newTestReceiver(t)
	assert.ErrorIs(t, r.AddSecret(""), ErrInvalidArgument)
	r.RemoveSecret(testSecret)
	assert.Equal(t, 401, deliver(r, testSecret, `{}`))
	assert.Equal(t, 401, deliver(r, "", `{}`))
	assertNoSecret(t, newTestReceiver(t), testSecret)
	for _, opt := range []ReceiverOption{WithDeduper(nil), WithMaxBody(0), WithHandlerTimeout(0), WithHandlerTimeout(time.Minute), WithObserver(nil), WithBackground(0, 1), WithAcceptVersions("1.1")} {
		_, err := NewWebhookReceiver([]string{testSecret}, opt)
		assert.ErrorIs(t, err, ErrInvalidArgument)
	}
}

func TestSecretsRotateWhileItServes(t *testing.T) {
	var place atomic.Int32
	r := newTestReceiver(t, WithObserver(func(d Delivery) { place.Store(int32(d.SecretIndex)) }))
	assert.Equal(t, 200, deliver(r, testSecret, `{}`))
	require.NoError(t, r.AddSecret("new"))
	assert.Equal(t, 200, deliver(r, "new", `{}`))
	assert.EqualValues(t, 1, place.Load(), "the observer sees which one matched")
	assert.Equal(t, 200, deliver(r, testSecret, `{}`))
	assert.EqualValues(t, 0, place.Load())
	r.RemoveSecret(testSecret)
	assert.Equal(t, 401, deliver(r, testSecret, `{}`))
	assert.Equal(t, 200, deliver(r, "new", `{}`))
	assert.EqualValues(t, 0, place.Load())
}

func TestHandleByType(t *testing.T) {
	r := newTestReceiver(t)
	var got []string
	Handle(r, func(_ context.Context, e *PostbackEvent) error { got = append(got, "postback"); return nil })
	Handle(r, func(_ context.Context, e Event) error { got = append(got, fmt.Sprintf("%T", e)); return nil })
	assert.Panics(t, func() { Handle(r, func(context.Context, *PostbackEvent) error { return nil }) })
	assert.Panics(t, func() { Handle[*TypingEvent](r, nil) })
	assert.Panics(t, func() {
		Handle(r, func(context.Context, interface {
			Event
			String() string
		}) error {
			return nil
		})
	}, "no event is one")
	assert.Panics(t, func() { r.AcceptVersions("1.1") })
	unbounded := newTestReceiver(t, WithMaxBody(math.MaxInt64))
	assert.Equal(t, 200, deliver(unbounded, testSecret, `{}`))
	deliver(r, testSecret, `{"trigger":"postback"}`)
	deliver(r, testSecret, `{"trigger":"typing:appUser","timestamp":1}`)
	deliver(r, testSecret, `{"trigger":"poll:closed"}`)
	assert.Equal(t, []string{"postback", "*smooch.TypingEvent", "*smooch.UnknownEvent"}, got)
}

func TestVersionsAreFiltered(t *testing.T) {
	r := newTestReceiver(t, WithAcceptVersions(V1))
	var got []Version
	Handle(r, func(_ context.Context, e *MessageEvent) error { got = append(got, e.Version); return nil })
	assert.Equal(t, 200, deliver(r, testSecret, messageBody("m1", "u", V1_1)))
	assert.Equal(t, 200, deliver(r, testSecret, messageBody("m1", "u", V1)))
	r.AcceptVersions(V1_1)
	assert.Equal(t, 200, deliver(r, testSecret, messageBody("m2", "u", V1)))
	assert.Equal(t, 200, deliver(r, testSecret, messageBody("m2", "u", V1_1)))
	r.AcceptVersions()
	assert.Equal(t, 200, deliver(r, testSecret, messageBody("m3", "u", V1)))
	assert.Equal(t, 200, deliver(r, testSecret, messageBody("m3", "u", V1_1)))
	assert.Equal(t, []Version{V1, V1_1, V1}, got, "of the copies of m3 one is handled")
}

// TestAHundredCopiesAtOnce: handled once, answered 200 a hundred times.
func TestAHundredCopiesAtOnce(t *testing.T) {
	var handled atomic.Int32
	r := newTestReceiver(t)
	Handle(r, func(context.Context, *MessageEvent) error {
		handled.Add(1)
		time.Sleep(50 * time.Millisecond)
		return nil
	})
	server := httptest.NewServer(r)
	defer server.Close()
	var group sync.WaitGroup
	var fine atomic.Int32
	for i := range 100 {
		group.Go(func() {
			version := []Version{V1, V1_1}[i%2]
			req, err := http.NewRequestWithContext(t.Context(), "POST", server.URL, strings.NewReader(messageBody("m1", "u1", version)))
			if !assert.NoError(t, err) {
				return
			}
			req.Header.Set("X-API-Key", testSecret)
			resp, err := http.DefaultClient.Do(req)
			if assert.NoError(t, err) {
				resp.Body.Close()
				if resp.StatusCode == 200 {
					fine.Add(1)
				}
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, 1, handled.Load())
	assert.EqualValues(t, 100, fine.Load())
}

func TestCopiesShareAFailureAndTheRedeliveryIsHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		r := newTestReceiver(t)
		Handle(r, func(context.Context, *MessageEvent) error {
			if calls++; calls == 1 {
				time.Sleep(time.Second)
				return errors.New("not yet")
			}
			return nil
		})
		body := messageBody("m1", "u1", V1_1)
		answers := make(chan int, 3)
		for range 3 {
			go func() { answers <- deliver(r, testSecret, body) }()
		}
		for range 3 {
			assert.Equal(t, 503, <-answers)
		}
		assert.Equal(t, 1, calls)
		assert.Equal(t, 200, deliver(r, testSecret, body))
		assert.Equal(t, 200, deliver(r, testSecret, body))
		assert.Equal(t, 2, calls)
	})
}

// TestSlowHandlerIsNeverRunBesideItself: one that ignores its context is answered for, and its
// event stays its own until it returns.
func TestSlowHandlerIsNeverRunBesideItself(t *testing.T) {
	for _, late := range []error{nil, errors.New("failed late")} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			running, most, calls := 0, 0, 0
			var seen []Delivery
			r := newTestReceiver(t, WithHandlerTimeout(10*time.Second), WithObserver(func(d Delivery) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, d)
			}))
			Handle(r, func(ctx context.Context, _ *MessageEvent) error {
				mu.Lock()
				running++
				calls++
				most = max(most, running)
				first := calls == 1
				mu.Unlock()
				defer func() { mu.Lock(); running--; mu.Unlock() }()
				if first {
					time.Sleep(5 * time.Minute) // far beyond the lease
					return late
				}
				return nil
			})
			body := messageBody("m1", "u1", V1_1)
			began := time.Now()
			assert.Equal(t, 503, deliver(r, testSecret, body))
			assert.Equal(t, 10*time.Second, time.Since(began), "below the 20 seconds that the service waits")
			time.Sleep(2 * time.Minute)
			assert.Equal(t, 503, deliver(r, testSecret, body), "it still runs")
			time.Sleep(5 * time.Minute)
			assert.Equal(t, 200, deliver(r, testSecret, body))
			assert.Equal(t, 1, most)
			if late == nil {
				assert.Equal(t, 1, calls, "its late success counts")
			} else {
				assert.Equal(t, 2, calls, "its late failure is made good")
			}
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			assert.True(t, seen[2].Handled || seen[1].Handled, "the observer hears of the late end")
		})
	}
}

func TestHandlerSeesADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestReceiver(t)
		Handle(r, func(ctx context.Context, _ *MessageEvent) error {
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, 15*time.Second, time.Until(deadline))
			<-ctx.Done()
			return ctx.Err()
		})
		assert.Equal(t, 503, deliver(r, testSecret, messageBody("m1", "u1", V1_1)))
	})
}

func TestUntimedPostbackIsACopyForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taps := 0
		r := newTestReceiver(t)
		Handle(r, func(context.Context, *PostbackEvent) error { taps++; return nil })
		tap := func(user, extra string) {
			body := fmt.Sprintf(`{"trigger":"postback","appUser":{"_id":%q},"postbacks":[{"action":{"_id":"p1"}}]%s}`, user, extra)
			assert.Equal(t, 200, deliver(r, testSecret, body))
		}
		tap("u1", "")
		time.Sleep(50 * time.Second)
		tap("u1", "")
		assert.Equal(t, 1, taps)
		tap("u2", "")
		assert.Equal(t, 2, taps, "the action of a menu item is the same for all users")
		time.Sleep(11 * time.Second)
		tap("u1", "")
		assert.Equal(t, 3, taps, "a later tap is a new one")
		tap("u3", `,"timestamp":1540000000.5`)
		time.Sleep(2 * time.Minute)
		tap("u3", `,"timestamp":1540000000.5`)
		assert.Equal(t, 4, taps, "with a timestamp it is known for ever")
		time.Sleep(2 * time.Minute)
	})
}

// TestDeduperOutlivesTheProcess: the claim of a process that died ends with its lease, and a copy that comes before is asked to come again.
func TestDeduperOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := NewMemoryDeduper(100)
		event, err := ParseEvent([]byte(messageBody("m1", "u1", V1_1)))
		require.NoError(t, err)
		claim, err := store.Claim(t.Context(), EventKey(event), time.Minute) // a process that dies now
		require.NoError(t, err)
		require.Equal(t, ClaimWon, claim)

		handled := 0
		r := newTestReceiver(t, WithDeduper(store))
		Handle(r, func(context.Context, *MessageEvent) error { handled++; return nil })
		assert.Equal(t, 503, deliver(r, testSecret, messageBody("m1", "u1", V1_1)))
		time.Sleep(time.Minute)
		assert.Equal(t, 200, deliver(r, testSecret, messageBody("m1", "u1", V1_1)))
		assert.Equal(t, 1, handled)

		second := newTestReceiver(t, WithDeduper(store))
		Handle(second, func(context.Context, *MessageEvent) error { handled++; return nil })
		assert.Equal(t, 200, deliver(second, testSecret, messageBody("m1", "u1", V1)))
		assert.Equal(t, 1, handled, "another process knows that it was handled, in the other version too")
	})
}

func TestDeduperThatIsDown(t *testing.T) {
	broken := errors.New("the store is down")
	handled := 0
	store := &brokenDeduper{Deduper: NewMemoryDeduper(10), claim: broken}
	r := newTestReceiver(t, WithDeduper(store))
	Handle(r, func(context.Context, *MessageEvent) error { handled++; return nil })
	assert.Equal(t, 503, deliver(r, testSecret, messageBody("m1", "u1", V1)), "it comes again")
	assert.Zero(t, handled)
	store.claim, store.done = nil, broken
	assert.Equal(t, 200, deliver(r, testSecret, messageBody("m1", "u1", V1)), "handled all the same")
	assert.Equal(t, 1, handled)
}

type brokenDeduper struct {
	Deduper
	claim, done error
}

func (d *brokenDeduper) Claim(ctx context.Context, key string, lease time.Duration) (Claim, error) {
	if d.claim != nil {
		return ClaimBusy, d.claim
	}
	return d.Deduper.Claim(ctx, key, lease)
}

func (d *brokenDeduper) Done(ctx context.Context, key string) error {
	if d.done != nil {
		return d.done
	}
	return d.Deduper.Done(ctx, key)
}

func TestMemoryDeduper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		d := NewMemoryDeduper(3)
		claim := func(key string) Claim {
			c, err := d.Claim(ctx, key, time.Minute)
			require.NoError(t, err)
			return c
		}
		assert.Equal(t, ClaimWon, claim("a"))
		assert.Equal(t, ClaimBusy, claim("a"))
		time.Sleep(time.Minute)
		assert.Equal(t, ClaimWon, claim("a"), "the lease has ended")
		require.NoError(t, d.Release(ctx, "a"))
		assert.Equal(t, ClaimWon, claim("a"))
		require.NoError(t, d.Done(ctx, "a"))
		assert.Equal(t, ClaimDone, claim("a"))
		assert.Equal(t, ClaimWon, claim("b"))
		assert.Equal(t, ClaimWon, claim("c"))
		assert.Equal(t, ClaimWon, claim("d"), "makes room by forgetting a, which is done")
		assert.Equal(t, ClaimBusy, claim("b"), "and not what is in use")
		assert.Equal(t, 3, len(d.(*memoryDeduper).keys))
		require.NoError(t, d.Release(ctx, "unknown"))
	})
}

// TestBackground: many events from eight senders at once, some twice; nothing lost, nothing
// handled twice, each user's in order.
func TestBackground(t *testing.T) {
	events := 50_000
	if testing.Short() {
		events = 5_000
	}
	var mu sync.Mutex
	handled := map[string]int{}
	next := map[string]int{}
	r := newTestReceiver(t, WithBackground(1000, 16), WithDeduper(NewMemoryDeduper(2*events)))
	Handle(r, func(_ context.Context, e *MessageEvent) error {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range e.Messages {
			handled[m.ID]++
			var user string
			var n int
			_, err := fmt.Sscanf(m.ID, "%1s-%d", &user, &n)
			if err != nil || next[user] != n {
				t.Errorf("message %s, expected number %d of %s", m.ID, next[user], user)
			}
			next[user] = n + 1
		}
		return nil
	})
	server := httptest.NewServer(r)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	var senders sync.WaitGroup
	for s := range 8 {
		senders.Go(func() {
			user := string(rune('a' + s))
			for n := range events / 8 {
				body := messageBody(fmt.Sprintf("%s-%d", user, n), user, V1_1)
				for range 1 + n%7/6 { // some come twice
					for status := 0; status != 200; {
						req, _ := http.NewRequestWithContext(t.Context(), "POST", server.URL, strings.NewReader(body))
						req.Header.Set("X-API-Key", testSecret)
						resp, err := client.Do(req)
						if err != nil {
							t.Error(err)
							return
						}
						resp.Body.Close()
						if status = resp.StatusCode; status == 503 { // full: it comes again
							time.Sleep(time.Millisecond)
						}
					}
				}
			}
		})
	}
	senders.Wait()
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Len(t, handled, events/8*8)
	for id, times := range handled {
		if times != 1 {
			t.Errorf("%s was handled %d times", id, times)
		}
	}
	assert.Equal(t, 503, deliver(r, testSecret, messageBody("late", "u", V1_1)), "nothing is taken after Shutdown")
}

func TestBackgroundQueueThatIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		var handled atomic.Int32
		r := newTestReceiver(t, WithBackground(2, 1))
		Handle(r, func(context.Context, *MessageEvent) error { <-free; handled.Add(1); return nil })
		assert.Equal(t, 200, deliver(r, testSecret, messageBody("m1", "u1", V1_1)))
		assert.Equal(t, 200, deliver(r, testSecret, messageBody("m2", "u1", V1_1)))
		assert.Equal(t, 503, deliver(r, testSecret, messageBody("m3", "u2", V1_1)))
		assert.Equal(t, 200, deliver(r, testSecret, messageBody("m2", "u1", V1_1)), "a copy of a queued event")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, r.Shutdown(ctx), context.DeadlineExceeded)
		close(free)
		require.NoError(t, r.Shutdown(t.Context()))
		assert.EqualValues(t, 2, handled.Load())
	})
}

func TestBackgroundFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		calls := map[string]int{}
		outcome := map[string]error{}
		r := newTestReceiver(t, WithBackground(10, 4), WithObserver(func(d Delivery) {
			if d.Handled {
				mu.Lock()
				defer mu.Unlock()
				outcome[d.Event.Header().AppUser.ID] = d.Err
			}
		}))
		Handle(r, func(_ context.Context, e *MessageEvent) error {
			user := e.AppUser.ID
			mu.Lock()
			calls[user]++
			n := calls[user]
			mu.Unlock()
			switch {
			case user == "flaky" && n == 3:
				return nil
			case user == "permanent":
				return Permanent(errors.New("no"))
			case user == "panics":
				panic("boom")
			}
			return errors.New("not yet")
		})
		for _, user := range []string{"flaky", "broken", "permanent", "panics"} {
			assert.Equal(t, 200, deliver(r, testSecret, messageBody(user, user, V1_1)))
		}
		require.NoError(t, r.Shutdown(t.Context()))
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, map[string]int{"flaky": 3, "broken": 3, "permanent": 1, "panics": 1}, calls)
		assert.NoError(t, outcome["flaky"])
		for _, user := range []string{"broken", "permanent", "panics"} {
			assert.Error(t, outcome[user], user)
		}
	})
}

func BenchmarkDelivery(b *testing.B) {
	r, err := NewWebhookReceiver([]string{"other", testSecret})
	require.NoError(b, err)
	Handle(r, func(context.Context, *MessageEvent) error { return nil })
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if status := deliver(r, testSecret, messageBody(strconv.Itoa(n), "u1", V1_1)); status != 200 {
			b.Fatal(status)
		}
	}
}
