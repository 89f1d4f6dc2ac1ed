package smooch

import (
	"context"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/smooch/smooch-go/internal/pace"
)

// Option is a setting of [NewClient].
type Option func(*config) error

// Limiter holds calls back to keep below a rate. [*rate.Limiter] of golang.org/x/time/rate is one.
//
// Wait is asked before every attempt, repeats included. Its error ends the call with
// nothing sent by that attempt. It must be safe for concurrent use.
//
// [*rate.Limiter]: https://pkg.go.dev/golang.org/x/time/rate#Limiter
type Limiter interface {
	Wait(ctx context.Context) error
}

// newClientOp is what errors of NewClient and its options name.
const newClientOp = "NewClient"

// config is what options fill. A zero version means: what the credential speaks.
type config struct {
	core     core
	base     string
	version  Version
	appID    string
	bound    bool
	insecure bool
}

// defaultOAuthBase is where the OAuth calls are documented; the rest of the API is elsewhere.
const defaultOAuthBase = "https://app.smooch.io"

func defaults() *config {
	return &config{
		base: string(US),
		core: core{
			oauthBase:   defaultOAuthBase,
			http:        http.Client{Transport: newTransport()},
			logger:      slog.New(slog.DiscardHandler),
			retry:       RetryPolicy{}.withDefaults(),
			userAgent:   userAgent,
			timeout:     30 * time.Second,
			maxResponse: 32 << 20,
		},
	}
}

const userAgent = "smooch-go"

// newTransport keeps enough idle connections that a burst of calls need not dial twice:
// net/http keeps two for a host. A DefaultTransport that somebody has wrapped, to trace for instance, is kept.
func newTransport() http.RoundTripper {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t := base.Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 256
	return t
}

func (cfg *config) client(auth Auth) (*Client, error) {
	core := &cfg.core
	base, err := cfg.checkBase()
	if err != nil {
		return nil, err
	}
	core.base, core.auth, core.scope = base, auth, scopeOf(auth)
	core.role = RoleAppMaker
	if core.scope.isUser() {
		core.role = RoleAppUser
	}
	core.budget = pace.NewBudget(core.retry.Budget)
	if core.http.Timeout > 0 { // like ours it is for one attempt, and must not run while the client waits
		core.timeout, core.http.Timeout = min(core.timeout, core.http.Timeout), 0
	}
	version := cfg.version
	switch {
	case version == "" && core.scope == ScopeAppToken:
		version = V1
	case version == "":
		version = V1_1
	}
	c := newClient(core, version, cfg.appID, cfg.bound)
	if c.problem != "" {
		return nil, argumentError(newClientOp, c.problemWith, c.problem)
	}
	return c, nil
}

// checkBase refuses an address that credentials must not be sent to.
func (cfg *config) checkBase() (string, error) {
	fail := func(reason string) (string, error) { return "", argumentError(newClientOp, "base URL", reason) }
	u, err := url.Parse(cfg.base)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return fail("is not an absolute URL")
	}
	last := u.Path[strings.LastIndex(u.Path, "/")+1:]
	switch {
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fail("has more than scheme, host and path")
	case last == string(V1) || last == string(V1_1):
		return fail("ends with the version, which WithVersion sets")
	case u.Scheme == "https", u.Scheme == "http" && (cfg.insecure || isLoopback(u.Hostname())):
		return strings.TrimRight(u.String(), "/"), nil
	case u.Scheme == "http":
		return fail("is plain http to a host that is not loopback; use https, or WithInsecureHTTP")
	}
	return fail("is neither https nor http")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// WithApp binds the client to the app appID, as [Client.ForApp] does.
func WithApp(appID string) Option {
	return func(cfg *config) error {
		cfg.appID, cfg.bound = appID, true
		return nil
	}
}

// WithVersion chooses the version of the API, [V1] or [V1_1].
// The default is V1_1, with an app token V1, the only version that takes one.
func WithVersion(v Version) Option {
	return func(cfg *config) error {
		if v != V1 && v != V1_1 {
			return argumentError(newClientOp, "version", "is neither v1 nor v1.1")
		}
		cfg.version = v
		return nil
	}
}

