// Trace-a-send sends a message while things go wrong, and writes the trace: the service refuses the
// first attempt with 429, the answer to the second one is lost, and the send token settles whether
// the message has arrived.
//
//	go run ./trace-a-send -o trace.json
//
// With OTEL_EXPORTER_OTLP_ENDPOINT, or any other of the standard variables, the trace also goes
// over OTLP to a collector or a viewer. For Jaeger:
//
//	docker run --rm -p 16686:16686 -p 4318:4318 jaegertracing/jaeger
//	OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 go run ./trace-a-send
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochotel"
	"github.com/smooch/smooch-go/smoochtest"
)

func main() {
	output := flag.String("o", "", "a file for the spans, as JSON")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *output); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, output string) error {
	kept := tracetest.NewInMemoryExporter()
	opts := []sdktrace.TracerProviderOption{
		sdktrace.WithSyncer(kept),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "trace-a-send"))),
	}
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "" {
		exporter, err := otlptracehttp.New(ctx) // reads the standard variables
		if err != nil {
			return err
		}
		opts = append(opts, sdktrace.WithBatcher(exporter))
	}
	provider := sdktrace.NewTracerProvider(opts...)
	if err := send(ctx, provider); err != nil {
		return err
	}
	spans := kept.GetSpans()
	if err := provider.Shutdown(ctx); err != nil { // sends what is waiting
		return err
	}
	show(out, spans)
	if output == "" {
		return nil
	}
	data, err := json.MarshalIndent(spans, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(output, data, 0o644)
}

// send answers a user, in a span of its own as a program would have one.
func send(ctx context.Context, provider *sdktrace.TracerProvider) error {
	service := smoochtest.NewServer()
	defer service.Close()
	if _, err := service.Client().AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"}); err != nil {
		return err
	}
	service.Fail(smoochtest.Fault{Path: "/messages", Method: "POST", Status: 429, RetryAfter: time.Second})
	service.Fail(smoochtest.Fault{Path: "/messages", Method: "POST", Cut: smoochtest.CutAfter})

	client := service.Client(smooch.WithHook(smoochotel.Hook(smoochotel.WithTracerProvider(provider))))
	ctx, span := provider.Tracer("trace-a-send").Start(ctx, "answer ida")
	defer span.End()
	_, err := client.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Your parcel is on its way."),
		smooch.WithSendToken(smooch.NewSendToken()))
	return err
}

// show prints the spans as a viewer draws them: below their parents, each with a bar on the time
// line of the trace.
func show(out io.Writer, spans tracetest.SpanStubs) {
	root := spans[len(spans)-1]
	for _, s := range spans {
		if !s.Parent.IsValid() {
			root = s
		}
	}
	const width = 40
	column := func(at time.Time) int {
		return int(at.Sub(root.StartTime) * width / root.EndTime.Sub(root.StartTime))
	}
	var add func(s tracetest.SpanStub, indent string)
	add = func(s tracetest.SpanStub, indent string) {
		from, to := column(s.StartTime), column(s.EndTime)
		bar := fmt.Sprintf("%*s", from, "")
		for range max(to-from, 1) {
			bar += "━"
		}
		note := ""
		for _, a := range s.Attributes {
			switch a.Key {
			case "http.response.status_code", "http.request.resend_count", "error.type", "smooch.attempts":
				note += fmt.Sprintf(" %s=%s", a.Key, a.Value.String())
			}
		}
		fmt.Fprintf(out, "%-46s %6.0f ms  %-*s%s\n", indent+s.Name, s.EndTime.Sub(s.StartTime).Seconds()*1000, width+1, bar, note)
		for _, child := range spans {
			if child.Parent.SpanID() == s.SpanContext.SpanID() {
				add(child, indent+"  ")
			}
		}
	}
	add(root, "")
}
