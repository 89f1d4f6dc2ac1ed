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
	tell       func(*activeFault) // is called with mu held when a fault is new or has affected a call
	tellLifted func(*activeFault) // the same when one is over

	mu   sync.Mutex
	all  []*activeFault
	last int
}

type activeFault struct {
	Fault
	id    int       // 1 is the first
	left  int       // calls that it has yet to affect, if Times is not negative
	hits  int       // calls that it has affected
	until time.Time // when it is lifted by itself; zero: never
}

func (l *faultList) add(f Fault, until time.Time) *activeFault {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	added := &activeFault{Fault: f, id: l.last, left: max(f.Times, 1), until: until}
	l.all = append(l.all, added)
	l.tell(added)
	return added
}

// lift takes those faults back that match reports, and returns their number.
func (l *faultList) lift(matches func(*activeFault) bool) (lifted int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.liftLocked(matches)
}

func (l *faultList) liftLocked(matches func(*activeFault) bool) (lifted int) {
	before := len(l.all)
	l.all = slices.DeleteFunc(l.all, func(f *activeFault) bool {
		over := matches(f)
		if over {
			l.tellLifted(f)
		}
		return over
	})
	return before - len(l.all)
}

// liftOver lifts the faults whose time is over. The caller holds l.mu.
func (l *faultList) liftOver(now time.Time) {
	l.liftLocked(func(f *activeFault) bool { return !f.until.IsZero() && !now.Before(f.until) })
}

// list returns the faults that are in force.
func (l *faultList) list(now time.Time) []activeFault {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.liftOver(now)
	all := make([]activeFault, len(l.all))
	for i, f := range l.all {
		all[i] = *f
	}
	return all
}

// take returns the first fault that matches a call and its number, or the zero Fault, which does
// nothing, and 0.
func (l *faultList) take(r *http.Request, now time.Time) (Fault, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.liftOver(now)
	for _, f := range l.all {
		if !f.matches(r) {
			continue
		}
		f.hits++
		if f.Times >= 0 {
			f.left--
		}
		l.tell(f)
		if f.left == 0 {
			l.liftLocked(func(other *activeFault) bool { return other == f })
		}
		return f.Fault, f.id
	}
	return Fault{}, 0
}

func (f *Fault) matches(r *http.Request) bool {
	return (f.Method == "" || f.Method == r.Method) && strings.Contains(r.URL.EscapedPath(), f.Path)
}

// reply is the answer of a fault that has a Status.
func (f *Fault) reply() *reply {
	code := "unhandled_error"
	if f.Status < 500 { // too_many_requests
		code = strings.ReplaceAll(strings.ToLower(http.StatusText(f.Status)), " ", "_")
	}
	answer := refuse(f.Status, code, "An injected fault")
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
