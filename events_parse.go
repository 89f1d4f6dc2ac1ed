package smooch

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/smooch/smooch-go/internal/lenient"
)

// ParseEvent decodes the body of a request that a webhook sends. It does not check who sent the
// request; [WebhookReceiver] does, by the secret.
//
// An event with a known trigger always has the type that belongs to it, and one with an unknown
// trigger is an [*UnknownEvent]. A member whose JSON type is not the documented one stays zero and
// is listed in the header's Malformed. Unknown members and unknown enum values are not an error. A
// body that is not a JSON object fails with a [*DecodeError].
//
// Versions: v1, v1.1. Source: REST reference, "Webhooks".
func ParseEvent(body []byte) (Event, error) {
	event, _, err := decodeEvent(bytes.Clone(body))
	return event, err
}

// decodeEvent is ParseEvent, but keeps body, and also returns the header inside the event.
func decodeEvent(body []byte) (Event, *EventHeader, error) {
	event, ok := decodeEventFast(body)
	if !ok {
		var err error
		if event, err = decodeEventPartly(body); err != nil {
			return nil, nil, &DecodeError{Op: "webhook", Err: err}
		}
	}
	switch e := event.(type) {
	case *DeliveryEvent:
		e.Reason = reasonOf(e.Error)
	case *NotificationEvent:
		e.Reason = reasonOf(e.Error)
	}
	h := event.header()
	h.raw, h.Version = body, V1
	version := h.WireVersion
	if slices.Contains(h.Malformed, "version") { // a number still tells which version it is
		var members map[string]json.RawMessage
		_ = json.Unmarshal(body, &members) // it has been decoded before
		version = string(members["version"])
	}
	switch version {
	case "", "1":
	case "1.1":
		h.Version = V1_1
	default:
		h.Version = Version(version)
	}
	return event, h, nil
}

// decodeEventFast decodes a body in which nothing is unusual, and reports whether it did.
func decodeEventFast(body []byte) (event Event, ok bool) {
	text, ok := findTrigger(body)
	trigger := Trigger(text)
	for ok {
		var wire *deliveryJSON
		if event, wire = newEvent(trigger); wire == nil {
			ok = fast.Unmarshal(body, event)
		} else {
			ok = fast.Unmarshal(body, wire)
			wire.event() // which event is
		}
		found := trigger
		if trigger = event.header().Trigger; trigger == found {
			break
		}
		ok = trigger != "" // else there is none, and the one that was found belongs to something else
	}
	return event, ok
}

// findTrigger returns what looks like the trigger of an event, but may belong to an object inside.
func findTrigger(body []byte) (text []byte, ok bool) {
	_, rest, _ := bytes.Cut(body, []byte(`"trigger"`))
	rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, ": \t\r\n"), []byte(`"`))
	text, _, _ = bytes.Cut(rest, []byte(`"`))
	return text, ok
}

// decodeEventPartly decodes any body that is a JSON object.
func decodeEventPartly(body []byte) (event Event, err error) {
	var peek struct {
		Trigger Trigger `json:"trigger"`
	}
	_ = json.Unmarshal(body, &peek) // what is wrong with the body is found below
	event, _ = newEvent(peek.Trigger)
	if e, ok := event.(*DeliveryEvent); ok {
		err = e.UnmarshalJSON(body)
	} else {
		event.header().Malformed, err = lenient.UnmarshalPartly(body, event, hasOddTime(body))
	}
	return event, err
}

// timeMembers holds the members of events that are times: the end of the name, and the characters
// with which a value of the documented type, or null, begins.
var timeMembers = []struct{ name, begins string }{
	{`imestamp"`, "-0123456789n"}, {`"received"`, "-0123456789n"}, {`LastRead"`, "-0123456789n"},
	{`"signedUpAt"`, `"n`}, {`"lastSeen"`, `"n`}, {`"linkedAt"`, `"n`},
}

// hasOddTime reports whether a time in a body seems to have a JSON type that is not the documented
// one. It would be decoded to the zero time without an error.
func hasOddTime(body []byte) bool {
	for {
		colon := bytes.IndexByte(body, ':')
		if colon < 0 {
			return false
		}
		name := body[:colon]
		body = bytes.TrimLeft(body[colon+1:], " \t\r\n")
		for _, m := range timeMembers {
			if n := len(name) - len(m.name); n >= 0 && string(name[n:]) == m.name {
				if len(body) > 0 && strings.IndexByte(m.begins, body[0]) < 0 {
					return true
				}
			}
		}
	}
}

// newEvent returns an empty event of the type that belongs to a trigger. A [*DeliveryEvent] is part
// of wire, which is nil for all others.
func newEvent(t Trigger) (event Event, wire *deliveryJSON) {
	switch t {
	case TriggerMessage, TriggerMessageAppUser, TriggerMessageAppMaker:
		event = &MessageEvent{}
	case TriggerPostback:
		event = &PostbackEvent{}
	case TriggerConversationStart, TriggerConversationRead, TriggerConversationReferral:
		event = &ConversationEvent{}
	case TriggerDeliverySuccess, TriggerDeliveryFailure,
		TriggerMessageDeliveryChannel, TriggerMessageDeliveryUser, TriggerMessageDeliveryFailure:
		wire = &deliveryJSON{}
		event = wire.event()
	case TriggerMergeAppUser:
		event = &MergeEvent{}
	case TriggerPaymentSuccess:
		event = &PaymentEvent{}
	case TriggerLinkMatch, TriggerLinkSuccess, TriggerLinkFailure:
		event = &LinkEvent{}
	case TriggerTypingAppUser:
		event = &TypingEvent{}
	case TriggerClientAdd, TriggerClientRemove:
		event = &ClientEvent{}
	case TriggerAppUserDelete:
		event = &AppUserDeleteEvent{}
	case TriggerNotificationDeliveryChannel, TriggerNotificationDeliveryUser,
		TriggerNotificationDeliveryFailure, TriggerNotificationMatchFailure:
		event = &NotificationEvent{}
	default:
		event = &UnknownEvent{}
	}
	return event, wire
}
