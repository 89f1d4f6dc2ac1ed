package smooch

import (
	"context"
	"iter"
	"strings"
)

// IntegrationType is the kind of a channel integration. The set is open.
type IntegrationType string

// The types of integrations.
const (
	IntegrationTypeAndroid       IntegrationType = "android"
	IntegrationTypeAPI           IntegrationType = "api" // only as the source of messages
	IntegrationTypeAPN           IntegrationType = "apn"
	IntegrationTypeApple         IntegrationType = "apple"
	IntegrationTypeFCM           IntegrationType = "fcm"
	IntegrationTypeFrontendEmail IntegrationType = "frontendEmail"
	IntegrationTypeInstagram     IntegrationType = "instagram"
	IntegrationTypeIOS           IntegrationType = "ios"
	IntegrationTypeLine          IntegrationType = "line"
	IntegrationTypeMailgun       IntegrationType = "mailgun"
	IntegrationTypeMessageBird   IntegrationType = "messagebird"
	IntegrationTypeMessenger     IntegrationType = "messenger"
	IntegrationTypeTelegram      IntegrationType = "telegram"
	IntegrationTypeTwilio        IntegrationType = "twilio"
	IntegrationTypeTwitter       IntegrationType = "twitter"
	IntegrationTypeViber         IntegrationType = "viber"
	IntegrationTypeWeb           IntegrationType = "web"
	IntegrationTypeWeChat        IntegrationType = "wechat"
	IntegrationTypeWhatsApp      IntegrationType = "whatsapp"
)

// IntegrationStatus says whether an integration works. The set is open.
type IntegrationStatus string

// The states of an integration.
const (
	IntegrationStatusActive   IntegrationStatus = "active"
	IntegrationStatusInactive IntegrationStatus = "inactive"
	IntegrationStatusError    IntegrationStatus = "error" // Error has the reason
)

