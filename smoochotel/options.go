package smoochotel

import (
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Option is a setting of [Hook] and [DeliveryHook].
type Option func(*config)

type config struct {
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	propagator propagation.TextMapPropagator
	appID      bool
}

// WithTracerProvider sets where spans go. The default is the global provider.
func WithTracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.tracers = p } }

// WithMeterProvider sets where measurements go. The default is the global provider.
func WithMeterProvider(p metric.MeterProvider) Option { return func(c *config) { c.meters = p } }

// WithPropagator sets what is put into the headers of an attempt and read from those of a delivery.
// The default is W3C Trace Context without baggage, as the headers of an attempt leave the house.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(c *config) { c.propagator = p }
}

// WithAppID adds the attribute smooch.app.id to the spans and metrics of calls: the app that the
// client is bound to. Each app then has metrics of its own, which is costly with thousands of them.
func WithAppID() Option { return func(c *config) { c.appID = true } }

const scope = "github.com/smooch/smooch-go/smoochotel"

func newConfig(opts []Option) config {
	c := config{propagator: propagation.TraceContext{}}
	for _, opt := range opts {
		opt(&c)
	}
	if c.tracers == nil {
		c.tracers = otel.GetTracerProvider()
	}
	if c.meters == nil {
		c.meters = otel.GetMeterProvider()
	}
	return c
}

func (c *config) tracer() trace.Tracer { return c.tracers.Tracer(scope) }

// instruments creates instruments. They are usable even if the provider does not like one, which is
// told to the error handler of OpenTelemetry.
type instruments struct{ meter metric.Meter }

func (c *config) instruments() instruments { return instruments{c.meters.Meter(scope)} }

func (i instruments) seconds(name, description string, bounds []float64) metric.Float64Histogram {
	h, err := i.meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(bounds...))
	check(err)
	return h
}

func (i instruments) count(name, unit, description string) metric.Int64Counter {
	c, err := i.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	check(err)
	return c
}

func check(err error) {
	if err != nil {
		otel.Handle(err)
	}
}

// requestBounds are those that the conventions advise for requests. Calls and handlings, which wait
// and repeat, take longer.
var (
	requestBounds = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	longBounds    = append(requestBounds[:len(requestBounds):len(requestBounds)], 15, 20, 30, 60, 120)
)

// seconds returns d as the conventions want durations.
func seconds(d time.Duration) float64 { return d.Seconds() }
