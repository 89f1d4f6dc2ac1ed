package smooch

import (
	"fmt"
	"strings"
)

// LinkShorthand returns the shorthand for a link button, %[label](uri).
//
// Shorthand is markup in the text of a message: when the message is posted, the service turns it
// into buttons and images. The markup can stand alone or within other text. It has no escapes:
// labels cannot contain brackets, payloads cannot contain parentheses, template names can contain
// neither parentheses nor braces, and none of them can be empty or contain a line break. The
// functions that return shorthand fail with [ErrInvalidArgument] for such arguments. In URIs, they
// percent-encode parentheses and spaces. For labels of any text, post an [Action] instead. The API
// has no way to turn shorthand off, so text that somebody else has written may contain some.
//
// Source: official guides, "Message shorthand".
func LinkShorthand(label, uri string) (string, error) {
	switch scheme, _, absolute := strings.Cut(uri, ":"); {
	case !absolute || strings.ContainsAny(uri, "\r\n"):
		return "", argumentError(shorthand, "uri", "is not absolute or contains a line break")
	case strings.EqualFold(scheme, "reply") || strings.EqualFold(scheme, "postback"):
		return "", argumentError(shorthand, "uri", "would make a "+scheme+" button")
	}
	return buttonShorthand("%", label, escapeParentheses(uri))
}

// ReplyShorthand returns the shorthand for a reply button, %[label](reply:payload). See
// [LinkShorthand] and [ReplyAction].
func ReplyShorthand(label, payload string) (string, error) {
	return payloadShorthand(label, "reply:", payload)
}

// PostbackShorthand returns the shorthand for a postback button, %[label](postback:payload). See
// [LinkShorthand] and [PostbackAction].
func PostbackShorthand(label, payload string) (string, error) {
	return payloadShorthand(label, "postback:", payload)
}

// LocationRequestShorthand returns the shorthand for a button that asks for the user's location,
// %[label](location). See [LinkShorthand] and [LocationRequestAction].
func LocationRequestShorthand(label string) (string, error) {
	return buttonShorthand("%", label, "location")
}

// BuyShorthand returns the shorthand for a buy button, such as $[label](25.00). amount is in
// hundredths of a US dollar. See [LinkShorthand] and [BuyAction].
func BuyShorthand(label string, amount int64) (string, error) {
	if amount < 0 {
		return "", argumentError(shorthand, "amount", "is negative")
	}
	return buttonShorthand("$", label, fmt.Sprintf("%d.%02d", amount/100, amount%100))
}

// ImageShorthand returns the shorthand for an image, ![](uri). See [LinkShorthand].
func ImageShorthand(uri string) (string, error) {
	if !strings.Contains(uri, ":") || strings.ContainsAny(uri, "\r\n") {
		return "", argumentError(shorthand, "uri", "is not absolute or contains a line break")
	}
	return "![](" + escapeParentheses(uri) + ")", nil
}

// TemplateShorthand returns the shorthand that posts the [Template] with the given name,
// %((template: name))%. Text around the shorthand becomes further messages. See [LinkShorthand].
func TemplateShorthand(name string) (string, error) {
	if name == "" || strings.ContainsAny(name, "(){}\r\n") {
		return "", argumentError(shorthand, "name", "is empty or contains parentheses, braces or a line break")
	}
	return "%((template: " + name + "))%", nil
}

// shorthand is what errors name in place of a call, because these functions make none.
const shorthand = "shorthand"

func payloadShorthand(label, kind, payload string) (string, error) {
	if payload == "" || strings.ContainsAny(payload, "()\r\n") {
		return "", argumentError(shorthand, "payload", "is empty or contains parentheses or a line break")
	}
	return buttonShorthand("%", label, kind+payload)
}

func buttonShorthand(mark, label, target string) (string, error) {
	if label == "" || strings.ContainsAny(label, "[]\r\n") {
		return "", argumentError(shorthand, "label", "is empty or contains brackets or a line break")
	}
	return mark + "[" + label + "](" + target + ")", nil
}

// escapeParentheses percent-encodes what would end the markup around a URI.
var escapeParentheses = strings.NewReplacer("(", "%28", ")", "%29", " ", "%20").Replace
