// Command quickstart shows the main calls of the SDK: it creates an app, a key, a user and a
// webhook, posts messages as the user and as the business, receives the webhook events of those
// messages, and reads the messages back. At the end it deletes what it has created.
//
//	go run ./examples/quickstart
//
// By default it starts a fake Smooch service in this process. With a key or a token of the account
// level it uses the real service:
//
//	SMOOCH_KEY_ID       the id of the key
//	SMOOCH_KEY_SECRET   the secret of the key
//	SMOOCH_TOKEN        a token, in place of a key
//	SMOOCH_BASE_URL     another address of the service, such as https://api.eu-1.smooch.io
//	SMOOCH_APP_ID       an app to use, in place of creating one
//	SMOOCH_WEBHOOK_URL  a public address that leads to SMOOCH_LISTEN; without it there is no webhook
//	SMOOCH_LISTEN       the address to listen on for webhooks, by default 127.0.0.1:8080
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
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
	s, err := chooseService()
	if err != nil {
		return err
	}
	defer s.close()

	// Each function deletes something that was created. They run in reverse order.
	var cleanup []func(context.Context) error
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		for i := len(cleanup) - 1; i >= 0; i-- {
			err = errors.Join(err, cleanup[i](ctx))
		}
		if err == nil {
			report("Deleted", "everything that was created")
		}
	}()

	client, err := smooch.NewClient(s.auth, s.options...)
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
		report("Created", "the app %q, id %s, app token %s", app.Name, app.ID, abbreviate(app.AppToken))
	} else {
		report("Using", "the app with the id %s", appID)
	}
	account := client.ForApp(appID)

	key, err := account.Keys.Create(ctx, smooch.KeyCreate{Name: "quickstart"})
	if err != nil {
		return err
	}
	cleanup = append(cleanup, func(ctx context.Context) error { return account.Keys.Delete(ctx, key.ID) })
	report("Created", "the key %s, secret %s", key.ID, abbreviate(key.Secret))

	signer := smooch.AppJWT(key.ID, key.Secret)
	token, err := signer.Token()
	if err != nil {
		return err
	}
	report("Signed", "a JWT of the scope app with that key: %s", abbreviate(token))
	app, err := smooch.NewClient(signer, append(s.options, smooch.WithApp(appID))...)
	if err != nil {
		return err
	}

	userID := "ida-" + strconv.FormatInt(time.Now().UnixMilli(), 36)
	user, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{
		UserID: userID, GivenName: "Ida", Properties: map[string]any{"favoriteFood": "pizza"},
	})
	if err != nil {
		return err
	}
	cleanup = append(cleanup, func(ctx context.Context) error { return app.AppUsers.Delete(ctx, user.ID) })
	report("Created", "the user %s, id %s", user.UserID, user.ID)

	events, closeWebhook, err := listen(ctx, s, app)
	if err != nil {
		return err
	}
	cleanup = append(cleanup, closeWebhook)

	posted := []smooch.MessagePost{
		{Role: smooch.RoleAppUser, Text: "Is my parcel on its way?"},
		{Role: smooch.RoleAppMaker, Text: "It leaves the depot at noon."},
	}
	for _, message := range posted {
		answer, err := app.Conversations.PostMessage(ctx, user.UserID, message)
		if err != nil {
			return err
		}
		report("Posted", "as %-8s  %q, id %s", answer.Message.Role, message.Text, answer.Message.ID)
	}
	if events != nil {
		if err := reportEvents(ctx, events, len(posted)); err != nil {
			return err
		}
	}

	history := app.Conversations.Messages(ctx, user.UserID, smooch.MessageListOptions{OldestFirst: true})
	for message, err := range history {
		if err != nil {
			return err
		}
		report("Read", "%s  %-8s  %q", message.Received.Format("15:04:05.000"), message.Role, message.Text)
	}
	return readAsUser(ctx, s, app, key, user)
}

// readAsUser signs a JWT for the user and shows that it does not reach another user.
func readAsUser(ctx context.Context, s *service, app *smooch.Client, key *smooch.Key, user *smooch.AppUser) (err error) {
	other, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: user.UserID + "-other"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.AppUsers.Delete(context.WithoutCancel(ctx), other.ID)) }()

	own, err := smooch.NewClient(smooch.AppUserJWT(key.ID, key.Secret, user.UserID), s.options...)
	if err != nil {
		return err
	}
	self, err := own.AppUsers.Get(ctx, user.UserID)
	if err != nil {
		return err
	}
	report("Signed", "a JWT of the scope appUser, which reads the user %s", self.UserID)
	_, err = own.AppUsers.Get(ctx, other.UserID)
	if err == nil {
		return errors.New("the JWT of one user reads another user")
	}
	if e, answered := errors.AsType[*smooch.Error](err); answered {
		report("Refused", "access to the user %s with that JWT: status %d", other.UserID, e.StatusCode)
		return nil
	}
	return err
}

