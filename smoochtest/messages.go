package smoochtest

import (
	"cmp"
	"encoding/json"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var messageRoutes = []route{
	{"GET", "/appusers/{userId}/messages", inApp, v1AndV11, forUser, listMessages},
	{"POST", "/appusers/{userId}/messages", inApp, v1AndV11, forUser, postMessage},
	{"DELETE", "/appusers/{userId}/messages", inApp, v1AndV11, forApp, deleteMessages},
	{"DELETE", "/appusers/{userId}/messages/{messageId}", inApp, v1AndV11, forApp, deleteMessage},
	{"POST", "/appusers/{userId}/images", inApp, v1AndV11, forUser, uploadImage},
	{"POST", "/appusers/{userId}/conversation/messages", inApp, v1Only, forUser, postMessage},
	{"POST", "/appusers/{userId}/conversation/images", inApp, v1Only, forUser, uploadImage},
}

// maxMessagePage is the number of messages on a page.
const maxMessagePage = 100

func postMessage(c *call) *reply {
	if refusal := checkMessage(c); refusal != nil {
		return refusal
	}
	client, refusal := postedClient(c)
	if refusal != nil {
		return refusal
	}
	var added []object
	for _, m := range expandShorthand(c) {
		m = addMessage(c.app, c.user, newMessage(c.server.random, m), client)
		added = append(added, m)
		if override, given := c.body["override"].(object); given {
			c.user.conversation.overrides[m["_id"].(string)] = override
		}
	}
	answer := object{"message": added[0], "conversation": c.user.conversation.brief()}
	if len(added) > 1 {
		answer["extraMessages"] = added[1:]
	}
	if strings.Contains(c.route.path, "/conversation/") {
		answer["conversation"] = c.user.conversation.full(c.user)
	}
	return created(answer)
}

// postedClient returns the client that a posted message comes from or goes to, or nil: for a
// message of the business the one of its destination or the one that the user used last, for one of
// the user the device that has posted it.
func postedClient(c *call) (object, *reply) {
	if c.text("role") == "appUser" {
		client := c.user.client(c.text("deviceId"))
		if client != nil {
			c.user.use(client, c.server.clock.now())
		}
		return client, nil
	}
	value, given := c.body["destination"]
	if !given || value == nil {
		return c.user.primaryClient(), nil
	}
	destination, _ := value.(object)
	id, hasID := destination["integrationId"].(string)
	kind, hasKind := destination["integrationType"].(string)
	if !hasID && !hasKind {
		return nil, badRequest("destination.integrationId or destination.integrationType is required")
	}
	if hasID && byID(c.app.integrations, id) == nil {
		return nil, badRequest("destination.integrationId is no integration of the app")
	}
	channel := id
	if !hasID {
		channel = kind
	}
	client := c.user.clientOn(channel)
	if client == nil || hasKind && client["platform"] != kind {
		return nil, badRequest("destination is no channel of the app user")
	}
	return client, nil
}

// addMessage adds a message to a user's conversation, and tells the webhooks. client is the one
// that it comes from or goes to; it is nil if there is none.
func addMessage(a *app, u *user, m, client object) object {
	u.startConversation(a.server.random)
	at := a.server.clock.unique()
	m["received"], m["source"] = unixTime(at), object{"type": "api"}
	switch m["role"] {
	case "appUser":
		source := channelSource(client)
		if client != nil && !isSDK(client) {
			source["originalMessageId"] = "mid." + m["_id"].(string) // the channel's own
			source["originalMessageTimestamp"] = m["received"]
		}
		m["authorId"], m["source"] = u.id, source
		if m["name"] == nil {
			m["name"] = u.displayName()
		}
		u.conversation.appUserLastRead, u.conversation.unreadCount = at, 0
	default:
		m["authorId"] = a.server.random.hex(9)
		u.conversation.appMakerLastRead = at
		u.conversation.unreadCount++
	}
	role, _ := m["role"].(string)
	delete(u.conversation.typing, role) // who has sent it types no more
	u.conversation.messages = append(u.conversation.messages, m)
	emitMessage(a, u, m, client)
	return m
}

func uploadImage(c *call) *reply {
	if c.file == nil {
		return badRequest("source is required")
	}
	for _, name := range []string{"metadata", "actions"} {
		if text := c.text(name); text != "" {
			value, err := decodeJSON([]byte(text))
			if err != nil {
				return badRequest(name + " must be JSON")
			}
			c.body[name] = value
		}
	}
	c.body["type"] = "image"
	c.body["mediaUrl"], c.body["mediaType"] = addAttachment(attachment{app: c.app, file: c.file, user: c.user}), c.file.mediaType
	if c.text("text") == "" {
		c.body["text"] = c.body["mediaUrl"]
	}
	return postMessage(c)
}

func listMessages(c *call) *reply {
	if c.user.conversation == nil {
		return notFound("Conversation")
	}
	before, hasBefore, refusal := milliseconds(c, "before")
	if refusal != nil {
		return refusal
	}
	after, hasAfter, refusal := milliseconds(c, "after")
	switch {
	case refusal != nil:
		return refusal
	case hasBefore && hasAfter:
		return badRequest("before and after exclude each other")
	}
	all := c.user.conversation.messages
	from, to := 0, len(all)
	if hasBefore {
		to, _ = slices.BinarySearchFunc(all, before, func(m object, before float64) int {
			return cmp.Compare(received(m), before)
		})
	}
	if hasAfter {
		for from < len(all) && received(all[from]) <= after {
			from++
		}
		to = min(to, from+maxMessagePage)
	} else {
		from = max(from, to-maxMessagePage)
	}
	answer := object{
		"conversation": c.user.conversation.brief(), "messages": notNull(all[from:to]),
	}
	if from > 0 && from < to {
		answer["previous"] = pageLink(c, "before", all[from])
	}
	if to < len(all) && to > from {
		answer["next"] = pageLink(c, "after", all[to-1])
	}
	return ok(answer)
}

// unixSeconds is what a time in a query looks like.
var unixSeconds = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]*)?$`)

// milliseconds reads a parameter in Unix seconds.
func milliseconds(c *call, parameter string) (ms float64, given bool, refusal *reply) {
	text := c.query(parameter)
	if text == "" {
		return 0, false, nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !unixSeconds.MatchString(text) {
		return 0, true, badRequest(parameter + " must be Unix seconds")
	}
	return math.Round(seconds * 1000), true, nil
}

// received returns when a message was received, in milliseconds of Unix time.
func received(message object) float64 {
	seconds, _ := strconv.ParseFloat(string(message["received"].(json.Number)), 64)
	return math.Round(seconds * 1000)
}

// pageLink returns the absolute URL of the page that begins before or after a message.
func pageLink(c *call, parameter string, message object) string {
	query := url.Values{parameter: {string(message["received"].(json.Number))}}
	return c.server.URL + c.request.URL.EscapedPath() + "?" + query.Encode()
}

func deleteMessages(c *call) *reply {
	if v := c.user.conversation; v != nil {
		v.messages, v.unreadCount, v.overrides, v.outcomes = nil, 0, map[string]object{}, nil
	}
	deleteAttachmentsOf(c.app, c.user)
	return ok(object{})
}

func deleteMessage(c *call) *reply {
	v, id := c.user.conversation, c.params["messageId"]
	if v == nil || byID(v.messages, id) == nil {
		return notFound("Message")
	}
	v.messages = without(v.messages, id)
	delete(v.overrides, id)
	delete(v.outcomes, id)
	return ok(object{})
}
