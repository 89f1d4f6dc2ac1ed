package smooch

import (
	"encoding/json"

	"github.com/smooch/smooch-go/internal/lenient"
)

// Trigger names what makes a webhook fire. The set is open; names are case sensitive.
type Trigger string

// The triggers. Those of v1 only have other names in v1.1, see [UpgradeTriggers].
const (
	TriggerMessage                     Trigger = "message" // v1: all messages; events name one of the next two
	TriggerMessageAppUser              Trigger = "message:appUser"
	TriggerMessageAppMaker             Trigger = "message:appMaker" // also whispers
	TriggerPostback                    Trigger = "postback"
	TriggerConversationStart           Trigger = "conversation:start"
	TriggerConversationRead            Trigger = "conversation:read"
	TriggerConversationReferral        Trigger = "conversation:referral"
	TriggerMergeAppUser                Trigger = "merge:appUser"
	TriggerDeliverySuccess             Trigger = "delivery:success" // v1
	TriggerDeliveryFailure             Trigger = "delivery:failure" // v1
	TriggerMessageDeliveryChannel      Trigger = "message:delivery:channel"
	TriggerMessageDeliveryUser         Trigger = "message:delivery:user"
	TriggerMessageDeliveryFailure      Trigger = "message:delivery:failure"
	TriggerPaymentSuccess              Trigger = "payment:success"
	TriggerLinkMatch                   Trigger = "link:match"
	TriggerLinkSuccess                 Trigger = "link:success"
	TriggerLinkFailure                 Trigger = "link:failure"
	TriggerAppUserDelete               Trigger = "appUser:delete"                // v1.1
	TriggerClientAdd                   Trigger = "client:add"                    // v1.1
	TriggerClientRemove                Trigger = "client:remove"                 // v1.1
	TriggerTypingAppUser               Trigger = "typing:appUser"                // v1.1; not among those of TriggerAll
	TriggerNotificationDeliveryChannel Trigger = "notification:delivery:channel" // v1.1
	TriggerNotificationDeliveryUser    Trigger = "notification:delivery:user"    // v1.1
	TriggerNotificationDeliveryFailure Trigger = "notification:delivery:failure" // v1.1
	TriggerNotificationMatchFailure    Trigger = "notification:match:failure"    // v1.1
	TriggerPassthroughAppleInteractive Trigger = "passthrough:apple:interactive" // v1.1; an UnknownEvent
	TriggerAll                         Trigger = "*"                             // v1; v1.1 was seen to take it
)

// UpgradeTriggers gives the triggers with which a v1.1 webhook reports what a v1 webhook with
// the given ones does. Each comes once.
func UpgradeTriggers(v1 []Trigger) []Trigger {
	var upgraded []Trigger
	seen := map[Trigger]bool{}
	for _, old := range v1 {
		for _, t := range old.upgraded() {
			if !seen[t] {
				upgraded, seen[t] = append(upgraded, t), true
			}
		}
	}
	return upgraded
}

func (t Trigger) upgraded() []Trigger {
	switch t {
	case TriggerMessage:
		return []Trigger{TriggerMessageAppUser, TriggerMessageAppMaker}
	case TriggerDeliverySuccess:
		return []Trigger{TriggerMessageDeliveryChannel}
	case TriggerDeliveryFailure:
		return []Trigger{TriggerMessageDeliveryFailure}
	}
	return []Trigger{t}
}

// Event is what a webhook delivers. Its dynamic type tells the kind:
//
//	switch e := event.(type) {
//	case *smooch.MessageEvent:
//	case *smooch.PostbackEvent:
//	default: // there will be others
//	}
//
// Deliveries of v1 and v1.1 become the same events. An event encodes back to the JSON that it came from, without the
// members that the documentation does not have; RawJSON has all.
type Event interface {
	// Header gives what all events have.
	Header() EventHeader
	// RawJSON gives the delivery's body as it came: what the types do not know is in it.
	RawJSON() json.RawMessage

	header() *EventHeader
}

// EventHeader is what all events have. What an event does not have is zero.
type EventHeader struct {
	Trigger      Trigger        `json:"trigger,omitempty"`
	Version      Version        `json:"-"`                 // of the payload; V1 if it does not say
	WireVersion  string         `json:"version,omitempty"` // as the payload writes it, "" in most of v1
	App          App            `json:"app,omitzero"`      // only the id; missing in the oldest v1
	AppUser      AppUser        `json:"appUser,omitzero"`  // v1 has it in full with messages, postbacks and conversation:start, v1.1 without clients; not with merge:appUser
	Conversation *Conversation  `json:"conversation,omitempty"`
	Client       *AppUserClient `json:"client,omitempty"` // for a webhook with IncludeClient
	Timestamp    UnixTime       `json:"timestamp,omitzero"`

	raw json.RawMessage
}

