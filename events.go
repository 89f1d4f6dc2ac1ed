package smooch

import (
	"encoding/json"

	"github.com/smooch/smooch-go/internal/lenient"
)

// Trigger names what makes a webhook fire. The set is open. Names are case-sensitive.
type Trigger string

// The triggers, and what they report. v1.1 has other names for those that only v1 has, see
// [UpgradeTriggers].
const (
	// TriggerMessage is v1's trigger for all messages. Its events name one of the next two triggers.
	TriggerMessage Trigger = "message"

	TriggerMessageAppUser  Trigger = "message:appUser"  // a message of the user
	TriggerMessageAppMaker Trigger = "message:appMaker" // a message of the business, or a whisper
	TriggerPostback        Trigger = "postback"         // a tap on a postback button or menu item

	TriggerConversationStart    Trigger = "conversation:start"    // the user has opted in
	TriggerConversationRead     Trigger = "conversation:read"     // the user has read the messages
	TriggerConversationReferral Trigger = "conversation:referral" // the user has come by a code or ad

	TriggerDeliverySuccess        Trigger = "delivery:success"         // v1: accepted by the channel
	TriggerDeliveryFailure        Trigger = "delivery:failure"         // v1: not delivered
	TriggerMessageDeliveryChannel Trigger = "message:delivery:channel" // v1.1: accepted by the channel
	TriggerMessageDeliveryUser    Trigger = "message:delivery:user"    // v1.1: has reached the user
	TriggerMessageDeliveryFailure Trigger = "message:delivery:failure" // v1.1: not delivered

	TriggerPaymentSuccess Trigger = "payment:success" // a payment was received
	TriggerLinkMatch      Trigger = "link:match"      // the message or prompt to link was delivered
	TriggerLinkSuccess    Trigger = "link:success"    // the channel is linked
	TriggerLinkFailure    Trigger = "link:failure"    // not delivered, or refused by the user

	TriggerMergeAppUser  Trigger = "merge:appUser"  // users were merged
	TriggerAppUserDelete Trigger = "appUser:delete" // v1.1: a user was deleted
	TriggerClientAdd     Trigger = "client:add"     // v1.1: a user has a new client
	TriggerClientRemove  Trigger = "client:remove"  // v1.1: a user has lost a client
	TriggerTypingAppUser Trigger = "typing:appUser" // v1.1: a user starts or stops typing

	TriggerNotificationDeliveryChannel Trigger = "notification:delivery:channel" // v1.1: accepted
	TriggerNotificationDeliveryUser    Trigger = "notification:delivery:user"    // v1.1: delivered
	TriggerNotificationDeliveryFailure Trigger = "notification:delivery:failure" // v1.1: not delivered
	TriggerNotificationMatchFailure    Trigger = "notification:match:failure"    // v1.1: no user found

	// TriggerPassthroughAppleInteractive is v1.1's trigger for interactive answers in Apple's own
	// format. They are decoded as [*UnknownEvent].
	TriggerPassthroughAppleInteractive Trigger = "passthrough:apple:interactive"

	// TriggerAll is v1's trigger for all events. v1.1 was seen to accept it, too, probably without
	// typing:appUser.
	TriggerAll Trigger = "*"
)

// UpgradeTriggers returns the triggers for a v1.1 webhook that is to report what a v1 webhook with
// the triggers v1 reports. Triggers that both versions have stay as they are. The result has each
// trigger only once.
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

// upgraded returns the names that v1.1 has for a trigger.
func (t Trigger) upgraded() []Trigger {
	switch t {
	case TriggerMessage:
		return []Trigger{TriggerMessageAppUser, TriggerMessageAppMaker}
	case TriggerDeliverySuccess:
		return []Trigger{TriggerMessageDeliveryChannel}
	case TriggerDeliveryFailure:
		return []Trigger{TriggerMessageDeliveryFailure}
	default:
		return []Trigger{t}
	}
}

