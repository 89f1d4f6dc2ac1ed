// Command echo-bot answers texts, postbacks and images.
//
//	go run ./examples/echo-bot
//
// By default it talks to a scripted user on a Smooch of its own. With SMOOCH_KEY_ID and SMOOCH_KEY_SECRET of an app's key,
// and SMOOCH_WEBHOOK_URL, a public address that leads to SMOOCH_LISTEN (default 127.0.0.1:8080), it serves the real
// service (or SMOOCH_BASE_URL) until it is interrupted.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// bot answers a user's messages.
type bot struct{ app *smooch.Client }

func (b bot) message(ctx context.Context, e *smooch.MessageEvent) error {
	for _, m := range e.Messages {
		if m.Role != smooch.RoleAppUser {
			continue // its own words arrive too
		}
		answer := smooch.TextMessage("You said: " + m.Text)
		switch m.Type {
		case smooch.MessageTypeText:
			answer.Actions = []smooch.Action{smooch.PostbackAction("Say it louder", "LOUDER")}
		case smooch.MessageTypeImage:
			answer = smooch.TextMessage("A fine picture.")
		default:
			answer = smooch.TextMessage("I can't read that yet.")
		}
		if err := b.say(ctx, e.AppUser.ID, answer); err != nil {
			return err
		}
	}
	return nil
}

func (b bot) postback(ctx context.Context, e *smooch.PostbackEvent) error {
	for _, p := range e.Postbacks {
		if err := b.say(ctx, e.AppUser.ID, smooch.TextMessage("You tapped "+p.Action.Payload+"!")); err != nil {
			return err
		}
	}
	return nil
}

func (b bot) say(ctx context.Context, userID string, message smooch.MessagePost) error {
	_, err := b.app.Conversations.PostMessage(ctx, userID, message)
	return err
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if keyID := os.Getenv("SMOOCH_KEY_ID"); keyID != "" {
		err = serve(ctx, keyID, os.Getenv("SMOOCH_KEY_SECRET"))
	} else {
		err = play(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "echo-bot:", err)
		os.Exit(1)
	}
}

// start mounts the bot on a webhook of its own. end removes the webhook.
func start(ctx context.Context, app *smooch.Client, listen, target string) (end func(), err error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	if target == "" {
		target = "http://" + listener.Addr().String() + "/"
	}
	var mounted atomic.Pointer[smooch.WebhookReceiver] // once the secret is known
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if receiver := mounted.Load(); receiver != nil {
			receiver.ServeHTTP(w, r)
		} else if r.Method != http.MethodHead {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	go func() { _ = server.Serve(listener) }() // ends when it is closed

	webhook, err := app.Webhooks.Create(ctx, smooch.WebhookCreate{
		Target: target, Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser, smooch.TriggerPostback},
	})
	if err != nil {
		return nil, err
	}
	receiver, err := smooch.NewWebhookReceiver([]string{webhook.Secret})
	if err != nil {
		return nil, err
	}
	smooch.Handle(receiver, bot{app}.message)
	smooch.Handle(receiver, bot{app}.postback)
	mounted.Store(receiver)
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := app.Webhooks.Delete(ctx, webhook.ID); err != nil {
			fmt.Fprintln(os.Stderr, "echo-bot:", err)
		}
		_ = server.Shutdown(ctx) // the process ends anyway
	}, nil
}

func serve(ctx context.Context, keyID, secret string) error {
	var options []smooch.Option
	if base := os.Getenv("SMOOCH_BASE_URL"); base != "" {
		options = append(options, smooch.WithBaseURL(base))
	}
	app, err := smooch.NewClient(smooch.AppJWT(keyID, secret), options...)
	if err != nil {
		return err
	}
	listen := os.Getenv("SMOOCH_LISTEN")
	if listen == "" {
		listen = "127.0.0.1:8080"
	}
	end, err := start(ctx, app, listen, os.Getenv("SMOOCH_WEBHOOK_URL"))
	if err != nil {
		return err
	}
	defer end()
	fmt.Println("Serving until interrupted.")
	<-ctx.Done()
	return nil
}

// play has a scripted user talk to the bot.
func play(ctx context.Context) error {
	service := smoochtest.NewServer()
	defer service.Close()
	app := service.Client()
	if _, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida", GivenName: "Ida"}); err != nil {
		return err
	}
	end, err := start(ctx, app, "127.0.0.1:0", "")
	if err != nil {
		return err
	}
	defer end()
	id := service.App().ID
	script := []func() error{
		func() error { _, err := service.Say(id, "ida", "Hello, bot."); return err },
		func() error { return service.Tap(id, "ida", "LOUDER") },
		func() error {
			_, err := service.Send(id, "ida", map[string]any{"type": "image", "mediaUrl": "https://media.test/cat.png", "text": "Look!"})
			return err
		},
	}
	for _, act := range script {
		if err := act(); err != nil {
			return err
		}
		if err := service.WaitDeliveries(ctx); err != nil {
			return err
		}
	}
	everything := smooch.MessageListOptions{OldestFirst: true}
	for m, err := range app.Conversations.Messages(ctx, "ida", everything) {
		if err != nil {
			return err
		}
		fmt.Printf("%-8s %s\n", m.Role, m.Text)
	}
	return nil
}
