// Package smooch is a client for the Smooch (Sunshine Conversations) REST API, versions v1 and v1.1.
//
// A [Client] has a service for each resource and is safe for concurrent use:
//
//	client, err := smooch.NewClient(smooch.AppMakerJWT(keyID, secret))
//	app := client.ForApp("55c8d9758590aa1900b9b9f6")
//	user, err := app.AppUsers.Get(ctx, "steveb@channel5.com")
//
// # Errors
//
// Every answer that is not 2xx is an [*Error]; ask for its class with errors.Is
// ([ErrNotFound], [ErrRateLimited], ...). [ErrOutcomeUnknown] marks a call that may have
// been carried out although no answer said so. [*DecodeError] marks one that was carried
// out, with an answer that could not be read. Bad arguments fail with [ErrInvalidArgument]
// before anything is sent. No error text holds a secret, a body or a user id.
//
// # Retries
//
// A call is made at most three times in all. 429 and failures before a byte was written
// are repeated for every call; other lost connections, time-outs and 5xx (501 excepted)
// only for calls whose repeat changes nothing. A message is therefore never sent twice by
// the SDK: see [RetryPolicy] for the whole policy, and [WithSendToken] for a send that
// finds out by itself whether it arrived. The policy may become better without that being
// a breaking change.
//
// # Webhooks
//
// [WebhookReceiver] is an http.Handler that checks the secret and hands typed events to
// your functions; [ParseEvent] decodes one event. Package smoochtest is a Smooch to test
// against.
package smooch

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/smooch/smooch-go/internal/pace"
)

// Version is a version of the API, and of the payloads that a webhook delivers.
// Breaking changes come only with a new one, so a client is pinned to one version.
type Version string

// The versions of the API.
const (
	V1   Version = "v1"
	V1_1 Version = "v1.1"
)

// Region is a part of the world where apps live. An app is reached only in its own region.
type Region string

// The regions of the service.
const (
	US Region = "https://api.smooch.io"
	EU Region = "https://api.eu-1.smooch.io"
)

// Client calls the Smooch API, through one service for each resource.
//
// It is made by [NewClient], does not change afterwards and is safe for concurrent use.
// [Client.ForApp] and [Client.ForVersion] make copies that share its connections,
// credentials and limits.
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
	bound   bool   // ForApp or WithApp was used, whether or not with a good id
	prefix  string // of the paths inside an app, "" if the credential implies the app

	needsApp bool // calls inside an app fail, as none is bound

	problemWith, problem string // the argument that no call can be made with, and what is wrong with it
}

// service is what all services are made of; sharing one value spares a copy fourteen allocations.
type service struct{ c *Client }

// core is what the copies of a client share.
type core struct {
	base        string // scheme, host and path, without a trailing slash
	oauthBase   string
	auth        Auth
	scope       Scope // "" when the credential does not say
	role        Role  // of messages that do not say
	http        http.Client
	retry       RetryPolicy
	budget      *pace.Budget
	throttle    pace.Throttle
	limiter     Limiter
	logger      *slog.Logger
	userAgent   string
	timeout     time.Duration
	maxResponse int64
	noMetadata  atomic.Bool // the service answered a message without its metadata
}

// NewClient makes a client that authorizes its calls with auth; [NoAuth] is a client
// without a credential.
//
// Without options it speaks v1.1 (v1 with an [AppToken]) to the US region, retries as
// [RetryPolicy] says and gives each attempt 30 seconds. An unusable credential or option
// is an error that matches [ErrInvalidArgument] and names the argument.
func NewClient(auth Auth, opts ...Option) (*Client, error) {
	if isNil(auth) {
		return nil, argumentError(newClientOp, "auth", "is nil; NoAuth is a client without a credential")
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

// ForApp returns a copy of the client that is bound to the app appID, the app's _id: its
// calls reach that app and no other. An empty id, "." or ".." fails each call of the copy
// with [ErrInvalidArgument]. An [AppToken] and an [AppUserJWT] reach the app that they were issued for, whatever is
// bound: the service takes no app id with them.
func (c *Client) ForApp(appID string) *Client {
	return newClient(c.core, c.version, appID, true)
}

// ForVersion returns a copy of the client that speaks version v. A version that does not
// exist, or v1.1 with an app token, fails each call of the copy with [ErrInvalidArgument].
func (c *Client) ForVersion(v Version) *Client {
	return newClient(c.core, v, c.appID, c.bound)
}

// String names the client without its credential.
func (c *Client) String() string { return "smooch.Client(" + string(c.version) + ")" }

// Init is what a device calls when an app is opened: it creates the device and its app user
// if they are new, updates them if not, and authenticates the user if the credential is an [AppUserJWT].
// Without one, whoever learns a userId can read that user's conversation.
//
// Deprecated: later v1 documentation and v1.1 do not have it. Use [AppUsersService.Create] to make a user.
//
//	POST /init
//
// Scope: app token, appUser, app, appMaker, account.
// Versions: v1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/208eed0/docs/InitApi.md
func (c *Client) Init(ctx context.Context, init InitRequest, opts ...CallOption) (*InitResponse, error) {
	return one[InitResponse](ctx, c, opInit.with().json(init), opts)
}

// Do makes a call that the SDK has no method for, with the same credentials, retries and errors.
//
// path is what follows the version and, where an app is bound and the credential is above a single
// user, the app's prefix: "/appusers/" + url.PathEscape(id) + "/messages". Its segments are escaped
// by the caller, and a query is allowed; empty segments, "." and ".." are refused. in is the JSON
// body, nil for none, and not allowed with GET. The answer is decoded into out, a pointer, or
// ignored if out is nil.
//
// GET is repeated as safe, PUT and DELETE as idempotent, everything else as a call whose repeat may
// do the work twice.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, opts ...CallOption) error {
	r := newRequest(method, path).json(in)
	if in != nil && r.repeat == safe {
		r.refuse("in", "is given, but "+method+" has no body")
	}
	if target := reflect.ValueOf(out); out != nil && (target.Kind() != reflect.Pointer || target.IsNil()) {
		r.refuse("out", "is not a pointer to decode into")
	}
	return call(ctx, c, r, out, opts)
}

// newClient makes a client of what its copies share and what is its own.
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
		c.problemWith, c.problem = "version", "is v1.1, which takes no app token; use v1, or a JWT"
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
