// Command fleet shows what becomes of webhooks when machines die. It delivers the messages of 500
// users, each in v1 and v1.1, through a load balancer to three receivers, which put them into a
// queue on a JetStream cluster of three servers. Three workers take them out and post an answer to
// each. Meanwhile it kills a receiver, a worker and the leader of the cluster with SIGKILL. At the
// end it counts what has become of each message.
//
//	go run ./examples/fleet
//
// Nothing has to be installed: the servers run in processes of this program, as do receivers and
// workers, and the Smooch service is the fake one of smoochtest.
//
//	-events n   how many messages the users write (20,000)
//	-users n    how many users there are (500)
//	-nats url   use this JetStream, and kill no server
//
// It exits with 1 if anything was lost, handled out of order or answered twice.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochnats"
	"github.com/smooch/smooch-go/smoochtest"
)

// lease is after what time the work of a process that has died is taken over. In production, the
// default of 30 seconds is better.
const lease = 5 * time.Second

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			slog.Error("fleet", "role", role, "error", err)
			os.Exit(1)
		}
		return
	}
	events := flag.Int("events", 20_000, "how many messages the users write")
	users := flag.Int("users", 500, "how many users there are")
	url := flag.String("nats", "", "the URL of a JetStream to use instead of servers in this program")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	good, err := run(ctx, *events, *users, *url)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
	}
	if err != nil || !good {
		os.Exit(1)
	}
}

// run shows the fleet, and returns whether all went well.
func run(ctx context.Context, events, users int, url string) (good bool, err error) {
	service := smoochtest.NewServer(smoochtest.WithWebhookRetryInterval(time.Second))
	defer service.Close()
	ledger := newLedger(events, users)
	balancer := &balancer{ledger: ledger}
	front := httptest.NewServer(balancer)
	defer front.Close()
	fleet := &fleet{ledger: ledger, balancer: balancer}
	defer fleet.end()

	setting := setting{Service: service.URL, App: service.App().ID, Key: service.App().Key.KeyID, KeySecret: service.App().Key.Secret, URLs: url, Replicas: 1}
	if url == "" {
		setting.Replicas = 3
		if setting.URLs, err = fleet.startServers(3); err != nil {
			return false, err
		}
	}
	setting.Run = strconv.FormatInt(time.Now().UnixNano(), 36) // a cluster may know an earlier run
	conn, err := nats.Connect(setting.URLs, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
		nats.RetryOnFailedConnect(url == "")) // its own servers are still starting
	if err != nil {
		return false, fmt.Errorf("cannot connect to the servers: %w", err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return false, err
	}
	queue, err := newQueue(ctx, js, setting)
	if err != nil {
		return false, err
	}
	if url != "" {
		defer func() {
			fleet.end()
			removeStreams(js, setting)
		}()
	}

	client := service.Client()
	for _, version := range []smooch.Version{smooch.V1, smooch.V1_1} {
		trigger := smooch.TriggerMessageAppUser
		webhook, err := client.ForVersion(version).Webhooks.Create(ctx, smooch.WebhookCreate{Target: front.URL, Triggers: []smooch.Trigger{trigger}})
		if err != nil {
			return false, err
		}
		setting.Secrets = append(setting.Secrets, webhook.Secret)
	}
	for i := range 3 {
		fleet.start("receiver", fmt.Sprint("r", i+1), setting)
		fleet.start("worker", fmt.Sprint("w", i+1), setting)
	}
	if err := fleet.ready(ctx); err != nil {
		return false, err
	}

	screen := newScreen(ledger, fleet)
	defer screen.end()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ledger.begin()
	go func() {
		for n := range events {
			user := fmt.Sprint("user-", n%users)
			if n < users {
				if _, err := client.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: user}); err != nil {
					cancel(err)
					return
				}
			}
			ledger.pace(ctx, n)
			if _, err := service.Say(service.App().ID, user, fmt.Sprint(n/users+1)); err != nil {
				cancel(err)
				return
			}
		}
	}()
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		fleet.kill(ctx, js, setting, url == "")
	}()
	if err := ledger.wait(ctx, queue); err != nil {
		return false, err
	}
	select { // whether the last death is overcome shows some seconds after it
	case <-killed:
	case <-time.After(30 * time.Second): // the report says which one is not
	}
	if err := ledger.countAnswers(ctx, client, queue); err != nil {
		return false, err
	}
	screen.end()
	return report(os.Stdout, ledger), nil
}

// A setting is what the processes of the fleet have to know.
type setting struct {
	Run       string
	URLs      string // of the servers
	Replicas  int
	Service   string // the URL of Smooch
	App       string
	Key       string
	KeySecret string
	Secrets   []string // of the webhooks
}

// newQueue returns the queue of this run.
func newQueue(ctx context.Context, js jetstream.JetStream, s setting) (*smoochnats.Queue, error) {
	return smoochnats.NewQueue(ctx, js, smoochnats.QueueConfig{
		Name: "fleet-" + s.Run, Partitions: 6, Replicas: s.Replicas, Lease: lease, Logger: slog.New(slog.DiscardHandler),
	})
}

// newDeduper returns the deduper of this run.
func newDeduper(ctx context.Context, js jetstream.JetStream, s setting) (smooch.Deduper, error) {
	return smoochnats.NewDeduper(ctx, js, smoochnats.DeduperConfig{Bucket: "fleet-claims-" + s.Run, Replicas: s.Replicas})
}

// removeStreams leaves nothing behind in a JetStream that is not this program's.
func removeStreams(js jetstream.JetStream, s setting) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, name := range []string{"fleet-" + s.Run, "fleet-" + s.Run + "-dead", "KV_fleet-claims-" + s.Run} {
		_ = js.DeleteStream(ctx, name)
	}
}

// play is the main function of a process of the fleet. It ends when its standard input does, so
// that no process outlives this program.
func play(role string) error {
	var s setting
	in := json.NewDecoder(os.Stdin)
	if err := in.Decode(&s); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	switch role {
	case "server":
		return serve(ctx, s)
	case "receiver":
		return receive(ctx, s)
	case "worker":
		return work(ctx, s)
	}
	return fmt.Errorf("there is no role %q", role)
}
