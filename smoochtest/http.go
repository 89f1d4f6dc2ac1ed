package smoochtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object.
type object = map[string]any

// reply is an answer. A nil body is an empty one.
type reply struct {
	status int
	body   any
	header http.Header
}

func ok(body any) reply      { return reply{200, body, nil} }
func created(body any) reply { return reply{201, body, nil} }

func fail(status int, code, description string) reply {
	return reply{status, object{"error": object{"code": code, "description": description}}, nil}
}

func badRequest(description string) reply { return fail(400, "bad_request", description) }
func unauthorized() reply                 { return fail(401, "unauthorized", "Authorization is required") }
func forbidden() reply                    { return fail(403, "forbidden", "Invalid scope") }
func notFound(what string) reply          { return fail(404, "not_found", what+" not found") }

// call is one request on its way to its handler.
type call struct {
	*Server
	r       *http.Request
	version string
	route   *route
	params  map[string]string
	cred    credential
	app     *app
	user    *user
	body    object
	file    *file
	prefix  bool // the path named the app
}

// ServeHTTP answers as the service does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kept := &limitedBuffer{room: 1 << 20}
	body := struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, kept), r.Body}
	r.Body = body

	place := s.arrived(r)
	f := s.takeFault(r)
	if f != nil && f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
	}
	if f != nil && f.Cut == CutBefore {
		s.record(place, kept, 0)
		panic(http.ErrAbortHandler)
	}
	var answer reply
	switch limited, wait := s.overLimit(); {
	case f != nil && f.instead():
		answer = f.reply()
	case limited:
		answer = fail(429, "too_many_requests", "Too many requests")
		answer.header = http.Header{"Retry-After": {strconv.Itoa(wait)}}
	default:
		answer = s.handle(w, r)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20)) // what the handler had no use for
	if f != nil && f.Cut == CutAfter {
		s.record(place, kept, 0)
		panic(http.ErrAbortHandler)
	}
	answer.encode()
	s.record(place, kept, answer.status)
	write(w, r, answer, f)
}

// arrived notes a call, and gives its place among all.
func (s *Server) arrived(r *http.Request) (place int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{Method: r.Method, URI: r.RequestURI, Header: r.Header.Clone()})
	return len(s.requests) - 1
}

// record notes what came of a call.
func (s *Server) record(place int, body *limitedBuffer, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[place].Body, s.requests[place].Status = bytes.Clone(body.Bytes()), status
}

func write(w http.ResponseWriter, r *http.Request, answer reply, f *fault) {
	header := w.Header()
	maps.Copy(header, answer.header)
	if origin := r.Header.Get("Origin"); origin != "" {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Expose-Headers", "Retry-After")
	}
	if answer.body == nil {
		header.Set("Content-Length", "0")
		w.WriteHeader(answer.status)
		return
	}
	data := answer.body.([]byte)
	if f != nil && f.Truncate {
		data = data[:len(data)/2]
	}
	header.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(answer.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(data) // a caller that has gone needs no answer
	}
}

// overLimit counts a call, and gives the seconds to wait if it is one too many.
func (s *Server) overLimit() (limited bool, wait int) {
	if s.cfg.limit == 0 {
		return false, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.window) >= s.cfg.per {
		s.window, s.taken = now, 0
	}
	s.taken++
	left := s.window.Add(s.cfg.per).Sub(now)
	return s.taken > s.cfg.limit, int((left + time.Second - 1) / time.Second)
}

// handle routes a call, checks its credential and carries it out.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) reply {
	segments, valid := split(r.URL.EscapedPath())
	if !valid {
		return badRequest("malformed path")
	}
	if len(segments) == 2 && segments[0] == "media" {
		return s.serveMedia(segments[1])
	}
	c := &call{Server: s, r: r}
	if answer, found := c.find(segments); !found {
		return answer
	}
	if answer := c.read(w); answer != nil {
		return *answer
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer := c.authorize(); answer != nil {
		return *answer
	}
	answer := c.route.do(c)
	answer.encode()
	return answer
}

// encode turns the body into bytes while the lock is held: it is made of the state itself.
func (a *reply) encode() {
	if _, isBytes := a.body.([]byte); isBytes || a.body == nil {
		return
	}
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set("Content-Type", "application/json; charset=utf-8")
	a.body = encode(a.body)
}

