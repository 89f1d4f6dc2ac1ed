package smoochotel

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/smooch/smooch-go"
)

const (
	triggerKey         = attribute.Key("smooch.trigger")
	deliveryOutcomeKey = attribute.Key("smooch.delivery.outcome")
	handlingOutcomeKey = attribute.Key("smooch.handling.outcome")
	queuedKey          = attribute.Key("smooch.handling.queued")
	queueTimeKey       = attribute.Key("smooch.queue.time")
)

// deliveryHook makes spans and measurements of deliveries and handlings.
type deliveryHook struct {
	config
	spans      trace.Tracer
	requests   metric.Float64Histogram
	deliveries metric.Int64Counter
	handlings  metric.Float64Histogram
}

// DeliveryHook returns what [smooch.WithDeliveryHook] needs to make traces and metrics of what a
// receiver does. The package comment lists them.
func DeliveryHook(opts ...Option) smooch.DeliveryHook {
	h := &deliveryHook{config: newConfig(opts)}
	h.spans = h.tracer()
	in := h.instruments()
	h.requests = in.seconds(httpServerDuration, "Duration of deliveries.", longBounds)
	h.deliveries = in.count("smooch.webhook.deliveries", "{delivery}", "Deliveries, by trigger, status of the answer, and outcome.")
	h.handlings = in.seconds("smooch.webhook.handling.duration", "Duration of the handling of events: claim, function, and the record of it.", longBounds)
	return smooch.DeliveryHook{Delivery: h.delivery, Handling: h.handling}
}

// delivery begins the span of a delivery.
func (h *deliveryHook) delivery(ctx context.Context, info smooch.DeliveryInfo) (context.Context, func(smooch.DeliveryResult)) {
	r := info.Request
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = h.propagator.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	name := http.MethodPost
	attrs := []attribute.KeyValue{semconv.HTTPRequestMethodPost, semconv.URLScheme(schemeOf(r))}
	if route := routeOf(r); route != "" {
		name += " " + route
		attrs = append(attrs, semconv.HTTPRoute(route))
	}
	ctx, span := h.spans.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attrs...))
	return ctx, func(d smooch.DeliveryResult) {
		defer span.End()
		status := semconv.HTTPResponseStatusCode(d.StatusCode)
		trigger, outcome := triggerKey.String(triggerOf(d.Event)), deliveryOutcomeKey.String(outcomeOf(d))
		span.SetAttributes(status, trigger, outcome)
		attrs := append(attrs, status)
		if d.StatusCode >= 500 {
			failed := semconv.ErrorTypeKey.String(strconv.Itoa(d.StatusCode))
			attrs = append(attrs, failed)
			span.SetAttributes(failed)
			span.SetStatus(codes.Error, "")
		}
		h.requests.Record(ctx, seconds(d.Duration), metric.WithAttributes(attrs...))
		h.deliveries.Add(ctx, 1, metric.WithAttributes(trigger, status, outcome))
	}
}

// handling begins the span of the handling of an event.
func (h *deliveryHook) handling(ctx context.Context, info smooch.HandlingInfo) (context.Context, func(smooch.HandlingResult)) {
	trigger, kind := triggerOf(info.Event), trace.SpanKindInternal
	attrs := []attribute.KeyValue{triggerKey.String(trigger), queuedKey.Bool(info.Queued)}
	start := []trace.SpanStartOption{trace.WithAttributes(attrs...)}
	if info.Queued {
		kind = trace.SpanKindConsumer
		start = append(start, trace.WithAttributes(queueTimeKey.Float64(seconds(time.Since(info.Received)))))
	}
	ctx, span := h.spans.Start(ctx, "handle "+trigger, append(start, trace.WithSpanKind(kind))...)
	return ctx, func(r smooch.HandlingResult) {
		defer span.End()
		attrs := append(attrs, handlingOutcomeKey.String(handlingOutcome(r)))
		if r.Err != nil {
			attrs = append(attrs, errorType(r.Err))
			span.SetStatus(codes.Error, "")
		}
		span.SetAttributes(attrs...)
		h.handlings.Record(ctx, seconds(r.Duration), metric.WithAttributes(attrs...))
	}
}

// schemeOf returns the scheme by which a request has reached this process.
func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// routeOf returns the path in the pattern of the [http.ServeMux] that has chosen the receiver, as
// the path of the request may hold a secret.
func routeOf(r *http.Request) string {
	if slash := strings.Index(r.Pattern, "/"); slash >= 0 {
		return r.Pattern[slash:]
	}
	return ""
}

// triggerOf returns the trigger of an event; "_OTHER" if there is no event, or one that package
// smooch does not know, as anyone could otherwise make any number of time series.
func triggerOf(e smooch.Event) string {
	if _, unknown := e.(*smooch.UnknownEvent); e == nil || unknown {
		return "_OTHER"
	}
	return string(e.Header().Trigger)
}

// outcomeOf says in a word what became of a delivery.
func outcomeOf(d smooch.DeliveryResult) string {
	switch {
	case d.Event == nil:
		return "refused"
	case d.Queued:
		return "queued"
	case d.Ignored:
		return "ignored"
	case d.Err != nil:
		return "failed"
	case d.Duplicate:
		return "duplicate"
	}
	return "handled"
}

// handlingOutcome says in a word what became of a handling.
func handlingOutcome(r smooch.HandlingResult) string {
	switch {
	case errors.Is(r.Err, smooch.ErrBusy):
		return "busy"
	case r.Err != nil:
		return "failed"
	case r.Duplicate:
		return "duplicate"
	}
	return "handled"
}
