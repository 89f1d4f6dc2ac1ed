package smoochtest

import (
	"fmt"
	"strings"
)

// fallbackText returns the text that the service writes for channels that cannot show a message of
// its type, or "" if it writes none.
func fallbackText(m object) string {
	switch m["type"] {
	case "carousel", "list":
		return itemsAsText(m)
	case "location":
		if at, isObject := m["coordinates"].(object); isObject {
			return fmt.Sprintf("Location shared:\nhttps://maps.google.com/maps?q=%v,%v", at["lat"], at["long"])
		}
	}
	return ""
}

// itemsAsText returns the items of a message as numbered lines, each with the links of its buttons.
// The service escapes the links as in HTML.
func itemsAsText(m object) string {
	var lines []string
	items, _ := m["items"].([]any)
	for i, each := range items {
		item, _ := each.(object)
		lines = append(lines, fmt.Sprintf("%d: %v", i+1, item["title"]))
		if description, _ := item["description"].(string); description != "" {
			lines = append(lines, description)
		}
		actions, _ := item["actions"].([]any)
		for _, each := range actions {
			if action, _ := each.(object); action["type"] == "link" {
				uri := strings.ReplaceAll(fmt.Sprint(action["uri"]), "&", "&amp;")
				lines = append(lines, fmt.Sprintf("%v: %s", action["text"], uri))
			}
		}
	}
	return strings.Join(lines, "\n")
}
