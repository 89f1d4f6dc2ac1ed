package smooch

import (
	"encoding/json"
	"strings"

	"github.com/smooch/smooch-go/internal/lenient"
)

// DeliveryReason is why a message did not arrive, as far as the error tells. The set is open.
type DeliveryReason string

// The reasons, and what helps.
const (
	DeliveryReasonOutsideWindow  DeliveryReason = "outsideWindow"  // the channel takes only templates by now: send one
	DeliveryReasonOptedOut       DeliveryReason = "optedOut"       // the person does not want such messages: stop
	DeliveryReasonBlocked        DeliveryReason = "blocked"        // the person has blocked the business or closed the account: stop
	DeliveryReasonCredentials    DeliveryReason = "credentials"    // the channel refuses the integration: renew its credentials
	DeliveryReasonUnreachable    DeliveryReason = "unreachable"    // the address has no such channel: use another
	DeliveryReasonChannelLimited DeliveryReason = "channelLimited" // too many messages at once: send again later
	DeliveryReasonUnknown        DeliveryReason = "unknown"        // see the error
)

// channelReasons are the codes of channels that have one meaning whatever the channel.
var channelReasons = map[string]DeliveryReason{
	"470": DeliveryReasonOutsideWindow, "131047": DeliveryReasonOutsideWindow, // WhatsApp
	"131050": DeliveryReasonOptedOut,                                      // WhatsApp: no marketing
	"131056": DeliveryReasonChannelLimited,                                // WhatsApp: too many to one person
	"131026": DeliveryReasonUnreachable,                                   // WhatsApp: undeliverable
	"190":    DeliveryReasonCredentials, "102": DeliveryReasonCredentials, // Messenger: page token
	"21610": DeliveryReasonOptedOut, // Twilio: the person has sent STOP
}

// telegramReasons are HTTP statuses, so they have a meaning only where Telegram writes them.
var telegramReasons = map[string]DeliveryReason{
	"401": DeliveryReasonCredentials, "403": DeliveryReasonBlocked, "429": DeliveryReasonChannelLimited,
}

// reasonOf classifies an error, by the channel's code before Smooch's, which says less.
func reasonOf(e *EventError) DeliveryReason {
	if e == nil {
		return ""
	}
	var underlying any
	_ = lenient.UnmarshalStrict(e.UnderlyingError, &underlying) // of any shape
	if r := channelReason(underlying, 0); r != "" {
		return r
	}
	switch e.Code {
	case "unauthorized":
		return DeliveryReasonCredentials
	case "forbidden":
		return DeliveryReasonBlocked
	case "blocked", "bad_request":
		return DeliveryReasonOutsideWindow // what they meant where they were seen
	}
	return DeliveryReasonUnknown
}

// channelReason looks for a code in a channel's error: code, error_code or status, here or one level down.
func channelReason(v any, depth int) DeliveryReason {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if r := channelReason(item, depth); r != "" {
				return r
			}
		}
	case map[string]any:
		for _, name := range []string{"code", "error_code", "status"} {
			if r := channelReasons[codeText(v[name])]; r != "" {
				return r
			}
		}
		if r := telegramReasons[codeText(v["error_code"])]; r != "" {
			return r
		}
		if text, _ := v["message"].(string); strings.Contains(text, "No matching user found") {
			return DeliveryReasonUnreachable // Messenger's, under the code 100 of all bad parameters
		}
		for _, name := range []string{"errors", "error"} {
			if r := channelReason(v[name], depth+1); r != "" && depth < 3 {
				return r
			}
		}
	}
	return ""
}

// codeText is a code as text; channels mix numbers and text.
func codeText(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	}
	return ""
}
