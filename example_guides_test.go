package smooch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// deliver lets a receiver get the events of the fake service, and returns a function that waits
// until all are delivered.
func deliver(ctx context.Context, app *smooch.Client, server *smoochtest.Server, receiver *smooch.WebhookReceiver, triggers ...smooch.Trigger) (wait func()) {
	target := httptest.NewServer(receiver)
	webhook, err := app.Webhooks.Create(ctx, smooch.WebhookCreate{Target: target.URL, Triggers: triggers})
	if err == nil {
		err = receiver.AddSecret(webhook.Secret)
	}
	if err != nil {
		panic(err)
	}
	return func() {
		if err := server.WaitDeliveries(ctx); err != nil {
			panic(err)
		}
	}
}

// Of docs/from-official-clients.md.
func Example_update() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	user, err := app.AppUsers.Update(ctx, "ida", smooch.AppUserUpdate{
		GivenName:  new("Ida"),
		Surname:    new(""),                           // is cleared
		Properties: map[string]any{"plan": "premium"}, // other properties stay
	})
	fmt.Println(user.GivenName, user.Properties, err)
	// Output: Ida map[plan:premium] <nil>
}

// Of docs/from-http.md.
func Example_anyCall() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	userID := "ida"

	call := func() error {
		var answer struct {
			AppUser struct {
				ID string `json:"_id"`
			} `json:"appUser"`
		}
		var response smooch.Response
		err := app.Do(ctx, http.MethodGet, "/appusers/"+url.PathEscape(userID), nil, &answer, smooch.WithResponse(&response))
		if err != nil {
			return err
		}
		fmt.Println(response.StatusCode, answer.AppUser.ID != "", len(response.Body) > 0)
		return nil
	}
	fmt.Println(call())
	// Output:
	// 200 true true
	// <nil>
}

// next says what a program does after a call. It is the code of docs/errors.md.
func next(err error) string {
	e, _ := errors.AsType[*smooch.Error](err)
	_, unread := errors.AsType[*smooch.DecodeError](err)
	switch {
	case err == nil, unread, errors.Is(err, smooch.ErrResponseTooLarge):
		return "done"
	case errors.Is(err, smooch.ErrOutcomeUnknown):
		return "find out"
	case errors.Is(err, smooch.ErrRateLimited):
		return "again after " + max(e.RetryAfter, time.Minute).String()
	case e != nil && e.StatusCode < 500, errors.Is(err, smooch.ErrInvalidArgument), errors.Is(err, smooch.ErrUnsupportedVersion):
		return "give up"
	}
	return "again later" // the service cannot be reached, or fails
}

func Example_errors() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	once := smooch.WithoutRetry()

	_, err := app.AppUsers.Get(ctx, "ida")
	fmt.Println(next(err))
	_, err = app.AppUsers.Get(ctx, "nobody")
	fmt.Println(next(err))
	_, err = app.AppUsers.Get(ctx, "")
	fmt.Println(next(err))
	server.Fail(smoochtest.Fault{Status: 503})
	_, err = app.AppUsers.Get(ctx, "ida", once)
	fmt.Println(next(err))
	server.Fail(smoochtest.Fault{Status: 503})
	_, err = app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Noon it is."), once)
	fmt.Println(next(err))
	server.Fail(smoochtest.Fault{Status: 429, RetryAfter: 2 * time.Minute})
	_, err = app.AppUsers.Get(ctx, "ida", once)
	fmt.Println(next(err))
	// Output:
	// done
	// give up
	// give up
	// again later
	// find out
	// again after 2m0s
}

// Of docs/sending.md.
func Example_resumedSend() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	job := struct {
		UserID, Token, Text string
		Begun               time.Time
	}{"ida", smooch.NewSendToken(), "Your parcel is on its way.", time.Now()}
	send := func() error {
		_, err := app.Conversations.PostMessage(ctx, job.UserID, smooch.TextMessage(job.Text),
			smooch.WithSendToken(job.Token), smooch.WithSentSince(job.Begun))
		return err
	}
	fmt.Println(send(), send()) // the process has died after the first, and was started again
	report := func() error {
		message, err := app.Conversations.FindSent(ctx, job.UserID, job.Token, job.Begun)
		if err != nil {
			return err
		}
		fmt.Println("sent:", message.Text)
		return nil
	}
	fmt.Println(report())
	history, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	fmt.Println(len(history.Messages), err)
	// Output:
	// <nil> <nil>
	// sent: Your parcel is on its way.
	// <nil>
	// 2 <nil>
}

