package smooch

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"
)

// Hook watches the calls of a client, for traces, metrics and logs. Both functions are optional,
// and one that is nil costs nothing. Package smoochotel has a Hook for OpenTelemetry.
//
// Call is called when a call begins, and Attempt before each of its attempts. The function that
// either returns is called once, when the call or the attempt has ended; it may be nil. All of them
// run on the goroutine of the caller, who waits for them, and must be safe for concurrent use. If
// one of them panics, the panic is the caller's.
//
// The context that Call returns is used for the whole call, attempts included, and the one that
// Attempt returns for that attempt; nil leaves the context as it is. It may end earlier than the
// context that was passed in, but not later: the deadline of the caller ends the call even if a
// hook returns [context.Background].
//
// A call is what a method does for its caller. Each page of an iterator is a call, and so is
// [Client.Do]. A repeat with a renewed credential is an attempt of the same call. With
// [WithSendToken] all sends are attempts of one call; each search of the history is a call of its
// own, whose context descends from that of the first. A call that is refused because of its
// arguments is reported as well, unless its context is nil.
type Hook struct {
	Call    func(ctx context.Context, info CallInfo) (context.Context, func(CallResult))
	Attempt func(ctx context.Context, info AttemptInfo) (context.Context, func(AttemptResult))
}

// CallInfo describes a call that begins, see [Hook]. It holds no id of a user and no secret.
type CallInfo struct {
	Operation string  // such as "appusers.get", see API.md; "do" for Client.Do
	Method    string  // such as "GET"
	Path      string  // documented, such as "/appusers/{userId}"; follows version and app
	Version   Version // "" if the path has none, as that of an OAuth call
	AppID     string  // the app that the client is bound to; "" if none
	BaseURL   string  // where the call is sent: scheme, host and perhaps a path
}

// CallResult says how a call has ended, see [Hook].
type CallResult struct {
	StatusCode int           // of the last attempt; 0 if it got no response, or nothing was sent
	Err        error         // what the method returns
	Attempts   int           // how often the call was sent
	Duration   time.Duration // of the call, with all attempts and waits
	Waited     Waits         // how long the call did not send
}

// AttemptInfo describes an attempt that begins, see [Hook].
type AttemptInfo struct {
	CallInfo
	Number int   // 1 for the first attempt of the call
	Waited Waits // since the previous attempt, or the beginning of the call

	// Header is empty. What a hook adds to it is sent with this attempt, such as a traceparent. It
	// cannot replace a header that the request has, such as Authorization or one that [WithHeader]
	// has set. Headers about credentials, cookies, the coding of the body, the connection or
	// idempotency are not sent, and neither is what HTTP does not allow. Several hooks share Header.
	Header http.Header
}

// AttemptResult says how an attempt has ended, see [Hook].
type AttemptResult struct {
	StatusCode int           // 0 if there was no response
	Err        error         // why there was no response, or it could not be read; not set by a status
	Duration   time.Duration // from the authorization to the end of the response
}

// Waits says how long a call has waited, and why, in whole milliseconds.
type Waits struct {
	Limiter time.Duration // for the Limiter
	Pause   time.Duration // for the end of the pause after a 429, and for a turn after it
	Backoff time.Duration // before a repeat, and between the searches for a send token
}

// WithHook calls the functions of h for each call and attempt of the client and its copies. With
// several hooks, the first one given is the outermost: it hears first of a beginning and last of
// an end, and the next one gets the context that it returns.
func WithHook(h Hook) Option {
	return func(cfg *config) error {
		if h.Call == nil && h.Attempt == nil {
			return argumentError(newClientOp, "hook", "has no function")
		}
		if h.Call != nil {
			cfg.core.callHooks = append(cfg.core.callHooks, h.Call)
		}
		if h.Attempt != nil {
			cfg.core.attemptHooks = append(cfg.core.attemptHooks, h.Attempt)
		}
		return nil
	}
}

// errAborted is what a hook is told if a panic has ended what it watches.
var errAborted = errors.New("smooch: ended by a panic")

// hooks are functions that are told of the beginning of the same thing, the outermost first.
type hooks[Info, Result any] []func(context.Context, Info) (context.Context, func(Result))

// begin calls the functions. It returns the context to go on with, and a function that must be
// called with the result. aborted is the result for the outer functions if an inner one panics.
func (h hooks[Info, Result]) begin(ctx context.Context, info Info, aborted Result) (context.Context, func(Result)) {
	var ends []func(Result)
	end := func(result Result) {
		for _, each := range ends {
			defer each(result) // the innermost first, and each of them even if another one panics
		}
	}
	begun := false
	defer func() {
		if !begun {
			end(aborted)
		}
	}()
	for _, hook := range h {
		hooked, told := hook(ctx, info)
		if told != nil {
			ends = append(ends, told)
		}
		if bounded, release := boundBy(ctx, hooked); bounded != nil {
			ends = append(ends, func(Result) { release() })
			ctx = bounded
		} else if hooked != nil {
			ctx = hooked
		}
	}
	begun = true
	return ctx, end
}

