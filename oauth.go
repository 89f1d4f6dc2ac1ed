package smooch

import (
	"context"
	"log/slog"
	"net/url"
)

// OAuthAuthorize is the argument of [OAuthService.AuthorizeURL].
type OAuthAuthorize struct {
	redacted[OAuthAuthorize]

	ClientID string // required

	// State is added to the redirect unchanged. Set it to a secret of the browser's session and
	// compare the two, to detect forged redirects.
	State string

	RedirectURI string // one of the registered URIs; default: the first
}

// OAuthExchange is the argument of [OAuthService.Exchange].
type OAuthExchange struct {
	redacted[OAuthExchange]

	Code         string // required: from the redirect; works only once
	ClientID     string // required
	ClientSecret string // required
}

// OAuthToken is an access token of scope integration, for [BearerToken]. It is accepted only for
// app users and for the integration's own webhooks. Printing or logging an OAuthToken leaves out
// the token.
type OAuthToken struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"` // "Bearer"
}

// String returns a text without the token.
func (t OAuthToken) String() string { return "smooch.OAuthToken([redacted])" }

// GoString returns the text of String, so that %#v does not print the token either.
func (t OAuthToken) GoString() string { return t.String() }

// LogValue returns the text of String, so that logs do not contain the token.
func (t OAuthToken) LogValue() slog.Value { return slog.StringValue(t.String()) }

// OAuthService lets the owner of an app grant an integration access to it. Its calls never carry
// the client's credential, so a client with [NoAuth] is enough. They go to https://app.smooch.io,
// whatever the region, or to the URL of [WithBaseURL].
type OAuthService struct{ c *Client }

// AuthorizeURL returns the URL to open in the browser of the app's owner. It sends nothing. The
// service redirects the browser to the redirect URI with the parameters code, for
// [OAuthService.Exchange], and state, or with error=access_denied and state if the owner refuses.
// An empty ClientID fails with [ErrInvalidArgument].
//
//	GET /oauth/authorize
//
// Scope: none.
// Versions: none in the path.
// Source: REST reference v1, "Authorize".
func (s *OAuthService) AuthorizeURL(authorize OAuthAuthorize) (string, error) {
	params := url.Values{"client_id": {authorize.ClientID}, "response_type": {"code"}}
	if authorize.State != "" {
		params.Set("state", authorize.State)
	}
	if authorize.RedirectURI != "" {
		params.Set("redirect_uri", authorize.RedirectURI)
	}
	r := opOAuthAuthorize.with().query(params)
	if authorize.ClientID == "" {
		r.refuse("ClientID", "is empty")
	}
	if r.err != nil {
		return "", r.err
	}
	return r.target(s.c)
}

// Exchange exchanges the code of the redirect for an access token. If the code has been used, or
// the client's id or secret is wrong, expect [ErrUnauthorized] or [ErrBadRequest]; the
// documentation does not say which. A code works only once, so after [ErrOutcomeUnknown] you may
// need a new one from [OAuthService.AuthorizeURL] to try again.
//
//	POST /oauth/token
//
// Scope: none.
// Versions: none in the path.
// Source: REST reference v1, "Get Token".
func (s *OAuthService) Exchange(ctx context.Context, exchange OAuthExchange, opts ...CallOption) (*OAuthToken, error) {
	r := opOAuthToken.with().postForm(url.Values{
		"code":          {exchange.Code},
		"grant_type":    {"authorization_code"},
		"client_id":     {exchange.ClientID},
		"client_secret": {exchange.ClientSecret},
	})
	return one[OAuthToken](ctx, s.c, r, opts)
}

// Revoke ends the integration's access to the app. It sends accessToken in place of the client's
// credential. The service also deletes the integration's webhooks and calls its removal URL. Revoke
// fails with [ErrUnauthorized] if the token has been revoked before, and with [ErrInvalidArgument]
// if it is empty.
//
//	DELETE /oauth/authorization
//
// Scope: integration (an OAuth access token).
// Versions: none in the path.
// Source: REST reference v1, "Revoke Access".
func (s *OAuthService) Revoke(ctx context.Context, accessToken string, opts ...CallOption) error {
	return exec(ctx, s.c, opOAuthRevoke.with().bearerToken(accessToken), opts)
}
