package smooch

import (
	"context"
	"iter"
	"log/slog"
	"strings"
)

// IntegrationType is the kind of an integration. The set is open.
type IntegrationType string

// The types of integrations. Those without a remark are messengers of that name.
const (
	IntegrationTypeAndroid       IntegrationType = "android"       // Android SDK
	IntegrationTypeAPI           IntegrationType = "api"           // only as the source of messages
	IntegrationTypeAPN           IntegrationType = "apn"           // push over Apple
	IntegrationTypeApple         IntegrationType = "apple"         // Apple Messages for Business
	IntegrationTypeFCM           IntegrationType = "fcm"           // push over Firebase
	IntegrationTypeFrontendEmail IntegrationType = "frontendEmail" // built-in email of early v1
	IntegrationTypeInstagram     IntegrationType = "instagram"
	IntegrationTypeIOS           IntegrationType = "ios" // iOS SDK
	IntegrationTypeLine          IntegrationType = "line"
	IntegrationTypeMailgun       IntegrationType = "mailgun"     // email
	IntegrationTypeMessageBird   IntegrationType = "messagebird" // text messages
	IntegrationTypeMessenger     IntegrationType = "messenger"   // Facebook Messenger
	IntegrationTypeTelegram      IntegrationType = "telegram"
	IntegrationTypeTwilio        IntegrationType = "twilio"  // text messages
	IntegrationTypeTwitter       IntegrationType = "twitter" // direct messages
	IntegrationTypeViber         IntegrationType = "viber"
	IntegrationTypeWeb           IntegrationType = "web" // Web SDK
	IntegrationTypeWeChat        IntegrationType = "wechat"
	IntegrationTypeWhatsApp      IntegrationType = "whatsapp"
)

// IntegrationStatus says whether an integration works. The set is open.
type IntegrationStatus string

// The states of an integration.
const (
	IntegrationStatusActive   IntegrationStatus = "active"   // works
	IntegrationStatusInactive IntegrationStatus = "inactive" // does not work
	IntegrationStatusError    IntegrationStatus = "error"    // Integration.Error has the reason
)

// Integration is a channel of an app, of any type. Type determines which of the other fields can be
// set; the remarks name the types that have a field. Use [WithResponse] to read members that the
// SDK does not know. The service does not return the secrets that an integration was created with.
// Printing or logging an Integration leaves out everything but its type and id.
type Integration struct {
	ID          string            `json:"_id,omitempty"`
	Type        IntegrationType   `json:"type"`
	Status      IntegrationStatus `json:"status,omitempty"`
	Error       any               `json:"error,omitempty"` // a string, or an object (map[string]any)
	DisplayName string            `json:"displayName,omitempty"`

	AppID  string `json:"appId,omitempty"`  // messenger, instagram: of the Facebook app; wechat
	PageID string `json:"pageId,omitempty"` // messenger, instagram

	// messenger, instagram: of the page's administrator; twitter
	UserID string `json:"userId,omitempty"`

	// messenger, instagram: of the page's administrator; telegram: of the bot; twitter; whatsapp
	Username string `json:"username,omitempty"`

	BusinessUsername string `json:"businessUsername,omitempty"` // instagram
	BusinessID       string `json:"businessId,omitempty"`       // instagram, apple

	AccountSID     string `json:"accountSid,omitempty"`     // twilio
	PhoneNumberSID string `json:"phoneNumberSid,omitempty"` // twilio
	PhoneNumber    string `json:"phoneNumber,omitempty"`    // twilio, whatsapp
	Name           string `json:"name,omitempty"`           // twilio: of the account

	Originator    string `json:"originator,omitempty"`    // messagebird: the receiving number
	WebhookSecret string `json:"webhookSecret,omitempty"` // messagebird, wechat: to be entered there

	AccessTokenURL string `json:"accessTokenUrl,omitempty"` // wechat: a third party's token endpoint

	URI string `json:"uri,omitempty"` // viber: the account's name in Viber links

	ChannelID   string `json:"channelId,omitempty"`   // line
	MID         string `json:"mid,omitempty"`         // line: its first API
	BotName     string `json:"botName,omitempty"`     // line
	LineID      string `json:"lineId,omitempty"`      // line
	QRCodeURL   string `json:"qrCodeUrl,omitempty"`   // line
	ServiceCode string `json:"serviceCode,omitempty"` // line

	ConsumerKey    string `json:"consumerKey,omitempty"`    // twitter
	AccessTokenKey string `json:"accessTokenKey,omitempty"` // twitter
	Tier           string `json:"tier,omitempty"`           // twitter: "enterprise" or "premium"
	EnvName        string `json:"envName,omitempty"`        // twitter: with the tier premium

	Domain              string `json:"domain,omitempty"`              // mailgun
	IncomingAddress     string `json:"incomingAddress,omitempty"`     // mailgun
	FromAddress         string `json:"fromAddress,omitempty"`         // mailgun, frontendEmail
	HideUnsubscribeLink *bool  `json:"hideUnsubscribeLink,omitempty"` // mailgun
	ShortID             string `json:"shortId,omitempty"`             // frontendEmail
	SmoochAddress       string `json:"smoochAddress,omitempty"`       // frontendEmail

	Production      *bool  `json:"production,omitempty"`      // apn
	AutoUpdateBadge *bool  `json:"autoUpdateBadge,omitempty"` // apn
	SenderID        string `json:"senderId,omitempty"`        // fcm

	// BrandColor and the fields up to OriginWhitelist belong to web. Colors are six hex digits,
	// without #.
	BrandColor         string   `json:"brandColor,omitempty"`
	ConversationColor  string   `json:"conversationColor,omitempty"`
	ActionColor        string   `json:"actionColor,omitempty"`
	FixedIntroPane     *bool    `json:"fixedIntroPane,omitempty"`
	DisplayStyle       string   `json:"displayStyle,omitempty"` // "button" or "tab"
	ButtonIconURL      string   `json:"buttonIconUrl,omitempty"`
	ButtonWidth        string   `json:"buttonWidth,omitempty"`
	ButtonHeight       string   `json:"buttonHeight,omitempty"`
	IntegrationOrder   []string `json:"integrationOrder,omitzero"` // ids shown in the widget; nil: all
	BusinessName       string   `json:"businessName,omitempty"`    // also instagram
	BusinessIconURL    string   `json:"businessIconUrl,omitempty"`
	BackgroundImageURL string   `json:"backgroundImageUrl,omitempty"`
	OriginWhitelist    []string `json:"originWhitelist,omitzero"` // allowed origins; nil: all

	DeploymentID        string `json:"deploymentId,omitempty"`        // whatsapp
	HSMFallbackLanguage string `json:"hsmFallbackLanguage,omitempty"` // whatsapp
	BaseURL             string `json:"baseUrl,omitempty"`             // whatsapp: before deployments
	MSPID               string `json:"mspId,omitempty"`               // apple
}

