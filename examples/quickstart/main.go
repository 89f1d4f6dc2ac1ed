// Command quickstart takes a tour: it provisions an app, makes a key, pre-creates a user, has webhook events
// delivered to itself, posts messages as the user and as the business, and reads them back.
//
//	go run ./examples/quickstart
//
// By default it talks to a Smooch of its own, in this process. With SMOOCH_KEY_ID and
// SMOOCH_KEY_SECRET, or a ready SMOOCH_TOKEN, of the account level it talks to the real service:
//
//	SMOOCH_BASE_URL     another address of the service, such as https://api.eu-1.smooch.io
//	SMOOCH_APP_ID       an app to use, in place of making one
//	SMOOCH_WEBHOOK_URL  a public address that leads to SMOOCH_LISTEN; without it the webhook step is left out
//	SMOOCH_LISTEN       the address to listen on for webhooks, default 127.0.0.1:8080
//
// What it makes it removes at the end.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	w, err := findWorld()
	if err != nil {
		return err
	}
	defer w.close()

	// What is made is put here, and removed in the opposite order.
	var cleanup []func(context.Context) error
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		for i := len(cleanup) - 1; i >= 0; i-- {
			err = errors.Join(err, cleanup[i](ctx))
		}
		if err == nil {
			say("Removed", "what this tour has made")
		}
	}()

	client, err := smooch.NewClient(w.auth, w.options...)
	if err != nil {
		return err
	}

	appID := os.Getenv("SMOOCH_APP_ID")
	if appID == "" {
		app, err := client.Apps.Create(ctx, smooch.AppCreate{Name: "Quickstart"})
		if err != nil {
			return err
		}
		appID = app.ID
		cleanup = append(cleanup, func(ctx context.Context) error { return client.Apps.Delete(ctx, app.ID) })
		say("Provisioned", "the app %q, id %s, app token %s", app.Name, app.ID, short(app.AppToken))
	} else {
		say("Using", "the app %s", appID)
	}
	account := client.ForApp(appID)

	key, err := account.Keys.Create(ctx, smooch.KeyCreate{Name: "quickstart"})
	if err != nil {
		return err
	}
	cleanup = append(cleanup, func(ctx context.Context) error { return account.Keys.Delete(ctx, key.ID) })
	say("Made", "the key %s, secret %s", key.ID, short(key.Secret))

	signer := smooch.AppJWT(key.ID, key.Secret)
	token, err := signer.Token()
	if err != nil {
		return err
	}
	say("Signed", "a JWT of scope app with it: %s", short(token))
	app, err := smooch.NewClient(signer, append(w.options, smooch.WithApp(appID))...)
	if err != nil {
		return err
	}

	userID := "ida-" + strconv.FormatInt(time.Now().UnixMilli(), 36)
	user, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{
		UserID: userID, GivenName: "Ida", Properties: map[string]any{"favoriteFood": "prizza"},
	})
	if err != nil {
		return err
	}
	cleanup = append(cleanup, func(ctx context.Context) error { return app.AppUsers.Delete(ctx, user.ID) })
	say("Pre-created", "the user %s, id %s", user.UserID, user.ID)

	events, remove, err := listen(ctx, w, app)
	if err != nil {
		return err
	}
	cleanup = append(cleanup, remove)

	posted := []smooch.MessagePost{
		{Role: smooch.RoleAppUser, Text: "Is my parcel on its way?"},
		{Role: smooch.RoleAppMaker, Text: "It leaves the depot at noon."},
	}
	for _, message := range posted {
		answer, err := app.Conversations.PostMessage(ctx, user.UserID, message)
		if err != nil {
			return err
		}
		say("Posted", "as %-8s %q, id %s", answer.Message.Role, message.Text, answer.Message.ID)
	}
	if events != nil {
		if err := show(ctx, events, len(posted)); err != nil {
			return err
		}
	}

	everything := smooch.MessageListOptions{OldestFirst: true}
	for message, err := range app.Conversations.Messages(ctx, user.UserID, everything) {
		if err != nil {
			return err
		}
		say("Read", "%s %-8s %q", message.Received.Format("15:04:05.000"), message.Role, message.Text)
	}
	return asUser(ctx, w, app, key, user)
}

// asUser signs a JWT for the user and shows that it reaches nobody else.
func asUser(ctx context.Context, w *world, app *smooch.Client, key *smooch.Key, user *smooch.AppUser) (err error) {
	other, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: user.UserID + "-neighbour"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.AppUsers.Delete(context.WithoutCancel(ctx), other.ID)) }()

	own, err := smooch.NewClient(smooch.AppUserJWT(key.ID, key.Secret, user.UserID), w.options...)
	if err != nil {
		return err
	}
	self, err := own.AppUsers.Get(ctx, user.UserID)
	if err != nil {
		return err
	}
	say("Signed", "a JWT of scope appUser, which reads its own user %s", self.UserID)
	_, err = own.AppUsers.Get(ctx, other.UserID)
	if err == nil {
		return errors.New("the appUser JWT reads another user")
	}
	if e, answered := errors.AsType[*smooch.Error](err); answered {
		say("Refused", "to read the user %s with it: %d", other.UserID, e.StatusCode)
		return nil
	}
	return err
}

