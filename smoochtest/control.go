package smoochtest

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smooch/smooch-go"
)

// controlDocument describes the controls, that is all calls under /_sandbox/. It is what the page
// and tests in other languages are written against.
//
//go:embed control.json
var controlDocument []byte

const (
	controlPrefix  = "/_sandbox/"
	maxControlBody = 1 << 30 // a whole state may be sent
)

// controls answers the calls under /_sandbox/ and serves the page.
type controls struct {
	server *Server
	feed   feed
	seen   *snapshot // nil until somebody reads the feed; guarded by the server's lock
}

// control is one call under /_sandbox/. Its handler returns a refusal or the answer.
type control struct {
	server  *Server
	request *http.Request
	params  map[string]string
	answer  http.ResponseWriter
}

type controlRoute struct {
	method, path string // {x} are arguments
	handler      func(*control) *reply
}

// controlRoutes are all calls of control.json, but /_sandbox/events.
var controlRoutes = slices.Concat([]controlRoute{
	{"GET", "", describeControls},
	{"GET", "health", getHealth},
	{"GET", "credentials", getCredentials},
	{"GET", "clock", getClock},
	{"POST", "clock/advance", advanceClock},
	{"GET", "faults", listFaults},
	{"POST", "faults", injectFault},
	{"DELETE", "faults", liftFaults},
	{"DELETE", "faults/{id}", liftFault},
	{"POST", "reset", resetServer},
	{"GET", "state", exportState},
	{"PUT", "state", importState},
	{"GET", "media/{id}", getMedia},
}, controlAppRoutes, controlPersonRoutes, controlLogRoutes)

// serve answers a request if it is not a call of the API, and reports whether it did.
func (k *controls) serve(w http.ResponseWriter, r *http.Request) bool {
	isControl := strings.HasPrefix(r.URL.Path, controlPrefix)
	isPage := !isControl && k.asksForPage(r)
	if !isControl && !isPage {
		return false
	}
	// The page shows secrets and the controls need no credential: pages of other sites stay out, also
	// those whose name leads to this machine.
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Frame-Options", "DENY")
	if refusal := k.refuseForeign(r); refusal != nil {
		refusal.write(w, r, false)
		return true
	}
	if isPage {
		servePage(k.server.config.page, w, r)
		return true
	}
	if r.Method == http.MethodGet && r.URL.Path == controlPrefix+"events" {
		k.server.serveEvents(w, r)
		return true
	}
	k.handle(w, r).write(w, r, false)
	return true
}

// asksForPage reports whether a request is for a file of the page. What there is no file for is
// taken for a call of the API with a mistake in its path, unless the page or a person asks for it.
func (k *controls) asksForPage(r *http.Request) bool {
	if k.server.config.page == nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	path := strings.Trim(r.URL.Path, "/")
	if _, err := fs.Stat(k.server.config.page, cmp.Or(path, ".")); err == nil {
		return true
	}
	first, _, _ := strings.Cut(path, "/")
	isCall := slices.Contains([]string{"v1", "v1.1", "media", "oauth"}, first)
	asks := r.Header.Get("Sec-Fetch-Site") // browsers say so
	return !isCall && (asks == "same-origin" || asks == "none")
}

// pagePolicy lets the page run its own scripts and styles only, and turn no text into HTML. What it
// shows are messages of anybody, with pictures from anywhere.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"img-src * data: blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

func servePage(page fs.FS, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.FileServerFS(page).ServeHTTP(w, r)
}

// refuseForeign refuses a request to a name that is not this machine's, and one from a page of
// another site.
func (k *controls) refuseForeign(r *http.Request) *reply {
	if host := hostname(r.Host); !k.isOwn(r, host) {
		return refuse(403, "forbidden", "the host "+host+" is not this sandbox: start it with -allow-host "+
			host+" (in Go: WithAllowedHosts)")
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err == nil && u.Host == r.Host && u.Scheme != "" {
			continue
		}
		if err == nil && slices.Contains(k.server.config.allowedHosts, u.Hostname()) {
			continue
		}
		return refuse(403, "forbidden", "pages of "+origin+" may not control this sandbox")
	}
	return nil
}

// isOwn reports whether a name leads to the server without asking anybody else where it leads: it
// is localhost, or the address that the request has come in on, or was allowed.
func (k *controls) isOwn(r *http.Request, host string) bool {
	if isLoopback(host) || slices.Contains(k.server.config.allowedHosts, host) {
		return true
	}
	local, known := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !known {
		return false
	}
	ip, _, _ := net.SplitHostPort(local.String())
	own := net.ParseIP(ip)
	return own != nil && own.Equal(net.ParseIP(host))
}

