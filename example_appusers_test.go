package smooch_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// The user may exist already: a userId is unique in its app.
func ExampleAppUsersService_Create() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	user, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{
		UserID:     "steveb@channel5.com",
		GivenName:  "Steve",
		Properties: map[string]any{"plan": "premium"},
	})
	if errors.Is(err, smooch.ErrConflict) || errors.Is(err, smooch.ErrOutcomeUnknown) {
		user, err = app.AppUsers.Get(ctx, "steveb@channel5.com")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.UserID, user.GivenName, user.Properties["plan"])
	// Output: steveb@channel5.com Steve premium
}

// A guest of the web page turns out to be a user that the business knows.
func ExampleAppUsersService_Merge() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	ida, err := app.AppUsers.Get(ctx, "ida")
	if err != nil {
		log.Fatal(err)
	}
	guest, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "guest-17"})
	if err != nil {
		log.Fatal(err)
	}

	// Both are the generated ids.
	err = app.AppUsers.Merge(ctx, smooch.AppUserMerge{Surviving: ida.ID, Discarded: guest.ID})
	if err != nil {
		log.Fatal(err)
	}
	_, err = app.AppUsers.Get(ctx, guest.ID)
	fmt.Println(errors.Is(err, smooch.ErrNotFound))
	// Output: true
}

// The user can be written to over SMS before they have written themselves. A LinkEvent reports
// whether they have agreed.
func ExampleAppUsersService_LinkChannel() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	_, err := app.Integrations.Create(ctx, smooch.TwilioCreate{AccountSID: "AC1", AuthToken: "s3cr3t", PhoneNumberSID: "PN1"})
	if err != nil {
		log.Fatal(err)
	}

	question := smooch.TextMessage("May we write to you here?")
	user, err := app.AppUsers.LinkChannel(ctx, "ida", smooch.ChannelLink{
		Type:        smooch.IntegrationTypeTwilio,
		PhoneNumber: "+15145551234",
		Confirmation: &smooch.Confirmation{
			Type: smooch.ConfirmationTypeUserActivity, Message: &question,
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("waiting for", len(user.PendingClients))

	if err := server.Person(server.App().ID, "ida", "twilio").Join(); err != nil { // the user agrees
		log.Fatal(err)
	}
	channels, err := app.AppUsers.Channels(ctx, "ida")
	if err != nil {
		log.Fatal(err)
	}
	for _, channel := range channels {
		fmt.Println(channel.Type, channel.PhoneNumber)
	}
	// Output:
	// waiting for 1
	// twilio +15145551234
}

// Unlinking a channel that is not linked is ErrBadRequest.
func ExampleAppUsersService_UnlinkChannel() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	if err := server.Person(server.App().ID, "ida", "telegram").Join(); err != nil {
		log.Fatal(err)
	}

	for range 2 {
		err := app.AppUsers.UnlinkChannel(ctx, "ida", string(smooch.IntegrationTypeTelegram))
		fmt.Println(err == nil, errors.Is(err, smooch.ErrBadRequest))
	}
	// Output:
	// true false
	// false true
}

// A link for each channel, with which the user takes the conversation there.
func ExampleAppUsersService_LinkRequests() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	telegram, err := app.Integrations.Create(ctx, smooch.TelegramCreate{Token: "123:abc"})
	if err != nil {
		log.Fatal(err)
	}

	requests, err := app.AppUsers.LinkRequests(ctx, "ida", []string{telegram.ID})
	if err != nil {
		log.Fatal(err)
	}
	for _, request := range requests {
		fmt.Println(request.Type, request.URL != "")
	}
	// Output: telegram true
}

// The profile goes, the conversation stays.
func ExampleAppUsersService_DeleteProfile() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	if _, err := app.AppUsers.Update(ctx, "ida", smooch.AppUserUpdate{GivenName: new("Ida")}); err != nil {
		log.Fatal(err)
	}

	user, err := app.AppUsers.DeleteProfile(ctx, "ida")
	if err != nil {
		log.Fatal(err)
	}
	history, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q %d\n", user.GivenName, len(history.Messages))
	// Output: "" 1
}

// v1 registers a device when an app is opened on it. v1.1 has no such call.
func ExampleClient_Init() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	key := server.App().Key

	phone, err := smooch.NewClient(smooch.AppUserJWT(key.KeyID, key.Secret, "ida"),
		smooch.WithVersion(smooch.V1), smooch.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	answer, err := phone.Init(ctx, smooch.InitRequest{
		Device: smooch.Device{ID: "3c90c3cc", Platform: smooch.PlatformIOS, AppVersion: "1.0"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.AppUser.UserID, len(answer.AppUser.Clients))
	// Output: ida 1
}
