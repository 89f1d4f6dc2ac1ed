package smoochtest

import (
	"encoding/json"
	"math"
	"mime"
	"net/url"
	"path"
	"strings"
)

const (
	maxItems       = 10
	maxItemActions = 3
	maxOptions     = 20
)

// requiredContent is the member that each type of message requires.
var requiredContent = map[string]string{
	"carousel": "items",
	"file":     "mediaUrl",
	"form":     "fields",
	"image":    "mediaUrl",
	"list":     "items",
	"location": "coordinates",
	"text":     "text",
}

// actionMembers are, by type of action, the members that it requires beside type.
var actionMembers = map[string]string{
	"buy":             "text amount",
	"link":            "text uri",
	"locationRequest": "text",
	"postback":        "text payload",
	"reply":           "text payload",
	"share":           "",
	"webview":         "text uri fallback",
}

// checkMessage refuses a message that the service refuses.
func checkMessage(c *call) *reply {
	m := part{"", c.body}
	role := c.text("role")
	if role != "appUser" && role != "appMaker" {
		return m.refuse("role", "must be appUser or appMaker")
	}
	if role == "appMaker" && c.cred.isUser() {
		return forbidden()
	}
	for _, name := range []string{"actions", "destination"} {
		if role == "appUser" && c.body[name] != nil {
			return m.refuse(name, "is for the role appMaker only")
		}
	}
	if refusal := requireFlat(c.body, "metadata"); refusal != nil {
		return refusal
	}
	kind := c.text("type")
	switch schema := c.body["messageSchema"]; {
	case schema == "whatsapp":
		if _, given := c.body["message"].(object); !given {
			return m.refuse("message", "is required")
		}
		return nil
	case schema != nil:
		return m.refuse("messageSchema", "must be whatsapp")
	case kind == "" && c.version == "v1.1":
		return m.refuse("type", "is required")
	}
	return checkContent(m, kind)
}

// checkContent refuses a message that lacks what its type requires, or has members of the wrong
// type. A message without a type is from the first days of v1: a text, or an image that has both of
// its members.
func checkContent(m part, kind string) *reply {
	o := m.object()
	if o == nil {
		return m.refuse("", "must be an object")
	}
	if refusal := m.checkTypes(); refusal != nil {
		return refusal
	}
	if refusal := requireFlatPart(m, "metadata"); refusal != nil {
		return refusal
	}
	switch {
	case kind == "" && o["type"] != nil:
		return m.refuse("type", "is not known")
	case kind == "" && hasContent(o, "text"):
	case kind == "" && hasContent(o, "mediaUrl"):
		if !hasContent(o, "mediaType") {
			return m.refuse("mediaType", "is required")
		}
	case kind == "":
		return m.refuse("text", "is required")
	case requiredContent[kind] == "":
		return m.refuse("type", "is not known")
	case kind == "text" && hasContent(o, "actions"):
	case !hasContent(o, requiredContent[kind]):
		return m.refuse(requiredContent[kind], "is required")
	}
	display := part{m.path("displaySettings"), o["displaySettings"]}
	if refusal := display.oneOf("imageAspectRatio", "horizontal", "square"); refusal != nil {
		return refusal
	}
	for _, check := range []func(part) *reply{checkActions, checkItems, checkFields, checkCoordinates, checkOverride} {
		if refusal := check(m); refusal != nil {
			return refusal
		}
	}
	return nil
}

// hasContent reports whether an object has a member that is not empty.
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

// checkActions refuses what a message, or an item of one, cannot have as buttons.
func checkActions(holder part) *reply {
	temporary, permanent, opening := 0, 0, 0
	for _, action := range holder.list("actions") {
		o := action.object()
		if o == nil {
			return action.refuse("", "must be an object")
		}
		if refusal := action.checkTypes(); refusal != nil {
			return refusal
		}
		kind, _ := o["type"].(string)
		required, known := actionMembers[kind]
		if !known {
			return action.refuse("type", "is not known")
		}
		for name := range strings.FieldsSeq(required) {
			if !hasContent(o, name) && (name != "payload" || o[name] == nil) {
				return action.refuse(name, "is required")
			}
		}
		if refusal := requireFlatPart(action, "metadata"); refusal != nil {
			return refusal
		}
		if refusal := action.oneOf("size", "compact", "tall", "full"); refusal != nil {
			return refusal
		}
		if o["openOnReceive"] == true {
			opening++
		}
		if kind == "reply" || kind == "locationRequest" {
			temporary++
		} else {
			permanent++
		}
	}
	switch {
	case temporary > 0 && permanent > 0:
		return holder.refuse("actions", "of the types reply and locationRequest go with each other only")
	case opening > 1:
		return holder.refuse("actions", "may have openOnReceive once only")
	}
	return nil
}

