package smooch_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/smooch/smooch-go"
)

// post makes the request of a webhook and returns the status of the answer, as the service does
// with a target.
func post(ctx context.Context, receiver http.Handler, secret, body string) (status int) {
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/smooch", strings.NewReader(body))
	request.Header.Set("X-API-Key", secret)
	answer := httptest.NewRecorder()
	receiver.ServeHTTP(answer, request)
	return answer.Code
}

// said is the body of such a request for a message of a user.
func said(messageID string) string {
	return `{"trigger":"message:appUser","version":"v1.1","appUser":{"_id":"55c8c1498590aa1900b9b9b1"},
		"messages":[{"_id":"` + messageID + `","type":"text","role":"appUser","text":"Hi."}]}`
}

// One function for each type of event, and one for all that have none.
func ExampleHandle() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	receiver, err := smooch.NewWebhookReceiver(nil)
	if err != nil {
		log.Fatal(err)
	}
	smooch.Handle(receiver, func(_ context.Context, e *smooch.MessageEvent) error {
		for _, m := range e.Messages {
			if m.Role == smooch.RoleAppUser { // or a bot answers itself
				fmt.Println(e.AppUser.UserID, "says", m.Text)
			}
		}
		return nil // an error makes the service deliver the event again
	})
	smooch.Handle(receiver, func(_ context.Context, e smooch.Event) error {
		fmt.Println("not handled:", e.Header().Trigger)
		return nil
	})

	wait := deliver(ctx, app, server, receiver, smooch.TriggerMessageAppUser, smooch.TriggerConversationRead)
	ida := server.Person(server.App().ID, "ida", "whatsapp")
	if _, err := ida.Say("Is it open on Sunday?"); err != nil {
		log.Fatal(err)
	}
	wait()
	if err := ida.Read(); err != nil {
		log.Fatal(err)
	}
	wait()
	// Output:
	// ida says Is it open on Sunday?
	// not handled: conversation:read
}

// Some types have several triggers. The function tells them apart.
func ExampleEvent() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	receiver, err := smooch.NewWebhookReceiver(nil)
	if err != nil {
		log.Fatal(err)
	}
	smooch.Handle(receiver, func(_ context.Context, e *smooch.ClientEvent) error {
		switch e.Trigger {
		case smooch.TriggerClientAdd:
			fmt.Println(e.AppUser.UserID, "can be reached on", e.Client.Platform)
		case smooch.TriggerClientRemove:
			fmt.Println(e.AppUser.UserID, "has left", e.Client.Platform)
		default: // the service adds triggers at any time
		}
		return nil
	})

	wait := deliver(ctx, app, server, receiver, smooch.TriggerClientAdd, smooch.TriggerClientRemove)
	if err := server.Person(server.App().ID, "ida", "telegram").Join(); err != nil {
		log.Fatal(err)
	}
	if err := app.AppUsers.UnlinkChannel(ctx, "ida", "telegram"); err != nil {
		log.Fatal(err)
	}
	wait()
	// Output:
	// ida can be reached on telegram
	// ida has left telegram
}

// For a program that has an HTTP handler, or a queue, of its own.
func ExampleParseEvent() {
	event, err := smooch.ParseEvent([]byte(said("5698edbf2a43bd081be982f1")))
	if err != nil {
		log.Fatal(err) // not a JSON object
	}
	switch e := event.(type) {
	case *smooch.MessageEvent:
		fmt.Println(e.Messages[0].Text, e.AppUser.ID)
	case *smooch.UnknownEvent:
		fmt.Println(string(e.RawJSON()))
	}
	// Output: Hi. 55c8c1498590aa1900b9b9b1
}

// Both versions report the same fact, so it is handled once while two webhooks are there.
func ExampleEventKey() {
	v11 := said("5698edbf2a43bd081be982f1")
	v1 := strings.Replace(v11, `"version":"v1.1",`, "", 1)
	var keys []string
	for _, body := range []string{v1, v11} {
		event, err := smooch.ParseEvent([]byte(body))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Header().Version)
		keys = append(keys, smooch.EventKey(event))
	}
	fmt.Println(keys[0] == keys[1])
	// Output:
	// v1
	// v1.1
	// true
}

// The triggers of the v1.1 webhook that replaces one of v1.
func ExampleUpgradeTriggers() {
	fmt.Println(smooch.UpgradeTriggers([]smooch.Trigger{
		smooch.TriggerMessage, smooch.TriggerPostback, smooch.TriggerDeliveryFailure,
	}))
	// Output: [message:appUser message:appMaker postback message:delivery:failure]
}