// Integration is a channel of an app, of any type. Type says which of the fields may be set;
// those of a type to come are in the answer's bytes ([WithResponse]). Secrets that created it are not answered.
type Integration struct {
	ID          string            `json:"_id,omitempty"`
	Type        IntegrationType   `json:"type"`
	Status      IntegrationStatus `json:"status,omitempty"`
	Error       any               `json:"error,omitempty"` // text, or an object
	DisplayName string            `json:"displayName,omitempty"`

	AppID    string `json:"appId,omitempty"`    // messenger, instagram: of the Facebook app; wechat
	PageID   string `json:"pageId,omitempty"`   // messenger, instagram
	UserID   string `json:"userId,omitempty"`   // messenger, instagram: of the page's administrator; twitter
	Username string `json:"username,omitempty"` // messenger, instagram, twitter, telegram (the bot), whatsapp

	BusinessUsername string `json:"businessUsername,omitempty"` // instagram
	BusinessID       string `json:"businessId,omitempty"`       // instagram, apple

	AccountSID     string `json:"accountSid,omitempty"`     // twilio
	PhoneNumberSID string `json:"phoneNumberSid,omitempty"` // twilio
	PhoneNumber    string `json:"phoneNumber,omitempty"`    // twilio, whatsapp
	Name           string `json:"name,omitempty"`           // twilio: of the account

	Originator    string `json:"originator,omitempty"`    // messagebird: the number that receives
	WebhookSecret string `json:"webhookSecret,omitempty"` // messagebird, wechat: to be set up there by hand

	URI string `json:"uri,omitempty"` // viber: the account's name in links

	ChannelID   string `json:"channelId,omitempty"`   // line
	MID         string `json:"mid,omitempty"`         // line, its first generation
	BotName     string `json:"botName,omitempty"`     // line
	LineID      string `json:"lineId,omitempty"`      // line
	QRCodeURL   string `json:"qrCodeUrl,omitempty"`   // line
	ServiceCode string `json:"serviceCode,omitempty"` // line

	ConsumerKey    string `json:"consumerKey,omitempty"`    // twitter
	AccessTokenKey string `json:"accessTokenKey,omitempty"` // twitter
	Tier           string `json:"tier,omitempty"`           // twitter: "enterprise" or "premium"
	EnvName        string `json:"envName,omitempty"`        // twitter, tier premium

	Domain              string `json:"domain,omitempty"`              // mailgun
	IncomingAddress     string `json:"incomingAddress,omitempty"`     // mailgun
	FromAddress         string `json:"fromAddress,omitempty"`         // mailgun, frontendEmail
	HideUnsubscribeLink *bool  `json:"hideUnsubscribeLink,omitempty"` // mailgun
	ShortID             string `json:"shortId,omitempty"`             // frontendEmail
	SmoochAddress       string `json:"smoochAddress,omitempty"`       // frontendEmail

	Production      *bool  `json:"production,omitempty"`      // apn
	AutoUpdateBadge *bool  `json:"autoUpdateBadge,omitempty"` // apn
	SenderID        string `json:"senderId,omitempty"`        // fcm

	BrandColor         string   `json:"brandColor,omitempty"` // web, like all up to OriginWhitelist; colours are six hex digits
	ConversationColor  string   `json:"conversationColor,omitempty"`
	ActionColor        string   `json:"actionColor,omitempty"`
	FixedIntroPane     *bool    `json:"fixedIntroPane,omitempty"`
	DisplayStyle       string   `json:"displayStyle,omitempty"` // "button" or "tab"
	ButtonIconURL      string   `json:"buttonIconUrl,omitempty"`
	ButtonWidth        string   `json:"buttonWidth,omitempty"`
	ButtonHeight       string   `json:"buttonHeight,omitempty"`
	IntegrationOrder   []string `json:"integrationOrder,omitzero"` // ids of the channels that the widget shows; nil: all
	BusinessName       string   `json:"businessName,omitempty"`    // also instagram
	BusinessIconURL    string   `json:"businessIconUrl,omitempty"`
	BackgroundImageURL string   `json:"backgroundImageUrl,omitempty"`
	OriginWhitelist    []string `json:"originWhitelist,omitzero"` // origins that may show the widget; nil: all

	DeploymentID        string `json:"deploymentId,omitempty"`        // whatsapp
	HSMFallbackLanguage string `json:"hsmFallbackLanguage,omitempty"` // whatsapp
	BaseURL             string `json:"baseUrl,omitempty"`             // whatsapp, before deployments
	MSPID               string `json:"mspId,omitempty"`               // apple
}

// IntegrationListOptions choose integrations.
type IntegrationListOptions struct {
	Types  []IntegrationType // only these; nil: all
	Limit  int               // integrations on a page; v1.1, where the service's default is 25
	Offset int               // integrations to skip; v1.1
}

type integrationQuery struct {
	Types  string `url:"types,omitempty"`
	Limit  int    `url:"limit,omitempty"`
	Offset int    `url:"offset,omitempty"`
}

func (o IntegrationListOptions) query() integrationQuery {
	types := make([]string, len(o.Types))
	for i, t := range o.Types {
		types[i] = string(t)
	}
	return integrationQuery{strings.Join(types, ","), o.Limit, o.Offset}
}

