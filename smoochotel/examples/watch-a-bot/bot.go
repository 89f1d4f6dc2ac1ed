package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochotel"
	"github.com/smooch/smooch-go/smoochtest"
)

// A phase is a time in which something goes wrong, from the beginning of the run.
type phase struct {
	mark     string // where there is little room
	name     string
	from, to time.Duration
	begin    func() (end func())
}

const users = 12

// runBot runs a bot until ctx ends: users write to it, and it answers each message. It returns what
// went wrong, and when.
func runBot(ctx context.Context, length time.Duration, telemetry ...smoochotel.Option) []phase {
	quiet := slog.New(slog.DiscardHandler)
	var broken atomic.Bool
	receiver, err := smooch.NewWebhookReceiver([]string{"s3cr3t"}, smooch.WithReceiverLogger(quiet), smooch.WithHandlerTimeout(4*time.Second),
		smooch.WithDeliveryHook(smoochotel.DeliveryHook(telemetry...)))
	must(err)
	target := httptest.NewServer(receiver)
	defer target.Close()
	service := smoochtest.NewServer(smoochtest.WithWebhookRetryInterval(2 * time.Second))
	defer service.Close()
	client := service.Client(
		smooch.WithHook(smoochotel.Hook(telemetry...)),
		smooch.WithRetryPolicy(smooch.RetryPolicy{MinDelay: 200 * time.Millisecond, Budget: 1000}),
		smooch.WithLimiter(rate.NewLimiter(60, 20)))
	smooch.Handle(receiver, func(event context.Context, e *smooch.MessageEvent) error {
		bounded, cancel := context.WithCancel(event)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)() // with the run
		if e.Messages[0].Role != smooch.RoleAppUser {
			return nil // a message of its own
		}
		if broken.Load() {
			return errors.New("the store is down")
		}
		wait(bounded, 20*time.Millisecond+rand.N(40*time.Millisecond))
		_, err := client.Conversations.PostMessage(bounded, e.AppUser.ID, smooch.TextMessage("thanks"), smooch.WithSendToken(smooch.EventKey(e)))
		return err
	})
	smooch.Handle(receiver, func(ctx context.Context, _ smooch.Event) error { wait(ctx, 5*time.Millisecond); return nil })
	hook, err := client.Webhooks.Create(ctx, smooch.WebhookCreate{Target: target.URL, Triggers: []smooch.Trigger{"*"}})
	must(err)
	must(receiver.AddSecret(hook.Secret))

	fail := func(f smoochtest.Fault) func() func() {
		f.Times = -1
		return func() func() { return service.Fail(f) }
	}
	at := func(percent int) time.Duration { return length * time.Duration(percent) / 100 }
	phases := []phase{
		{"503", "the service answers 503", at(14), at(26), fail(smoochtest.Fault{Path: "/appusers/", Status: 503})},
		{"429", "it refuses messages with 429", at(40), at(45), fail(smoochtest.Fault{Path: "/messages", Status: 429, RetryAfter: time.Second})},
		{"lost", "answers to messages are lost", at(60), at(70), fail(smoochtest.Fault{Method: "POST", Path: "/messages", Cut: smoochtest.CutAfter})},
		{"failing", "the bot's function fails", at(82), at(90), func() func() {
			broken.Store(true)
			return func() { broken.Store(false) }
		}},
	}
	var group sync.WaitGroup
	for _, p := range phases {
		group.Go(func() {
			wait(ctx, p.from)
			end := p.begin()
			wait(ctx, p.to-p.from)
			end()
		})
	}
	for i := range users {
		group.Go(func() { write(ctx, service, client, fmt.Sprint("user", i)) })
	}
	group.Wait()
	return phases
}

// write plays a user who writes a message now and then, and a program that reads and updates the
// user.
func write(ctx context.Context, service *smoochtest.Server, client *smooch.Client, userID string) {
	_, err := client.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: userID})
	must(err)
	for n := 0; ctx.Err() == nil; n++ {
		wait(ctx, 400*time.Millisecond+rand.N(400*time.Millisecond))
		_, _ = service.Say(service.App().ID, userID, "hello")
		switch n % 3 {
		case 0:
			_, _ = client.AppUsers.Get(ctx, userID)
		case 1:
			_, _ = client.Conversations.PostActivity(ctx, userID, smooch.Activity{Role: smooch.RoleAppMaker, Type: smooch.ActivityTypeTypingStart})
		case 2: // without a send token, so that its outcome can stay unknown
			_, _ = client.Conversations.PostMessage(ctx, userID, smooch.TextMessage("are you there?"))
		}
	}
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
