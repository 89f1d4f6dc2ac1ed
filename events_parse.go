package smooch

import (
	"bytes"
	"encoding/json"

	"github.com/smooch/smooch-go/internal/lenient"
)

// ParseEvent decodes the body of a request that a webhook sends. It does not check who sent the
// request; [WebhookReceiver] does, by the secret.
//
// An event with an unknown trigger is an [*UnknownEvent]. So is one with a known trigger whose
// members have other JSON types than documented; its Err tells which. Unknown members and unknown
// enum values are not an error. A body that is not a JSON object fails with a [*DecodeError].
//
// Versions: v1, v1.1. Source: REST reference, "Webhooks".
func ParseEvent(body []byte) (Event, error) {
	var peek struct {
		Trigger json.RawMessage `json:"trigger"`
	}
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, &DecodeError{Op: "webhook", Err: lenient.ErrNotObject}
	}
	if err := json.Unmarshal(body, &peek); err != nil {
		return nil, &DecodeError{Op: "webhook", Err: err}
	}
	var trigger Trigger
	_ = json.Unmarshal(peek.Trigger, &trigger) // a trigger that is not a string is unknown
	event, h := newEvent(trigger)
	if event == nil {
		event, h = parseUnknown(trigger, body, nil)
	} else if err := lenient.Unmarshal(body, event); err != nil {
		event, h = parseUnknown(trigger, body, &DecodeError{Op: "webhook", Err: err})
	}
	switch e := event.(type) {
	case *DeliveryEvent:
		e.Reason = reasonOf(e.Error)
	case *NotificationEvent:
		e.Reason = reasonOf(e.Error)
	}
	h.raw, h.Version = bytes.Clone(body), V1
	switch h.WireVersion {
	case "", "1":
	case "1.1":
		h.Version = V1_1
	default:
		h.Version = Version(h.WireVersion)
	}
	return event, nil
}

// parseUnknown returns an UnknownEvent with as much of the header as can be decoded. It decodes
// each member on its own, as any of them may fail.
func parseUnknown(trigger Trigger, body []byte, err error) (Event, *EventHeader) {
	e := &UnknownEvent{Body: bytes.Clone(body), Err: err}
	e.Trigger = trigger
	parts := lenient.Members{
		"version": &e.WireVersion, "app": &e.App, "appUser": &e.AppUser, "conversation": &e.Conversation,
		"client": &e.Client, "timestamp": &e.Timestamp,
	}
	for name, part := range parts {
		_ = lenient.Members{name: part}.Unmarshal(body) // a member that fails stays zero; Body has it
	}
	return e, &e.EventHeader
}

// newEvent returns an empty event of the type that belongs to a trigger, and the header inside it.
// It returns nil if the trigger is unknown.
func newEvent(t Trigger) (Event, *EventHeader) {
	switch t {
	case TriggerMessage, TriggerMessageAppUser, TriggerMessageAppMaker:
		e := &MessageEvent{}
		return e, &e.EventHeader
	case TriggerPostback:
		e := &PostbackEvent{}
		return e, &e.EventHeader
	case TriggerConversationStart, TriggerConversationRead, TriggerConversationReferral:
		e := &ConversationEvent{}
		return e, &e.EventHeader
	case TriggerDeliverySuccess, TriggerDeliveryFailure,
		TriggerMessageDeliveryChannel, TriggerMessageDeliveryUser, TriggerMessageDeliveryFailure:
		e := &DeliveryEvent{}
		return e, &e.EventHeader
	case TriggerMergeAppUser:
		e := &MergeEvent{}
		return e, &e.EventHeader
	case TriggerPaymentSuccess:
		e := &PaymentEvent{}
		return e, &e.EventHeader
	case TriggerLinkMatch, TriggerLinkSuccess, TriggerLinkFailure:
		e := &LinkEvent{}
		return e, &e.EventHeader
	case TriggerTypingAppUser:
		e := &TypingEvent{}
		return e, &e.EventHeader
	case TriggerClientAdd, TriggerClientRemove:
		e := &ClientEvent{}
		return e, &e.EventHeader
	case TriggerAppUserDelete:
		e := &AppUserDeleteEvent{}
		return e, &e.EventHeader
	case TriggerNotificationDeliveryChannel, TriggerNotificationDeliveryUser,
		TriggerNotificationDeliveryFailure, TriggerNotificationMatchFailure:
		e := &NotificationEvent{}
		return e, &e.EventHeader
	default:
		return nil, nil
	}
}
