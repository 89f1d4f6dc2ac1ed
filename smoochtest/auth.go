package smoochtest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// access is the credentials that a call accepts.
type access int

const (
	forNone         access = iota // no credential is needed, nor checked
	forUser                       // an app token (v1), appUser, app, account
	forUserJWT                    // the same without the app token
	forApp                        // app, account
	forProvisioning               // account, with a key of the account or of a service account
	forAccount                    // account, with a key of the account
	forIntegration                // an access token of OAuth
	forMediaToken                 // a media token
)

// The scopes of credentials: those of JWTs, and names for what has no scope of its own.
const (
	scopeAppToken    = "appToken"
	scopeAppUser     = "appUser"
	scopeApp         = "app"
	scopeAccount     = "account"     // of a JWT: also "appMaker"
	scopeIntegration = "integration" // an access token of OAuth
	scopeMediaToken  = "mediaToken"
)

// credential is a credential that was found to be valid.
type credential struct {
	scope  string
	key    *key   // nil if it is not based on a key
	app    *app   // that it belongs to; nil for an account
	userID string // of scopeAppUser
}

// isUser reports whether the credential is one that a user's device has.
func (c credential) isUser() bool { return c.scope == scopeAppToken || c.scope == scopeAppUser }

// authorize checks the credential of a call, and sets the app and the user that the call is about.
// The caller holds the server's lock.
func authorize(c *call) *reply {
	if c.route.accepts == forNone {
		return nil
	}
	if c.cred, c.refused = authenticate(c); c.refused != nil {
		return unauthorized()
	}
	if !accepts(c.route, c.cred) {
		return forbidden()
	}
	if refusal := setApp(c); refusal != nil {
		return refusal
	}
	return setUser(c)
}

// authenticate returns the credential of a call, or why it has none. The caller is not told that,
// as by the service, but whoever looks at the log is.
func authenticate(c *call) (credential, error) {
	s, header, appToken := c.server, c.request.Header.Get("Authorization"), c.request.Header.Get("app-token")
	scheme, _, _ := strings.Cut(header, " ")
	switch {
	case strings.EqualFold(scheme, "Basic") && c.version != "v1":
		id, secret, given := c.request.BasicAuth()
		k := s.keys[id]
		if !given || k == nil || k.secret != secret {
			return credential{}, errors.New("the id or the secret of the key is wrong")
		}
		return keyCredential(s, k), nil
	case strings.EqualFold(scheme, "Bearer"):
		return tokenCredential(s, c.bearerToken())
	case header != "" && c.version == "v1":
		return credential{}, errors.New("the header Authorization is not Bearer")
	case header != "":
		return credential{}, errors.New("the header Authorization is neither Bearer nor Basic")
	case appToken == "":
		return credential{}, errors.New("there is none")
	case c.version != "v1":
		return credential{}, errors.New("an app-token is for v1")
	}
	for _, a := range s.apps {
		if a.token == appToken {
			return credential{scope: scopeAppToken, app: a}, nil
		}
	}
	return credential{}, errors.New("no app has this app-token")
}

// keyCredential returns the credential of a caller who has a key.
func keyCredential(s *Server, k *key) credential {
	if k.owner.kind == ownerApp {
		return credential{scope: scopeApp, key: k, app: findApp(s, k.owner.id)}
	}
	return credential{scope: scopeAccount, key: k}
}

