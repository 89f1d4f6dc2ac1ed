package smooch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// Each type of channel has a struct of its own.
func ExampleIntegrationsService_Create() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	telegram, err := app.Integrations.Create(ctx, smooch.TelegramCreate{Token: "123:abc"})
	switch {
	case errors.Is(err, smooch.ErrBadRequest):
		fmt.Println("the channel refuses the token")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println(telegram.Type, telegram.Status)
	}
	// Output: telegram active
}

func ExampleIntegrationsService_All() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	for _, channel := range []smooch.IntegrationCreate{smooch.TelegramCreate{Token: "123:abc"}, smooch.ViberCreate{Token: "456"}} {
		if _, err := app.Integrations.Create(ctx, channel); err != nil {
			log.Fatal(err)
		}
	}

	options := smooch.IntegrationListOptions{Types: []smooch.IntegrationType{smooch.IntegrationTypeViber}}
	for integration, err := range app.Integrations.All(ctx, options) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(integration.Type)
	}
	// Output: viber
}

// A channel that the SDK has no struct for.
func ExampleIntegrationCreate() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	pigeon := smooch.CustomIntegration("pigeon", map[string]any{"loft": "north"})
	integration, err := app.Integrations.Create(ctx, pigeon)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(integration.Type)
	fmt.Println(smooch.TelegramCreate{Token: "123:abc"}) // prints no secret
	// Output:
	// pigeon
	// smooch.TelegramCreate([redacted])
}

// A setting that the SDK does not have, here the form that the Web SDK shows before a conversation.
func ExampleWithField() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	_, err := app.Integrations.Create(ctx, smooch.WebCreate{BrandColor: "65758e"},
		smooch.WithField("prechatCapture", map[string]any{"enabled": true}))
	if err != nil {
		log.Fatal(err)
	}
	requests := server.Requests()
	fmt.Println(string(requests[len(requests)-1].Body))
	// Output: {"brandColor":"65758e","prechatCapture":{"enabled":true},"type":"web"}
}

