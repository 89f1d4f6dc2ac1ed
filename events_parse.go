package smooch

import (
	"bytes"
	"encoding/json"

	"github.com/smooch/smooch-go/internal/lenient"
)

// ParseEvent decodes the body of a webhook's request. It does not check who sent it: that is the
// secret's job, see [WebhookReceiver].
//
// Unknown triggers, and known ones with parts of other types than documented, are an
// [*UnknownEvent], the latter with Err set; unknown fields and enum values are no error. What is not a JSON object is a [*DecodeError].
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
	_ = json.Unmarshal(peek.Trigger, &trigger) // one that is no text is unknown
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

// parseUnknown reads what it can of an event's header, each part by itself.
func parseUnknown(trigger Trigger, body []byte, err error) (Event, *EventHeader) {
	e := &UnknownEvent{Body: bytes.Clone(body), Err: err}
	e.Trigger = trigger
	parts := lenient.Members{
		"version": &e.WireVersion, "app": &e.App, "appUser": &e.AppUser, "conversation": &e.Conversation,
		"client": &e.Client, "timestamp": &e.Timestamp,
	}
	for name, part := range parts {
		_ = lenient.Members{name: part}.Unmarshal(body) // what is of another type stays zero; the body has it
	}
	return e, &e.EventHeader
}

// newEvent returns an empty event of the type that a trigger has, with its header; nil if the trigger
// is not known.
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
	}
	return nil, nil
}
