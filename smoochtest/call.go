package smoochtest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// call is one request on its way to its handler. These functions fill it in, in this order, or
// refuse it: findRoute, authorize, readBody.
type call struct {
	server  *Server
	request *http.Request
	version string            // "v1", "v1.1" or "" for a path without a version
	route   *route            // from here on: set by findRoute
	params  map[string]string // the arguments of the path
	cred    credential        // from here on: set by authorize
	refused error             // why there is no valid credential; nil if there is or none is needed
	app     *app              // nil if the call is not about one app
	user    *user             // nil if the call is not about one user
	body    object            // from here on: set by readBody; never nil
	file    *file             // set if the body is a form with a file
}

// handle carries a call out, or refuses it. The body of a call whose credential is refused is not
// read. handle notes in entry what the call is about.
func handle(s *Server, w http.ResponseWriter, r *http.Request, entry *loggedCall) *reply {
	segments, valid := splitPath(r.URL.EscapedPath())
	if !valid {
		return badRequest("malformed path").withBodyUnread()
	}
	if len(segments) == 2 && segments[0] == "media" {
		return serveAttachment(s, r, segments[1]).withBodyUnread()
	}
	c := &call{server: s, request: r}
	defer entry.describe(c)
	if refusal := findRoute(c, segments); refusal != nil {
		return refusal.withBodyUnread()
	}
	if refusal := lockedAuthorize(c); refusal != nil {
		return withCORS(c, refusal).withBodyUnread()
	}
	if refusal := readBody(c, w); refusal != nil {
		return withCORS(c, refusal)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if refusal := authorize(c); refusal != nil { // what it is about may be gone by now
		return withCORS(c, refusal)
	}
	if c.cred.scope == scopeAppUser && c.user != nil {
		c.user.credentialRequired = true
	}
	answer := c.route.handler(c)
	s.tellChanges(c, answer)
	return withCORS(c, answer)
}

// identify notes in entry what a call is about that a fault keeps from being carried out.
func identify(s *Server, r *http.Request, entry *loggedCall) {
	c := &call{server: s, request: r}
	if segments, valid := splitPath(r.URL.EscapedPath()); valid && findRoute(c, segments) == nil {
		_ = lockedAuthorize(c)
	}
	entry.describe(c)
}

func lockedAuthorize(c *call) *reply {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return authorize(c)
}

// splitPath splits a path without cleaning it: an escaped slash stays within its segment.
func splitPath(escaped string) (segments []string, valid bool) {
	for part := range strings.SplitSeq(strings.TrimPrefix(escaped, "/"), "/") {
		segment, err := url.PathUnescape(part)
		if err != nil {
			return nil, false
		}
		segments = append(segments, segment)
	}
	return segments, true
}

func (c *call) query(name string) string { return c.request.URL.Query().Get(name) }

// text returns a field of the body, or "" if it is not a string.
func (c *call) text(name string) string {
	s, _ := c.body[name].(string)
	return s
}

// require refuses a body that lacks one of the fields, or has a field of the wrong type.
func (c *call) require(names ...string) *reply {
	if refusal := (part{"", c.body}).checkTypes(); refusal != nil {
		return refusal
	}
	for _, name := range names {
		if v, given := c.body[name]; !given || v == nil || v == "" {
			return badRequest(name + " is required")
		}
	}
	return nil
}

// page answers with the part of a list that limit and offset ask for.
func (c *call) page(name string, all []object) *reply {
	limit, offset := 25, 0
	for parameter, target := range map[string]*int{"limit": &limit, "offset": &offset} {
		value := c.query(parameter)
		if value == "" {
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || parameter == "limit" && (n == 0 || n > 100) {
			return badRequest(parameter + " is out of range")
		}
		*target = n
	}
	from := min(offset, len(all))
	to := from + min(limit, len(all)-from)
	return ok(object{name: notNull(all[from:to]), "hasMore": to < len(all), "offset": offset})
}

func (c *call) bearerToken() string {
	_, token, _ := strings.Cut(c.request.Header.Get("Authorization"), " ")
	return token
}
