package smoochtest

import (
	"maps"
	"math"
	"regexp"
	"strconv"
	"strings"
)

var (
	templateShorthand = regexp.MustCompile(
		`%\(\(template: *([^()]+?) *\)\)%|%\{\{template: *([^{}]+?) *\}\}%`)
	imageShorthand  = regexp.MustCompile(`!\[[^\[\]]*\]\(([^()\s]+)\)`)
	buttonShorthand = regexp.MustCompile(`([%$])\[([^\[\]]+)\]\(([^()]+)\)`)
)

// expandShorthand turns the shorthand in a text of the business into what the service makes of it:
// buttons, an image, and a message of its own for each template and each text around one. The name
// of a template that does not exist stays in the text.
func expandShorthand(c *call) []object {
	posted, text := c.body, c.text("text")
	if kind := posted["type"]; posted["role"] != "appMaker" || kind != nil && kind != "text" {
		return []object{posted}
	}
	var all []object
	addText := func(text string) {
		if strings.TrimSpace(text) != "" {
			all = append(all, expandElements(posted, text))
		}
	}
	end := 0 // of the last template
	for _, at := range templateShorthand.FindAllStringSubmatchIndex(text, -1) {
		name := text[max(at[2], at[4]):max(at[3], at[5])] // the group that has not matched is at -1
		m := templateMessage(c.app, name)
		if m == nil {
			continue
		}
		addText(text[end:at[0]])
		end = at[1]
		m["role"] = posted["role"]
		if metadata, given := posted["metadata"]; given {
			m["metadata"] = metadata
		}
		all = append(all, m)
	}
	addText(text[end:])
	if len(all) == 0 {
		return []object{posted} // it has no text but buttons
	}
	return all
}

// templateMessage returns a copy of the message of the template with the name, or nil.
func templateMessage(a *app, name string) object {
	for _, t := range a.templates {
		message, isObject := t["message"].(object)
		if !isObject || t["name"] != name {
			continue
		}
		m, err := copyJSON(message)
		if err != nil {
			panic(err) // it came as JSON
		}
		return m
	}
	return nil
}

// expandElements returns the posted message with a part of its text, in which buttons and an image
// are no longer shorthand.
func expandElements(posted object, text string) object {
	m := maps.Clone(posted)
	m["text"] = text
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

// shorthandAction returns the button for mark[label](target), or nil if it stands for none.
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
