package smooch

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// JWTSigner is an [Auth] that signs JSON Web Tokens with a secret key: header kid, scope,
// and userId for one app user. It signs once and renews when 80 % of the token's life have
// passed. It is safe for concurrent use.
type JWTSigner struct {
	keyID    string
	secret   []byte
	scope    Scope
	userID   string
	ttl      time.Duration
	method   jwt.SigningMethod
	issuedAt bool
	err      error

	mu      sync.Mutex
	token   string
	renewAt time.Time // zero: never
}

// JWTOption is a setting of a [JWTSigner].
type JWTOption func(*JWTSigner)

// WithTTL sets how long a token is valid, at least a second; the default is an hour. For tokens
// that never expire there is [WithoutExpiry].
func WithTTL(ttl time.Duration) JWTOption {
	return func(s *JWTSigner) {
		s.ttl = ttl
		s.err = errors.Join(s.err, s.checkTTL(ttl))
	}
}

// WithoutExpiry signs tokens without the claim exp, which never expire: whoever gets hold of one
// can use it until its key is deleted.
func WithoutExpiry() JWTOption {
	return func(s *JWTSigner) { s.ttl = 0 }
}

// WithAlgorithm sets the signature: "HS256" (the default), "HS384" or "HS512".
func WithAlgorithm(name string) JWTOption {
	return func(s *JWTSigner) {
		switch name {
		case "HS256", "HS384", "HS512":
			s.method = jwt.GetSigningMethod(name)
		default:
			s.err = errors.Join(s.err, argumentError(s.op(), "algorithm", "is not HS256, HS384 or HS512"))
		}
	}
}

// WithIssuedAt adds the claim iat.
func WithIssuedAt() JWTOption {
	return func(s *JWTSigner) { s.issuedAt = true }
}

// AppUserJWT signs tokens for one app user with an app's key: they reach that user's
// profile and conversation and nothing else. userID is your own id of the user; one that
// looks like a number is still signed as a string, as the service asks. To hand a token to an
// end user, see [JWTSigner.TokenFor].
func AppUserJWT(keyID, secret, userID string, opts ...JWTOption) *JWTSigner {
	s := newSigner(ScopeAppUser, keyID, secret)
	s.userID = userID
	if _, problem := escapeSegment(userID); problem != "" {
		s.err = errors.Join(s.err, argumentError(s.op(), "userID", problem))
	}
	return s.with(opts)
}

// AppJWT signs tokens for everything inside one app with a key of that app.
func AppJWT(keyID, secret string, opts ...JWTOption) *JWTSigner {
	return newSigner(ScopeApp, keyID, secret).with(opts)
}

// AppMakerJWT signs tokens of the scope appMaker, the account level's name in the v1
// documentation: provisioning apps and keys, and every call inside an app that is bound with [Client.ForApp].
func AppMakerJWT(keyID, secret string, opts ...JWTOption) *JWTSigner {
	return newSigner(ScopeAppMaker, keyID, secret).with(opts)
}

// AccountJWT signs tokens of the scope account with an account key or a service account's
// key. It is the level of [AppMakerJWT] under its later name.
func AccountJWT(keyID, secret string, opts ...JWTOption) *JWTSigner {
	return newSigner(ScopeAccount, keyID, secret).with(opts)
}

func newSigner(scope Scope, keyID, secret string) *JWTSigner {
	s := &JWTSigner{keyID: keyID, secret: []byte(secret), scope: scope, ttl: time.Hour, method: jwt.SigningMethodHS256}
	s.err = errors.Join(checkSecret(s.op(), "keyID", keyID), checkSecret(s.op(), "secret", secret))
	return s
}

func (s *JWTSigner) with(opts []JWTOption) *JWTSigner {
	for _, opt := range opts {
		opt(s)
	}
	return s
}

func (s *JWTSigner) op() string { return string(s.scope) + " JWT" }

func (s *JWTSigner) check() error {
	if s.method == nil {
		return argumentError(s.op(), "auth", "is a JWTSigner that none of the functions has made")
	}
	return s.err
}

// Scope gives the scope of the tokens.
func (s *JWTSigner) Scope() Scope { return s.scope }

// String names the scope; the key is not in it.
func (s *JWTSigner) String() string { return "smooch.JWTSigner(" + string(s.scope) + ")" }

// GoString is String, so that %#v shows no secret either.
func (s *JWTSigner) GoString() string { return s.String() }

// Authorize sends the token as the header Authorization.
func (s *JWTSigner) Authorize(_ context.Context, r *http.Request) error {
	token, err := s.Token()
	if err != nil {
		return err
	}
	r.Header["Authorization"] = []string{"Bearer " + token}
	return nil
}

