package smooch

// ChannelEntity is the id under which a channel knows an app user. Type says which of the fields is set.
type ChannelEntity struct {
	Type          IntegrationType `json:"type"`
	IntegrationID string          `json:"integrationId,omitempty"` // v1.1
	PhoneNumber   string          `json:"phoneNumber,omitempty"`   // twilio, messagebird
	UserID        string          `json:"userId,omitempty"`        // messenger, viber, line, wechat, twitter
	Address       string          `json:"address,omitempty"`       // mailgun, frontendEmail
	ChatID        string          `json:"chatId,omitempty"`        // telegram
	Username      string          `json:"username,omitempty"`      // whatsapp
}

// BusinessSystem is the id under which a business system knows an app user's conversation. Type says
// which of the fields is set.
type BusinessSystem struct {
	Type           string `json:"type"`
	ChannelID      string `json:"channelId,omitempty"`      // slack
	TicketID       string `json:"ticketId,omitempty"`       // zendesk
	RoomID         *int64 `json:"roomId,omitempty"`         // hipchat
	ConversationID string `json:"conversationId,omitempty"` // helpscout
}

// LinkRequest is a way for a person to link a channel to an app user.
type LinkRequest struct {
	IntegrationID string          `json:"integrationId"`
	Type          IntegrationType `json:"type"`
	Code          string          `json:"code"`
	URL           string          `json:"url"` // for the person to open; its scheme varies, such as https or viber
}

// TransferRequest is the predecessor of [LinkRequest].
type TransferRequest struct {
	Code string `json:"code"`
}

// ChannelLink is the argument of [AppUsersService.LinkChannel]. Which fields name the person on the channel
// depends on Type.
type ChannelLink struct {
	Type             IntegrationType `json:"type"`                       // required: twilio, messenger, mailgun, messagebird, whatsapp
	Confirmation     *Confirmation   `json:"confirmation,omitempty"`     // required on v1.1
	IntegrationID    string          `json:"integrationId,omitempty"`    // of an integration of that type; v1.1
	PhoneNumber      string          `json:"phoneNumber,omitempty"`      // twilio, messagebird, messenger, whatsapp: with + and country code
	Address          string          `json:"address,omitempty"`          // mailgun
	GivenName        string          `json:"givenName,omitempty"`        // messenger: a further criterion
	Surname          string          `json:"surname,omitempty"`          // messenger: a further criterion
	Subject          string          `json:"subject,omitempty"`          // mailgun: of the confirmation mail
	Primary          *bool           `json:"primary,omitempty"`          // whether the channel becomes the primary one; v1, default true
	SkipConfirmation bool            `json:"skipConfirmation,omitempty"` // twilio on v1, app scope; Confirmation replaces it
}

// Confirmation is how a person agrees to the linking of a channel.
type Confirmation struct {
	Type    ConfirmationType `json:"type"`
	Message *MessagePost     `json:"message,omitempty"` // role and type are filled in as in PostMessage; text or image, actions of type link only; required for userActivity and messenger
}

// ConfirmationType is a way to agree to the linking of a channel. The set is open.
type ConfirmationType string

// The ways to confirm.
const (
	ConfirmationTypeImmediate    ConfirmationType = "immediate"    // linked at once: twilio, messenger, mailgun
	ConfirmationTypeUserActivity ConfirmationType = "userActivity" // linked when the person answers the message: twilio, messenger
	ConfirmationTypePrompt       ConfirmationType = "prompt"       // linked when the person agrees to a fixed text: twilio
)
