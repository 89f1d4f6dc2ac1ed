package smooch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// deliveryLines keeps, as lines, what hooks were told, in order.
type deliveryLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *deliveryLines) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *deliveryLines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}

func (l *deliveryLines) option(name string) ReceiverOption {
	return WithDeliveryHook(DeliveryHook{
		Delivery: func(_ context.Context, info DeliveryInfo) (context.Context, func(DeliveryResult)) {
			l.add("%s delivery %s", name, info.Request.URL.Path)
			return nil, func(d DeliveryResult) { l.add("%s answered %d", name, d.StatusCode) }
		},
		Handling: func(_ context.Context, info HandlingInfo) (context.Context, func(HandlingResult)) {
			l.add("%s handling %s, queued %t", name, info.Event.Header().Trigger, info.Queued)
			return nil, func(h HandlingResult) { l.add("%s handled %t, failed %t", name, h.Handled, h.Err != nil) }
		},
	})
}

func TestDeliveryHooksNest(t *testing.T) {
	t.Parallel()
	var lines deliveryLines
	r := newTestReceiver(t, lines.option("outer"), lines.option("inner"))
	Handle(r, func(context.Context, *MessageEvent) error { lines.add("function"); return nil })
	assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)))
	assert.Equal(t, []string{
		"outer delivery /smooch", "inner delivery /smooch",
		"outer handling message:appUser, queued false", "inner handling message:appUser, queued false", "function",
		"inner handled true, failed false", "outer handled true, failed false",
		"inner answered 200", "outer answered 200",
	}, lines.all())
}

// TestWhatDeliveryHooksAreTold of each way that a delivery can take.
func TestWhatDeliveryHooksAreTold(t *testing.T) {
	t.Parallel()
	fail := func(context.Context, *MessageEvent) error { return errors.New("not yet") }
	body := messageBody("m1", "u1", V1_1)
	tests := map[string]struct {
		opts     []ReceiverOption
		function func(context.Context, *MessageEvent) error
		use      func(t *testing.T, r *WebhookReceiver)
		want     []string
	}{
		"wrong secret": {nil, fail, func(t *testing.T, r *WebhookReceiver) { deliverWith(t, r, "wrong", strings.NewReader(body)) },
			[]string{"a delivery /smooch", "a answered 401"}},
		"no function": {nil, nil, func(t *testing.T, r *WebhookReceiver) { deliver(t, r, body) },
			[]string{"a delivery /smooch", "a answered 200"}},
		"failure": {nil, fail, func(t *testing.T, r *WebhookReceiver) { deliver(t, r, body) },
			[]string{"a delivery /smooch", "a handling message:appUser, queued false", "a handled true, failed true", "a answered 503"}},
		"check of the target": {nil, fail, func(t *testing.T, r *WebhookReceiver) {
			r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodHead, "/smooch", nil))
		}, nil},
		"queue": {[]ReceiverOption{WithQueue(&sliceQueue{})}, fail, func(t *testing.T, r *WebhookReceiver) { deliver(t, r, body) },
			[]string{"a delivery /smooch", "a answered 200"}},
		"Process": {nil, fail, func(t *testing.T, r *WebhookReceiver) { assert.Error(t, r.Process(t.Context(), queuedMessage("m1"))) },
			[]string{"a handling message:appUser, queued true", "a handled true, failed true"}},
		"Process of a copy": {nil, func(context.Context, *MessageEvent) error { return nil }, func(t *testing.T, r *WebhookReceiver) {
			assert.NoError(t, r.Process(t.Context(), queuedMessage("m1")))
			assert.NoError(t, r.Process(t.Context(), queuedMessage("m1")))
		}, []string{
			"a handling message:appUser, queued true", "a handled true, failed false",
			"a handling message:appUser, queued true", "a handled false, failed false",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lines deliveryLines
			r := newTestReceiver(t, append(test.opts, lines.option("a"))...)
			if test.function != nil {
				Handle(r, test.function)
			}
			test.use(t, r)
			assert.Equal(t, test.want, lines.all())
		})
	}
}

// TestBusyProcessIsTold: the function of another goroutine is still running.
func TestBusyProcessIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told observed
		r := newTestReceiver(t, told.option())
		Handle(r, func(context.Context, *MessageEvent) error { time.Sleep(time.Second); return nil })
		go func() { assert.NoError(t, r.Process(t.Context(), queuedMessage("m1"))) }()
		synctest.Wait()
		require.ErrorIs(t, r.Process(t.Context(), queuedMessage("m1")), ErrBusy)
		assert.Equal(t, []HandlingResult{{Err: ErrBusy}}, told.handlingsTold())
		time.Sleep(2 * time.Second)
		assert.Equal(t, []HandlingResult{{Err: ErrBusy}, {Handled: true, Duration: time.Second}}, told.handlingsTold())
	})
}

// TestHandlingInTheBackground belongs to the delivery by its context, and each attempt is told.
func TestHandlingInTheBackground(t *testing.T) {
	t.Parallel()
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		var infos []HandlingInfo
		began := time.Now()
		r := newTestReceiver(t, WithBackground(1, 1), WithDeliveryHook(DeliveryHook{
			Delivery: func(ctx context.Context, _ DeliveryInfo) (context.Context, func(DeliveryResult)) {
				return context.WithValue(ctx, key{}, "delivery"), nil
			},
			Handling: func(ctx context.Context, info HandlingInfo) (context.Context, func(HandlingResult)) {
				assert.Equal(t, "delivery", ctx.Value(key{}))
				infos = append(infos, info)
				return context.WithValue(ctx, key{}, len(infos)), nil
			},
		}))
		Handle(r, func(ctx context.Context, _ *MessageEvent) error {
			assert.Equal(t, len(infos), ctx.Value(key{}))
			if len(infos) == 1 {
				return errors.New("not yet")
			}
			return nil
		})
		assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)))
		require.NoError(t, r.Shutdown(t.Context()))
		require.Len(t, infos, 2)
		assert.True(t, infos[1].Queued)
		assert.Equal(t, began, infos[1].Received)
		assert.Equal(t, "m1", infos[1].Event.(*MessageEvent).Messages[0].ID)
	})
}