// Header gives a copy of the header.
func (h *EventHeader) Header() EventHeader { return *h }

// RawJSON gives the delivery's body as it came, nil for an event that was not parsed.
func (h *EventHeader) RawJSON() json.RawMessage { return h.raw }

func (h *EventHeader) header() *EventHeader { return h }

// MessageEvent is one or more messages: message:appUser, message:appMaker. The business's own
// are among them, so a bot looks at [Message.Role], or it answers itself.
type MessageEvent struct {
	EventHeader
	Messages []Message `json:"messages,omitzero"`
}

// PostbackEvent is the tap on one or more postback buttons or menu items: postback.
type PostbackEvent struct {
	EventHeader
	Postbacks []Postback `json:"postbacks,omitzero"`
}

// Postback is the tap on a postback button or menu item.
type Postback struct {
	Action  Action   `json:"action"`
	Message *Message `json:"message,omitempty"` // that held the button; nil for a menu item
	Source  *Source  `json:"source,omitempty"`
}

// ConversationEvent is a user who opts in, reads or comes by a referral: conversation:start, conversation:read, conversation:referral.
type ConversationEvent struct {
	EventHeader
	Source   *Source   `json:"source,omitempty"`
	Referral *Referral `json:"referral,omitempty"`
}

// Referral is what brought a user.
type Referral struct {
	Code    string           `json:"code,omitempty"`
	Details *ReferralDetails `json:"details,omitempty"` // Messenger
}

// ReferralDetails are Messenger's details of a referral.
type ReferralDetails struct {
	Source string `json:"source,omitempty"` // such as "MESSENGER_CODE" or "ADS"
	Type   string `json:"type,omitempty"`   // usually "OPEN_THREAD"
	AdID   string `json:"adId,omitempty"`
}

// DeliveryEvent is the progress of messages on the way to a user: message:delivery:channel, message:delivery:user,
// message:delivery:failure, and v1's delivery:success and delivery:failure.
type DeliveryEvent struct {
	EventHeader
	Messages         []Message         `json:"-"` // v1.1 tells of one message, and only its id; v1 has them in full
	Destination      *EventDestination `json:"destination,omitempty"`
	Final            *bool             `json:"isFinalEvent,omitempty"` // true: no more will come for this message and destination; nil: not known
	Error            *EventError       `json:"error,omitempty"`        // of a failure
	Reason           DeliveryReason    `json:"-"`                      // what Error comes to, "" if there is none
	ExternalMessages []ExternalMessage `json:"externalMessages,omitzero"`
}

// Failed reports whether the message did not arrive.
func (e *DeliveryEvent) Failed() bool {
	return e.Trigger == TriggerMessageDeliveryFailure || e.Trigger == TriggerDeliveryFailure
}

// EventDestination is where a message or notification was sent.
type EventDestination struct {
	Type          Platform `json:"type,omitempty"` // a channel
	ID            string   `json:"id,omitempty"`
	IntegrationID string   `json:"integrationId,omitempty"`
	DestinationID string   `json:"destinationId,omitempty"` // of a notification: the channel's own id of the person
}

// ExternalMessage is the channel's own id of a message.
type ExternalMessage struct {
	ID string `json:"id"`
}

// EventError is why something failed. The set of codes is open.
type EventError struct {
	Code            ErrorCode       `json:"code,omitempty"`
	Message         string          `json:"message,omitempty"`         // for people, may change any time
	Description     string          `json:"description,omitempty"`     // in place of Message
	UnderlyingError json.RawMessage `json:"underlyingError,omitempty"` // the channel's own error, of any shape
}

// deliveryJSON is a DeliveryEvent as it is delivered: v1 has messages, v1.1 one message.
type deliveryJSON struct {
	deliveryFields
	Message  *Message  `json:"message,omitempty"`
	Messages []Message `json:"messages,omitzero"`
}

type deliveryFields DeliveryEvent

// MarshalJSON writes what v1 or v1.1 delivers, by the trigger.
func (e *DeliveryEvent) MarshalJSON() ([]byte, error) {
	wire := deliveryJSON{deliveryFields: deliveryFields(*e)}
	if e.Trigger == e.Trigger.upgraded()[0] && len(e.Messages) == 1 {
		wire.Message = &e.Messages[0]
	} else {
		wire.Messages = e.Messages
	}
	return lenient.Marshal(wire)
}

