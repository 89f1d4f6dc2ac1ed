package smoochtest

import (
	"encoding/json"
	"fmt"
	"slices"
)

// part is a value in the body of a call, and where it is there: "" for the body itself, or a path
// such as items[0].actions.
type part struct {
	at    string
	value any
}

// memberTypes are the JSON types of members of messages, menus and what is in them. The types of
// other members depend on where they are.
var memberTypes = map[string]string{
	"actions": "an array", "fields": "an array", "items": "an array", "options": "an array",
	"coordinates": "an object", "displaySettings": "an object", "extraChannelOptions": "an object",
	"location": "an object", "override": "an object", "settings": "an object",
	"blockChatInput": "true or false", "default": "true or false", "openOnReceive": "true or false",
	"amount": "a whole number", "maxSize": "a whole number", "minSize": "a whole number",
	"altText": "a string", "avatarUrl": "a string", "currency": "a string", "description": "a string",
	"email": "a string", "fallback": "a string", "iconUrl": "a string", "label": "a string",
	"mediaType": "a string", "mediaUrl": "a string", "name": "a string", "payload": "a string",
	"placeholder": "a string", "size": "a string", "text": "a string", "title": "a string",
	"type": "a string", "uri": "a string",
}

// object returns the part as an object, or nil if it is none.
func (p part) object() object {
	o, _ := p.value.(object)
	return o
}

// list returns the elements of a member that is an array.
func (p part) list(name string) []part {
	values, _ := p.object()[name].([]any)
	all := make([]part, len(values))
	for i, value := range values {
		all[i] = part{fmt.Sprintf("%s[%d]", p.path(name), i), value}
	}
	return all
}

// path returns where a member of the part is; name is "" for the part itself.
func (p part) path(name string) string {
	if p.at == "" || name == "" {
		return p.at + name
	}
	return p.at + "." + name
}

// refuse refuses a member of the part, or with an empty name the part itself.
func (p part) refuse(name, problem string) *reply { return badRequest(p.path(name) + " " + problem) }

// checkTypes refuses members that have another JSON type than the documents say. null is as good as
// a member that is missing.
func (p part) checkTypes() *reply {
	for _, name := range sortedKeys(p.object()) {
		value := p.object()[name]
		var valid bool
		switch memberTypes[name] {
		case "a string":
			_, valid = value.(string)
		case "an array":
			_, valid = value.([]any)
		case "an object":
			_, valid = value.(object)
		case "true or false":
			_, valid = value.(bool)
		case "a whole number":
			var number json.Number
			number, valid = value.(json.Number)
			_, err := number.Int64()
			valid = valid && err == nil
		default:
			valid = true
		}
		if !valid && value != nil {
			return p.refuse(name, "must be "+memberTypes[name])
		}
	}
	return nil
}

// oneOf refuses a member that is there and has none of the values.
func (p part) oneOf(name string, values ...any) *reply {
	if value := p.object()[name]; value != nil && !slices.Contains(values, value) {
		return p.refuse(name, fmt.Sprint("must be one of ", values))
	}
	return nil
}