// hostname returns a host without its port and the brackets of an IPv6 address.
func hostname(host string) string { return (&url.URL{Host: host}).Hostname() }

// handle carries a control out, or refuses it.
func (k *controls) handle(w http.ResponseWriter, r *http.Request) *reply {
	segments, valid := splitPath(strings.TrimPrefix(r.URL.EscapedPath(), controlPrefix))
	if !valid {
		return badRequest("malformed path")
	}
	otherMethod := false
	for _, rt := range controlRoutes {
		params, matches := matchControl(rt.path, segments)
		switch {
		case !matches:
		case rt.method == r.Method:
			return rt.handler(&control{k.server, r, params, w})
		default:
			otherMethod = true
		}
	}
	if otherMethod {
		return refuse(405, "method_not_allowed", "Method not allowed")
	}
	return notFound("Control")
}

func matchControl(path string, segments []string) (params map[string]string, matches bool) {
	words := strings.Split(path, "/")
	if len(words) != len(segments) {
		return nil, false
	}
	params = map[string]string{}
	for i, word := range words {
		if name, isArgument := strings.CutPrefix(word, "{"); isArgument {
			params[strings.TrimSuffix(name, "}")] = segments[i]
		} else if word != segments[i] {
			return nil, false
		}
	}
	return params, true
}

// read reads the body, which must have no other members than to. An empty body is an object without
// members.
func (c *control) read(to any) *reply {
	dec := json.NewDecoder(http.MaxBytesReader(c.answer, c.request.Body, maxControlBody))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	err := dec.Decode(to)
	if wrong, isType := errors.AsType[*json.UnmarshalTypeError](err); isType && wrong.Field != "" {
		return badRequest("the member " + wrong.Field + " has the wrong type: " + wrong.Value)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return badRequest("the body does not fit: " + strings.TrimPrefix(err.Error(), "json: "))
	}
	if dec.More() {
		return badRequest("the body is more than one JSON object")
	}
	return nil
}

// seconds returns a time given in seconds.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// number reads a parameter of the query that is a number from low to high.
func (c *control) number(name string, otherwise, low, high float64) (float64, *reply) {
	text := c.request.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= low && n <= high) {
		return 0, badRequest(fmt.Sprintf("%s must be a number from %v to %v", name, low, high))
	}
	return n, nil
}

func describeControls(*control) *reply {
	return &reply{
		status: 200, header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body: controlDocument,
	}
}

func getHealth(c *control) *reply {
	s := c.server
	s.mu.Lock()
	apps := len(s.apps)
	s.mu.Unlock()
	return ok(object{
		"status": "ok", "version": Version(), "now": isoTime(s.clock.now()), "apps": apps,
		"calls": s.requests.count(), "deliveries": s.deliveries.count(),
	})
}

// Version returns the version of the module that the server is part of, such as v0.3.1, or
// "(devel)" if it was built from a working copy.
func Version() string {
	const module = "github.com/smooch/smooch-go"
	info, known := debug.ReadBuildInfo()
	if !known {
		return "(devel)"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module && m.Version != "" {
			return m.Version
		}
	}
	return "(devel)"
}

func getCredentials(c *control) *reply { return ok(c.server.ClientSettings()) }

// ClientSettings are what a client of the server needs, as the process and the controls tell it.
type ClientSettings struct {
	BaseURL       string `json:"baseURL"`
	AppID         string `json:"appId"`
	AppToken      string `json:"appToken"`
	KeyID         string `json:"keyId"` // of the app
	Secret        string `json:"secret"`
	AccountKeyID  string `json:"accountKeyId"`
	AccountSecret string `json:"accountSecret"`
	JWT           string `json:"jwt"` // of account scope, without expiry
}

// ClientSettings returns what a client of [Server.App] needs.
func (s *Server) ClientSettings() ClientSettings {
	account, app := s.Account(), s.App()
	token, err := smooch.AccountJWT(account.KeyID, account.Secret, smooch.WithoutExpiry()).Token()
	if err != nil {
		panic("smoochtest: " + err.Error()) // an empty key or secret, which a server does not have
	}
	return ClientSettings{
		s.URL, app.ID, app.Token, app.Key.KeyID, app.Key.Secret, account.KeyID, account.Secret, token,
	}
}

func (s *Server) clockJSON() object {
	return object{"now": isoTime(s.clock.now()), "advanced": s.clock.ahead().Seconds()}
}

