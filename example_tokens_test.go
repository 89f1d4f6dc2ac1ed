package smooch_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// What a signer's tokens reach depends on their scope.
func ExampleJWTSigner() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	app, account := server.App(), server.Account()

	for _, auth := range []*smooch.JWTSigner{
		smooch.AccountJWT(account.KeyID, account.Secret),
		smooch.AppJWT(app.Key.KeyID, app.Key.Secret),
		smooch.AppUserJWT(app.Key.KeyID, app.Key.Secret, "ida"),
	} {
		client, err := smooch.NewClient(auth, smooch.WithApp(app.ID), smooch.WithBaseURL(server.URL))
		if err != nil {
			log.Fatal(err)
		}
		_, provisions := client.Apps.Get(ctx, app.ID)
		_, manages := client.Webhooks.List(ctx)
		fmt.Println(auth.Scope(), provisions == nil, manages == nil)
	}
	// Output:
	// account true true
	// app false true
	// appUser false false
}

// A token from a file that another process renews. It is read again before each attempt.
func ExampleAuth() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	dir, err := os.MkdirTemp("", "smooch")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	tokenFile := filepath.Join(dir, "token")
	if err := os.WriteFile(tokenFile, []byte(server.ClientSettings().JWT+"\n"), 0o600); err != nil {
		log.Fatal(err)
	}

	auth := smooch.AuthFunc(func(_ context.Context, r *http.Request) error {
		token, err := os.ReadFile(tokenFile)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
		return nil
	})
	client, err := smooch.NewClient(auth, smooch.WithApp(server.App().ID), smooch.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Webhooks.List(ctx)
	fmt.Println(err)
	// Output: <nil>
}

// A backend of yours accepts the tokens that it has given to its users.
func ExampleVerifyJWT() {
	secrets := map[string]string{"app_1": "s3cr3t"}
	secretFor := func(kid string) (string, error) {
		secret, known := secrets[kid]
		if !known {
			return "", errors.New("no such key")
		}
		return secret, nil
	}

	token, err := smooch.AppUserJWT("app_1", "s3cr3t", "ida").Token()
	if err != nil {
		log.Fatal(err)
	}
	claims, err := smooch.VerifyJWT(token, secretFor)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Scope, claims.UserID)

	forged, err := smooch.AppUserJWT("app_1", "guessed", "ida").Token()
	if err != nil {
		log.Fatal(err)
	}
	_, err = smooch.VerifyJWT(forged, secretFor)
	fmt.Println(errors.Is(err, smooch.ErrUnauthorized))
	// Output:
	// appUser ida
	// true
}