// Token gives the signer's current token, signing a new one when 80 % of the life of the
// last have passed. It fails with [ErrInvalidArgument] on an empty key, secret or user id.
func (s *JWTSigner) Token() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != "" && (s.renewAt.IsZero() || time.Now().Before(s.renewAt)) {
		return s.token, nil
	}
	return s.renew()
}

// renewed gives a token that is not the refused one, if signing again makes another. Of many
// calls that were refused together one signs.
func (s *JWTSigner) renewed(refused string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != refused {
		return s.token, nil
	}
	return s.renew()
}

func (s *JWTSigner) renew() (string, error) {
	now := time.Now()
	token, err := s.sign(now, s.ttl)
	if err != nil {
		return "", err
	}
	s.token, s.renewAt = token, time.Time{}
	if s.ttl > 0 {
		s.renewAt = now.Add(s.ttl / 10 * 8)
		if end := now.Add(s.ttl).Truncate(time.Second); end.Before(s.renewAt) { // exp has whole seconds
			s.renewAt = end
		}
	}
	return token, nil
}

// TokenFor signs a fresh token that is valid for ttl, at least a second. It is what a backend
// hands to its end user, who authenticates to Smooch with it:
//
//	token, err := smooch.AppUserJWT(keyID, secret, "bob@example.com").TokenFor(24 * time.Hour)
func (s *JWTSigner) TokenFor(ttl time.Duration) (string, error) {
	if err := s.checkTTL(ttl); err != nil {
		return "", err
	}
	return s.sign(time.Now(), ttl)
}

// checkTTL refuses 0 too: it is what an unset setting comes to, and must not make a token eternal.
func (s *JWTSigner) checkTTL(ttl time.Duration) error {
	if ttl < time.Second {
		return argumentError(s.op(), "TTL", "is less than a second; WithoutExpiry signs tokens that never expire")
	}
	return nil
}

func (s *JWTSigner) sign(now time.Time, ttl time.Duration) (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	c := claims{Scope: s.scope, UserID: s.userID}
	if ttl > 0 {
		c.ExpiresAt = jwt.NewNumericDate(now.Add(ttl))
	}
	if s.issuedAt {
		c.IssuedAt = jwt.NewNumericDate(now)
	}
	t := jwt.NewWithClaims(s.method, c)
	t.Header["kid"] = s.keyID
	return t.SignedString(s.secret)
}

// claims is the body of a token. A userId that is not a string is refused, by the service as here.
type claims struct {
	Scope  Scope  `json:"scope"`
	UserID string `json:"userId,omitempty"`
	jwt.RegisteredClaims
}

// bearerScope is the scope that a token says it has, "" if it does not say.
func bearerScope(token string) Scope {
	var c claims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &c); err != nil {
		return ""
	}
	return c.Scope
}

// Claims is what a verified token says.
type Claims struct {
	KeyID     string    // header kid: the key that signed it
	Scope     Scope     // never empty
	UserID    string    // for ScopeAppUser, where it is never empty
	ExpiresAt time.Time // zero: it does not run out
	IssuedAt  time.Time // zero: it does not say
}

// VerifyJWT checks a token that was signed with a secret key and gives what it says.
//
// secretFor gives the secret of the key kid, or an error, which is returned wrapped. Refused
// with an error that matches [ErrUnauthorized]: a signature that is wrong, missing ("none")
// or not HS256, HS384 or HS512, a token that ran out or has no scope, and scope appUser
// without a userId. No error text holds the token.
func VerifyJWT(token string, secretFor func(kid string) (secret string, err error)) (*Claims, error) {
	var c claims
	var kid string
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256", "HS384", "HS512"}))
	_, err := parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		kid, _ = t.Header["kid"].(string)
		if kid == "" {
			return nil, errors.New("header kid is missing")
		}
		secret, err := secretFor(kid)
		if err == nil && secret == "" {
			err = errors.New("the key's secret is empty")
		}
		return []byte(secret), err
	})
	switch {
	case err != nil:
		return nil, tokenError(err)
	case c.Scope == "":
		return nil, tokenError(errors.New("scope is missing"))
	case c.Scope == ScopeAppUser && c.UserID == "":
		return nil, tokenError(errors.New("userId is missing"))
	}
	verified := &Claims{KeyID: kid, Scope: c.Scope, UserID: c.UserID}
	if c.ExpiresAt != nil {
		verified.ExpiresAt = c.ExpiresAt.Time
	}
	if c.IssuedAt != nil {
		verified.IssuedAt = c.IssuedAt.Time
	}
	return verified, nil
}

func tokenError(err error) error {
	return &callError{"VerifyJWT", safeText(err), []error{ErrUnauthorized, err}}
}