// IntegrationUpdate is the argument of [IntegrationsService.Update]. nil leaves a field as it
// is, a pointer to "" or an empty list clears it. What must be null goes by [WithField], such as
// WithField("originWhitelist", nil).
type IntegrationUpdate struct {
	DisplayName *string `json:"displayName,omitempty"`

	BrandColor         *string  `json:"brandColor,omitempty"` // web, like all up to OriginWhitelist
	ConversationColor  *string  `json:"conversationColor,omitempty"`
	ActionColor        *string  `json:"actionColor,omitempty"`
	FixedIntroPane     *bool    `json:"fixedIntroPane,omitempty"`
	DisplayStyle       *string  `json:"displayStyle,omitempty"` // "button" or "tab"
	ButtonIconURL      *string  `json:"buttonIconUrl,omitempty"`
	ButtonWidth        *string  `json:"buttonWidth,omitempty"`
	ButtonHeight       *string  `json:"buttonHeight,omitempty"`
	IntegrationOrder   []string `json:"integrationOrder,omitzero"`
	BusinessName       *string  `json:"businessName,omitempty"`
	BusinessIconURL    *string  `json:"businessIconUrl,omitempty"`
	BackgroundImageURL *string  `json:"backgroundImageUrl,omitempty"`
	OriginWhitelist    []string `json:"originWhitelist,omitzero"`

	ChannelID      *string `json:"channelId,omitempty"`      // line
	ChannelSecret  *string `json:"channelSecret,omitempty"`  // line
	ServiceCode    *string `json:"serviceCode,omitempty"`    // line
	SwitcherSecret *string `json:"switcherSecret,omitempty"` // line
	QRCodeURL      *string `json:"qrCodeUrl,omitempty"`      // line

	HSMFallbackLanguage *string `json:"hsmFallbackLanguage,omitempty"` // whatsapp
	HideUnsubscribeLink *bool   `json:"hideUnsubscribeLink,omitempty"` // mailgun
	FromAddress         *string `json:"fromAddress,omitempty"`         // mailgun
	Production          *bool   `json:"production,omitempty"`          // apn
}

// IntegrationsService manages the channels of an app. An OAuth access token cannot use it.
type IntegrationsService struct{ c *Client }

// Create adds a channel; there is a struct for each type:
//
//	app.Integrations.Create(ctx, smooch.TelegramCreate{Token: token})
//
// The channel's own credentials are checked by the service ([ErrBadRequest]). A repeat may add a second
// integration, so after [ErrOutcomeUnknown] list those of the type first.
//
//	POST /integrations
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) Create(ctx context.Context, integration IntegrationCreate, opts ...CallOption) (*Integration, error) {
	r := opIntegrationsCreate.with()
	if integration == nil {
		r.refuse("integration", "is nil")
	} else {
		r.json(typedIntegration{integration})
	}
	return one[Integration](ctx, s.c, r, opts)
}

// List gives the integrations of an app: on v1, which has no limit and no offset, all; on v1.1 one page, 25 unless
// options say otherwise.
//
//	GET /integrations
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) List(ctx context.Context, options IntegrationListOptions, opts ...CallOption) (*Page[Integration], error) {
	r := opIntegrationsList.with().query(options.query())
	if s.c.version == V1 && (options.Limit != 0 || options.Offset != 0) {
		r.fail(unsupported(r.String(), "limit and offset are not in v1, only in v1.1: v1 answers all integrations at once"))
	}
	return page[Integration](ctx, s.c, r, opts)
}

// All walks the integrations of an app from options.Offset on, asking for a page when the last
// is used up. An error is yielded once, last. What is created or deleted meanwhile shifts the pages.
//
//	GET /integrations
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) All(ctx context.Context, options IntegrationListOptions, opts ...CallOption) iter.Seq2[*Integration, error] {
	return pages(func(offset int) (*Page[Integration], error) {
		options := options
		options.Offset = offset
		return s.List(ctx, options, opts...)
	}, options.Offset)
}

// Get gives one integration. It fails with [ErrNotFound] if the app has no such integration.
//
//	GET /integrations/{integrationId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) Get(ctx context.Context, integrationID string, opts ...CallOption) (*Integration, error) {
	return one[Integration](ctx, s.c, opIntegrationsGet.with(integrationID), opts)
}

// Update changes the settings of an integration that update sets.
//
//	PUT /integrations/{integrationId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) Update(ctx context.Context, integrationID string, update IntegrationUpdate, opts ...CallOption) (*Integration, error) {
	return one[Integration](ctx, s.c, opIntegrationsUpdate.with(integrationID).json(update), opts)
}

// Delete removes an integration.
//
//	DELETE /integrations/{integrationId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) Delete(ctx context.Context, integrationID string, opts ...CallOption) error {
	return exec(ctx, s.c, opIntegrationsDelete.with(integrationID), opts)
}

// GetProfile gives the business profile of a WhatsApp integration.
//
//	GET /integrations/{integrationId}/profile
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) GetProfile(ctx context.Context, integrationID string, opts ...CallOption) (*Profile, error) {
	return one[Profile](ctx, s.c, opIntegrationsProfileGet.with(integrationID), opts)
}

