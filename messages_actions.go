package smooch

// ActionType is the kind of an action. The set is open.
type ActionType string

// The kinds of actions.
const (
	ActionTypeLink            ActionType = "link"
	ActionTypeReply           ActionType = "reply"
	ActionTypePostback        ActionType = "postback"
	ActionTypeBuy             ActionType = "buy"
	ActionTypeLocationRequest ActionType = "locationRequest"
	ActionTypeShare           ActionType = "share"
	ActionTypeWebview         ActionType = "webview"
)

// Action is a button of a message or item. Constructors ([LinkAction], ...) make those to send; a
// received one also has ID and State. reply and locationRequest do not mix with other kinds in one message.
type Action struct {
	ID                  string               `json:"_id,omitempty"` // received only
	Type                ActionType           `json:"type"`
	Text                string               `json:"text,omitempty"`          // the label; share has none
	URI                 string               `json:"uri,omitempty"`           // link, webview; of a received buy action its checkout page
	Payload             string               `json:"payload,omitempty"`       // reply, postback: what comes back
	Amount              *int64               `json:"amount,omitempty"`        // buy: in hundredths of the currency
	Currency            string               `json:"currency,omitempty"`      // buy: ISO 4217; the service's default is the account's
	State               string               `json:"state,omitempty"`         // buy, received only: "offered" or "paid"
	Default             *bool                `json:"default,omitempty"`       // link: the tap on a Messenger list item
	IconURL             string               `json:"iconUrl,omitempty"`       // reply
	Fallback            string               `json:"fallback,omitempty"`      // webview: the URL for clients without webviews
	Size                string               `json:"size,omitempty"`          // webview: "compact", "tall" or "full"
	OpenOnReceive       *bool                `json:"openOnReceive,omitempty"` // webview: opens by itself, Web SDK only
	ExtraChannelOptions *ExtraChannelOptions `json:"extraChannelOptions,omitempty"`
	Metadata            map[string]any       `json:"metadata,omitzero"` // flat: strings, numbers and booleans; of a chosen reply it comes back on the answer
}

// ExtraChannelOptions are settings of a link for single channels.
type ExtraChannelOptions struct {
	Messenger *MessengerOptions `json:"messenger,omitempty"`
}

// MessengerOptions are settings of a link on Messenger.
type MessengerOptions struct {
	WebviewHeightRatio  string `json:"webview_height_ratio,omitempty"` // "compact", "tall" or "full"
	MessengerExtensions *bool  `json:"messenger_extensions,omitempty"` // the domain must be allowed at Facebook, or delivery fails
	FallbackURL         string `json:"fallback_url,omitempty"`         // for clients without extensions
}

// LinkAction opens uri.
func LinkAction(text, uri string) Action {
	return Action{Type: ActionTypeLink, Text: text, URI: uri}
}

// ReplyAction answers with a message of the user that carries payload. It can be chosen once.
func ReplyAction(text, payload string) Action {
	return Action{Type: ActionTypeReply, Text: text, Payload: payload}
}

// PostbackAction fires a [PostbackEvent] with payload, each time it is chosen.
func PostbackAction(text, payload string) Action {
	return Action{Type: ActionTypePostback, Text: text, Payload: payload}
}

// BuyAction takes a payment of amount hundredths of currency, an ISO 4217 code; "" is the account's. The app needs a payment integration.
func BuyAction(text string, amount int64, currency string) Action {
	return Action{Type: ActionTypeBuy, Text: text, Amount: &amount, Currency: currency}
}

// LocationRequestAction asks for the user's position. The answer is a message of type location.
func LocationRequestAction(text string) Action {
	return Action{Type: ActionTypeLocationRequest, Text: text}
}

// ShareAction shares an item of a carousel on Messenger.
func ShareAction() Action {
	return Action{Type: ActionTypeShare}
}

// WebviewAction opens uri inside the client, and fallback in clients that cannot. v1.1.
func WebviewAction(text, uri, fallback string) Action {
	return Action{Type: ActionTypeWebview, Text: text, URI: uri, Fallback: fallback}
}
