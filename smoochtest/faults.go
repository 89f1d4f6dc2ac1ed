package smoochtest

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Cut says when a fault cuts the connection.
type Cut string

// When a connection is cut.
const (
	CutBefore Cut = "before" // nothing is carried out
	CutAfter  Cut = "after"  // the call is carried out, and its answer lost
)

// Fault is something that goes wrong with calls. See [Server.Fail].
type Fault struct {
	Method string // "": all
	Path   string // a part of the path as it is sent, "/messages" for instance; "": all
	Times  int    // how often; 0: once, -1: always

	Status      int           // the answer, in place of carrying the call out
	RetryAfter  time.Duration // sent with Status, in whole seconds
	Body        string        // sent with Status, in place of the error's JSON
	ContentType string        // of Body; default text/html
	Cut         Cut           // cuts the connection
	Delay       time.Duration // before anything else, in real time
	Truncate    bool          // half of the answer's JSON is missing; the answer itself is complete
}

type fault struct {
	Fault
	left int
}

// Fail makes calls fail that match f. Of several faults the first that matches is used.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{f, max(f.Times, 1)})
}

func (s *Server) takeFault(r *http.Request) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.left == 0 || f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.EscapedPath(), f.Path) {
			continue
		}
		if f.Times >= 0 {
			f.left--
		}
		return f
	}
	return nil
}

// instead reports whether the fault answers in place of the service.
func (f *fault) instead() bool { return f.Status != 0 }

func (f *fault) reply() reply {
	answer := fail(f.Status, "fault", "A fault of the test")
	switch {
	case f.Status >= 500:
		answer = fail(f.Status, "unhandled_error", "A fault of the test")
	case f.Status == 401:
		answer = unauthorized()
	}
	answer.header = http.Header{}
	if f.RetryAfter > 0 {
		answer.header.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
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
