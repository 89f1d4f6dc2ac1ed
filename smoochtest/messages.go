package smoochtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"net/url"
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
	var added []object
	for _, m := range expandShorthand(c) {
		added = append(added, addMessage(c.app, c.user, m))
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

// addMessage adds a message to a user's conversation, and tells the webhooks.
func addMessage(a *app, u *user, posted object) object {
	u.startConversation()
	m := newMessage(posted)
	at := a.server.clock.unique()
	m["received"] = unixTime(at)
	switch m["role"] {
	case "appUser":
		m["authorId"] = u.id
		if m["name"] == nil {
			m["name"] = u.displayName()
		}
		u.conversation.appUserLastRead, u.conversation.unreadCount = at, 0
	default:
		m["authorId"] = randomHex(9)
		u.conversation.appMakerLastRead = at
		u.conversation.unreadCount++
	}
	u.conversation.messages = append(u.conversation.messages, m)
	emitMessage(a, u, m)
	return m
}

func uploadImage(c *call) *reply {
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
	c.body["mediaUrl"], c.body["mediaType"] = addAttachment(c.app, c.file), c.file.mediaType
	if c.text("text") == "" {
		c.body["text"] = c.body["mediaUrl"]
	}
	return postMessage(c)
}

func listMessages(c *call) *reply {
	if c.user.conversation == nil {
		return notFound("Conversation")
	}
	before, hasBefore, err1 := milliseconds(c.query("before"))
	after, hasAfter, err2 := milliseconds(c.query("after"))
	switch {
	case errors.Join(err1, err2) != nil:
		return badRequest("before and after must be unix seconds")
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

// milliseconds reads a parameter in Unix seconds.
func milliseconds(text string) (ms float64, given bool, err error) {
	if text == "" {
		return 0, false, nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	return math.Round(seconds * 1000), true, err
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
		v.messages, v.unreadCount = nil, 0
	}
	return ok(object{})
}

func deleteMessage(c *call) *reply {
	v, id := c.user.conversation, c.params["messageId"]
	if v == nil || byID(v.messages, id) == nil {
		return notFound("Message")
	}
	v.messages = without(v.messages, id)
	return ok(object{})
}
