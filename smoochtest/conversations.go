package smoochtest

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conversation is a user's messages, oldest first.
type conversation struct {
	id                  string
	messages            []object
	unread              int
	makerRead, userRead time.Time
}

// converse begins a user's conversation if there is none.
func (u *user) converse(*Server) {
	if u.talk == nil {
		u.talk = &conversation{id: newID()}
	}
}

// unixTime is a time as the API writes it: seconds with the milliseconds as decimals.
func unixTime(t time.Time) json.Number {
	return json.Number(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64))
}

func millis(message object) int64 {
	f, _ := strconv.ParseFloat(string(message["received"].(json.Number)), 64)
	return int64(math.Round(f * 1000))
}

func (t *conversation) short() object {
	o := object{"_id": t.id, "unreadCount": t.unread}
	if !t.makerRead.IsZero() {
		o["appMakerLastRead"] = unixTime(t.makerRead)
	}
	if !t.userRead.IsZero() {
		o["appUserLastRead"] = unixTime(t.userRead)
	}
	return o
}

func (c *call) fullConversation() object {
	return object{"_id": c.user.talk.id, "appMakers": []string{}, "appUsers": []string{c.user.id}, "messages": list(c.user.talk.messages)}
}

func (c *call) getConversation() reply {
	if c.user.talk == nil {
		return notFound("Conversation")
	}
	return ok(object{"conversation": c.fullConversation()})
}

// messageFields are the members of a posted message that are kept.
var messageFields = []string{
	"type", "text", "role", "name", "email", "avatarUrl", "mediaUrl", "mediaType", "altText", "items", "actions", "displaySettings",
	"coordinates", "location", "fields", "blockChatInput", "metadata", "payload",
}

func (c *call) postMessage() reply {
	if answer := c.checkMessage(c.body, true); answer != nil {
		return *answer
	}
	var stored []object
	for _, m := range c.expand(c.body) {
		stored = append(stored, c.store(c.user, m))
	}
	answer := object{"message": stored[0], "conversation": c.user.talk.short()}
	if len(stored) > 1 {
		answer["extraMessages"] = stored[1:]
	}
	if strings.Contains(c.route.path, "/conversation/") {
		answer["conversation"] = c.fullConversation()
	}
	return created(answer)
}

// checkMessage refuses what the service refuses.
func (c *call) checkMessage(m object, needsRole bool) *reply {
	role, _ := m["role"].(string)
	if needsRole && role != "appUser" && role != "appMaker" {
		return new(badRequest("role must be appUser or appMaker"))
	}
	if needsRole && role == "appMaker" && c.cred.isUser() {
		return new(forbidden())
	}
	if role == "appUser" && (m["actions"] != nil || m["destination"] != nil) {
		return new(badRequest("actions and destination are for the role appMaker"))
	}
	if answer := flat(m, "metadata"); answer != nil {
		return answer
	}
	if m["messageSchema"] == "whatsapp" {
		if _, given := m["message"].(object); !given {
			return new(badRequest("message is required"))
		}
		return nil
	}
	kind, _ := m["type"].(string)
	if kind == "" && c.version == "v1.1" {
		return new(badRequest("type is required"))
	}
	return checkContent(m, kind)
}

// checkContent looks for what a type requires. No type is the oldest v1: text, or an image with both its members.
func checkContent(m object, kind string) *reply {
	has := func(name string) bool {
		switch v := m[name].(type) {
		case nil:
			return false
		case string:
			return v != ""
		case []any:
			return len(v) > 0
		}
		return true
	}
	required := map[string]string{
		"text": "text", "image": "mediaUrl", "file": "mediaUrl", "carousel": "items", "list": "items", "location": "coordinates", "form": "fields",
	}
	quick, others := countActions(m)
	switch {
	case quick > 0 && others > 0:
		return new(badRequest("reply and locationRequest share a message with each other only"))
	case kind == "" && (has("text") || has("mediaUrl") && has("mediaType")):
		return nil
	case kind == "":
		return new(badRequest("text is required"))
	case kind == "text" && has("actions"):
		return nil
	case required[kind] == "":
		return new(badRequest("type is not known"))
	case !has(required[kind]):
		return new(badRequest(required[kind] + " is required"))
	}
	items, _ := m["items"].([]any)
	if len(items) > 10 {
		return new(badRequest("at most 10 items"))
	}
	for _, item := range items {
		o, _ := item.(object)
		if quick, others := countActions(o); quick > 0 || others > 3 {
			return new(badRequest("an item has at most 3 actions, without reply and locationRequest"))
		}
	}
	return nil
}

