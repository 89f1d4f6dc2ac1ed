// Package smoochtest is a Smooch service to test against, in the test's own process: it keeps apps,
// users, conversations, webhooks and the rest in memory, checks credentials for real, answers over real HTTP on
// loopback as the service documents it, and delivers webhooks.
//
//	server := smoochtest.NewServer()
//	defer server.Close()
//	client := server.Client()
//	user, err := client.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"})
//
// Nothing in it depends on the SDK being the caller: point a client of any language to
// [Server.URL]. The command smooch-fake serves it as a process.
package smoochtest

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/smooch/smooch-go"
)

// Server is a Smooch service on loopback, made by [NewServer]. Its methods are safe for concurrent use.
type Server struct {
	URL string // http://127.0.0.1:port, for smooch.WithBaseURL

	http   *httptest.Server
	cfg    config
	routes []route

	mu       sync.Mutex
	offset   time.Duration // of the server's clock
	last     time.Time     // of the last message: no two have the same time
	account  *key
	first    App
	keys     map[string]*key
	apps     []*app
	accounts []object // service accounts
	deploys  []object
	media    map[string]media
	grants   map[string]*app      // OAuth access tokens
	cookies  map[string]time.Time // media tokens, and when they run out
	requests []Request
	faults   []*fault
	window   time.Time // of the rate limit
	taken    int

	deliveries
}

type config struct {
	addr       string
	limit      int
	per        time.Duration
	firstRetry time.Duration
	maxUpload  int64
}

// Option is a setting of [NewServer].
type Option func(*config)

// WithAddr listens on addr, such as "127.0.0.1:8800". The default is a free port.
func WithAddr(addr string) Option { return func(c *config) { c.addr = addr } }

// WithRateLimit answers 429 with Retry-After to more than n calls within per. The default is no limit.
func WithRateLimit(n int, per time.Duration) Option {
	return func(c *config) { c.limit, c.per = n, per }
}

// WithWebhookRetryInterval sets the time before a failed delivery is tried again; it doubles
// with each of five tries. The default is 10 seconds. See also [Server.Advance].
func WithWebhookRetryInterval(first time.Duration) Option {
	return func(c *config) { c.firstRetry = first }
}

// WithMaxUpload sets the size of a file in bytes above which an upload is answered 413. The default is 50 MiB.
func WithMaxUpload(bytes int64) Option { return func(c *config) { c.maxUpload = bytes } }

// NewServer starts a service with one account and one app. Close it when done. It panics if it cannot
// listen, as httptest does.
func NewServer(opts ...Option) *Server {
	s := &Server{
		cfg:     config{addr: "127.0.0.1:0", firstRetry: 10 * time.Second, maxUpload: 50 << 20},
		routes:  table(),
		keys:    map[string]*key{},
		media:   map[string]media{},
		grants:  map[string]*app{},
		cookies: map[string]time.Time{},
	}
	for _, opt := range opts {
		opt(&s.cfg)
	}
	s.deliveries.init(s)
	s.account = s.newKey("act", "account", "account", "")
	first := s.newApp("Default app", "")
	k := s.newKey("app", "default", "app", first.id)
	s.first = App{first.id, first.token, Credentials{k.id, k.secret}}
	listener, err := net.Listen("tcp", s.cfg.addr)
	if err != nil {
		panic("smoochtest: " + err.Error())
	}
	s.http = &httptest.Server{Listener: listener, Config: &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}}
	s.http.Start()
	s.URL = s.http.URL
	return s
}

// Close stops the service; webhook deliveries under way are cut off.
func (s *Server) Close() {
	s.cancel()
	s.http.Close()
	s.deliveries.stop()
}

// Credentials are the id and secret of a key.
type Credentials struct{ KeyID, Secret string }

// Account gives a key of the account level, for smooch.AppMakerJWT and smooch.AccountJWT.
func (s *Server) Account() Credentials { return Credentials{s.account.id, s.account.secret} }

// App is the app that a new server has.
type App struct {
	ID    string
	Token string      // for smooch.AppToken
	Key   Credentials // for smooch.AppJWT and smooch.AppUserJWT
}

// App gives the app that a new server has.
func (s *Server) App() App { return s.first }

// Client gives a ready client: of the account level, bound to [Server.App]. Options come after those. It panics if they are wrong.
func (s *Server) Client(opts ...smooch.Option) *smooch.Client {
	key := s.Account()
	opts = append([]smooch.Option{smooch.WithBaseURL(s.URL), smooch.WithApp(s.App().ID)}, opts...)
	signer := smooch.AccountJWT(key.KeyID, key.Secret, smooch.WithoutExpiry()) // valid however far the clock is turned
	client, err := smooch.NewClient(signer, opts...)
	if err != nil {
		panic("smoochtest: " + err.Error())
	}
	return client
}

// Request is a call as it arrived.
type Request struct {
	Method string
	URI    string // as sent, with the query
	Header http.Header
	Body   []byte // at most 1 MiB
	Status int    // the answer; 0: none yet, or the connection was cut
}

// Requests gives all calls so far, in the order of their arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Advance turns the server's clock on by d: tokens run out, and webhook deliveries that are
// due then are tried again. It returns when they have been. The clocks of clients stay: what they sign is
// late by d from then on, and their waits after a 429 take real time.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	s.offset += d
	s.mu.Unlock()
	s.deliveries.runDue()
}

// now is the server's time. The caller holds the lock.
func (s *Server) now() time.Time { return time.Now().Add(s.offset) }

// tick is a time after all it has given before, to the millisecond.
func (s *Server) tick() time.Time {
	now := s.now().Truncate(time.Millisecond)
	if !now.After(s.last) {
		now = s.last.Add(time.Millisecond)
	}
	s.last = now
	return now
}

func newID() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func newSecret(length int) string {
	b := make([]byte, length/2+1)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)[:length]
}

// limitedBuffer keeps the first bytes that are written to it.
type limitedBuffer struct {
	bytes.Buffer
	room int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	n := min(len(p), b.room)
	b.room -= n
	b.Buffer.Write(p[:n])
	return len(p), nil
}
