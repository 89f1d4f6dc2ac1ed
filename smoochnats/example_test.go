package smoochnats_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochnats"
)

// startJetStream starts a server in this process, and returns a client of it.
func startJetStream() (js jetstream.JetStream, stop func()) {
	dir, err := os.MkdirTemp("", "smoochnats")
	if err != nil {
		log.Fatal(err)
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: dir})
	if err != nil {
		log.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		log.Fatal("the server does not start")
	}
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		log.Fatal(err)
	}
	js, err = jetstream.New(conn)
	if err != nil {
		log.Fatal(err)
	}
	return js, func() {
		conn.Close()
		s.Shutdown()
		_ = os.RemoveAll(dir)
	}
}

// delivery returns the request of a webhook for a message of a user.
func delivery(ctx context.Context, messageID string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/smooch", strings.NewReader(`{"trigger":"message:appUser",
		"version":"v1.1","appUser":{"_id":"u1"},"messages":[{"_id":"`+messageID+`","type":"text","role":"appUser","text":"Hi."}]}`))
	r.Header.Set("X-API-Key", "s3cr3t")
	return r
}

// Processes that receive webhooks put events into the queue, and workers handle them.
func ExampleNewQueue() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	js, stopServer := startJetStream() // one server; a production has three, and Replicas: 3
	defer stopServer()

	queue, err := smoochnats.NewQueue(ctx, js, smoochnats.QueueConfig{})
	if err != nil {
		log.Fatal(err)
	}
	deduper, err := smoochnats.NewDeduper(ctx, js, smoochnats.DeduperConfig{})
	if err != nil {
		log.Fatal(err)
	}

	// In the processes that receive webhooks:
	receiver, err := smooch.NewWebhookReceiver([]string{"s3cr3t"}, smooch.WithQueue(queue))
	if err != nil {
		log.Fatal(err)
	}
	answer := httptest.NewRecorder()
	receiver.ServeHTTP(answer, delivery(ctx, "m1"))
	fmt.Println(answer.Code) // the event is safe

	// In the processes that handle them:
	worker, err := smooch.NewWebhookReceiver(nil, smooch.WithDeduper(deduper))
	if err != nil {
		log.Fatal(err)
	}
	smooch.Handle(worker, func(_ context.Context, e *smooch.MessageEvent) error {
		fmt.Println("handled", e.Messages[0].ID)
		stop() // a worker runs for as long as its process
		return nil
	})
	fmt.Println(queue.Run(ctx, worker))
	// Output:
	// 200
	// handled m1
	// <nil>
}

// Receivers in several processes, without a queue, that handle each event once.
func ExampleNewDeduper() {
	ctx := context.Background()
	js, stop := startJetStream()
	defer stop()

	handled := 0
	for range 2 { // each as in a process of its own
		deduper, err := smoochnats.NewDeduper(ctx, js, smoochnats.DeduperConfig{})
		if err != nil {
			log.Fatal(err)
		}
		receiver, err := smooch.NewWebhookReceiver([]string{"s3cr3t"}, smooch.WithDeduper(deduper))
		if err != nil {
			log.Fatal(err)
		}
		smooch.Handle(receiver, func(context.Context, *smooch.MessageEvent) error {
			handled++
			return nil
		})
		answer := httptest.NewRecorder()
		receiver.ServeHTTP(answer, delivery(ctx, "m1"))
		fmt.Println(answer.Code)
	}
	fmt.Println("handled:", handled)
	// Output:
	// 200
	// 200
	// handled: 1
}
