package smoochtest

import (
	"maps"
	"math"
	"regexp"
	"strconv"
	"strings"
)

var (
	templateShorthand = regexp.MustCompile(`%\(\(template: *([^()]+?) *\)\)%|%\{\{template: *([^{}]+?) *\}\}%`)
	imageShorthand    = regexp.MustCompile(`!\[[^\[\]]*\]\(([^()\s]+)\)`)
	buttonShorthand   = regexp.MustCompile(`([%$])\[([^\[\]]+)\]\(([^()]+)\)`)
)

// expand turns the shorthand in a business's text into what the service makes of it: buttons and an image, and
// several messages where templates stand in the text. Names of templates that do not exist stay as they are.
func (c *call) expand(posted object) []object {
	text, _ := posted["text"].(string)
	if kind := posted["type"]; posted["role"] != "appMaker" || kind != nil && kind != "text" {
		return []object{posted}
	}
	var all []object
	rest := 0
	piece := func(text string) {
		if strings.TrimSpace(text) != "" {
			m := maps.Clone(posted)
			m["text"] = text
			all = append(all, expandElements(m, text))
		}
	}
	for _, at := range templateShorthand.FindAllStringSubmatchIndex(text, -1) {
		name := text[max(at[2], at[4]):max(at[3], at[5])]
		template := c.templateNamed(name)
		if template == nil {
			continue
		}
		piece(text[rest:at[0]])
		rest = at[1]
		m := deepCopy(template["message"]).(object)
		m["role"] = posted["role"]
		if metadata, given := posted["metadata"]; given {
			m["metadata"] = metadata
		}
		all = append(all, m)
	}
	piece(text[rest:])
	if len(all) == 0 {
		return []object{posted} // no text at all, only buttons
	}
	return all
}

func (c *call) templateNamed(name string) object {
	for _, t := range c.app.templates {
		if _, isObject := t["message"].(object); isObject && t["name"] == name {
			return t
		}
	}
	return nil
}

// expandElements takes buttons and an image out of a message's text.
func expandElements(m object, text string) object {
	given, _ := m["actions"].([]any)
	actions := append([]any(nil), given...)
	remaining := buttonShorthand.ReplaceAllStringFunc(text, func(found string) string {
		part := buttonShorthand.FindStringSubmatch(found)
		action := shorthandAction(part[1], part[2], part[3])
		if action == nil {
			return found
		}
		actions = append(actions, action)
		return ""
	})
	if image := imageShorthand.FindStringSubmatch(remaining); image != nil {
		m["type"], m["mediaUrl"] = "image", image[1]
		remaining = imageShorthand.ReplaceAllString(remaining, "")
	}
	if remaining == text {
		return m
	}
	if len(actions) > 0 {
		m["actions"] = actions
	}
	delete(m, "text")
	if remaining = strings.TrimSpace(remaining); remaining != "" {
		m["text"] = remaining
	}
	return m
}

// shorthandAction is the button for mark[label](target), nil if it is none.
func shorthandAction(mark, label, target string) object {
	action := object{"text": label}
	kind, payload, hasPayload := strings.Cut(target, ":")
	switch {
	case mark == "$":
		amount, err := strconv.ParseFloat(strings.TrimPrefix(target, "$"), 64)
		if err != nil {
			return nil
		}
		action["type"], action["amount"] = "buy", int64(math.Round(amount*100))
	case target == "location":
		action["type"] = "locationRequest"
	case !hasPayload:
		return nil
	case kind == "reply" || kind == "postback":
		action["type"], action["payload"] = kind, payload
	default:
		action["type"], action["uri"] = "link", target
	}
	return action
}

// deepCopy copies a JSON value.
func deepCopy(v any) any {
	switch v := v.(type) {
	case object:
		o := make(object, len(v))
		for name, member := range v {
			o[name] = deepCopy(member)
		}
		return o
	case []any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = deepCopy(v[i])
		}
		return items
	}
	return v
}
