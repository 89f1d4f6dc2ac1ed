package smooch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/smooch/smooch-go/internal/pace"
)

// An exchange is the sending of one call, with all its attempts. Every effect of a call is in this
// file: waiting, sending, counting and logging. What an attempt means for the call is decided in
// retry.go. Each attempt takes these steps:
//
//	send   wait       until the context, the throttle and the limiter allow the attempt
//	       authorize  with the credential, which may have been renewed
//	       send       for no longer than the timeout
//	       read       the whole response, up to its limit
//	next   judge      what the attempt means, and count it, start a pause, renew the credential or
//	                  set the delay accordingly
//
// Most calls take one attempt. If a call takes more, go-retryablehttp runs them, with the exchange
// as the transport of its http.Client and as its retry policy. After the last attempt, do returns
// the error of the call, if any.
type exchange struct {
	core     *core
	app      string            // the app that the call reaches; "": none, or the credential implies it
	throttle *pace.KeyThrottle // of that app
	request  *request
	url      *url.URL
	ctx      context.Context

	attempts  int           // how many have been sent
	maybeDone bool          // an attempt may have done the work although no response says so
	renewed   bool          // the credential has been renewed after a 401
	again     bool          // another attempt follows
	delay     time.Duration // before the next attempt
	delaying  bool          // the delay has begun, and the next attempt has not
	delayed   func()        // measures the delay at its end; nil if nobody asks

	attempt             // the last one
	verdict verdict     // on the last attempt
	sent    http.Header // of the last attempt after authorization, without cookies
	began   time.Time   // when the last attempt was sent

	buffer *[bufferSize]byte // of the body; nil: the body has memory of its own

	unsent     error  // why the last attempt was not sent, which ends the call
	unsentText string // what the call was doing then, for its error
	previous   error  // the failure of the attempt before the last
}

// do makes the call. If it returns nil, status and body hold the response.
func (x *exchange) do() (err error) {
	x.send()
	if x.next() {
		defer logRepeated(x, x.began, &err)
		x.repeat()
	}
	if x.request.response != nil && !errors.Is(x.unsent, ErrInvalidArgument) {
		*x.request.response = Response{x.status, x.header, x.body, x.attempts}
	}
	switch {
	case x.delaying:
		x.previous = x.failure()
		return x.stopped("waiting to repeat the call", x.ctx.Err())
	case x.unsent != nil:
		return x.stopped(x.unsentText, x.unsent)
	case x.maybeDone && x.request.repeat.doneBefore(x.status):
		x.body = nil
		return nil
	case x.ok && x.err == nil:
		return nil
	}
	return x.failure()
}

// repeat waits and sends until next says that no attempt follows.
func (x *exchange) repeat() {
	client := http.Client{
		Transport:     x,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	x.again = true
	loop := retryablehttp.Client{
		HTTPClient: &client,
		RetryMax:   x.core.retry.MaxAttempts - 1,
		CheckRetry: func(context.Context, *http.Response, error) (bool, error) { return x.again, nil },
		Backoff: func(_, _ time.Duration, _ int, _ *http.Response) time.Duration {
			x.delaying = true
			if p := x.request.progress; p != nil && x.delay > 0 {
				x.delayed = p.waits(&p.waited.Backoff)
			}
			return x.delay
		},
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	first := retryablehttp.Request{Request: x.newRequest(x.ctx)}
	_, _ = loop.Do(&first) //nolint:bodyclose // send has closed it
	if x.delaying && x.delayed != nil {
		x.delayed()
	}
}

// newRequest returns a request without a credential and without a body.
func (x *exchange) newRequest(ctx context.Context) *http.Request {
	address := *x.url // a copy, as an Auth may add to it
	req := http.Request{
		Method: x.request.method, URL: &address, Host: strings.TrimSuffix(address.Host, ":"), Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: x.request.newHeader(x.core.userAgent),
	}
	return req.WithContext(ctx)
}

// RoundTrip makes an attempt for go-retryablehttp. It begins with the first, which has been made,
// so that one is only reported.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	if x.delaying {
		x.send()
		x.again = x.next()
	}
	if x.status == 0 {
		return nil, cmp.Or(x.unsent, x.err)
	}
	return &http.Response{StatusCode: x.status, Header: x.header, Body: http.NoBody, Request: req}, nil
}