// WithRegion chooses the region whose apps the client reaches, [US] (the default) or [EU].
func WithRegion(r Region) Option {
	return func(cfg *config) error {
		if r != US && r != EU {
			return argumentError(newClientOp, "region", "is neither US nor EU; WithBaseURL takes any address")
		}
		cfg.base, cfg.core.oauthBase = string(r), defaultOAuthBase
		return nil
	}
}

// WithBaseURL sends the calls to rawURL instead of a region's address: scheme, host and a
// path if there is one, without the version. It must be https, or http to loopback;
// [WithInsecureHTTP] allows the rest. The OAuth calls go there as well.
func WithBaseURL(rawURL string) Option {
	return func(cfg *config) error {
		cfg.base = rawURL
		cfg.core.oauthBase = strings.TrimRight(rawURL, "/")
		return nil
	}
}

// WithInsecureHTTP lets [WithBaseURL] name plain http on a host that is not loopback.
// Credentials and messages then cross the network readable by all on the way.
func WithInsecureHTTP() Option {
	return func(cfg *config) error {
		cfg.insecure = true
		return nil
	}
}

// WithHTTPClient makes the calls with a copy of hc: its transport, jar and time-out. The
// copy does not follow redirects, so that credentials stay with the service. A nil Transport is the
// SDK's own, which keeps 256 idle connections.
func WithHTTPClient(hc *http.Client) Option {
	return func(cfg *config) error {
		if hc == nil {
			return argumentError(newClientOp, "HTTP client", "is nil")
		}
		own := cfg.core.http.Transport
		cfg.core.http = *hc
		if hc.Transport == nil {
			cfg.core.http.Transport = own
		}
		return nil
	}
}

// WithRetryPolicy replaces the default [RetryPolicy]. A zero field keeps its default, a
// negative one is an error.
func WithRetryPolicy(p RetryPolicy) Option {
	return func(cfg *config) error {
		if p.MaxAttempts < 0 || p.MinDelay < 0 || p.MaxDelay < 0 || p.MaxRetryAfter < 0 || p.Budget < 0 {
			return argumentError(newClientOp, "retry policy", "has a negative field")
		}
		cfg.core.retry = p.withDefaults()
		return nil
	}
}

// WithLimiter asks l before every attempt, after the pause that a 429 causes. The default is no limiter.
func WithLimiter(l Limiter) Option {
	return func(cfg *config) error {
		if isNil(l) {
			return argumentError(newClientOp, "limiter", "is nil")
		}
		cfg.core.limiter = l
		return nil
	}
}

// WithLogger writes one debug record for each attempt to l: operation, status, number of
// the attempt and duration; never headers, bodies or ids. The default writes nothing.
func WithLogger(l *slog.Logger) Option {
	return func(cfg *config) error {
		if l == nil {
			return argumentError(newClientOp, "logger", "is nil")
		}
		cfg.core.logger = l
		return nil
	}
}

// WithUserAgent puts product, such as "acme-bot/1.4", before the SDK's name in the User-Agent header.
func WithUserAgent(product string) Option {
	return func(cfg *config) error {
		if product == "" || strings.ContainsFunc(product, func(r rune) bool { return r < ' ' || r > '~' }) {
			return argumentError(newClientOp, "user agent", "is empty or not printable ASCII")
		}
		cfg.core.userAgent = product + " " + userAgent
		return nil
	}
}

// WithTimeout bounds each attempt, answer included; the default is 30 seconds. The context
// bounds the whole call. For an upload the time starts when the body has been sent, so that a
// slow link does not end it.
func WithTimeout(perAttempt time.Duration) Option {
	return func(cfg *config) error {
		if perAttempt <= 0 {
			return argumentError(newClientOp, "time-out", "is not positive")
		}
		cfg.core.timeout = perAttempt
		return nil
	}
}

// WithMaxResponse bounds the size of an answer in bytes, decompressed; the default is 32 MiB.
// A larger one fails with [ErrResponseTooLarge].
func WithMaxResponse(bytes int64) Option {
	return func(cfg *config) error {
		if bytes <= 0 {
			return argumentError(newClientOp, "maximum response", "is not positive")
		}
		cfg.core.maxResponse = min(bytes, math.MaxInt64-1) // one more is read
		return nil
	}
}

// isNil reports whether v is nil, or holds a nil pointer or function: what a caller passes on
// without looking.
func isNil(v any) bool {
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return value.IsNil()
	}
	return false
}
