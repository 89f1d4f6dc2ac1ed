package smooch

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/smooch/smooch-go/internal/lenient"
)

// AppUser is a person who uses an app. Every field but ID may be missing in a response.
//
// The ID of a user can change, as users are merged: keep the one from the latest response.
type AppUser struct {
	ID         string  `json:"_id"`
	UserID     string  `json:"userId,omitempty"` // your own id for the user
	GivenName  string  `json:"givenName,omitempty"`
	Surname    string  `json:"surname,omitempty"`
	Email      string  `json:"email,omitempty"`
	AvatarURL  string  `json:"avatarUrl,omitempty"` // v1.1
	SignedUpAt ISOTime `json:"signedUpAt,omitzero"`
	// flat: string, json.Number or bool values
	Properties          map[string]any `json:"properties,omitzero"`
	ConversationStarted *bool          `json:"conversationStarted,omitempty"`
	// the user can be reached with a JWT only, not with an app token; v1
	CredentialRequired *bool           `json:"credentialRequired,omitempty"`
	HasPaymentInfo     *bool           `json:"hasPaymentInfo,omitempty"` // not documented
	Clients            []AppUserClient `json:"clients,omitzero"`         // channels and devices
	PendingClients     []AppUserClient `json:"pendingClients,omitzero"`  // not confirmed yet
	Devices            []AppUserClient `json:"devices,omitzero"`         // older name of Clients; v1
}

// AppUserClient is a device or channel through which an app user can be reached. The API calls it
// a client; older responses of v1 call it a device.
type AppUserClient struct {
	redacted[AppUserClient]

	RecordID      string   `json:"_id,omitempty"` // the service's own id for the record
	ID            string   `json:"id,omitempty"`
	DeviceID      string   `json:"deviceId,omitempty"`
	Platform      Platform `json:"platform,omitempty"`
	IntegrationID string   `json:"integrationId,omitempty"` // v1.1
	// the channel's own id of the user, such as a phone number; v1.1
	ExternalID  string       `json:"externalId,omitempty"`
	Status      ClientStatus `json:"status,omitempty"`  // v1.1
	Active      *bool        `json:"active,omitempty"`  // false: logged out; v1.1 has Status instead
	Primary     *bool        `json:"primary,omitempty"` // messages are delivered here first
	Blocked     *bool        `json:"blocked,omitempty"`
	LastSeen    ISOTime      `json:"lastSeen,omitzero"`
	LinkedAt    ISOTime      `json:"linkedAt,omitzero"` // when it was linked to an existing user
	DisplayName string       `json:"displayName,omitempty"`
	AvatarURL   string       `json:"avatarUrl,omitempty"`
	// an APN or GCM token; iOS and Android only
	PushNotificationToken string         `json:"pushNotificationToken,omitempty"`
	AppVersion            string         `json:"appVersion,omitempty"`
	Info                  map[string]any `json:"info,omitzero"` // flat; keys such as [InfoAppName]
	// the channel's own profile of the user, of any shape
	Raw json.RawMessage `json:"raw,omitempty"`
}

// ClientStatus is the state of an [AppUserClient]. The set is open.
type ClientStatus string

// The states of a client.
const (
	ClientStatusActive   ClientStatus = "active"   // the user can be reached
	ClientStatusInactive ClientStatus = "inactive" // the user has logged out
	ClientStatusBlocked  ClientStatus = "blocked"  // the user has blocked the business
	ClientStatusPending  ClientStatus = "pending"  // the user has not confirmed the link yet
)

// AppUserCreate is the argument of [AppUsersService.Create].
type AppUserCreate struct {
	UserID string `json:"userId"` // required: your own id for the user, any text, unique in the app
	// the user can be reached with a JWT only, not with an app token; v1
	CredentialRequired bool    `json:"credentialRequired,omitempty"`
	GivenName          string  `json:"givenName,omitempty"`
	Surname            string  `json:"surname,omitempty"`
	Email              string  `json:"email,omitempty"`
	AvatarURL          string  `json:"avatarUrl,omitempty"` // v1.1
	SignedUpAt         ISOTime `json:"signedUpAt,omitzero"` // zero: now
	// flat: string, number or bool values
	Properties map[string]any `json:"properties,omitzero"`
}

// AppUserUpdate is the argument of [AppUsersService.Update]. Fields that are nil or zero stay as
// they are; a pointer to "" makes a field empty.
type AppUserUpdate struct {
	GivenName  *string `json:"givenName,omitempty"`
	Surname    *string `json:"surname,omitempty"`
	Email      *string `json:"email,omitempty"`
	AvatarURL  *string `json:"avatarUrl,omitempty"` // v1.1
	SignedUpAt ISOTime `json:"signedUpAt,omitzero"`
	// flat: string, number or bool values; keys that are not given here stay as they are
	Properties map[string]any `json:"properties,omitzero"`
}

