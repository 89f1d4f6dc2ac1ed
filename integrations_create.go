package smooch

import (
	"encoding/json"

	"github.com/smooch/smooch-go/internal/lenient"
)

// IntegrationCreate is the argument of [IntegrationsService.Create]. There is a struct for each
// type of channel, such as [TelegramCreate], and [CustomIntegration] for the types that have none.
// These values hold the channel's secrets; printing or logging one leaves out all its fields.
type IntegrationCreate interface {
	integrationType() IntegrationType
}

// CustomIntegration returns an [IntegrationCreate] for a type of channel that has no struct of its
// own. fields are the members of the request body; the member type is set to integrationType.
func CustomIntegration(integrationType IntegrationType, fields map[string]any) IntegrationCreate {
	return customIntegration{kind: integrationType, fields: fields}
}

// customIntegration is the result of CustomIntegration.
type customIntegration struct {
	redacted[customIntegration]

	kind   IntegrationType
	fields map[string]any
}

func (c customIntegration) integrationType() IntegrationType { return c.kind }

// MarshalJSON encodes the fields without the type, which typedIntegration adds.
func (c customIntegration) MarshalJSON() ([]byte, error) {
	fields := map[string]json.RawMessage{}
	for name, value := range c.fields {
		if name == "type" {
			continue
		}
		encoded, err := lenient.Marshal(value)
		if err != nil {
			return nil, err
		}
		fields[name] = encoded
	}
	return lenient.Marshal(fields)
}

// typedIntegration is an IntegrationCreate as it is sent: the member type comes before the others.
type typedIntegration struct{ IntegrationCreate }

// MarshalJSON encodes the type and the members of the IntegrationCreate.
func (t typedIntegration) MarshalJSON() ([]byte, error) {
	members, err := lenient.Marshal(t.IntegrationCreate)
	if err != nil {
		return nil, err
	}
	head, err := lenient.Marshal(map[string]IntegrationType{"type": t.integrationType()})
	if err != nil || string(members) == "{}" {
		return head, err
	}
	return append(append(head[:len(head)-1], ','), members[1:]...), nil
}

// MessengerCreate creates an integration of type messenger, for Facebook Messenger. The Facebook
// app needs the permissions manage_pages and pages_messaging.
type MessengerCreate struct {
	redacted[MessengerCreate]

	PageAccessToken string `json:"pageAccessToken"`       // required
	AppID           string `json:"appId"`                 // required: id of the Facebook app
	AppSecret       string `json:"appSecret"`             // required: secret of the Facebook app
	DisplayName     string `json:"displayName,omitempty"` // any label
}

// InstagramCreate creates an integration of type instagram.
type InstagramCreate struct {
	redacted[InstagramCreate]

	PageAccessToken string `json:"pageAccessToken"`       // required
	AppID           string `json:"appId"`                 // required: id of the Facebook app
	AppSecret       string `json:"appSecret"`             // required: secret of the Facebook app
	DisplayName     string `json:"displayName,omitempty"` // any label
}

// TwilioCreate creates an integration of type twilio, for text messages sent with Twilio.
type TwilioCreate struct {
	redacted[TwilioCreate]

	AccountSID     string `json:"accountSid"`            // required
	AuthToken      string `json:"authToken"`             // required
	PhoneNumberSID string `json:"phoneNumberSid"`        // required
	DisplayName    string `json:"displayName,omitempty"` // any label
}

// MessageBirdCreate creates an integration of type messagebird, for text messages sent with
// MessageBird. Afterwards enter this forward URL at MessageBird, with the WebhookSecret of the new
// [Integration]:
//
//	https://app.smooch.io/api/messagebird/webhooks/{appId}/{integrationId}/{webhookSecret}
type MessageBirdCreate struct {
	redacted[MessageBirdCreate]

	AccessKey   string `json:"accessKey"`             // required
	Originator  string `json:"originator"`            // required: the receiving number
	SigningKey  string `json:"signingKey,omitempty"`  // verifies MessageBird's own webhooks
	DisplayName string `json:"displayName,omitempty"` // any label
}

// TelegramCreate creates an integration of type telegram.
type TelegramCreate struct {
	redacted[TelegramCreate]

	Token       string `json:"token"`                 // required: the bot's token
	DisplayName string `json:"displayName,omitempty"` // any label
}

