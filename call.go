package smooch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/go-querystring/query"
)

// Response is what the service answered to one call. See [WithResponse].
type Response struct {
	StatusCode int         // of the last attempt
	Header     http.Header // of the last attempt
	Body       []byte      // as it came, decompressed; of an error at most 64 KiB
	Attempts   int         // how often the call was sent
}

// CallOption is a setting of one call.
type CallOption func(*callOptions)

type callOptions struct {
	response  *Response
	header    http.Header
	params    url.Values
	fields    map[string]any
	once      bool
	settles   bool // reads to settle a send token: its repeats take no budget
	sendToken *string
}

// WithResponse fills r with the answer, whether the call succeeds or fails with an [*Error].
func WithResponse(r *Response) CallOption {
	return func(o *callOptions) { o.response = r }
}

// WithHeader sets a header of the request; one that HTTP does not allow is an [ErrInvalidArgument]. The client's
// credential cannot be replaced by it, nor what net/http writes itself, such as Host.
func WithHeader(key, value string) CallOption {
	return func(o *callOptions) {
		if o.header == nil {
			o.header = http.Header{}
		}
		o.header.Set(key, value)
	}
}

// WithQuery sets a query parameter that the method does not have. It replaces one of the same name.
func WithQuery(key, value string) CallOption {
	return func(o *callOptions) {
		if o.params == nil {
			o.params = url.Values{}
		}
		o.params.Set(key, value)
	}
}

// WithField sets a member of the request body that the request type does not have yet: the
// service may add optional ones at any time. It replaces one of the same name. In an
// upload it is a form field. On a call without a body fails with [ErrInvalidArgument].
func WithField(name string, value any) CallOption {
	return func(o *callOptions) {
		if o.fields == nil {
			o.fields = map[string]any{}
		}
		o.fields[name] = value
	}
}

// WithoutRetry makes the call at most once, whatever happens; it still waits out a pause that an earlier 429 asks for.
// (Otherwise net/http itself may send a GET again, at once, when a kept connection turns out to be broken.)
func WithoutRetry() CallOption {
	return func(o *callOptions) { o.once = true }
}

func apply(opts []CallOption) callOptions {
	var o callOptions
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return o
}

// A request is a row of the table with what one call adds to it.
type request struct {
	*operation
	ids     []string   // path arguments, in path order
	params  url.Values // query
	body    payload    // nil: none
	token   string     // a bearer token that replaces the client's credential
	anon    bool       // no credential at all
	secrets url.Values // what the body holds that no error text may
	err     error      // what went wrong while it was put together
}

// with fills the row's path arguments, in path order.
func (id operationID) with(ids ...string) request {
	return request{operation: &operations[id], ids: ids}
}

// query adds a struct with url tags, or url.Values.
func (r request) query(q any) request {
	values, ok := q.(url.Values)
	if !ok {
		encoded, err := query.Values(q)
		if err != nil {
			r.err = errors.Join(r.err, argumentError(r, "query", err.Error()))
		}
		values = encoded
	}
	r.params = values
	return r
}

// json gives the request a body. nil is no body.
func (r request) json(in any) request {
	if in == nil {
		return r
	}
	data, err := encodeJSON(in)
	if err != nil {
		r.err = errors.Join(r.err, argumentError(r, "body", "cannot be encoded: "+safeText(err)))
		return r
	}
	r.body = &bytesPayload{"application/json", data}
	return r
}

// form gives the request a form as its body, and no credential.
func (r request) form(values url.Values) request {
	r.body = &bytesPayload{"application/x-www-form-urlencoded", []byte(values.Encode())}
	r.anon, r.secrets = true, values
	return r
}

// bearer replaces the client's credential by a token.
func (r request) bearer(token string) request {
	r.token = token
	r.err = errors.Join(r.err, checkSecret(r, "token", token))
	return r
}

// one makes a call that answers one T under the name key, at the top level if key is "".
func one[T any](ctx context.Context, c *Client, r request, in any, key string, opts []CallOption) (*T, error) {
	var v T
	if err := c.call(ctx, r.json(in), into(key, &v), opts); err != nil {
		return nil, err
	}
	return &v, nil
}

// list makes a call that answers all items at once.
func list[T any](ctx context.Context, c *Client, r request, key string, opts []CallOption) ([]T, error) {
	var items []T
	if err := c.call(ctx, r, into(key, &items), opts); err != nil {
		return nil, err
	}
	return items, nil
}

// page makes a call that answers one page. q is a struct with url tags, or nil.
func page[T any](ctx context.Context, c *Client, r request, q any, key string, opts []CallOption) (*Page[T], error) {
	if q != nil {
		r = r.query(q)
	}
	p := Page[T]{}
	p.Offset, _ = strconv.Atoi(r.params.Get("offset")) // unless the answer says otherwise
	read := members{{key, &p.Items}, {"offset", &p.Offset}, {"hasMore", &p.HasMore}}
	if err := c.call(ctx, r, read.decode, opts); err != nil {
		return nil, err
	}
	return &p, nil
}

