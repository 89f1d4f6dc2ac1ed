package smooch_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// One client sends from many apps: its copies share connections, credential and rate limits.
func ExampleClient_ForApp() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	key := server.Account()

	account, err := smooch.NewClient(smooch.AccountJWT(key.KeyID, key.Secret), smooch.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"Acme", "Globex"} {
		app, err := account.Apps.Create(ctx, smooch.AppCreate{Name: name})
		if err != nil {
			log.Fatal(err)
		}
		customer := account.ForApp(app.ID)
		if _, err := customer.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"}); err != nil {
			log.Fatal(err)
		}
		answer, err := customer.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Welcome to "+app.Name+"."))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(answer.Message.Text)
	}
	// Output:
	// Welcome to Acme.
	// Welcome to Globex.
}

func ExampleAppsService_Create() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	account := server.Client()

	app, err := account.Apps.Create(ctx, smooch.AppCreate{
		Name:     "Acme",
		Settings: &smooch.AppSettings{MaskCreditCardNumbers: new(true)},
		Metadata: map[string]any{"customer": "acme"}, // to find the app again
	})
	switch {
	case errors.Is(err, smooch.ErrPaymentRequired):
		fmt.Println("the plan allows no more apps")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println(app.Name, app.Metadata["customer"])
	}
	// Output: Acme acme
}

func ExampleAppsService_All() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	account := server.Client()
	for _, name := range []string{"Acme", "Globex", "Initech"} {
		if _, err := account.Apps.Create(ctx, smooch.AppCreate{Name: name}); err != nil {
			log.Fatal(err)
		}
	}

	for app, err := range account.Apps.All(ctx, smooch.AppListOptions{Offset: 1}) {
		if err != nil {
			log.Fatal(err) // yielded once, last
		}
		fmt.Println(app.Name)
	}
	// Output:
	// Acme
	// Globex
	// Initech
}

// An app's key signs the tokens of its users, and of the programs that need no other app.
func ExampleKeysService_Create() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	app := server.Client() // bound to an app

	key, err := app.Keys.Create(ctx, smooch.KeyCreate{Name: "bot"})
	if err != nil {
		log.Fatal(err)
	}
	bot, err := smooch.NewClient(smooch.AppJWT(key.ID, key.Secret), smooch.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	_, err = bot.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"})
	fmt.Println(err)
	_, err = bot.Apps.List(ctx, smooch.AppListOptions{})
	fmt.Println(errors.Is(err, smooch.ErrForbidden))
	// Output:
	// <nil>
	// true
}

// Whoever prints or logs a key by mistake prints no secret.
func ExampleKey() {
	key := smooch.Key{ID: "app_5723a347f82ba0516cb4ea34", Secret: "s3cr3t"}
	fmt.Printf("%v\n%+v\n%#v\n", key, key, key)
	// Output:
	// smooch.Key(app_5723a347f82ba0516cb4ea34)
	// smooch.Key(app_5723a347f82ba0516cb4ea34)
	// smooch.Key(app_5723a347f82ba0516cb4ea34)
}

// A service account sees the apps that it has created, and no others.
func ExampleServiceAccountsService_CreateKey() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	account := server.Client()

	partner, err := account.ServiceAccounts.Create(ctx, smooch.ServiceAccountCreate{Name: "partner"})
	if err != nil {
		log.Fatal(err)
	}
	key, err := account.ServiceAccounts.CreateKey(ctx, partner.ID, smooch.KeyCreate{Name: "deploy"})
	if err != nil {
		log.Fatal(err)
	}
	client, err := smooch.NewClient(smooch.AccountJWT(key.ID, key.Secret), smooch.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Apps.Get(ctx, server.App().ID)
	fmt.Println(errors.Is(err, smooch.ErrNotFound))
	// Output: true
}
