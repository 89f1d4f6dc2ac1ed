package smooch

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"time"

	"github.com/smooch/smooch-go/internal/pace"
)

// Version is a version of the API and of the payloads that webhooks deliver. Breaking changes come
// only with a new version, so a client is pinned to one.
type Version string

// The versions of the API.
const (
	V1   Version = "v1"   // the only version that accepts an AppToken
	V1_1 Version = "v1.1" // the default, except with an AppToken
)

// Region is the address of the API in one part of the world. An app can be reached only in its own
// region.
type Region string

// The regions of the service.
const (
	US Region = "https://api.smooch.io"      // the United States, the default
	EU Region = "https://api.eu-1.smooch.io" // the European Union
)

// Client calls the Smooch API through one service for each resource.
//
// [NewClient] creates a client. It does not change afterwards and is safe for concurrent use.
// [Client.ForApp] and [Client.ForVersion] return copies that share its connections, credential,
// retry budget and rate limits.
type Client struct {
	Apps            *AppsService
	Keys            *KeysService
	ServiceAccounts *ServiceAccountsService
	AppUsers        *AppUsersService
	Conversations   *ConversationsService
	Attachments     *AttachmentsService
	Notifications   *NotificationsService
	Menu            *MenuService
	Templates       *TemplatesService
	Webhooks        *WebhooksService
	Integrations    *IntegrationsService
	Deployments     *DeploymentsService
	Stripe          *StripeService
	OAuth           *OAuthService

	core    *core
	common  service
	version Version
	appID   string
	bound   bool   // ForApp or WithApp was used, even if the id is invalid
	prefix  string // of paths inside an app; "" if none is bound or the credential implies it

	needsApp bool // no app is bound, and the credential does not imply one

	problemWith, problem string // the argument that makes every call fail, and what is wrong with it
}

// service is the underlying type of all services. They share one value, which saves fourteen
// allocations for each copy of a client.
type service struct{ c *Client }

// core is what a client and its copies share.
type core struct {
	base         string // scheme, host and path, without a trailing slash
	oauthBase    string // the same for the OAuth calls
	auth         Auth
	scope        Scope // "" if it cannot be read from the credential
	role         Role  // of messages that have none
	http         http.Client
	retry        RetryPolicy
	budget       *pace.Budget
	throttles    pace.Throttles
	limiter      Limiter
	logger       *slog.Logger
	callHooks    hooks[CallInfo, CallResult]
	attemptHooks hooks[AttemptInfo, AttemptResult]
	userAgent    string
	timeout      time.Duration
	maxResponse  int64
}

// NewClient returns a client that authorizes its calls with auth. For a client without a
// credential, pass [NoAuth].
//
// Without options, the client speaks v1.1 (v1 with an [AppToken]) to the US region, repeats calls
// according to the default [RetryPolicy] and limits each attempt to 30 seconds. If the credential
// or an option is invalid, NewClient returns an error that matches [ErrInvalidArgument] and names
// the argument.
func NewClient(auth Auth, opts ...Option) (*Client, error) {
	if isNil(auth) {
		return nil, argumentError(newClientOp, "auth", "is nil; use NoAuth for a client without a credential")
	}
	if checked, ok := auth.(interface{ check() error }); ok {
		if err := checked.check(); err != nil {
			return nil, err
		}
	}
	cfg := defaults()
	for _, opt := range opts {
		if opt == nil {
			return nil, argumentError(newClientOp, "option", "is nil")
		}
		if err := opt(cfg); err != nil {
			return nil, err
		}
	}
	return cfg.client(auth)
}

// ForApp returns a copy of the client that is bound to the app with the _id appID: all its calls
// inside an app go to that app. If appID is empty, "." or "..", every call of the copy fails with
// [ErrInvalidArgument].
//
// An [AppToken] or [AppUserJWT] always reaches the app that it was issued for, whatever app is
// bound, because the service accepts no app id with these credentials.
func (c *Client) ForApp(appID string) *Client {
	return newClient(c.core, c.version, appID, true)
}

// ForVersion returns a copy of the client that speaks version v. If v does not exist, or is v1.1
// while the credential is an [AppToken], every call of the copy fails with [ErrInvalidArgument].
func (c *Client) ForVersion(v Version) *Client {
	return newClient(c.core, v, c.appID, c.bound)
}

