package smoochotel_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochotel"
	"github.com/smooch/smooch-go/smoochtest"
)

func ExampleHook() {
	spans := tracetest.NewInMemoryExporter() // a program sends them to a collector instead
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)))

	server := smoochtest.NewServer()
	defer server.Close()
	server.Fail(smoochtest.Fault{Status: 503})
	client := server.Client(smooch.WithHook(smoochotel.Hook()))
	if _, err := client.Webhooks.List(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, s := range spans.GetSpans() { // in the order of their ends
		fmt.Println(s.SpanKind, s.Name, s.Status.Code)
	}
	// Output:
	// client GET /webhooks Error
	// client GET /webhooks Unset
	// internal webhooks.list Unset
}

func ExampleDeliveryHook() {
	receiver, err := smooch.NewWebhookReceiver([]string{"s3cr3t"}, smooch.WithDeliveryHook(smoochotel.DeliveryHook()))
	fmt.Println(receiver, err)
	// Output:
	// smooch.WebhookReceiver <nil>
}