// A message that the service has accepted can still fail on its channel.
func ExampleDeliveryReason() {
	ctx := context.Background()
	receiver, err := smooch.NewWebhookReceiver([]string{"s3cr3t"})
	if err != nil {
		log.Fatal(err)
	}
	smooch.Handle(receiver, func(_ context.Context, e *smooch.DeliveryEvent) error {
		if !e.Failed() {
			return nil
		}
		switch e.Reason {
		case smooch.DeliveryReasonOutsideWindow:
			fmt.Println("send a template instead of", e.Messages[0].ID)
		case smooch.DeliveryReasonBlocked, smooch.DeliveryReasonOptedOut:
			fmt.Println("stop sending")
		default:
			fmt.Println("look at", e.Error.Code)
		}
		return nil
	})

	post(ctx, receiver, "s3cr3t", `{"trigger":"message:delivery:failure","version":"v1.1","message":{"_id":"5baa610d"},
		"destination":{"type":"whatsapp"},"isFinalEvent":true,"error":{"code":"uncategorized_error",
		"underlyingError":{"errors":[{"code":131047,"title":"Re-engagement message"}]}}}`)
	// Output: send a template instead of 5baa610d
}

// An event that no repeat can mend. Without Permanent, it would be delivered five times more.
func ExamplePermanent() {
	ctx := context.Background()
	receiver, err := smooch.NewWebhookReceiver([]string{"s3cr3t"},
		smooch.WithReceiverLogger(slog.New(slog.DiscardHandler))) // the default is slog.Default
	if err != nil {
		log.Fatal(err)
	}
	busy := true
	smooch.Handle(receiver, func(context.Context, *smooch.MessageEvent) error {
		if busy {
			return errors.New("the database is busy")
		}
		return smooch.Permanent(errors.New("no such customer"))
	})

	fmt.Println(post(ctx, receiver, "s3cr3t", said("m1"))) // will be repeated
	busy = false
	fmt.Println(post(ctx, receiver, "s3cr3t", said("m1"))) // will not
	// Output:
	// 503
	// 406
}

