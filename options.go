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

// Option is a setting of a new client, see [NewClient].
type Option func(*config) error

// Limiter limits the rate of attempts. [*rate.Limiter] of golang.org/x/time/rate implements it.
//
// Wait is called before every attempt, repeats included, and returns when the attempt may be sent.
// If it returns an error, the attempt is not sent and the call fails with that error. Wait must
// return when ctx ends, and must be safe for concurrent use.
//
// A Limiter may have two more methods, under the same conditions:
//
//	WaitApp(ctx context.Context, appID string) error
//	Refused(ctx context.Context, appID string, retryAfter time.Duration)
//
// WaitApp is called in place of Wait. appID is the app that the attempt is for; it is empty if the
// call is for no app, or if only the credential says which one.
//
// Refused is called after each attempt that is answered with 429. retryAfter is how long this
// client holds back its own calls to the app: the Retry-After of the answer or, if it has none, a
// backoff, but never more than [RetryPolicy].MaxRetryAfter. A limiter that several processes share
// can thereby hold back all of them. The call waits until Refused returns.
//
// [*rate.Limiter]: https://pkg.go.dev/golang.org/x/time/rate#Limiter
type Limiter interface {
	Wait(ctx context.Context) error
}

// appLimiter is a Limiter that is told the app.
type appLimiter interface {
	WaitApp(ctx context.Context, appID string) error
}

// refusalLimiter is a Limiter that is told of each 429.
type refusalLimiter interface {
	Refused(ctx context.Context, appID string, retryAfter time.Duration)
}

// newClientOp is the operation in errors of NewClient and its options.
const newClientOp = "NewClient"

// config holds the settings of a new client.
type config struct {
	core     core
	base     string
	version  Version // "": the default for the credential
	appID    string
	bound    bool
	insecure bool
}

// defaultOAuthBase is the documented address of the OAuth calls; other calls use that of a region.
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

// userAgent is the name of the SDK in the header User-Agent.
const userAgent = "smooch-go"

// newTransport returns a transport that keeps enough idle connections for repeated bursts of calls;
// net/http keeps two for each host. If the program has replaced [http.DefaultTransport], for
// example to trace requests, newTransport returns that transport unchanged.
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
	if core.http.Timeout > 0 { // as a limit of one attempt, it must not run while the call waits
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

// checkBase returns the base URL without a trailing slash. It refuses one that calls cannot be made
// to, or that credentials must not be sent to.
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
		return fail("is plain http to a host that is not loopback; use https or WithInsecureHTTP")
	}
	return fail("is neither https nor http")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// WithApp binds the client to the app with the _id appID, as [Client.ForApp] does.
func WithApp(appID string) Option {
	return func(cfg *config) error {
		cfg.appID, cfg.bound = appID, true
		return nil
	}
}

// WithVersion selects the version of the API, [V1] or [V1_1]. The default is V1_1, or V1 if the
// credential is an [AppToken], which only V1 accepts.
func WithVersion(v Version) Option {
	return func(cfg *config) error {
		if v != V1 && v != V1_1 {
			return argumentError(newClientOp, "version", "is neither v1 nor v1.1")
		}
		cfg.version = v
		return nil
	}
}

// WithRegion selects the region whose apps the client reaches, [US] (the default) or [EU].
func WithRegion(r Region) Option {
	return func(cfg *config) error {
		if r != US && r != EU {
			return argumentError(newClientOp, "region", "is neither US nor EU; use WithBaseURL for other addresses")
		}
		cfg.base, cfg.core.oauthBase = string(r), defaultOAuthBase
		return nil
	}
}

// WithBaseURL sends all calls, the OAuth calls included, to rawURL instead of the address of a
// region. rawURL has a scheme, a host and possibly a path, but does not end with the version. The
// scheme must be https, or http for a loopback host; [WithInsecureHTTP] allows http for every host.
func WithBaseURL(rawURL string) Option {
	return func(cfg *config) error {
		cfg.base = rawURL
		cfg.core.oauthBase = strings.TrimRight(rawURL, "/")
		return nil
	}
}

