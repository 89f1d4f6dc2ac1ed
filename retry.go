package smooch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// RetryPolicy says how often and how patiently a call is repeated. A zero field is its default.
//
// What is repeated does not depend on it:
//
//	what happened                                     repeat changes nothing   may do the work twice
//	429                                               repeated                 repeated: it was refused
//	failure before a byte was written                 repeated                 repeated
//	5xx but 501, time-out, lost connection            repeated                 ErrOutcomeUnknown
//	2xx, then the body breaks off                     repeated                 *DecodeError
//	409                                               PUT and DELETE           no
//	401, and the credential can be renewed            once                     once
//	anything else                                     no                       no
//
// Waits are random between nothing and MinDelay doubled with each attempt, up to MaxDelay.
// Retry-After, in seconds or as a date, is waited in full; if it exceeds MaxRetryAfter or the
// context's deadline, the call returns at once with [Error.RetryAfter] set. A 429 holds back
// all calls of the client and its copies until its Retry-After has passed, MaxRetryAfter at most; then they are let
// through at the rate that the service took before.
type RetryPolicy struct {
	MaxAttempts   int           // attempts in all, the first included; default 3
	MinDelay      time.Duration // default 500 ms
	MaxDelay      time.Duration // default 20 s
	MaxRetryAfter time.Duration // the longest Retry-After that is waited for; default 60 s

	// Budget bounds the repeats of all calls together, so that an outage is not made worse:
	// each repeat takes one of Budget tokens and each success gives a tenth back. With none left a
	// failure is returned at once. Repeats after a 429 take none. Default 100.
	Budget int
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if p.MaxAttempts == 0 {
		p.MaxAttempts = 3
	}
	if p.MinDelay == 0 {
		p.MinDelay = 500 * time.Millisecond
	}
	if p.MaxDelay == 0 {
		p.MaxDelay = 20 * time.Second
	}
	if p.MaxRetryAfter == 0 {
		p.MaxRetryAfter = time.Minute
	}
	if p.Budget == 0 {
		p.Budget = 100
	}
	return p
}

// backoff is the wait after attempt n, counted from 1: full jitter.
func (p RetryPolicy) backoff(n int) time.Duration {
	most := p.MaxDelay
	if doublings := n - 1; doublings < 32 && p.MinDelay < most>>doublings {
		most = p.MinDelay << doublings
	}
	return rand.N(most + 1)
}

// budget is a bucket of repeats, in tenths.
type budget struct {
	mu         sync.Mutex
	tenths, of int
}

func (b *budget) fill(tokens int) { b.tenths, b.of = 10*tokens, 10*tokens }

func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tenths < 10 {
		return false
	}
	b.tenths -= 10
	return true
}

func (b *budget) giveBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tenths = min(b.tenths+1, b.of)
}

// retryAfter reads the header, in seconds or as a date. What cannot be read is no header.
func retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		switch {
		case !(seconds > 0):
			return 0
		case seconds > math.MaxInt64/float64(2*time.Second):
			return math.MaxInt64 / 2
		}
		return time.Duration(math.Ceil(seconds * float64(time.Second)))
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now := time.Now()
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date // the service's clock, as the header is
	}
	return max(until.Sub(now), 0)
}

// errTimeout is an attempt that took longer than the client's time-out.
type errTimeout time.Duration

func (e errTimeout) Error() string        { return "no answer within " + time.Duration(e).String() }
func (e errTimeout) Is(target error) bool { return target == context.DeadlineExceeded }
func (e errTimeout) Timeout() bool        { return true }

// An exchange is one call on its way: it runs the attempts inside go-retryablehttp and
// remembers what the last one came to. go-retryablehttp sees an exchange as the transport
// of its http.Client and as its policy.
type exchange struct {
	core    *core
	request request
	ctx     context.Context
	once    bool
	settles bool
	http    http.Client
	loop    retryablehttp.Client

	attempts int
	refused  bool          // the last attempt got 429
	lost     bool          // an attempt may have been carried out without an answer
	resigned bool          // the credential was renewed after a 401
	waiting  bool          // between two attempts
	delay    time.Duration // before the next attempt
	sent     http.Header   // of the last attempt

	attempt
}

