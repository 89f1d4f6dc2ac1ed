package smooch

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smooch/smooch-go/internal/lenient"
)

// EventKey returns a text that names the fact which an event reports. Two deliveries of the same fact
// have the same key, whichever version they come in. An [*UnknownEvent], and an event without the ids
// that name its fact, has the same key only as an event with the same body. [WebhookReceiver] claims
// it; on a message bus it serves as the id for deduplication.
//
// Without a timestamp a postback, a link or a client has the same key each time that it happens. One
// v1 delivery event may report several messages, where v1.1 sends one event for each: those are
// different facts. A key has at most 255 bytes.
func EventKey(e Event) string { return factOf(e).key }

// A fact is what an event reports, as far as the receiver has to know.
type fact struct {
	key    string // see EventKey
	order  string // whose events keep their order
	recurs bool   // a later event with the same key can be another fact
}

// recurrence is for how long an event of a fact that recurs counts as a copy of the last one.
const recurrence = time.Minute

func factOf(e Event) fact {
	h := e.header()
	name, once := factName(e, h)
	f := fact{key: name, order: h.AppUser.ID, recurs: h.Timestamp.IsZero() && !once}
	switch {
	case name == "":
		f.key, f.recurs = "body|"+hash(h.raw), h.Timestamp.IsZero()
	case len(name) > 250: // a column of 255 is common
		f.key = string(h.Trigger.upgraded()[0]) + "|" + hash([]byte(name))
	}
	switch e := e.(type) {
	case *MergeEvent:
		if e.Surviving != nil {
			f.order = e.Surviving.ID
		}
	case *NotificationEvent:
		if e.MatchResult != nil && e.MatchResult.AppUser != nil {
			f.order = e.MatchResult.AppUser.ID
		} else if e.Notification != nil {
			f.order = e.Notification.ID
		}
	}
	return f
}

// recurringClaims are the keys that the deduper knows a fact by that recurs. They have the minute in
// them, the last one and the current one: if a process dies before it has released them, later events
// of the kind count as copies for two minutes at most, and not for ever.
func (f fact) recurringClaims(now time.Time) []string {
	minute := func(at time.Time) string {
		return f.key + "|" + strconv.FormatInt(at.Unix()/int64(recurrence/time.Second), 10)
	}
	return []string{minute(now.Add(-recurrence)), minute(now)}
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// factName names the fact by its ids; "" if the event does not have them. once says that a fact of
// that name happens once, so that no timestamp is needed to tell it from the next.
func factName(e Event, h *EventHeader) (name string, once bool) {
	if e, ok := e.(*MessageEvent); ok && len(e.Messages) > 0 && e.Messages[0].Role != "" {
		trigger := TriggerMessageAppMaker
		if e.Messages[0].Role == RoleAppUser {
			trigger = TriggerMessageAppUser
		}
		return joinKey(string(trigger), messageIDs(e.Messages)), true
	}
	trigger := string(h.Trigger.upgraded()[0])
	user, at, when := h.AppUser.ID, "", []string(nil)
	if !h.Timestamp.IsZero() {
		at = h.Timestamp.text()
		when = []string{at}
	}
	switch e := e.(type) {
	case *MessageEvent:
		return joinKey(trigger, messageIDs(e.Messages)), true
	case *DeliveryEvent:
		if e.Destination != nil {
			trigger += "|" + string(e.Destination.Type)
		}
		return joinKey(trigger, messageIDs(e.Messages)), true
	case *PostbackEvent:
		return joinKey(append([]string{trigger, postbackIDs(e.Postbacks), user}, when...)...), false
	case *PaymentEvent:
		var ids []string
		for _, p := range e.Payments {
			if p.Charge != nil {
				ids = append(ids, p.Charge.ID)
			}
		}
		return joinKey(trigger, strings.Join(ids, ",")), true
	case *MergeEvent:
		if e.Surviving == nil {
			return "", true
		}
		var ids []string
		for _, u := range e.Discarded {
			ids = append(ids, u.ID)
		}
		slices.Sort(ids)
		return joinKey(trigger, e.Surviving.ID, strings.Join(ids, ",")), true
	case *NotificationEvent:
		if e.Notification == nil {
			return "", true
		}
		return joinKey(trigger, e.Notification.ID), true
	case *LinkEvent:
		criteria, _ := lenient.Marshal(e.Criteria) // it came from JSON
		return joinKey(append([]string{trigger, user, string(e.Channel), string(criteria)}, when...)...), false
	case *ClientEvent:
		if h.Client == nil || h.Client.RecordID == "" && h.Client.ID == "" {
			return "", false
		}
		return joinKey(append([]string{trigger, user, h.Client.RecordID + "/" + h.Client.ID}, when...)...), false
	case *TypingEvent:
		if e.Activity == nil {
			return "", false
		}
		return joinKey(trigger, user, at, string(e.Activity.Type)), false
	case *AppUserDeleteEvent:
		return joinKey(trigger, user), true
	case *ConversationEvent:
		if at == "" && e.Referral != nil && e.Source != nil { // v1's table has no timestamp
			return joinKey(trigger, user, string(e.Source.Type), e.Referral.Code), false
		}
	case *UnknownEvent:
		return "", false
	}
	return joinKey(trigger, user, at), false
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
