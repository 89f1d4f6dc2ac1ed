package smooch

import (
	"encoding/json"

	"github.com/smooch/smooch-go/internal/lenient"
)

// IntegrationCreate is the argument of [IntegrationsService.Create]: a struct for each
// channel, or [CustomIntegration] for a channel that has none. Fields without a remark are required. They hold
// the channel's secrets: do not print them.
type IntegrationCreate interface {
	integrationType() IntegrationType
}

// CustomIntegration creates an integration of a type that the SDK does not know, with the members fields.
func CustomIntegration(integrationType IntegrationType, fields map[string]any) IntegrationCreate {
	return customIntegration{integrationType, fields}
}

type customIntegration struct {
	kind   IntegrationType
	fields map[string]any
}

func (c customIntegration) integrationType() IntegrationType { return c.kind }

// MarshalJSON writes the fields; the type is put in front of them.
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

// typedIntegration is an IntegrationCreate as it is sent: its type in front of its members.
type typedIntegration struct{ IntegrationCreate }

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

// MessengerCreate creates an integration of the type messenger: Facebook Messenger. The Facebook app needs the permissions manage_pages and pages_messaging.
type MessengerCreate struct {
	PageAccessToken string `json:"pageAccessToken"`
	AppID           string `json:"appId"`                 // of the Facebook app
	AppSecret       string `json:"appSecret"`             // of the Facebook app
	DisplayName     string `json:"displayName,omitempty"` // optional, for people
}

// InstagramCreate creates an integration of the type instagram: Instagram.
type InstagramCreate struct {
	PageAccessToken string `json:"pageAccessToken"`
	AppID           string `json:"appId"`                 // of the Facebook app
	AppSecret       string `json:"appSecret"`             // of the Facebook app
	DisplayName     string `json:"displayName,omitempty"` // optional, for people
}

// TwilioCreate creates an integration of the type twilio: text messages over Twilio.
type TwilioCreate struct {
	AccountSID     string `json:"accountSid"`
	AuthToken      string `json:"authToken"`
	PhoneNumberSID string `json:"phoneNumberSid"`
	DisplayName    string `json:"displayName,omitempty"` // optional, for people
}

// MessageBirdCreate creates an integration of the type messagebird: text messages over MessageBird. Its forward URL is set up there by hand, with the WebhookSecret of the answer.
type MessageBirdCreate struct {
	AccessKey   string `json:"accessKey"`
	Originator  string `json:"originator"`            // the number that receives
	SigningKey  string `json:"signingKey,omitempty"`  // optional; checks MessageBird's own webhooks
	DisplayName string `json:"displayName,omitempty"` // optional, for people
}

// TelegramCreate creates an integration of the type telegram: Telegram.
type TelegramCreate struct {
	Token       string `json:"token"`                 // the bot's
	DisplayName string `json:"displayName,omitempty"` // optional, for people
}

// ViberCreate creates an integration of the type viber: Viber.
type ViberCreate struct {
	Token       string `json:"token"`
	DisplayName string `json:"displayName,omitempty"` // optional, for people
}

// LineCreate creates an integration of the type line: LINE. The webhook URL is set up there by hand. The first generation takes ChannelID, ChannelSecret and MID, the second ChannelAccessToken and ChannelSecret.
type LineCreate struct {
	ChannelID          string `json:"channelId,omitempty"` // required with MID
	ChannelSecret      string `json:"channelSecret"`
	MID                string `json:"mid,omitempty"`                // optional; first generation
	ChannelAccessToken string `json:"channelAccessToken,omitempty"` // optional; second generation
	ServiceCode        string `json:"serviceCode,omitempty"`        // optional
	SwitcherSecret     string `json:"switcherSecret,omitempty"`     // optional
	QRCodeURL          string `json:"qrCodeUrl,omitempty"`          // optional
	DisplayName        string `json:"displayName,omitempty"`        // optional, for people
}

// WeChatCreate creates an integration of the type wechat: WeChat. The WebhookSecret of the answer is set up there by hand.
type WeChatCreate struct {
	AppID          string `json:"appId"`
	AppSecret      string `json:"appSecret"`
	EncodingAESKey string `json:"encodingAesKey,omitempty"` // optional; 43 characters, for Safe Mode
	AccessTokenURL string `json:"accessTokenUrl,omitempty"` // optional; of somebody else's token endpoint
	DisplayName    string `json:"displayName,omitempty"`    // optional, for people
}