// do runs a call and reads its answer.
func (c *core) do(req *http.Request, r request, read func([]byte) error, o *callOptions) error {
	x := &exchange{core: c, request: r, ctx: req.Context(), once: o.once, settles: o.settles, http: c.http}
	x.http.Transport = x
	x.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	x.loop.HTTPClient = &x.http
	x.loop.RetryMax = c.retry.MaxAttempts - 1
	x.loop.CheckRetry = func(context.Context, *http.Response, error) (bool, error) { return x.again(), nil }
	x.loop.Backoff = x.backoff
	x.loop.ErrorHandler = retryablehttp.PassthroughErrorHandler
	_, err := x.loop.Do(&retryablehttp.Request{Request: req}) // each attempt has read and closed its body
	if o.response != nil {
		*o.response = Response{x.status, x.header, x.body, x.attempts}
	}
	return x.result(err, read)
}

func (x *exchange) backoff(_, _ time.Duration, _ int, _ *http.Response) time.Duration {
	x.waiting = true
	return x.delay
}

// repeatable reports whether a second try of this call changes nothing.
func (x *exchange) repeatable() bool { return x.request.repeat != unsafe }

// again decides whether the attempt that has just ended is followed by another, and sets the delay.
func (x *exchange) again() bool {
	if x.unsent != nil || x.ctx.Err() != nil {
		return false
	}
	again, asked := false, time.Duration(0)
	x.delay = x.core.retry.backoff(x.attempts)
	switch {
	case x.status == 0:
		again = !isPermanent(x.err) && (x.repeatable() || !x.written)
		x.lost = x.lost || x.written
	case x.err != nil:
		x.lost = true
		again = x.repeatable() && !errors.Is(x.err, ErrResponseTooLarge)
	case x.status == http.StatusTooManyRequests:
		return x.againRefused()
	case x.status == http.StatusUnauthorized:
		again = !x.resigned && x.resign()
		x.resigned, x.delay = true, 0
	case x.status == http.StatusConflict:
		again = x.request.method == http.MethodPut || x.request.method == http.MethodDelete
		x.lost = x.lost || again
	case x.isFault():
		again = x.repeatable()
		x.lost = true
		if asked = retryAfter(x.header); asked > 0 {
			x.delay = asked + min(x.delay, x.core.retry.MinDelay)
		}
	}
	return again && x.mayRepeat() && x.mayWait(asked, x.delay) && (x.settles || x.core.budget.take())
}

func (a *attempt) succeeded() bool { return a.status >= 200 && a.status <= 299 }

// isFault is a 5xx that leaves open what the service did.
func (a *attempt) isFault() bool { return a.status >= 500 && a.status != http.StatusNotImplemented }

func (x *exchange) mayRepeat() bool {
	body := x.request.body
	return !x.once && x.attempts < x.core.retry.MaxAttempts && (body == nil || body.repeatable())
}

// mayWait is false when the service asks for more than the policy allows, or the context ends first.
func (x *exchange) mayWait(asked, delay time.Duration) bool {
	deadline, bounded := x.ctx.Deadline()
	return asked <= x.core.retry.MaxRetryAfter && (!bounded || time.Until(deadline) > delay)
}

// againRefused pauses the client after a 429. The gate does the waiting, for this call as for the others.
func (x *exchange) againRefused() bool {
	asked := retryAfter(x.header)
	pause := asked
	if pause == 0 {
		pause = x.delay
	}
	x.core.gate.refuse(x.began, min(pause, x.core.retry.MaxRetryAfter))
	x.refused, x.delay = true, 0
	return x.mayRepeat() && x.mayWait(asked, pause)
}

// resign reports whether authorizing again gives other credentials than those that were refused.
func (x *exchange) resign() bool {
	if x.request.anon || x.request.token != "" {
		return false
	}
	if signer, ok := x.core.auth.(interface{ renewed(string) (string, error) }); ok {
		refused := strings.TrimPrefix(x.sent.Get("Authorization"), "Bearer ")
		token, err := signer.renewed(refused)
		return err == nil && token != refused
	}
	probe := &http.Request{Method: x.request.method, URL: x.url, Header: x.template.Clone()}
	return x.core.auth.Authorize(x.ctx, probe) == nil && !maps.EqualFunc(probe.Header, x.sent, slices.Equal[[]string])
}