// ViberCreate creates an integration of type viber.
type ViberCreate struct {
	redacted[ViberCreate]

	Token       string `json:"token"`                 // required
	DisplayName string `json:"displayName,omitempty"` // any label
}

// LineCreate creates an integration of type line. It takes ChannelAccessToken and ChannelSecret,
// or, for LINE's first bot API (deprecated in 2016), ChannelID, ChannelSecret and MID. Enter this
// webhook URL at LINE:
//
//	https://app.smooch.io:443/api/line/webhooks/{appId}
type LineCreate struct {
	redacted[LineCreate]

	ChannelID          string `json:"channelId,omitempty"`          // required with MID
	ChannelSecret      string `json:"channelSecret"`                // required
	MID                string `json:"mid,omitempty"`                // required by the first bot API
	ChannelAccessToken string `json:"channelAccessToken,omitempty"` // required without MID
	ServiceCode        string `json:"serviceCode,omitempty"`
	SwitcherSecret     string `json:"switcherSecret,omitempty"`
	QRCodeURL          string `json:"qrCodeUrl,omitempty"`
	DisplayName        string `json:"displayName,omitempty"` // any label
}

// WeChatCreate creates an integration of type wechat. Afterwards enter the WebhookSecret of the new
// [Integration] as the token at WeChat, with this URL:
//
//	https://app.smooch.io/api/wechat/webhooks/{appId}
type WeChatCreate struct {
	redacted[WeChatCreate]

	AppID          string `json:"appId"`                    // required
	AppSecret      string `json:"appSecret"`                // required
	EncodingAESKey string `json:"encodingAesKey,omitempty"` // 43 characters, for Safe Mode
	AccessTokenURL string `json:"accessTokenUrl,omitempty"` // a third party's token endpoint
	DisplayName    string `json:"displayName,omitempty"`    // any label
}

// TwitterCreate creates an integration of type twitter, for direct messages. It fails if the
// Twitter app already has a webhook that points elsewhere.
type TwitterCreate struct {
	redacted[TwitterCreate]

	ConsumerKey       string `json:"consumerKey"`           // required
	ConsumerSecret    string `json:"consumerSecret"`        // required
	AccessTokenKey    string `json:"accessTokenKey"`        // required
	AccessTokenSecret string `json:"accessTokenSecret"`     // required
	Tier              string `json:"tier,omitempty"`        // "enterprise" or "premium"
	EnvName           string `json:"envName,omitempty"`     // required for the tier "premium"
	DisplayName       string `json:"displayName,omitempty"` // any label
}

// MailgunCreate creates an integration of type mailgun, for email sent with Mailgun. Messages to a
// user who has unsubscribed are not delivered until the user writes again.
type MailgunCreate struct {
	redacted[MailgunCreate]

	APIKey          string `json:"apiKey"`                // required
	Domain          string `json:"domain"`                // required
	IncomingAddress string `json:"incomingAddress"`       // required: an address in Domain
	FromAddress     string `json:"fromAddress,omitempty"` // must forward to IncomingAddress

	HideUnsubscribeLink bool   `json:"hideUnsubscribeLink,omitempty"`
	DisplayName         string `json:"displayName,omitempty"` // any label
}

// FrontendEmailCreate creates an integration of type frontendEmail, the built-in email of early v1.
type FrontendEmailCreate struct {
	FromAddress string `json:"fromAddress,omitempty"`
	DisplayName string `json:"displayName,omitempty"` // any label
}

// APNCreate creates an integration of type apn, for push notifications to Apple devices.
type APNCreate struct {
	redacted[APNCreate]

	// required: the PKCS#12 file in base64, without line breaks
	Certificate string `json:"certificate"`

	Password        string `json:"password,omitempty"`        // of the PKCS#12 file
	Production      *bool  `json:"production,omitempty"`      // nil: inferred from the certificate
	AutoUpdateBadge *bool  `json:"autoUpdateBadge,omitempty"` // nil: false
	DisplayName     string `json:"displayName,omitempty"`     // any label
}

// FCMCreate creates an integration of type fcm, for push notifications with Firebase.
type FCMCreate struct {
	redacted[FCMCreate]

	ServerKey   string `json:"serverKey"`             // required; a legacy GCM key works, too
	SenderID    string `json:"senderId"`              // required
	DisplayName string `json:"displayName,omitempty"` // any label
}

