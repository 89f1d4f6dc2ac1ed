package smooch

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/smooch/smooch-go/internal/lenient"
)

// Response is the service's response to one call, see [WithResponse]. Printing or logging one
// leaves out the header and the body, which may hold secrets and what users wrote.
type Response struct {
	StatusCode int         // of the last attempt; 0 if it got no response
	Header     http.Header // of the last attempt
	// of the last attempt, decompressed; at most 64 KiB if it is an error's. It must not be changed
	// if the context ended while it was decoded.
	Body     []byte
	Attempts int // how often the call was sent
}

// String returns a text that names the status alone.
func (r Response) String() string { return "smooch.Response(" + strconv.Itoa(r.StatusCode) + ")" }

// GoString returns the text of String, so that %#v leaves out the same.
func (r Response) GoString() string { return r.String() }

// LogValue returns the text of String, so that logs leave out the same.
func (r Response) LogValue() slog.Value { return slog.StringValue(r.String()) }

// CallOption is a setting of one call. Every method that makes calls accepts any number of options.
type CallOption func(*callOptions)

// callOptions holds what the options of one call add to its request.
type callOptions struct {
	response   *Response
	header     http.Header
	extra      url.Values // query parameters
	fields     map[string]any
	noRetry    bool
	unbudgeted bool       // repeats take nothing from the retry budget
	sendToken  *string    // nil: none
	sentSince  *time.Time // nil: not searched for before it is sent
}

// WithResponse stores the response to the last attempt in r, whether the call succeeds or fails. r
// stays as it is if the call is refused because of an argument. While an iterator runs, r holds the
// response of the latest page.
func WithResponse(r *Response) CallOption {
	return func(o *callOptions) { o.response = r }
}

// WithHeader sets a header of the request. If HTTP does not allow its name or value, or if it is
// Accept-Encoding, the call fails with [ErrInvalidArgument]. WithHeader cannot replace the client's
// credential, or headers that net/http writes itself, such as Host.
func WithHeader(key, value string) CallOption {
	return func(o *callOptions) {
		if o.header == nil {
			o.header = http.Header{}
		}
		o.header.Set(key, value)
	}
}

// WithQuery sets a query parameter that the method has no argument for. It replaces one of the same
// name.
func WithQuery(key, value string) CallOption {
	return func(o *callOptions) {
		if o.extra == nil {
			o.extra = url.Values{}
		}
		o.extra.Set(key, value)
	}
}

// WithField sets a member of the JSON body that the request type does not have yet, as the service
// may add optional members at any time. It replaces one of the same name. In an upload it sets a
// form field. A call without such a body fails with [ErrInvalidArgument].
func WithField(name string, value any) CallOption {
	return func(o *callOptions) {
		if o.fields == nil {
			o.fields = map[string]any{}
		}
		o.fields[name] = value
	}
}

// WithoutRetry limits the call to one attempt. The call still waits for the end of a pause that an
// earlier 429 has caused.
func WithoutRetry() CallOption {
	return func(o *callOptions) { o.noRetry = true }
}

// one makes a call whose result is a T.
func one[T any](ctx context.Context, c *Client, r *request, opts []CallOption) (*T, error) {
	var v T
	if err := call(ctx, c, r, &v, opts); err != nil {
		return nil, err
	}
	return &v, nil
}

// list makes a call whose result is a list without pages.
func list[T any](ctx context.Context, c *Client, r *request, opts []CallOption) ([]T, error) {
	var items []T
	if err := call(ctx, c, r, &items, opts); err != nil {
		return nil, err
	}
	return items, nil
}

// page makes a call whose result is one page of a list.
func page[T any](ctx context.Context, c *Client, r *request, opts []CallOption) (*Page[T], error) {
	var p Page[T]
	var offset *int
	out := lenient.Members{r.answer: &p.Items, "offset": &offset, "hasMore": &p.HasMore}
	if err := call(ctx, c, r, out, opts); err != nil {
		return nil, err
	}
	if offset == nil { // the response does not say it
		asked, _ := strconv.Atoi(r.params.Get("offset"))
		offset = &asked
	}
	p.Offset = *offset
	return &p, nil
}

// text makes a call whose result is a string.
func text(ctx context.Context, c *Client, r *request, opts []CallOption) (string, error) {
	var s string
	return s, call(ctx, c, r, &s, opts)
}

// exec makes a call that has no result.
func exec(ctx context.Context, c *Client, r *request, opts []CallOption) error {
	return call(ctx, c, r, nil, opts)
}