// text makes a call that answers a string under the name key.
func text(ctx context.Context, c *Client, r request, key string, opts []CallOption) (string, error) {
	s, err := one[string](ctx, c, r, nil, key, opts)
	if err != nil {
		return "", err
	}
	return *s, nil
}

// exec makes a call whose answer is not decoded.
func exec(ctx context.Context, c *Client, r request, in any, opts []CallOption) error {
	return c.call(ctx, r.json(in), nil, opts)
}

// into decodes the member key of an answer into v, the whole answer if key is "".
func into(key string, v any) func([]byte) error {
	if key == "" {
		return func(data []byte) error { return decodeJSON(data, v) }
	}
	return members{{key, v}}.decode
}

// Do makes a call that the SDK has no method for, with the same credentials, retries and errors.
//
// path is what follows the version and, where an app is bound and the credential is above a
// single user, the app's prefix: "/appusers/" + url.PathEscape(id) + "/messages". Its segments are
// escaped by the caller, a query is allowed; empty segments, "." and ".." are refused. in is the
// JSON body, nil for none, and not allowed with GET. The answer is decoded into out, a pointer, nil to ignore it.
//
// GET is repeated as safe, PUT and DELETE as idempotent, everything else as a call whose
// repeat may do the work twice.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, opts ...CallOption) error {
	op := &operation{name: "do", method: method, path: "(path given to Do)", inApp: true, versions: v1AndV11, accepts: forUser}
	switch method {
	case http.MethodGet, http.MethodHead:
		op.repeat = safe
	case http.MethodPut:
		op.repeat = idempotent
	case http.MethodDelete:
		op.repeat = removing
	}
	r := request{operation: op}.json(in)
	if op.repeat == safe && in != nil {
		return argumentError(op, "in", "is given, but "+method+" has no body")
	}
	if out != nil && (reflect.TypeOf(out).Kind() != reflect.Pointer || isNil(out)) {
		return argumentError(op, "out", "is not a pointer to decode into")
	}
	plain, rawQuery, _ := strings.Cut(path, "?")
	if err := checkRawPath(op, plain); err != nil {
		return err
	}
	params, err := url.ParseQuery(rawQuery)
	if err != nil {
		return argumentError(op, "path", "has a query that cannot be read")
	}
	r.params = params
	r.ids = []string{strings.Trim(plain, "/")}
	var read func([]byte) error
	if out != nil {
		read = into("", out)
	}
	return c.call(ctx, r, read, opts)
}

// checkRawPath refuses what would leave the version or the app that the path is put after.
func checkRawPath(op *operation, path string) error {
	if strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == '#' || r == '\\' || r >= 0x7f }) {
		return argumentError(op, "path", "is not escaped: use url.PathEscape on each segment")
	}
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			return argumentError(op, "path", "has a segment that is not escaped correctly")
		}
		if err := checkSegment(op, "a segment of path", decoded); err != nil {
			return err
		}
	}
	return nil
}

// call is the one way to the service: every method, upload and Do ends here.
func (c *Client) call(ctx context.Context, r request, read func([]byte) error, opts []CallOption) error {
	o := apply(opts)
	if o.sendToken != nil {
		return argumentError(r, "send token", "is for PostMessage only")
	}
	return c.send(ctx, r, read, &o)
}

func (c *Client) send(ctx context.Context, r request, read func([]byte) error, o *callOptions) error {
	if ctx == nil {
		return argumentError(r, "context", "is nil")
	}
	if err := c.admit(r); err != nil {
		return err
	}
	target, err := c.target(r, o.params)
	if err != nil {
		return err
	}
	if len(o.fields) > 0 {
		if r.body, err = c.addFields(r, o.fields); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, http.NoBody)
	if err != nil {
		return argumentError(r, "method", "is not a method")
	}
	if err := checkHeader(r, o.header); err != nil {
		return err
	}
	req.Header = c.headers(r, o.header)
	return c.core.do(req, r, read, o)
}

// admit refuses a call that the client's version or binding does not allow.
func (c *Client) admit(r request) error {
	if err := c.check(r.operation); err != nil {
		return err
	}
	if len(r.versions) > 0 && !slices.Contains(r.versions, c.version) {
		has := r.versions[0]
		text := fmt.Sprintf("is not in %s, only in %s: use client.ForVersion(%q)", c.version, has, has)
		return &callError{r.String(), text, []error{ErrUnsupportedVersion}}
	}
	return r.err
}