// TestContextOfADelivery reaches all that works for it, and that of a handling the function and the
// deduper. Neither lifts a limit.
func TestContextOfADelivery(t *testing.T) {
	t.Parallel()
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		deduper := &hookedDeduper{NewMemoryDeduper(10), func(ctx context.Context, call string) error {
			assert.Equal(t, "handling", ctx.Value(key{}), call)
			return nil
		}}
		r, err := NewWebhookReceiver(nil, WithDeduper(deduper), WithSecretLookup(func(ctx context.Context, _ string) (bool, error) {
			assert.Equal(t, "delivery", ctx.Value(key{}))
			return true, nil
		}), WithDeliveryHook(DeliveryHook{
			Delivery: func(context.Context, DeliveryInfo) (context.Context, func(DeliveryResult)) {
				ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "delivery"))
				cancel() // it is used for its values
				return ctx, nil
			},
			Handling: func(ctx context.Context, _ HandlingInfo) (context.Context, func(HandlingResult)) {
				assert.Equal(t, "delivery", ctx.Value(key{}))
				return context.WithValue(context.Background(), key{}, "handling"), nil
			},
		}))
		require.NoError(t, err)
		Handle(r, func(ctx context.Context, _ *MessageEvent) error {
			assert.Equal(t, "handling", ctx.Value(key{}))
			assert.NoError(t, ctx.Err())
			deadline, _ := ctx.Deadline()
			assert.Equal(t, 15*time.Second, time.Until(deadline))
			return nil
		})
		assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)))
	})
}

// TestDetachedHandlingEnds with the context of Process, and when the claim is lost.
func TestDetachedHandlingEnds(t *testing.T) {
	t.Parallel()
	detach := WithDeliveryHook(DeliveryHook{
		Handling: func(context.Context, HandlingInfo) (context.Context, func(HandlingResult)) {
			return context.Background(), nil
		},
	})
	wait := func(ctx context.Context, _ *MessageEvent) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	t.Run("with Process", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newTestReceiver(t, detach)
			Handle(r, wait)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			assert.ErrorIs(t, r.Process(ctx, queuedMessage("m1")), context.DeadlineExceeded)
		})
	})
	t.Run("with the claim", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newTestReceiver(t, detach, WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(_ context.Context, call string) error {
				if call == "extend" {
					return ErrClaimLost
				}
				return nil
			}}))
			Handle(r, wait)
			assert.ErrorIs(t, r.Process(t.Context(), queuedMessage("m1")), ErrClaimLost)
		})
	})
}

// TestAnswerDoesNotWaitForTheEndOfAHook, over HTTP. The end is told after the service has it.
func TestAnswerDoesNotWaitForTheEndOfAHook(t *testing.T) {
	t.Parallel()
	answered, told := make(chan struct{}), make(chan DeliveryResult, 1)
	r := newTestReceiver(t, WithDeliveryHook(DeliveryHook{Delivery: func(context.Context, DeliveryInfo) (context.Context, func(DeliveryResult)) {
		return nil, func(d DeliveryResult) {
			<-answered
			told <- d
		}
	}}))
	server := httptest.NewServer(r)
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(messageBody("m1", "u1", V1_1)))
	require.NoError(t, err)
	req.Header.Set("X-API-Key", testSecret)
	resp, err := server.Client().Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 200, resp.StatusCode)
	assert.Empty(t, body)
	assert.EqualValues(t, 0, resp.ContentLength)
	close(answered)
	d := <-told
	assert.Equal(t, 200, d.StatusCode)
	assert.True(t, d.Ignored)
}

// TestPanicInADeliveryHookIsLogged, and changes no answer. Neither does a hook that ends its
// goroutine, as a test's FailNow does.
func TestPanicInADeliveryHookIsLogged(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit} {
		for _, where := range []string{"begin of a delivery", "end of a delivery", "begin of a handling", "end of a handling"} {
			if name == "Goexit" && where != "end of a handling" {
				continue // it ends the goroutine of net/http, or of the caller of Process
			}
			t.Run(name+" at the "+where, func(t *testing.T) {
				t.Parallel()
				at := func(here string) {
					if here == where {
						fault()
					}
				}
				var log logged
				calls := 0
				r := newTestReceiver(t, log.option(), WithDeliveryHook(DeliveryHook{
					Delivery: func(context.Context, DeliveryInfo) (context.Context, func(DeliveryResult)) {
						at("begin of a delivery")
						return nil, func(DeliveryResult) { at("end of a delivery") }
					},
					Handling: func(context.Context, HandlingInfo) (context.Context, func(HandlingResult)) {
						at("begin of a handling")
						return nil, func(HandlingResult) { at("end of a handling") }
					},
				}))
				Handle(r, func(context.Context, *MessageEvent) error { calls++; return nil })
				assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)))
				assert.Equal(t, 1, calls)
				if name == "panic" {
					text := log.text()
					assert.Contains(t, text, `"level":"ERROR","msg":"smooch webhook: a hook panicked","error":"smooch: panic: boom","stack":`)
					assert.Contains(t, text, "receiver_hook_test.go")
					assert.Equal(t, 1, strings.Count(text, "\n"))
				}
				assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)), "the event is done")
				assert.Equal(t, 1, calls)
			})
		}
	}
}