// Event is an event that a webhook delivers. Its dynamic type tells what happened:
//
//	switch e := event.(type) {
//	case *smooch.MessageEvent:
//	case *smooch.PostbackEvent:
//	default: // the service adds triggers at any time
//	}
//
// Deliveries of v1 and v1.1 are decoded into the same types. An event encodes to the JSON that it
// was decoded from, but without undocumented members; RawJSON returns those, too.
type Event interface {
	// Header returns what all events have in common.
	Header() EventHeader
	// RawJSON returns the body of the delivery as it was received.
	RawJSON() json.RawMessage

	header() *EventHeader
}

// EventHeader is what all events have in common. Fields that an event does not have are zero.
type EventHeader struct {
	Trigger     Trigger `json:"trigger,omitempty"`
	Version     Version `json:"-"`                 // of the payload; V1 if the payload has none
	WireVersion string  `json:"version,omitempty"` // as in the payload; "" in most of v1
	App         App     `json:"app,omitzero"`      // only its id; not in the oldest v1

	// AppUser is complete for a webhook with IncludeFullAppUser, and in v1 for messages, postbacks and
	// conversation:start. Otherwise it has ids and, in v1.1, profile data, but no clients. It is zero
	// for merge:appUser.
	AppUser AppUser `json:"appUser,omitzero"`

	Conversation *Conversation  `json:"conversation,omitempty"` // only its id; v1.1
	Client       *AppUserClient `json:"client,omitempty"`       // for a webhook with IncludeClient
	Timestamp    UnixTime       `json:"timestamp,omitzero"`     // not in all events

	// Malformed has the paths of the members whose JSON type is not the documented one, such as
	// messages[0].text or appUser.userId: at most 100, then "…". Their fields are zero; RawJSON has
	// what was received. It is nil if all members fit, and is not encoded.
	Malformed []string `json:"-"`

	raw json.RawMessage
}

// Header returns a copy of the header.
func (h *EventHeader) Header() EventHeader { return *h }

// RawJSON returns the body of the delivery as it was received, or nil for an event that was not
// made by [ParseEvent].
func (h *EventHeader) RawJSON() json.RawMessage { return h.raw }

// header returns the header itself. It also keeps other packages from implementing Event.
func (h *EventHeader) header() *EventHeader { return h }

// MessageEvent reports one or more messages. Its trigger is message:appUser or message:appMaker,
// or message in the oldest v1. The business's own messages are among them, so a bot must check the
// Role of each [Message] in order not to answer itself.
type MessageEvent struct {
	EventHeader
	Messages []Message `json:"messages,omitzero"`
}

// PostbackEvent reports one or more taps on postback buttons or menu items. Its trigger is
// postback. A tap has no id and may have no Timestamp. Then each tap on the same button has the
// same [EventKey], and the receiver takes a tap within a minute of another for a copy of it. A tap
// on a button of [ReplyAction] is reported by a [MessageEvent] instead, and its message has an id.
type PostbackEvent struct {
	EventHeader
	Postbacks []Postback `json:"postbacks,omitzero"`
}

// Postback is a tap on a postback button or menu item.
type Postback struct {
	Action  Action   `json:"action"`
	Message *Message `json:"message,omitempty"` // the message with the button; nil for a menu item
	Source  *Source  `json:"source,omitempty"`
}

// ConversationEvent reports that a user has opted in (conversation:start), has read the messages
// (conversation:read), or has come through a referral (conversation:referral).
type ConversationEvent struct {
	EventHeader
	Source   *Source   `json:"source,omitempty"`   // the channel
	Referral *Referral `json:"referral,omitempty"` // of a referral; some starts have it, too
}

// Referral is the code, link or ad through which a user came to the conversation.
type Referral struct {
	Code    string           `json:"code,omitempty"`    // Messenger, WeChat
	Details *ReferralDetails `json:"details,omitempty"` // Messenger
}

// ReferralDetails are Messenger's details of a referral.
type ReferralDetails struct {
	Source string `json:"source,omitempty"` // such as "MESSENGER_CODE" or "ADS"
	Type   string `json:"type,omitempty"`   // usually "OPEN_THREAD"
	AdID   string `json:"adId,omitempty"`   // of an ad
}