// WebCreate creates an integration of type web, for the Web SDK. No field is required.
type WebCreate struct {
	BrandColor         string   `json:"brandColor,omitempty"`        // six hex digits, without #
	ConversationColor  string   `json:"conversationColor,omitempty"` // six hex digits, without #
	ActionColor        string   `json:"actionColor,omitempty"`       // six hex digits, without #
	FixedIntroPane     bool     `json:"fixedIntroPane,omitempty"`
	DisplayStyle       string   `json:"displayStyle,omitempty"` // "button" (the default) or "tab"
	ButtonIconURL      string   `json:"buttonIconUrl,omitempty"`
	ButtonWidth        string   `json:"buttonWidth,omitempty"`
	ButtonHeight       string   `json:"buttonHeight,omitempty"`
	IntegrationOrder   []string `json:"integrationOrder,omitzero"` // ids shown in the widget; nil: all
	BusinessName       string   `json:"businessName,omitempty"`
	BusinessIconURL    string   `json:"businessIconUrl,omitempty"`
	BackgroundImageURL string   `json:"backgroundImageUrl,omitempty"`
	OriginWhitelist    []string `json:"originWhitelist,omitzero"` // allowed origins; nil: all
	DisplayName        string   `json:"displayName,omitempty"`    // any label
}

// IOSCreate creates an integration of type ios, for the iOS SDK.
type IOSCreate struct {
	DisplayName string `json:"displayName,omitempty"` // any label
}

// AndroidCreate creates an integration of type android, for the Android SDK.
type AndroidCreate struct {
	DisplayName string `json:"displayName,omitempty"` // any label
}

// WhatsAppCreate creates an integration of type whatsapp, which uses a [Deployment]. BaseURL,
// Username and Password were used before there were deployments, and are deprecated by the service.
type WhatsAppCreate struct {
	redacted[WhatsAppCreate]

	DeploymentID        string `json:"deploymentId,omitempty"`        // required without BaseURL
	HSMFallbackLanguage string `json:"hsmFallbackLanguage,omitempty"` // a language code
	BaseURL             string `json:"baseUrl,omitempty"`             // before deployments
	Username            string `json:"username,omitempty"`            // before deployments
	Password            string `json:"password,omitempty"`            // before deployments
	DisplayName         string `json:"displayName,omitempty"`         // any label
}

// AppleCreate creates an integration of type apple, for Apple Messages for Business.
type AppleCreate struct {
	redacted[AppleCreate]

	BusinessID  string `json:"businessId"`            // required: the brand's business id
	APISecret   string `json:"apiSecret"`             // required: the provider's secret
	MSPID       string `json:"mspId"`                 // required: the provider's id
	DisplayName string `json:"displayName,omitempty"` // any label
}

func (MessengerCreate) integrationType() IntegrationType     { return IntegrationTypeMessenger }
func (InstagramCreate) integrationType() IntegrationType     { return IntegrationTypeInstagram }
func (TwilioCreate) integrationType() IntegrationType        { return IntegrationTypeTwilio }
func (MessageBirdCreate) integrationType() IntegrationType   { return IntegrationTypeMessageBird }
func (TelegramCreate) integrationType() IntegrationType      { return IntegrationTypeTelegram }
func (ViberCreate) integrationType() IntegrationType         { return IntegrationTypeViber }
func (LineCreate) integrationType() IntegrationType          { return IntegrationTypeLine }
func (WeChatCreate) integrationType() IntegrationType        { return IntegrationTypeWeChat }
func (TwitterCreate) integrationType() IntegrationType       { return IntegrationTypeTwitter }
func (MailgunCreate) integrationType() IntegrationType       { return IntegrationTypeMailgun }
func (FrontendEmailCreate) integrationType() IntegrationType { return IntegrationTypeFrontendEmail }
func (APNCreate) integrationType() IntegrationType           { return IntegrationTypeAPN }
func (FCMCreate) integrationType() IntegrationType           { return IntegrationTypeFCM }
func (WebCreate) integrationType() IntegrationType           { return IntegrationTypeWeb }
func (IOSCreate) integrationType() IntegrationType           { return IntegrationTypeIOS }
func (AndroidCreate) integrationType() IntegrationType       { return IntegrationTypeAndroid }
func (WhatsAppCreate) integrationType() IntegrationType      { return IntegrationTypeWhatsApp }
func (AppleCreate) integrationType() IntegrationType         { return IntegrationTypeApple }