// String returns a text that names the version of the client and leaves out its credential.
func (c *Client) String() string { return "smooch.Client(" + string(c.version) + ")" }

// Init registers a device when an app is opened on it: it creates the device and its app user if
// they are new, otherwise updates them, and authenticates the user if the credential is an
// [AppUserJWT]. Without such a credential, anyone who knows a userId can read that user's
// conversation. It fails with [ErrUnauthorized] if the credential is an [AppToken] and the user
// needs a JWT, because the user has been authenticated with one before.
//
// Deprecated: v1.1 and the later documentation of v1 do not have this call. Use
// [AppUsersService.Create] to create a user.
//
//	POST /init
//
// Scope: app token, appUser, app, appMaker, account.
// Versions: v1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/208eed0/docs/InitApi.md
func (c *Client) Init(ctx context.Context, init InitRequest, opts ...CallOption) (*InitResponse, error) {
	return one[InitResponse](ctx, c, opInit.with().json(init), opts)
}

// Do makes a call that the SDK has no method for, with the credential, retries and errors of all
// other calls.
//
// path is the part of the URL after the version, such as "/appusers/" + url.PathEscape(id) +
// "/messages". Do puts the prefix of the app in front of it if an app is bound, unless the
// credential is an [AppToken] or belongs to a single user. The caller escapes the segments of path,
// and may append a query. in is encoded as the JSON body, unless it is nil; with GET and HEAD it
// must be nil. The response is decoded into out, a pointer, or ignored if out is nil. What out
// points to is set to its zero value first, unless the response is empty.
//
// Do returns the errors of all other methods: an [*Error] for a response that is not 2xx,
// [ErrOutcomeUnknown] if the call may have been carried out, and [ErrInvalidArgument] if a segment
// of path is empty, "." or "..", or not escaped. When [RetryPolicy] decides whether to repeat the
// call, GET, HEAD, PUT and DELETE count as calls whose repeat changes nothing, and all other
// methods as calls that may do the work twice.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, opts ...CallOption) error {
	r := newRequest(method, path).json(in)
	if in != nil && r.repeat == safe {
		r.refuse("in", "must be nil, as "+method+" has no body")
	}
	if target := reflect.ValueOf(out); out != nil && (target.Kind() != reflect.Pointer || target.IsNil()) {
		r.refuse("out", "is not a non-nil pointer")
	}
	return call(ctx, c, r, out, opts)
}

// newClient returns a client with the shared core and the settings of its own.
func newClient(core *core, v Version, appID string, bound bool) *Client {
	c := &Client{core: core, version: v, appID: appID, bound: bound}
	c.common.c = c
	segment, problem := escapeSegment(appID)
	if bound && !core.scope.isUser() {
		c.prefix = "/apps/" + segment
	}
	c.needsApp = !bound && core.scope.isAccount()
	switch {
	case v != V1 && v != V1_1:
		c.problemWith, c.problem = "version", "is neither v1 nor v1.1"
	case v == V1_1 && core.scope == ScopeAppToken:
		c.problemWith, c.problem = "version", "is v1.1, which does not accept an app token; use v1 or a JWT"
	case bound && problem != "":
		c.problemWith, c.problem = "appID", problem
	}
	c.Apps = (*AppsService)(&c.common)
	c.Keys = (*KeysService)(&c.common)
	c.ServiceAccounts = (*ServiceAccountsService)(&c.common)
	c.AppUsers = (*AppUsersService)(&c.common)
	c.Conversations = (*ConversationsService)(&c.common)
	c.Attachments = (*AttachmentsService)(&c.common)
	c.Notifications = (*NotificationsService)(&c.common)
	c.Menu = (*MenuService)(&c.common)
	c.Templates = (*TemplatesService)(&c.common)
	c.Webhooks = (*WebhooksService)(&c.common)
	c.Integrations = (*IntegrationsService)(&c.common)
	c.Deployments = (*DeploymentsService)(&c.common)
	c.Stripe = (*StripeService)(&c.common)
	c.OAuth = (*OAuthService)(&c.common)
	return c
}
