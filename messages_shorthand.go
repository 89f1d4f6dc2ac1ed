package smooch

import (
	"fmt"
	"strings"
)

// LinkShorthand is a link button, %[label](uri), to put into the text of a message.
//
// Shorthand is text that the service turns into buttons and images when it is posted, alone
// or within other text. It has no escapes: labels cannot hold brackets, nor payloads and
// template names parentheses; the functions here refuse them with [ErrInvalidArgument]. In addresses
// parentheses are percent-encoded. For free labels post an [Action] instead. The API has no way
// to switch shorthand off, so text that somebody else has written may hold some.
//
// Source: official guides, "Message shorthand".
func LinkShorthand(label, uri string) (string, error) {
	switch scheme, _, absolute := strings.Cut(uri, ":"); {
	case !absolute || strings.ContainsAny(uri, "\r\n"):
		return "", argumentError(shorthand, "uri", "is not absolute, or holds a line break")
	case strings.EqualFold(scheme, "reply") || strings.EqualFold(scheme, "postback"):
		return "", argumentError(shorthand, "uri", "would make a "+scheme+" button")
	}
	return buttonShorthand("%", label, escapeParentheses(uri))
}

// ReplyShorthand is a reply button: %[label](reply:payload).
func ReplyShorthand(label, payload string) (string, error) {
	return payloadShorthand(label, "reply:", payload)
}

// PostbackShorthand is a postback button: %[label](postback:payload).
func PostbackShorthand(label, payload string) (string, error) {
	return payloadShorthand(label, "postback:", payload)
}

// LocationRequestShorthand is a button that asks for the user's position: %[label](location).
func LocationRequestShorthand(label string) (string, error) {
	return buttonShorthand("%", label, "location")
}

// BuyShorthand is a buy button over hundredths of a US dollar: $[label](25.00).
func BuyShorthand(label string, amount int64) (string, error) {
	if amount < 0 {
		return "", argumentError(shorthand, "amount", "is negative")
	}
	return buttonShorthand("$", label, fmt.Sprintf("%d.%02d", amount/100, amount%100))
}

// ImageShorthand is an image: ![](uri).
func ImageShorthand(uri string) (string, error) {
	if !strings.Contains(uri, ":") || strings.ContainsAny(uri, "\r\n") {
		return "", argumentError(shorthand, "uri", "is not absolute, or holds a line break")
	}
	return "![](" + escapeParentheses(uri) + ")", nil
}

// TemplateShorthand posts the template with the given name, see [TemplatesService]: %((template: name))%. Text around it makes further messages.
func TemplateShorthand(name string) (string, error) {
	if name == "" || strings.ContainsAny(name, "(){}\r\n") {
		return "", argumentError(shorthand, "name", "is empty, or holds parentheses or a line break")
	}
	return "%((template: " + name + "))%", nil
}

const shorthand = "shorthand"

func payloadShorthand(label, kind, payload string) (string, error) {
	if payload == "" || strings.ContainsAny(payload, "()\r\n") {
		return "", argumentError(shorthand, "payload", "is empty, or holds parentheses or a line break")
	}
	return buttonShorthand("%", label, kind+payload)
}

func buttonShorthand(mark, label, target string) (string, error) {
	if label == "" || strings.ContainsAny(label, "[]\r\n") {
		return "", argumentError(shorthand, "label", "is empty, or holds brackets or a line break")
	}
	return mark + "[" + label + "](" + target + ")", nil
}

var escapeParentheses = strings.NewReplacer("(", "%28", ")", "%29", " ", "%20").Replace
