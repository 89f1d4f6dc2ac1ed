// Command bot answers each message of a user, on any number of machines. It is what compose.yaml
// and kubernetes.yaml run, and the place for functions of your own.
//
//	bot receive   takes deliveries on :8080/smooch and puts them into the queue
//	bot work      takes events out of the queue and handles them
//
// Both answer /health and /metrics on :8080, and end on SIGTERM without losing anything. They read
// NATS_URL, NATS_PASSWORD, REDIS_ADDR, SMOOCH_APP, SMOOCH_KEY_ID, SMOOCH_KEY_SECRET and
// SMOOCH_WEBHOOK_SECRETS, separated by commas, from the environment.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochnats"
	"github.com/smooch/smooch-go/smoochredis"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, strings.Join(os.Args[1:], " ")); err != nil {
		slog.Error("bot", "error", err)
		os.Exit(1) // and is started again
	}
}

// run plays the role until ctx ends.
func run(ctx context.Context, role string) error {
	conn, err := nats.Connect(os.Getenv("NATS_URL"), nats.UserInfo("bot", os.Getenv("NATS_PASSWORD")),
		nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true))
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	queue, err := smoochnats.NewQueue(ctx, js, smoochnats.QueueConfig{Replicas: 3, MaxAge: 6 * time.Hour})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) { metrics(w, r, queue) })
	web := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	switch role {
	case "receive":
		receiver, err := smooch.NewWebhookReceiver(strings.Split(os.Getenv("SMOOCH_WEBHOOK_SECRETS"), ","), smooch.WithQueue(queue))
		if err != nil {
			return err
		}
		mux.Handle("/smooch", receiver)
		return serve(ctx, web)
	case "work":
		working, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		go func() { stop(serve(working, web)) }()
		if err := work(working, js, queue); err != nil || ctx.Err() != nil {
			return err
		}
		return context.Cause(working)
	}
	return fmt.Errorf("usage: bot receive|work")
}

// serve answers requests until ctx ends, and then finishes those that have begun. A receiver
// answers within 15 seconds.
func serve(ctx context.Context, web *http.Server) error {
	done := make(chan error, 1)
	go func() { done <- web.ListenAndServe() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		return web.Shutdown(last)
	}
}

// work handles events until ctx ends, and then finishes those that have begun.
func work(ctx context.Context, js jetstream.JetStream, queue *smoochnats.Queue) error {
	deduper, err := smoochnats.NewDeduper(ctx, js, smoochnats.DeduperConfig{Replicas: 3, Keep: 7 * time.Hour})
	if err != nil {
		return err
	}
	limiter := smoochredis.NewLimiter(redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")}), "bot", 100, 20)
	limiter.Fallback = 10
	client, err := smooch.NewClient(smooch.AppJWT(os.Getenv("SMOOCH_KEY_ID"), os.Getenv("SMOOCH_KEY_SECRET")),
		smooch.WithApp(os.Getenv("SMOOCH_APP")), smooch.WithLimiter(limiter))
	if err != nil {
		return err
	}
	worker, err := smooch.NewWebhookReceiver(nil, smooch.WithDeduper(deduper))
	if err != nil {
		return err
	}
	// Functions of your own belong here.
	smooch.Handle(worker, func(ctx context.Context, e *smooch.MessageEvent) error {
		for _, m := range e.Messages {
			if m.Role != smooch.RoleAppUser {
				continue // the bot must not answer itself
			}
			_, err := client.Conversations.PostMessage(ctx, e.AppUser.ID, smooch.TextMessage("You said "+m.Text+"."),
				smooch.WithSendToken("answer to "+m.ID), smooch.WithSentSince(m.Received.Time))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return queue.Run(ctx, worker)
}

// metrics writes the state of the queue in the text format of Prometheus.
func metrics(w http.ResponseWriter, r *http.Request, queue *smoochnats.Queue) {
	s, err := queue.Stats(r.Context())
	if err != nil {
		http.Error(w, "the queue cannot be reached", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(w, "smooch_queue_waiting %d\nsmooch_queue_pending %d\nsmooch_queue_dead_letters %d\nsmooch_queue_oldest_seconds %g\n",
		s.Waiting, s.Pending, s.DeadLetters, s.OldestAge.Seconds())
}
