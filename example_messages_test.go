package smooch_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/smooch/smooch-go"
)

func ExampleConversationsService_PostMessage() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	answer, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Noon it is."))
	switch {
	case err == nil:
		fmt.Println(answer.Message.Role, answer.Message.Text)
	case errors.Is(err, smooch.ErrNotFound):
		fmt.Println("no such user")
	case errors.Is(err, smooch.ErrOutcomeUnknown):
		fmt.Println("it may have arrived") // see WithSendToken
	default:
		fmt.Println("not sent:", err)
	}
	// Output: appMaker Noon it is.
}

// An image with a caption, and something of your own that comes back with each event.
func ExampleMessagePost() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	photo := smooch.ImageMessage("https://example.com/cake.png")
	photo.Text = "Is this the one?"
	photo.Metadata = map[string]any{"order": "4711"}
	answer, err := app.Conversations.PostMessage(ctx, "ida", photo)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Message.Type, answer.Message.Text, answer.Message.Metadata["order"])
	// Output: image Is this the one? 4711
}

// Buttons, one of which the user taps: a reply comes as a message with its payload.
func ExampleAction() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	question := smooch.TextMessage("Which size?")
	question.Actions = []smooch.Action{
		smooch.ReplyAction("Small", "SIZE_S"),
		smooch.ReplyAction("Large", "SIZE_L"),
	}
	if _, err := app.Conversations.PostMessage(ctx, "ida", question); err != nil {
		log.Fatal(err)
	}

	if err := server.Tap(server.App().ID, "ida", "SIZE_L"); err != nil {
		log.Fatal(err)
	}
	for message, err := range app.Conversations.Messages(ctx, "ida", smooch.MessageListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(message.Role, message.Text, message.Payload)
		break // the newest comes first
	}
	// Output: appUser Large SIZE_L
}

func ExampleMessageItem() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	answer, err := app.Conversations.PostMessage(ctx, "ida", smooch.CarouselMessage(
		smooch.MessageItem{
			Title: "Cheesecake", MediaURL: "https://example.com/cheese.png",
			Actions: []smooch.Action{smooch.PostbackAction("Order", "ORDER_CHEESE")},
		},
		smooch.MessageItem{
			Title:   "Sachertorte",
			Actions: []smooch.Action{smooch.PostbackAction("Order", "ORDER_SACHER")},
		},
	))
	if err != nil {
		log.Fatal(err)
	}
	for _, item := range answer.Message.Items {
		fmt.Println(item.Title, item.Actions[0].Payload)
	}
	// Output:
	// Cheesecake ORDER_CHEESE
	// Sachertorte ORDER_SACHER
}

func ExampleFormField() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	form := smooch.FormMessage(
		smooch.FormField{Type: smooch.FieldTypeEmail, Name: "email", Label: "Your email address"},
		smooch.FormField{
			Type: smooch.FieldTypeSelect, Name: "size", Label: "Size",
			Options: []smooch.FormOption{{Name: "s", Label: "Small"}, {Name: "l", Label: "Large"}},
		},
	)
	if _, err := app.Conversations.PostMessage(ctx, "ida", form); err != nil {
		log.Fatal(err)
	}

	_, err := server.Person(server.App().ID, "ida", "web").Answer("", map[string]any{"email": "ida@example.com", "size": "l"})
	if err != nil {
		log.Fatal(err)
	}
	page, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	if err != nil {
		log.Fatal(err)
	}
	answer := page.Messages[len(page.Messages)-1] // a page runs from the oldest to the newest
	fmt.Println(answer.Type)
	for _, field := range answer.Fields {
		fmt.Println(field.Name, field.Email, len(field.Select))
	}
	// Output:
	// formResponse
	// email ida@example.com 0
	// size  1
}

// Shorthand puts a button into plain text, such as one that an editor has written.
func ExampleLinkShorthand() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	button, err := smooch.LinkShorthand("Our menu", "https://example.com/menu")
	if err != nil {
		log.Fatal(err) // a label with brackets
	}
	answer, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Hungry? "+button))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Message.Actions[0].Text, answer.Message.Actions[0].URI)
	// Output: Our menu https://example.com/menu
}

// "Mark as read" and "is typing" are activities.
func ExampleConversationsService_PostActivity() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	for _, kind := range []smooch.ActivityType{smooch.ActivityTypeConversationRead, smooch.ActivityTypeTypingStart} {
		_, err := app.Conversations.PostActivity(ctx, "ida", smooch.Activity{Type: kind})
		fmt.Println(kind, err)
	}
	// Output:
	// conversation:read <nil>
	// typing:start <nil>
}

// Another process finds out whether a message was sent.
func ExampleConversationsService_FindSent() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	begun := time.Now()
	_, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Noon it is."), smooch.WithSendToken("order-4711"))
	if err != nil {
		log.Fatal(err)
	}

	for _, token := range []string{"order-4711", "order-4712"} {
		message, err := app.Conversations.FindSent(ctx, "ida", token, begun)
		switch {
		case err == nil:
			fmt.Println(token, "was sent:", message.Text)
		case errors.Is(err, smooch.ErrNotFound):
			fmt.Println(token, "was not sent")
		default:
			log.Fatal(err)
		}
	}
	// Output:
	// order-4711 was sent: Noon it is.
	// order-4712 was not sent
}

// A notification reaches a phone number that is no app user yet.
func ExampleNotificationsService_Post() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	whatsapp, err := app.Integrations.Create(ctx, smooch.WhatsAppCreate{DeploymentID: "5d7b7a3c"})
	if err != nil {
		log.Fatal(err)
	}

	notification, err := app.Notifications.Post(ctx, smooch.NotificationPost{
		Destination: smooch.NotificationDestination{IntegrationID: whatsapp.ID, DestinationID: "+15145551234"},
		Message:     smooch.TextMessage("Your parcel is on its way."),
	})
	if err != nil {
		log.Fatal(err) // after ErrOutcomeUnknown, a repeat may reach the person twice
	}
	fmt.Println(notification.ID != "") // a NotificationEvent with this id says what became of it
	// Output: true
}

// A template is posted by its name.
func ExampleTemplatesService_Create() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	_, err := app.Templates.Create(ctx, smooch.TemplateCreate{Name: "hours", Message: smooch.TextMessage("We are open from 8 to 6.")})
	if err != nil {
		log.Fatal(err)
	}
	shorthand, err := smooch.TemplateShorthand("hours")
	if err != nil {
		log.Fatal(err)
	}
	answer, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage(shorthand))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Message.Text)
	// Output: We are open from 8 to 6.
}

func ExampleMenuService_Update() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	menu, err := app.Menu.Update(ctx, smooch.Menu{Items: []smooch.MenuItem{
		{Type: smooch.MenuItemTypeLink, Text: "Our site", URI: "https://example.com"},
		{Type: smooch.MenuItemTypeSubmenu, Text: "Help", Items: []smooch.MenuItem{
			{Type: smooch.MenuItemTypePostback, Text: "Talk to a person", Payload: "HUMAN"},
		}},
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(menu.Items[1].Text, menu.Items[1].Items[0].Payload)
	// Output: Help HUMAN
}
