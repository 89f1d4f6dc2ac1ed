package smooch

import (
	"context"
	"log/slog"
)

// Webhook is a target URL that the service calls when a trigger fires. What it delivers is
// for [WebhookReceiver]. Printing one leaves out the secret.
type Webhook struct {
	ID                 string    `json:"_id"`
	Target             string    `json:"target,omitempty"`
	Triggers           []Trigger `json:"triggers,omitzero"`
	Secret             string    `json:"secret,omitempty"`             // sent as X-API-Key with each delivery; every answer has it
	Version            Version   `json:"version,omitempty"`            // of the payloads; "" is v1, before the service said
	IncludeClient      *bool     `json:"includeClient,omitempty"`      // events carry the client; v1.1
	IncludeFullAppUser *bool     `json:"includeFullAppUser,omitempty"` // events carry the full app user; v1.1
}

// String names the webhook without its secret.
func (w Webhook) String() string { return "smooch.Webhook(" + w.ID + ")" }

// GoString is String, so that %#v shows no secret either.
func (w Webhook) GoString() string { return w.String() }

// LogValue is the webhook without its secret.
func (w Webhook) LogValue() slog.Value { return slog.StringValue(w.String()) }

// WebhookCreate is the argument of [WebhooksService.Create].
type WebhookCreate struct {
	Target             string    `json:"target"`                       // required: an http or https URL
	Triggers           []Trigger `json:"triggers,omitzero"`            // required on v1.1; on v1 nil is the trigger message
	IncludeClient      bool      `json:"includeClient,omitempty"`      // events carry the client; v1.1
	IncludeFullAppUser bool      `json:"includeFullAppUser,omitempty"` // events carry the full app user; v1.1
}

// WebhookUpdate is the argument of [WebhooksService.Update]. nil and "" leave a field as it is.
type WebhookUpdate struct {
	Target             string    `json:"target,omitempty"`
	Triggers           []Trigger `json:"triggers,omitzero"`            // replaces all
	IncludeClient      *bool     `json:"includeClient,omitempty"`      // v1.1
	IncludeFullAppUser *bool     `json:"includeFullAppUser,omitempty"` // v1.1
}

// WebhooksService manages the webhooks of an app, ten at most. A webhook delivers the
// payloads of the version that created it, for good.
type WebhooksService struct{ c *Client }

// Create makes a webhook. The service may first send HEAD to the target, so have it
// listening. The answer holds the secret. A repeat makes a second webhook that delivers
// everything twice. On v1.1 missing triggers fail with [ErrInvalidArgument].
//
//	POST /webhooks
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) Create(ctx context.Context, webhook WebhookCreate, opts ...CallOption) (*Webhook, error) {
	r := opWebhooksCreate.with().json(webhook)
	if len(webhook.Triggers) == 0 && s.c.version == V1_1 {
		r.refuse("triggers", "are missing, which v1.1 requires")
	}
	return one[Webhook](ctx, s.c, r, opts)
}

// List gives all webhooks of the app with their secrets.
//
//	GET /webhooks
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) List(ctx context.Context, opts ...CallOption) ([]Webhook, error) {
	return list[Webhook](ctx, s.c, opWebhooksList.with(), opts)
}

// Get gives one webhook. It fails with [ErrNotFound] if the app has no such webhook.
//
//	GET /webhooks/{webhookId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) Get(ctx context.Context, webhookID string, opts ...CallOption) (*Webhook, error) {
	return one[Webhook](ctx, s.c, opWebhooksGet.with(webhookID), opts)
}

// Update changes the fields of a webhook that update sets. The secret and the version stay.
//
//	PUT /webhooks/{webhookId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) Update(ctx context.Context, webhookID string, update WebhookUpdate, opts ...CallOption) (*Webhook, error) {
	return one[Webhook](ctx, s.c, opWebhooksUpdate.with(webhookID).json(update), opts)
}

// Delete removes a webhook.
//
//	DELETE /webhooks/{webhookId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) Delete(ctx context.Context, webhookID string, opts ...CallOption) error {
	return exec(ctx, s.c, opWebhooksDelete.with(webhookID), opts)
}
