package smoochtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// A service in the process of the test, with an app and a client of it.
func ExampleServer() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	app := server.Client()

	if _, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"}); err != nil {
		log.Fatal(err)
	}
	_, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Noon it is."))
	fmt.Println(err)
	_, err = app.Conversations.PostMessage(ctx, "ida", smooch.MessagePost{Type: smooch.MessageTypeImage})
	fmt.Println(err)
	// Output:
	// <nil>
	// smooch: POST /appusers/{userId}/messages: 400 bad_request: mediaUrl is required
}

// A user who writes to a bot and taps what it answers.
func ExamplePerson() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	app := server.Client()
	if _, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"}); err != nil {
		log.Fatal(err)
	}

	bot, err := smooch.NewWebhookReceiver(nil)
	if err != nil {
		log.Fatal(err)
	}
	smooch.Handle(bot, func(ctx context.Context, e *smooch.MessageEvent) error {
		answer := smooch.TextMessage("At your service.")
		answer.Actions = []smooch.Action{smooch.ReplyAction("Book a table", "BOOK")}
		_, err := app.Conversations.PostMessage(ctx, e.AppUser.ID, answer)
		return err
	})
	target := httptest.NewServer(bot)
	defer target.Close()
	webhook, err := app.Webhooks.Create(ctx, smooch.WebhookCreate{
		Target: target.URL, Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := bot.AddSecret(webhook.Secret); err != nil {
		log.Fatal(err)
	}

	ida := server.Person(server.App().ID, "ida", "whatsapp")
	if _, err := ida.Say("Hello?"); err != nil {
		log.Fatal(err)
	}
	if err := server.WaitDeliveries(ctx); err != nil {
		log.Fatal(err)
	}
	if err := ida.Tap("BOOK"); err != nil {
		log.Fatal(err)
	}
	messages, err := ida.Messages()
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range messages {
		fmt.Println(m["role"], m["text"])
	}
	// Output:
	// appUser Hello?
	// appMaker At your service.
	// appUser Book a table
}

// The answer to a send is lost on its way: did the program post twice?
func ExampleServer_Fail() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	app := server.Client()
	if _, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"}); err != nil {
		log.Fatal(err)
	}

	server.Fail(smoochtest.Fault{Method: "POST", Path: "/messages", Cut: smoochtest.CutAfter})
	_, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Noon it is."), smooch.WithSendToken("order-4711"))
	fmt.Println(err)
	page, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(page.Messages))

	// Until it is lifted:
	lift := server.Fail(smoochtest.Fault{Status: http.StatusServiceUnavailable, Times: -1})
	_, err = app.Menu.Get(ctx, smooch.WithoutRetry())
	fmt.Println(errors.Is(err, smooch.ErrServer))
	lift()
	_, err = app.Menu.Get(ctx)
	fmt.Println(err)
	// Output:
	// <nil>
	// 1
	// true
	// <nil>
}

// What the program has sent.
func ExampleServer_Requests() {
	ctx := context.Background()
	server := smoochtest.NewServer(smoochtest.WithCredentials(smoochtest.Credentials{}, smoochtest.App{ID: "app1"}))
	defer server.Close()
	app := server.Client()

	if _, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"}); err != nil {
		log.Fatal(err)
	}
	for _, request := range server.Requests() {
		fmt.Println(request.Method, request.URI, string(request.Body), request.Status)
	}
	// Output: POST /v1.1/apps/app1/appusers {"userId":"ida"} 201
}

// An event that no person makes, here of a message that WhatsApp could not deliver.
func ExampleServer_Emit() {
	ctx := context.Background()
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			return // the service checks whether the target is there
		}
		body, _ := io.ReadAll(r.Body)
		event, err := smooch.ParseEvent(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if e, ok := event.(*smooch.DeliveryEvent); ok {
			fmt.Println(e.AppUser.UserID, e.Error.Code, e.Reason)
		}
	}))
	defer target.Close()
	server := smoochtest.NewServer(smoochtest.WithWebhook(target.URL, "message:delivery:failure"))
	defer server.Close()
	if _, err := server.Client().AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"}); err != nil {
		log.Fatal(err)
	}

	err := server.Emit(server.App().ID, "ida", "message:delivery:failure", map[string]any{
		"error": map[string]any{"code": "forbidden", "message": "the user has blocked the business"},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.WaitDeliveries(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: ida forbidden blocked
}

// A target that is down for a while gets the event again, without a test that waits for it.
func ExampleServer_Advance() {
	ctx := context.Background()
	status := http.StatusServiceUnavailable
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(status)
		}
	}))
	defer target.Close()
	server := smoochtest.NewServer(smoochtest.WithWebhook(target.URL, "message:appUser"))
	defer server.Close()
	if _, err := server.Client().AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"}); err != nil {
		log.Fatal(err)
	}
	if _, err := server.Person(server.App().ID, "ida", "whatsapp").Say("Hello?"); err != nil {
		log.Fatal(err)
	}
	if err := server.WaitDeliveries(ctx); err != nil {
		log.Fatal(err)
	}

	status = http.StatusOK
	server.Advance(time.Minute)
	for _, delivery := range server.DeliveryLog() {
		if delivery.Trigger == "message:appUser" {
			fmt.Println("attempt", delivery.Attempt, delivery.Status)
		}
	}
	// Output:
	// attempt 1 503
	// attempt 2 200
}

// A program that gets an event twice must handle it once.
func ExampleServer_Redeliver() {
	ctx := context.Background()
	handled := 0
	receiver, err := smooch.NewWebhookReceiver(nil)
	if err != nil {
		log.Fatal(err)
	}
	smooch.Handle(receiver, func(context.Context, *smooch.MessageEvent) error {
		handled++
		return nil
	})
	target := httptest.NewServer(receiver)
	defer target.Close()
	server := smoochtest.NewServer(smoochtest.WithWebhook(target.URL, "message:appUser"))
	defer server.Close()
	app := server.Client()
	webhooks, err := app.Webhooks.List(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := receiver.AddSecret(webhooks[0].Secret); err != nil {
		log.Fatal(err)
	}
	if _, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"}); err != nil {
		log.Fatal(err)
	}
	if _, err := server.Person(server.App().ID, "ida", "whatsapp").Say("Hello?"); err != nil {
		log.Fatal(err)
	}
	if err := server.WaitDeliveries(ctx); err != nil {
		log.Fatal(err)
	}

	deliveries := server.DeliveryLog()
	again, err := server.Redeliver(deliveries[len(deliveries)-1].ID)
	fmt.Println(again.Status, err, handled)
	// Output: 200 <nil> 1
}

// A service that accepts two calls in a while.
func ExampleWithRateLimit() {
	ctx := context.Background()
	server := smoochtest.NewServer(smoochtest.WithRateLimit(2, time.Hour))
	defer server.Close()
	app := server.Client()

	for range 3 {
		_, err := app.Menu.Get(ctx)
		fmt.Println(err == nil, errors.Is(err, smooch.ErrRateLimited))
	}
	// Output:
	// true false
	// true false
	// false true
}

// ExampleTestDeduper is compiled but not run, as it is a test, which takes seconds.
//
//nolint:testableexamples // it is not run
func ExampleTestDeduper() {
	_ = func(t *testing.T) { // TestDeduper of the package that has the Deduper
		smoochtest.TestDeduper(t, func() smooch.Deduper { return smooch.NewMemoryDeduper(10_000) })
	}
}