// TwitterCreate creates an integration of the type twitter: direct messages on Twitter.
type TwitterCreate struct {
	ConsumerKey       string `json:"consumerKey"`
	ConsumerSecret    string `json:"consumerSecret"`
	AccessTokenKey    string `json:"accessTokenKey"`
	AccessTokenSecret string `json:"accessTokenSecret"`
	Tier              string `json:"tier,omitempty"`        // optional; "enterprise" or "premium"
	EnvName           string `json:"envName,omitempty"`     // required for the tier premium
	DisplayName       string `json:"displayName,omitempty"` // optional, for people
}

// MailgunCreate creates an integration of the type mailgun: e-mail over Mailgun.
type MailgunCreate struct {
	APIKey              string `json:"apiKey"`
	Domain              string `json:"domain"`
	IncomingAddress     string `json:"incomingAddress"`               // in Domain
	FromAddress         string `json:"fromAddress,omitempty"`         // optional; must forward to IncomingAddress
	HideUnsubscribeLink bool   `json:"hideUnsubscribeLink,omitempty"` // optional
	DisplayName         string `json:"displayName,omitempty"`         // optional, for people
}

// FrontendEmailCreate creates an integration of the type frontendEmail: the built-in e-mail of early v1.
type FrontendEmailCreate struct {
	FromAddress string `json:"fromAddress,omitempty"` // optional
	DisplayName string `json:"displayName,omitempty"` // optional, for people
}

// APNCreate creates an integration of the type apn: push over Apple.
type APNCreate struct {
	Certificate     string `json:"certificate"`               // base64 of the PKCS#12 file, no line breaks
	Password        string `json:"password,omitempty"`        // optional
	Production      *bool  `json:"production,omitempty"`      // optional; nil: by the certificate
	AutoUpdateBadge *bool  `json:"autoUpdateBadge,omitempty"` // optional; nil: false
	DisplayName     string `json:"displayName,omitempty"`     // optional, for people
}

// FCMCreate creates an integration of the type fcm: push over Firebase.
type FCMCreate struct {
	ServerKey   string `json:"serverKey"` // a legacy GCM key works
	SenderID    string `json:"senderId"`
	DisplayName string `json:"displayName,omitempty"` // optional, for people
}

// WebCreate creates an integration of the type web: the Web SDK. Nothing is required.
type WebCreate struct {
	BrandColor         string   `json:"brandColor,omitempty"`         // optional; six hex digits, like the colours below
	ConversationColor  string   `json:"conversationColor,omitempty"`  // optional
	ActionColor        string   `json:"actionColor,omitempty"`        // optional
	FixedIntroPane     bool     `json:"fixedIntroPane,omitempty"`     // optional
	DisplayStyle       string   `json:"displayStyle,omitempty"`       // optional; "button" (the service's default) or "tab"
	ButtonIconURL      string   `json:"buttonIconUrl,omitempty"`      // optional
	ButtonWidth        string   `json:"buttonWidth,omitempty"`        // optional
	ButtonHeight       string   `json:"buttonHeight,omitempty"`       // optional
	IntegrationOrder   []string `json:"integrationOrder,omitzero"`    // optional; ids of the channels that the widget shows; nil: all
	BusinessName       string   `json:"businessName,omitempty"`       // optional
	BusinessIconURL    string   `json:"businessIconUrl,omitempty"`    // optional
	BackgroundImageURL string   `json:"backgroundImageUrl,omitempty"` // optional
	OriginWhitelist    []string `json:"originWhitelist,omitzero"`     // optional; origins that may show the widget; nil: all
	DisplayName        string   `json:"displayName,omitempty"`        // optional, for people
}

// IOSCreate creates an integration of the type ios: the iOS SDK.
type IOSCreate struct {
	DisplayName string `json:"displayName,omitempty"` // optional, for people
}

// AndroidCreate creates an integration of the type android: the Android SDK.
type AndroidCreate struct {
	DisplayName string `json:"displayName,omitempty"` // optional, for people
}

// WhatsAppCreate creates an integration of the type whatsapp: WhatsApp, over a [Deployment]. BaseURL, Username and Password are how it was done before deployments.
type WhatsAppCreate struct {
	DeploymentID        string `json:"deploymentId,omitempty"`        // required today
	HSMFallbackLanguage string `json:"hsmFallbackLanguage,omitempty"` // optional; a language code
	BaseURL             string `json:"baseUrl,omitempty"`             // optional
	Username            string `json:"username,omitempty"`            // optional
	Password            string `json:"password,omitempty"`            // optional
	DisplayName         string `json:"displayName,omitempty"`         // optional, for people
}

// AppleCreate creates an integration of the type apple: Apple Messages for Business.
type AppleCreate struct {
	BusinessID  string `json:"businessId"`            // the brand's
	APISecret   string `json:"apiSecret"`             // the provider's
	MSPID       string `json:"mspId"`                 // the provider's id
	DisplayName string `json:"displayName,omitempty"` // optional, for people
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
