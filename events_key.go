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

// EventKey returns a key for the fact that an event reports. Deliveries of the same fact have the
// same key, in both versions of the API. [WebhookReceiver] uses it to recognize events that were
// delivered before; a message bus can use it as the id for deduplication. It has at most 255 bytes.
//
// The keys of a [*DeliveryEvent] differ between the versions, as v1 does not say whether an event
// is the final one: handle such events in one version only. The key also depends on whether the
// event is the final one, on the integration and on the destination; so does that of a
// [*NotificationEvent].
//
// Some events have no ids that identify their fact, among them every [*UnknownEvent] and every
// event with members in Malformed, except a [*MessageEvent] whose messages all have ids. Their key
// is made from the body, so only an event with the same body has the same key. A postback, link or
// client event without a timestamp has the same key whenever the same thing happens again: such a
// key is no send token.
func EventKey(e Event) string { return factOf(e, e.header()).key }

// A fact is what the receiver has to know about what an event reports.
type fact struct {
	key    string // see EventKey
	order  string // the id of the user or notification whose events are handled in order
	recurs bool   // a later event with the same key may report another fact
}

// recurrence is how long an event with the key of a recurring fact counts as a copy of the last
// one.
const recurrence = time.Minute

// factOf returns the fact that an event reports.
func factOf(e Event, h *EventHeader) fact {
	name, unique := factName(e, h)
	if _, named := e.(*MessageEvent); len(h.Malformed) > 0 && !named {
		name = "" // what cannot be read may be what tells two facts apart
	}
	f := fact{key: name, order: h.AppUser.ID, recurs: h.Timestamp.IsZero() && !unique}
	switch {
	case name == "":
		f.key, f.recurs = "body|"+hash(h.raw), h.Timestamp.IsZero()
	case len(name) > 245: // databases often limit a key to 255, and a minute may be appended
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

// recurringKeys returns the keys to claim for a recurring fact: one for the last minute and one for
// the current minute. As a key names its minute, one that a dead process has not released makes
// later events count as copies for two minutes at most, and not forever.
func (f fact) recurringKeys(now time.Time) []string {
	return []string{f.inMinute(now.Add(-recurrence)), f.inMinute(now)}
}

// inMinute returns the key of a recurring fact for a minute.
func (f fact) inMinute(at time.Time) string {
	return f.key + "|" + strconv.FormatInt(at.Unix()/int64(recurrence/time.Second), 10)
}

// hash returns the SHA-256 of data in hexadecimal.
func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// factName returns a name for the fact made of its ids, or "" if the event does not have them.
// unique reports that the fact can happen only once, so that it needs no timestamp to differ from a
// later one.
func factName(e Event, h *EventHeader) (name string, unique bool) {
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
		name := progressName(trigger, messageIDs(e.Messages), e.Destination, e.Final)
		if name != "" && e.Final == nil && h.Version != V1 {
			name += "|isFinalEvent=unknown" // so that it never has the key of a v1 event
		}
		return name, true
	case *PostbackEvent:
		return joinKey(append([]string{trigger, postbackIDs(e.Postbacks), user}, when...)...), false
	case *PaymentEvent:
		var ids []string
		for _, p := range e.Payments {
			if p.Charge == nil || p.Charge.ID == "" {
				return "", true
			}
			ids = append(ids, p.Charge.ID)
		}
		return joinKey(trigger, strings.Join(ids, ",")), true
	case *MergeEvent:
		if e.Surviving == nil {
			return "", true
		}
		var ids []string
		for _, u := range e.Discarded {
			if u.ID == "" {
				return "", true
			}
			ids = append(ids, u.ID)
		}
		slices.Sort(ids)
		return joinKey(trigger, e.Surviving.ID, strings.Join(ids, ",")), true
	case *NotificationEvent:
		if e.Notification == nil {
			return "", true
		}
		return progressName(trigger, e.Notification.ID, e.Destination, e.Final), true
	case *LinkEvent:
		criteria, _ := lenient.Marshal(e.Criteria) // cannot fail: it was decoded from JSON
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
		if at == "" && e.Referral != nil && e.Source != nil { // the v1 reference lists no timestamp
			return joinKey(trigger, user, string(e.Source.Type), e.Referral.Code), false
		}
	case *UnknownEvent:
		return "", false
	}
	return joinKey(trigger, user, at), false
}

// joinKey joins the parts of a key. It returns "" if one of them is missing.
func joinKey(parts ...string) string {
	if slices.Contains(parts, "") {
		return ""
	}
	return strings.Join(parts, "|")
}

// progressName names the progress of a message or notification on its way to a destination. It
// returns "" if id is missing.
func progressName(trigger, id string, to *EventDestination, final *bool) string {
	var parts []string
	if to != nil {
		if to.Type != "" {
			trigger += "|" + string(to.Type)
		}
		for _, part := range [][2]string{{"integrationId", to.IntegrationID}, {"id", to.ID}, {"destinationId", to.DestinationID}} {
			if part[1] != "" {
				parts = append(parts, part[0]+"="+strconv.Quote(part[1]))
			}
		}
	}
	if final != nil {
		parts = append(parts, "isFinalEvent="+strconv.FormatBool(*final))
	}
	return joinKey(append([]string{trigger, id}, parts...)...)
}

// messageIDs returns the ids of messages, or "" if one has none.
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

// postbackIDs returns the ids of the buttons and menu items that were tapped, or "" if one has
// none: the id of its action, or else the payload in quotes, after the id of its message if it has
// one. A menu item has the same id for all users.
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