// EventTrack is the argument of [AppUsersService.TrackEvent].
type EventTrack struct {
	Name    string         `json:"name"`              // required
	AppUser *AppUserUpdate `json:"appUser,omitempty"` // changes to the profile, made first
}

// EventResult is the response to [AppUsersService.TrackEvent].
type EventResult struct {
	// a whisper has answered the event: fetch the conversation again
	ConversationUpdated bool `json:"conversationUpdated"`
}

// AppUserMerge is the argument of [AppUsersService.Merge]. Both fields are generated ids (_id), not
// your own.
type AppUserMerge struct {
	Surviving string // the user who remains
	Discarded string // the user who is merged into Surviving and deleted
}

// MarshalJSON writes each id as an object: {"surviving": {"_id": …}, "discarded": {"_id": …}}.
func (m AppUserMerge) MarshalJSON() ([]byte, error) {
	type ref struct {
		ID string `json:"_id"`
	}
	return lenient.Marshal(struct {
		Surviving ref `json:"surviving"`
		Discarded ref `json:"discarded"`
	}{ref{m.Surviving}, ref{m.Discarded}})
}

// AppUsersService manages the users of an app. A userID argument is either the generated _id of a
// user or your own userId, which can be any text.
type AppUsersService struct{ c *Client }

// Create creates an app user for a person who has not opened the app yet, so that a conversation
// that began elsewhere is there when they do. It fails with [ErrInvalidArgument] if the userId is
// one that no path can hold, such as "..", and with [ErrBadRequest] if the service refuses a field.
// If the userId is taken, expect [ErrConflict], which the documentation does not promise. As a
// userId is unique, a second call creates no second user; after [ErrOutcomeUnknown], get the user
// to see whether it exists.
//
//	POST /appusers
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) Create(ctx context.Context, user AppUserCreate, opts ...CallOption) (*AppUser, error) {
	r := opAppUsersCreate.with().json(user)
	if user.UserID != "" { // the service reports a missing userId
		if _, problem := escapeSegment(user.UserID); problem != "" {
			r.refuse("userID", problem) // no other call could address the user by it
		}
	}
	return one[AppUser](ctx, s.c, r, opts)
}

// Get returns one app user. It fails with [ErrNotFound] if there is no such user.
//
//	GET /appusers/{userId}
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) Get(ctx context.Context, userID string, opts ...CallOption) (*AppUser, error) {
	return one[AppUser](ctx, s.c, opAppUsersGet.with(userID), opts)
}

// Update changes the fields of an app user that are set in update, and returns the user. It fails
// with [ErrNotFound] if there is no such user.
//
//	PUT /appusers/{userId}
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) Update(ctx context.Context, userID string, update AppUserUpdate, opts ...CallOption) (*AppUser, error) {
	return one[AppUser](ctx, s.c, opAppUsersUpdate.with(userID).json(update), opts)
}

// Delete deletes an app user with all clients and messages. This cannot be undone. To keep the
// conversation, use [AppUsersService.DeleteProfile]. It fails with [ErrNotFound] if there is no
// such user.
//
//	DELETE /appusers/{userId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) Delete(ctx context.Context, userID string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersDelete.with(userID), opts)
}

// DeleteProfile clears the names, email address and properties of an app user, and the display
// name, avatar and info of each client, and returns the user. The conversation stays. It fails with
// [ErrNotFound] if there is no such user.
//
//	DELETE /appusers/{userId}/profile
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) DeleteProfile(ctx context.Context, userID string, opts ...CallOption) (*AppUser, error) {
	return one[AppUser](ctx, s.c, opAppUsersDeleteProfile.with(userID), opts)
}

// TrackEvent triggers a named event for an app user, to which a whisper (an automated message) may
// respond. It fails with [ErrNotFound] if there is no such user. A second call triggers the event
// again, and after [ErrOutcomeUnknown] nothing in the API tells whether the first did.
//
// Deprecated: v1.1 and the later v1 documentation do not have this call, and nothing replaces it.
//
//	POST /appusers/{userId}/events
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/208eed0/docs/AppUserApi.md
func (s *AppUsersService) TrackEvent(ctx context.Context, userID string, event EventTrack, opts ...CallOption) (*EventResult, error) {
	return one[EventResult](ctx, s.c, opAppUsersTrackEvent.with(userID).json(event), opts)
}

// UpdateDevice changes the fields of a user's device that are set in update, and returns the
// device. deviceID is the id that was passed to [Client.Init]. It fails with [ErrNotFound] if there
// is no such user, or the user has no such device.
//
// Deprecated: v1.1 does not have this call, and nothing replaces it.
//
//	PUT /appusers/{userId}/devices/{deviceId}
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/208eed0/docs/AppUserApi.md
func (s *AppUsersService) UpdateDevice(ctx context.Context, userID, deviceID string, update DeviceUpdate, opts ...CallOption) (*AppUserClient, error) {
	return one[AppUserClient](ctx, s.c, opAppUsersUpdateDevice.with(userID, deviceID).json(update), opts)
}

