package smooch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
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
		return nil, &DecodeError{Op: "webhook", Err: errNotObject}
	}
	if err := decodeStrict(body, &peek); err != nil {
		return nil, &DecodeError{Op: "webhook", Err: err}
	}
	var trigger Trigger
	_ = json.Unmarshal(peek.Trigger, &trigger) // one that is no text is unknown
	event := trigger.newEvent()
	if event == nil {
		event = parseUnknown(trigger, body, nil)
	} else if err := decodeJSON(body, event); err != nil {
		event = parseUnknown(trigger, body, &DecodeError{Op: "webhook", Err: err})
	}
	event.keep(bytes.Clone(body))
	return event, nil
}

// parseUnknown reads what it can of an event's header, each part by itself.
func parseUnknown(trigger Trigger, body []byte, err error) Event {
	e := &UnknownEvent{Body: bytes.Clone(body), Err: err}
	e.Trigger = trigger
	for _, part := range (members{
		{"version", &e.WireVersion}, {"app", &e.App}, {"appUser", &e.AppUser}, {"conversation", &e.Conversation},
		{"client", &e.Client}, {"timestamp", &e.Timestamp},
	}) {
		_ = members{part}.decode(body) // what is of another type stays zero; the body has it
	}
	return e
}

func (t Trigger) newEvent() Event {
	switch t {
	case TriggerMessage, TriggerMessageAppUser, TriggerMessageAppMaker:
		return &MessageEvent{}
	case TriggerPostback:
		return &PostbackEvent{}
	case TriggerConversationStart, TriggerConversationRead, TriggerConversationReferral:
		return &ConversationEvent{}
	case TriggerDeliverySuccess, TriggerDeliveryFailure, TriggerMessageDeliveryChannel, TriggerMessageDeliveryUser, TriggerMessageDeliveryFailure:
		return &DeliveryEvent{}
	case TriggerMergeAppUser:
		return &MergeEvent{}
	case TriggerPaymentSuccess:
		return &PaymentEvent{}
	case TriggerLinkMatch, TriggerLinkSuccess, TriggerLinkFailure:
		return &LinkEvent{}
	case TriggerTypingAppUser:
		return &TypingEvent{}
	case TriggerClientAdd, TriggerClientRemove:
		return &ClientEvent{}
	case TriggerAppUserDelete:
		return &AppUserDeleteEvent{}
	case TriggerNotificationDeliveryChannel, TriggerNotificationDeliveryUser, TriggerNotificationDeliveryFailure, TriggerNotificationMatchFailure:
		return &NotificationEvent{}
	}
	return nil
}

