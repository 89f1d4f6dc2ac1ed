package smooch

import (
	"encoding/json"
	"strings"

	"github.com/smooch/smooch-go/internal/lenient"
)

// DeliveryReason is why a message or notification did not arrive, as far as the [EventError] tells.
// The set is open.
type DeliveryReason string

// The reasons, and what to do about them.
const (
	// the user has not written for too long: send a template, as the channel accepts nothing else
	DeliveryReasonOutsideWindow DeliveryReason = "outsideWindow"

	// the user does not want such messages: stop sending them
	DeliveryReasonOptedOut DeliveryReason = "optedOut"

	// the user has blocked the business, or closed the account: stop sending
	DeliveryReasonBlocked DeliveryReason = "blocked"

	// the channel refuses the integration: renew its credentials
	DeliveryReasonCredentials DeliveryReason = "credentials"

	// the address cannot be reached on this channel: use another channel
	DeliveryReasonUnreachable DeliveryReason = "unreachable"

	// the channel has received too many messages at once: send again later
	DeliveryReasonChannelLimited DeliveryReason = "channelLimited"

	// none of these: look at the error
	DeliveryReasonUnknown DeliveryReason = "unknown"
)

// channelReasons are the codes of channels that mean the same whichever channel sends them.
var channelReasons = map[string]DeliveryReason{
	"470":    DeliveryReasonOutsideWindow,  // WhatsApp, older
	"131047": DeliveryReasonOutsideWindow,  // WhatsApp
	"131050": DeliveryReasonOptedOut,       // WhatsApp: the user refuses marketing messages
	"131056": DeliveryReasonChannelLimited, // WhatsApp: too many messages to one user
	"131026": DeliveryReasonUnreachable,    // WhatsApp: the message is undeliverable
	"190":    DeliveryReasonCredentials,    // Messenger: the page token is invalid
	"102":    DeliveryReasonCredentials,    // Messenger: the page token is invalid
	"21610":  DeliveryReasonOptedOut,       // Twilio: the user has sent STOP
}

// telegramReasons are HTTP statuses. They are looked up only in error_code, where Telegram has
// them.
var telegramReasons = map[string]DeliveryReason{
	"401": DeliveryReasonCredentials,
	"403": DeliveryReasonBlocked,
	"429": DeliveryReasonChannelLimited,
}

// reasonOf classifies an error. The channel's code goes before that of the service, which tells
// less.
func reasonOf(e *EventError) DeliveryReason {
	if e == nil {
		return ""
	}
	var underlying any
	_ = lenient.UnmarshalStrict(e.UnderlyingError, &underlying) // any JSON, or none
	if r := channelReason(underlying, 0); r != "" {
		return r
	}
	switch e.Code {
	case "unauthorized":
		return DeliveryReasonCredentials
	case "forbidden":
		return DeliveryReasonBlocked
	case "blocked", "bad_request":
		return DeliveryReasonOutsideWindow // its meaning in all cases that were seen
	}
	return DeliveryReasonUnknown
}

// channelReason looks for a known code in a channel's error: in its members code, error_code and
// status, and in those of its members errors and error, which may be nested. depth is how deep v is
// nested.
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
			return DeliveryReasonUnreachable // Messenger; its code 100 stands for any bad parameter
		}
		for _, name := range []string{"errors", "error"} {
			if r := channelReason(v[name], depth+1); r != "" && depth < 3 {
				return r
			}
		}
	}
	return ""
}

// codeText returns a code as text. Some channels send numbers, others strings.
func codeText(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	}
	return ""
}
