package smooch

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"unicode"
)

// Auth puts credentials on a request. It runs before every attempt, so a token may be
// renewed between two; after a 401 the call is repeated once if it then gives other
// credentials. Its error ends the call, with nothing sent by that attempt.
//
// Implementations are safe for concurrent use. One that has a method Scope() [Scope] says
// whether calls take the app's prefix, as the built-in ones do. [AuthFunc] adapts a function.
type Auth interface {
	Authorize(ctx context.Context, r *http.Request) error
}

// AuthFunc is a function as an [Auth]. Its scope is not known: calls have the app's prefix when an app is bound.
type AuthFunc func(ctx context.Context, r *http.Request) error

// Authorize calls f.
func (f AuthFunc) Authorize(ctx context.Context, r *http.Request) error { return f(ctx, r) }

// Scope is how far a credential reaches.
type Scope string

// The scopes. appMaker and account are two words for the same level.
const (
	ScopeAppToken    Scope = "appToken"    // the user-facing calls of one app, v1; not a JWT scope
	ScopeAppUser     Scope = "appUser"     // one app user
	ScopeApp         Scope = "app"         // everything inside one app
	ScopeAppMaker    Scope = "appMaker"    // provisioning, and everything in each app (seed documents)
	ScopeAccount     Scope = "account"     // the same in later documentation
	ScopeIntegration Scope = "integration" // an OAuth access token
)

// isUser reports whether calls go to the credential's own app without naming it.
func (s Scope) isUser() bool { return s == ScopeAppToken || s == ScopeAppUser }

// isAccount reports whether calls inside an app must name it.
func (s Scope) isAccount() bool { return s == ScopeAppMaker || s == ScopeAccount }

func scopeOf(auth Auth) Scope {
	if a, ok := auth.(interface{ Scope() Scope }); ok {
		return a.Scope()
	}
	return ""
}

// headerAuth is a credential that is ready to be sent.
type headerAuth struct {
	name, value string
	scope       Scope
	err         error
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

// AppToken authorizes with an app's appToken, sent as the header app-token.
//
// It is enough for the user-facing calls of v1: init, app user get and update, events, the
// conversation, messages of role appUser. It stops working for a user who has been
// authenticated by a JWT or was created with CredentialRequired. v1.1 does not take it.
func AppToken(token string) Auth {
	return &headerAuth{"app-token", token, ScopeAppToken, checkSecret("AppToken", "token", token)}
}

// BasicAuth authorizes with a key's id and secret by HTTP Basic. It belongs to v1.1, and
// reaches as far as the key's owner: an app, an account or a service account. As the key does not say
// which, calls have the app's prefix when an app is bound.
func BasicAuth(keyID, secret string) Auth {
	err := errors.Join(checkSecret("BasicAuth", "keyID", keyID), checkSecret("BasicAuth", "secret", secret))
	if strings.Contains(keyID, ":") {
		err = errors.Join(err, argumentError("BasicAuth", "keyID", "holds a colon, which would end it"))
	}
	pair := base64.StdEncoding.EncodeToString([]byte(keyID + ":" + secret))
	return &headerAuth{"Authorization", "Basic " + pair, "", err}
}

// BearerToken authorizes with a token that was issued or signed elsewhere: the app maker's
// token of the Messaging Inside API, the answer of [KeysService.JWT], an OAuth access
// token. The scope is read from a JWT without verifying it.
func BearerToken(token string) Auth {
	return &headerAuth{"Authorization", "Bearer " + token, bearerScope(token), checkSecret("BearerToken", "token", token)}
}

// NoAuth sends no credential. It is for a client that only makes the [OAuthService] calls.
func NoAuth() Auth { return &headerAuth{} }

// checkSecret refuses what cannot be a key, secret or token: mostly a missing environment variable or a line break read with a file.
func checkSecret(op, name, value string) error {
	switch {
	case value == "":
		return argumentError(op, name, "is empty")
	case strings.ContainsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return argumentError(op, name, "holds white space")
	}
	return nil
}
