package smoochotel

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/smooch/smooch-go"
)

// The attributes that the conventions have no name for.
const (
	operationKey  = attribute.Key("smooch.operation")
	versionKey    = attribute.Key("smooch.api.version")
	appIDKey      = attribute.Key("smooch.app.id")
	attemptsKey   = attribute.Key("smooch.attempts")
	waitReasonKey = attribute.Key("smooch.wait.reason")
	waitTimeKey   = attribute.Key("smooch.wait.time")
)

// callHook makes spans and measurements of calls.
type callHook struct {
	config
	spans    trace.Tracer
	requests metric.Float64Histogram
	calls    metric.Float64Histogram
	repeats  metric.Int64Counter
	waits    metric.Float64Counter
	unknown  metric.Int64Counter
}

// Hook returns what [smooch.WithHook] needs to make traces and metrics of the calls of a client.
// The package comment lists them.
func Hook(opts ...Option) smooch.Hook {
	h := &callHook{config: newConfig(opts)}
	h.spans = h.tracer()
	in := h.instruments()
	h.requests = in.seconds(httpClientDuration, "Duration of attempts.", requestBounds)
	h.calls = in.seconds("smooch.client.call.duration", "Duration of calls, with all attempts and waits.", longBounds)
	h.repeats = in.count("smooch.client.repeats", "{attempt}", "Attempts that repeat an earlier one of the same call.")
	h.unknown = in.count("smooch.client.unknown_outcomes", "{call}", "Calls that may have been carried out although no response says so.")
	var err error
	h.waits, err = in.meter.Float64Counter("smooch.client.wait.time", metric.WithUnit("s"), metric.WithDescription("Time that calls have waited, by reason."))
	check(err)
	return smooch.Hook{Call: h.call, Attempt: h.attempt}
}

const (
	httpClientDuration = "http.client.request.duration"
	httpServerDuration = "http.server.request.duration"
)

// callState is what the attempts of a call have to know of each other.
type callState struct{ failed string } // the error.type of the last attempt

type callStateKey struct{}

// call begins the span of a call.
func (h *callHook) call(ctx context.Context, info smooch.CallInfo) (context.Context, func(smooch.CallResult)) {
	attrs := h.describe(info)
	ctx, span := h.spans.Start(ctx, info.Operation, trace.WithAttributes(attrs...))
	ctx = context.WithValue(ctx, callStateKey{}, &callState{})
	return ctx, func(r smooch.CallResult) {
		defer span.End()
		span.SetAttributes(attemptsKey.Int(r.Attempts))
		attrs := attrs
		if r.Err != nil {
			failed := errorType(r.Err)
			span.SetAttributes(failed)
			span.SetStatus(codes.Error, "")
			attrs = append(attrs[:len(attrs):len(attrs)], failed)
		}
		h.calls.Record(ctx, seconds(r.Duration), metric.WithAttributes(attrs...))
		for _, w := range waits(r.Waited) {
			h.waits.Add(ctx, w.time, metric.WithAttributes(append(attrs[:2:2], waitReasonKey.String(w.reason))...))
		}
		if errors.Is(r.Err, smooch.ErrOutcomeUnknown) {
			h.unknown.Add(ctx, 1, metric.WithAttributes(h.describe(info)...))
		}
	}
}

// describe returns the attributes of a call: its operation, its version and, if asked for, its app.
func (h *callHook) describe(info smooch.CallInfo) []attribute.KeyValue {
	attrs := []attribute.KeyValue{operationKey.String(info.Operation), versionKey.String(string(info.Version))}
	if h.appID && info.AppID != "" {
		attrs = append(attrs, appIDKey.String(info.AppID))
	}
	return attrs
}

// attempt begins the span of an attempt, and puts it into the attempt's header.
func (h *callHook) attempt(ctx context.Context, info smooch.AttemptInfo) (context.Context, func(smooch.AttemptResult)) {
	attrs := requestAttributes(info.CallInfo)
	state, _ := ctx.Value(callStateKey{}).(*callState) // nil if another hook has replaced the context
	name := methodOf(info.Method)
	if template := templateOf(info.CallInfo); template != "" {
		name += " " + template
	}
	ctx, span := h.spans.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
	h.propagator.Inject(ctx, propagation.HeaderCarrier(info.Header))
	for _, w := range waits(info.Waited) {
		span.AddEvent("smooch.wait", trace.WithAttributes(waitReasonKey.String(w.reason), waitTimeKey.Float64(w.time)))
	}
	described := h.describe(info.CallInfo)
	if info.Number > 1 {
		span.SetAttributes(semconv.HTTPRequestResendCount(info.Number - 1))
		before := "_OTHER"
		if state != nil && state.failed != "" {
			before = state.failed
		}
		h.repeats.Add(ctx, 1, metric.WithAttributes(append(described[:len(described):len(described)], semconv.ErrorTypeKey.String(before))...))
	}
	return ctx, func(r smooch.AttemptResult) {
		defer span.End()
		attrs := append(attrs, described...)
		if r.StatusCode != 0 {
			status := semconv.HTTPResponseStatusCode(r.StatusCode)
			span.SetAttributes(status)
			attrs = append(attrs, status)
		}
		failed := attemptFailure(r)
		if failed != "" {
			span.SetAttributes(semconv.ErrorTypeKey.String(failed))
			span.SetStatus(codes.Error, "")
			attrs = append(attrs, semconv.ErrorTypeKey.String(failed))
		}
		if state != nil {
			state.failed = failed
		}
		h.requests.Record(ctx, seconds(r.Duration), metric.WithAttributes(attrs...))
	}
}

// attemptFailure returns the error.type of an attempt; "" if it has succeeded.
func attemptFailure(r smooch.AttemptResult) string {
	switch {
	case r.Err == nil && r.StatusCode >= 300:
		return strconv.Itoa(r.StatusCode)
	case r.Err == nil:
		return ""
	}
	if name := errorName(r.Err); name != "_OTHER" || r.StatusCode != 0 {
		return name
	}
	return "connection" // there was no response, and nothing else ended the attempt
}

// requestAttributes returns what the conventions want to know of a request.
func requestAttributes(info smooch.CallInfo) []attribute.KeyValue {
	attrs := []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(methodOf(info.Method))}
	if template := templateOf(info); template != "" {
		attrs = append(attrs, semconv.URLTemplate(template))
	}
	if base, err := url.Parse(info.BaseURL); err == nil {
		port, _ := strconv.Atoi(base.Port())
		switch {
		case port != 0:
		case base.Scheme == "http":
			port = 80
		default:
			port = 443
		}
		attrs = append(attrs, semconv.ServerAddress(base.Hostname()), semconv.ServerPort(port))
	}
	return attrs
}

// templateOf returns the documented path; "" if the path was given to [smooch.Client.Do].
func templateOf(info smooch.CallInfo) string {
	if !strings.HasPrefix(info.Path, "/") {
		return ""
	}
	return info.Path
}

// methodOf returns a method that the conventions know, or "_OTHER".
func methodOf(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE":
		return method
	}
	return "_OTHER"
}

// A wait is one reason that a call has waited for, and how many seconds.
type wait struct {
	reason string
	time   float64
}

// waits returns those that took any time.
func waits(w smooch.Waits) []wait {
	var found []wait
	for _, each := range []wait{{"limiter", seconds(w.Limiter)}, {"pause", seconds(w.Pause)}, {"backoff", seconds(w.Backoff)}} {
		if each.time > 0 {
			found = append(found, each)
		}
	}
	return found
}
