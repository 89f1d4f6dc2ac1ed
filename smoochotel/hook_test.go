package smoochotel_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochotel"
	"github.com/smooch/smooch-go/smoochtest"
)

var quiet = smooch.WithReceiverLogger(slog.New(slog.DiscardHandler))

// telemetry keeps all spans and measurements.
type telemetry struct {
	spans  *tracetest.InMemoryExporter
	reader *metric.ManualReader
	tracer *sdktrace.TracerProvider
	opts   []smoochotel.Option
}

func newTelemetry(opts ...smoochotel.Option) *telemetry {
	t := &telemetry{spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	t.tracer = sdktrace.NewTracerProvider(sdktrace.WithSyncer(t.spans))
	t.opts = append([]smoochotel.Option{
		smoochotel.WithTracerProvider(t.tracer),
		smoochotel.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(t.reader))),
	}, opts...)
	return t
}

// tree returns the spans as lines, children below their parents and further in, in the order of
// their beginnings, each with its kind, its status and its attributes.
func (tel *telemetry) tree() []string {
	spans := tel.spans.GetSpans()
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	var lines []string
	var add func(parent trace.SpanID, depth int)
	add = func(parent trace.SpanID, depth int) {
		for _, s := range spans {
			if s.Parent.SpanID() != parent {
				continue
			}
			line := strings.Repeat("  ", depth) + s.SpanKind.String() + " " + s.Name
			if s.Status.Code == codes.Error {
				line += " failed"
			}
			lines = append(lines, line+attributes(s.Attributes))
			for _, e := range s.Events {
				lines = append(lines, strings.Repeat("  ", depth+1)+"event "+e.Name+attributes(e.Attributes))
			}
			add(s.SpanContext.SpanID(), depth+1)
		}
	}
	add(trace.SpanID{}, 0)
	return lines
}

// attributes are those that differ from test to test.
func attributes(all []attribute.KeyValue) string {
	text := ""
	for _, a := range all {
		switch a.Key {
		case "server.address", "server.port", "smooch.api.version", "url.scheme", "smooch.operation", "url.template", "http.request.method", "smooch.queue.time":
		default:
			text += " " + string(a.Key) + "=" + a.Value.String()
		}
	}
	return text
}

// metrics returns the count or the sum of each time series, by its name and attributes.
func (tel *telemetry) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, tel.reader.Collect(t.Context(), &all))
	found := map[string]float64{}
	for _, scope := range all.ScopeMetrics {
		assert.Equal(t, "github.com/smooch/smooch-go/smoochotel", scope.Scope.Name)
		for _, m := range scope.Metrics {
			key := func(set attribute.Set) string { return m.Name + attributes(set.ToSlice()) }
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					found[key(p.Attributes)] += float64(p.Value)
				}
			case metricdata.Sum[float64]:
				for _, p := range data.DataPoints {
					found[key(p.Attributes)] += p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					found[key(p.Attributes)] += float64(p.Count)
				}
			default:
				t.Errorf("%s is a %T", m.Name, data)
			}
		}
	}
	return found
}

// TestSettledSend: the trace of a send that meets a 429, then a lost answer, and is settled.
func TestSettledSend(t *testing.T) {
	t.Parallel()
	server := smoochtest.NewServer()
	defer server.Close()
	tel := newTelemetry()
	client := server.Client(smooch.WithHook(smoochotel.Hook(tel.opts...)))
	_, err := client.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	tel.spans.Reset()
	server.Fail(smoochtest.Fault{Method: "POST", Path: "/messages", Status: 429, RetryAfter: time.Second})
	server.Fail(smoochtest.Fault{Method: "POST", Path: "/messages", Cut: smoochtest.CutAfter})
	_, err = client.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("hi"), smooch.WithSendToken("t"))
	require.NoError(t, err)
	lines := tel.tree()
	require.Regexp(t, `^    event smooch.wait smooch.wait.reason=pause smooch.wait.time=(1|0\.9)`, lines[3])
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, "event smooch.wait") })
	assert.Equal(t, []string{
		"internal messages.create smooch.attempts=2",
		"  client POST /appusers/{userId}/messages failed http.response.status_code=429 error.type=429",
		"  client POST /appusers/{userId}/messages failed http.request.resend_count=1 error.type=connection",
		"  internal messages.list smooch.attempts=1",
		"    client GET /appusers/{userId}/messages http.response.status_code=200",
	}, lines)

	metrics := tel.metrics(t)
	waited := metrics["smooch.client.wait.time smooch.wait.reason=pause"]
	assert.InDelta(t, 1, waited, 0.5)
	delete(metrics, "smooch.client.wait.time smooch.wait.reason=pause")
	assert.Equal(t, map[string]float64{
		"smooch.client.call.duration":                                               3,
		"http.client.request.duration http.response.status_code=200":                1,
		"http.client.request.duration http.response.status_code=201":                1,
		"http.client.request.duration error.type=429 http.response.status_code=429": 1,
		"http.client.request.duration error.type=connection":                        1,
		"smooch.client.repeats error.type=429":                                      1,
	}, metrics)
}

