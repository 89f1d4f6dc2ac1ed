package smooch

import (
	"context"
	"log/slog"
)

// Webhook is a target URL that the service calls when a trigger fires. [WebhookReceiver] handles
// these calls. Printing or logging a Webhook leaves out the secret.
type Webhook struct {
	ID       string    `json:"_id"`
	Target   string    `json:"target,omitempty"`
	Triggers []Trigger `json:"triggers,omitzero"`

	// the X-API-Key header of each delivery; in every answer, not only when the webhook is created
	Secret string `json:"secret,omitempty"`

	Version            Version `json:"version,omitempty"`            // of the payloads; "" means v1
	IncludeClient      *bool   `json:"includeClient,omitempty"`      // client in events; v1.1
	IncludeFullAppUser *bool   `json:"includeFullAppUser,omitempty"` // full app user in events; v1.1
}

// String returns a text with the webhook's id and without its secret.
func (w Webhook) String() string { return "smooch.Webhook(" + w.ID + ")" }

// GoString returns the text of String, so that %#v does not print the secret either.
func (w Webhook) GoString() string { return w.String() }

// LogValue returns the text of String, so that logs do not contain the secret.
func (w Webhook) LogValue() slog.Value { return slog.StringValue(w.String()) }

// WebhookCreate is the argument of [WebhooksService.Create].
type WebhookCreate struct {
	Target string `json:"target"` // required: an http or https URL

	// required on v1.1; on v1 the service's default is TriggerMessage
	Triggers []Trigger `json:"triggers,omitzero"`

	IncludeClient      bool `json:"includeClient,omitempty"`      // client in events; v1.1
	IncludeFullAppUser bool `json:"includeFullAppUser,omitempty"` // full app user in events; v1.1
}

// WebhookUpdate is the argument of [WebhooksService.Update]. Fields that are nil or "" stay as they
// are.
type WebhookUpdate struct {
	Target             string    `json:"target,omitempty"`
	Triggers           []Trigger `json:"triggers,omitzero"`            // replaces all triggers
	IncludeClient      *bool     `json:"includeClient,omitempty"`      // client in events; v1.1
	IncludeFullAppUser *bool     `json:"includeFullAppUser,omitempty"` // full app user in events; v1.1
}

// WebhooksService manages the webhooks of an app, which can have up to ten. A webhook delivers
// payloads of the version of the client that created it. That version cannot be changed later.
type WebhooksService struct{ c *Client }

// Create creates a webhook and returns it with its secret. The service may send a HEAD request to
// the target to check that it answers, so start the receiver first. On v1.1 a webhook without
// triggers fails with [ErrInvalidArgument]. A second call creates a second webhook, which delivers
// every event again, so after [ErrOutcomeUnknown] list the webhooks and look for the target before
// you try again.
//
//	POST /webhooks
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) Create(ctx context.Context, webhook WebhookCreate, opts ...CallOption) (*Webhook, error) {
	r := opWebhooksCreate.with().json(webhook)
	if len(webhook.Triggers) == 0 && s.c.version == V1_1 {
		r.refuse("triggers", "are missing: v1.1 requires them")
	}
	return one[Webhook](ctx, s.c, r, opts)
}

// List returns all webhooks of the app with their secrets. With an OAuth access token, these are
// the integration's own.
//
//	GET /webhooks
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) List(ctx context.Context, opts ...CallOption) ([]Webhook, error) {
	return list[Webhook](ctx, s.c, opWebhooksList.with(), opts)
}

// Get returns one webhook with its secret. It fails with [ErrNotFound] if the app has no such
// webhook.
//
//	GET /webhooks/{webhookId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) Get(ctx context.Context, webhookID string, opts ...CallOption) (*Webhook, error) {
	return one[Webhook](ctx, s.c, opWebhooksGet.with(webhookID), opts)
}

// Update changes the fields of a webhook that are set in update, and returns the webhook. Its
// secret and its version stay as they are.
//
//	PUT /webhooks/{webhookId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) Update(ctx context.Context, webhookID string, update WebhookUpdate, opts ...CallOption) (*Webhook, error) {
	return one[Webhook](ctx, s.c, opWebhooksUpdate.with(webhookID).json(update), opts)
}

// Delete deletes a webhook.
//
//	DELETE /webhooks/{webhookId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) Delete(ctx context.Context, webhookID string, opts ...CallOption) error {
	return exec(ctx, s.c, opWebhooksDelete.with(webhookID), opts)
}