// UnmarshalJSON reads what v1 or v1.1 delivers.
func (e *DeliveryEvent) UnmarshalJSON(data []byte) error {
	var wire deliveryJSON
	if err := lenient.Unmarshal(data, &wire); err != nil {
		return err
	}
	*e = DeliveryEvent(wire.deliveryFields)
	e.Messages = wire.Messages
	if wire.Message != nil {
		e.Messages = append(e.Messages, *wire.Message)
	}
	return nil
}

// MergeEvent is users who became one: merge:appUser. It has no AppUser; what you keep under a discarded id belongs to the surviving one.
type MergeEvent struct {
	EventHeader
	Surviving         *AppUser        `json:"surviving,omitempty"`
	Discarded         []AppUser       `json:"discarded,omitzero"`
	Reason            string          `json:"reason,omitempty"`
	DiscardedMetadata json.RawMessage `json:"discardedMetadata,omitempty"`
}

// PaymentEvent is one or more payments: payment:success.
type PaymentEvent struct {
	EventHeader
	Payments []Payment `json:"payments,omitzero"`
}

// Payment is a buy action that was paid.
type Payment struct {
	Source  *Source  `json:"source,omitempty"`
	Message *Message `json:"message,omitempty"` // that held the button
	Action  Action   `json:"action"`
	Charge  *Charge  `json:"charge,omitempty"`
}

// Charge is a charge at Stripe.
type Charge struct {
	ID string `json:"id"`
}

// LinkEvent is a step of the linking of a channel: link:match (the message or prompt was delivered), link:success, link:failure.
type LinkEvent struct {
	EventHeader
	Channel  IntegrationType `json:"channel,omitempty"`
	Criteria map[string]any  `json:"criteria,omitzero"` // what was given to link
	Error    *EventError     `json:"error,omitempty"`   // link:failure
}

// TypingEvent is a user who starts or stops typing: typing:appUser. v1.1.
type TypingEvent struct {
	EventHeader
	Activity *EventActivity `json:"activity,omitempty"`
}

// EventActivity is what a user does.
type EventActivity struct {
	Type ActivityType `json:"type,omitempty"`
}

// ClientEvent is a client that was added to a user or removed: client:add, client:remove. v1.1. The client is in the header.
type ClientEvent struct {
	EventHeader
	Reason string      `json:"reason,omitempty"`
	Error  *EventError `json:"error,omitempty"`
}

// AppUserDeleteEvent is a user who was deleted: appUser:delete. v1.1.
type AppUserDeleteEvent struct {
	EventHeader
}

// NotificationEvent is the progress of a notification: notification:delivery:channel, :user, :failure, notification:match:failure. v1.1.
type NotificationEvent struct {
	EventHeader
	Notification *NotificationResponse `json:"notification,omitempty"` // the id that posting it answered
	Destination  *EventDestination     `json:"destination,omitempty"`
	MatchResult  *MatchResult          `json:"matchResult,omitempty"`  // not with a failure
	Final        *bool                 `json:"isFinalEvent,omitempty"` // true: no more will come for this notification and destination; nil: not known
	Error        *EventError           `json:"error,omitempty"`        // of a failure
	Reason       DeliveryReason        `json:"-"`                      // what Error comes to, "" if there is none
}

// Failed reports whether the notification did not arrive: it could not be delivered, or not be
// matched to a user.
func (e *NotificationEvent) Failed() bool {
	return e.Trigger == TriggerNotificationDeliveryFailure || e.Trigger == TriggerNotificationMatchFailure
}

// MatchResult is the user whom a notification was matched to, or who was made for it.
type MatchResult struct {
	AppUser      *AppUser      `json:"appUser,omitempty"`
	Conversation *Conversation `json:"conversation,omitempty"`
}

// UnknownEvent is an event of a kind that the SDK does not know, or whose parts are not of the
// known types. The header holds what can be read of it.
type UnknownEvent struct {
	EventHeader
	Body json.RawMessage // the delivery's body
	Err  error           // a *DecodeError for a known trigger whose parts are not of the known types, else nil
}

// MarshalJSON writes the body, or the header if there is none.
func (e *UnknownEvent) MarshalJSON() ([]byte, error) {
	if e.Body == nil {
		return lenient.Marshal(&e.EventHeader)
	}
	return e.Body, nil
}
