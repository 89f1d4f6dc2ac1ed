package smoochtest

import (
	"fmt"
	"slices"
	"strings"
)

// openForm returns the user's form with the id or, if it is empty, the last one that was not
// answered. It returns nil if there is none.
func (u *user) openForm(id string) object {
	if u.conversation == nil {
		return nil
	}
	for _, m := range slices.Backward(u.conversation.messages) {
		if m["type"] == "form" && m["submitted"] != true && (id == "" || m["_id"] == id) {
			return m
		}
	}
	return nil
}

// formResponse makes the message that answers a form.
func formResponse(form, answers object) (object, error) {
	var fields []any
	var lines []string
	given, _ := form["fields"].([]any)
	for _, each := range given {
		field, _ := each.(object)
		answered, line, err := answerField(field, answers[fmt.Sprint(field["name"])])
		if err != nil {
			return nil, err
		}
		fields, lines = append(fields, answered), append(lines, line)
	}
	text := strings.Join(lines, "\n")
	quoted, err := copyJSON(form)
	if err != nil {
		return nil, err
	}
	return object{
		"type": "formResponse", "fields": fields, "text": text, "textFallback": text,
		"quotedMessage": object{"type": "message", "content": quoted},
	}, nil
}

// answerField returns a form's field with its answer, and a line of text that says both.
func answerField(field object, answer any) (answered object, line string, err error) {
	answered = pick(field, "type", "name", "label", "placeholder")
	var said string
	if field["type"] == "select" {
		var chosen []any
		if chosen, said = chooseOptions(field, answer); len(chosen) == 0 {
			return nil, "", fmt.Errorf("smoochtest: the field %v has no such option", field["name"])
		}
		answered["select"] = chosen
	} else {
		said, _ = answer.(string)
		if !fits(field, said) {
			return nil, "", fmt.Errorf("smoochtest: the answer to the field %v does not fit", field["name"])
		}
		answered[fmt.Sprint(field["type"])] = said
	}
	return answered, fmt.Sprintf("%v: %s", field["label"], said), nil
}

// fits reports whether a text can be the answer to a field of a form.
func fits(field object, text string) bool {
	if field["type"] == "email" {
		at := strings.Index(text, "@")
		return at > 0 && at < len(text)-1
	}
	length := len([]rune(text))
	return length >= wholeNumber(field["minSize"], 1) && length <= wholeNumber(field["maxSize"], 128)
}

// chooseOptions returns those options of a field that an answer names, and their labels. It returns
// none if one is unknown.
func chooseOptions(field object, answer any) (chosen []any, labels string) {
	names, isList := answer.([]any)
	if !isList {
		names = []any{answer}
	}
	options, _ := field["options"].([]any)
	var said []string
	for _, name := range names {
		at := slices.IndexFunc(options, func(option any) bool {
			o, _ := option.(object)
			return name != nil && o["name"] == name
		})
		if at < 0 {
			return nil, ""
		}
		option := options[at].(object)
		chosen, said = append(chosen, option), append(said, fmt.Sprint(option["label"]))
	}
	return chosen, strings.Join(said, ", ")
}
