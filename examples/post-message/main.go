// Command post-message posts one message to a user. It takes the id and the secret of an app's key
// from SMOOCH_KEY_ID and SMOOCH_KEY_SECRET.
package main

import (
	"context"
	"log"
	"os"

	"github.com/smooch/smooch-go"
)

func main() {
	client, err := smooch.NewClient(smooch.AppJWT(os.Getenv("SMOOCH_KEY_ID"), os.Getenv("SMOOCH_KEY_SECRET")))
	if err != nil {
		log.Fatal(err)
	}
	answer, err := client.Conversations.PostMessage(context.Background(), "steveb@channel5.com", smooch.TextMessage("Noon it is."))
	if err != nil {
		log.Fatal(err)
	}
	log.Println("posted", answer.Message.ID)
}
