package smooch

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/smooch/smooch-go/internal/lenient"
)

// AppUser is a person who uses an app. Everything but the id may be missing in an answer.
//
// ID may change under you, as users are merged: keep the one of the last answer.
type AppUser struct {
	ID                  string          `json:"_id"`
	UserID              string          `json:"userId,omitempty"` // your own id of the user
	GivenName           string          `json:"givenName,omitempty"`
	Surname             string          `json:"surname,omitempty"`
	Email               string          `json:"email,omitempty"`
	AvatarURL           string          `json:"avatarUrl,omitempty"` // v1.1
	SignedUpAt          ISOTime         `json:"signedUpAt,omitzero"`
	Properties          map[string]any  `json:"properties,omitzero"` // flat: strings, numbers (json.Number) and booleans
	ConversationStarted *bool           `json:"conversationStarted,omitempty"`
	CredentialRequired  *bool           `json:"credentialRequired,omitempty"` // only a JWT reaches the user; v1
	HasPaymentInfo      *bool           `json:"hasPaymentInfo,omitempty"`
	Clients             []AppUserClient `json:"clients,omitzero"`        // channels and devices
	PendingClients      []AppUserClient `json:"pendingClients,omitzero"` // links that are not confirmed yet
	Devices             []AppUserClient `json:"devices,omitzero"`        // v1's older name of Clients
}

// AppUserClient is a device or channel over which an app user can be reached; the API calls it a client, and
// older v1 answers a device.
type AppUserClient struct {
	RecordID              string          `json:"_id,omitempty"`
	ID                    string          `json:"id,omitempty"`
	DeviceID              string          `json:"deviceId,omitempty"`
	Platform              Platform        `json:"platform,omitempty"`
	IntegrationID         string          `json:"integrationId,omitempty"` // v1.1
	ExternalID            string          `json:"externalId,omitempty"`    // the channel's own id of the user, such as a phone number; v1.1
	Status                ClientStatus    `json:"status,omitempty"`        // v1.1
	Active                *bool           `json:"active,omitempty"`        // false: logged out; v1.1 has Status instead
	Primary               *bool           `json:"primary,omitempty"`       // where messages are delivered first
	Blocked               *bool           `json:"blocked,omitempty"`
	LastSeen              ISOTime         `json:"lastSeen,omitzero"`
	LinkedAt              ISOTime         `json:"linkedAt,omitzero"` // when it was linked to an existing user
	DisplayName           string          `json:"displayName,omitempty"`
	AvatarURL             string          `json:"avatarUrl,omitempty"`
	PushNotificationToken string          `json:"pushNotificationToken,omitempty"`
	AppVersion            string          `json:"appVersion,omitempty"`
	Info                  map[string]any  `json:"info,omitzero"` // flat, see the InfoXxx constants
	Raw                   json.RawMessage `json:"raw,omitempty"` // the channel's own profile of the user, of any shape
}

// ClientStatus says whether a client can be reached. The set is open.
type ClientStatus string

// The states of a client.
const (
	ClientStatusActive   ClientStatus = "active"
	ClientStatusInactive ClientStatus = "inactive"
	ClientStatusBlocked  ClientStatus = "blocked"
	ClientStatusPending  ClientStatus = "pending"
)

// AppUserCreate is the argument of [AppUsersService.Create].
type AppUserCreate struct {
	UserID             string         `json:"userId"`                       // required, unique in the app, any text
	CredentialRequired bool           `json:"credentialRequired,omitempty"` // only a JWT will reach the user; v1
	GivenName          string         `json:"givenName,omitempty"`
	Surname            string         `json:"surname,omitempty"`
	Email              string         `json:"email,omitempty"`
	AvatarURL          string         `json:"avatarUrl,omitempty"` // v1.1
	SignedUpAt         ISOTime        `json:"signedUpAt,omitzero"` // zero: now
	Properties         map[string]any `json:"properties,omitzero"` // flat: strings, numbers and booleans
}

// AppUserUpdate is the argument of [AppUsersService.Update]. nil leaves a field as it is, "" sets it to nothing.
type AppUserUpdate struct {
	GivenName  *string        `json:"givenName,omitempty"`
	Surname    *string        `json:"surname,omitempty"`
	Email      *string        `json:"email,omitempty"`
	AvatarURL  *string        `json:"avatarUrl,omitempty"` // v1.1
	SignedUpAt ISOTime        `json:"signedUpAt,omitzero"`
	Properties map[string]any `json:"properties,omitzero"` // merged: only the keys that are given change; strings, numbers and booleans
}

// EventTrack is the argument of [AppUsersService.TrackEvent].
type EventTrack struct {
	Name    string         `json:"name"`              // required
	AppUser *AppUserUpdate `json:"appUser,omitempty"` // changes of the profile to make first
}

