// Package smoochtest is a fake Smooch service for tests. It runs in the test's own process, keeps
// apps, users, conversations, webhooks and everything else in memory, checks credentials as the
// service does, answers both versions of the API over real HTTP on loopback, and delivers webhooks.
// What the documents require of a call is required here, and a refusal names the member that is
// wrong.
//
//	server := smoochtest.NewServer()
//	defer server.Close()
//	client := server.Client()
//	user, err := client.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"})
//
// A test plays the other side with a [Person], who is an app user on a channel:
//
//	ida := server.Person(server.App().ID, "ida", "whatsapp")
//	messageID, err := ida.Say("Is it open on Sunday?")
//	err = ida.Tap("BOOK") // the button with this payload
//	err = server.WaitDeliveries(ctx)
//
// [Server.Emit] delivers events that no person makes, [Server.Redeliver] an event once more,
// [Server.Fail] makes calls go wrong, and [Server.Advance] turns the clock. [Server.Requests] and
// [Server.DeliveryLog] tell what has happened.
//
// The caller does not have to be the SDK: a client in any language can be pointed at [Server.URL].
// The command smooch-sandbox runs the service as a process of its own, and every server can be
// driven from outside through the calls under /_sandbox/, which the answer to GET /_sandbox/
// describes.
package smoochtest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"time"

	"github.com/smooch/smooch-go"
)

// Server is a Smooch service on loopback, started by [NewServer]. Its methods are safe for
// concurrent use.
type Server struct {
	URL string // http://127.0.0.1:port, for smooch.WithBaseURL

	config     config
	http       *httptest.Server
	controls   controls
	ctx        context.Context // canceled by Close
	cancel     context.CancelFunc
	clock      *clock
	random     *random
	requests   requestLog
	faults     faultList
	rateLimit  rateLimit
	deliveries *deliveries

	mu              stateLock // guards the fields below and what they point to
	apps            []*app
	keys            map[string]*key // by id
	serviceAccounts []object
	deployments     []object
	attachments     map[string]attachment // by id
	mediaBytes      int64                 // of attachments, or more
	mediaTokens     map[string]mediaToken
	accessTokens    map[string]*app // of OAuth, and the app of each
}

// NewServer starts a service with one account and one app. Close it after use. Like
// httptest.NewServer, it panics if it cannot listen.
func NewServer(opts ...Option) *Server {
	s, err := Start(opts...)
	if err != nil {
		panic(err)
	}
	return s
}