// send makes one attempt. It reads the whole response, so that the call can be repeated if the body
// breaks off, and closes it, so that the connection can be used again.
func (x *exchange) send() {
	if x.attempts > 0 {
		x.previous = x.failure()
	}
	if x.delayed != nil {
		x.delayed()
	}
	x.delaying, x.delayed, x.attempt = false, nil, attempt{}
	if !x.wait() {
		return
	}
	file, bound := x.request.file, context.WithTimeout
	if file != nil {
		bound = file.withTimeout
	}
	ctx, cancel := bound(x.ctx, x.core.timeout)
	defer cancel()
	hooked := ctx
	var added http.Header
	if len(x.core.attemptHooks) > 0 {
		var end func()
		hooked, added, end = watchAttempt(ctx, x)
		defer end()
	}
	var trace *writeTrace
	if x.request.sentOnce() { // only then does it matter whether the request was written
		trace = newWriteTrace(x.core.http.Transport)
		hooked = httptrace.WithClientTrace(hooked, &trace.hooks)
	}
	req := x.newRequest(hooked)
	switch {
	case x.request.formValues != nil: // the form contains the credential
	case x.request.bearer != "":
		req.Header.Set("Authorization", "Bearer "+x.request.bearer)
	default:
		if err := x.core.auth.Authorize(hooked, req); err != nil {
			x.cannotSend("cannot authorize", x.cause(ctx, err))
			return
		}
	}
	x.sent = req.Header
	if err := x.attach(req, trace); err != nil {
		if ctx.Err() != nil {
			err = x.cause(ctx, err)
		}
		x.cannotSend("cannot open the upload", err)
		return
	}
	if len(added) > 0 {
		addHeader(req, added)
	}
	jar := x.core.http.Jar
	if jar != nil {
		addCookies(req, jar)
	}
	x.attempts++
	if p := x.request.progress; p != nil {
		p.attempts++
	}
	x.began = time.Now()
	x.throttle.Sent(x.began)
	resp, err := x.core.http.Transport.RoundTrip(req)
	if file != nil && err == nil {
		file.idle.last() // the service may respond before it has read the whole body
	}
	switch {
	case err != nil:
		x.fail(ctx, err, !trace.knowsUnwritten())
	case resp.StatusCode < 200, resp.StatusCode > 599: // not a valid final status
		go resp.Body.Close() // unread, as that of 101 is the bare connection, which may never end
		x.fail(ctx, fmt.Errorf("status %03d is not a valid final status", resp.StatusCode), true)
	default:
		if jar != nil {
			jar.SetCookies(req.URL, resp.Cookies())
		}
		x.read(ctx, resp)
	}
	if file != nil {
		file.release(ctx)
	}
	if p := x.request.progress; p != nil {
		p.status = x.status
	}
	if x.core.logger.Enabled(x.ctx, slog.LevelDebug) {
		logAttempt(x)
	}
}

// wait reports whether the attempt may be sent, when it may or never will.
func (x *exchange) wait() bool {
	if err := x.ctx.Err(); err != nil {
		return x.cannotSend("not sent", err)
	}
	x.throttle = x.core.throttles.For(x.app)
	if p := x.request.progress; p != nil {
		defer p.waitsToSend()()
	}
	err := x.throttle.Wait(x.ctx, x.verdict.refused)
	if err == nil && x.core.limiter != nil {
		if err := x.limit(); err != nil {
			return x.cannotSend("waiting for the limiter", err)
		}
		if x.throttle.Paused() { // while the call waited for the limiter
			err = x.throttle.Wait(x.ctx, x.verdict.refused)
		}
	}
	if err == nil {
		return true
	}
	refusal := &Error{Op: x.request.String(), StatusCode: http.StatusTooManyRequests, Attempts: x.attempts,
		Description: "not sent, as an earlier call was refused"}
	if paused, ok := errors.AsType[*pace.PauseError](err); ok {
		refusal.RetryAfter = paused.Remaining
		return x.cannotSend("waiting out an earlier 429", refusal)
	}
	return x.cannotSend("waiting out an earlier 429", errors.Join(err, refusal))
}