// UpdateProfile changes the fields of a WhatsApp integration's business profile that update
// sets. The service was seen to answer nothing, and the profile is zero then.
//
//	PUT /integrations/{integrationId}/profile
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) UpdateProfile(ctx context.Context, integrationID string, update ProfileUpdate, opts ...CallOption) (*Profile, error) {
	return one[Profile](ctx, s.c, opIntegrationsProfileUpdate.with(integrationID).json(update), opts)
}

// UploadProfilePhoto replaces the photo of a WhatsApp integration's business profile.
//
//	PUT /integrations/{integrationId}/profile/photo
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) UploadProfilePhoto(ctx context.Context, integrationID string, photo Upload, opts ...CallOption) (*ProfilePhoto, error) {
	return one[ProfilePhoto](ctx, s.c, opIntegrationsProfileUploadPhoto.with(integrationID).upload(photo, nil), opts)
}

// ListMessageTemplates gives WhatsApp's message templates of an integration, as many as the
// service puts on a page. How it names the next page was never seen: look at the answer's bytes ([WithResponse]).
//
//	GET /integrations/{integrationId}/messageTemplates
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source: JavaScript client smooch-core 8.11, "integrations.messageTemplates.list".
func (s *IntegrationsService) ListMessageTemplates(ctx context.Context, integrationID string, options MessageTemplateListOptions, opts ...CallOption) ([]MessageTemplate, error) {
	return list[MessageTemplate](ctx, s.c, opIntegrationsMessageTemplatesList.with(integrationID).query(options), opts)
}

// CreateMessageTemplate hands a message template in to WhatsApp.
//
//	POST /integrations/{integrationId}/messageTemplates
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source: JavaScript client smooch-core 8.11, "integrations.messageTemplates.create".
func (s *IntegrationsService) CreateMessageTemplate(ctx context.Context, integrationID string, template MessageTemplateCreate, opts ...CallOption) (*MessageTemplate, error) {
	return one[MessageTemplate](ctx, s.c, opIntegrationsMessageTemplatesCreate.with(integrationID).json(template), opts)
}

// DeleteMessageTemplate removes a message template by its name, in all languages.
//
//	DELETE /integrations/{integrationId}/messageTemplates/{name}
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source: JavaScript client smooch-core 8.11, "integrations.messageTemplates.delete".
func (s *IntegrationsService) DeleteMessageTemplate(ctx context.Context, integrationID, name string, opts ...CallOption) error {
	return exec(ctx, s.c, opIntegrationsMessageTemplatesDelete.with(integrationID, name), opts)
}

// GetMenu gives an integration's own menu.
//
//	GET /integrations/{integrationId}/menu
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) GetMenu(ctx context.Context, integrationID string, opts ...CallOption) (*Menu, error) {
	return one[Menu](ctx, s.c, opIntegrationsMenuGet.with(integrationID), opts)
}

// CreateMenu gives an integration its own menu, in place of the app's. UpdateMenu does too, and can be repeated.
//
//	POST /integrations/{integrationId}/menu
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) CreateMenu(ctx context.Context, integrationID string, menu Menu, opts ...CallOption) (*Menu, error) {
	return one[Menu](ctx, s.c, opIntegrationsMenuCreate.with(integrationID).json(menu.sent()), opts)
}

// UpdateMenu replaces an integration's own menu, or makes it.
//
//	PUT /integrations/{integrationId}/menu
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) UpdateMenu(ctx context.Context, integrationID string, menu Menu, opts ...CallOption) (*Menu, error) {
	return one[Menu](ctx, s.c, opIntegrationsMenuUpdate.with(integrationID).json(menu.sent()), opts)
}

// DeleteMenu removes an integration's own menu. The app's menu shows again.
//
//	DELETE /integrations/{integrationId}/menu
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) DeleteMenu(ctx context.Context, integrationID string, opts ...CallOption) error {
	return exec(ctx, s.c, opIntegrationsMenuDelete.with(integrationID), opts)
}
