// Package smoochtest is a fake Smooch service for tests. It runs in the test's own process, keeps
// apps, users, conversations, webhooks and everything else in memory, checks credentials as the
// service does, answers both versions of the API over real HTTP on loopback, and delivers webhooks.
//
//	server := smoochtest.NewServer()
//	defer server.Close()
//	client := server.Client()
//	user, err := client.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"})
//
// The caller does not have to be the SDK: a client in any language can be pointed at [Server.URL].
// The command smooch-fake runs the service as a process of its own.
package smoochtest

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/smooch/smooch-go"
)

// Server is a Smooch service on loopback, started by [NewServer]. Its methods are safe for
// concurrent use.
type Server struct {
	URL string // http://127.0.0.1:port, for smooch.WithBaseURL

	config     config
	http       *httptest.Server
	ctx        context.Context // canceled by Close
	cancel     context.CancelFunc
	accountKey *key
	defaultApp App
	clock      *clock
	requests   requestLog
	faults     faultList
	rateLimit  rateLimit
	deliveries *deliveries

	mu              sync.Mutex // guards the fields below and what they point to
	apps            []*app
	keys            map[string]*key // by id
	serviceAccounts []object
	deployments     []object
	attachments     map[string]attachment // by id
	mediaTokens     map[string]time.Time  // and when they expire
	accessTokens    map[string]*app       // of OAuth, and the app of each
}

type config struct {
	addr       string
	rateLimit  int
	rateWindow time.Duration
	firstRetry time.Duration
	maxUpload  int64
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

// NewServer starts a service with one account and one app. Close it after use. Like
// httptest.NewServer, it panics if it cannot listen.
func NewServer(opts ...Option) *Server {
	s := &Server{
		config:       config{addr: "127.0.0.1:0", firstRetry: 10 * time.Second, maxUpload: 50 << 20},
		clock:        &clock{},
		keys:         map[string]*key{},
		attachments:  map[string]attachment{},
		mediaTokens:  map[string]time.Time{},
		accessTokens: map[string]*app{},
	}
	for _, opt := range opts {
		opt(&s.config)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.rateLimit = rateLimit{max: s.config.rateLimit, window: s.config.rateWindow}
	s.deliveries = newDeliveries(s.ctx, s.clock, s.config.firstRetry)
	s.accountKey = newKey(s, "account", keyOwner{kind: ownerAccount})
	a := newApp(s, object{"name": "Default app"}, "")
	k := newKey(s, "default", keyOwner{ownerApp, a.id})
	s.defaultApp = App{a.id, a.token, Credentials{k.id, k.secret}}
	listener, err := net.Listen("tcp", s.config.addr)
	if err != nil {
		panic("smoochtest: " + err.Error())
	}
	s.http = &httptest.Server{
		Listener: listener,
		Config:   &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second},
	}
	s.http.Start()
	s.URL = s.http.URL
	return s
}

// Close stops the service. It cuts off webhook deliveries that are under way.
func (s *Server) Close() {
	s.deliveries.stop()
	s.cancel()
	s.http.Close()
	s.deliveries.wait()
}

// Credentials are the id and the secret of a key.
type Credentials struct{ KeyID, Secret string }

// Account returns a key of the account, for smooch.AppMakerJWT and smooch.AccountJWT.
func (s *Server) Account() Credentials { return Credentials{s.accountKey.id, s.accountKey.secret} }

// App is the app that a new server has. See [Server.App].
type App struct {
	ID    string
	Token string      // for smooch.AppToken
	Key   Credentials // for smooch.AppJWT and smooch.AppUserJWT
}

// App returns the app that a new server has.
func (s *Server) App() App { return s.defaultApp }

// Client returns a client of this server that has a credential of the account and is bound to
// [Server.App]. The options are applied after these settings. Client panics if one is invalid.
func (s *Server) Client(opts ...smooch.Option) *smooch.Client {
	key := s.Account()
	opts = append([]smooch.Option{smooch.WithBaseURL(s.URL), smooch.WithApp(s.App().ID)}, opts...)
	// Without an expiry the credential remains valid however far the clock is advanced.
	signer := smooch.AccountJWT(key.KeyID, key.Secret, smooch.WithoutExpiry())
	client, err := smooch.NewClient(signer, opts...)
	if err != nil {
		panic("smoochtest: " + err.Error())
	}
	return client
}

// ServeHTTP answers a call as the service does, so that a test can also reach the server without a
// connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kept := &limitedBuffer{room: maxLoggedBody}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, kept), r.Body}

	number := s.requests.add(r)
	f := s.faults.take(r)
	s.delay(r, f.Delay)
	if f.Cut == CutBefore {
		s.requests.finish(number, kept, 0)
		panic(http.ErrAbortHandler)
	}
	var answer *reply
	switch limited, retryAfter := s.rateLimit.take(s.clock.now()); {
	case f.Status != 0:
		answer = f.reply()
	case limited:
		answer = tooManyRequests(retryAfter)
	default:
		answer = handle(s, w, r)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxLoggedBody)) // what the handler did not read
	if f.Cut == CutAfter {
		s.requests.finish(number, kept, 0)
		panic(http.ErrAbortHandler)
	}
	s.requests.finish(number, kept, answer.status)
	answer.write(w, r, f.Truncate)
}