// boundBy returns a context that has the values of hooked and ends with hooked or ctx, whichever
// ends first; nil if hooked can be used as it is, or is nil.
func boundBy(ctx, hooked context.Context) (bounded context.Context, release func()) {
	if hooked == nil || ctx.Done() == nil || hooked.Done() == ctx.Done() {
		return nil, nil
	}
	var end context.Context
	var cancel context.CancelFunc
	deadline, limited := hooked.Deadline()
	if limited {
		end, cancel = context.WithDeadline(ctx, deadline)
	} else {
		end, cancel = context.WithCancel(ctx)
	}
	stop := context.AfterFunc(hooked, func() {
		// A deadline ends both, and must not be reported as a cancelation.
		if !limited || !errors.Is(hooked.Err(), context.DeadlineExceeded) {
			cancel()
		}
	})
	return boundContext{hooked, end}, func() {
		stop()
		cancel()
	}
}

// A boundContext has the values of one context and the end of another.
type boundContext struct {
	context.Context
	end context.Context
}

func (c boundContext) Deadline() (time.Time, bool) { return c.end.Deadline() }
func (c boundContext) Done() <-chan struct{}       { return c.end.Done() }
func (c boundContext) Err() error                  { return c.end.Err() }

// A progress is what a call has done so far, with all its sends. Only calls that a hook is told of
// or that have a send token have one.
type progress struct {
	info     CallInfo
	began    time.Time
	attempts int
	status   int   // of the last attempt
	waited   Waits // in all
	reported Waits // the part that the last attempt was told of
}

// watchedCall makes a call that has a progress, and tells the hooks of it.
func watchedCall(ctx context.Context, c *Client, r *request, out any) error {
	p := &progress{began: time.Now(), info: CallInfo{
		Operation: r.name, Method: r.method, Path: r.path, Version: c.version, AppID: c.appID, BaseURL: c.core.base,
	}}
	if r.versions == unversioned {
		p.info.Version, p.info.BaseURL = "", c.core.oauthBase
	}
	r.progress = p
	err := errAborted
	if len(c.core.callHooks) > 0 {
		hooked, end := c.core.callHooks.begin(ctx, p.info, CallResult{Err: errAborted})
		ctx = hooked
		defer func() {
			end(CallResult{p.status, err, p.attempts, time.Since(p.began), p.waited})
		}()
	}
	err = call(ctx, c, r, out, nil)
	if err != nil && p.attempts > 1 {
		logFailure(ctx, r, c.core.logger, p.status, p.attempts, p.began, err)
	}
	return err
}

// watchAttempt tells the hooks of an attempt that begins. It returns the context and the further
// headers to send it with, and a function that tells them its end.
func watchAttempt(ctx context.Context, x *exchange) (hooked context.Context, added http.Header, end func()) {
	info, began := x.request.progress.nextAttempt(), time.Now()
	hooked, told := x.core.attemptHooks.begin(ctx, info, AttemptResult{Err: errAborted})
	return hooked, info.Header, func() {
		result := AttemptResult{x.status, cmp.Or(x.err, x.unsent), time.Since(began)}
		if result.StatusCode == 0 && result.Err == nil {
			result.Err = errAborted
		}
		told(result)
	}
}

// waits begins a wait. The function that it returns ends it and adds its time to a part of waited.
func (p *progress) waits(part *time.Duration) (end func()) {
	began := time.Now()
	return func() { *part += time.Since(began).Truncate(time.Millisecond) }
}

// waitsToSend begins the wait of an attempt for its turn. Of it, what the limiter takes is measured
// by waits, and the rest is a pause.
func (p *progress) waitsToSend() (end func()) {
	began, limited := time.Now(), p.waited.Limiter
	return func() {
		paused := time.Since(began) - (p.waited.Limiter - limited)
		p.waited.Pause += paused.Truncate(time.Millisecond)
	}
}

// nextAttempt returns what to tell of the attempt that begins.
func (p *progress) nextAttempt() AttemptInfo {
	fresh := Waits{
		p.waited.Limiter - p.reported.Limiter, p.waited.Pause - p.reported.Pause, p.waited.Backoff - p.reported.Backoff,
	}
	p.reported = p.waited
	return AttemptInfo{CallInfo: p.info, Number: p.attempts + 1, Waited: fresh, Header: http.Header{}}
}

// addHeader adds what hooks have put into an attempt's header to req, see [AttemptInfo]. The map of
// req stays as it is, as the exchange compares credentials in it.
func addHeader(req *http.Request, header http.Header) {
	req.Header = req.Header.Clone()
	for key, values := range header {
		name := http.CanonicalHeaderKey(key)
		_, taken := req.Header[name]
		if taken || reservedHeaders[name] || checkHeader("", http.Header{name: values}) != nil {
			continue
		}
		req.Header[name] = slices.Clone(values)
	}
}

// reservedHeaders cannot be added by a hook, as they would change what an attempt means: who makes
// it, what its body is, or whether net/http may send it again.
var reservedHeaders = map[string]bool{
	"Authorization": true, "Proxy-Authorization": true, "Cookie": true,
	"Content-Type": true, "Content-Encoding": true, "Content-Length": true, "Transfer-Encoding": true, "Trailer": true, "Te": true,
	"Host": true, "Connection": true, "Upgrade": true, "Expect": true,
	"Idempotency-Key": true, "X-Idempotency-Key": true,
}
