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

// RetryPolicy configures how often a call is repeated and how long it waits before each repeat. A
// zero field stands for its default.
//
// The policy does not change what is repeated. That depends on what happened, and on whether a
// repeat of the call changes nothing (GET, PUT, DELETE and some of the POST calls) or may do the
// work twice (the other POST calls):
//
//	what happened                            changes nothing    may do the work twice
//	429                                      repeated           repeated, as it was refused
//	failure before a byte was written        repeated           repeated
//	5xx but 501, timeout, lost connection    repeated           fails with ErrOutcomeUnknown
//	2xx, but the body breaks off             repeated           fails with *DecodeError
//	409                                      PUT, DELETE        fails
//	401, and the credential can be renewed   repeated once      repeated once
//	anything else                            fails              fails
//
// A call is not repeated if the server's certificate is not accepted. If an earlier attempt of a
// DELETE may have done the work and a repeat gets 404, the call succeeds.
//
// The wait before a repeat is random, with full jitter: up to MinDelay at first, then up to twice
// as much each time, but never more than MaxDelay. Retry-After, in seconds or as a date, is waited
// for in full. If that would take longer than MaxRetryAfter or the context allows, the call fails
// at once, with [Error.RetryAfter] set.
//
// A 429 holds back all calls of the client and its copies to the same app, for its Retry-After or,
// without one, for MinDelay, doubled with each attempt of the call, but for MaxRetryAfter at most.
// Calls outside an app are held back on their own. If three apps are refused within one pause, all
// calls are held back. Afterwards calls are sent at the rate that the service accepted before,
// which rises again, ever faster, while nothing is refused.
type RetryPolicy struct {
	MaxAttempts   int           // attempts in all, the first included; default 3
	MinDelay      time.Duration // the longest wait before the first repeat; default 500 ms
	MaxDelay      time.Duration // the longest wait before any repeat; default 20 s
	MaxRetryAfter time.Duration // the longest Retry-After that is waited for; default 60 s

	// Budget limits the repeats of all calls together, so that they do not make an outage worse. It is
	// the size of a bucket of tokens: each repeat takes a token, and each success puts a tenth of one
	// back. If none is left, calls fail without a repeat. Repeats after a 429 take no token. Repeats
	// with a renewed credential take one only if they get 401 again. Default 100.
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

// backoff returns how long to wait after attempt n, counted from 1, with full jitter.
func (p RetryPolicy) backoff(n int) time.Duration { return rand.N(p.longestBackoff(n) + 1) }

// longestBackoff returns the longest wait after attempt n, counted from 1. It is also how long
// calls pause after a 429 without Retry-After, as a random pause could be close to zero.
func (p RetryPolicy) longestBackoff(n int) time.Duration {
	if doublings := n - 1; doublings < 32 && p.MinDelay < p.MaxDelay>>doublings {
		return p.MinDelay << doublings
	}
	return p.MaxDelay
}

// An attempt is the result of one attempt of a call: a response, part of one, or none.
type attempt struct {
	status  int         // 0: no response
	ok      bool        // the status is 2xx
	header  http.Header // of the response
	body    []byte      // of the response
	err     error       // why there is no response, or why its body could not be read
	written bool        // part of the request may have reached the service
}

// A verdict is what an attempt means for its call.
type verdict struct {
	again   bool          // another attempt may be made
	renew   bool          // but only with another credential
	refused bool          // with 429: the service did nothing, and all callers must wait
	lost    bool          // the work may have been done although no response says so
	unknown bool          // lost, and a repeat could do the work twice
	asked   time.Duration // how long the service asks to wait; 0: it does not say
}

// judge decides what an attempt means, by the table in the comment of [RetryPolicy].
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

// retryAfter returns the time in the header Retry-After, which is a number of seconds or a date; 0
// if the header is missing or malformed.
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
		now = date // by the service's clock, as Retry-After is
	}
	return max(until.Sub(now), 0)
}

// errTimeout is the error of an attempt that was ended by the client's timeout.
type errTimeout struct {
	missing string
	limit   time.Duration
}

func (e errTimeout) Error() string        { return e.missing + " within " + e.limit.String() }
func (e errTimeout) Is(target error) bool { return target == context.DeadlineExceeded }
func (e errTimeout) Timeout() bool        { return true }

// isPermanent reports whether err is a failure to connect that a repeat would meet again.
func isPermanent(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	return certificate || notTLS
}

// isDialError reports whether err is a failure to connect, so that nothing was sent.
func isDialError(err error) bool {
	_, dns := errors.AsType[*net.DNSError](err)
	op, network := errors.AsType[*net.OpError](err)
	return dns || network && op.Op == "dial"
}
