package smooch

import (
	"bytes"
	"cmp"

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
	if r := channelReason(e.UnderlyingError, 0); r != "" {
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

// channelReason looks for a known code in a channel's error, or in a list of them: in its members
// code, error_code and status, and in those of the errors in its members errors and error, up to
// three levels down. data is JSON, or empty; depth is its level.
func channelReason(data []byte, depth int) DeliveryReason {
	if len(data) == 0 || depth > 3 {
		return ""
	}
	var first DeliveryReason // of a list
	var code, errorCode, status, message, errors, inner []byte
	lenient.Each(data, func(name, value []byte) {
		if name == nil && first == "" && value[0] == '{' {
			first = channelReason(value, depth)
		}
		switch string(name) {
		case "code":
			code = value
		case "error_code":
			errorCode = value
		case "status":
			status = value
		case "message":
			message = value
		case "errors":
			errors = value
		case "error":
			inner = value
		}
	})
	for _, value := range [][]byte{code, errorCode, status} {
		if r := channelReasons[string(codeText(value))]; r != "" {
			return r
		}
	}
	if r := telegramReasons[string(codeText(errorCode))]; r != "" {
		return r
	}
	if bytes.Contains(lenient.Text(message), []byte("No matching user found")) {
		return DeliveryReasonUnreachable // Messenger; its code 100 stands for any bad parameter
	}
	return cmp.Or(first, channelReason(errors, depth+1), channelReason(inner, depth+1))
}

// codeText returns the text of a code. Some channels send numbers, others strings.
func codeText(value []byte) []byte {
	if text := lenient.Text(value); text != nil {
		return bytes.TrimSpace(text)
	}
	return value
}