// countActions tells the actions that vanish with the tap from those that stay.
func countActions(holder object) (quick, others int) {
	actions, _ := holder["actions"].([]any)
	for _, action := range actions {
		if o, _ := action.(object); o["type"] == "reply" || o["type"] == "locationRequest" {
			quick++
		} else {
			others++
		}
	}
	return quick, others
}

// store adds a message to a user's conversation and tells the webhooks.
func (c *call) store(u *user, posted object) object {
	u.converse(c.Server)
	m := pick(posted, messageFields...)
	if posted["messageSchema"] == "whatsapp" {
		m["type"], m["text"] = "text", "WhatsApp message"
	}
	if m["type"] == nil {
		m["type"] = "text"
		if m["mediaUrl"] != nil {
			m["type"] = "image"
		}
	}
	at := c.tick()
	m["_id"], m["received"] = newID(), unixTime(at)
	m["source"] = object{"type": "api"}
	completeContent(m)
	switch m["role"] {
	case "appUser":
		m["authorId"] = u.id
		if m["name"] == nil {
			m["name"] = displayName(u)
		}
		u.talk.userRead, u.talk.unread = at, 0
	default:
		m["authorId"] = newSecret(9)
		u.talk.makerRead = at
		u.talk.unread++
	}
	u.talk.messages = append(u.talk.messages, m)
	c.announce(c.app, u, m)
	return m
}

func displayName(u *user) string {
	given, _ := u.fields["givenName"].(string)
	surname, _ := u.fields["surname"].(string)
	if name := strings.TrimSpace(given + " " + surname); name != "" {
		return name
	}
	return "Quiet Otter"
}

// completeContent fills in what the service does: ids of items, actions and fields, captions and fallbacks.
func completeContent(m object) {
	for _, name := range []string{"items", "actions", "fields"} {
		parts, _ := m[name].([]any)
		for _, part := range parts {
			if o, isObject := part.(object); isObject {
				o["_id"] = newID()
				completeContent(o)
			}
		}
	}
	switch m["type"] {
	case "image", "file":
		if m["text"] == nil {
			m["text"] = " "
		}
		if m["mediaType"] == nil && m["type"] == "image" {
			m["mediaType"] = "image/jpeg"
		}
	case "buy":
		m["state"] = "offered"
		if m["currency"] == nil {
			m["currency"] = "usd"
		}
	case "location":
		if at, isObject := m["coordinates"].(object); isObject {
			m["text"] = fmt.Sprintf("Location shared:\nhttps://maps.example/?q=%v,%v", at["lat"], at["long"])
		}
	}
}

func (c *call) uploadImage() reply {
	if c.file == nil {
		return badRequest("source is required")
	}
	for _, name := range []string{"metadata", "actions"} {
		if text := c.text(name); text != "" {
			var value any
			if json.Unmarshal([]byte(text), &value) != nil {
				return badRequest(name + " must be JSON")
			}
			c.body[name] = value
		}
	}
	c.body["type"] = "image"
	c.body["mediaUrl"], c.body["mediaType"] = c.keep(c.file), c.file.kind
	if c.text("text") == "" {
		c.body["text"] = c.body["mediaUrl"]
	}
	return c.postMessage()
}

func (c *call) listMessages() reply {
	if c.user.talk == nil {
		return notFound("Conversation")
	}
	before, hasBefore, err1 := c.instant("before")
	after, hasAfter, err2 := c.instant("after")
	switch {
	case err1 != nil || err2 != nil:
		return badRequest("before and after must be unix seconds")
	case hasBefore && hasAfter:
		return badRequest("before and after exclude each other")
	}
	all := c.user.talk.messages
	from, to := 0, len(all)
	if hasBefore {
		to, _ = slices.BinarySearchFunc(all, before, func(m object, ms float64) int { return compare(millis(m), ms) })
	}
	if hasAfter {
		for from < len(all) && float64(millis(all[from])) <= after {
			from++
		}
		to = min(to, from+100)
	} else {
		from = max(from, to-100)
	}
	answer := object{"conversation": c.user.talk.short(), "messages": list(all[from:to])}
	if from > 0 && from < to {
		answer["previous"] = c.link("before", all[from])
	}
	if to < len(all) && to > from {
		answer["next"] = c.link("after", all[to-1])
	}
	return ok(answer)
}