// EventResult is the answer of [AppUsersService.TrackEvent].
type EventResult struct {
	ConversationUpdated bool `json:"conversationUpdated"` // a whisper has answered: fetch the conversation again
}

// AppUserMerge is the argument of [AppUsersService.Merge]. Both ids are the generated ones (_id).
type AppUserMerge struct {
	Surviving string // who remains
	Discarded string // whose messages and channels go to Surviving, and who is deleted then
}

// MarshalJSON writes {"surviving": {"_id"}, "discarded": {"_id"}}.
func (m AppUserMerge) MarshalJSON() ([]byte, error) {
	type ref struct {
		ID string `json:"_id"`
	}
	return lenient.Marshal(struct {
		Surviving ref `json:"surviving"`
		Discarded ref `json:"discarded"`
	}{ref{m.Surviving}, ref{m.Discarded}})
}

// AppUsersService manages the users of an app. A userID argument is the generated _id or your
// own userId, any text.
type AppUsersService struct{ c *Client }

// Create makes an app user before the person opens the app, so that a conversation can
// begin elsewhere. The service is expected to answer [ErrConflict] if userId is taken.
//
//	POST /appusers
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) Create(ctx context.Context, user AppUserCreate, opts ...CallOption) (*AppUser, error) {
	r := opAppUsersCreate.with().json(user)
	if user.UserID != "" { // the service says that it is missing
		if _, problem := escapeSegment(user.UserID); problem != "" {
			r.refuse("userID", problem) // no other call could reach such a user by it
		}
	}
	return one[AppUser](ctx, s.c, r, opts)
}

// Get gives one app user. It fails with [ErrNotFound] if there is no such user.
//
//	GET /appusers/{userId}
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) Get(ctx context.Context, userID string, opts ...CallOption) (*AppUser, error) {
	return one[AppUser](ctx, s.c, opAppUsersGet.with(userID), opts)
}

// Update changes the fields of an app user that update sets; in properties, the keys that it has.
//
//	PUT /appusers/{userId}
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) Update(ctx context.Context, userID string, update AppUserUpdate, opts ...CallOption) (*AppUser, error) {
	return one[AppUser](ctx, s.c, opAppUsersUpdate.with(userID).json(update), opts)
}

// Delete removes an app user with clients and history, for good.
//
//	DELETE /appusers/{userId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) Delete(ctx context.Context, userID string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersDelete.with(userID), opts)
}

// DeleteProfile clears names, e-mail address and properties of an app user, and of each client its
// name, avatar and info. The conversation stays. The answer is the user as it is then.
//
//	DELETE /appusers/{userId}/profile
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) DeleteProfile(ctx context.Context, userID string, opts ...CallOption) (*AppUser, error) {
	return one[AppUser](ctx, s.c, opAppUsersDeleteProfile.with(userID), opts)
}

// TrackEvent fires a named event for an app user, which may trigger a whisper.
//
// Deprecated: later v1 documentation and v1.1 do not have it, and nothing replaces it.
//
//	POST /appusers/{userId}/events
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/208eed0/docs/AppUserApi.md
func (s *AppUsersService) TrackEvent(ctx context.Context, userID string, event EventTrack, opts ...CallOption) (*EventResult, error) {
	return one[EventResult](ctx, s.c, opAppUsersTrackEvent.with(userID).json(event), opts)
}

// UpdateDevice changes the fields of a user's device that update sets. deviceID is the id that init was given.
//
// Deprecated: v1.1 does not have it, and nothing replaces it.
//
//	PUT /appusers/{userId}/devices/{deviceId}
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/208eed0/docs/AppUserApi.md
func (s *AppUsersService) UpdateDevice(ctx context.Context, userID, deviceID string, update DeviceUpdate, opts ...CallOption) (*AppUserClient, error) {
	return one[AppUserClient](ctx, s.c, opAppUsersUpdateDevice.with(userID, deviceID).json(update), opts)
}

// UpdatePushToken sets the push token of a user's device.
//
// Deprecated: use [AppUsersService.UpdateDevice].
//
//	POST /appusers/{userId}/pushToken
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1.
// Source: JavaScript client smooch-core 4.3, "appUsers.updatePushToken".
func (s *AppUsersService) UpdatePushToken(ctx context.Context, userID string, update PushTokenUpdate, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersUpdatePushToken.with(userID).json(update), opts)
}

// Merge makes one user of two: messages and channels of the discarded one go to the
// surviving one, and it is deleted. After [ErrOutcomeUnknown] get both users to learn what happened.
//
//	POST /appusers/merge
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) Merge(ctx context.Context, merge AppUserMerge, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersMerge.with().json(merge), opts)
}

