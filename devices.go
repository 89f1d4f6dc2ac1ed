package smooch

import "encoding/json"

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

// DeviceUpdate is the argument of [AppUsersService.UpdateDevice]. nil leaves a field as it is.
type DeviceUpdate struct {
	PushNotificationToken *string        `json:"pushNotificationToken,omitempty"`
	AppVersion            *string        `json:"appVersion,omitempty"`
	Info                  map[string]any `json:"info,omitzero"` // merged: only the keys that are given change
}

// PushTokenUpdate is the argument of [AppUsersService.UpdatePushToken].
type PushTokenUpdate struct {
	DeviceID string `json:"deviceId"` // required
	Token    string `json:"token"`    // required
}
