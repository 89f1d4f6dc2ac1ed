package smoochotel_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochotel"
)

const message = `{"trigger":"message:appUser","appUser":{"_id":"u1"},"messages":[{"_id":"m1","role":"appUser","text":"hi"}]}`

func newReceiver(t *testing.T, tel *telemetry, opts ...smooch.ReceiverOption) *smooch.WebhookReceiver {
	t.Helper()
	r, err := smooch.NewWebhookReceiver([]string{"s"}, append(opts, quiet, smooch.WithDeliveryHook(smoochotel.DeliveryHook(tel.opts...)))...)
	require.NoError(t, err)
	return r
}

// TestDelivery over HTTP, behind a mux and a proxy that takes part in the trace.
func TestDelivery(t *testing.T) {
	t.Parallel()
	tel := newTelemetry()
	r := newReceiver(t, tel)
	smooch.Handle(r, func(ctx context.Context, _ *smooch.MessageEvent) error {
		_, span := tel.tracer.Tracer("test").Start(ctx, "function")
		span.End()
		return nil
	})
	mux := http.NewServeMux()
	mux.Handle("POST /smooch/{app}", r)
	server := httptest.NewServer(mux)
	send := func(secret, body, parent string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/smooch/a1", strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("X-API-Key", secret)
		req.Header.Set("Traceparent", parent)
		resp, err := server.Client().Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	send("s", message, parent)
	send("s", message, "")
	send("wrong", message, "")
	send("s", strings.Replace(message, "message:appUser", "poll:closed", 1), "")
	server.Close() // waits for the ends, which are told after the answers
	all := tel.spans.GetSpans()
	for _, s := range all[:3] { // the first delivery, and what is in it
		assert.Equal(t, "0af7651916cd43dd8448eb211c80319c", s.SpanContext.TraceID().String())
	}
	assert.Equal(t, "b7ad6b7169203331", all[2].Parent.SpanID().String())
	assert.Equal(t, trace.SpanKindServer, all[2].SpanKind)
	assert.Equal(t, all[2].SpanContext.SpanID(), all[1].Parent.SpanID(), "the handling is in the delivery")
	assert.Equal(t, all[1].SpanContext.SpanID(), all[0].Parent.SpanID(), "what the function does is in the handling")
	const route = "server POST /smooch/{app} http.route=/smooch/{app} "
	assert.Equal(t, []string{
		route + "http.response.status_code=200 smooch.trigger=message:appUser smooch.delivery.outcome=duplicate",
		"  internal handle message:appUser smooch.trigger=message:appUser smooch.handling.queued=false smooch.handling.outcome=duplicate",
		route + "http.response.status_code=401 smooch.trigger=_OTHER smooch.delivery.outcome=refused",
		route + "http.response.status_code=200 smooch.trigger=_OTHER smooch.delivery.outcome=ignored",
	}, tel.tree())
	assert.Equal(t, map[string]float64{
		"http.server.request.duration http.response.status_code=200 http.route=/smooch/{app}":                                            3,
		"http.server.request.duration http.response.status_code=401 http.route=/smooch/{app}":                                            1,
		"smooch.webhook.deliveries http.response.status_code=200 smooch.delivery.outcome=handled smooch.trigger=message:appUser":         1,
		"smooch.webhook.deliveries http.response.status_code=200 smooch.delivery.outcome=duplicate smooch.trigger=message:appUser":       1,
		"smooch.webhook.deliveries http.response.status_code=401 smooch.delivery.outcome=refused smooch.trigger=_OTHER":                  1,
		"smooch.webhook.deliveries http.response.status_code=200 smooch.delivery.outcome=ignored smooch.trigger=_OTHER":                  1,
		"smooch.webhook.handling.duration smooch.handling.outcome=handled smooch.handling.queued=false smooch.trigger=message:appUser":   1,
		"smooch.webhook.handling.duration smooch.handling.outcome=duplicate smooch.handling.queued=false smooch.trigger=message:appUser": 1,
	}, tel.metrics(t))
}

// TestFailedHandling in the request, in the background, and out of a queue.
func TestFailedHandling(t *testing.T) {
	t.Parallel()
	fail := func(context.Context, *smooch.MessageEvent) error { return smooch.Permanent(errors.New("no")) }
	const delivered = "server POST http.response.status_code="
	const handled = "internal handle message:appUser failed smooch.trigger=message:appUser smooch.handling.queued=false smooch.handling.outcome=failed error.type=permanent"
	queued := strings.NewReplacer("internal", "consumer", "queued=false", "queued=true").Replace(handled)
	t.Run("in the request", func(t *testing.T) {
		t.Parallel()
		tel := newTelemetry()
		r := newReceiver(t, tel)
		smooch.Handle(r, fail)
		assert.Equal(t, 406, deliver(t, r, "/", "s", message))
		assert.Equal(t, []string{delivered + "406 smooch.trigger=message:appUser smooch.delivery.outcome=failed", "  " + handled}, tel.tree())
	})
	t.Run("in the background", func(t *testing.T) {
		t.Parallel()
		tel := newTelemetry()
		r := newReceiver(t, tel, smooch.WithBackground(1, 1))
		smooch.Handle(r, fail)
		assert.Equal(t, 200, deliver(t, r, "/", "s", message))
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Equal(t, []string{delivered + "200 smooch.trigger=message:appUser smooch.delivery.outcome=queued", "  " + queued}, tel.tree())
	})
	t.Run("in another process", func(t *testing.T) {
		t.Parallel()
		tel := newTelemetry()
		q := &memoryQueue{}
		assert.Equal(t, 200, deliver(t, newReceiver(t, tel, smooch.WithQueue(q)), "/", "s", message))
		worker := newReceiver(t, tel)
		smooch.Handle(worker, fail)
		require.Error(t, worker.Process(t.Context(), q.events[0]))
		assert.Equal(t, []string{delivered + "200 smooch.trigger=message:appUser smooch.delivery.outcome=queued", queued}, tel.tree())
	})
}

// memoryQueue keeps what is put.
type memoryQueue struct {
	mu     sync.Mutex
	events []smooch.QueuedEvent
}

func (q *memoryQueue) Put(_ context.Context, e smooch.QueuedEvent) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.events = append(q.events, e)
	return nil
}
