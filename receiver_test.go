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

func TestReceiverAnswers(t *testing.T) {
	t.Parallel()
	message := messageBody("m1", "u1", V1_1)
	right := []string{testSecret}
	nested := strings.Repeat("[", 10001) + strings.Repeat("]", 10001)
	tests := []struct {
		name     string
		method   string
		secrets  []string
		body     io.Reader
		function func() error // nil: none is registered
		want     int
	}{
		{"HEAD", "HEAD", nil, nil, succeed, 200},
		{"GET", "GET", nil, nil, succeed, 200},
		{"PUT", "PUT", right, nil, succeed, 405},
		{"DELETE", "DELETE", right, nil, succeed, 405},

		{"no secret", "POST", nil, strings.NewReader(message), succeed, 401},
		{"empty secret", "POST", []string{""}, strings.NewReader(message), succeed, 401},
		{"wrong secret", "POST", []string{testSecret[1:]}, strings.NewReader(message), succeed, 401},
		{"two secrets", "POST", []string{testSecret, "other"}, strings.NewReader(message), succeed, 401},
		{"no secret, so the body is not read", "POST", nil, iotest.ErrReader(errors.New("read")), succeed, 401},

		{"no JSON", "POST", right, strings.NewReader("<xml>"), succeed, 400},
		{"truncated JSON", "POST", right, strings.NewReader(message[:40]), succeed, 400},
		{"empty", "POST", right, strings.NewReader(""), succeed, 400},
		{"array", "POST", right, strings.NewReader("[]"), succeed, 400},
		{"null", "POST", right, strings.NewReader("null"), succeed, 400},
		{"trailing text", "POST", right, strings.NewReader(message + "x"), succeed, 400},
		{"nested too deep", "POST", right, strings.NewReader(`{"trigger":"x","a":` + nested + `}`), succeed, 400},
		{"over the limit", "POST", right, strings.NewReader(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`), succeed, 413},
		{"connection lost", "POST", right, io.MultiReader(strings.NewReader(message[:40]), iotest.ErrReader(io.ErrUnexpectedEOF)), succeed, 503},

		{"unknown trigger", "POST", right, strings.NewReader(`{"trigger":"poll:closed"}`), succeed, 200},
		{"no trigger", "POST", right, strings.NewReader(`{}`), succeed, 200},
		{"trigger twice", "POST", right, strings.NewReader(`{"trigger":"x","trigger":"message:appUser","messages":[]}`), succeed, 200},
		{"no function", "POST", right, strings.NewReader(message), nil, 200},

		{"success", "POST", right, strings.NewReader(message), succeed, 200},
		{"no permanent failure", "POST", right, strings.NewReader(message), func() error { return Permanent(nil) }, 200},
		{"permanent failure", "POST", right, strings.NewReader(message), func() error { return Permanent(errors.New("no such order")) }, 406},
		{"failure", "POST", right, strings.NewReader(message), func() error { return errors.New("the store is down") }, 503},
		{"panic", "POST", right, strings.NewReader(message), func() error { panic("boom") }, 500},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var told observed
			r := newTestReceiver(t, told.option())
			if test.function != nil {
				Handle(r, func(context.Context, *MessageEvent) error { return test.function() })
			}
			req := httptest.NewRequestWithContext(t.Context(), test.method, "/smooch", test.body)
			for _, secret := range test.secrets {
				req.Header.Add("X-API-Key", secret)
			}
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			assert.Equal(t, test.want, w.Code)
			assert.Empty(t, w.Body.String())
			if test.method == "POST" {
				require.Len(t, told.all(), 1)
				assert.Equal(t, test.want, told.last(t).StatusCode)
				assert.Equal(t, test.want == 401, told.last(t).SecretIndex == -1)
			}
		})
	}
}

func succeed() error { return nil }

func TestIgnoredDeliveries(t *testing.T) {
	t.Parallel()
	var told observed
	r := newTestReceiver(t, told.option())
	Handle(r, func(context.Context, *MessageEvent) error { return nil })

	assert.Equal(t, 200, deliver(t, r, `{"trigger":"message:appUser","messages":[]}`))
	assert.False(t, told.last(t).Ignored)
	assert.Equal(t, 200, deliver(t, r, `{"trigger":"poll:closed"}`))
	assert.True(t, told.last(t).Ignored)
	assert.NoError(t, told.last(t).Err)
	assert.Equal(t, 200, deliver(t, r, `{"trigger":"message:appUser","messages":"none"}`))
	assert.False(t, told.last(t).Ignored, "a message with a malformed member is handled")
	assert.Equal(t, []string{"messages"}, told.last(t).Event.Header().Malformed)
	assert.NoError(t, told.last(t).Err)
}

// TestPermanentFailureIsFinal: neither a copy nor the same event in the other version is handled.
func TestPermanentFailureIsFinal(t *testing.T) {
	t.Parallel()
	calls := 0
	r := newTestReceiver(t)
	Handle(r, func(context.Context, *MessageEvent) error { calls++; return Permanent(errors.New("no such order")) })
	assert.Equal(t, 406, deliver(t, r, messageBody("m1", "u1", V1_1)))
	assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)))
	assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1)))
	assert.Equal(t, 1, calls)
}

func TestReceiverReadsNoMoreThanItsLimit(t *testing.T) {
	t.Parallel()
	r := newTestReceiver(t, WithMaxBody(1000))
	body := &watchedReader{left: 1 << 30}
	assert.Equal(t, 413, deliverWith(t, r, testSecret, body))
	assert.Equal(t, 1<<30-1001, body.left)
}

func TestSmallerLimitAroundTheReceiver(t *testing.T) {
	t.Parallel()
	limited := http.MaxBytesHandler(newTestReceiver(t), 100)
	body := messageBody(strings.Repeat("m", 1000), "u1", V1_1)
	assert.Equal(t, 413, deliver(t, limited, body))
}

func TestLargestLimit(t *testing.T) {
	t.Parallel()
	r := newTestReceiver(t, WithMaxBody(math.MaxInt64))
	assert.Equal(t, 200, deliver(t, r, `{}`))
}

func TestInvalidReceiverOptions(t *testing.T) {
	t.Parallel()
	tests := map[string]ReceiverOption{
		"nil deduper":          WithDeduper(nil),
		"short lease":          WithLease(time.Second - 1),
		"nil queue":            WithQueue((*sliceQueue)(nil)),
		"no body":              WithMaxBody(0),
		"no time":              WithHandlerTimeout(0),
		"more than 20 seconds": WithHandlerTimeout(20*time.Second + 1),
		"hook of nothing":      WithDeliveryHook(DeliveryHook{}),
		"nil logger":           WithReceiverLogger(nil),
		"nil lookup":           WithSecretLookup(nil),
		"no queue":             WithBackground(0, 1),
		"no workers":           WithBackground(1, 0),
		"unknown version":      WithAcceptVersions("1.1"),
	}
	for name, opt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewWebhookReceiver([]string{testSecret}, opt)
			assert.ErrorIs(t, err, ErrInvalidArgument)
		})
	}
}

func TestEmptySecretIsRefused(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{{""}, {testSecret, ""}} {
		_, err := NewWebhookReceiver(secrets)
		assert.ErrorIs(t, err, ErrInvalidArgument)
	}
	assert.ErrorIs(t, newTestReceiver(t).AddSecret(""), ErrInvalidArgument)
}

// TestReceiverWithoutSecrets: the target exists, and deliveries are to come again, until there is a
// secret, and again when there is none left.
func TestReceiverWithoutSecrets(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{nil, {}} {
		r, err := NewWebhookReceiver(secrets)
		require.NoError(t, err)
		for range 2 {
			for _, method := range []string{http.MethodHead, http.MethodGet} {
				w := httptest.NewRecorder()
				r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/smooch", nil))
				assert.Equal(t, 200, w.Code)
			}
			for _, secret := range []string{"", testSecret} {
				assert.Equal(t, 503, deliverWith(t, r, secret, iotest.ErrReader(errors.New("read"))), "the body is not read")
			}
			require.NoError(t, r.AddSecret(testSecret))
			assert.Equal(t, 200, deliver(t, r, `{}`))
			assert.Equal(t, 401, deliverWith(t, r, "", strings.NewReader(`{}`)))
			r.RemoveSecret(testSecret)
		}
	}
}

func TestReceiverDoesNotPrintItsSecrets(t *testing.T) {
	t.Parallel()
	assertNoSecret(t, newTestReceiver(t), testSecret)
}

// TestReceiverIsPrintedWhileServing: with -race, this fails if printing reads what serving writes.
func TestReceiverIsPrintedWhileServing(t *testing.T) {
	t.Parallel()
	r := newTestReceiver(t, WithBackground(100, 2))
	Handle(r, func(context.Context, *MessageEvent) error { return nil })
	var printing sync.WaitGroup
	printing.Go(func() {
		for i := range 50 {
			deliver(t, r, messageBody(strconv.Itoa(i), "u1", V1_1))
		}
	})
	for range 50 {
		assert.Equal(t, "smooch.WebhookReceiver", fmt.Sprintf("%v", r))
		assert.Equal(t, "smooch.WebhookReceiver", fmt.Sprintf("%#v", r))
	}
	printing.Wait()
	require.NoError(t, r.Shutdown(t.Context()))
}

// TestSecretsChangeWhileServing: the hook is told which secret has matched.
func TestSecretsChangeWhileServing(t *testing.T) {
	t.Parallel()
	var told observed
	r := newTestReceiver(t, told.option())
	status := func(secret string) int {
		return deliverWith(t, r, secret, strings.NewReader(`{}`))
	}
	assert.Equal(t, 200, status(testSecret))
	for range 3 {
		require.NoError(t, r.AddSecret("new"))
		require.NoError(t, r.AddSecret(testSecret), "it is known already")
	}
	assert.Equal(t, 200, status("new"))
	assert.Equal(t, 1, told.last(t).SecretIndex)
	assert.Equal(t, 200, status(testSecret))
	assert.Equal(t, 0, told.last(t).SecretIndex)

	r.RemoveSecret(testSecret)
	assert.Equal(t, 401, status(testSecret))
	assert.Equal(t, 200, status("new"))
	assert.Equal(t, 0, told.last(t).SecretIndex)
	require.NoError(t, r.AddSecret("last"))
	r.RemoveSecret("new")
	assert.Equal(t, 401, status("new"), "it was kept once")
}

func TestHandleByType(t *testing.T) {
	t.Parallel()
	r := newTestReceiver(t)
	var got []string
	Handle(r, func(context.Context, *PostbackEvent) error {
		got = append(got, "postback")
		return nil
	})
	Handle(r, func(_ context.Context, e Event) error {
		got = append(got, fmt.Sprintf("%T", e))
		return nil
	})
	deliver(t, r, `{"trigger":"postback"}`)
	deliver(t, r, `{"trigger":"typing:appUser","timestamp":1}`)
	deliver(t, r, `{"trigger":"poll:closed"}`)
	assert.Equal(t, []string{"postback", "*smooch.TypingEvent", "*smooch.UnknownEvent"}, got)
}

func TestHandlePanicsOnMisuse(t *testing.T) {
	t.Parallel()
	r := newTestReceiver(t)
	Handle(r, func(context.Context, *PostbackEvent) error { return nil })
	assert.Panics(t, func() {
		Handle(r, func(context.Context, *PostbackEvent) error { return nil })
	}, "a second function")
	assert.Panics(t, func() { Handle[*TypingEvent](r, nil) })
	type stringer interface {
		Event
		String() string
	}
	assert.Panics(t, func() {
		Handle(r, func(context.Context, stringer) error { return nil })
	}, "no event has the method")
}

func TestAcceptVersions(t *testing.T) {
	t.Parallel()
	r := newTestReceiver(t, WithAcceptVersions(V1))
	var got []Version
	Handle(r, func(_ context.Context, e *MessageEvent) error {
		got = append(got, e.Version)
		return nil
	})
	assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u", V1_1)))
	assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u", V1)))
	assert.Equal(t, []Version{V1}, got)
	r.AcceptVersions(V1_1)
	assert.Equal(t, 200, deliver(t, r, messageBody("m2", "u", V1)))
	assert.Equal(t, 200, deliver(t, r, messageBody("m2", "u", V1_1)))
	assert.Equal(t, []Version{V1, V1_1}, got)
	r.AcceptVersions()
	assert.Equal(t, 200, deliver(t, r, messageBody("m3", "u", V1)))
	assert.Equal(t, 200, deliver(t, r, messageBody("m3", "u", V1_1)))
	assert.Equal(t, []Version{V1, V1_1, V1}, got, "one of the copies of m3")
	assert.Panics(t, func() { r.AcceptVersions("1.1") })
}

// TestShutdownRefusesNewEvents, so that they come again, but not copies of an event that is being
// handled.
func TestShutdownRefusesNewEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newTestReceiver(t)
		Handle(r, func(context.Context, *MessageEvent) error {
			time.Sleep(time.Second)
			return nil
		})
		go deliver(t, r, messageBody("m1", "u1", V1_1))
		synctest.Wait()
		began := time.Now()
		shutdown := make(chan error)
		go func() { shutdown <- r.Shutdown(t.Context()) }()
		synctest.Wait()
		assert.Equal(t, 503, deliver(t, r, messageBody("m2", "u1", V1_1)))
		assert.Zero(t, time.Since(began))
		assert.Equal(t, 200, deliver(t, r, messageBody("m1", "u1", V1_1)))
		require.NoError(t, <-shutdown)
		assert.Equal(t, time.Second, time.Since(began))
		assert.Equal(t, 503, deliver(t, r, messageBody("m2", "u1", V1_1)))
	})
}

// TestShutdownWaitsForTheHook: only the hook hears how an event ended that was answered before it
// was handled.
func TestShutdownWaitsForTheHook(t *testing.T) {
	t.Parallel()
	tests := map[string]ReceiverOption{
		"in the background":         WithBackground(10, 1),
		"after the handler timeout": WithHandlerTimeout(time.Second),
	}
	for name, opt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var told atomic.Int32
				r := newTestReceiver(t, opt, WithDeliveryHook(DeliveryHook{Handling: func(context.Context, HandlingInfo) (context.Context, func(HandlingResult)) {
					return nil, func(h HandlingResult) {
						assert.True(t, h.Handled)
						time.Sleep(time.Second)
						told.Add(1)
					}
				}}))
				Handle(r, func(context.Context, *MessageEvent) error {
					time.Sleep(time.Minute)
					return Permanent(errors.New("no"))
				})
				deliver(t, r, messageBody("m1", "u1", V1_1))
				require.NoError(t, r.Shutdown(t.Context()))
				assert.EqualValues(t, 1, told.Load())
			})
		})
	}
}

func BenchmarkDelivery(b *testing.B) {
	r, err := NewWebhookReceiver([]string{"other", testSecret})
	require.NoError(b, err)
	Handle(r, func(context.Context, *MessageEvent) error { return nil })
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if status := deliver(b, r, messageBody(strconv.Itoa(n), "u1", V1_1)); status != 200 {
			b.Fatal(status)
		}
	}
}
