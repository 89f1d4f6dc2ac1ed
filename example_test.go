package smooch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// start returns a client of a fake service with the user ida, who has a conversation.
func start(ctx context.Context) (app *smooch.Client, server *smoochtest.Server) {
	server = smoochtest.NewServer()
	app = server.Client()
	_, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"})
	if err == nil {
		_, err = app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Hello."))
	}
	if err != nil {
		panic(err)
	}
	return app, server
}

func ExampleError() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	_, err := app.AppUsers.Get(ctx, "nobody")
	switch e, _ := errors.AsType[*smooch.Error](err); {
	case errors.Is(err, smooch.ErrNotFound):
		fmt.Println("no such user")
	case errors.Is(err, smooch.ErrOutcomeUnknown):
		fmt.Println("it may have been carried out")
	case e != nil:
		fmt.Println(e.StatusCode, e.Code, e.Description)
	}
	// Output: no such user
}

func ExampleJWTSigner_TokenFor() {
	signed := func(key smooch.Key) (string, error) {
		token, err := smooch.AppUserJWT(key.ID, key.Secret, "bob@example.com").TokenFor(24 * time.Hour)
		return token, err
	}
	token, _ := signed(smooch.Key{ID: "app_1", Secret: "s3cr3t"})
	claims, _ := smooch.VerifyJWT(token, func(string) (string, error) { return "s3cr3t", nil })
	fmt.Println(claims.KeyID, claims.Scope, claims.UserID)
	// Output: app_1 appUser bob@example.com
}

func ExampleWithSendToken() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	orderID := "order-4711"

	server.Fail(smoochtest.Fault{Path: "/messages", Cut: smoochtest.CutAfter})
	answer, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Noon it is."), smooch.WithSendToken(orderID))
	fmt.Println(answer.Message.Text, err)
	// Output: Noon it is. <nil>
}

func ExampleWithSentSince() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	answerTo := func(ctx context.Context, e *smooch.MessageEvent) error {
		for _, m := range e.Messages {
			if m.Role != smooch.RoleAppUser { // a bot that answered itself would never stop
				continue
			}
			_, err := app.Conversations.PostMessage(ctx, e.AppUser.ID, smooch.TextMessage("Noon it is."),
				smooch.WithSendToken("answer to "+m.ID), smooch.WithSentSince(m.Received.Time))
			if err != nil {
				return err // the event is delivered again
			}
		}
		return nil
	}

	event := &smooch.MessageEvent{Messages: []smooch.Message{
		{ID: "55c8c1498590aa1900b9b9b1", Role: smooch.RoleAppUser, Received: smooch.UnixTime{Time: time.Now()}},
	}}
	event.AppUser.ID = "ida"
	fmt.Println(answerTo(ctx, event), answerTo(ctx, event)) // a second delivery
	for message, err := range app.Conversations.Messages(ctx, "ida", smooch.MessageListOptions{}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(message.Text)
	}
	// Output:
	// <nil> <nil>
	// Noon it is.
	// Hello.
}

func ExampleConversationsService_Messages() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	read := func() error {
		for message, err := range app.Conversations.Messages(ctx, "ida", smooch.MessageListOptions{}) {
			if err != nil {
				return err
			}
			fmt.Println(message.Role, message.Text)
		}
		return nil
	}
	fmt.Println(read())
	// Output:
	// appMaker Hello.
	// <nil>
}

func ExampleAttachmentsService_Upload() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	dir, _ := os.MkdirTemp("", "smooch")
	defer os.RemoveAll(dir)
	_ = os.WriteFile(dir+"/photo.png", []byte("\x89PNG\r\n\x1a\n"), 0o600)

	send := func() error {
		file, err := os.Open(dir + "/photo.png")
		if err != nil {
			return err
		}
		defer file.Close()
		photo, err := app.Attachments.Upload(ctx, smooch.Upload{Source: file}, smooch.AttachmentOptions{})
		if err != nil {
			return err
		}
		_, err = app.Conversations.PostMessage(ctx, "ida", smooch.ImageMessage(photo.MediaURL))
		return err
	}
	fmt.Println(send())
	// Output: <nil>
}

// counting is a reader that reports how far it is.
type counting struct {
	*bytes.Reader
	progress func(read int64)
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.progress(c.Size() - int64(c.Len()))
	return n, err
}

// A reader of your own shows how far an upload is. As it can be sought, the upload can be repeated.
func ExampleUpload() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	var sent int64
	file := &counting{bytes.NewReader(make([]byte, 100<<10)), func(read int64) { sent = read }}
	_, err := app.Attachments.Upload(ctx, smooch.Upload{Source: file, Filename: "data.zip"}, smooch.AttachmentOptions{})
	fmt.Println(sent, err)
	// Output: 102400 <nil>
}

// ExampleWebhookReceiver is compiled but not run, as Ensure waits two seconds for the webhooks of
// other replicas.
//
//nolint:testableexamples // it is not run
func ExampleWebhookReceiver() {
	ctx := context.Background()
	app, fake := start(ctx)
	defer fake.Close()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	receive := func(target string) error {
		receiver, err := smooch.NewWebhookReceiver(nil) // a webhook has a secret once it is created
		if err != nil {
			return err
		}
		smooch.Handle(receiver, func(ctx context.Context, e *smooch.MessageEvent) error {
			for _, m := range e.Messages {
				if m.Role == smooch.RoleAppUser { // the business's own messages arrive too
					fmt.Println(m.Text)
				}
			}
			return nil
		})
		mux := http.NewServeMux()
		mux.Handle("/smooch", receiver)
		server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: mux}
		go func() { log.Println(server.Serve(listener)) }()

		webhook, err := app.Webhooks.Ensure(ctx, smooch.WebhookCreate{
			Target: target, Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser},
		})
		if err != nil {
			return err
		}
		return receiver.AddSecret(webhook.Secret)
	}
	fmt.Println(receive("http://" + listener.Addr().String() + "/smooch"))
}

func Example_test() {
	ctx := context.Background()

	lostAnswer := func() error {
		server := smoochtest.NewServer()
		defer server.Close()
		client := server.Client()
		if _, err := client.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"}); err != nil {
			return err
		}
		server.Fail(smoochtest.Fault{Path: "/messages", Cut: smoochtest.CutAfter}) // loses the answer
		_, err := client.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Noon it is."))
		fmt.Println(errors.Is(err, smooch.ErrOutcomeUnknown))
		return nil
	}
	fmt.Println(lostAnswer())
	// Output:
	// true
	// <nil>
}