// tokenCredential returns the credential of a bearer token: a token that the server has issued, or
// a JWT that is signed with a key.
func tokenCredential(s *Server, token string) (cred credential, err error) {
	if a := s.accessTokens[token]; a != nil {
		return credential{scope: scopeIntegration, app: a}, nil
	}
	if s.clock.now().Before(s.mediaTokens[token].expires) {
		return credential{scope: scopeMediaToken}, nil
	}
	var k *key
	var noKey error
	claims := jwt.MapClaims{}
	algorithms := jwt.WithValidMethods([]string{"HS256", "HS384", "HS512"})
	parser := jwt.NewParser(algorithms, jwt.WithTimeFunc(s.clock.now))
	_, err = parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if k = s.keys[kid]; k == nil {
			noKey = fmt.Errorf("there is no key %q, which kid in its header names", kid)
			if kid == "" {
				noKey = errors.New("its header has no kid, the id of the key")
			}
			return nil, noKey
		}
		return []byte(k.secret), nil
	})
	if noKey != nil {
		return credential{}, noKey // without the parser's words around it
	}
	if err == nil && expiresAtZero(claims) {
		err = jwt.ErrTokenExpired
	}
	if err != nil {
		return credential{}, err
	}
	ofApp := k.owner.kind == ownerApp
	switch scope, _ := claims["scope"].(string); {
	case scope == "app" && ofApp, (scope == "account" || scope == "appMaker") && !ofApp:
		return keyCredential(s, k), nil
	case scope == "appUser" && ofApp:
		cred = keyCredential(s, k)
		cred.scope = scopeAppUser
		if cred.userID, _ = claims["userId"].(string); cred.userID == "" {
			return credential{}, errors.New("a token of the scope appUser needs a userId")
		}
		return cred, nil
	case ofApp:
		return credential{}, fmt.Errorf("a key of an app signs tokens of the scopes app and appUser, not %q", scope)
	default:
		return credential{}, fmt.Errorf("a key of an account signs tokens of the scope account, not %q", scope)
	}
}

// expiresAtZero reports whether a token expired in 1970, which the parser takes for no expiry.
func expiresAtZero(claims jwt.MapClaims) bool {
	at, given := claims["exp"].(float64)
	return given && at == 0
}

// accepts reports whether a route accepts a credential.
func accepts(rt *route, cred credential) bool {
	if cred.scope == scopeIntegration && reachableByOAuth(rt) {
		return true
	}
	isAccount := cred.scope == scopeAccount
	isApp := isAccount || cred.scope == scopeApp
	switch rt.accepts {
	case forUser:
		return isApp || cred.isUser()
	case forUserJWT:
		return isApp || cred.scope == scopeAppUser
	case forApp:
		return isApp
	case forProvisioning:
		return isAccount
	case forAccount:
		return isAccount && cred.key.owner.kind == ownerAccount
	case forIntegration:
		return cred.scope == scopeIntegration
	case forMediaToken:
		return cred.scope == scopeMediaToken
	default:
		return false
	}
}

// reachableByOAuth reports whether an access token of OAuth reaches a route: only users and
// webhooks are.
func reachableByOAuth(rt *route) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(rt.path, "/"), "/")
	return first == "appusers" || first == "webhooks"
}

// setApp sets the app that a call is about: the one in the path, or the one that the credential
// belongs to.
func setApp(c *call) *reply {
	id, named := c.params["appId"]
	switch {
	case named:
		c.app = findApp(c.server, id)
		if c.app == nil || !visible(c.app, c.cred.key) {
			return notFound("App")
		}
		if c.cred.app != nil && c.cred.app != c.app {
			return forbidden()
		}
	case c.route.inApp && c.cred.scope != scopeMediaToken:
		if c.app = c.cred.app; c.app == nil {
			return notFound("App")
		}
	}
	return nil
}

// visible reports whether a key sees an app: that of a service account sees only the apps that the
// service account has created.
func visible(a *app, k *key) bool {
	return k == nil || k.owner.kind != ownerServiceAccount || k.owner.id == a.creator
}

// setUser sets the user that a call is about. It refuses a user's credential for another user.
func setUser(c *call) *reply {
	id, named := c.params["userId"]
	if !named {
		return nil
	}
	c.user = c.app.user(id)
	isOwn := id == c.cred.userID
	if c.user != nil {
		isOwn = c.user.hasID(c.cred.userID)
	}
	switch {
	case c.cred.scope == scopeAppUser && !isOwn:
		return forbidden()
	case c.user == nil:
		return notFound("App user")
	case c.cred.scope == scopeAppToken && c.user.credentialRequired:
		return unauthorized()
	}
	return nil
}
