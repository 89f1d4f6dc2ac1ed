package smooch_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// Numbers for each operation, and a header that other services know the call by.
func ExampleHook() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()

	app := server.Client(smooch.WithRetryPolicy(smooch.RetryPolicy{MinDelay: time.Millisecond}), smooch.WithHook(smooch.Hook{
		Call: func(_ context.Context, call smooch.CallInfo) (context.Context, func(smooch.CallResult)) {
			return nil, func(result smooch.CallResult) {
				fmt.Println(call.Operation, result.StatusCode, "after", result.Attempts, "attempts")
			}
		},
		Attempt: func(_ context.Context, attempt smooch.AttemptInfo) (context.Context, func(smooch.AttemptResult)) {
			attempt.Header.Set("X-Request-Id", fmt.Sprint("4711-", attempt.Number))
			return nil, nil // nothing to do at the end
		},
	}))
	server.Fail(smoochtest.Fault{Status: http.StatusServiceUnavailable})
	if _, err := app.Menu.Get(ctx); err != nil {
		log.Fatal(err)
	}
	for _, request := range server.Requests() {
		fmt.Println(request.Header.Get("X-Request-Id"))
	}
	// Output:
	// menu.get 200 after 2 attempts
	// 4711-1
	// 4711-2
}

// What has become of each delivery.
func ExampleDeliveryHook() {
	ctx := context.Background()
	receiver, err := smooch.NewWebhookReceiver([]string{"s3cr3t"}, smooch.WithDeliveryHook(smooch.DeliveryHook{
		Delivery: func(context.Context, smooch.DeliveryInfo) (context.Context, func(smooch.DeliveryResult)) {
			return nil, func(result smooch.DeliveryResult) {
				fmt.Println(result.StatusCode, "handled:", result.Handled, "duplicate:", result.Duplicate)
			}
		},
	}))
	if err != nil {
		log.Fatal(err)
	}
	smooch.Handle(receiver, func(context.Context, *smooch.MessageEvent) error { return nil })

	post(ctx, receiver, "s3cr3t", said("m1"))
	post(ctx, receiver, "s3cr3t", said("m1")) // once more
	// Output:
	// 200 handled: true duplicate: false
	// 200 handled: false duplicate: true
}
