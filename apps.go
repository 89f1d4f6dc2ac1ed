package smooch

import (
	"context"
	"iter"
)

// App is one Smooch app: the users, conversations and channels of one product.
type App struct {
	ID       string         `json:"_id"`                // the SDKs are initialized with it
	AppToken string         `json:"appToken,omitempty"` // for [AppToken]; not a secret
	Name     string         `json:"name,omitempty"`     // shown to users
	Settings *AppSettings   `json:"settings,omitempty"` // nil if the response has none
	Metadata map[string]any `json:"metadata,omitzero"`  // flat: string, json.Number or bool values
}

// AppSettings are the settings of an app. In a request, a nil or empty field leaves the setting as
// it is. In a response, a nil or empty field is a setting that the service did not send.
type AppSettings struct {
	// hide all but the last four digits of credit card numbers in texts
	MaskCreditCardNumbers *bool `json:"maskCreditCardNumbers,omitempty"`
	// name anonymous users after animals
	UseAnimalNames *bool `json:"useAnimalNames,omitempty"`
	// delete messages after this many seconds without activity; v1.1
	ConversationRetentionSeconds *int `json:"conversationRetentionSeconds,omitempty"`
	// add a message to the history on each postback; v1.1
	EchoPostback *bool `json:"echoPostback,omitempty"`
	// let only messages start a conversation, and no other events of a channel; v1.1
	IgnoreAutoConversationStart *bool `json:"ignoreAutoConversationStart,omitempty"`
	// who can read attachments: "public" (the service's default) or "private"; v1.1
	AttachmentsAccess string `json:"attachmentsAccess,omitempty"`
	// how many seconds a media token is valid; the service's default is 7200; v1.1
	AttachmentsTokenExpirationSeconds *int `json:"attachmentsTokenExpirationSeconds,omitempty"`
}

// AppCreate is the argument of [AppsService.Create].
type AppCreate struct {
	Name     string         `json:"name"` // required, shown to users
	Settings *AppSettings   `json:"settings,omitempty"`
	Metadata map[string]any `json:"metadata,omitzero"` // flat: string, number or bool values
}

// AppUpdate is the argument of [AppsService.Update]. Fields that are nil stay as they are.
type AppUpdate struct {
	Name     *string        `json:"name,omitempty"`
	Settings *AppSettings   `json:"settings,omitempty"`
	Metadata map[string]any `json:"metadata,omitzero"` // flat: string, number or bool values
}

// AppListOptions selects apps for [AppsService.List] and [AppsService.All].
type AppListOptions struct {
	Limit  int `url:"limit,omitempty"`  // page size; the service's default is 25, its maximum 100
	Offset int `url:"offset,omitempty"` // how many apps to skip
	// only apps that this service account can access; needs an account's own key (act_)
	ServiceAccountID string `url:"serviceAccountId,omitempty"`
}

// SDKIDs are the ids of an app's three SDK integrations.
type SDKIDs struct {
	AndroidIntegrationID string `json:"androidIntegrationId,omitempty"`
	IOSIntegrationID     string `json:"iosIntegrationId,omitempty"`
	WebIntegrationID     string `json:"webIntegrationId,omitempty"`
}

// AppsService manages apps. Its calls need a credential of the account level, such as
// [AppMakerJWT] or [AccountJWT]; with one of app scope they fail with [ErrForbidden]. Only
// [AppsService.SDKIDs] also accepts app scope.
type AppsService struct{ c *Client }

// Create creates an app and returns it with its id and app token. It fails with
// [ErrPaymentRequired] if the plan allows no more apps, and with [ErrForbidden] if the credential
// is of app scope. A second call creates a second app, so after [ErrOutcomeUnknown] list the apps
// and look for the name before you try again.
//
//	POST /apps
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) Create(ctx context.Context, app AppCreate, opts ...CallOption) (*App, error) {
	return one[App](ctx, s.c, opAppsCreate.with().json(app), opts)
}

// List returns one page of the apps that the credential can access. It fails with [ErrForbidden] if
// the credential is of app scope.
//
//	GET /apps
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) List(ctx context.Context, options AppListOptions, opts ...CallOption) (*Page[App], error) {
	return page[App](ctx, s.c, opAppsList.with().query(options), opts)
}

// All returns an iterator over the apps that the credential can access, from options.Offset on. It
// fetches one page at a time. An error ends the iteration and is yielded last, with a nil app; a
// credential of app scope meets [ErrForbidden]. Apps that are created or deleted meanwhile shift
// the pages, so an app may come twice or not at all.
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

// Get returns the app with the id appID. It fails with [ErrNotFound] if there is no such app, or
// if the credential belongs to a service account that has no access to it.
//
//	GET /apps/{appId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) Get(ctx context.Context, appID string, opts ...CallOption) (*App, error) {
	return one[App](ctx, s.c, opAppsGet.with(appID), opts)
}

// Update changes the fields of an app that are set in update, and returns the app. It fails with
// [ErrNotFound] as [AppsService.Get] does.
//
//	PUT /apps/{appId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) Update(ctx context.Context, appID string, update AppUpdate, opts ...CallOption) (*App, error) {
	return one[App](ctx, s.c, opAppsUpdate.with(appID).json(update), opts)
}

// Delete deletes an app with all its integrations. It takes effect at once and cannot be undone. It
// fails with [ErrNotFound] as [AppsService.Get] does.
//
//	DELETE /apps/{appId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) Delete(ctx context.Context, appID string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppsDelete.with(appID), opts)
}

// SDKIDs returns the ids of the bound app's Android, iOS and Web integrations. The SDKs are
// initialized with them. On v1 it fails with [ErrUnsupportedVersion].
//
//	GET /sdks
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *AppsService) SDKIDs(ctx context.Context, opts ...CallOption) (*SDKIDs, error) {
	return one[SDKIDs](ctx, s.c, opAppsGetSDKIDs.with(), opts)
}