// A new webhook with a new secret takes the place of another, and no event is lost meanwhile.
func ExampleWebhookReceiver_AddSecret() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	receiver, err := smooch.NewWebhookReceiver(nil)
	if err != nil {
		log.Fatal(err)
	}
	smooch.Handle(receiver, func(_ context.Context, e *smooch.MessageEvent) error {
		fmt.Println(e.Messages[0].Text) // once, although two webhooks report it for a while
		return nil
	})
	target := httptest.NewServer(receiver)
	defer target.Close()

	create := smooch.WebhookCreate{Target: target.URL, Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser}}
	rotate := func(old *smooch.Webhook) (*smooch.Webhook, error) {
		webhook, err := app.Webhooks.Create(ctx, create)
		if err != nil {
			return nil, err
		}
		if err := receiver.AddSecret(webhook.Secret); err != nil || old == nil {
			return webhook, err
		}
		if err := app.Webhooks.Delete(ctx, old.ID); err != nil {
			return nil, err
		}
		receiver.RemoveSecret(old.Secret)
		return webhook, nil
	}
	first, err := rotate(nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := rotate(first); err != nil {
		log.Fatal(err)
	}

	if _, err := server.Person(server.App().ID, "ida", "whatsapp").Say("Hi."); err != nil {
		log.Fatal(err)
	}
	if err := server.WaitDeliveries(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(post(ctx, receiver, first.Secret, said("m1")))
	// Output:
	// Hi.
	// 401
}

// Webhooks that other processes create have secrets that this one does not know yet.
func ExampleWithSecretLookup() {
	ctx := context.Background()
	var stored sync.Map // a table that all processes share, with hashes of the secrets
	receiver, err := smooch.NewWebhookReceiver(nil, smooch.WithSecretLookup(
		func(_ context.Context, secret string) (bool, error) {
			_, known := stored.Load(sha256.Sum256([]byte(secret)))
			return known, nil // an error makes the service deliver the event again
		}), smooch.WithReceiverLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		log.Fatal(err)
	}

	stored.Store(sha256.Sum256([]byte("s3cr3t")), true) // another process has created a webhook
	fmt.Println(post(ctx, receiver, "s3cr3t", said("m1")), post(ctx, receiver, "guessed", said("m1")))
	// Output: 200 401
}

// Two processes behind one target share what they have handled. Here it is in memory; packages
// smoochredis and smoochnats have a Deduper for several processes.
func ExampleDeduper() {
	ctx := context.Background()
	shared := smooch.NewMemoryDeduper(10_000)
	handled := 0
	for range 2 {
		receiver, err := smooch.NewWebhookReceiver([]string{"s3cr3t"}, smooch.WithDeduper(shared))
		if err != nil {
			log.Fatal(err)
		}
		smooch.Handle(receiver, func(context.Context, *smooch.MessageEvent) error {
			handled++
			return nil
		})
		fmt.Println(post(ctx, receiver, "s3cr3t", said("m1"))) // the same event
	}
	fmt.Println("handled:", handled)
	// Output:
	// 200
	// 200
	// handled: 1
}

// Functions that take long run after the answer, on workers of this process.
func ExampleWithBackground() {
	ctx := context.Background()
	receiver, err := smooch.NewWebhookReceiver([]string{"s3cr3t"}, smooch.WithBackground(1000, 8))
	if err != nil {
		log.Fatal(err)
	}
	smooch.Handle(receiver, func(_ context.Context, e *smooch.MessageEvent) error {
		fmt.Println("handled", e.Messages[0].ID)
		return nil
	})

	post(ctx, receiver, "s3cr3t", said("m1"))
	post(ctx, receiver, "s3cr3t", said("m2"))      // of the same user: after the first
	if err := receiver.Shutdown(ctx); err != nil { // waits for what has been accepted
		log.Fatal(err)
	}
	fmt.Println(post(ctx, receiver, "s3cr3t", said("m3")))
	// Output:
	// handled m1
	// handled m2
	// 503
}

// table is a queue whose Put has the event in a safe place before it returns, such as a table of a
// database.
type table struct{ rows []smooch.QueuedEvent }

func (t *table) Put(_ context.Context, e smooch.QueuedEvent) error {
	t.rows = append(t.rows, e)
	return nil
}

// The process that receives events only stores them. Others, which may be down meanwhile, handle
// them, see [smooch.WebhookReceiver.Process].
func ExampleQueue() {
	ctx := context.Background()
	queue := &table{}
	receiver, err := smooch.NewWebhookReceiver([]string{"s3cr3t"}, smooch.WithQueue(queue))
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(post(ctx, receiver, "s3cr3t", said("m1")))
	for _, row := range queue.rows {
		fmt.Println("of user", row.Order)
	}
	// Output:
	// 200
	// of user 55c8c1498590aa1900b9b9b1
}

func ExampleWebhookReceiver_Process() {
	ctx := context.Background()
	worker, err := smooch.NewWebhookReceiver(nil,
		smooch.WithDeduper(smooch.NewMemoryDeduper(10_000))) // one that all workers share
	if err != nil {
		log.Fatal(err)
	}
	smooch.Handle(worker, func(_ context.Context, e *smooch.MessageEvent) error {
		if e.Messages[0].ID == "m2" {
			return smooch.Permanent(errors.New("no such customer"))
		}
		return nil
	})

	work := func(e smooch.QueuedEvent) {
		switch err := worker.Process(ctx, e); {
		case err == nil:
			fmt.Println("done, take it out of the queue")
		case smooch.IsPermanent(err):
			fmt.Println("put it aside, for a person to look at")
		case errors.Is(err, smooch.ErrBusy), errors.Is(err, smooch.ErrClaimLost):
			fmt.Println("another worker has it, so look at it again later")
		default:
			fmt.Println("try again later, but not for ever:", err)
		}
	}
	work(smooch.QueuedEvent{Key: "k1", Order: "u1", Body: []byte(said("m1"))})
	work(smooch.QueuedEvent{Key: "k2", Order: "u1", Body: []byte(said("m2"))})
	// Output:
	// done, take it out of the queue
	// put it aside, for a person to look at
}

func ExampleWebhooksService_Create() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	target := httptest.NewServer(http.NotFoundHandler()) // a WebhookReceiver, in a program
	defer target.Close()

	webhook, err := app.Webhooks.Create(ctx, smooch.WebhookCreate{
		Target:   target.URL,
		Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser, smooch.TriggerPostback},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(webhook.Version, webhook.Triggers)
	fmt.Println(webhook.Secret != "") // for WebhookReceiver.AddSecret

	_, err = app.Webhooks.Create(ctx, smooch.WebhookCreate{
		Target: target.URL, Triggers: []smooch.Trigger{smooch.TriggerDeliveryFailure}, // its name in v1
	})
	fmt.Println(errors.Is(err, smooch.ErrInvalidArgument))
	// Output:
	// v1.1 [message:appUser postback]
	// true
	// true
}

// ExampleWebhooksService_Ensure is compiled but not run, as Ensure waits two seconds for the
// webhooks of other replicas. A program calls it at each start, and has one webhook.
//
//nolint:testableexamples // it is not run
func ExampleWebhooksService_Ensure() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	webhook, err := app.Webhooks.Ensure(ctx, smooch.WebhookCreate{
		Target:   "https://bot.example.com/smooch",
		Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser, smooch.TriggerPostback},
	})
	if err != nil {
		log.Fatal(err) // after ErrOutcomeUnknown, call it again
	}
	fmt.Println(webhook.ID)
}