func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // the state holds nothing but JSON
	}
	return bytes.TrimSpace(buf.Bytes())
}

// split takes a path apart without cleaning it: an escaped slash stays within its segment.
func split(escaped string) (segments []string, valid bool) {
	for part := range strings.SplitSeq(strings.TrimPrefix(escaped, "/"), "/") {
		segment, err := url.PathUnescape(part)
		if err != nil {
			return nil, false
		}
		segments = append(segments, segment)
	}
	return segments, true
}

// find looks the route up: version, then the app's prefix if there is one, then the rest.
func (c *call) find(segments []string) (reply, bool) {
	version := ""
	if segments[0] == "v1" || segments[0] == "v1.1" {
		version, segments = segments[0], segments[1:]
	}
	c.version = version
	methods := false
	for i := range c.routes {
		rt := &c.routes[i]
		rest, params, prefix := segments, map[string]string{}, false
		if rt.inApp && len(rest) > 2 && strings.EqualFold(rest[0], "apps") {
			params["appId"], rest, prefix = rest[1], rest[2:], true
		}
		if !rt.match(rest, params) || !rt.has(version) {
			continue
		}
		if rt.method != c.r.Method {
			methods = true
			continue
		}
		c.route, c.params, c.prefix = rt, params, prefix
		return reply{}, true
	}
	if methods {
		return fail(405, "method_not_allowed", "Method not allowed"), false
	}
	return notFound("Route"), false
}

// read takes in the body: JSON, or a form with a file.
func (c *call) read(w http.ResponseWriter) *reply {
	kind, params, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	c.body = object{}
	switch {
	case c.r.Method == http.MethodGet || c.r.Method == http.MethodDelete:
		return nil
	case kind == "multipart/form-data":
		return c.readForm(params["boundary"])
	case kind == "application/x-www-form-urlencoded":
		if err := c.r.ParseForm(); err != nil {
			return new(badRequest("malformed form"))
		}
		for name := range c.r.PostForm {
			c.body[name] = c.r.PostForm.Get(name)
		}
		return nil
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, c.r.Body, 10<<20))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return new(fail(413, "request_too_large", "Request entity too large"))
	}
	if err != nil {
		return new(badRequest("the body breaks off"))
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	if kind != "application/json" {
		return new(badRequest("content-type: application/json is required"))
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var body any
	if err := dec.Decode(&body); err != nil || dec.More() {
		return new(badRequest("malformed JSON"))
	}
	members, isObject := body.(object)
	if !isObject {
		return new(badRequest("the body is not a JSON object"))
	}
	c.body = members
	return nil
}

// text gives a string member of the body.
func (c *call) text(name string) string {
	s, _ := c.body[name].(string)
	return s
}

// missing gives the answer for the first required member that the body lacks.
func (c *call) missing(names ...string) *reply {
	for _, name := range names {
		if v, given := c.body[name]; !given || v == nil || v == "" {
			return new(badRequest(name + " is required"))
		}
	}
	return nil
}

// pageOf cuts a page out of a list by limit and offset.
func (c *call) pageOf(name string, all []object) reply {
	limit, offset := 25, 0
	for parameter, target := range map[string]*int{"limit": &limit, "offset": &offset} {
		if value := c.r.URL.Query().Get(parameter); value != "" {
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 || parameter == "limit" && (n == 0 || n > 100) {
				return badRequest(parameter + " is out of range")
			}
			*target = n
		}
	}
	from, to := min(offset, len(all)), min(offset+limit, len(all))
	return ok(object{name: all[from:to], "hasMore": to < len(all), "offset": offset})
}

// pick copies members, those that there are.
func pick(from object, names ...string) object {
	to := object{}
	for _, name := range names {
		if v, given := from[name]; given {
			to[name] = v
		}
	}
	return to
}

// merge sets the members of update that are named.
func merge(to, update object, names ...string) {
	for name, value := range pick(update, names...) {
		if value == nil {
			delete(to, name)
		} else {
			to[name] = value
		}
	}
}

func without(list []object, id string) []object {
	kept := []object{}
	for _, o := range list {
		if o["_id"] != id {
			kept = append(kept, o)
		}
	}
	return kept
}

func byID(list []object, id string) object {
	for _, o := range list {
		if o["_id"] == id {
			return o
		}
	}
	return nil
}