// limit returns when the limiter allows the attempt.
func (x *exchange) limit() error {
	if p := x.request.progress; p != nil {
		defer p.waits(&p.waited.Limiter)()
	}
	if l, ok := x.core.limiter.(appLimiter); ok {
		return l.WaitApp(x.ctx, x.app)
	}
	return x.core.limiter.Wait(x.ctx)
}

// cannotSend records why an attempt is not sent, which ends the call.
func (x *exchange) cannotSend(text string, err error) (sent bool) {
	x.unsent, x.unsentText = err, text
	return false
}

// attach sets the body of req. trace is nil if the call may be repeated anyway.
//
// net/http sends some requests again by itself, for as long as GetBody returns their bodies. When a
// connection that it reuses breaks, it does so with a GET or HEAD without a body, with a request
// that has an idempotency key, and with any of which nothing was written. Over HTTP/2, it does so
// each time the service resets the stream of a request. A call that may be sent only once must
// therefore have a body, no GetBody if it has such a key, and one that fails over HTTP/2.
func (x *exchange) attach(req *http.Request, trace *writeTrace) error {
	data := x.request.data
	switch {
	case x.request.file != nil:
		return x.request.file.attach(req)
	case x.request.contentType == "" && trace == nil:
		return nil
	}
	req.ContentLength = int64(len(data))
	req.Body = io.NopCloser(bytes.NewReader(data))
	if req.Header["Idempotency-Key"] != nil || req.Header["X-Idempotency-Key"] != nil || x.request.repeat == safe {
		return nil
	}
	req.GetBody = func() (io.ReadCloser, error) {
		if trace != nil && trace.http2.Load() {
			return nil, errors.New("not sent again over HTTP/2, as the service may have carried it out")
		}
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	return nil
}

// addCookies adds the cookies of a jar to req. The header that the exchange keeps stays without.
func addCookies(req *http.Request, jar http.CookieJar) {
	req.Header = req.Header.Clone()
	for _, cookie := range jar.Cookies(req.URL) {
		req.AddCookie(cookie)
	}
}

// read reads the response, up to a limit that depends on its status.
func (x *exchange) read(ctx context.Context, resp *http.Response) {
	defer resp.Body.Close()
	x.status, x.header, x.written = resp.StatusCode, resp.Header, true
	x.ok = x.status >= 200 && x.status <= 299
	limit := x.core.maxResponse
	if !x.ok {
		limit = maxErrorBody
	}
	var body []byte
	var err error
	if x.ok && x.request.response == nil && worthBuffer(resp.ContentLength) && limit >= bufferSize {
		x.buffer = buffers.Get().(*[bufferSize]byte)
		body, err = readInto(x.buffer[:0], resp.Body, limit)
	} else {
		body, err = readUpTo(resp.Body, resp.ContentLength, limit)
	}
	switch {
	case !x.ok:
		x.body = body[:min(len(body), maxErrorBody)]
		_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody*3) // so that the connection is reused
	case int64(len(body)) > limit:
		x.err = ErrResponseTooLarge
	case err != nil:
		x.body, x.err = body, x.cause(ctx, err)
	default:
		x.body = body
	}
}

// release gives back the buffer of the body, which must not be used any more. A body that is larger
// has memory of its own, so a goroutine that [decode] has left behind can go on with it.
func (x *exchange) release() {
	if x.buffer != nil {
		clear(x.buffer[:])
		buffers.Put(x.buffer)
		x.buffer, x.body = nil, nil
	}
}

// fail records an attempt that got no response. written is false if it is certain that the request
// was not written.
func (x *exchange) fail(ctx context.Context, err error, written bool) {
	if x.request.file != nil {
		if err := x.request.file.failure(); err != nil {
			x.cannotSend("reading the upload", err) // the service ignores an incomplete request
		}
	}
	x.err = x.cause(ctx, err)
	x.written = written && !isDialError(err) && !isPermanent(err)
}

// cause returns why there is no response: the end of the call's context, the timeout, or err.
func (x *exchange) cause(ctx context.Context, err error) error {
	switch {
	case x.ctx.Err() != nil:
		return x.ctx.Err()
	case ctx.Err() == nil:
		return withoutURL(err)
	case x.request.file != nil && !x.request.file.idle.fixed.Load():
		return errTimeout{"no byte of the upload was read or sent", x.core.timeout}
	}
	return errTimeout{"no response", x.core.timeout}
}