// isPermanent is a failure to connect that another try meets again.
func isPermanent(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	return certificate || notTLS
}

// isDialError is a failure to connect, whoever reports it.
func isDialError(err error) bool {
	_, dns := errors.AsType[*net.DNSError](err)
	op, network := errors.AsType[*net.OpError](err)
	return dns || network && op.Op == "dial"
}

// result turns what the last attempt came to into the call's error, or reads the answer.
func (x *exchange) result(err error, read func([]byte) error) error {
	op := x.request
	switch {
	case x.waiting:
		x.previous = x.failure()
		return x.gaveUp("gave up waiting to repeat the call", x.ctx.Err())
	case x.unsent != nil:
		return x.gaveUp(x.unsentText, x.unsent)
	case x.status == 0 && x.err == nil:
		return &callError{op.String(), safeText(err), []error{bare(err)}} // http.Client refused to send it
	case x.lost && op.repeat.doneBefore(x.status):
		return nil
	case !x.succeeded() || x.err != nil:
		return x.failure()
	}
	x.core.budget.giveBack()
	if read == nil || len(x.body) == 0 {
		return nil
	}
	if err := read(x.body); err != nil {
		return &DecodeError{op.String(), x.status, err}
	}
	return nil
}

// failure is why the last attempt did not bring the answer.
func (x *exchange) failure() error {
	op := x.request
	switch {
	case x.succeeded():
		return &DecodeError{op.String(), x.status, x.err}
	case x.status != 0:
		e := newError(op.operation, x.status, x.header, x.body)
		e.Attempts, e.redact = x.attempts, x.redactor()
		if x.isFault() && !x.repeatable() {
			return unknownOutcome(op, e)
		}
		return e
	case x.written && !x.repeatable():
		return unknownOutcome(op, x.err)
	}
	return &callError{op.String(), safeText(x.err), []error{x.err}}
}

// gaveUp is a call that ended before its next attempt was sent. What the attempt before came to is in the chain.
func (x *exchange) gaveUp(text string, cause error) error {
	if held, ok := cause.(*Error); ok && x.attempts == 0 {
		return held
	}
	e := &callError{x.request.String(), text + ": " + safeText(cause), []error{cause}}
	if x.previous != nil {
		e.text += "; before that: " + safeText(x.previous)
		e.causes = append(e.causes, x.previous)
	}
	return e
}

// redactor takes out what the call sent that must not come back in an error's text: its path arguments, its form and
// what authorized it.
func (x *exchange) redactor() func(string) string {
	var found []string
	add := func(s string) {
		if len(s) > 2 && !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	for key, values := range x.sent {
		if slices.Equal(values, x.template[key]) {
			continue
		}
		for _, value := range values {
			_, token, _ := strings.Cut(value, " ")
			add(value)
			add(token)
		}
	}
	ids := x.request.ids
	if x.request.name == "do" {
		ids = strings.Split(ids[0], "/")
	}
	for _, id := range ids {
		add(id)
		add(url.PathEscape(id))
		if plain, err := url.PathUnescape(id); err == nil {
			add(plain)
		}
	}
	for _, values := range x.request.secrets {
		for _, value := range values {
			add(value)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	return func(text string) string {
		for _, s := range found {
			text = strings.ReplaceAll(text, s, "[redacted]")
		}
		return text
	}
}

// bare takes off the *url.Error that net/http puts around errors: its text is the URL, ids included.
func bare(err error) error {
	for {
		wrapped, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = wrapped.Err
	}
}

// safeText is an error's text without URLs, and without what net/http quotes of an answer.
func safeText(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.text()
	}
	err = bare(err)
	if e, ok := err.(*callError); ok {
		return e.text
	}
	text := fmt.Sprint(err)
	if before, _, quoted := strings.Cut(text, `"`); quoted {
		text = strings.TrimSpace(before) + " ..."
	}
	return oneLine(text)
}