// EventKey gives a text that names the fact which an event reports: two deliveries of the same
// fact have the same key, whichever version they come in; of an [*UnknownEvent], and of an event without the ids that
// name its fact, only if their bodies are the same. [WebhookReceiver] claims it; on a message bus it is the id for deduplication.
//
// Without a timestamp a postback, a link or a client has the same key each time that it happens. One v1 delivery event
// may report several messages, and v1.1 one event for each: those are different facts. A key has at most 255 bytes.
func EventKey(e Event) string {
	switch key := factKey(e); {
	case key == "":
		return "body|" + hash(e.RawJSON())
	case len(key) > 250: // a column of 255 is common
		return string(e.Header().Trigger.upgraded()[0]) + "|" + hash([]byte(key))
	default:
		return key
	}
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// factKey is "" for an event that does not name its fact.
func factKey(e Event) string {
	h := e.Header()
	trigger := string(h.Trigger.upgraded()[0])
	user, at, when := h.AppUser.ID, "", []string(nil)
	if !h.Timestamp.IsZero() {
		at = h.Timestamp.text()
		when = []string{at}
	}
	switch e := e.(type) {
	case *MessageEvent:
		switch {
		case len(e.Messages) == 0 || e.Messages[0].Role == "":
		case e.Messages[0].Role == RoleAppUser:
			trigger = string(TriggerMessageAppUser)
		default:
			trigger = string(TriggerMessageAppMaker)
		}
		return joinKey(trigger, messageIDs(e.Messages))
	case *DeliveryEvent:
		if e.Destination != nil {
			trigger += "|" + string(e.Destination.Type)
		}
		return joinKey(trigger, messageIDs(e.Messages))
	case *PostbackEvent:
		return joinKey(append([]string{trigger, postbackIDs(e.Postbacks), user}, when...)...)
	case *PaymentEvent:
		var ids []string
		for _, p := range e.Payments {
			if p.Charge != nil {
				ids = append(ids, p.Charge.ID)
			}
		}
		return joinKey(trigger, strings.Join(ids, ","))
	case *MergeEvent:
		if e.Surviving == nil {
			return ""
		}
		var ids []string
		for _, u := range e.Discarded {
			ids = append(ids, u.ID)
		}
		slices.Sort(ids)
		return joinKey(trigger, e.Surviving.ID, strings.Join(ids, ","))
	case *NotificationEvent:
		if e.Notification == nil {
			return ""
		}
		return joinKey(trigger, e.Notification.ID)
	case *LinkEvent:
		criteria, _ := encodeJSON(e.Criteria) // it came from JSON
		return joinKey(append([]string{trigger, user, string(e.Channel), string(criteria)}, when...)...)
	case *ClientEvent:
		if h.Client == nil || h.Client.RecordID == "" && h.Client.ID == "" {
			return ""
		}
		return joinKey(append([]string{trigger, user, h.Client.RecordID + "/" + h.Client.ID}, when...)...)
	case *TypingEvent:
		if e.Activity == nil {
			return ""
		}
		return joinKey(trigger, user, at, string(e.Activity.Type))
	case *AppUserDeleteEvent:
		return joinKey(trigger, user)
	case *ConversationEvent:
		if at == "" && e.Referral != nil && e.Source != nil { // v1's table has no timestamp
			return joinKey(trigger, user, string(e.Source.Type), e.Referral.Code)
		}
	case *UnknownEvent:
		return ""
	}
	return joinKey(trigger, user, at)
}

// joinKey is "" if one of the parts is missing.
func joinKey(parts ...string) string {
	if slices.Contains(parts, "") {
		return ""
	}
	return strings.Join(parts, "|")
}

func messageIDs(messages []Message) string {
	ids := make([]string, 0, len(messages))
	for _, m := range messages {
		if m.ID == "" {
			return ""
		}
		ids = append(ids, m.ID)
	}
	return strings.Join(ids, ",")
}

// postbackIDs names buttons by message and action, by its payload if it has no id. The action of a menu item is the same
// for all users.
func postbackIDs(postbacks []Postback) string {
	ids := make([]string, 0, len(postbacks))
	for _, p := range postbacks {
		id := p.Action.ID
		if id == "" && p.Action.Payload != "" {
			id = strconv.Quote(p.Action.Payload)
		}
		if id == "" {
			return ""
		}
		if p.Message != nil {
			id = p.Message.ID + "/" + id
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, ",")
}

// isUntimed reports whether a later event with the same key can be another fact.
func isUntimed(e Event) bool {
	switch e.(type) {
	case *MessageEvent, *DeliveryEvent, *PaymentEvent, *MergeEvent, *NotificationEvent, *AppUserDeleteEvent:
		if factKey(e) != "" {
			return false
		}
	}
	return e.Header().Timestamp.IsZero()
}

// DeliveryReason is why a message did not arrive, as far as the error tells. The set is open.
type DeliveryReason string

// The reasons, and what helps.
const (
	DeliveryReasonOutsideWindow  DeliveryReason = "outsideWindow"  // the channel takes only templates by now: send one
	DeliveryReasonOptedOut       DeliveryReason = "optedOut"       // the person does not want such messages: stop
	DeliveryReasonBlocked        DeliveryReason = "blocked"        // the person has blocked the business or closed the account: stop
	DeliveryReasonCredentials    DeliveryReason = "credentials"    // the channel refuses the integration: renew its credentials
	DeliveryReasonUnreachable    DeliveryReason = "unreachable"    // the address has no such channel: use another
	DeliveryReasonChannelLimited DeliveryReason = "channelLimited" // too many messages at once: send again later
	DeliveryReasonUnknown        DeliveryReason = "unknown"        // see the error
)

// channelReasons are the codes of channels that have one meaning whatever the channel.
var channelReasons = map[string]DeliveryReason{
	"470": DeliveryReasonOutsideWindow, "131047": DeliveryReasonOutsideWindow, // WhatsApp
	"131050": DeliveryReasonOptedOut,                                      // WhatsApp: no marketing
	"131056": DeliveryReasonChannelLimited,                                // WhatsApp: too many to one person
	"131026": DeliveryReasonUnreachable,                                   // WhatsApp: undeliverable
	"190":    DeliveryReasonCredentials, "102": DeliveryReasonCredentials, // Messenger: page token
	"21610": DeliveryReasonOptedOut, // Twilio: the person has sent STOP
}

// telegramReasons are HTTP statuses, so they have a meaning only where Telegram writes them.
var telegramReasons = map[string]DeliveryReason{
	"401": DeliveryReasonCredentials, "403": DeliveryReasonBlocked, "429": DeliveryReasonChannelLimited,
}

// reason classifies an error, by the channel's code before Smooch's: that one says more.
func (e *EventError) reason() DeliveryReason {
	if e == nil {
		return ""
	}
	var underlying any
	_ = decodeStrict(e.UnderlyingError, &underlying) // of any shape
	if r := channelReason(underlying, 0); r != "" {
		return r
	}
	switch e.Code {
	case "unauthorized":
		return DeliveryReasonCredentials
	case "forbidden":
		return DeliveryReasonBlocked
	case "blocked", "bad_request":
		return DeliveryReasonOutsideWindow // what they meant where they were seen
	}
	return DeliveryReasonUnknown
}

// channelReason looks for a code in a channel's error: code, error_code or status, here or one level down.
func channelReason(v any, depth int) DeliveryReason {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if r := channelReason(item, depth); r != "" {
				return r
			}
		}
	case map[string]any:
		for _, name := range []string{"code", "error_code", "status"} {
			if r := channelReasons[codeText(v[name])]; r != "" {
				return r
			}
		}
		if r := telegramReasons[codeText(v["error_code"])]; r != "" {
			return r
		}
		if text, _ := v["message"].(string); strings.Contains(text, "No matching user found") {
			return DeliveryReasonUnreachable // Messenger's, under the code 100 of all bad parameters
		}
		for _, name := range []string{"errors", "error"} {
			if r := channelReason(v[name], depth+1); r != "" && depth < 3 {
				return r
			}
		}
	}
	return ""
}

// codeText is a code as text; channels mix numbers and text.
func codeText(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	}
	return ""
}
