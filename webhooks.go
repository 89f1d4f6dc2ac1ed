package smooch

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"time"
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

// changes returns the update that makes the webhook what create would have made, and whether it
// changes anything.
func (w Webhook) changes(create WebhookCreate) (update WebhookUpdate, differs bool) {
	want := create.Triggers
	if len(want) == 0 {
		want = []Trigger{TriggerMessage}
	}
	if !slices.Equal(sorted(w.Triggers), sorted(want)) {
		update.Triggers, differs = want, true
	}
	if (w.IncludeClient != nil && *w.IncludeClient) != create.IncludeClient {
		update.IncludeClient, differs = &create.IncludeClient, true
	}
	if (w.IncludeFullAppUser != nil && *w.IncludeFullAppUser) != create.IncludeFullAppUser {
		update.IncludeFullAppUser, differs = &create.IncludeFullAppUser, true
	}
	return update, differs
}

// sorted returns each trigger once, in order.
func sorted(triggers []Trigger) []Trigger {
	return slices.Compact(slices.Sorted(slices.Values(triggers)))
}

// isOld reports whether the webhook is older than an hour. It goes by the first 8 of the 24
// hexadecimal digits of an _id, which are the time of creation in Unix seconds; a time before the
// service existed shows that an _id was made in another way.
func (w Webhook) isOld() bool {
	if len(w.ID) != 24 {
		return false
	}
	seconds, err := strconv.ParseUint(w.ID[:8], 16, 32)
	created := time.Unix(int64(seconds), 0)
	return err == nil && created.Year() >= 2012 && time.Since(created) > time.Hour
}

// WebhookCreate is the argument of [WebhooksService.Create] and [WebhooksService.Ensure].
type WebhookCreate struct {
	Target string `json:"target"` // required: an http or https URL

	// required on v1.1; on v1 the service's default is TriggerMessage
	Triggers []Trigger `json:"triggers,omitzero"`

	IncludeClient      bool `json:"includeClient,omitempty"`      // client in events; v1.1
	IncludeFullAppUser bool `json:"includeFullAppUser,omitempty"` // full app user in events; v1.1
}

// problem says what is wrong with the triggers on version v, or returns "".
func (c WebhookCreate) problem(v Version) string {
	if len(c.Triggers) == 0 && v == V1_1 {
		return "are missing: v1.1 requires them"
	}
	return triggerProblem(c.Triggers, v)
}

// triggerProblem says which of the triggers version v has under another name, or returns "". It
// accepts all others, as no list of triggers is complete.
func triggerProblem(triggers []Trigger, v Version) string {
	for _, t := range triggers {
		switch name, replaced := replacedTriggers[v][t]; {
		case replaced && name == "":
			return "contain " + string(t) + ", which " + string(v) + " does not have"
		case replaced:
			return "contain " + string(t) + ", which " + string(v) + " calls " + string(name)
		}
	}
	return ""
}

// replacedTriggers holds, for each version, the triggers that only the other one has, and their
// names there.
var replacedTriggers = map[Version]map[Trigger]Trigger{
	V1: {
		TriggerMessageDeliveryChannel: TriggerDeliverySuccess,
		TriggerMessageDeliveryUser:    "",
		TriggerMessageDeliveryFailure: TriggerDeliveryFailure,
	},
	V1_1: {
		TriggerDeliverySuccess: TriggerMessageDeliveryChannel,
		TriggerDeliveryFailure: TriggerMessageDeliveryFailure,
	},
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
// the target to check that it answers, so start the receiver first. It fails with [ErrBadRequest]
// or [ErrPaymentRequired] if the app has as many webhooks as it may. A second call creates a second
// webhook, which delivers every event again, so after [ErrOutcomeUnknown] list the webhooks and
// look for the target before you try again; [WebhooksService.Ensure] does that.
//
// On v1.1 a webhook without triggers fails with [ErrInvalidArgument], and so does, on either
// version, a trigger for deliveries that has another name there, such as [TriggerDeliveryFailure]
// on v1.1, where it is [TriggerMessageDeliveryFailure].
//
//	POST /webhooks
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) Create(ctx context.Context, webhook WebhookCreate, opts ...CallOption) (*Webhook, error) {
	r := opWebhooksCreate.with().json(webhook)
	if problem := webhook.problem(s.c.version); problem != "" {
		r.refuse("triggers", problem)
	}
	return one[Webhook](ctx, s.c, r, opts)
}

const (
	ensureOp    = "Webhooks.Ensure"
	ensurePause = 2 * time.Second // for the webhooks of other replicas to appear
)

