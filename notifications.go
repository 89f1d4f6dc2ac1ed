package smooch

import (
	"cmp"
	"context"

	"github.com/smooch/smooch-go/internal/lenient"
)

// NotificationPost is the argument of [NotificationsService.Post].
type NotificationPost struct {
	Destination NotificationDestination `json:"destination"` // required
	Author      NotificationAuthor      `json:"author"`      // required; a missing role is set
	// set to "whatsapp" for a [WhatsAppMessage]
	MessageSchema string `json:"messageSchema,omitempty"`
	// required: an ordinary message, whose role is not sent, or a [WhatsAppMessage]
	Message MessagePost `json:"-"`
	// flat: string, number or bool values
	Metadata map[string]any `json:"metadata,omitzero"`
}

// NotificationDestination is the address of a person on a channel. Both fields are required.
type NotificationDestination struct {
	IntegrationID string `json:"integrationId"`
	// the channel's own id of the person, such as a phone number
	DestinationID string `json:"destinationId"`
}

// NotificationAuthor is the author of a notification.
type NotificationAuthor struct {
	Role      Role   `json:"role"` // set to appMaker, the only one accepted, if empty
	Name      string `json:"name,omitempty"`
	Email     string `json:"email,omitempty"`
	AvatarURL string `json:"avatarUrl,omitempty"`
}

// NotificationResponse is the response to [NotificationsService.Post].
type NotificationResponse struct {
	ID string `json:"_id"` // only serves to recognize the [NotificationEvent]s of the notification
}

// MarshalJSON writes the notification. For a [WhatsAppMessage], the member message is the payload
// itself, without the rest of [MessagePost].
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

// NotificationsService sends messages to people who are not app users yet.
type NotificationsService struct{ c *Client }

// Post sends a message to the address of a person on a channel who is not an app user yet. A
// [NotificationEvent] with the ID of the response reports the outcome. A second call sends the
// person a second message, and after [ErrOutcomeUnknown] nothing in the API tells whether the first
// was sent.
//
// Post fails with [ErrNotFound] if the app has no such integration, and with [ErrBadRequest] if the
// service refuses the message. A WhatsApp payload with metadata or an override fails with
// [ErrInvalidArgument].
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
	notification.Message.Role = "" // the author has one
	r := opNotificationsCreate.with().json(notification)
	if len(m.Message) > 0 && (m.Metadata != nil || m.Override != nil) {
		r.refuse("message", "is a WhatsApp payload, which cannot have metadata or an override")
	}
	return one[NotificationResponse](ctx, s.c, r, opts)
}