// DeliveryEvent reports the progress of messages on their way to a user. Its trigger is
// message:delivery:channel, message:delivery:user or message:delivery:failure, or v1's
// delivery:success or delivery:failure. A channel that has accepted a message may still report a
// failure later, and only some channels report that a message has reached the user. A message can
// have several destinations, each with its own events. v1 does not report deliveries to the SDKs.
type DeliveryEvent struct {
	EventHeader

	// Messages has one message with only its id in v1.1, and one or more complete messages in v1.
	Messages []Message `json:"-"`

	Destination *EventDestination `json:"destination,omitempty"`

	// Final is true if no further event will come for the message and destination, false if one may
	// come, and nil if the payload does not say.
	Final *bool `json:"isFinalEvent,omitempty"`

	Error            *EventError       `json:"error,omitempty"` // of a failure
	Reason           DeliveryReason    `json:"-"`               // the meaning of Error; "" without one
	ExternalMessages []ExternalMessage `json:"externalMessages,omitzero"`
}

// Failed reports whether the trigger is one of a failure: the messages could not be delivered.
func (e *DeliveryEvent) Failed() bool {
	return e.Trigger == TriggerMessageDeliveryFailure || e.Trigger == TriggerDeliveryFailure
}

// EventDestination is where a message or notification was sent.
type EventDestination struct {
	Type          Platform `json:"type,omitempty"` // the channel
	ID            string   `json:"id,omitempty"`
	IntegrationID string   `json:"integrationId,omitempty"`

	// the user's id on the channel; only for notifications
	DestinationID string `json:"destinationId,omitempty"`
}

// ExternalMessage is the channel's own id of a message.
type ExternalMessage struct {
	ID string `json:"id"`
}

// EventError tells why something failed. The set of codes is open. Message, or
// Description in its place, is a text for people and may change at any time.
type EventError struct {
	Code            ErrorCode       `json:"code,omitempty"`
	Message         string          `json:"message,omitempty"`
	Description     string          `json:"description,omitempty"`
	UnderlyingError json.RawMessage `json:"underlyingError,omitempty"` // the channel's error, any JSON
}

// deliveryJSON is a DeliveryEvent as it is delivered, with messages in v1 and message in v1.1.
type deliveryJSON struct {
	deliveryFields
	Message  *Message  `json:"message,omitempty"`
	Messages []Message `json:"messages,omitzero"`
}

// deliveryFields is a DeliveryEvent without its methods, so that encoding it does not recurse.
type deliveryFields DeliveryEvent

// MarshalJSON encodes the event as v1 or v1.1 delivers it, depending on the trigger.
func (e *DeliveryEvent) MarshalJSON() ([]byte, error) {
	wire := deliveryJSON{deliveryFields: deliveryFields(*e)}
	if e.Trigger == e.Trigger.upgraded()[0] && len(e.Messages) == 1 {
		wire.Message = &e.Messages[0]
	} else {
		wire.Messages = e.Messages
	}
	return lenient.Marshal(wire)
}

// UnmarshalJSON decodes the event as v1 or v1.1 delivers it. Members whose JSON type is not the
// documented one stay zero and are listed in Malformed.
func (e *DeliveryEvent) UnmarshalJSON(data []byte) error {
	var wire deliveryJSON
	malformed, err := lenient.UnmarshalPartly(data, &wire, hasOddTime(data))
	if err != nil {
		return err
	}
	*e = *wire.event()
	e.Malformed = malformed
	return nil
}

// event returns the event inside, with the messages that were decoded.
func (wire *deliveryJSON) event() *DeliveryEvent {
	e := (*DeliveryEvent)(&wire.deliveryFields)
	e.Messages = wire.Messages
	if wire.Message != nil {
		e.Messages = append(e.Messages, *wire.Message)
	}
	wire.Message, wire.Messages = nil, nil // or the event would keep both
	return e
}