// TestFailedCalls: what a call is counted as.
func TestFailedCalls(t *testing.T) {
	t.Parallel()
	server := smoochtest.NewServer()
	defer server.Close()
	tests := []struct {
		fault   smoochtest.Fault
		call    string
		attempt string
	}{
		{smoochtest.Fault{Status: 400}, "400", "400"},
		{smoochtest.Fault{Cut: smoochtest.CutAfter}, "outcome_unknown", "connection"},
		{smoochtest.Fault{Status: 502}, "outcome_unknown", "502"},
		{smoochtest.Fault{Truncate: true}, "decode", ""},
		{smoochtest.Fault{Delay: 300 * time.Millisecond}, "outcome_unknown", "timeout"},
	}
	for i, test := range tests {
		tel := newTelemetry()
		client := server.Client(smooch.WithHook(smoochotel.Hook(tel.opts...)), smooch.WithTimeout(200*time.Millisecond))
		lift := server.Fail(test.fault)
		_, err := client.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: strconv.Itoa(i)})
		lift()
		require.Error(t, err)
		lines := tel.tree()
		require.Len(t, lines, 2)
		assert.Equal(t, "internal appusers.create failed smooch.attempts=1 error.type="+test.call, lines[0])
		if test.attempt == "" { // only the decoding of the answer has failed
			assert.Equal(t, "  client POST /appusers http.response.status_code=201", lines[1])
		} else {
			assert.Regexp(t, "^  client POST /appusers failed .*error.type="+test.attempt+"$", lines[1])
		}
		metrics := tel.metrics(t)
		assert.Equal(t, 1, int(metrics["smooch.client.call.duration error.type="+test.call]))
		assert.Equal(t, test.call == "outcome_unknown", metrics["smooch.client.unknown_outcomes"] == 1)
	}
	tel := newTelemetry()
	client := server.Client(smooch.WithHook(smoochotel.Hook(tel.opts...)))
	_, err := client.AppUsers.Get(t.Context(), "")
	require.ErrorIs(t, err, smooch.ErrInvalidArgument)
	assert.Equal(t, []string{"internal appusers.get failed smooch.attempts=0 error.type=invalid_argument"}, tel.tree())
}

// TestPropagation: each attempt carries its own span in its header, over HTTP.
func TestPropagation(t *testing.T) {
	t.Parallel()
	server := smoochtest.NewServer()
	defer server.Close()
	tel := newTelemetry()
	client := server.Client(smooch.WithHook(smoochotel.Hook(tel.opts...)), smooch.WithRetryPolicy(smooch.RetryPolicy{MinDelay: 1}))
	server.Fail(smoochtest.Fault{Status: 503})
	ctx, span := tel.tracer.Tracer("test").Start(t.Context(), "caller")
	_, err := client.Apps.List(ctx, smooch.AppListOptions{})
	require.NoError(t, err)
	span.End()
	var attempts []string
	for _, s := range tel.spans.GetSpans() {
		assert.Equal(t, span.SpanContext().TraceID(), s.SpanContext.TraceID())
		if s.SpanKind == trace.SpanKindClient {
			attempts = append(attempts, "00-"+s.SpanContext.TraceID().String()+"-"+s.SpanContext.SpanID().String()+"-01")
		}
	}
	var sent []string
	for _, r := range server.Requests() {
		sent = append(sent, r.Header.Get("Traceparent"))
	}
	assert.Len(t, attempts, 2)
	assert.Equal(t, attempts, sent)
}

// TestAttributesAreHarmless: no id, no secret and no text is in any span or metric.
func TestAttributesAreHarmless(t *testing.T) {
	t.Parallel()
	const user, secretText, path = "private-user-id", "private text of a message", "/hook/private-path"
	server := smoochtest.NewServer()
	defer server.Close()
	tel := newTelemetry()
	receiver, err := smooch.NewWebhookReceiver([]string{"private-secret"}, quiet, smooch.WithDeliveryHook(smoochotel.DeliveryHook(tel.opts...)))
	require.NoError(t, err)
	smooch.Handle(receiver, func(context.Context, smooch.Event) error { return errors.New(secretText) })
	client := server.Client(smooch.WithHook(smoochotel.Hook(tel.opts...)))
	_, err = client.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: user})
	require.NoError(t, err)
	_, err = client.Conversations.PostMessage(t.Context(), user, smooch.TextMessage(secretText))
	require.NoError(t, err)
	_, err = client.AppUsers.Get(t.Context(), user+"2")
	require.ErrorIs(t, err, smooch.ErrNotFound)
	require.Error(t, client.Do(t.Context(), "GET", "/nothing/"+user, nil, nil))
	body := `{"trigger":"message:appUser","appUser":{"_id":"` + user + `"},"messages":[{"_id":"1","text":"` + secretText + `"}]}`
	assert.Equal(t, 503, deliver(t, receiver, path, "private-secret", body))
	assert.Equal(t, 503, deliver(t, receiver, path, "private-secret", strings.Replace(body, "message:appUser", "private-trigger", 1)))
	assert.Equal(t, 401, deliver(t, receiver, path, "private-wrong", body))

	var all metricdata.ResourceMetrics
	require.NoError(t, tel.reader.Collect(t.Context(), &all))
	metrics, err := json.Marshal(all)
	require.NoError(t, err)
	spans, err := json.Marshal(tel.spans.GetSpans())
	require.NoError(t, err)
	for _, text := range []string{string(metrics), string(spans)} {
		assert.Contains(t, text, "message:appUser")
		for _, private := range []string{"private", server.App().ID, server.Account().Secret} {
			assert.NotContains(t, text, private)
		}
	}
}

func deliver(t *testing.T, receiver http.Handler, path, secret, body string) int {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	req.Header.Set("X-API-Key", secret)
	w := httptest.NewRecorder()
	receiver.ServeHTTP(w, req)
	return w.Code
}

func TestWithAppID(t *testing.T) {
	t.Parallel()
	server := smoochtest.NewServer()
	defer server.Close()
	tel := newTelemetry(smoochotel.WithAppID())
	client := server.Client(smooch.WithHook(smoochotel.Hook(tel.opts...)))
	_, err := client.Webhooks.List(t.Context())
	require.NoError(t, err)
	assert.Contains(t, tel.tree()[0], " smooch.app.id="+server.App().ID)
	assert.Equal(t, 1, int(tel.metrics(t)["smooch.client.call.duration smooch.app.id="+server.App().ID]))
}