// checkItems refuses what a carousel or a list cannot show.
func checkItems(m part) *reply {
	items := m.list("items")
	if len(items) > maxItems {
		return m.refuse("items", "may be 10 at most")
	}
	for _, item := range items {
		o := item.object()
		if o == nil {
			return item.refuse("", "must be an object")
		}
		if refusal := item.checkTypes(); refusal != nil {
			return refusal
		}
		if refusal := item.oneOf("size", "compact", "large"); refusal != nil {
			return refusal
		}
		for _, name := range []string{"title", "actions"} {
			if !hasContent(o, name) {
				return item.refuse(name, "is required")
			}
		}
		if refusal := checkActions(item); refusal != nil {
			return refusal
		}
		actions := item.list("actions")
		if len(actions) > maxItemActions {
			return item.refuse("actions", "may be 3 at most")
		}
		for _, action := range actions {
			if kind := action.object()["type"]; kind == "reply" || kind == "locationRequest" {
				return action.refuse("type", "must not be reply or locationRequest in an item")
			}
		}
	}
	return nil
}

// checkFields refuses what a form cannot ask.
func checkFields(m part) *reply {
	names := map[any]bool{}
	for _, field := range m.list("fields") {
		o := field.object()
		if o == nil {
			return field.refuse("", "must be an object")
		}
		if refusal := field.checkTypes(); refusal != nil {
			return refusal
		}
		for _, name := range []string{"type", "name", "label"} {
			if !hasContent(o, name) {
				return field.refuse(name, "is required")
			}
		}
		if names[o["name"]] {
			return field.refuse("name", "must be unique in the form")
		}
		names[o["name"]] = true
		switch o["type"] {
		case "text", "email":
		case "select":
			if refusal := checkOptions(field); refusal != nil {
				return refusal
			}
		default:
			return field.refuse("type", "must be text, email or select")
		}
	}
	return nil
}

// checkOptions refuses what a field of a form cannot offer.
func checkOptions(field part) *reply {
	options, names := field.list("options"), map[any]bool{}
	switch {
	case len(options) == 0:
		return field.refuse("options", "is required")
	case len(options) > maxOptions:
		return field.refuse("options", "may be 20 at most")
	}
	for _, option := range options {
		o := option.object()
		if o == nil {
			return option.refuse("", "must be an object")
		}
		if refusal := option.checkTypes(); refusal != nil {
			return refusal
		}
		for _, name := range []string{"name", "label"} {
			if !hasContent(o, name) {
				return option.refuse(name, "is required")
			}
		}
		if names[o["name"]] {
			return option.refuse("name", "must be unique in the field")
		}
		names[o["name"]] = true
	}
	return nil
}

// checkCoordinates refuses a place that is not on earth.
func checkCoordinates(m part) *reply {
	value, given := m.object()["coordinates"]
	if !given || value == nil {
		return nil
	}
	at := part{m.path("coordinates"), value}
	for _, axis := range []struct {
		name  string
		limit float64
	}{{"lat", 90}, {"long", 180}} {
		number, isNumber := at.object()[axis.name].(json.Number)
		if !isNumber {
			return at.refuse(axis.name, "must be a number")
		}
		if degrees, err := number.Float64(); err != nil || math.Abs(degrees) > axis.limit {
			return at.refuse(axis.name, "is out of range")
		}
	}
	return nil
}

// checkOverride refuses overrides that have no payload.
func checkOverride(m part) *reply {
	overrides, _ := m.object()["override"].(object)
	for _, channel := range sortedKeys(overrides) {
		override, _ := overrides[channel].(object)
		if _, isObject := override["payload"].(object); !isObject {
			return m.refuse("override."+channel+".payload", "is required")
		}
	}
	return nil
}

// newMessage makes a message of what was posted, with what the service adds to its content.
func newMessage(r *random, posted object) object {
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
	m["_id"] = r.id()
	completeContent(r, m)
	if text := fallbackText(m); text != "" {
		m["text"] = text
	}
	return m
}

// completeContent adds what the service adds to a message, a menu, or a part of one: ids, and
// defaults that depend on the type.
func completeContent(r *random, o object) {
	for _, name := range []string{"items", "actions", "fields", "options"} {
		parts, _ := o[name].([]any)
		for _, part := range parts {
			if p, isObject := part.(object); isObject {
				p["_id"] = r.id()
				completeContent(r, p)
			}
		}
	}
	if mediaURL, _ := o["mediaUrl"].(string); mediaURL != "" && o["mediaType"] == nil {
		if mediaType := mediaTypeOf(mediaURL, o["type"] == "file"); mediaType != "" {
			o["mediaType"] = mediaType
		}
	}
	switch o["type"] {
	case "image", "file":
		if o["text"] == nil {
			o["text"] = " "
		}
	case "form":
		o["submitted"] = false
		for _, field := range (part{"", o}).list("fields") {
			if field.object()["type"] == "select" {
				field.object()["selectSize"] = 1
			}
		}
	case "buy":
		o["state"] = "offered"
		if currency, _ := o["currency"].(string); currency != "" {
			o["currency"] = strings.ToLower(currency)
		} else {
			o["currency"] = "usd"
		}
		o["uri"] = "https://pay.example/" + o["_id"].(string)
	}
}

// mediaTypeOf returns the media type of what is at a URL, as its name says, or else the one that
// the service takes an image for. For a file whose name says nothing it returns "".
func mediaTypeOf(mediaURL string, isFile bool) string {
	u, err := url.Parse(mediaURL)
	if err == nil {
		if mediaType, _, _ := strings.Cut(mime.TypeByExtension(path.Ext(u.Path)), ";"); mediaType != "" {
			return mediaType
		}
	}
	if isFile {
		return ""
	}
	return "image/jpeg"
}
