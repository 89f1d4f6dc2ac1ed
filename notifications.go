package smooch

import (
	"cmp"
	"context"

	"github.com/smooch/smooch-go/internal/lenient"
)

// NotificationPost is the argument of [NotificationsService.Post].
type NotificationPost struct {
	Destination   NotificationDestination `json:"destination"`             // required
	Author        NotificationAuthor      `json:"author"`                  // required; the role is filled in
	MessageSchema string                  `json:"messageSchema,omitempty"` // filled in for a [WhatsAppMessage]
	Message       MessagePost             `json:"-"`                       // required: an ordinary message without role, or a [WhatsAppMessage]
	Metadata      map[string]any          `json:"metadata,omitzero"`       // flat: strings, numbers and booleans
}

// NotificationDestination is an address on a channel.
type NotificationDestination struct {
	IntegrationID string `json:"integrationId"` // required
	DestinationID string `json:"destinationId"` // required: the channel's own id of the person, such as a phone number
}

// NotificationAuthor is who a notification comes from.
type NotificationAuthor struct {
	Role      Role   `json:"role"` // appMaker, the only one that the service takes
	Name      string `json:"name,omitempty"`
	Email     string `json:"email,omitempty"`
	AvatarURL string `json:"avatarUrl,omitempty"`
}

// NotificationResponse is the answer to a notification.
type NotificationResponse struct {
	ID string `json:"_id"` // comes back in the notification:delivery webhooks, and serves for nothing else
}

// MarshalJSON writes the message as it is, a WhatsApp payload without what is around it.
func (n NotificationPost) MarshalJSON() ([]byte, error) {
	type plain NotificationPost
	body := struct {
		plain
		Message any `json:"message"`
	}{plain(n), n.Message}
	if len(n.Message.Message) > 0 {
		body.MessageSchema, body.Message = cmp.Or(n.MessageSchema, n.Message.MessageSchema, "whatsapp"), n.Message.Message
	}
	return lenient.Marshal(body)
}

// NotificationsService reaches people who are not app users yet.
type NotificationsService struct{ c *Client }

// Post sends a message to an address on a channel that has no app user. What comes of it is
// told by notification:delivery webhooks. A repeat reaches the person twice.
//
//	POST /notifications
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/NotificationApi.md
func (s *NotificationsService) Post(ctx context.Context, notification NotificationPost, opts ...CallOption) (*NotificationResponse, error) {
	if notification.Author.Role == "" {
		notification.Author.Role = RoleAppMaker
	}
	m := notification.Message
	notification.Message = m.withDefaults(V1_1, "")
	notification.Message.Role = "" // the author has it
	r := opNotificationsCreate.with().json(notification)
	if len(m.Message) > 0 && (m.Metadata != nil || m.Override != nil) {
		r.refuse("message", "is a WhatsApp payload, which has neither metadata nor overrides")
	}
	return one[NotificationResponse](ctx, s.c, r, opts)
}
