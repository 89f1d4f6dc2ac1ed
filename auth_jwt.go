package smooch

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// JWTSigner is an [Auth] that signs JSON Web Tokens with a secret key. [AppUserJWT], [AppJWT],
// [AppMakerJWT] and [AccountJWT] return one. A token has the key's id as kid in its header, the
// claim scope and, if it is for one app user, the claim userId.
//
// A signer uses a token until 80 % of its life has passed, and then signs another. It is safe for
// concurrent use.
type JWTSigner struct {
	keyID    string
	secret   []byte
	scope    Scope
	userID   string
	ttl      time.Duration // 0: tokens never expire
	method   jwt.SigningMethod
	issuedAt bool
	err      error // what is wrong with the arguments and options

	current atomic.Pointer[signed] // nil: none yet
	mu      sync.Mutex             // held while a token is signed
}

// signed is a token with the time at which another is signed.
type signed struct {
	bearer  string    // the value of the header
	renewAt time.Time // zero: never
}

func (s *signed) valid() bool {
	return s != nil && (s.renewAt.IsZero() || time.Now().Before(s.renewAt))
}

// JWTOption is a setting of a new [JWTSigner].
type JWTOption func(*JWTSigner)

// WithTTL sets how long a token is valid. The default is one hour; less than a second is an error.
// For tokens that never expire, use [WithoutExpiry].
func WithTTL(ttl time.Duration) JWTOption {
	return func(s *JWTSigner) {
		s.ttl = ttl
		s.err = errors.Join(s.err, s.checkTTL(ttl))
	}
}

// WithoutExpiry leaves out the claim exp, so that tokens never expire. Anyone who gets hold of such
// a token can use it until its key is deleted.
func WithoutExpiry() JWTOption {
	return func(s *JWTSigner) { s.ttl = 0 }
}

// WithAlgorithm sets the algorithm of the signature: "HS256" (the default), "HS384" or "HS512".
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

// WithIssuedAt adds the claim iat, the time of signing.
func WithIssuedAt() JWTOption {
	return func(s *JWTSigner) { s.issuedAt = true }
}

// AppUserJWT returns a signer of tokens for one app user, with a key of the user's app. The tokens
// reach that user's profile and conversation and nothing else. userID is your own id of the user,
// the userId; even one that looks like a number is signed as a string, as the service requires. For
// a token to hand to an end user, see [JWTSigner.TokenFor].
func AppUserJWT(keyID, secret, userID string, opts ...JWTOption) *JWTSigner {
	s := newSigner(ScopeAppUser, keyID, secret)
	s.userID = userID
	if _, problem := escapeSegment(userID); problem != "" {
		s.err = errors.Join(s.err, argumentError(s.op(), "userID", problem))
	}
	return s.with(opts)
}

// AppJWT returns a signer of tokens for everything inside one app, with a key of that app.
func AppJWT(keyID, secret string, opts ...JWTOption) *JWTSigner {
	return newSigner(ScopeApp, keyID, secret).with(opts)
}

// AppMakerJWT returns a signer of tokens of the scope appMaker, which is what the v1 documentation
// calls the level of an account. The tokens reach the provisioning of apps and keys, and every call
// inside an app that is bound with [Client.ForApp].
func AppMakerJWT(keyID, secret string, opts ...JWTOption) *JWTSigner {
	return newSigner(ScopeAppMaker, keyID, secret).with(opts)
}

// AccountJWT returns a signer of tokens of the scope account, with the key of an account or of a
// service account. It is the level of [AppMakerJWT] under its later name.
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
		return argumentError(s.op(), "auth", "is a JWTSigner that was not made by AppUserJWT, AppJWT, AppMakerJWT or AccountJWT")
	}
	return s.err
}

// Scope returns the scope of the tokens.
func (s *JWTSigner) Scope() Scope { return s.scope }

// String returns a text that names the scope and leaves out the key.
func (s *JWTSigner) String() string { return "smooch.JWTSigner(" + string(s.scope) + ")" }

// GoString returns what String does, so that %#v shows no secret either.
func (s *JWTSigner) GoString() string { return s.String() }

// Authorize sets the header Authorization to the signer's current token. It fails as
// [JWTSigner.Token] does.
func (s *JWTSigner) Authorize(_ context.Context, r *http.Request) error {
	bearer, err := s.bearer()
	if err != nil {
		return err
	}
	r.Header["Authorization"] = []string{bearer}
	return nil
}