// MergeEvent reports that users were merged into one. Its trigger is merge:appUser. Its AppUser is
// zero: move what you store under the ids of the discarded users to the id of the surviving one.
type MergeEvent struct {
	EventHeader
	Surviving         *AppUser        `json:"surviving,omitempty"`
	Discarded         []AppUser       `json:"discarded,omitzero"` // no longer exist
	Reason            string          `json:"reason,omitempty"`
	DiscardedMetadata json.RawMessage `json:"discardedMetadata,omitempty"`
}

// PaymentEvent reports one or more payments. Its trigger is payment:success.
type PaymentEvent struct {
	EventHeader
	Payments []Payment `json:"payments,omitzero"`
}

// Payment is the payment of a buy action.
type Payment struct {
	Source  *Source  `json:"source,omitempty"`
	Message *Message `json:"message,omitempty"` // the message with the button
	Action  Action   `json:"action"`            // its State is "paid"
	Charge  *Charge  `json:"charge,omitempty"`
}

// Charge is a charge of Stripe.
type Charge struct {
	ID string `json:"id"`
}

// LinkEvent reports a step of linking a channel to a user: the message or prompt was delivered
// (link:match), the channel was linked (link:success), or the delivery failed or the user refused
// (link:failure).
type LinkEvent struct {
	EventHeader
	Channel  IntegrationType `json:"channel,omitempty"`
	Criteria map[string]any  `json:"criteria,omitzero"` // as sent with AppUsers.LinkChannel
	Error    *EventError     `json:"error,omitempty"`   // of a failure
}

// TypingEvent reports that a user starts or stops typing. Its trigger is typing:appUser, which only
// v1.1 has.
type TypingEvent struct {
	EventHeader
	Activity *EventActivity `json:"activity,omitempty"`
}

// EventActivity is the activity of a user.
type EventActivity struct {
	Type ActivityType `json:"type,omitempty"` // typing:start or typing:stop
}

// ClientEvent reports that a client was added to a user or removed. Its trigger is client:add or
// client:remove, which only v1.1 has. The client is in the header.
type ClientEvent struct {
	EventHeader
	Reason string      `json:"reason,omitempty"`
	Error  *EventError `json:"error,omitempty"`
}

// AppUserDeleteEvent reports that a user was deleted. Its trigger is appUser:delete, which only
// v1.1 has. The user is in the header.
type AppUserDeleteEvent struct {
	EventHeader
}

// NotificationEvent reports the progress of a notification. Its trigger is
// notification:delivery:channel, notification:delivery:user, notification:delivery:failure or
// notification:match:failure, which only v1.1 has.
type NotificationEvent struct {
	EventHeader
	Notification *NotificationResponse `json:"notification,omitempty"` // its ID is that of the post
	Destination  *EventDestination     `json:"destination,omitempty"`
	MatchResult  *MatchResult          `json:"matchResult,omitempty"` // nil for a failure

	// Final is true if no further event will come for the notification and destination, false if one
	// may come, and nil if the payload does not say.
	Final *bool `json:"isFinalEvent,omitempty"`

	Error  *EventError    `json:"error,omitempty"` // of a failure
	Reason DeliveryReason `json:"-"`               // the meaning of Error; "" without one
}

// Failed reports whether the trigger is one of a failure: the notification could not be delivered,
// or not be matched to a user.
func (e *NotificationEvent) Failed() bool {
	return e.Trigger == TriggerNotificationDeliveryFailure || e.Trigger == TriggerNotificationMatchFailure
}

// MatchResult is the user that a notification was matched to or that was created for it.
type MatchResult struct {
	AppUser      *AppUser      `json:"appUser,omitempty"`
	Conversation *Conversation `json:"conversation,omitempty"` // only its id
}

// UnknownEvent is an event whose trigger the SDK does not know. RawJSON returns what it reports.
type UnknownEvent struct {
	EventHeader
}

// MarshalJSON encodes the event as RawJSON returns it, or the header if that returns nil.
func (e *UnknownEvent) MarshalJSON() ([]byte, error) {
	if e.raw == nil {
		return lenient.Marshal(&e.EventHeader)
	}
	return e.raw, nil
}
