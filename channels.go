package smooch

import (
	"context"
	"net/url"
	"strings"
)

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

// Channels gives the ids under which channels know an app user.
//
//	GET /appusers/{userId}/channels
//
// Scope: app, appMaker, account. Versions: v1, v1.1. Source: REST reference, "Get Channel Entity IDs".
func (s *AppUsersService) Channels(ctx context.Context, userID string, opts ...CallOption) ([]ChannelEntity, error) {
	return list[ChannelEntity](ctx, s.c, opAppUsersGetChannels.with(userID), "channels", opts)
}

// LinkChannel asks for a channel to be linked to an app user. The answer has it in
// PendingClients, or in Clients already; webhooks tell the outcome (link:match, link:success,
// link:failure). A repeat may reach the person again. On v1.1 a missing confirmation fails with [ErrInvalidArgument].
//
//	POST /appusers/{userId}/channels
//
// Scope: app token, appUser (its own user), app, appMaker, account. Versions: v1, v1.1. Source: REST reference, "Linking a Channel".
func (s *AppUsersService) LinkChannel(ctx context.Context, userID string, link ChannelLink, opts ...CallOption) (*AppUser, error) {
	r := opAppUsersLinkChannel.with(userID)
	if link.Confirmation == nil && s.c.version == V1_1 {
		r.err = argumentError(r, "confirmation", "is missing, which v1.1 requires")
	}
	if link.Confirmation != nil && link.Confirmation.Message != nil {
		message := link.Confirmation.Message.withDefaults(s.c.version, RoleAppMaker)
		link.Confirmation = &Confirmation{link.Confirmation.Type, &message}
	}
	return one[AppUser](ctx, s.c, r, link, "appUser", opts)
}

// UnlinkChannel takes a channel off an app user. It fails with [ErrBadRequest] if it was never linked.
//
//	DELETE /appusers/{userId}/channels/{channel}
//
// Scope: app token, appUser (its own user), app, appMaker, account. Versions: v1, v1.1. Source: REST reference, "Unlinking a Channel".
func (s *AppUsersService) UnlinkChannel(ctx context.Context, userID, channel string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersUnlinkChannel.with(userID, channel), nil, opts)
}

// PingChannel sends a test message over a linked channel, such as twilio.
//
//	POST /appusers/{userId}/integrations/{channel}/ping
//
// Scope: app token, appUser (its own user), app, appMaker, account. Versions: v1; v1.1 not verified. Source: official clients.
func (s *AppUsersService) PingChannel(ctx context.Context, userID, channel string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersPingChannel.with(userID, channel), nil, opts)
}

// BusinessSystems gives the ids under which business systems know an app user's conversation.
//
//	GET /appusers/{userId}/businesssystems
//
// Scope: app, appMaker, account. Versions: v1, v1.1. Source: official v1.1 clients.
func (s *AppUsersService) BusinessSystems(ctx context.Context, userID string, opts ...CallOption) ([]BusinessSystem, error) {
	return list[BusinessSystem](ctx, s.c, opAppUsersGetBusinessSystems.with(userID), "businessSystems", opts)
}

// LinkRequests makes a link request for each of the integrations, at least one. Each call makes new codes.
//
//	GET /appusers/{userId}/linkrequest
//
// Scope: app, appMaker, account. Versions: v1, v1.1. Source: official v1.1 clients.
func (s *AppUsersService) LinkRequests(ctx context.Context, userID string, integrationIDs []string, opts ...CallOption) ([]LinkRequest, error) {
	r := opAppUsersGetLinkRequests.with(userID).query(url.Values{"integrationIds": {strings.Join(integrationIDs, ",")}})
	if len(integrationIDs) == 0 {
		r.err = argumentError(r, "integrationIDs", "is empty")
	}
	return list[LinkRequest](ctx, s.c, r, "linkRequests", opts)
}

// AuthCode gives a one-time code with which an SDK takes over a user's conversation. Each call makes a new code.
//
//	GET /appusers/{userId}/authcode
//
// Scope: app, appMaker, account. Versions: v1, v1.1. Source: official v1.1 clients.
func (s *AppUsersService) AuthCode(ctx context.Context, userID string, opts ...CallOption) (string, error) {
	return text(ctx, s.c, opAppUsersGetAuthCode.with(userID), "authCode", opts)
}

// WeChatQRCode gives the URL of a QR code, possibly a data URL, that links the user over WeChat.
//
//	GET /appusers/{userId}/integrations/wechat/qrcode
//
// Scope: app token, appUser (its own user), app, appMaker, account. Versions: v1; v1.1 not verified. Source: official clients.
func (s *AppUsersService) WeChatQRCode(ctx context.Context, userID string, opts ...CallOption) (string, error) {
	return text(ctx, s.c, opAppUsersGetWeChatQRCode.with(userID), "url", opts)
}

// ViberQRCode gives the URL of a QR code, possibly a data URL, that links the user over Viber.
//
//	GET /appusers/{userId}/integrations/viber/qrcode
//
// Scope: app token, appUser (its own user), app, appMaker, account. Versions: v1; v1.1 not verified. Source: official clients.
func (s *AppUsersService) ViberQRCode(ctx context.Context, userID string, opts ...CallOption) (string, error) {
	return text(ctx, s.c, opAppUsersGetViberQRCode.with(userID), "url", opts)
}

// TransferRequests gives codes that link a channel of the type channelType, such as messenger.
//
// Deprecated: use [AppUsersService.LinkRequests].
//
//	GET /appusers/{userId}/transferrequest
//
// Scope: app token, appUser (its own user), app, appMaker, account. Versions: v1. Source: official v1 clients.
func (s *AppUsersService) TransferRequests(ctx context.Context, userID, channelType string, opts ...CallOption) ([]TransferRequest, error) {
	r := opAppUsersGetTransferRequests.with(userID).query(url.Values{"type": {channelType}})
	return list[TransferRequest](ctx, s.c, r, "transferRequests", opts)
}