// Start is NewServer for a program that is not a test: it returns an error if it cannot listen or
// an option does not fit.
func Start(opts ...Option) (*Server, error) {
	s := &Server{
		config: config{
			addr: "127.0.0.1:0", firstRetry: 10 * time.Second, maxUpload: 50 << 20,
			keepLog: 10_000, keepMedia: 256 << 20, logger: slog.New(slog.DiscardHandler),
		},
		clock: &clock{},
	}
	for _, opt := range opts {
		opt(&s.config)
	}
	s.random = &random{}
	s.controls = controls{server: s, feed: feed{epoch: strconv.FormatInt(time.Now().UnixMicro(), 36)}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.rateLimit = rateLimit{max: s.config.rateLimit, window: s.config.rateWindow}
	s.requests.calls = recent[*loggedCall]{limit: s.config.keepLog, room: maxLogBytes}
	s.faults.tell, s.faults.tellLifted = s.tellFault, s.tellFaultLifted
	s.deliveries = newDeliveries(s.ctx, s.clock, s.config, s.tellDelivery)
	if err := s.checkWebhookOption(); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", s.config.addr)
	if err != nil {
		return nil, fmt.Errorf("smoochtest: %w", err)
	}
	s.URL = baseURL(listener.Addr())
	s.begin()
	for _, k := range s.keys {
		if _, err := smooch.AccountJWT(k.id, k.secret).Token(); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
	}
	s.http = &httptest.Server{
		Listener: listener,
		Config:   &http.Server{Handler: s, ReadHeaderTimeout: time.Minute},
	}
	s.http.Start()
	return s, nil
}

// empty takes all state away.
func (s *Server) empty() {
	s.apps, s.serviceAccounts, s.deployments = nil, nil, nil
	s.keys = map[string]*key{}
	s.attachments, s.mediaBytes = map[string]attachment{}, 0
	s.mediaTokens = map[string]mediaToken{}
	s.accessTokens = map[string]*app{}
}

// begin sets the state of a new server. The credentials are the same whenever it begins.
func (s *Server) begin() {
	s.random.restart(s.config.seed)
	s.empty()
	account, first := &s.config.account, &s.config.app
	newKey(s, "account", keyOwner{kind: ownerAccount}).rename(s, account)
	a := newApp(s, object{"name": "Default app"}, "")
	first.ID, first.Token = cmp.Or(first.ID, a.id), cmp.Or(first.Token, a.token)
	a.id, a.token = first.ID, first.Token
	newKey(s, "default", keyOwner{ownerApp, a.id}).rename(s, &first.Key)
	if fields := s.config.webhook; fields != nil {
		addWebhook(a, "v1.1", fields, "")
	}
}

// checkWebhookOption refuses what WithWebhook was given as a call would.
func (s *Server) checkWebhookOption() error {
	if s.config.webhook == nil {
		return nil
	}
	refusal := checkWebhook(&call{server: s, body: s.config.webhook}, "v1.1")
	if refusal == nil {
		return nil
	}
	var answer struct {
		Error struct{ Description string } `json:"error"`
	}
	_ = json.Unmarshal(refusal.body, &answer) // it was encoded here
	return errors.New("smoochtest: the webhook does not fit: " + answer.Error.Description)
}

// baseURL returns the URL of a listener's address. An address that stands for all addresses cannot
// be connected to: there, it is the one of loopback.
func baseURL(addr net.Addr) string {
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Close stops the service. Calls that are under way have a second to end. Close cuts off webhook
// deliveries that are under way.
func (s *Server) Close() {
	s.deliveries.stop()
	s.cancel()
	cut := time.AfterFunc(time.Second, s.http.CloseClientConnections)
	defer cut.Stop()
	s.http.Close()
	s.deliveries.wait()
}

// Credentials are the id and the secret of a key.
type Credentials struct{ KeyID, Secret string }

// Account returns a key of the account, for smooch.AppMakerJWT and smooch.AccountJWT.
func (s *Server) Account() Credentials {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config.account
}

// App is the app that a new server has. See [Server.App].
type App struct {
	ID    string
	Token string      // for smooch.AppToken
	Key   Credentials // for smooch.AppJWT and smooch.AppUserJWT
}

// App returns the app that a new server has.
func (s *Server) App() App {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config.app
}

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
	if s.controls.serve(w, r) {
		return
	}
	kept := &limitedBuffer{room: maxLoggedBody}
	r = r.WithContext(r.Context()) // a copy, as net/http needs the original's body
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, kept), r.Body}

	now := s.clock.now()
	entry := s.requests.add(r, now)
	var f Fault
	f, entry.fault = s.faults.take(r, now)
	s.delay(r, f.Delay)
	if f.Cut == CutBefore {
		identify(s, r, entry)
		s.finish(entry, kept, nil)
		panic(http.ErrAbortHandler)
	}
	var answer *reply
	switch limited, retryAfter := s.rateLimit.take(s.clock.now()); {
	case f.Status != 0:
		identify(s, r, entry)
		answer = f.reply()
	case limited:
		identify(s, r, entry)
		answer = tooManyRequests(retryAfter)
	default:
		answer = handle(s, w, r, entry)
	}
	if !answer.bodyUnread {
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxLoggedBody)) // what the handler did not read
	}
	if f.Cut == CutAfter {
		s.finish(entry, kept, nil)
		panic(http.ErrAbortHandler)
	}
	s.finish(entry, kept, answer)
	answer.write(w, r, f.Truncate)
}

// finish logs a call that was answered or, if answer is nil, cut.
func (s *Server) finish(entry *loggedCall, body *limitedBuffer, answer *reply) {
	s.requests.finish(entry, body, answer)
	s.tellCall(entry)
}