// listen starts the webhook receiver and creates the webhook that delivers to it. events is nil where there is no public address.
func listen(ctx context.Context, w *world, app *smooch.Client) (events chan *smooch.MessageEvent, remove func(context.Context) error, err error) {
	if w.listen == "" {
		say("Left out", "the webhook: SMOOCH_WEBHOOK_URL names no public address")
		return nil, func(context.Context) error { return nil }, nil
	}
	listener, err := net.Listen("tcp", w.listen)
	if err != nil {
		return nil, nil, err
	}
	// The service looks whether the target answers before it creates a webhook, and only
	// then tells the secret: until the receiver can be made, a stand-in answers.
	var receiver atomic.Pointer[smooch.WebhookReceiver]
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch ready := receiver.Load(); {
		case ready != nil:
			ready.ServeHTTP(rw, r)
		case r.Method == http.MethodHead:
		default:
			rw.WriteHeader(http.StatusServiceUnavailable) // comes again
		}
	})}
	go func() { _ = server.Serve(listener) }() // ends when it is closed

	target := os.Getenv("SMOOCH_WEBHOOK_URL")
	if target == "" {
		target = "http://" + listener.Addr().String() + "/smooch"
	}
	webhook, err := app.Webhooks.Create(ctx, smooch.WebhookCreate{
		Target:   target,
		Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser, smooch.TriggerMessageAppMaker},
	})
	if err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}
	ready, err := smooch.NewWebhookReceiver([]string{webhook.Secret})
	if err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}
	events = make(chan *smooch.MessageEvent, 16)
	smooch.Handle(ready, func(_ context.Context, e *smooch.MessageEvent) error {
		events <- e
		return nil
	})
	receiver.Store(ready)
	say("Created", "a webhook to %s, id %s, secret %s", webhook.Target, webhook.ID, short(webhook.Secret))
	return events, func(ctx context.Context) error {
		return errors.Join(app.Webhooks.Delete(ctx, webhook.ID), server.Close())
	}, nil
}

// show prints events until n messages have come.
func show(ctx context.Context, events <-chan *smooch.MessageEvent, n int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for n > 0 {
		select {
		case e := <-events:
			for _, m := range e.Messages {
				say("Received", "the event %s: %q from %s", e.Trigger, m.Text, m.Role)
				n--
			}
		case <-ctx.Done():
			return fmt.Errorf("the webhook events did not arrive: %w", ctx.Err())
		}
	}
	return nil
}

// world is where the tour goes: the real service, or one in this process.
type world struct {
	auth    smooch.Auth
	options []smooch.Option
	listen  string // address of the webhook receiver, "" for none
	close   func()
}

func findWorld() (*world, error) {
	keyID, secret, token := os.Getenv("SMOOCH_KEY_ID"), os.Getenv("SMOOCH_KEY_SECRET"), os.Getenv("SMOOCH_TOKEN")
	w := &world{close: func() {}}
	switch {
	case token != "":
		w.auth = smooch.BearerToken(token)
	case keyID != "" && secret != "":
		w.auth = smooch.AppMakerJWT(keyID, secret)
	case keyID != "" || secret != "":
		return nil, errors.New("SMOOCH_KEY_ID and SMOOCH_KEY_SECRET go together")
	default:
		server := smoochtest.NewServer()
		account := server.Account()
		w.auth = smooch.AppMakerJWT(account.KeyID, account.Secret)
		w.options, w.listen, w.close = []smooch.Option{smooch.WithBaseURL(server.URL)}, "127.0.0.1:0", server.Close
		say("Started", "a Smooch service in this process at %s; see the source for the real one", server.URL)
		return w, nil
	}
	if base := os.Getenv("SMOOCH_BASE_URL"); base != "" {
		w.options = append(w.options, smooch.WithBaseURL(base))
	}
	if os.Getenv("SMOOCH_WEBHOOK_URL") != "" {
		w.listen = "127.0.0.1:8080"
		if address := os.Getenv("SMOOCH_LISTEN"); address != "" {
			w.listen = address
		}
	}
	return w, nil
}

func say(verb, format string, args ...any) {
	fmt.Printf("%-12s %s\n", verb, fmt.Sprintf(format, args...))
}

// short is enough of a secret to recognise it.
func short(secret string) string {
	return secret[:min(4, len(secret))] + "…"
}