// listen starts the webhook receiver and creates the webhook that delivers to it. events is nil if
// there is no address to listen on. closeWebhook deletes the webhook and stops the receiver.
func listen(ctx context.Context, s *service, app *smooch.Client) (events chan *smooch.MessageEvent, closeWebhook func(context.Context) error, err error) {
	if s.listen == "" {
		report("Skipped", "the webhook, because SMOOCH_WEBHOOK_URL is not set")
		return nil, func(context.Context) error { return nil }, nil
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return nil, nil, err
	}
	// The secret is known only after the webhook has been created. Until it is added, the service gets
	// 200 for its HEAD request and 503 for events, which it delivers again.
	receiver, err := smooch.NewWebhookReceiver(nil)
	if err != nil {
		return nil, nil, errors.Join(err, listener.Close())
	}
	events = make(chan *smooch.MessageEvent, 16)
	smooch.Handle(receiver, func(_ context.Context, e *smooch.MessageEvent) error {
		events <- e
		return nil
	})
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: receiver}
	go func() { _ = server.Serve(listener) }() // returns when the server is closed

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
	if err := receiver.AddSecret(webhook.Secret); err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}
	report("Created", "the webhook %s to %s, secret %s", webhook.ID, webhook.Target, abbreviate(webhook.Secret))
	return events, func(ctx context.Context) error {
		return errors.Join(app.Webhooks.Delete(ctx, webhook.ID), server.Close())
	}, nil
}

// reportEvents prints events until it has received n messages.
func reportEvents(ctx context.Context, events <-chan *smooch.MessageEvent, n int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for n > 0 {
		select {
		case e := <-events:
			for _, m := range e.Messages {
				report("Received", "the event %-16s  %q", e.Trigger, m.Text)
				n--
			}
		case <-ctx.Done():
			return fmt.Errorf("the webhook events did not arrive: %w", ctx.Err())
		}
	}
	return nil
}

// service is the Smooch service to use: the real one, or a fake in this process.
type service struct {
	auth    smooch.Auth
	options []smooch.Option
	listen  string // the address to listen on for webhooks, "" for no webhook
	close   func()
}

// chooseService reads the environment, and starts a fake service if it holds no credential.
func chooseService() (*service, error) {
	keyID, secret, token := os.Getenv("SMOOCH_KEY_ID"), os.Getenv("SMOOCH_KEY_SECRET"), os.Getenv("SMOOCH_TOKEN")
	s := &service{close: func() {}}
	switch {
	case token != "":
		s.auth = smooch.BearerToken(token)
	case keyID != "" && secret != "":
		s.auth = smooch.AppMakerJWT(keyID, secret)
	case keyID != "" || secret != "":
		return nil, errors.New("SMOOCH_KEY_ID and SMOOCH_KEY_SECRET must be set together")
	default:
		server := smoochtest.NewServer()
		account := server.Account()
		s.auth = smooch.AppMakerJWT(account.KeyID, account.Secret)
		s.options, s.listen, s.close = []smooch.Option{smooch.WithBaseURL(server.URL)}, "127.0.0.1:0", server.Close
		report("Started", "a fake Smooch service at %s, as SMOOCH_KEY_ID is not set", server.URL)
		return s, nil
	}
	if base := os.Getenv("SMOOCH_BASE_URL"); base != "" {
		s.options = append(s.options, smooch.WithBaseURL(base))
	}
	if os.Getenv("SMOOCH_WEBHOOK_URL") != "" {
		s.listen = "127.0.0.1:8080"
		if address := os.Getenv("SMOOCH_LISTEN"); address != "" {
			s.listen = address
		}
	}
	return s, nil
}

// report prints one line about a step.
func report(verb, format string, args ...any) {
	fmt.Printf("%-8s  %s\n", verb, fmt.Sprintf(format, args...))
}

// abbreviate returns the start of a secret, which is enough to recognize it.
func abbreviate(secret string) string {
	return secret[:min(4, len(secret))] + "…"
}
