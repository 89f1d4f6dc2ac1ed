// Command smooch-fake runs the fake Smooch service of package smoochtest as a process, for clients
// in any language. It prints its address and credentials.
//
//	go run ./smoochtest/cmd/smooch-fake -addr 127.0.0.1:8800
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8800", "address to listen on")
	retry := flag.Duration("webhook-retry", 10*time.Second, "time before the first retry of a webhook delivery; doubles with each retry")
	limit := flag.Int("rate-limit", 0, "calls that are accepted per second; 0 means no limit")
	flag.Parse()

	options := []smoochtest.Option{smoochtest.WithAddr(*addr), smoochtest.WithWebhookRetryInterval(*retry)}
	if *limit > 0 {
		options = append(options, smoochtest.WithRateLimit(*limit, time.Second))
	}
	server := smoochtest.NewServer(options...)
	defer server.Close()

	account, app := server.Account(), server.App()
	token, err := smooch.AccountJWT(account.KeyID, account.Secret, smooch.WithoutExpiry()).Token()
	if err != nil {
		fmt.Fprintln(os.Stderr, "smooch-fake:", err)
		os.Exit(1)
	}
	fmt.Println("base URL:      ", server.URL)
	fmt.Println("account key:   ", account.KeyID)
	fmt.Println("account secret:", account.Secret)
	fmt.Println("account JWT:   ", token)
	fmt.Println("app:           ", app.ID)
	fmt.Println("app token:     ", app.Token)
	fmt.Println("app key:       ", app.Key.KeyID)
	fmt.Println("app secret:    ", app.Key.Secret)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
}
