package smooch

import (
	"context"
	"iter"
)

// App is one Smooch app: the users, conversations and channels of one product.
type App struct {
	ID       string         `json:"_id"`                // also initialises the SDKs
	AppToken string         `json:"appToken,omitempty"` // for [AppToken]; public
	Name     string         `json:"name,omitempty"`     // shown to users
	Settings *AppSettings   `json:"settings,omitempty"` // nil: the answer has none
	Metadata map[string]any `json:"metadata,omitzero"`  // flat: strings, numbers (json.Number) and booleans
}

// AppSettings are the settings of an app. nil leaves a setting as it is, or says that the answer does not have it.
type AppSettings struct {
	MaskCreditCardNumbers             *bool  `json:"maskCreditCardNumbers,omitempty"`             // hide all but four digits of card numbers in texts
	UseAnimalNames                    *bool  `json:"useAnimalNames,omitempty"`                    // name anonymous users after animals
	ConversationRetentionSeconds      *int   `json:"conversationRetentionSeconds,omitempty"`      // seconds without activity after which messages are deleted; v1.1
	EchoPostback                      *bool  `json:"echoPostback,omitempty"`                      // add a message to the history on a postback; v1.1
	IgnoreAutoConversationStart       *bool  `json:"ignoreAutoConversationStart,omitempty"`       // only a message starts a conversation; v1.1
	AttachmentsAccess                 string `json:"attachmentsAccess,omitempty"`                 // "public" (the service's default) or "private"; v1.1
	AttachmentsTokenExpirationSeconds *int   `json:"attachmentsTokenExpirationSeconds,omitempty"` // life of a media token in seconds; v1.1
}

// AppCreate is the argument of [AppsService.Create].
type AppCreate struct {
	Name     string         `json:"name"` // required, shown to users
	Settings *AppSettings   `json:"settings,omitempty"`
	Metadata map[string]any `json:"metadata,omitzero"` // flat: strings, numbers and booleans
}

// AppUpdate is the argument of [AppsService.Update]. nil leaves a field as it is.
type AppUpdate struct {
	Name     *string        `json:"name,omitempty"`
	Settings *AppSettings   `json:"settings,omitempty"`
	Metadata map[string]any `json:"metadata,omitzero"` // flat: strings, numbers and booleans
}

// AppListOptions choose a page of apps.
type AppListOptions struct {
	Limit            int    `url:"limit,omitempty"`            // apps on a page; the service's default is 25, its maximum 100
	Offset           int    `url:"offset,omitempty"`           // apps to skip
	ServiceAccountID string `url:"serviceAccountId,omitempty"` // only apps that this service account can access; account keys only
}

// SDKIDs are the ids of an app's three SDK integrations.
type SDKIDs struct {
	AndroidIntegrationID string `json:"androidIntegrationId,omitempty"`
	IOSIntegrationID     string `json:"iosIntegrationId,omitempty"`
	WebIntegrationID     string `json:"webIntegrationId,omitempty"`
}

// AppsService provisions apps. Its calls take a credential of the account level
// ([AppMakerJWT], [AccountJWT]); SDKIDs takes any from app scope up.
type AppsService struct{ c *Client }

// Create makes an app. The answer holds its id and app token. A repeat makes a second app, so
// after [ErrOutcomeUnknown] list the apps before trying again; [ErrPaymentRequired]
// means that the plan allows no further app.
//
//	POST /apps
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) Create(ctx context.Context, app AppCreate, opts ...CallOption) (*App, error) {
	return one[App](ctx, s.c, opAppsCreate.with().json(app), opts)
}

// List gives one page of the apps that the credential can access, 25 unless options say otherwise.
//
//	GET /apps
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) List(ctx context.Context, options AppListOptions, opts ...CallOption) (*Page[App], error) {
	return page[App](ctx, s.c, opAppsList.with().query(options), opts)
}

// All walks the apps that the credential can access, from options.Offset on, asking for a
// page when the last is used up. An error is yielded once, last. An app that is created or
// deleted meanwhile shifts the pages: one may come twice or not at all.
//
//	GET /apps
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) All(ctx context.Context, options AppListOptions, opts ...CallOption) iter.Seq2[*App, error] {
	return pages(func(offset int) (*Page[App], error) {
		options := options
		options.Offset = offset
		return s.List(ctx, options, opts...)
	}, options.Offset)
}

// Get gives the app with the id appID. It fails with [ErrNotFound] if there is none, and for a
// service account also if it may not access the app.
//
//	GET /apps/{appId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) Get(ctx context.Context, appID string, opts ...CallOption) (*App, error) {
	return one[App](ctx, s.c, opAppsGet.with(appID), opts)
}

// Update changes the fields of an app that update sets and leaves the others.
//
//	PUT /apps/{appId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) Update(ctx context.Context, appID string, update AppUpdate, opts ...CallOption) (*App, error) {
	return one[App](ctx, s.c, opAppsUpdate.with(appID).json(update), opts)
}

// Delete removes an app with its integrations, for good and at once.
//
//	DELETE /apps/{appId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) Delete(ctx context.Context, appID string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppsDelete.with(appID), opts)
}

// SDKIDs gives the ids of the bound app's Android, iOS and Web integrations, with which the SDKs are initialised.
//
//	GET /sdks
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) SDKIDs(ctx context.Context, opts ...CallOption) (*SDKIDs, error) {
	return one[SDKIDs](ctx, s.c, opAppsGetSDKIDs.with(), opts)
}