// Token returns the signer's current token. It signs another when 80 % of the life of the last has
// passed. If the key id, secret, user id or an option is invalid, it returns [ErrInvalidArgument].
func (s *JWTSigner) Token() (string, error) {
	bearer, err := s.bearer()
	return strings.TrimPrefix(bearer, bearerPrefix), err
}

const bearerPrefix = "Bearer "

// bearer returns the current token as the value of the header. It takes no lock unless it signs.
func (s *JWTSigner) bearer() (string, error) {
	if c := s.current.Load(); c.valid() {
		return c.bearer, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.current.Load(); c.valid() {
		return c.bearer, nil // signed by another call
	}
	return s.renew()
}

// renewed returns the current value of the header, after signing another token if the service has
// refused the current one. If many calls were refused together, only the first of them signs.
func (s *JWTSigner) renewed(refused string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.current.Load(); c != nil && c.bearer != refused {
		return c.bearer, nil
	}
	return s.renew()
}

// renew signs a token. The caller holds the lock.
func (s *JWTSigner) renew() (bearer string, err error) {
	now := time.Now()
	token, err := s.sign(now, s.ttl)
	if err != nil {
		return "", err
	}
	c := &signed{bearer: bearerPrefix + token}
	if s.ttl > 0 {
		c.renewAt = now.Add(s.ttl / 10 * 8)
		if end := now.Add(s.ttl).Truncate(time.Second); end.Before(c.renewAt) { // exp has whole seconds
			c.renewAt = end
		}
	}
	s.current.Store(c)
	return c.bearer, nil
}

// TokenFor signs a new token that is valid for ttl, at least a second. A backend hands such a token
// to its end user, who authenticates to Smooch with it:
//
//	token, err := smooch.AppUserJWT(keyID, secret, "bob@example.com").TokenFor(24 * time.Hour)
func (s *JWTSigner) TokenFor(ttl time.Duration) (string, error) {
	if err := s.checkTTL(ttl); err != nil {
		return "", err
	}
	return s.sign(time.Now(), ttl)
}

// checkTTL refuses a TTL of less than a second. That includes 0, so that a setting that is left out
// by mistake does not make tokens that never expire.
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

// claims are the claims of a token. A userId that is not a string does not decode; the service
// refuses it too.
type claims struct {
	Scope  Scope  `json:"scope"`
	UserID string `json:"userId,omitempty"`
	jwt.RegisteredClaims
}

// bearerScope returns the scope that an unverified token claims to have, or "".
func bearerScope(token string) Scope {
	var c claims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &c); err != nil {
		return ""
	}
	return c.Scope
}

// Claims are the claims of a verified token, see [VerifyJWT].
type Claims struct {
	KeyID     string    // of the key that signed the token: kid in its header
	Scope     Scope     // never empty
	UserID    string    // never empty for ScopeAppUser
	ExpiresAt time.Time // zero: it never expires
	IssuedAt  time.Time // zero: the token does not say
}

// VerifyOption is a setting of [VerifyJWT].
type VerifyOption func(*verification)

// verification holds the settings of one VerifyJWT.
type verification struct {
	leeway time.Duration
	err    error // what is wrong with the options
}

// WithLeeway makes [VerifyJWT] accept a token from d before its nbf until d after its exp, as the
// clocks of two machines may differ. The default is 0; a negative d is an error.
func WithLeeway(d time.Duration) VerifyOption {
	return func(v *verification) {
		v.leeway = d
		if d < 0 {
			v.err = argumentError(verifyOp, "leeway", "is negative")
		}
	}
}

const verifyOp = "VerifyJWT"

