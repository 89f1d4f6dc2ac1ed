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
	// DeliveryReasonOutsideWindow means that the user has not written for too long. The channel
	// now accepts only templates, so send one.
	DeliveryReasonOutsideWindow DeliveryReason = "outsideWindow"

	// DeliveryReasonOptedOut means that the user does not want such messages. Stop sending them.
	DeliveryReasonOptedOut DeliveryReason = "optedOut"

	// DeliveryReasonBlocked means that the user has blocked the business or closed the account. Stop
	// sending.
	DeliveryReasonBlocked DeliveryReason = "blocked"

	// DeliveryReasonCredentials means that the channel refuses the integration. Renew its credentials.
	DeliveryReasonCredentials DeliveryReason = "credentials"

	// DeliveryReasonUnreachable means that the channel cannot reach the user at this address. Use
	// another channel.
	DeliveryReasonUnreachable DeliveryReason = "unreachable"

	// DeliveryReasonRateLimited means that the channel has received too many messages at once. Send
	// the message again later.
	DeliveryReasonRateLimited DeliveryReason = "channelLimited"

	// DeliveryReasonUnknown means that the error is none of these. Look at its members.
	DeliveryReasonUnknown DeliveryReason = "unknown"
)

// channelReasons are the codes of channels that mean the same whichever channel sends them.
var channelReasons = map[string]DeliveryReason{
	"470":    DeliveryReasonOutsideWindow, // WhatsApp, older
	"131047": DeliveryReasonOutsideWindow, // WhatsApp
	"131050": DeliveryReasonOptedOut,      // WhatsApp: the user refuses marketing messages
	"131056": DeliveryReasonRateLimited,   // WhatsApp: too many messages to one user
	"131026": DeliveryReasonUnreachable,   // WhatsApp: the message is undeliverable
	"190":    DeliveryReasonCredentials,   // Messenger: the page token is invalid
	"102":    DeliveryReasonCredentials,   // Messenger: the page token is invalid
	"21610":  DeliveryReasonOptedOut,      // Twilio: the user has sent STOP
}

// telegramReasons are HTTP statuses. They are looked up only in error_code, where Telegram has
// them.
var telegramReasons = map[string]DeliveryReason{
	"401": DeliveryReasonCredentials,
	"403": DeliveryReasonBlocked,
	"429": DeliveryReasonRateLimited,
}

// reasonOf classifies an error. The channel's code goes before that of the service, which tells
// less.
func reasonOf(e *EventError) DeliveryReason {
	if e == nil {
		return ""
	}
	var underlying any
	if len(e.UnderlyingError) > 0 && !fast.Unmarshal(e.UnderlyingError, &underlying) {
		_ = lenient.UnmarshalStrict(e.UnderlyingError, &underlying) // any JSON
	}
	if r := channelReason(underlying, 0); r != "" {
		return r
	}
	switch e.Code {
	case "unauthorized":
		return DeliveryReasonCredentials
	case "forbidden":
		return DeliveryReasonBlocked
	case "blocked", "bad_request":
		return DeliveryReasonOutsideWindow // they were only seen with this meaning
	default:
		return DeliveryReasonUnknown
	}
}

// channelReason looks for a known code in a channel's error: in its members code, error_code and
// status, and in those of the errors in its members errors and error, up to three levels down.
// depth is the level of v.
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
