package smooch

import (
	"context"
	"log/slog"
	"net/url"
)

// OAuthAuthorize is the argument of [OAuthService.AuthorizeURL].
type OAuthAuthorize struct {
	ClientID    string // required
	State       string // comes back unchanged: a secret of the browser's session, against forged answers
	RedirectURI string // one of those registered; default the first
}

// OAuthExchange is the argument of [OAuthService.Exchange].
type OAuthExchange struct {
	Code         string // required: from the redirect, works once
	ClientID     string // required
	ClientSecret string // required
}

// OAuthToken is an access token, for [BearerToken]. It reaches app users and the
// integration's own webhooks. Printing one leaves out the token.
type OAuthToken struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"` // "Bearer"
}

// String tells nothing of the token.
func (t OAuthToken) String() string { return "smooch.OAuthToken([redacted])" }

// GoString is String, so that %#v shows no secret either.
func (t OAuthToken) GoString() string { return t.String() }

// LogValue is the token without its value.
func (t OAuthToken) LogValue() slog.Value { return slog.StringValue(t.String()) }

// OAuthService lets an app's owner give an integration access to the app. Its calls never
// carry the client's credential; [NoAuth] is enough for them. They go to app.smooch.io, or to [WithBaseURL].
type OAuthService struct{ c *Client }

// AuthorizeURL gives the address to send the owner's browser to. It comes back to the redirect URI with the parameters code and
// state, or with error=access_denied. Nothing is sent.
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

// Exchange makes an access token of the code that the redirect brought. A code works once.
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

// Revoke ends the access of an access token. The integration's webhooks are removed.
//
//	DELETE /oauth/authorization
//
// Scope: integration (an OAuth access token).
// Versions: none in the path.
// Source: REST reference v1, "Revoke Access".
func (s *OAuthService) Revoke(ctx context.Context, accessToken string, opts ...CallOption) error {
	return exec(ctx, s.c, opOAuthRevoke.with().bearerToken(accessToken), opts)
}
