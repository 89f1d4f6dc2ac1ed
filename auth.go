package smooch

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"unicode"
)

// Auth puts credentials on a request. Authorize is called before every attempt, so a token can be
// renewed between two attempts. After a 401, Authorize is called again, and the call is repeated
// once if the credentials are now different. If Authorize returns an error, the attempt is not sent
// and the call fails with that error.
//
// Implementations must be safe for concurrent use. If one has a method Scope() [Scope], its scope
// decides whether paths have the app's prefix. [AuthFunc] adapts a function.
type Auth interface {
	Authorize(ctx context.Context, r *http.Request) error
}

// AuthFunc adapts a function to [Auth]. Its scope is not known, so calls inside an app have the
// app's prefix if an app is bound.
type AuthFunc func(ctx context.Context, r *http.Request) error

// Authorize calls f.
func (f AuthFunc) Authorize(ctx context.Context, r *http.Request) error { return f(ctx, r) }

// Scope says what a credential gives access to.
type Scope string

// The scopes. appMaker and account are two names for the same level.
const (
	ScopeAppToken    Scope = "appToken"    // the user-facing calls of one app, v1; no scope of a JWT
	ScopeAppUser     Scope = "appUser"     // one app user
	ScopeApp         Scope = "app"         // everything inside one app
	ScopeAppMaker    Scope = "appMaker"    // provisioning, and everything inside each app
	ScopeAccount     Scope = "account"     // the same level in later documentation
	ScopeIntegration Scope = "integration" // an OAuth access token
)

// isUser reports whether the credential implies the app, so that paths do not name it.
func (s Scope) isUser() bool { return s == ScopeAppToken || s == ScopeAppUser }

// isAccount reports whether paths inside an app must name it.
func (s Scope) isAccount() bool { return s == ScopeAppMaker || s == ScopeAccount }

func scopeOf(auth Auth) Scope {
	if a, ok := auth.(interface{ Scope() Scope }); ok {
		return a.Scope()
	}
	return ""
}

// headerAuth is a credential that is sent as one header.
type headerAuth struct {
	name, value string // of the header; no name: none is sent
	scope       Scope
	err         error // what is wrong with the credential
}

func (a *headerAuth) Authorize(_ context.Context, r *http.Request) error {
	if a.name != "" {
		r.Header.Set(a.name, a.value)
	}
	return nil
}

func (a *headerAuth) Scope() Scope     { return a.scope }
func (a *headerAuth) check() error     { return a.err }
func (a *headerAuth) String() string   { return "smooch.Auth([redacted])" }
func (a *headerAuth) GoString() string { return a.String() }

// AppToken authorizes with an app's appToken, sent in the header app-token.
//
// It is enough for the user-facing calls of v1: init, reading and updating an app user, events, the
// conversation, and messages of the role appUser. The service no longer accepts it for a user who
// has been authenticated by a JWT or was created with CredentialRequired. v1.1 does not accept it.
func AppToken(token string) Auth {
	return &headerAuth{"app-token", token, ScopeAppToken, checkSecret("AppToken", "token", token)}
}

// BasicAuth authorizes with the id and the secret of a key, by HTTP basic authentication. It is
// documented for v1.1 only. It reaches as far as the owner of the key, which is an app, an account
// or a service account. The key does not tell which, so calls inside an app have the app's prefix
// if an app is bound.
func BasicAuth(keyID, secret string) Auth {
	err := errors.Join(checkSecret("BasicAuth", "keyID", keyID), checkSecret("BasicAuth", "secret", secret))
	if strings.Contains(keyID, ":") {
		err = errors.Join(err, argumentError("BasicAuth", "keyID", "contains a colon, which would end it"))
	}
	pair := base64.StdEncoding.EncodeToString([]byte(keyID + ":" + secret))
	return &headerAuth{"Authorization", "Basic " + pair, "", err}
}

// BearerToken authorizes with a token that was issued or signed elsewhere, such as an app maker
// token of the Messaging Inside API, a token returned by [KeysService.JWT] or an OAuth access
// token. If the token is a JWT, its scope is read from it without verification.
func BearerToken(token string) Auth {
	return &headerAuth{"Authorization", "Bearer " + token, bearerScope(token), checkSecret("BearerToken", "token", token)}
}

// NoAuth sends no credential. Use it for a client that makes only the calls of [OAuthService].
func NoAuth() Auth { return &headerAuth{} }

// checkSecret refuses what cannot be a key id, secret or token. The usual causes are an environment
// variable that is not set and a line break at the end of a file.
func checkSecret(op, name, value string) error {
	switch {
	case value == "":
		return argumentError(op, name, "is empty")
	case strings.ContainsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return argumentError(op, name, "contains white space or a control character")
	}
	return nil
}
