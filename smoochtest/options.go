package smoochtest

import (
	"io/fs"
	"log/slog"
	"time"
)

type config struct {
	addr           string
	rateLimit      int
	rateWindow     time.Duration
	firstRetry     time.Duration
	maxUpload      int64
	keepLog        int
	keepMedia      int64
	allowedTargets []string
	allowedHosts   []string
	account        Credentials
	app            App
	seed           string
	logger         *slog.Logger
	page           fs.FS
	webhook        object // its fields; nil for none
}

// Option is a setting of [NewServer].
type Option func(*config)

// WithAddr makes the server listen on addr, such as "127.0.0.1:8800". The default is a free port
// of 127.0.0.1.
func WithAddr(addr string) Option { return func(c *config) { c.addr = addr } }

// WithRateLimit makes the server accept n calls in each period of length per. It answers further
// calls with 429 and Retry-After. The default is no limit.
func WithRateLimit(n int, per time.Duration) Option {
	return func(c *config) { c.rateLimit, c.rateWindow = n, per }
}

// WithWebhookRetryInterval sets the time between a webhook delivery that failed and its first
// retry. The time doubles with each of the five retries. The default is 10 seconds. Tests need not
// wait for retries, see [Server.Advance].
func WithWebhookRetryInterval(first time.Duration) Option {
	return func(c *config) { c.firstRetry = first }
}

// WithMaxUpload sets the size in bytes of the largest file that the server accepts. It answers a
// larger one with 413. The default is 50 MiB.
func WithMaxUpload(bytes int64) Option { return func(c *config) { c.maxUpload = bytes } }

// WithHistory sets how much of the past the server keeps: the last calls and the last deliveries,
// as many of each as entries says, and the last uploaded files, of as many bytes in all as media
// says. The default is 10,000 and 256 MiB. Each log drops its oldest entries earlier if their
// bodies exceed 64 MiB in all. Both numbers must be positive.
func WithHistory(entries int, media int64) Option {
	return func(c *config) { c.keepLog, c.keepMedia = entries, media }
}

// WithAllowedTargets allows webhooks on other hosts than this machine. Without it the server
// refuses to create a webhook whose target is not loopback, so that a test with a real target by
// mistake does not reach it. The hosts are names or IP addresses without a port.
func WithAllowedTargets(hosts ...string) Option {
	return func(c *config) { c.allowedTargets = append(c.allowedTargets, hosts...) }
}

// WithAllowedHosts lets the controls and the page be reached under other names than localhost and
// the address itself, and from web pages of those hosts. The hosts are names without a port.
func WithAllowedHosts(hosts ...string) Option {
	return func(c *config) { c.allowedHosts = append(c.allowedHosts, hosts...) }
}

// WithCredentials sets the key of the account and the app that the server has from the start. What
// is empty in them is made up.
func WithCredentials(account Credentials, app App) Option {
	return func(c *config) { c.account, c.app = account, app }
}

// WithSeed makes ids and secrets depend on the seed and on the order of calls only, so that they
// are the same each time. The default is that they are random.
func WithSeed(seed string) Option { return func(c *config) { c.seed = seed } }

// WithLogger logs each call and each attempt to deliver an event. The default is no log.
func WithLogger(l *slog.Logger) Option { return func(c *config) { c.logger = l } }

// WithWebhook gives [Server.App] a webhook of v1.1 from the start, and after a reset. The triggers
// are those of v1.1, such as message:appUser, or * for all.
func WithWebhook(target string, triggers ...string) Option {
	return func(c *config) {
		names := make([]any, len(triggers))
		for i, name := range triggers {
			names[i] = name
		}
		c.webhook = object{"target": target, "triggers": names}
	}
}

// WithPage serves the files at /, beside the API, under a Content-Security-Policy that lets them
// run no other scripts than their own and turn no text into HTML.
func WithPage(files fs.FS) Option { return func(c *config) { c.page = files } }
