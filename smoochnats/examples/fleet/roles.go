package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
)

// serve is a server of the cluster. The setting's URLs are its own address, the address of its
// route, a directory, and the routes of all.
func serve(ctx context.Context, s setting) error {
	parts := strings.Split(s.URLs, ",")
	options := &server.Options{NoSigs: true, NoLog: true, ServerName: s.Run, JetStream: true, StoreDir: parts[2], JetStreamMaxMemory: 1 << 28, JetStreamMaxStore: 8 << 30}
	options.Cluster.Name = "fleet"
	for i, host := range []*string{&options.Host, &options.Cluster.Host} {
		address, err := net.ResolveTCPAddr("tcp", parts[i])
		if err != nil {
			return err
		}
		*host = address.IP.String()
		*[]*int{&options.Port, &options.Cluster.Port}[i] = address.Port
	}
	for _, route := range parts[3:] {
		options.Routes = append(options.Routes, &url.URL{Scheme: "nats", Host: route})
	}
	n, err := server.NewServer(options)
	if err != nil {
		return err
	}
	n.Start()
	if !n.ReadyForConnections(30 * time.Second) {
		return fmt.Errorf("the server does not start")
	}
	tell(note{Ready: true})
	<-ctx.Done()
	n.Shutdown()
	return nil
}

// receive puts events into the queue. This is all that a receiver needs.
func receive(ctx context.Context, s setting) error {
	js, err := connect(s)
	if err != nil {
		return err
	}
	queue, err := newQueue(ctx, js, s)
	if err != nil {
		return err
	}
	receiver, err := smooch.NewWebhookReceiver(s.Secrets, smooch.WithQueue(queue), smooch.WithReceiverLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	tell(note{Ready: true, Address: listener.Addr().String()})
	go func() {
		<-ctx.Done()
		os.Exit(0)
	}()
	web := &http.Server{Handler: receiver, ReadHeaderTimeout: 10 * time.Second}
	return web.Serve(listener)
}

// work handles events. Its function answers each message once: an answer that an earlier try has
// posted is found by its send token.
func work(ctx context.Context, s setting) error {
	js, err := connect(s)
	if err != nil {
		return err
	}
	queue, err := newQueue(ctx, js, s)
	if err != nil {
		return err
	}
	deduper, err := newDeduper(ctx, js, s)
	if err != nil {
		return err
	}
	client, err := smooch.NewClient(smooch.AppJWT(s.Key, s.KeySecret), smooch.WithBaseURL(s.Service), smooch.WithApp(s.App))
	if err != nil {
		return err
	}
	worker, err := smooch.NewWebhookReceiver(nil, smooch.WithDeduper(deduper), smooch.WithLease(lease),
		smooch.WithReceiverLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	smooch.Handle(worker, func(ctx context.Context, e *smooch.MessageEvent) error {
		m := e.Messages[0]
		n := note{User: e.AppUser.UserID, Text: m.Text, At: time.Now(), Begins: true}
		tell(n)
		_, err := client.Conversations.PostMessage(ctx, e.AppUser.ID, smooch.TextMessage("You said "+m.Text+"."),
			smooch.WithSendToken("answer to "+smooch.EventKey(e)), smooch.WithSentSince(m.Received.Time))
		n.At, n.Begins, n.Failed = time.Now(), false, err != nil
		tell(n)
		return err
	})
	tell(note{Ready: true})
	return queue.Run(ctx, worker)
}

func connect(s setting) (jetstream.JetStream, error) {
	conn, err := nats.Connect(s.URLs, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return nil, err
	}
	return jetstream.New(conn)
}

// A note is what a process tells the ledger, a line on its standard output.
type note struct {
	Ready   bool      `json:",omitempty"`
	Address string    `json:",omitempty"` // of a receiver
	User    string    `json:",omitempty"`
	Text    string    `json:",omitempty"`
	At      time.Time `json:",omitzero"`
	Begins  bool      `json:",omitempty"`
	Failed  bool      `json:",omitempty"`
}

var telling sync.Mutex

func tell(n note) {
	telling.Lock()
	defer telling.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(n)
}