// Channels gives the ids under which channels know an app user.
//
//	GET /appusers/{userId}/channels
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) Channels(ctx context.Context, userID string, opts ...CallOption) ([]ChannelEntity, error) {
	return list[ChannelEntity](ctx, s.c, opAppUsersGetChannels.with(userID), opts)
}

// LinkChannel asks for a channel to be linked to an app user. The answer has it in
// PendingClients, or in Clients already; webhooks tell the outcome (link:match, link:success,
// link:failure). A repeat may reach the person again. On v1.1 a missing confirmation fails with [ErrInvalidArgument].
//
//	POST /appusers/{userId}/channels
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) LinkChannel(ctx context.Context, userID string, link ChannelLink, opts ...CallOption) (*AppUser, error) {
	if link.Confirmation != nil && link.Confirmation.Message != nil {
		message := link.Confirmation.Message.withDefaults(s.c.version, RoleAppMaker)
		link.Confirmation = &Confirmation{link.Confirmation.Type, &message}
	}
	r := opAppUsersLinkChannel.with(userID).json(link)
	if link.Confirmation == nil && s.c.version == V1_1 {
		r.refuse("confirmation", "is missing, which v1.1 requires")
	}
	return one[AppUser](ctx, s.c, r, opts)
}

// UnlinkChannel takes a channel off an app user. It fails with [ErrBadRequest] if it was never linked.
//
//	DELETE /appusers/{userId}/channels/{channel}
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) UnlinkChannel(ctx context.Context, userID, channel string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersUnlinkChannel.with(userID, channel), opts)
}

// PingChannel sends a test message over a linked channel, such as twilio.
//
//	POST /appusers/{userId}/integrations/{channel}/ping
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "appUsers.pingChannel".
func (s *AppUsersService) PingChannel(ctx context.Context, userID, channel string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersPingChannel.with(userID, channel), opts)
}

// BusinessSystems gives the ids under which business systems know an app user's conversation.
//
//	GET /appusers/{userId}/businesssystems
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) BusinessSystems(ctx context.Context, userID string, opts ...CallOption) ([]BusinessSystem, error) {
	return list[BusinessSystem](ctx, s.c, opAppUsersGetBusinessSystems.with(userID), opts)
}

// LinkRequests makes a link request for each of the integrations, at least one. Each call makes new codes.
//
//	GET /appusers/{userId}/linkrequest
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) LinkRequests(ctx context.Context, userID string, integrationIDs []string, opts ...CallOption) ([]LinkRequest, error) {
	r := opAppUsersGetLinkRequests.with(userID).query(url.Values{"integrationIds": {strings.Join(integrationIDs, ",")}})
	if len(integrationIDs) == 0 {
		r.refuse("integrationIDs", "is empty")
	}
	return list[LinkRequest](ctx, s.c, r, opts)
}

// AuthCode gives a one-time code with which an SDK takes over a user's conversation. Each call makes a new code.
//
//	GET /appusers/{userId}/authcode
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) AuthCode(ctx context.Context, userID string, opts ...CallOption) (string, error) {
	return text(ctx, s.c, opAppUsersGetAuthCode.with(userID), opts)
}

// WeChatQRCode gives the URL of a QR code, possibly a data URL, that links the user over WeChat.
//
//	GET /appusers/{userId}/integrations/wechat/qrcode
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "appUsers.wechat.getQRCode".
func (s *AppUsersService) WeChatQRCode(ctx context.Context, userID string, opts ...CallOption) (string, error) {
	return text(ctx, s.c, opAppUsersGetWeChatQRCode.with(userID), opts)
}

// ViberQRCode gives the URL of a QR code, possibly a data URL, that links the user over Viber.
//
//	GET /appusers/{userId}/integrations/viber/qrcode
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "appUsers.viber.getQRCode".
func (s *AppUsersService) ViberQRCode(ctx context.Context, userID string, opts ...CallOption) (string, error) {
	return text(ctx, s.c, opAppUsersGetViberQRCode.with(userID), opts)
}

// TransferRequests gives codes that link a channel of the type channelType, such as messenger.
//
// Deprecated: use [AppUsersService.LinkRequests].
//
//	GET /appusers/{userId}/transferrequest
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1.
// Source: JavaScript client smooch-core 4.3, "appUsers.transferRequest".
func (s *AppUsersService) TransferRequests(ctx context.Context, userID, channelType string, opts ...CallOption) ([]TransferRequest, error) {
	r := opAppUsersGetTransferRequests.with(userID).query(url.Values{"type": {channelType}})
	return list[TransferRequest](ctx, s.c, r, opts)
}