// next acts on the attempt that has just ended, and reports whether another one follows.
func (x *exchange) next() bool {
	if x.unsent != nil {
		return false
	}
	x.verdict = judge(x.request.operation, x.attempt)
	x.maybeDone = x.maybeDone || x.verdict.lost
	if x.ok && x.err == nil {
		x.core.budget.Return()
	}
	policy := x.core.retry
	pause := cmp.Or(x.verdict.asked, policy.longestBackoff(x.attempts))
	if l, ok := x.core.limiter.(refusalLimiter); ok && x.verdict.refused {
		l.Refused(x.ctx, x.app, min(pause, policy.MaxRetryAfter))
	}
	if !x.verdict.again || x.ctx.Err() != nil {
		return false
	}
	x.delay = policy.backoff(x.attempts)
	switch {
	case x.verdict.refused:
		x.throttle.Refused(x.began, min(pause, policy.MaxRetryAfter))
		x.delay = 0 // the throttle makes this call wait, as it does all others
		return x.mayRepeat(pause)
	case x.verdict.renew:
		return x.repeatRenewed()
	case x.verdict.asked > 0:
		x.delay = x.verdict.asked + min(x.delay, policy.MinDelay)
	}
	return x.mayRepeat(x.delay) && (x.request.unbudgeted || x.core.budget.Take())
}

// repeatRenewed renews the refused credential, once, and reports whether the call may be repeated
// with it. The repeat takes no token from the budget, as all calls may need one at once when their
// credential expires. One that was refused again takes a token, so that a revoked key does not
// double every call for ever. If no token is left, the call is not repeated, and later calls use
// the new credential.
func (x *exchange) repeatRenewed() bool {
	if x.renewed {
		if !x.request.unbudgeted {
			x.core.budget.Take()
		}
		return false
	}
	x.renewed, x.delay = true, 0
	return x.renew() && x.mayRepeat(0) && (x.request.unbudgeted || !x.core.budget.Empty())
}

// mayRepeat reports whether the call, the policy and the context allow another attempt after delay.
func (x *exchange) mayRepeat(delay time.Duration) bool {
	deadline, bounded := x.ctx.Deadline()
	return !x.request.noRetry && x.attempts < x.core.retry.MaxAttempts && x.request.repeatable() &&
		x.verdict.asked <= x.core.retry.MaxRetryAfter && (!bounded || time.Until(deadline) > delay)
}

// renew reports whether authorizing again produces a credential that differs from the refused one.
func (x *exchange) renew() bool {
	if x.request.formValues != nil || x.request.bearer != "" {
		return false
	}
	if signer, ok := x.core.auth.(interface{ renewed(string) (string, error) }); ok {
		refused := x.sent.Get("Authorization")
		bearer, err := signer.renewed(refused)
		return err == nil && bearer != refused
	}
	probe := x.newRequest(x.ctx)
	return x.core.auth.Authorize(x.ctx, probe) == nil && !maps.EqualFunc(probe.Header, x.sent, slices.Equal[[]string])
}

// failure returns the error of the last attempt.
func (x *exchange) failure() error {
	op := x.request.String()
	if x.ok {
		return &DecodeError{op, x.status, x.err}
	}
	err := x.err
	if x.status != 0 {
		e := newError(x.request.operation, x.status, x.header, x.body)
		e.Attempts, e.redact = x.attempts, redactor(x.request, x.request.newHeader(x.core.userAgent), x.sent)
		err = e
	}
	switch {
	case x.verdict.unknown:
		return outcomeUnknown(op, err)
	case x.status != 0:
		return err
	}
	return callFailed(op, err)
}

// stopped returns the error of a call that ended before an attempt was sent. text says what the
// call was doing, cause what ended it. The failure of the attempt before is in the error's chain.
func (x *exchange) stopped(text string, cause error) error {
	//nolint:errorlint // a refusal that is wrapped or joined is not the whole cause
	if refusal, ok := cause.(*Error); ok && x.attempts == 0 {
		return refusal
	}
	e := &callError{x.request.String(), text + ": " + safeText(cause), []error{cause}}
	if x.previous != nil {
		e.text += "; before that: " + safeText(x.previous)
		e.causes = append(e.causes, x.previous)
	}
	return e
}
