package smooch

import (
	"context"
	"encoding/json"
)

// Platform is the kind of a device or channel. The set is open.
type Platform string

// The platforms of [Device], and of [AppUserClient] besides the channels' integration types.
const (
	PlatformIOS     Platform = "ios"
	PlatformAndroid Platform = "android"
	PlatformWeb     Platform = "web"
	PlatformOther   Platform = "other"
)

// Device describes a user's device to [Client.Init].
type Device struct {
	ID                    string         `json:"id"`                              // required, globally unique
	Platform              Platform       `json:"platform"`                        // required
	PushNotificationToken string         `json:"pushNotificationToken,omitempty"` // of APN or GCM
	AppVersion            string         `json:"appVersion,omitempty"`            // of the app on the device
	Info                  map[string]any `json:"info,omitzero"`                   // flat; keys are those of the InfoXxx constants, others are allowed
}

// The keys of [Device.Info] and [AppUserClient.Info] that the service shows to app makers.
const (
	InfoAppName               = "appName"
	InfoDeviceModel           = "deviceModel"
	InfoOS                    = "os"
	InfoOSVersion             = "osVersion"
	InfoRadioAccessTechnology = "radioAccessTechnology"
	InfoCarrier               = "carrier"
	InfoDevicePlatform        = "devicePlatform"
	InfoWifi                  = "wifi" // a text such as "YES"
	InfoCurrentURL            = "currentUrl"
	InfoUserAgent             = "userAgent"
	InfoReferrer              = "referrer"
	InfoBrowserLanguage       = "browserLanguage"
	InfoCurrentTitle          = "currentTittle" // the documentation's spelling; live data also has currentTitle
)

// InitRequest is the argument of [Client.Init].
type InitRequest struct {
	Device Device `json:"device"`           // required
	UserID string `json:"userId,omitempty"` // your own id of the user; use an [AppUserJWT] with it
}

// InitApp is what [Client.Init] tells a device of its app. Every field may be missing.
type InitApp struct {
	ID           string          `json:"_id,omitempty"`
	Name         string          `json:"name,omitempty"`
	HasIcon      *bool           `json:"hasIcon,omitempty"`
	APNEnabled   *bool           `json:"apnEnabled,omitempty"` // push over Apple is set up
	GCMProject   string          `json:"gcmProject,omitempty"`
	Settings     json.RawMessage `json:"settings,omitempty"`     // not documented
	Integrations json.RawMessage `json:"integrations,omitempty"` // not documented
}

// InitResponse is the answer of [Client.Init].
type InitResponse struct {
	App     InitApp `json:"app"`
	AppUser AppUser `json:"appUser"` // its ID may differ from the one held before: two users were merged
}

// Init is what a device calls when an app is opened: it creates the device and its app user
// if they are new, updates them if not, and authenticates the user if the credential is an [AppUserJWT].
// Without one, whoever learns a userId can read that user's conversation.
//
// Deprecated: later v1 documentation and v1.1 do not have it. Use [AppUsersService.Create] to make a user.
//
//	POST /init
//
// Scope: app token, appUser, app, appMaker, account. Versions: v1. Source: REST reference, "Init".
func (c *Client) Init(ctx context.Context, init InitRequest, opts ...CallOption) (*InitResponse, error) {
	return one[InitResponse](ctx, c, opInit.with(), init, "", opts)
}
