package smoochtest

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Cut says when a [Fault] cuts the connection.
type Cut string

// When a fault cuts the connection.
const (
	CutBefore Cut = "before" // before the call is carried out
	CutAfter  Cut = "after"  // after the call was carried out: only its answer is lost
)

// Fault is something that goes wrong with the calls that match Method and Path. See [Server.Fail].
type Fault struct {
	Method string // "": all
	Path   string // a part of the path as it is sent, such as "/messages"; "": all
	Times  int    // the number of calls; 0: one, -1: all

	Status      int           // answered instead of carrying the call out
	RetryAfter  time.Duration // sent with Status, in whole seconds
	Body        string        // sent with Status, instead of the JSON of an error
	ContentType string        // of Body; default text/html
	Cut         Cut           // cuts the connection
	Delay       time.Duration // before anything else, in real time
	Truncate    bool          // the answer ends after the first half of its JSON; its length says so
}

// faultList holds the faults that tests have asked for.
type faultList struct {
	mu  sync.Mutex
	all []*activeFault
}

type activeFault struct {
	Fault
	left int // calls that it has yet to affect, if Times is not negative
}

func (l *faultList) add(f Fault) (lift func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	added := &activeFault{f, max(f.Times, 1)}
	l.all = append(l.all, added)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = slices.DeleteFunc(l.all, func(other *activeFault) bool { return other == added })
	}
}

// list returns the faults that have calls left to affect, with their number as Times.
func (l *faultList) list() []Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Fault
	for _, f := range l.all {
		fault := f.Fault
		if fault.Times >= 0 {
			fault.Times = f.left
		}
		all = append(all, fault)
	}
	return all
}

// take returns the first fault that matches a call, or the zero Fault, which does nothing.
func (l *faultList) take(r *http.Request) Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, f := range l.all {
		if !f.matches(r) {
			continue
		}
		if f.Times >= 0 {
			f.left--
		}
		if f.left == 0 {
			l.all = slices.Delete(l.all, i, i+1)
		}
		return f.Fault
	}
	return Fault{}
}

func (f *Fault) matches(r *http.Request) bool {
	return (f.Method == "" || f.Method == r.Method) && strings.Contains(r.URL.EscapedPath(), f.Path)
}

// reply is the answer of a fault that has a Status.
func (f *Fault) reply() *reply {
	var answer *reply
	switch {
	case f.Status >= 500:
		answer = refuse(f.Status, "unhandled_error", "A fault of the test")
	case f.Status == 401:
		answer = unauthorized()
	default:
		answer = refuse(f.Status, "fault", "A fault of the test")
	}
	if f.RetryAfter > 0 {
		answer.header.Set("Retry-After", wholeSeconds(f.RetryAfter))
	}
	if f.Body != "" {
		answer.body = []byte(f.Body)
		answer.header.Set("Content-Type", "text/html")
		if f.ContentType != "" {
			answer.header.Set("Content-Type", f.ContentType)
		}
	}
	return answer
}

// wholeSeconds formats a time for Retry-After, rounded up.
func wholeSeconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
