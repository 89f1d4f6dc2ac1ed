package smoochredis_test

import (
	"context"
	"log"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochredis"
)

// ExampleNewDeduper is compiled but not run, as it needs a Redis server. Receivers in several
// processes handle each event once.
//
//nolint:testableexamples // it is not run
func ExampleNewDeduper() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	deduper := smoochredis.NewDeduper(client, "bot", 24*time.Hour)
	receiver, err := smooch.NewWebhookReceiver([]string{"s3cr3t"}, smooch.WithDeduper(deduper))
	if err != nil {
		log.Fatal(err)
	}
	smooch.Handle(receiver, func(_ context.Context, e *smooch.MessageEvent) error {
		log.Println(len(e.Messages), "messages")
		return nil
	})
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 10 * time.Second, Handler: receiver}
	log.Fatal(server.ListenAndServe())
}

// ExampleNewLimiter is compiled but not run, as it needs a Redis server. All processes together
// send at most 100 calls a second, and up to 20 at once.
//
//nolint:testableexamples // it is not run
func ExampleNewLimiter() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	account, err := smooch.NewClient(smooch.AccountJWT("act_5723a347f82ba0516cb4ea34", "s3cr3t"),
		smooch.WithLimiter(smoochredis.NewLimiter(client, "bot", 100, 20)))
	if err != nil {
		log.Fatal(err)
	}
	_, err = account.ForApp("55c8d9758590aa1900b9b9f6").Menu.Get(context.Background())
	log.Println(err)
}
