package smooch

import "encoding/json"

// Platform is the kind of a device or channel. The set is open.
type Platform string

// The platforms of a [Device]. The platform of an [AppUserClient] can also be a channel, named like
// its [IntegrationType].
const (
	PlatformIOS     Platform = "ios"     // with the iOS SDK
	PlatformAndroid Platform = "android" // with the Android SDK
	PlatformWeb     Platform = "web"     // a browser with the Web SDK
	PlatformOther   Platform = "other"   // any other device
)

// Device describes a user's device to [Client.Init].
type Device struct {
	redacted[Device]

	// required, globally unique
	ID                    string   `json:"id"`
	Platform              Platform `json:"platform"`                        // required
	PushNotificationToken string   `json:"pushNotificationToken,omitempty"` // of APN or GCM
	AppVersion            string   `json:"appVersion,omitempty"`            // of the app on the device
	// flat: string, number or bool values; keys such as [InfoAppName], others are allowed
	Info map[string]any `json:"info,omitzero"`
}

// The documented keys of [Device.Info] and [AppUserClient.Info], each with the example that the
// documentation has for it. The service shows them to app makers.
const (
	InfoAppName               = "appName"               // "foo"
	InfoDeviceModel           = "deviceModel"           // "iPhone 5s"
	InfoOS                    = "os"                    // "iPhone OS"
	InfoOSVersion             = "osVersion"             // "8.1.2"
	InfoRadioAccessTechnology = "radioAccessTechnology" // "HSDPA"
	InfoCarrier               = "carrier"               // "Acme"
	InfoDevicePlatform        = "devicePlatform"        // "iPhone6,1"
	InfoWifi                  = "wifi"                  // "YES"
	InfoCurrentURL            = "currentUrl"            // "http://mywebsite.com"
	InfoUserAgent             = "userAgent"             // "Mozilla/5.0..."
	InfoReferrer              = "referrer"              // "http://google.com"
	InfoBrowserLanguage       = "browserLanguage"       // "en-US"
	InfoCurrentTitle          = "currentTittle"         // "Welcome"; live data also has "currentTitle"
)

// InitRequest is the argument of [Client.Init].
type InitRequest struct {
	redacted[InitRequest]

	Device Device `json:"device"` // required
	// your own id for the user; use an [AppUserJWT] with it, or whoever learns the id can read the
	// conversation
	UserID string `json:"userId,omitempty"`
}

// InitApp is what [Client.Init] returns about the app. Every field may be missing.
type InitApp struct {
	ID           string          `json:"_id,omitempty"`
	Name         string          `json:"name,omitempty"`
	HasIcon      *bool           `json:"hasIcon,omitempty"`
	APNEnabled   *bool           `json:"apnEnabled,omitempty"` // push over Apple's service is set up
	GCMProject   string          `json:"gcmProject,omitempty"`
	Settings     json.RawMessage `json:"settings,omitempty"`     // not documented
	Integrations json.RawMessage `json:"integrations,omitempty"` // not documented
}

// InitResponse is the response to [Client.Init].
type InitResponse struct {
	App     InitApp `json:"app"`
	AppUser AppUser `json:"appUser"` // with another ID than before if users were merged
}

// DeviceUpdate is the argument of [AppUsersService.UpdateDevice]. Fields that are nil stay as they
// are.
type DeviceUpdate struct {
	redacted[DeviceUpdate]

	PushNotificationToken *string        `json:"pushNotificationToken,omitempty"`
	AppVersion            *string        `json:"appVersion,omitempty"`
	Info                  map[string]any `json:"info,omitzero"` // keys not given here stay as they are
}

// PushTokenUpdate is the argument of [AppUsersService.UpdatePushToken].
type PushTokenUpdate struct {
	redacted[PushTokenUpdate]

	DeviceID string `json:"deviceId"` // required
	Token    string `json:"token"`    // required
}