// trimMedia counts a file that was added and drops the oldest files if there is more than the
// server keeps. It leaves some room, so as not to count the files with each further one. The
// newest file stays whatever its size. The caller holds the server's lock.
func (s *Server) trimMedia(added int64) {
	limit := s.config.keepMedia
	if s.mediaBytes += added; s.mediaBytes <= limit {
		return
	}
	s.mediaBytes = 0
	for _, m := range s.attachments {
		s.mediaBytes += int64(len(m.file.data))
	}
	oldest := slices.SortedFunc(maps.Keys(s.attachments), func(a, b string) int {
		return s.attachments[a].at.Compare(s.attachments[b].at)
	})
	for _, id := range oldest[:len(oldest)-1] {
		if s.mediaBytes <= limit-limit/10 {
			return
		}
		s.mediaBytes -= int64(len(s.attachments[id].file.data))
		delete(s.attachments, id)
	}
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

// Requests returns the calls so far in the order of their arrival, the last 10,000 by default. See
// [WithHistory].
func (s *Server) Requests() []Request { return s.requests.list() }

// Fail injects a fault into the calls that match it, until it has affected as many as its Times
// says or lift is called, which may happen more than once. If several faults match a call, the
// first one that was added is used.
func (s *Server) Fail(f Fault) (lift func()) {
	added := s.faults.add(f, time.Time{})
	return func() { s.faults.lift(func(other *activeFault) bool { return other == added }) }
}

// Faults returns the faults that are in force, in the order in which they were added. The Times of
// each is the number of calls that it has yet to affect; -1 means all.
func (s *Server) Faults() []Fault {
	var all []Fault
	for _, f := range s.faults.list(s.clock.now()) {
		if f.Times >= 0 {
			f.Times = f.left
		}
		all = append(all, f.Fault)
	}
	return all
}

// Advance moves the server's clock forward by d, so that tokens expire. Webhook deliveries that
// become due are retried before it returns. The clocks of clients do not move: the tokens that they
// sign are dated d in the past from then on, and their waits after a 429 take real time.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock() // the clock is part of the state
	s.clock.advance(d)
	s.mu.Unlock()
	s.tellClock()
	s.deliveries.retryDue()
}

// DeliveryLog returns the attempts so far to deliver an event to a webhook, in the order in which
// they ended, the last 10,000 by default. See [WithHistory].
func (s *Server) DeliveryLog() []Delivery { return s.deliveries.list() }

// Redeliver sends an event in the log once more, byte for byte, to the target that the webhook has
// by now, and returns what came of it when that is known. It is a further attempt in the log, and
// is not repeated. An id that is not in the log and a webhook that was deleted are errors.
func (s *Server) Redeliver(deliveryID string) (Delivery, error) {
	e, found := s.deliveries.find(deliveryID)
	if !found {
		return Delivery{}, errNoDelivery
	}
	target, secret := "", ""
	s.mu.Lock()
	for _, a := range s.apps {
		for _, h := range a.webhooks {
			if h.id == e.queue.webhookID {
				target, secret = h.target(), h.secret
			}
		}
	}
	s.mu.Unlock()
	if target == "" {
		return Delivery{}, errors.New("smoochtest: the webhook was deleted")
	}
	return s.deliveries.resend(e, target, secret), nil
}

var errNoDelivery = errors.New("smoochtest: no such delivery")

// WaitDeliveries waits until every event so far has been sent once to each webhook that wants it,
// and the target of every new webhook has been checked, or until ctx ends, and returns the error of
// ctx. It does not wait for retries, which depend on the clock: see [Server.Advance].
func (s *Server) WaitDeliveries(ctx context.Context) error { return s.deliveries.waitIdle(ctx) }

// Person plays an app user, named by _id or userId, on a channel: a type such as "whatsapp", or the
// id of an integration. A user who is not on the channel yet is as soon as a method does something
// there. With an empty channel it is the one that the user used last; a user who has none does
// things without a channel, as over the API.
func (s *Server) Person(appID, userID, channel string) *Person {
	return &Person{s, appID, userID, channel}
}

// Say posts a text as a user, on the channel that the user used last, and returns the message's id.
// [Server.Person] has whatever else a user does.
func (s *Server) Say(appID, userID, text string) (messageID string, err error) {
	return s.Person(appID, userID, "").Say(text)
}

// Send posts a message as a user, on the channel that the user used last, and returns its id. See
// [Person.Send].
func (s *Server) Send(appID, userID string, message map[string]any) (messageID string, err error) {
	return s.Person(appID, userID, "").Send(message)
}

// Tap taps a button as a user, on the channel that the user used last. See [Person.Tap].
func (s *Server) Tap(appID, userID, button string) error {
	return s.Person(appID, userID, "").Tap(button)
}

// Emit delivers an event to the webhooks that want it. The trigger is one of v1.1; v1 gets the
// event under its own name, if it has it. The event has all members that the documents show on it,
// made of what the user has been sent and made up where there is nothing: fields replaces those
// that it has, and adds others. With an empty userID the event is about no user. Emit fails if
// there is no such app or user.
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
	var u *user
	if userID != "" {
		if u = a.user(userID); u == nil {
			return errNotFound
		}
	}
	emitExample(a, u, trigger, given)
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