// target builds the URL. Each path argument is escaped on its own, and nothing cleans the path afterwards.
func (c *Client) target(r request, extra url.Values) (string, error) {
	var b strings.Builder
	b.Grow(len(c.core.base) + len(r.path) + 96)
	if len(r.versions) == 0 {
		b.WriteString(c.oauthBase())
	} else {
		b.WriteString(c.core.base)
		b.WriteByte('/')
		b.WriteString(string(c.version))
	}
	if err := c.prefix(&b, r); err != nil {
		return "", err
	}
	if err := r.expand(&b); err != nil {
		return "", err
	}
	params := r.params
	if len(extra) > 0 {
		params = url.Values{}
		for _, values := range []url.Values{r.params, extra} {
			maps.Copy(params, values)
		}
	}
	if len(params) > 0 {
		b.WriteString("?" + params.Encode())
	}
	return b.String(), nil
}

// prefix writes /apps/{appId} where the call and the credential take it.
func (c *Client) prefix(b *strings.Builder, r request) error {
	switch {
	case !r.inApp, c.core.scope.isUser():
		return nil
	case c.bound:
		b.WriteString("/apps/")
		escapeSegment(b, c.appID)
	case c.core.scope.isAccount() && r.name != "do":
		return argumentError(r, "appID", "is missing: bind an app with client.ForApp, as this credential is not an app's own")
	}
	return nil
}

// expand writes the row's path with its arguments escaped.
func (r request) expand(b *strings.Builder) error {
	if r.name == "do" {
		b.WriteString("/" + r.ids[0])
		return nil
	}
	rest, ids := r.path, r.ids
	for {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			return nil
		}
		name, remainder, _ := strings.Cut(after, "}")
		if err := checkSegment(r.operation, argumentName(name), ids[0]); err != nil {
			return err
		}
		escapeSegment(b, ids[0])
		rest, ids = remainder, ids[1:]
	}
}

// argumentName turns a name of the documentation's path (userId) into that of the Go argument (userID).
func argumentName(name string) string {
	if stem, ok := strings.CutSuffix(name, "Id"); ok {
		return stem + "ID"
	}
	return name
}

// checkSegment refuses an argument that would reach another resource: an empty one, and the
// dots that proxies resolve even when they are escaped.
func checkSegment(op fmt.Stringer, name, value string) error {
	switch value {
	case "":
		return argumentError(op, name, "is empty")
	case ".", "..":
		return argumentError(op, name, "is a dot segment, which would reach another resource")
	}
	if !utf8.ValidString(value) {
		return argumentError(op, name, "is not UTF-8: in JSON it would become another")
	}
	return nil
}

// escapeSegment writes value as one path segment. A plus is escaped too: some servers read it as a space.
func escapeSegment(b *strings.Builder, value string) {
	b.WriteString(strings.ReplaceAll(url.PathEscape(value), "+", "%2B"))
}

// headerName is what RFC 9110 calls a token.
var headerName = regexp.MustCompile("^[0-9A-Za-z!#$%&'*+.^_`|~-]+$")

func checkHeader(r request, h http.Header) error {
	for key, values := range h {
		switch {
		case !headerName.MatchString(key):
			return argumentError(r, "header", "has a name that HTTP does not allow")
		case key == "Accept-Encoding":
			return argumentError(r, "header Accept-Encoding", "is net/http's, which decompresses what it asks for")
		}
		for _, value := range values {
			if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
				return argumentError(r, "header "+key, "holds a line break or another control character")
			}
		}
	}
	return nil
}

func (c *Client) headers(r request, extra http.Header) http.Header {
	values := [...]string{"application/json", c.core.userAgent, ""} // one allocation for all
	h := http.Header{"Accept": values[0:1:1], "User-Agent": values[1:2:2]}
	if r.body != nil {
		values[2] = r.body.contentType()
		h["Content-Type"] = values[2:3:3]
	}
	maps.Copy(h, extra)
	return h
}

// addFields sets members that the request type does not have.
func (c *Client) addFields(r request, fields map[string]any) (payload, error) {
	switch body := r.body.(type) {
	case *multipartPayload:
		return body.withFields(r, fields)
	case *bytesPayload:
		if body.kind == "application/json" {
			return setMembers(r, body.data, fields)
		}
	case nil:
		if r.method == http.MethodPost || r.method == http.MethodPut {
			return setMembers(r, []byte("{}"), fields)
		}
	}
	return nil, argumentError(r, "field", "is given, but the call has no JSON body")
}

func setMembers(r request, object []byte, fields map[string]any) (payload, error) {
	members := map[string]any{}
	if err := decodeJSON(object, &members); err != nil {
		return nil, argumentError(r, "field", "is given, but the body is not a JSON object")
	}
	maps.Copy(members, fields)
	data, err := encodeJSON(members)
	if err != nil {
		return nil, argumentError(r, "field", "cannot be encoded: "+safeText(err))
	}
	return &bytesPayload{"application/json", data}, nil
}