// String returns a text with the integration's type and id and without its secrets.
func (i Integration) String() string {
	return "smooch.Integration(" + string(i.Type) + " " + i.ID + ")"
}

// GoString returns the text of String, so that %#v does not print the secrets either.
func (i Integration) GoString() string { return i.String() }

// LogValue returns the text of String, so that logs do not contain the secrets.
func (i Integration) LogValue() slog.Value { return slog.StringValue(i.String()) }

// IntegrationListOptions selects integrations for [IntegrationsService.List] and
// [IntegrationsService.All].
type IntegrationListOptions struct {
	Types  []IntegrationType // only these; nil: all
	Limit  int               // page size; v1.1, where the service's default is 25
	Offset int               // how many integrations to skip; v1.1
}

// integrationQuery is the query that the service expects, with the types joined by commas.
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

// IntegrationUpdate is the argument of [IntegrationsService.Update]. Fields that are nil stay as
// they are; a pointer to "" or an empty list clears a field. The remarks name the types that have a
// field. To reset a web setting to null, use [WithField], as in WithField("originWhitelist", nil).
type IntegrationUpdate struct {
	redacted[IntegrationUpdate]

	DisplayName *string `json:"displayName,omitempty"`

	// BrandColor and the fields up to OriginWhitelist belong to web. Colors are six hex digits,
	// without #.
	BrandColor         *string  `json:"brandColor,omitempty"`
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

// IntegrationsService manages the channels of an app. The service does not accept an OAuth access
// token for it.
type IntegrationsService struct{ c *Client }

// Create adds a channel to the app and returns its integration. There is a struct for each type of
// channel:
//
//	app.Integrations.Create(ctx, smooch.TelegramCreate{Token: token})
//
// The service checks the channel's credentials; if they are wrong, Create fails with
// [ErrBadRequest]. A nil integration fails with [ErrInvalidArgument]. A second call may create a
// second integration or be refused by the channel, so after [ErrOutcomeUnknown] list the
// integrations of the type before you try again.
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

// List returns one page of the app's integrations. v1 has no pages: there List returns all
// integrations, and a Limit or an Offset fails with [ErrUnsupportedVersion].
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
		r.fail(unsupported(r.String(), "limit and offset are not in v1, only in v1.1: v1 returns all integrations at once"))
	}
	return page[Integration](ctx, s.c, r, opts)
}