// WithInsecureHTTP lets [WithBaseURL] use plain http for a host that is not loopback. Anyone on the
// network path can then read credentials and messages.
func WithInsecureHTTP() Option {
	return func(cfg *config) error {
		cfg.insecure = true
		return nil
	}
}

// WithHTTPClient makes calls with the Transport, Jar and Timeout of hc, which is copied and not
// changed. A nil Transport stands for the SDK's own, which keeps 256 idle connections. Timeout
// limits each attempt; if [WithTimeout] is shorter, that one applies. Redirects are not followed,
// so that credentials are sent to no other host.
//
// A Transport must honor the context of a request, as that of net/http does: RoundTrip, and Read
// and Close of a response's body, must return when it ends. A call waits for them.
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

// WithRetryPolicy replaces the default [RetryPolicy]. A zero field keeps its default; a negative
// field is an error. A delay longer than 146 years is shortened to that.
func WithRetryPolicy(p RetryPolicy) Option {
	const longest = math.MaxInt64 / 2 // so that the sum of two delays does not overflow
	p.MinDelay, p.MaxDelay, p.MaxRetryAfter = min(p.MinDelay, longest), min(p.MaxDelay, longest), min(p.MaxRetryAfter, longest)
	return func(cfg *config) error {
		if p.MaxAttempts < 0 || p.MinDelay < 0 || p.MaxDelay < 0 || p.MaxRetryAfter < 0 || p.Budget < 0 {
			return argumentError(newClientOp, "retry policy", "has a negative field")
		}
		cfg.core.retry = p.withDefaults()
		return nil
	}
}

// WithLimiter calls l.Wait before every attempt, once any pause after a 429 is over, or l.WaitApp
// if l has that method, see [Limiter]. By default there is no limiter.
func WithLimiter(l Limiter) Option {
	return func(cfg *config) error {
		if isNil(l) {
			return argumentError(newClientOp, "limiter", "is nil")
		}
		cfg.core.limiter = l
		return nil
	}
}

// WithUserAgent puts product, such as "acme-bot/1.4", in front of the SDK's name in the header
// User-Agent. product must be printable ASCII and not empty.
func WithUserAgent(product string) Option {
	return func(cfg *config) error {
		if product == "" || strings.ContainsFunc(product, func(r rune) bool { return r < ' ' || r > '~' }) {
			return argumentError(newClientOp, "user agent", "is empty or not printable ASCII")
		}
		cfg.core.userAgent = product + " " + userAgent
		return nil
	}
}

// WithTimeout limits the time of each attempt, including the time to read the response. The default
// is 30 seconds. The whole call is limited by its context. An upload's attempt ends when no byte
// has been read or sent for that long, so a slow connection does not end it; once the body has been
// sent, the limit applies to the wait for the response.
func WithTimeout(perAttempt time.Duration) Option {
	return func(cfg *config) error {
		if perAttempt <= 0 {
			return argumentError(newClientOp, "time-out", "is not positive")
		}
		cfg.core.timeout = perAttempt
		return nil
	}
}

// WithMaxResponse limits the body of a response to the given number of bytes, after decompression.
// The default is 32 MiB. A call whose response is larger fails with [ErrResponseTooLarge], although
// the service has carried it out.
func WithMaxResponse(bytes int64) Option {
	return func(cfg *config) error {
		if bytes <= 0 {
			return argumentError(newClientOp, "maximum response", "is not positive")
		}
		cfg.core.maxResponse = min(bytes, math.MaxInt64-1) // readUpTo reads one byte more
		return nil
	}
}

// isNil reports whether v is nil or holds a nil pointer, function, map, slice or channel, which a
// caller may pass by mistake.
func isNil(v any) bool {
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return value.IsNil()
	}
	return false
}