// UpdatePushToken sets the push token of a user's device. It fails with [ErrNotFound] if there is
// no such user, or the user has no such device.
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

// Merge merges two app users: the messages and channels of the discarded user move to the surviving
// one, and the discarded user is deleted. If both had a userId, that of the discarded user is lost:
// a later login with it creates a new user. It fails with [ErrNotFound] if there is no such user,
// and so does a second call: after [ErrOutcomeUnknown] get both users to see whether they were
// merged.
//
//	POST /appusers/merge
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) Merge(ctx context.Context, merge AppUserMerge, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersMerge.with().json(merge), opts)
}

// Channels returns the ids by which channels know an app user, such as a phone number. It fails
// with [ErrNotFound] if there is no such user.
//
//	GET /appusers/{userId}/channels
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) Channels(ctx context.Context, userID string, opts ...CallOption) ([]ChannelEntity, error) {
	return list[ChannelEntity](ctx, s.c, opAppUsersGetChannels.with(userID), opts)
}

// LinkChannel starts linking a channel to an app user. The returned user has the channel in
// PendingClients, or already in Clients; a [LinkEvent] (link:match, link:success, link:failure)
// reports the outcome. A second call may send the person a second message, so after
// [ErrOutcomeUnknown] get the user and look for the channel in both lists before you try again.
//
// LinkChannel fails with [ErrNotFound] if there is no such user, with [ErrBadRequest] if link lacks
// what its type requires, and with [ErrRateLimited] if the service asks to wait for longer than the
// [RetryPolicy] allows; see [Error].RetryAfter. On v1.1, a missing confirmation fails with
// [ErrInvalidArgument]. A missing role of its message is appMaker.
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
		r.refuse("confirmation", "is missing, but v1.1 requires it")
	}
	return one[AppUser](ctx, s.c, r, opts)
}

// UnlinkChannel unlinks a channel, such as twilio, from an app user. It fails with [ErrBadRequest]
// if the channel was never linked, and with [ErrNotFound] if there is no such user.
//
//	DELETE /appusers/{userId}/channels/{channel}
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) UnlinkChannel(ctx context.Context, userID, channel string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersUnlinkChannel.with(userID, channel), opts)
}

// PingChannel sends a test message over a linked channel, such as twilio. It fails with
// [ErrNotFound] if there is no such user. A second call sends another message, so if you try again
// after [ErrOutcomeUnknown] the person may get two.
//
//	POST /appusers/{userId}/integrations/{channel}/ping
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "appUsers.pingChannel".
func (s *AppUsersService) PingChannel(ctx context.Context, userID, channel string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersPingChannel.with(userID, channel), opts)
}

// BusinessSystems returns the ids by which business systems, such as slack or zendesk, know an app
// user's conversation. It fails with [ErrNotFound] if there is no such user.
//
//	GET /appusers/{userId}/businesssystems
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) BusinessSystems(ctx context.Context, userID string, opts ...CallOption) ([]BusinessSystem, error) {
	return list[BusinessSystem](ctx, s.c, opAppUsersGetBusinessSystems.with(userID), opts)
}

// LinkRequests returns a link request for each of the integrations: a code and a URL with which the
// person can link the channel. It fails with [ErrInvalidArgument] if integrationIDs is empty, and
// with [ErrNotFound] if there is no such user or integration. Each call creates new codes.
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

// AuthCode returns a one-time code with which an SDK takes over a user's conversation. Each call
// creates a new code. It fails with [ErrNotFound] if there is no such user.
//
//	GET /appusers/{userId}/authcode
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *AppUsersService) AuthCode(ctx context.Context, userID string, opts ...CallOption) (string, error) {
	return text(ctx, s.c, opAppUsersGetAuthCode.with(userID), opts)
}

// WeChatQRCode returns the URL of a QR code that links a WeChat account to an app user. It may be a
// data URL. It fails with [ErrNotFound] if there is no such user.
//
//	GET /appusers/{userId}/integrations/wechat/qrcode
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "appUsers.wechat.getQRCode".
func (s *AppUsersService) WeChatQRCode(ctx context.Context, userID string, opts ...CallOption) (string, error) {
	return text(ctx, s.c, opAppUsersGetWeChatQRCode.with(userID), opts)
}

// ViberQRCode returns the URL of a QR code that links a Viber account to an app user. It may be a
// data URL. It fails with [ErrNotFound] if there is no such user.
//
//	GET /appusers/{userId}/integrations/viber/qrcode
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "appUsers.viber.getQRCode".
func (s *AppUsersService) ViberQRCode(ctx context.Context, userID string, opts ...CallOption) (string, error) {
	return text(ctx, s.c, opAppUsersGetViberQRCode.with(userID), opts)
}

// TransferRequests returns codes with which the person can link a channel of the type channelType,
// such as messenger. It fails with [ErrNotFound] if there is no such user.
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
