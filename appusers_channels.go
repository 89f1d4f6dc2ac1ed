package smooch

// ChannelEntity is the id by which a channel knows an app user. Which field holds it depends on
// Type.
type ChannelEntity struct {
	Type          IntegrationType `json:"type"`
	IntegrationID string          `json:"integrationId,omitempty"` // v1.1
	PhoneNumber   string          `json:"phoneNumber,omitempty"`   // twilio, messagebird
	// messenger, viber, line, wechat, twitter
	UserID   string `json:"userId,omitempty"`
	Address  string `json:"address,omitempty"`  // mailgun, frontendEmail
	ChatID   string `json:"chatId,omitempty"`   // telegram
	Username string `json:"username,omitempty"` // whatsapp
}

// BusinessSystem is the id by which a business system knows an app user's conversation. Which field
// holds it depends on Type.
type BusinessSystem struct {
	Type           string `json:"type"`
	ChannelID      string `json:"channelId,omitempty"`      // slack
	TicketID       string `json:"ticketId,omitempty"`       // zendesk
	RoomID         *int64 `json:"roomId,omitempty"`         // hipchat
	ConversationID string `json:"conversationId,omitempty"` // helpscout
}

// LinkRequest is a way for a person to link a channel to an app user.
type LinkRequest struct {
	redacted[LinkRequest]

	IntegrationID string          `json:"integrationId"`
	Type          IntegrationType `json:"type"`
	Code          string          `json:"code"`
	URL           string          `json:"url"` // for the person to open; of any scheme, such as viber
}

// TransferRequest is the predecessor of [LinkRequest], see [AppUsersService.TransferRequests].
type TransferRequest struct {
	redacted[TransferRequest]

	Code string `json:"code"`
}

// ChannelLink is the argument of [AppUsersService.LinkChannel]. Which fields identify the person on
// the channel depends on Type.
type ChannelLink struct {
	// required: twilio, messenger, mailgun, messagebird or whatsapp
	Type          IntegrationType `json:"type"`
	Confirmation  *Confirmation   `json:"confirmation,omitempty"`  // required on v1.1
	IntegrationID string          `json:"integrationId,omitempty"` // must be of that type; v1.1
	// required for all types but mailgun, with + and country code
	PhoneNumber string `json:"phoneNumber,omitempty"`
	Address     string `json:"address,omitempty"`   // mailgun: the email address, required
	GivenName   string `json:"givenName,omitempty"` // messenger: a further criterion for the match
	Surname     string `json:"surname,omitempty"`   // messenger: a further criterion for the match
	Subject     string `json:"subject,omitempty"`   // mailgun: of the mail that asks for confirmation
	// whether the channel becomes the primary one when it is linked; the default is true; v1
	Primary *bool `json:"primary,omitempty"`
	// twilio on v1, with app scope only; replaced by Confirmation
	SkipConfirmation bool `json:"skipConfirmation,omitempty"`
}

// Confirmation says how a person agrees to the linking of a channel.
type Confirmation struct {
	Type ConfirmationType `json:"type"`
	// Required for userActivity, and for messenger. A text or image whose actions are of type link.
	// A missing role is appMaker; on v1.1, a missing type is that of the content. The message
	// is not added to the conversation.
	Message *MessagePost `json:"message,omitempty"`
}

// ConfirmationType is a way to agree to the linking of a channel. The set is open.
type ConfirmationType string

// The ways to agree to the linking of a channel.
const (
	// ConfirmationTypeImmediate links at once: twilio, messenger, mailgun.
	ConfirmationTypeImmediate ConfirmationType = "immediate"
	// ConfirmationTypeUserActivity links when the person answers the message: twilio, messenger.
	ConfirmationTypeUserActivity ConfirmationType = "userActivity"
	// ConfirmationTypePrompt links when the person agrees to a fixed text: twilio.
	ConfirmationTypePrompt ConfirmationType = "prompt"
)