// delay holds a call back until d has passed, the caller is gone or the server is closed.
func (s *Server) delay(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	case <-s.ctx.Done():
	}
}

// Requests returns all calls so far in the order of their arrival.
func (s *Server) Requests() []Request { return s.requests.list() }

// Fail injects a fault into the calls that match it, until it has affected as many as its Times
// says or lift is called, which may happen more than once. If several faults match a call, the first
// one that was added is used.
func (s *Server) Fail(f Fault) (lift func()) { return s.faults.add(f) }

// Faults returns the faults that are in force, in the order in which they were added. The Times of
// each is the number of calls that it has yet to affect; -1 means all.
func (s *Server) Faults() []Fault { return s.faults.list() }

// Advance moves the server's clock forward by d, so that tokens expire. Webhook deliveries that
// become due are retried before it returns. The clocks of clients do not move: the tokens that they
// sign are dated d in the past from then on, and their waits after a 429 take real time.
func (s *Server) Advance(d time.Duration) {
	s.clock.advance(d)
	s.deliveries.retryDue()
}

// DeliveryLog returns every attempt so far to deliver an event to a webhook, in the order in which
// the attempts ended.
func (s *Server) DeliveryLog() []Delivery { return s.deliveries.list() }

// WaitDeliveries waits until every event so far has been sent once to each webhook that wants it,
// or until ctx ends, and returns the error of ctx. It does not wait for retries, which depend on
// the clock: see [Server.Advance].
func (s *Server) WaitDeliveries(ctx context.Context) error { return s.deliveries.waitIdle(ctx) }

// Say posts a text as a user, as if it had come in over a channel, and returns the message's id.
func (s *Server) Say(appID, userID, text string) (messageID string, err error) {
	return s.Send(appID, userID, map[string]any{"type": "text", "text": text})
}

// Send posts a message as a user, as if it had come in over a channel, and returns its id. The
// message has the fields of a posted message. Send fills in the role.
func (s *Server) Send(appID, userID string, message map[string]any) (messageID string, err error) {
	m, err := copyJSON(message)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, u, err := findUser(s, appID, userID)
	if err != nil {
		return "", err
	}
	m["role"] = "appUser"
	return addMessage(a, u, m)["_id"].(string), nil
}

// Tap taps a postback button as a user: the last one with the given payload in the user's messages,
// or else the one in the app's menu.
func (s *Server) Tap(appID, userID, payload string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, u, err := findUser(s, appID, userID)
	if err != nil {
		return err
	}
	action, message := findAction(a, u, func(action object) bool {
		return action["type"] == "postback" && action["payload"] == payload
	})
	if action == nil {
		return errors.New("smoochtest: the user was sent no such postback button")
	}
	emitPostback(a, u, action, message)
	return nil
}

// Emit delivers an event to the webhooks that want it. The trigger is one of v1.1, and fields are
// the event's fields other than trigger, version, app, appUser and conversation. With an empty
// userID the event has no user. Emit fills in a timestamp if there is none.
func (s *Server) Emit(appID, userID, trigger string, fields map[string]any) error {
	given, err := copyJSON(fields)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := findApp(s, appID)
	if a == nil {
		return errNotFound
	}
	e := event{trigger: trigger}
	if userID != "" {
		if e.user = a.user(userID); e.user == nil {
			return errNotFound
		}
	}
	e.fullUserOnV1 = trigger == "postback" || trigger == "conversation:start" ||
		strings.HasPrefix(trigger, "message:app")
	all := union(object{"timestamp": unixTime(s.clock.unique())}, given)
	e.fields = func(version string) object {
		o := maps.Clone(all)
		message, single := o["message"]
		if single && version == "v1" && strings.HasPrefix(trigger, "message:delivery") {
			o["messages"] = []any{message}
			delete(o, "message")
			delete(o, "isFinalEvent")
		}
		return o
	}
	emit(a, e)
	return nil
}

// errNotFound is the error for an app or a user that the server does not have.
var errNotFound = errors.New("smoochtest: no such app or app user")

func findUser(s *Server, appID, userID string) (*app, *user, error) {
	if a := findApp(s, appID); a != nil {
		if u := a.user(userID); u != nil {
			return a, u, nil
		}
	}
	return nil, nil, errNotFound
}
