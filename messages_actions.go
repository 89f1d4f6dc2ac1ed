package smooch

import (
	"bytes"

	"github.com/smooch/smooch-go/internal/lenient"
)

// ActionType is the kind of an action. The set is open.
type ActionType string

// The kinds of actions.
const (
	ActionTypeLink            ActionType = "link"            // opens a URI
	ActionTypeReply           ActionType = "reply"           // answers with its text, once
	ActionTypePostback        ActionType = "postback"        // triggers a [PostbackEvent]
	ActionTypeBuy             ActionType = "buy"             // takes a payment
	ActionTypeLocationRequest ActionType = "locationRequest" // asks for the user's position
	ActionTypeShare           ActionType = "share"           // shares an item, on Messenger
	ActionTypeWebview         ActionType = "webview"         // opens a URI inside the client
)

// Action is a button of a message or of a [MessageItem]. Constructors such as [LinkAction] return
// actions to send. The service refuses a message that mixes actions of the types reply and
// locationRequest with actions of other types.
type Action struct {
	ID       string     `json:"_id,omitempty"` // received only
	Type     ActionType `json:"type"`
	Text     string     `json:"text,omitempty"`     // the label; share has none
	URI      string     `json:"uri,omitempty"`      // link, webview; received buy: the checkout page
	Payload  string     `json:"payload,omitempty"`  // reply, postback: sent to you when chosen
	Amount   *int64     `json:"amount,omitempty"`   // buy: in hundredths of the currency
	Currency string     `json:"currency,omitempty"` // buy: ISO 4217; the default is the account's
	State    string     `json:"state,omitempty"`    // buy: "offered" or "paid", received only
	Default  *bool      `json:"default,omitempty"`  // link: the tap action of a Messenger list item
	IconURL  string     `json:"iconUrl,omitempty"`  // reply
	Fallback string     `json:"fallback,omitempty"` // webview: the URL for clients without webviews
	Size     string     `json:"size,omitempty"`     // webview: "compact", "tall" or "full"
	// webview: opens without a tap; Web SDK only, at most one action of a message
	OpenOnReceive       *bool                `json:"openOnReceive,omitempty"`
	ExtraChannelOptions *ExtraChannelOptions `json:"extraChannelOptions,omitempty"` // link
	// flat: string, number or bool values; that of a chosen reply comes with the user's message
	Metadata map[string]any `json:"metadata,omitzero"`

	emptyURI bool // "uri":"" was received, which the service writes into some actions without a URI
}

// plainAction is an Action without its methods.
type plainAction Action

// UnmarshalJSON decodes an action, and notes whether it has an empty URI.
func (a *Action) UnmarshalJSON(data []byte) error {
	var plain plainAction
	if err := lenient.Unmarshal(data, &plain); err != nil {
		return err
	}
	if plain.URI == "" && bytes.Contains(data, []byte(`"uri"`)) {
		var uri *string
		_ = lenient.Members{"uri": &uri}.Unmarshal(data)
		plain.emptyURI = uri != nil
	}
	*a = Action(plain)
	return nil
}

// MarshalJSON encodes the action, with an empty URI if one was received.
func (a Action) MarshalJSON() ([]byte, error) {
	if !a.emptyURI || a.URI != "" {
		return lenient.Marshal(plainAction(a))
	}
	return lenient.Marshal(struct {
		plainAction
		URI string `json:"uri"`
	}{plainAction: plainAction(a)})
}

// ExtraChannelOptions are settings of a link action for single channels.
type ExtraChannelOptions struct {
	Messenger *MessengerOptions `json:"messenger,omitempty"`
}

// MessengerOptions are settings of a link action on Messenger.
type MessengerOptions struct {
	WebviewHeightRatio string `json:"webview_height_ratio,omitempty"` // "compact", "tall" or "full"
	// the default is false; if true, the domain must be allowed at Facebook, or delivery fails
	MessengerExtensions *bool  `json:"messenger_extensions,omitempty"`
	FallbackURL         string `json:"fallback_url,omitempty"` // for clients without extensions
}

// LinkAction returns a button that opens uri.
func LinkAction(text, uri string) Action {
	return Action{Type: ActionTypeLink, Text: text, URI: uri}
}

// ReplyAction returns a button that sends a message from the user with payload. The user can choose
// it once.
func ReplyAction(text, payload string) Action {
	return Action{Type: ActionTypeReply, Text: text, Payload: payload}
}

// PostbackAction returns a button that triggers a [PostbackEvent] with payload each time the user
// chooses it.
func PostbackAction(text, payload string) Action {
	return Action{Type: ActionTypePostback, Text: text, Payload: payload}
}

// BuyAction returns a button that takes a payment. amount is in hundredths of currency, an ISO 4217
// code; "" is the account's currency. The app needs a payment integration. A [PaymentEvent] reports
// the payment.
func BuyAction(text string, amount int64, currency string) Action {
	return Action{Type: ActionTypeBuy, Text: text, Amount: &amount, Currency: currency}
}

// LocationRequestAction returns a button that asks for the user's location. The answer is a message
// of type location.
func LocationRequestAction(text string) Action {
	return Action{Type: ActionTypeLocationRequest, Text: text}
}

// ShareAction returns a button that shares an item of a carousel on Messenger.
func ShareAction() Action {
	return Action{Type: ActionTypeShare}
}

// WebviewAction returns a button that opens uri inside the client, or fallback in clients without
// webviews. Webviews belong to v1.1.
func WebviewAction(text, uri, fallback string) Action {
	return Action{Type: ActionTypeWebview, Text: text, URI: uri, Fallback: fallback}
}