// All returns an iterator over the app's integrations, from options.Offset on. It fetches one page
// at a time. An error ends the iteration and is yielded last, with a nil integration. Integrations
// that are created or deleted meanwhile shift the pages, so one may come twice or not at all. As in
// [IntegrationsService.List], v1 has no pages: there a Limit or an Offset fails with
// [ErrUnsupportedVersion].
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

// Get returns one integration. It fails with [ErrNotFound] if the app has no such integration.
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

// Update changes the settings of an integration that are set in update, and returns the
// integration. It fails with [ErrNotFound] if the app has no such integration.
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

// Delete deletes an integration. It fails with [ErrNotFound] if the app has no such integration.
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

// GetProfile returns the business profile of a WhatsApp integration. It fails with [ErrNotFound] if
// the app has no such integration.
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

// UpdateProfile changes the fields of a WhatsApp integration's business profile that are set in
// update, and returns the profile. The service was seen to send an empty response: then the profile
// that UpdateProfile returns has only zero fields. It fails with [ErrNotFound] if the app has no
// such integration.
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

// UploadProfilePhoto replaces the photo of a WhatsApp integration's business profile and returns
// the photo's URL. 640x640 pixels and at most 63 KB are recommended. UploadProfilePhoto fails with
// [ErrNotFound] if the app has no such integration, and with [ErrInvalidArgument] unless photo has
// exactly one of Source and Open.
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

// ListMessageTemplates returns one page of the message templates that a WhatsApp integration can
// use. It is not documented where the response has the cursor of the next page; use [WithResponse]
// to read the whole response. It fails with [ErrNotFound] if the app has no such integration.
//
//	GET /integrations/{integrationId}/messageTemplates
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source: JavaScript client smooch-core 8.11, "integrations.messageTemplates.list".
func (s *IntegrationsService) ListMessageTemplates(ctx context.Context, integrationID string, options MessageTemplateListOptions, opts ...CallOption) ([]MessageTemplate, error) {
	return list[MessageTemplate](ctx, s.c, opIntegrationsMessageTemplatesList.with(integrationID).query(options), opts)
}

// CreateMessageTemplate submits a message template to WhatsApp and returns it, with the status
// "PENDING". It fails with [ErrNotFound] if the app has no such integration. WhatsApp refuses a
// second template with the same name and language, so after [ErrOutcomeUnknown] list the templates
// of that name before you try again.
//
//	POST /integrations/{integrationId}/messageTemplates
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source: JavaScript client smooch-core 8.11, "integrations.messageTemplates.create".
func (s *IntegrationsService) CreateMessageTemplate(ctx context.Context, integrationID string, template MessageTemplateCreate, opts ...CallOption) (*MessageTemplate, error) {
	return one[MessageTemplate](ctx, s.c, opIntegrationsMessageTemplatesCreate.with(integrationID).json(template), opts)
}

// DeleteMessageTemplate deletes the message template with the given name, in all its languages. It
// fails with [ErrNotFound] if the app has no such integration, or the integration no such template.
//
//	DELETE /integrations/{integrationId}/messageTemplates/{name}
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source: JavaScript client smooch-core 8.11, "integrations.messageTemplates.delete".
func (s *IntegrationsService) DeleteMessageTemplate(ctx context.Context, integrationID, name string, opts ...CallOption) error {
	return exec(ctx, s.c, opIntegrationsMessageTemplatesDelete.with(integrationID, name), opts)
}

// GetMenu returns an integration's own menu. It fails with [ErrNotFound] if the app has no such
// integration.
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

// CreateMenu creates an integration's own menu, which replaces the app's menu there, and returns
// it. It fails as [IntegrationsService.UpdateMenu] does, with [ErrNotFound] or [ErrBadRequest].
// That method does the same and is safe to repeat, so call it after [ErrOutcomeUnknown].
//
//	POST /integrations/{integrationId}/menu
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) CreateMenu(ctx context.Context, integrationID string, menu Menu, opts ...CallOption) (*Menu, error) {
	return one[Menu](ctx, s.c, opIntegrationsMenuCreate.with(integrationID).json(menu.withItems()), opts)
}

// UpdateMenu replaces an integration's own menu, or creates it if there is none, and returns it. It
// fails with [ErrNotFound] if the app has no such integration, and with [ErrBadRequest] if the
// service refuses the menu, for example because it has too many items.
//
//	PUT /integrations/{integrationId}/menu
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/IntegrationApi.md
func (s *IntegrationsService) UpdateMenu(ctx context.Context, integrationID string, menu Menu, opts ...CallOption) (*Menu, error) {
	return one[Menu](ctx, s.c, opIntegrationsMenuUpdate.with(integrationID).json(menu.withItems()), opts)
}

// DeleteMenu deletes an integration's own menu. The integration then has the app's menu again. It
// fails with [ErrNotFound] if the app has no such integration.
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
