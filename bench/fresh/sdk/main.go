// Command sdk makes one call with the SDK and ends.
package main

import (
	"context"
	"log"
	"os"

	smooch "github.com/smooch/smooch-go"
)

func main() {
	client, err := smooch.NewClient(smooch.AppJWT("key", "secret"), smooch.WithBaseURL(os.Args[1]), smooch.WithApp("a1"))
	if err != nil {
		log.Fatal(err)
	}
	user, err := client.AppUsers.Get(context.Background(), "u")
	if err != nil || user.GivenName != "Steve" {
		log.Fatal("not the user: ", err)
	}
}