// Ensure returns the webhook of the target and of the client's version, with its secret, so that a
// program can call it at each start. If there is no such webhook, Ensure creates it. If its
// triggers or settings differ from the argument, Ensure updates it. A webhook of the same target
// and the other version is left alone. On v1, no triggers means [TriggerMessage]. Members added
// with [WithField] are sent with the create, or else with an update, even if nothing differs.
//
// Replicas of a program may call Ensure at the same time. If several create a webhook, they all
// return the one with the lowest _id, and each of the others is deleted by the call that created
// it; Ensure deletes nothing else. To see the webhooks of the others, Ensure lists them after its
// create and again two seconds later. It does not wait if the webhook is older than an hour.
//
// One window remains: if more than two seconds pass between the first list and the create of a
// replica, two webhooks may be left, or another replica may hold the secret of a deleted one. A
// call that fails, or whose create had an unknown outcome, may also leave a second webhook. With
// [WithSecretLookup] a receiver accepts the deliveries of either.
//
// Ensure fails with the error of the create if there is still no webhook afterwards: with
// [ErrPaymentRequired] or [ErrBadRequest] if the app has as many as it may, or with
// [ErrOutcomeUnknown]. It fails with [ErrNotFound] if somebody deletes the webhook just before the
// update. It is safe to call it again. An empty target, and the triggers that Create refuses, fail
// with [ErrInvalidArgument].
//
//	GET /webhooks
//	POST /webhooks
//	DELETE /webhooks/{webhookId}
//	PUT /webhooks/{webhookId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) Ensure(ctx context.Context, webhook WebhookCreate, opts ...CallOption) (*Webhook, error) {
	if webhook.Target == "" {
		return nil, argumentError(ensureOp, "target", "is empty")
	}
	if problem := webhook.problem(s.c.version); problem != "" {
		return nil, argumentError(ensureOp, "triggers", problem)
	}
	hasFields := false
	withoutBody := append(slices.Clip(opts), func(o *callOptions) {
		hasFields = o.fields != nil
		o.fields = nil
	})
	var created *Webhook
	var createErr error
	for paused := false; ; {
		// Only v1.1 tells the version of a webhook.
		all, err := s.c.ForVersion(V1_1).Webhooks.List(ctx, withoutBody...)
		if err != nil {
			return nil, cmp.Or(createErr, err)
		}
		kept := lowestID(all, webhook.Target, s.c.version, created)
		if created != nil && kept.ID != created.ID {
			if err := s.Delete(ctx, created.ID, withoutBody...); err != nil && !errors.Is(err, ErrNotFound) {
				return nil, err
			}
			created = nil
		}
		switch {
		case kept == nil && createErr == nil:
			created, createErr = s.Create(ctx, webhook, opts...)
			paused = false
			continue
		case kept == nil && (paused || !errors.Is(createErr, ErrOutcomeUnknown)):
			return nil, createErr
		case kept != nil && (paused || created == nil && kept.isOld()):
			if update, differs := kept.changes(webhook); created == nil && (differs || hasFields) {
				return s.Update(ctx, kept.ID, update, opts...)
			}
			return kept, nil
		}
		select {
		case <-ctx.Done():
			return nil, cmp.Or(createErr, callFailed(ensureOp, ctx.Err()))
		case <-time.After(ensurePause):
			paused = true
		}
	}
}

// lowestID returns, of the webhooks that deliver events of version v to the target, the one with
// the lowest _id, or nil. created is one of them even if it is not in the list yet.
func lowestID(all []Webhook, target string, v Version, created *Webhook) *Webhook {
	lowest := created
	for i, w := range all {
		if w.Target == target && cmp.Or(w.Version, V1) == v && (lowest == nil || w.ID < lowest.ID) {
			lowest = &all[i]
		}
	}
	return lowest
}

// List returns all webhooks of the app with their secrets. With an OAuth access token, these are
// the integration's own. It fails with [ErrForbidden] if the credential is that of a user.
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
// secret and its version stay as they are. It fails with [ErrNotFound] if the app has no such
// webhook, and with [ErrInvalidArgument] for the names of triggers that [WebhooksService.Create]
// refuses.
//
//	PUT /webhooks/{webhookId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) Update(ctx context.Context, webhookID string, update WebhookUpdate, opts ...CallOption) (*Webhook, error) {
	r := opWebhooksUpdate.with(webhookID).json(update)
	if problem := triggerProblem(update.Triggers, s.c.version); problem != "" {
		r.refuse("triggers", problem)
	}
	return one[Webhook](ctx, s.c, r, opts)
}

// Delete deletes a webhook. It fails with [ErrNotFound] if the app has no such webhook.
//
//	DELETE /webhooks/{webhookId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/WebhookApi.md
func (s *WebhooksService) Delete(ctx context.Context, webhookID string, opts ...CallOption) error {
	return exec(ctx, s.c, opWebhooksDelete.with(webhookID), opts)
}