// call makes a call and decodes its response into out: a pointer to the result, [lenient.Members],
// or nil to ignore the response. Every service method and [Client.Do] goes through it, and
// what hooks are told of goes through it once more, inside of [watchedCall].
func call(ctx context.Context, c *Client, r *request, out any, opts []CallOption) error {
	for _, opt := range opts {
		if opt != nil {
			opt(&r.callOptions)
		}
	}
	hooked := c.core.callHooks != nil || c.core.attemptHooks != nil || r.sendToken != nil
	if hooked && r.progress == nil && ctx != nil {
		return watchedCall(ctx, c, r, out)
	}
	if r.sendToken != nil || r.sentSince != nil {
		return sendWithToken(ctx, c, r, out)
	}
	address, err := r.build(ctx, c)
	if err != nil {
		return err
	}
	x := exchange{core: c.core, request: r, url: address, ctx: ctx}
	defer x.release()
	if r.inApp { // calls outside an app are limited on their own
		x.app = c.appID
	}
	if err := x.do(); err != nil || out == nil {
		return err
	}
	if len(bytes.TrimSpace(x.body)) > 0 {
		err = decode(ctx, r, x.body, out)
	}
	if err == nil && r.always != "" {
		err = checkAnswer(r.operation, out)
	}
	if err != nil {
		return &DecodeError{r.String(), x.status, err}
	}
	return nil
}

// largeBody is the number of bytes from which a body may take so long to decode that the context
// matters.
const largeBody = 256 << 10

// decode decodes the body of a response into out, see [call], which is set to its zero value first.
// If the context ends meanwhile, decode returns its error, writes nothing more to out, and leaves
// the rest to a goroutine that ends by itself.
func decode(ctx context.Context, r *request, body []byte, out any) error {
	if _, ok := out.(lenient.Members); !ok {
		reflect.ValueOf(out).Elem().SetZero()
	}
	if len(body) < largeBody || ctx.Done() == nil {
		return decodeBody(r, body, out)
	}
	type outcome struct {
		err      error
		panicked any // by an UnmarshalJSON method of the caller's
	}
	done := make(chan outcome, 1)
	decoded, keep := likeOut(out)
	go func() {
		var o outcome
		defer func() {
			o.panicked = recover()
			done <- o
		}()
		o.err = decodeBody(r, body, decoded)
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case o := <-done:
		if o.panicked != nil {
			panic(o.panicked)
		}
		keep()
		return o.err
	}
}

// likeOut returns something of the form of out that shares nothing with it, and a function that
// copies what was decoded into it to out.
func likeOut(out any) (decoded any, keep func()) {
	members, ok := out.(lenient.Members)
	if !ok {
		members = lenient.Members{"": out}
	}
	fresh := lenient.Members{}
	for name, target := range members {
		value := reflect.New(reflect.TypeOf(target).Elem())
		value.Elem().Set(reflect.ValueOf(target).Elem()) // as the response may not have the member
		fresh[name] = value.Interface()
	}
	keep = func() {
		for name, value := range fresh {
			reflect.ValueOf(members[name]).Elem().Set(reflect.ValueOf(value).Elem())
		}
	}
	if !ok {
		return fresh[""], keep
	}
	return fresh, keep
}

// decodeBody decodes the body of a response into out, see [call].
func decodeBody(r *request, body []byte, out any) error {
	if decodeFast(r, body, out) {
		return nil
	}
	members, ok := out.(lenient.Members)
	switch {
	case ok:
		return members.Unmarshal(body)
	case r.answer != "":
		return lenient.Members{r.answer: out}.Unmarshal(body)
	}
	return lenient.Unmarshal(body, out)
}

// checkAnswer returns an error if a decoded 2xx response lacks the member that always names. out is
// what the response was decoded into.
func checkAnswer(op *operation, out any) error {
	if page, ok := out.(lenient.Members); ok {
		out = page[op.answer]
	}
	found := reflect.ValueOf(out).Elem()
	path := strings.TrimPrefix(strings.TrimPrefix(op.always, op.answer), ".")
	for path != "" {
		name, rest, _ := strings.Cut(path, ".")
		for i := range found.NumField() {
			if tag, _, _ := strings.Cut(found.Type().Field(i).Tag.Get("json"), ","); tag == name {
				found = found.Field(i)
				break
			}
		}
		path = rest
	}
	switch {
	case !found.IsZero():
		return nil
	case op.always == ".":
		return errors.New("it is empty")
	}
	return errors.New("it has no " + op.always)
}
