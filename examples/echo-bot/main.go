// Command echo-bot answers texts, postbacks and images.
//
//	go run ./examples/echo-bot
//
// By default it starts a fake Smooch service in this process and talks to a scripted user there.
// With the address of a smooch-sandbox it joins that, and a person can talk to it in a browser:
//
//	go run ./cmd/smooch-sandbox
//	go run ./examples/echo-bot -sandbox http://127.0.0.1:8800
//
// With an app's key it serves the users of the real service until it is interrupted:
//
//	SMOOCH_KEY_ID       the id of the key
//	SMOOCH_KEY_SECRET   the secret of the key
//	SMOOCH_WEBHOOK_URL  a public address that leads to SMOOCH_LISTEN
//	SMOOCH_LISTEN       the address to listen on for webhooks, by default 127.0.0.1:8080
//	SMOOCH_BASE_URL     another address of the service, such as https://api.eu-1.smooch.io
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/examples/internal/service"
	"github.com/smooch/smooch-go/smoochtest"
)

// bot answers the messages and postbacks of an app's users.
type bot struct{ app *smooch.Client }

func (b bot) handleMessage(ctx context.Context, e *smooch.MessageEvent) error {
	for _, m := range e.Messages {
		if m.Role != smooch.RoleAppUser {
			continue // the bot must not answer itself
		}
		answer := smooch.TextMessage("You said: " + m.Text)
		switch m.Type {
		case smooch.MessageTypeText:
			answer.Actions = []smooch.Action{smooch.PostbackAction("Say it louder", "LOUDER")}
		case smooch.MessageTypeImage:
			answer = smooch.TextMessage("What a nice picture!")
		default:
			answer = smooch.TextMessage("I can't read that yet.")
		}
		if err := b.post(ctx, e.AppUser.ID, answer, "answer to "+m.ID, m.Received.Time); err != nil {
			return err
		}
	}
	return nil
}

func (b bot) handlePostback(ctx context.Context, e *smooch.PostbackEvent) error {
	for i, p := range e.Postbacks {
		answer := smooch.TextMessage("You tapped " + p.Action.Payload + "!")
		token := fmt.Sprintf("answer %d to %s", i, smooch.EventKey(e))
		if e.Timestamp.IsZero() { // each tap on this button then has the same key
			token = smooch.NewSendToken()
		}
		if err := b.post(ctx, e.AppUser.ID, answer, token, e.Timestamp.Time); err != nil {
			return err
		}
	}
	return nil
}

// post sends an answer to an event that happened at since. If the event is delivered again, because
// a later answer failed or the process died, the token keeps this one from being sent twice.
func (b bot) post(ctx context.Context, userID string, answer smooch.MessagePost, token string, since time.Time) error {
	options := []smooch.CallOption{smooch.WithSendToken(token)}
	if !since.IsZero() { // an event may lack its time
		options = append(options, smooch.WithSentSince(since))
	}
	_, err := b.app.Conversations.PostMessage(ctx, userID, answer, options...)
	return err
}

func main() {
	sandbox := flag.String("sandbox", "", "address of a smooch-sandbox, such as http://127.0.0.1:8800")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, *sandbox)
	if err != nil {
		fmt.Fprintln(os.Stderr, "echo-bot:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sandbox string) error {
	s, err := service.ForApp(ctx, sandbox)
	if err != nil {
		return err
	}
	defer s.Close()
	if s.Fake != nil {
		return runDemo(ctx, s.Fake)
	}
	app, err := smooch.NewClient(smooch.AppJWT(s.KeyID, s.Secret), s.Options()...)
	if err != nil {
		return err
	}
	listen, target := "127.0.0.1:0", "" // a sandbox is on this machine
	if sandbox == "" {
		listen, target = cmp.Or(os.Getenv("SMOOCH_LISTEN"), "127.0.0.1:8080"), os.Getenv("SMOOCH_WEBHOOK_URL")
	}
	stop, err := startBot(ctx, app, listen, target)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Println("The bot answers messages until you press Ctrl-C.")
	<-ctx.Done()
	return nil
}

// startBot listens on the address listen and creates a webhook that delivers events to the bot at
// target, by default the address itself. stop deletes the webhook.
func startBot(ctx context.Context, app *smooch.Client, listen, target string) (stop func(), err error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	if target == "" {
		target = "http://" + listener.Addr().String() + "/"
	}
	// The secret is known only after the webhook has been created. Until it is added, the service gets
	// 200 for its HEAD request and 503 for events, which it delivers again.
	receiver, err := smooch.NewWebhookReceiver(nil)
	if err != nil {
		return nil, err
	}
	smooch.Handle(receiver, bot{app}.handleMessage)
	smooch.Handle(receiver, bot{app}.handlePostback)
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: receiver}
	go func() { _ = server.Serve(listener) }() // returns when the server is shut down

	webhook, err := app.Webhooks.Create(ctx, smooch.WebhookCreate{
		Target: target, Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser, smooch.TriggerPostback},
	})
	if err != nil {
		return nil, err
	}
	if err := receiver.AddSecret(webhook.Secret); err != nil {
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := app.Webhooks.Delete(ctx, webhook.ID); err != nil {
			fmt.Fprintln(os.Stderr, "echo-bot:", err)
		}
		_ = server.Shutdown(ctx) // an error does not matter, as the process ends
	}, nil
}

// runDemo lets a scripted user talk to the bot on a fake service, and prints the conversation.
func runDemo(ctx context.Context, fake *smoochtest.Server) error {
	app := fake.Client()
	if _, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida", GivenName: "Ida"}); err != nil {
		return err
	}
	stop, err := startBot(ctx, app, "127.0.0.1:0", "")
	if err != nil {
		return err
	}
	defer stop()
	appID := fake.App().ID
	script := []func() error{
		func() error { _, err := fake.Say(appID, "ida", "Hello, bot."); return err },
		func() error { return fake.Tap(appID, "ida", "LOUDER") },
		func() error {
			_, err := fake.Send(appID, "ida", map[string]any{"type": "image", "mediaUrl": "https://media.test/cat.png", "text": "Look at this!"})
			return err
		},
	}
	for _, step := range script {
		if err := step(); err != nil {
			return err
		}
		if err := fake.WaitDeliveries(ctx); err != nil {
			return err
		}
	}
	history := app.Conversations.Messages(ctx, "ida", smooch.MessageListOptions{OldestFirst: true})
	for m, err := range history {
		if err != nil {
			return err
		}
		fmt.Printf("%-8s  %s\n", m.Role, m.Text)
	}
	return nil
}
