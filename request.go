package smooch

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/go-querystring/query"

	"github.com/smooch/smooch-go/internal/lenient"
)

// A request is a row of the operation table with what one call adds to it. The methods that fill in
// a request return it, so that a service method is one expression. They keep the error of the first
// argument that they refuse, and build returns it before anything is sent.
type request struct {
	*operation
	callOptions
	ids    []string   // path arguments, in path order
	raw    string     // the path given to Do, already escaped; "": the path of the row
	params url.Values // the query
	bearer string     // a token that replaces the client's credential
	err    error      // of the first argument that was refused

	contentType string     // of the body; "" if there is none
	data        []byte     // the body, unless it is a file
	in          any        // the value in data, if that is JSON
	formValues  url.Values // the values in data, if that is a form; the credential is among them
	file        *fileBody  // the body, if it is a file

	progress *progress // nil: the call has neither hooks nor a send token
}

// newRequest returns a request for a path that has no row in the table, see [Client.Do].
func newRequest(method, path string) *request {
	op := &operation{name: "do", method: method, path: "(path given to Do)", inApp: true, versions: v1AndV11, accepts: forUser}
	switch method {
	case http.MethodGet, http.MethodHead:
		op.repeat = safe
	case http.MethodPut:
		op.repeat = idempotent
	case http.MethodDelete:
		op.repeat = removing
	}
	r := op.with()
	if !httpToken.MatchString(method) {
		op.method = "(method given to Do)" // as errors must not repeat it
		r.refuse("method", "is not a valid HTTP method")
	}
	plain, rawQuery, _ := strings.Cut(path, "?")
	params, err := url.ParseQuery(rawQuery)
	r.raw, r.params = strings.TrimPrefix(plain, "/"), params
	if err != nil {
		r.refuse("path", "has a malformed query")
	}
	if strings.ContainsFunc(plain, isUnescaped) {
		r.refuse("path", "is not escaped: use url.PathEscape on each segment")
	}
	for segment := range strings.SplitSeq(r.raw, "/") {
		value, err := url.PathUnescape(segment)
		if err != nil {
			r.refuse("path", "has a segment that is not escaped correctly")
		}
		if _, problem := escapeSegment(value); problem != "" {
			r.refuse("a segment of path", problem)
		}
	}
	return r
}

// isUnescaped reports whether c cannot be part of an escaped path.
func isUnescaped(c rune) bool { return c <= ' ' || c == '#' || c == '\\' || c >= 0x7f }

// fail makes err the error of the request, unless it already has one.
func (r *request) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// refuse fails the request because of the argument with the given name. reason completes a sentence
// that starts with the name.
func (r *request) refuse(name, reason string) {
	r.fail(argumentError(r.String(), name, reason))
}

// query sets the query. options is a struct with url tags, or url.Values.
func (r *request) query(options any) *request {
	values, ok := options.(url.Values)
	if !ok {
		var err error
		if values, err = query.Values(options); err != nil {
			r.refuse("query", err.Error())
		}
	}
	r.params = values
	return r
}

// json sets the body to the JSON of in. If in is nil, there is no body.
func (r *request) json(in any) *request {
	if in == nil {
		return r
	}
	data, err := lenient.Marshal(in)
	if err != nil {
		r.refuse("body", "cannot be encoded: "+safeText(err))
	}
	r.in, r.data, r.contentType = in, data, contentTypeJSON
	return r
}

const contentTypeJSON = "application/json"

// upload sets the body to a form with a file and, as its other fields, the members of fields.
func (r *request) upload(file Upload, fields any) *request {
	body, err := newFileBody(r.String(), file, fields)
	if err != nil {
		r.fail(err)
		return r
	}
	r.file, r.contentType = body, body.contentType()
	return r
}

// postForm sets the body to a form that contains the credential. The client's own is not sent.
func (r *request) postForm(form url.Values) *request {
	r.formValues, r.data, r.contentType = form, []byte(form.Encode()), "application/x-www-form-urlencoded"
	return r
}

// bearerToken replaces the client's credential with a bearer token.
func (r *request) bearerToken(token string) *request {
	r.bearer = token
	r.fail(checkSecret(r.String(), "token", token))
	return r
}

// build returns the URL, after the last changes to the body. It fails if the client's version or
// app does not allow the call, or if an argument was refused.
func (r *request) build(ctx context.Context, c *Client) (*url.URL, error) {
	switch {
	case ctx == nil:
		return nil, argumentError(r.String(), "context", "is nil")
	case c.problem != "":
		return nil, argumentError(r.String(), c.problemWith, c.problem)
	case r.versions != unversioned && !r.versions.has(c.version):
		return nil, unsupported(r.String(), r.lacking(c.version))
	case r.err != nil:
		return nil, r.err
	}
	target, err := r.target(c)
	if err != nil {
		return nil, err
	}
	if r.fields != nil {
		if err := r.addFields(); err != nil {
			return nil, err
		}
	}
	address, err := url.Parse(target)
	if err != nil {
		return nil, argumentError(r.String(), "path", "does not form a valid URL")
	}
	if r.header != nil {
		if err := checkHeader(r.String(), r.header); err != nil {
			return nil, err
		}
	}
	return address, nil
}