// An integration can have a menu of its own, in place of the app's.
func ExampleIntegrationsService_UpdateMenu() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	messenger, err := app.Integrations.Create(ctx, smooch.MessengerCreate{PageAccessToken: "page", AppID: "1", AppSecret: "s3cr3t"})
	if err != nil {
		log.Fatal(err)
	}

	menu, err := app.Integrations.UpdateMenu(ctx, messenger.ID, smooch.Menu{
		Items: []smooch.MenuItem{{Type: smooch.MenuItemTypePostback, Text: "Talk to a person", Payload: "HUMAN"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(menu.Items[0].Text)
	// Output: Talk to a person
}

// WhatsApp has to accept a message template before messages can use it.
func ExampleIntegrationsService_CreateMessageTemplate() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	whatsapp, err := app.Integrations.Create(ctx, smooch.WhatsAppCreate{DeploymentID: "5d7b7a3c"})
	if err != nil {
		log.Fatal(err)
	}

	template, err := app.Integrations.CreateMessageTemplate(ctx, whatsapp.ID, smooch.MessageTemplateCreate{
		Name: "parcel", Language: "en_US", Category: "SHIPPING_UPDATE",
		Components: json.RawMessage(`[{"type":"BODY","text":"Parcel {{1}} is on its way."}]`),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(template.Name, template.Status)
	// Output: parcel PENDING
}

// From a phone number to an integration that uses it.
func ExampleDeploymentsService_Create() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	deployment, err := app.Deployments.Create(ctx, smooch.DeploymentCreate{Hosting: smooch.HostingSmooch})
	if err != nil {
		log.Fatal(err)
	}
	deployment, err = app.Deployments.Activate(ctx, deployment.ID, smooch.DeploymentActivate{
		PhoneNumber: "+15145551234", VerifiedNameCertificate: "CmMKHw", Method: smooch.ActivationMethodSMS,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(deployment.Status)
	code := "123-456" // that the phone was sent
	deployment, err = app.Deployments.ConfirmCode(ctx, deployment.ID, code)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(deployment.Status)
	whatsapp, err := app.Integrations.Create(ctx, smooch.WhatsAppCreate{DeploymentID: deployment.ID})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(whatsapp.Type)
	// Output:
	// pending
	// registered
	// whatsapp
}

// A charge is never repeated by the SDK: the state of the button tells whether it was made.
func ExampleStripeService_CreateTransaction() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	offer := smooch.TextMessage("One Sachertorte")
	offer.Actions = []smooch.Action{smooch.BuyAction("Buy", 4200, "EUR")}
	answer, err := app.Conversations.PostMessage(ctx, "ida", offer)
	if err != nil {
		log.Fatal(err)
	}

	// The answer is lost.
	server.Fail(smoochtest.Fault{Path: "/stripe/transaction", Cut: smoochtest.CutAfter})
	err = app.Stripe.CreateTransaction(ctx, "ida", answer.Message.Actions[0].ID, "tok_visa")
	if errors.Is(err, smooch.ErrOutcomeUnknown) {
		page, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(page.Messages[len(page.Messages)-1].Actions[0].State)
	}
	// Output: paid
}

// The owner of an app lets an integration use it. A state that does not match the browser's session
// shows that somebody else has made the link.
func ExampleOAuthService_Exchange() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	client, err := smooch.NewClient(smooch.NoAuth(), smooch.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	callback := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("state") != "of this session" {
			http.Error(w, "not the state of this session", http.StatusForbidden)
			return
		}
		token, err := client.OAuth.Exchange(r.Context(), smooch.OAuthExchange{
			Code: r.FormValue("code"), ClientID: "acme", ClientSecret: "s3cr3t",
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(token.TokenType, token) // for BearerToken; prints no token
	}))
	defer callback.Close()
	page, err := client.OAuth.AuthorizeURL(smooch.OAuthAuthorize{
		ClientID: "acme", State: "of this session", RedirectURI: callback.URL,
	})
	if err != nil {
		log.Fatal(err)
	}
	browse(ctx, page) // the owner, who agrees
	// Output: Bearer smooch.OAuthToken([redacted])
}

// browse opens a page as a browser does.
func browse(ctx context.Context, page string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		log.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	_ = response.Body.Close()
}

// A private file is read with a media token, which a browser takes as a cookie.
func ExampleAttachmentsService_CreateMediaToken() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	invoice, err := app.Attachments.Upload(ctx,
		smooch.Upload{Source: strings.NewReader("%PDF-1.7"), Filename: "invoice.pdf"},
		smooch.AttachmentOptions{Access: smooch.AttachmentAccessPrivate})
	if err != nil {
		log.Fatal(err)
	}
	path := "/apps/" + server.App().ID
	tokens, err := app.Attachments.CreateMediaToken(ctx, []string{path})
	if err != nil {
		log.Fatal(err)
	}
	var response smooch.Response
	if err := app.Attachments.SetCookie(ctx, tokens[path], smooch.WithResponse(&response)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(invoice.MediaType, response.Header.Get("Set-Cookie") != "")
	// Output: application/pdf true
}

// A file that the service does not accept.
func ExampleAttachmentsService_Upload_refused() {
	ctx := context.Background()
	server := smoochtest.NewServer(smoochtest.WithMaxUpload(10))
	defer server.Close()
	app := server.Client()

	_, err := app.Attachments.Upload(ctx, smooch.Upload{Source: strings.NewReader("more than ten bytes")}, smooch.AttachmentOptions{})
	switch {
	case errors.Is(err, smooch.ErrTooLarge):
		fmt.Println("the file is too large")
	case errors.Is(err, smooch.CodeUnsupportedMediaType):
		fmt.Println("the service takes no files of this type")
	}
	// Output: the file is too large
}