func getClock(c *control) *reply { return ok(object{"clock": c.server.clockJSON()}) }

func advanceClock(c *control) *reply {
	var body struct {
		Seconds float64 `json:"seconds"`
	}
	if refusal := c.read(&body); refusal != nil {
		return refusal
	}
	if !(body.Seconds > 0 && body.Seconds <= 10*365*24*3600) {
		return badRequest("seconds must be more than 0 and at most ten years")
	}
	c.server.Advance(seconds(body.Seconds))
	return getClock(c)
}

type faultBody struct {
	Method      string  `json:"method"`
	Path        string  `json:"path"`
	Times       int     `json:"times"`
	Seconds     float64 `json:"seconds"`
	Status      int     `json:"status"`
	RetryAfter  int     `json:"retryAfter"`
	Body        string  `json:"body"`
	ContentType string  `json:"contentType"`
	Cut         Cut     `json:"cut"`
	Delay       float64 `json:"delay"`
	Truncate    bool    `json:"truncate"`
}

func faultJSON(f activeFault) object {
	left := f.left
	if f.Times < 0 {
		left = -1
	}
	o := object{"id": f.id, "left": left, "hits": f.hits}
	if !f.until.IsZero() {
		o["until"] = isoTime(f.until)
	}
	given := faultBody{
		Method: f.Method, Path: f.Path, Times: f.Times, Status: f.Status, RetryAfter: int(f.RetryAfter.Seconds()),
		Body: f.Body, ContentType: f.ContentType, Cut: f.Cut, Delay: f.Delay.Seconds(), Truncate: f.Truncate,
	}
	var members object
	_ = json.Unmarshal(encode(given), &members) // it was encoded from an object
	delete(members, "seconds")
	return union(members, o)
}

func listFaults(c *control) *reply {
	all := []object{}
	for _, f := range c.server.faults.list(c.server.clock.now()) {
		all = append(all, faultJSON(f))
	}
	return ok(object{"faults": all})
}

func injectFault(c *control) *reply {
	var body faultBody
	if refusal := c.read(&body); refusal != nil {
		return refusal
	}
	switch {
	case body.Status != 0 && (body.Status < 200 || body.Status > 599):
		return badRequest("status must be from 200 to 599")
	case body.Cut != "" && body.Cut != CutBefore && body.Cut != CutAfter:
		return badRequest("cut must be before or after")
	case !(body.Seconds >= 0 && body.Delay >= 0) || body.RetryAfter < 0 || body.Times < -1:
		return badRequest("seconds, delay, retryAfter and times must not be negative")
	case body.Status == 0 && body.Cut == "" && body.Delay == 0 && !body.Truncate:
		return badRequest("status, cut, delay or truncate is required")
	}
	var until time.Time
	if body.Seconds > 0 {
		until = c.server.clock.now().Add(seconds(body.Seconds))
		if body.Times == 0 {
			body.Times = -1
		}
	}
	f := c.server.faults.add(Fault{
		Method: body.Method, Path: body.Path, Times: body.Times, Status: body.Status,
		RetryAfter: time.Duration(body.RetryAfter) * time.Second, Body: body.Body, ContentType: body.ContentType,
		Cut: body.Cut, Delay: seconds(body.Delay), Truncate: body.Truncate,
	}, until)
	if body.Seconds > 0 { // readers of the feed are told when it is over, although nobody calls
		c.server.afterTime(seconds(body.Seconds), func() { c.server.faults.list(c.server.clock.now()) })
	}
	return created(object{"fault": faultJSON(*f)})
}

func liftFaults(c *control) *reply {
	c.server.faults.lift(func(*activeFault) bool { return true })
	return ok(object{})
}

func liftFault(c *control) *reply {
	lifted := c.server.faults.lift(func(f *activeFault) bool { return strconv.Itoa(f.id) == c.params["id"] })
	if lifted == 0 {
		return notFound("Fault")
	}
	return ok(object{})
}

// afterTime runs f after a time, unless the server is closed by then.
func (s *Server) afterTime(d time.Duration, f func()) {
	timer := time.AfterFunc(d, f)
	context.AfterFunc(s.ctx, func() { timer.Stop() })
}

func resetServer(c *control) *reply {
	var body struct {
		KeepApps bool `json:"keepApps"`
	}
	if refusal := c.read(&body); refusal != nil {
		return refusal
	}
	c.server.reset(body.KeepApps)
	return ok(object{})
}