// VerifyJWT verifies a token that was signed with a secret key and returns its claims.
//
// secretFor returns the secret of the key with the id kid; if it returns an error, VerifyJWT
// returns an error that wraps it. VerifyJWT refuses a token that has expired (exp) or is not valid
// yet (nbf), has no kid or scope, or has the scope appUser and no userId, and a signature that is
// wrong, missing ("none"), or not HS256, HS384 or HS512.
//
// VerifyJWT also refuses what another program could read differently: white space around the token,
// base64url that is not canonical, and members of the header or the claims that occur twice, have
// the wrong type, or differ only in case from a name that VerifyJWT knows. It refuses a header with
// crit, as it supports no extensions, and a token of more than 16 KiB.
//
// If secretFor or an option is nil, or the leeway is negative, the error is [ErrInvalidArgument].
// All other errors match [ErrUnauthorized], also one of secretFor, and none contains the token, a
// part of it or its kid.
func VerifyJWT(token string, secretFor func(kid string) (secret string, err error), opts ...VerifyOption) (*Claims, error) {
	var v verification
	if secretFor == nil {
		return nil, argumentError(verifyOp, "secretFor", "is nil")
	}
	for _, opt := range opts {
		if opt == nil {
			return nil, argumentError(verifyOp, "option", "is nil")
		}
		opt(&v)
	}
	if v.err != nil {
		return nil, v.err
	}
	if problem := checkToken(token); problem != "" {
		return nil, tokenError(problem, nil)
	}
	var c claims
	var kid string
	var secretErr error
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256", "HS384", "HS512"}), jwt.WithLeeway(v.leeway))
	_, err := parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		var secret string
		kid = t.Header["kid"].(string)
		secret, secretErr = secretFor(kid)
		if secretErr == nil && secret == "" {
			secretErr = errors.New("the key's secret is empty")
		}
		return []byte(secret), secretErr
	})
	switch { // the texts of jwt may quote the token
	case secretErr != nil:
		text := strings.ReplaceAll(withoutURL(secretErr).Error(), kid, "[redacted]")
		return nil, tokenError(safeText(errors.New(text)), secretErr)
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, tokenError("the token has expired", err)
	case errors.Is(err, jwt.ErrTokenInvalidClaims):
		return nil, tokenError("the token is not valid yet", err)
	case errors.Is(err, jwt.ErrTokenMalformed):
		return nil, tokenError("a registered claim has the wrong type", err)
	case err != nil:
		return nil, tokenError("the token is not signed with HS256, HS384 or HS512 and the secret of its key", err)
	case c.Scope == ScopeAppUser && c.UserID == "":
		return nil, tokenError("userId is missing", nil)
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

// tokenError returns the error of a token that is refused because of cause, which may be nil.
func tokenError(text string, cause error) error {
	causes := []error{ErrUnauthorized}
	if cause != nil {
		causes = append(causes, cause)
	}
	return &callError{verifyOp, text, causes}
}

const maxToken = 16 << 10 // bytes; HTTP servers rarely accept a longer header

// checkToken returns what is wrong with a token whatever its signature is, or "". Every program
// reads a token that passes in the same way.
func checkToken(token string) string {
	if len(token) > maxToken {
		return "the token is longer than 16 KiB"
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "the token does not have three parts"
	}
	for i, part := range parts {
		data, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || base64.RawURLEncoding.EncodeToString(data) != part { // line breaks, spare bits
			return "a part of the token is not canonical base64url"
		}
		if i < len(tokenMembers) {
			if problem := checkMembers(data, tokenMembers[i]); problem != "" {
				return problem
			}
		}
	}
	return ""
}

// A tokenMember is a member of a token's header or claims that VerifyJWT reads.
type tokenMember struct {
	name     string
	required bool
	fits     func(value json.RawMessage) bool
}

// tokenMembers holds the members of the header and those of the claims.
var tokenMembers = [...][]tokenMember{
	{{"alg", true, isText}, {"kid", true, isText}, {"crit", false, isNothing}},
	{{"scope", true, isText}, {"userId", false, isText}, {"exp", false, isDate}, {"iat", false, isDate}, {"nbf", false, isDate}},
}

func isText(value json.RawMessage) bool { return value[0] == '"' }

func isNothing(json.RawMessage) bool { return false }

// isDate reports whether value is a number of seconds that a float64 can hold exactly.
func isDate(value json.RawMessage) bool {
	seconds, err := strconv.ParseFloat(string(value), 64)
	return err == nil && math.Abs(seconds) <= 1<<53
}

// checkMembers returns what is wrong with the JSON of a header or of claims, or "".
func checkMembers(data []byte, known []tokenMember) string {
	if !utf8.Valid(data) || !json.Valid(data) {
		return "a part of the token is not JSON"
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if brace, _ := dec.Token(); brace != json.Delim('{') {
		return "a part of the token is not a JSON object"
	}
	members := map[string]json.RawMessage{}
	for dec.More() {
		key, _ := dec.Token()
		name := key.(string)
		if members[name] != nil {
			return "a member of the header or the claims occurs twice"
		}
		var value json.RawMessage
		_ = dec.Decode(&value) // the JSON is valid
		members[name] = value
	}
	for _, m := range known {
		for name, value := range members {
			if strings.EqualFold(name, m.name) && (name != m.name || !m.fits(value)) {
				return m.name + " has the wrong type or case, or is not supported"
			}
		}
		if m.required && len(members[m.name]) <= len(`""`) {
			return m.name + " is missing"
		}
	}
	return ""
}