// newHeader returns the header of an attempt, without a credential.
func (r *request) newHeader(userAgent string) http.Header {
	values := [...]string{contentTypeJSON, userAgent, r.contentType} // in one allocation
	h := http.Header{"Accept": values[0:1:1], "User-Agent": values[1:2:2]}
	if r.contentType != "" {
		h["Content-Type"] = values[2:3:3]
	}
	for key, values := range r.header {
		h[key] = slices.Clone(values)
	}
	return h
}

// target returns the URL. It escapes each path argument on its own. Nothing must clean the path
// afterwards, as that could make it the path of another resource.
func (r *request) target(c *Client) (string, error) {
	parts := make([]string, 0, 12) // enough for every path of the API
	if r.versions == unversioned {
		parts = append(parts, c.core.oauthBase)
	} else {
		parts = append(parts, c.core.base, "/", string(c.version))
	}
	switch {
	case !r.inApp:
	case c.needsApp && r.raw == "":
		return "", argumentError(r.String(), "appID", "is missing: this credential does not imply an app, so bind one with client.ForApp")
	default:
		parts = append(parts, c.prefix)
	}
	rest, ids := r.path, r.ids
	if r.raw != "" {
		rest = "/" + r.raw
	}
	for len(ids) > 0 {
		before, after, _ := strings.Cut(rest, "{")
		name, remainder, _ := strings.Cut(after, "}")
		segment, problem := escapeSegment(ids[0])
		if problem != "" {
			return "", argumentError(r.String(), argumentName(name), problem)
		}
		parts = append(parts, before, segment)
		rest, ids = remainder, ids[1:]
	}
	parts = append(parts, rest)
	params := r.params
	if len(r.extra) > 0 {
		params = maps.Clone(r.extra)
		for key, values := range r.params {
			if _, replaced := params[key]; !replaced {
				params[key] = values
			}
		}
	}
	if len(params) > 0 {
		parts = append(parts, "?", params.Encode())
	}
	return strings.Join(parts, ""), nil
}

// addFields adds the members that [WithField] sets to the body.
func (r *request) addFields() error {
	members := map[string]any{}
	switch {
	case r.file != nil:
		err := r.file.add(r.String(), r.fields)
		r.contentType = r.file.contentType()
		return err
	case r.in == nil && r.method != http.MethodPost && r.method != http.MethodPut, r.formValues != nil:
		return argumentError(r.String(), "field", "cannot be added, as the call has no JSON body")
	case r.in != nil && lenient.Unmarshal(r.data, &members) != nil:
		return argumentError(r.String(), "field", "cannot be added, as the body is not a JSON object")
	}
	maps.Copy(members, r.fields)
	data, err := lenient.Marshal(members)
	if err != nil {
		return argumentError(r.String(), "field", "cannot be encoded: "+safeText(err))
	}
	r.data, r.contentType = data, contentTypeJSON
	return nil
}

// repeatable reports whether the body can be sent again.
func (r *request) repeatable() bool { return r.file == nil || r.file.repeatable() }

// sentOnce reports whether nobody below the SDK may send an attempt again.
func (r *request) sentOnce() bool { return r.noRetry || r.repeat < idempotent }

// argumentName turns the name of a path argument (userId) into that of the Go argument (userID).
func argumentName(name string) string {
	if stem, ok := strings.CutSuffix(name, "Id"); ok {
		return stem + "ID"
	}
	return name
}

// escapeSegment escapes a path argument. A plus is escaped too, as some servers read it as a space.
// If the argument would reach another resource, problem says why: it is empty, or it is one of the
// dot segments, which proxies resolve even if they are escaped.
func escapeSegment(value string) (segment, problem string) {
	switch {
	case value == "":
		return "", "is empty"
	case value == "." || value == "..":
		return "", "is a dot segment, which would reach another resource"
	case !utf8.ValidString(value):
		return "", "is not UTF-8, and JSON would change it"
	}
	return strings.ReplaceAll(url.PathEscape(value), "+", "%2B"), ""
}

// httpToken matches what RFC 9110 calls a token: the name of a header, or a method.
var httpToken = regexp.MustCompile("^[0-9A-Za-z!#$%&'*+.^_`|~-]+$")

// checkHeader refuses what HTTP does not allow in a header, and Accept-Encoding.
func checkHeader(op string, h http.Header) error {
	for key, values := range h {
		switch {
		case !httpToken.MatchString(key):
			return argumentError(op, "header", "has a name that HTTP does not allow")
		case key == "Accept-Encoding":
			return argumentError(op, "header Accept-Encoding", "cannot be set: net/http sets it and decompresses the response")
		}
		for _, value := range values {
			if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
				return argumentError(op, "header "+key, "holds a line break or another control character")
			}
		}
	}
	return nil
}
