package smooch

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
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
// context's deadline, the call returns at once with [Error.RetryAfter] set. A 429 holds back all
// calls of the client and its copies until its Retry-After has passed, MaxRetryAfter at most; then
// they are let through at the rate that the service accepted before.
type RetryPolicy struct {
	MaxAttempts   int           // attempts in all, the first included; default 3
	MinDelay      time.Duration // default 500 ms
	MaxDelay      time.Duration // default 20 s
	MaxRetryAfter time.Duration // the longest Retry-After that is waited for; default 60 s

	// Budget bounds the repeats of all calls together, so that an outage is not made worse: each
	// repeat takes one of Budget tokens and each success gives a tenth back. With none left a
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

// backoff is the wait after attempt n, counted from 1, with full jitter.
func (p RetryPolicy) backoff(n int) time.Duration {
	most := p.MaxDelay
	if doublings := n - 1; doublings < 32 && p.MinDelay < most>>doublings {
		most = p.MinDelay << doublings
	}
	return rand.N(most + 1)
}

// An attempt is what one try of a call came to: an answer, part of one, or none.
type attempt struct {
	status  int         // 0: no answer
	ok      bool        // the status is 2xx
	header  http.Header // of the answer
	body    []byte      // of the answer, read to its end
	err     error       // why there is no answer, or why its body broke off
	written bool        // part of the request may have reached the service
}

// A verdict is what an attempt means for its call.
type verdict struct {
	again   bool          // another attempt may be made
	renew   bool          // only with other credentials
	refused bool          // the service did nothing, and asks all callers to wait
	lost    bool          // the work may have been done although no answer says so,
	unknown bool          // and repeating it could do it twice
	asked   time.Duration // how long the service asks to wait; 0: it does not say
}

// judge is the table in the comment of RetryPolicy.
func judge(op *operation, a attempt) verdict {
	repeatable := op.repeat >= idempotent
	switch {
	case a.ok && a.err == nil:
		return verdict{}
	case a.status == 0:
		return verdict{again: !isPermanent(a.err) && (repeatable || !a.written), lost: a.written, unknown: a.written && !repeatable}
	case a.ok:
		return verdict{again: repeatable && !errors.Is(a.err, ErrResponseTooLarge), lost: true}
	case a.status == http.StatusTooManyRequests:
		return verdict{again: true, refused: true, asked: retryAfter(a.header)}
	case a.status == http.StatusUnauthorized:
		return verdict{again: true, renew: true}
	case a.status == http.StatusConflict:
		replaces := op.method == http.MethodPut || op.method == http.MethodDelete
		return verdict{again: replaces, lost: replaces}
	case a.status >= 500 && a.status != http.StatusNotImplemented:
		return verdict{again: repeatable, lost: true, unknown: !repeatable, asked: retryAfter(a.header)}
	}
	return verdict{}
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

// isPermanent reports a failure to connect that another attempt would meet again.
func isPermanent(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	return certificate || notTLS
}

// isDialError reports a failure to connect, whoever reports it.
func isDialError(err error) bool {
	_, dns := errors.AsType[*net.DNSError](err)
	op, network := errors.AsType[*net.OpError](err)
	return dns || network && op.Op == "dial"
}
