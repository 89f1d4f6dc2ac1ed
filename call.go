package smooch

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/smooch/smooch-go/internal/lenient"
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

// callOptions are what the options of one call add to its request.
type callOptions struct {
	response   *Response
	header     http.Header
	extra      url.Values // query parameters
	fields     map[string]any
	once       bool
	unbudgeted bool // repeats take nothing from the retry budget
	sendToken  *string
}

// WithResponse fills r with the answer, whether the call succeeds or fails with an [*Error].
func WithResponse(r *Response) CallOption {
	return func(o *callOptions) { o.response = r }
}

// WithHeader sets a header of the request. One that HTTP does not allow fails with
// [ErrInvalidArgument]. It cannot replace the client's credential, nor what net/http writes itself,
// such as Host.
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
		if o.extra == nil {
			o.extra = url.Values{}
		}
		o.extra.Set(key, value)
	}
}

// WithField sets a member of the request body that the request type does not have yet: the service
// may add optional ones at any time. It replaces one of the same name. In an upload it is a form
// field. A call without a body fails with [ErrInvalidArgument].
func WithField(name string, value any) CallOption {
	return func(o *callOptions) {
		if o.fields == nil {
			o.fields = map[string]any{}
		}
		o.fields[name] = value
	}
}

// WithoutRetry makes the call at most once, whatever happens. It still waits out a pause that an
// earlier 429 asked for.
func WithoutRetry() CallOption {
	return func(o *callOptions) { o.once = true }
}

// one makes a call that answers one T.
func one[T any](ctx context.Context, c *Client, r *request, opts []CallOption) (*T, error) {
	var v T
	if err := call(ctx, c, r, &v, opts); err != nil {
		return nil, err
	}
	return &v, nil
}

// list makes a call that answers all items at once.
func list[T any](ctx context.Context, c *Client, r *request, opts []CallOption) ([]T, error) {
	var items []T
	if err := call(ctx, c, r, &items, opts); err != nil {
		return nil, err
	}
	return items, nil
}

// page makes a call that answers one page.
func page[T any](ctx context.Context, c *Client, r *request, opts []CallOption) (*Page[T], error) {
	var p Page[T]
	p.Offset, _ = strconv.Atoi(r.params.Get("offset")) // unless the answer says otherwise
	out := lenient.Members{r.answer: &p.Items, "offset": &p.Offset, "hasMore": &p.HasMore}
	if err := call(ctx, c, r, out, opts); err != nil {
		return nil, err
	}
	return &p, nil
}

// text makes a call that answers a string.
func text(ctx context.Context, c *Client, r *request, opts []CallOption) (string, error) {
	var s string
	return s, call(ctx, c, r, &s, opts)
}

// exec makes a call whose answer is not decoded.
func exec(ctx context.Context, c *Client, r *request, opts []CallOption) error {
	return call(ctx, c, r, nil, opts)
}

// call makes a call and decodes its answer into out: a pointer to the result, lenient.Members, or
// nil to ignore the answer. It is the one way to the service: every method and Do ends here.
func call(ctx context.Context, c *Client, r *request, out any, opts []CallOption) error {
	for _, opt := range opts {
		if opt != nil {
			opt(&r.callOptions)
		}
	}
	if r.sendToken != nil {
		return sendWithToken(ctx, c, r, out)
	}
	req, err := r.build(ctx, c)
	if err != nil {
		return err
	}
	x := exchange{core: c.core, request: r, ctx: ctx}
	if err := x.do(req); err != nil || out == nil || len(x.body) == 0 {
		return err
	}
	members, ok := out.(lenient.Members)
	switch {
	case ok:
		err = members.Unmarshal(x.body)
	case r.answer != "":
		err = lenient.Members{r.answer: out}.Unmarshal(x.body)
	default:
		err = lenient.Unmarshal(x.body, out)
	}
	if err != nil {
		return &DecodeError{r.String(), x.status, err}
	}
	return nil
}
