package smoochtest

import "fmt"

const (
	maxItems       = 10
	maxItemActions = 3
)

// requiredContent is the field that each type of message requires.
var requiredContent = map[string]string{
	"carousel": "items",
	"file":     "mediaUrl",
	"form":     "fields",
	"image":    "mediaUrl",
	"list":     "items",
	"location": "coordinates",
	"text":     "text",
}

// checkMessage refuses a message that the service refuses.
func checkMessage(c *call) *reply {
	m := c.body
	role := c.text("role")
	if role != "appUser" && role != "appMaker" {
		return badRequest("role must be appUser or appMaker")
	}
	if role == "appMaker" && c.cred.isUser() {
		return forbidden()
	}
	if role == "appUser" && (m["actions"] != nil || m["destination"] != nil) {
		return badRequest("actions and destination are for the role appMaker")
	}
	if refusal := requireFlat(m, "metadata"); refusal != nil {
		return refusal
	}
	if m["messageSchema"] == "whatsapp" {
		if _, given := m["message"].(object); !given {
			return badRequest("message is required")
		}
		return nil
	}
	kind := c.text("type")
	if kind == "" && c.version == "v1.1" {
		return badRequest("type is required")
	}
	return checkContent(m, kind)
}

// checkContent refuses a message that lacks what its type requires. A message without a type is
// from the first days of v1: a text, or an image that has both of its fields.
func checkContent(m object, kind string) *reply {
	temporary, permanent := countActions(m)
	switch {
	case temporary > 0 && permanent > 0:
		return badRequest("reply and locationRequest share a message with each other only")
	case kind == "" && (hasContent(m, "text") || hasContent(m, "mediaUrl") && hasContent(m, "mediaType")):
		return nil
	case kind == "":
		return badRequest("text is required")
	case kind == "text" && hasContent(m, "actions"):
		return nil
	case requiredContent[kind] == "":
		return badRequest("type is not known")
	case !hasContent(m, requiredContent[kind]):
		return badRequest(requiredContent[kind] + " is required")
	}
	return checkItems(m)
}

// hasContent reports whether an object has a field that is not empty.
func hasContent(o object, name string) bool {
	switch v := o[name].(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	}
	return true
}

func checkItems(m object) *reply {
	items, _ := m["items"].([]any)
	if len(items) > maxItems {
		return badRequest("at most 10 items")
	}
	for _, item := range items {
		o, _ := item.(object)
		if temporary, permanent := countActions(o); temporary > 0 || permanent > maxItemActions {
			return badRequest("an item has at most 3 actions, without reply and locationRequest")
		}
	}
	return nil
}

// countActions counts the actions that disappear when one is tapped, and those that stay.
func countActions(holder object) (temporary, permanent int) {
	actions, _ := holder["actions"].([]any)
	for _, action := range actions {
		if o, _ := action.(object); o["type"] == "reply" || o["type"] == "locationRequest" {
			temporary++
		} else {
			permanent++
		}
	}
	return temporary, permanent
}

// newMessage makes a message of what was posted, with what the service adds to its content.
func newMessage(posted object) object {
	m := pick(posted,
		"type", "text", "role", "name", "email", "avatarUrl", "mediaUrl", "mediaType", "altText", "items",
		"actions", "displaySettings", "coordinates", "location", "fields", "blockChatInput", "metadata", "payload",
	)
	switch {
	case posted["messageSchema"] == "whatsapp":
		m["type"], m["text"] = "text", "WhatsApp message"
	case m["type"] == nil && m["mediaUrl"] != nil:
		m["type"] = "image"
	case m["type"] == nil:
		m["type"] = "text"
	}
	m["_id"], m["source"] = newID(), object{"type": "api"}
	completeContent(m)
	return m
}

// completeContent adds what the service adds to a message, a menu, or a part of one: ids, and
// defaults that depend on the type.
func completeContent(o object) {
	for _, name := range []string{"items", "actions", "fields"} {
		parts, _ := o[name].([]any)
		for _, part := range parts {
			if p, isObject := part.(object); isObject {
				p["_id"] = newID()
				completeContent(p)
			}
		}
	}
	switch o["type"] {
	case "image", "file":
		if o["text"] == nil {
			o["text"] = " "
		}
		if o["mediaType"] == nil && o["type"] == "image" {
			o["mediaType"] = "image/jpeg"
		}
	case "buy":
		o["state"] = "offered"
		if o["currency"] == nil {
			o["currency"] = "usd"
		}
	case "location":
		if at, isObject := o["coordinates"].(object); isObject {
			o["text"] = fmt.Sprintf("Location shared:\nhttps://maps.example/?q=%v,%v", at["lat"], at["long"])
		}
	}
}
