package smoochtest

import (
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// key is a secret key of an account, a service account or an app.
type key struct {
	id, secret, name string
	owner            string // "account", "serviceAccount" or "app"
	ownerID          string
}

func (s *Server) newKey(prefix, name, owner, ownerID string) *key {
	k := &key{prefix + "_" + newID(), newSecret(40), name, owner, ownerID}
	s.keys[k.id] = k
	return k
}

func (k *key) json() object { return object{"_id": k.id, "name": k.name, "secret": k.secret} }

// credential is who calls, once that is proven.
type credential struct {
	scope  string // appToken, appUser, app, account, integration or mediaToken
	key    *key
	app    *app // that the credential belongs to; nil for an account
	userID string
}

func (c credential) isUser() bool { return c.scope == "appToken" || c.scope == "appUser" }

// level is who may make a call.
type level int

const (
	forNobody       level = iota // no credential is looked at
	forUser                      // app token (v1), appUser, app, account
	forUserJWT                   // the same without the app token
	forApp                       // app, account
	forProvisioning              // account and service-account keys
	forAccount                   // account keys
	forIntegration               // an OAuth access token
	forMedia                     // a media token
)

// authorize finds out who calls and whether they may. The caller holds the lock.
func (c *call) authorize() *reply {
	if c.route.level == forNobody {
		return nil
	}
	cred, known := c.authenticate()
	if !known {
		return new(unauthorized())
	}
	c.cred = cred
	if !c.allowed() {
		return new(forbidden())
	}
	if answer := c.bindApp(); answer != nil {
		return answer
	}
	return c.bindUser()
}

func (c *call) authenticate() (credential, bool) {
	header := c.r.Header.Get("Authorization")
	kind, token, _ := strings.Cut(header, " ")
	switch {
	case strings.EqualFold(kind, "Basic") && c.version != "v1":
		id, secret, given := c.r.BasicAuth()
		k := c.keys[id]
		if !given || k == nil || k.secret != secret {
			return credential{}, false
		}
		return c.ofKey(k, k.owner)
	case strings.EqualFold(kind, "Bearer"):
		return c.ofToken(token)
	case header == "" && c.version == "v1":
		token := c.r.Header.Get("app-token")
		for _, a := range c.apps {
			if token != "" && a.token == token {
				return credential{scope: "appToken", app: a}, true
			}
		}
	}
	return credential{}, false
}

// ofKey is the credential that a key gives by itself.
func (c *call) ofKey(k *key, owner string) (credential, bool) {
	if owner == "app" {
		return credential{scope: "app", key: k, app: c.appByID(k.ownerID)}, true
	}
	return credential{scope: "account", key: k}, true
}

// ofToken is the credential of a bearer token: a JWT that a key signed, or a token that the server gave out.
func (c *call) ofToken(token string) (credential, bool) {
	if a := c.grants[token]; a != nil {
		return credential{scope: "integration", app: a}, true
	}
	if c.now().Before(c.cookies[token]) {
		return credential{scope: "mediaToken"}, true
	}
	var k *key
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256", "HS384", "HS512"}), jwt.WithTimeFunc(c.now))
	_, err := parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if k = c.keys[kid]; k == nil {
			return nil, errors.New("no such key")
		}
		return []byte(k.secret), nil
	})
	if err != nil {
		return credential{}, false
	}
	scope, _ := claims["scope"].(string)
	switch {
	case scope == "app" && k.owner == "app":
		return c.ofKey(k, "app")
	case (scope == "account" || scope == "appMaker") && k.owner != "app":
		return c.ofKey(k, k.owner)
	case scope == "appUser" && k.owner == "app":
		userID, isText := claims["userId"].(string)
		return credential{scope: "appUser", key: k, app: c.appByID(k.ownerID), userID: userID}, isText && userID != ""
	}
	return credential{}, false
}

// allowed compares the credential's scope with the route's level.
func (c *call) allowed() bool {
	account := c.cred.scope == "account"
	switch c.route.level {
	case forUser:
		return c.cred.isUser() || c.cred.scope == "app" || account || c.grantReaches()
	case forUserJWT:
		return c.cred.scope == "appUser" || c.cred.scope == "app" || account || c.grantReaches()
	case forApp:
		return c.cred.scope == "app" || account || c.grantReaches()
	case forProvisioning:
		return account
	case forAccount:
		return account && c.cred.key.owner == "account"
	case forIntegration:
		return c.cred.scope == "integration"
	case forMedia:
		return c.cred.scope == "mediaToken"
	}
	return false
}

// grantReaches: an OAuth token reaches users and webhooks only.
func (c *call) grantReaches() bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(c.route.path, "/"), "/")
	return c.cred.scope == "integration" && (first == "appusers" || first == "webhooks")
}

// bindApp finds the app of a call inside one: named by the path, or implied by the credential.
func (c *call) bindApp() *reply {
	id, named := c.params["appId"]
	switch {
	case named:
		c.app = c.appByID(id)
		if c.app == nil || c.cred.key != nil && c.cred.key.owner == "serviceAccount" && c.app.creator != c.cred.key.ownerID {
			return new(notFound("App"))
		}
		if c.cred.app != nil && c.cred.app != c.app {
			return new(forbidden())
		}
	case c.route.inApp && c.cred.scope != "mediaToken":
		if c.app = c.cred.app; c.app == nil {
			return new(notFound("App"))
		}
	}
	return nil
}

// bindUser finds the user of a call and keeps user-level credentials to their own.
func (c *call) bindUser() *reply {
	id, named := c.params["userId"]
	if !named {
		return nil
	}
	c.user = c.app.user(id)
	if c.cred.scope == "appUser" && (c.user == nil && id != c.cred.userID || c.user != nil && c.user.userID() != c.cred.userID && c.user.id != c.cred.userID) {
		return new(forbidden())
	}
	if c.user == nil {
		return new(notFound("App user"))
	}
	if c.cred.scope == "appUser" {
		c.user.secured = true
	}
	if c.cred.scope == "appToken" && c.user.secured {
		return new(unauthorized())
	}
	return nil
}

// signJWT makes the token that the service hands out for a key.
func (s *Server) signJWT(k *key) string {
	scope := "account"
	if k.owner == "app" {
		scope = "app"
	}
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"scope": scope, "iat": s.now().Unix()})
	t.Header["kid"] = k.id
	signed, err := t.SignedString([]byte(k.secret))
	if err != nil {
		panic(err) // HMAC over text does not fail
	}
	return signed
}