func compare(a int64, b float64) int {
	switch {
	case float64(a) < b:
		return -1
	case float64(a) > b:
		return 1
	}
	return 0
}

// instant reads a query parameter of unix seconds, as milliseconds.
func (c *call) instant(name string) (ms float64, given bool, err error) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return 0, false, nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	return math.Round(seconds * 1000), true, err
}

// link is the absolute URL of another page.
func (c *call) link(name string, edge object) string {
	return c.URL + c.r.URL.EscapedPath() + "?" + url.Values{name: {string(edge["received"].(json.Number))}}.Encode()
}

func (c *call) deleteMessages() reply {
	if c.user.talk != nil {
		c.user.talk.messages, c.user.talk.unread = nil, 0
	}
	return ok(object{})
}

func (c *call) deleteMessage() reply {
	if c.user.talk == nil || byID(c.user.talk.messages, c.params["messageId"]) == nil {
		return notFound("Message")
	}
	c.user.talk.messages = without(c.user.talk.messages, c.params["messageId"])
	return ok(object{})
}

func (c *call) activity() reply {
	if c.text("role") != "appMaker" {
		return badRequest("role must be appMaker")
	}
	switch c.text("type") {
	case "typing:start", "typing:stop", "conversation:read":
	default:
		return badRequest("type is not known")
	}
	if c.user.talk == nil {
		return notFound("Conversation")
	}
	if c.text("type") == "conversation:read" {
		c.user.talk.makerRead = c.now()
	}
	return ok(object{"conversation": c.user.talk.short()})
}

func (c *call) resetUnread() reply {
	if c.user.talk == nil {
		return notFound("Conversation")
	}
	c.user.talk.unread, c.user.talk.userRead = 0, c.now()
	c.emit(c.app, event{trigger: "conversation:read", user: c.user, fields: func(string) object {
		return object{"source": object{"type": "api"}, "timestamp": unixTime(c.now())}
	}})
	return reply{200, nil, nil}
}

// action finds an action in a user's messages, or in a menu.
func (c *call) action(u *user, id string) (action, message object) {
	if u.talk != nil {
		for _, m := range u.talk.messages {
			if a := findAction(m, id); a != nil {
				return a, m
			}
		}
	}
	return findAction(c.app.menu, id), nil
}

func findAction(holder object, id string) object {
	for _, name := range []string{"actions", "items"} {
		parts, _ := holder[name].([]any)
		for _, part := range parts {
			o, _ := part.(object)
			if o["_id"] == id && o["type"] != nil {
				return o
			}
			if a := findAction(o, id); a != nil {
				return a
			}
		}
	}
	return nil
}

func (c *call) postback() reply {
	if answer := c.missing("actionId"); answer != nil {
		return *answer
	}
	action, message := c.action(c.user, c.text("actionId"))
	if action == nil || action["type"] != "postback" {
		return notFound("Action")
	}
	c.tap(c.app, c.user, action, message)
	return ok(object{})
}

func (s *Server) tap(a *app, u *user, action, message object) {
	at := s.tick()
	s.emit(a, event{trigger: "postback", user: u, full: true, fields: func(string) object {
		tapped := object{"action": action}
		if message != nil {
			tapped["message"] = message
		}
		return object{"postbacks": []object{tapped}, "timestamp": unixTime(at)}
	}})
}

func (c *call) stripeTransaction() reply {
	if answer := c.missing("actionId"); answer != nil {
		return *answer
	}
	action, message := c.action(c.user, c.text("actionId"))
	if action == nil || action["type"] != "buy" {
		return notFound("Action")
	}
	action["state"] = "paid"
	at := c.tick()
	c.emit(c.app, event{trigger: "payment:success", user: c.user, fields: func(string) object {
		return object{"timestamp": unixTime(at), "payments": []object{{
			"source": object{"type": "api"}, "message": message, "action": action, "charge": object{"id": "ch_" + newSecret(16)},
		}}}
	}})
	return ok(object{})
}
