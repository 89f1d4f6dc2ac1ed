package smooch

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// An attempt is what one try of a call came to: an answer, part of one, or none.
type attempt struct {
	url      *url.URL
	template http.Header // the request's header before it was authorized
	began    time.Time

	status int         // 0: no answer
	header http.Header // of the answer
	body   []byte      // of the answer, read to its end
	err    error       // why there is no answer, or why its body broke off

	written bool // part of the request may have reached the service

	unsent     error // why nothing was sent; it ends the call
	unsentText string
	previous   error // what the attempt before came to
}

// RoundTrip makes one attempt. The whole answer is read here, so that a repeat can follow a
// body that breaks off, and the connection is free again.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	var previous error
	if x.attempts > 0 {
		previous = x.failure()
	}
	x.waiting = false
	x.attempt = attempt{url: req.URL, template: req.Header, previous: previous}
	if !x.admitted() {
		return nil, x.unsent
	}
	clock := x.startClock()
	defer clock.stop()
	ctx := clock.ctx
	var trace *writeTrace
	if !x.repeatable() { // for the others it makes no difference
		trace = &writeTrace{}
		_, trace.reliable = x.core.http.Transport.(*http.Transport)
		ctx = trace.with(ctx)
	}
	out := req.WithContext(ctx)
	out.Header = req.Header.Clone()
	address := *req.URL // an Auth may sign into it
	out.URL = &address
	release, ok := x.prepare(out, clock)
	if !ok {
		return nil, x.unsent
	}
	x.keepFromReplay(out)
	x.attempts++
	x.began = time.Now()
	resp, err := x.core.http.Transport.RoundTrip(out)
	clock.start()
	if err == nil && resp == nil {
		err = errNoResponse
	}
	if err == nil {
		if resp.Body == nil {
			resp.Body = http.NoBody
		}
		x.read(resp, clock)
	} else {
		x.fail(err, clock, trace)
	}
	release(clock.ctx)
	x.log()
	if x.status == 0 {
		return nil, x.err
	}
	return &http.Response{StatusCode: x.status, Header: x.header, Body: http.NoBody, Request: req}, nil
}

var errNoResponse = errors.New("the transport gave neither an answer nor an error")

// admitted waits until the attempt may be made.
func (x *exchange) admitted() bool {
	if err := x.ctx.Err(); err != nil {
		return x.cannotSend("not sent", err)
	}
	if !x.passed() {
		return false
	}
	if x.core.limiter != nil {
		if err := x.core.limiter.Wait(x.ctx); err != nil {
			return x.cannotSend("limiter", err)
		}
		if x.core.gate.closed() { // meanwhile
			return x.passed()
		}
	}
	return true
}

// passed waits until the gate is open.
func (x *exchange) passed() bool {
	err := x.core.gate.wait(x.ctx, x.refused)
	if err == nil {
		return true
	}
	if held, ok := err.(*heldBack); ok {
		return x.cannotSend("held back after a 429", x.heldBack(time.Duration(*held)))
	}
	return x.cannotSend("held back after a 429", errors.Join(err, x.heldBack(0)))
}

// prepare puts credentials and body on an attempt.
func (x *exchange) prepare(out *http.Request, clock *clock) (release func(context.Context), ok bool) {
	if err := x.authorize(out); err != nil {
		return nil, x.cannotSend("cannot authorize", x.cause(err, clock))
	}
	x.sent = out.Header
	if x.request.body == nil {
		return func(context.Context) {}, true
	}
	release, err := x.request.body.attach(out)
	if err != nil {
		return nil, x.cannotSend("cannot open the upload", err)
	}
	if upload, streams := x.request.body.(*multipartPayload); streams {
		upload.whenSent(clock.start)
	}
	return release, true
}

// keepFromReplay takes away what lets net/http send a request a second time by itself, which it does when a kept
// connection breaks: a GET without a body, and any request with a body that it can have again and a key for idempotency.
func (x *exchange) keepFromReplay(out *http.Request) {
	switch {
	case out.Header["Idempotency-Key"] != nil, out.Header["X-Idempotency-Key"] != nil:
		out.GetBody = nil
	case x.once && x.request.body == nil && x.request.repeat == safe:
		out.Body = io.NopCloser(strings.NewReader(""))
	}
}

// cannotSend ends the call. It is always false.
func (x *exchange) cannotSend(text string, err error) bool {
	x.unsent, x.unsentText = err, text
	return false
}