// Of docs/merged-users.md.
func Example_mergedUsers() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	orders := map[string][]string{} // by the id of an app user

	receiver, err := smooch.NewWebhookReceiver(nil)
	if err != nil {
		panic(err)
	}
	smooch.Handle(receiver, func(ctx context.Context, e *smooch.MergeEvent) error {
		if e.Surviving == nil {
			return smooch.Permanent(errors.New("a merge without a surviving user"))
		}
		for _, discarded := range e.Discarded {
			orders[e.Surviving.ID] = append(orders[e.Surviving.ID], orders[discarded.ID]...)
			delete(orders, discarded.ID)
		}
		return nil
	})
	wait := deliver(ctx, app, server, receiver, smooch.TriggerMergeAppUser)

	ida, err := app.AppUsers.Get(ctx, "ida")
	if err != nil {
		panic(err)
	}
	guest, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "guest-17"})
	if err != nil {
		panic(err)
	}
	orders[guest.ID] = []string{"order-4711"}
	err = app.AppUsers.Merge(ctx, smooch.AppUserMerge{Surviving: ida.ID, Discarded: guest.ID})
	wait()
	fmt.Println(orders[ida.ID], len(orders), err)
	// Output: [order-4711] 1 <nil>
}

// Of docs/full-conversations.md.
func Example_fullConversation() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	var archive io.Writer = os.Stdout

	makeRoom := func(userID string) error {
		encoder := json.NewEncoder(archive)
		for message, err := range app.Conversations.Messages(ctx, userID, smooch.MessageListOptions{OldestFirst: true}) {
			if err != nil {
				return err
			}
			if err := encoder.Encode(map[string]string{"role": string(message.Role), "text": message.Text}); err != nil {
				return err
			}
		}
		return app.Conversations.DeleteMessages(ctx, userID)
	}

	post := func() error {
		_, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Noon it is."))
		if errors.Is(err, smooch.ErrConversationFull) {
			if err := makeRoom("ida"); err != nil {
				return err
			}
			_, err = app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Noon it is."))
		}
		return err
	}
	server.Fail(smoochtest.Fault{Method: "POST", Status: 423})
	fmt.Println(post())
	// Output:
	// {"role":"appMaker","text":"Hello."}
	// <nil>
}

// provision returns the app of a customer, which it creates if there is none. It is the code of
// docs/platforms.md.
func provision(ctx context.Context, account *smooch.Client, customer string) (*smooch.App, error) {
	for app, err := range account.Apps.All(ctx, smooch.AppListOptions{}) {
		if err != nil {
			return nil, err
		}
		if app.Metadata["customer"] == customer {
			return app, nil
		}
	}
	return account.Apps.Create(ctx, smooch.AppCreate{
		Name: customer, Metadata: map[string]any{"customer": customer},
	})
}

func Example_platform() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	key := server.Account()
	account, err := smooch.NewClient(smooch.AccountJWT(key.KeyID, key.Secret), smooch.WithBaseURL(server.URL))
	if err != nil {
		panic(err)
	}

	welcome := func(customer string) error {
		customerApp, err := provision(ctx, account, customer)
		if err != nil {
			return err
		}
		app := account.ForApp(customerApp.ID)
		_, err = app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "first user of " + customer})
		return err
	}
	fmt.Println(welcome("acme"), welcome("globex"))
	again, err := provision(ctx, account, "acme")
	fmt.Println(again.Name, err)
	// Output:
	// <nil> <nil>
	// acme <nil>
}

// Of docs/v1-to-v1.1.md.
func Example_versions() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	move := func() error {
		v1 := app.ForVersion(smooch.V1)
		old, err := v1.AppUsers.Get(ctx, "ida")
		if err != nil {
			return err
		}
		user, err := app.AppUsers.Get(ctx, "ida")
		if err != nil {
			return err
		}
		fmt.Println(user.ID == old.ID)
		return nil
	}
	fmt.Println(move())
	_, err := app.AppUsers.TrackEvent(ctx, "ida", smooch.EventTrack{Name: "opened"})
	fmt.Println(errors.Is(err, smooch.ErrUnsupportedVersion))
	// Output:
	// true
	// <nil>
	// true
}

// Of docs/webhooks.md.
func Example_shutdown() {
	receiver, err := smooch.NewWebhookReceiver([]string{"s3cr3t"})
	if err != nil {
		panic(err)
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: receiver}

	stop := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		if err := receiver.Shutdown(ctx); err != nil { // events that have been accepted are handled
			log.Println("not all events were handled:", err)
		}
		return server.Shutdown(ctx)
	}
	fmt.Println(stop())
	// Output: <nil>
}

// Of docs/testing.md.
func Example_secondDelivery() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	handled := 0
	receiver, err := smooch.NewWebhookReceiver(nil)
	if err != nil {
		panic(err)
	}
	smooch.Handle(receiver, func(ctx context.Context, e *smooch.MessageEvent) error {
		handled++
		return nil
	})
	wait := deliver(ctx, app, server, receiver, smooch.TriggerMessageAppUser)

	again := func() error {
		ida := server.Person(server.App().ID, "ida", "whatsapp")
		if _, err := ida.Say("Hello"); err != nil {
			return err
		}
		wait()
		for _, delivery := range server.DeliveryLog() {
			if delivery.Trigger == string(smooch.TriggerMessageAppUser) {
				if _, err := server.Redeliver(delivery.ID); err != nil {
					return err
				}
			}
		}
		return nil
	}
	fmt.Println(again(), handled)
	// Output: <nil> 1
}