func (x *exchange) authorize(out *http.Request) error {
	switch {
	case x.request.anon:
		return nil
	case x.request.token != "":
		out.Header.Set("Authorization", "Bearer "+x.request.token)
		return nil
	}
	return x.core.auth.Authorize(out.Context(), out)
}

// heldBack is the refusal that a call gets which cannot wait for the end of a pause.
func (x *exchange) heldBack(remaining time.Duration) *Error {
	return &Error{Op: x.request.String(), StatusCode: http.StatusTooManyRequests, RetryAfter: remaining, Attempts: x.attempts}
}

// fail takes in an attempt that got no answer.
func (x *exchange) fail(err error, clock *clock, trace *writeTrace) {
	if upload, ok := x.request.body.(*multipartPayload); ok && upload.failure() != nil {
		x.cannotSend("reading the upload", upload.failure()) // the request is not complete, so nothing is done
	}
	x.err = x.cause(err, clock)
	x.written = !trace.knowsUnwritten() && !isDialError(err) && !isPermanent(err)
}

// cause is what kept an answer away: the context, the time-out, or what err says.
func (x *exchange) cause(err error, clock *clock) error {
	switch {
	case x.ctx.Err() != nil:
		return x.ctx.Err()
	case clock.ctx.Err() != nil:
		return errTimeout(x.core.timeout)
	}
	return bare(err)
}

// read takes in the answer, up to the limit for its kind.
func (x *exchange) read(resp *http.Response, clock *clock) {
	defer resp.Body.Close()
	x.status, x.header = resp.StatusCode, resp.Header
	x.written = true
	if x.status != http.StatusTooManyRequests {
		x.core.gate.accept()
	}
	limit := x.core.maxResponse
	if !x.succeeded() {
		limit = maxErrorBody
	}
	body, err := readUpTo(resp.Body, resp.ContentLength, limit)
	x.body = body
	over := int64(len(x.body)) > limit
	switch {
	case !x.succeeded():
		x.body = x.body[:min(len(x.body), maxErrorBody)]
		_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody*3) // a connection whose answer is read can be used again
	case over:
		x.body, x.err = nil, ErrResponseTooLarge
	case err != nil:
		x.err = x.cause(err, clock)
	}
}

// readUpTo reads to the end, or one byte over the limit. size is what is expected, -1 if that is not known.
func readUpTo(r io.Reader, size, limit int64) ([]byte, error) {
	const most = 1 << 20 // that a size which is only claimed gets
	buf := make([]byte, 0, min(max(size+1, 512), limit+1, most))
	for int64(len(buf)) <= limit {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, len(buf))
		}
		n, err := r.Read(buf[len(buf):min(int64(cap(buf)), limit+1)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

func (x *exchange) log() {
	if !x.core.logger.Enabled(x.ctx, slog.LevelDebug) {
		return
	}
	x.core.logger.LogAttrs(x.ctx, slog.LevelDebug, "smooch attempt",
		slog.String("op", x.request.String()),
		slog.Int("status", x.status),
		slog.Int("attempt", x.attempts),
		slog.Duration("duration", time.Since(x.began)))
}

// clock bounds an attempt. For an upload it starts when the body has been sent.
type clock struct {
	ctx     context.Context
	cancel  context.CancelFunc
	limit   time.Duration
	running atomic.Bool
	timer   atomic.Pointer[time.Timer]
}

func (x *exchange) startClock() *clock {
	c := &clock{limit: x.core.timeout}
	if _, streams := x.request.body.(*multipartPayload); streams {
		c.ctx, c.cancel = context.WithCancel(x.ctx)
		return c
	}
	c.running.Store(true)
	c.ctx, c.cancel = context.WithTimeout(x.ctx, c.limit)
	return c
}

// start starts the time, unless it runs.
func (c *clock) start() {
	if !c.running.Swap(true) {
		c.timer.Store(time.AfterFunc(c.limit, c.cancel))
	}
}

func (c *clock) stop() {
	if timer := c.timer.Load(); timer != nil {
		timer.Stop()
	}
	c.cancel()
}

// writeTrace learns from net/http whether a request can have reached the service.
type writeTrace struct {
	reliable     bool // the transport is net/http's own
	asked, wrote atomic.Bool
}

func (t *writeTrace) with(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { t.asked.Store(true) },
		WroteHeaders: func() { t.wrote.Store(true) },
	})
}

// knowsUnwritten is false also for a transport that does not tell.
func (t *writeTrace) knowsUnwritten() bool {
	return t != nil && (t.reliable || t.asked.Load()) && !t.wrote.Load()
}
