package smoochtest

import (
	"bytes"
	"net/http"
	"sync"
	"time"
)

// Request is a call as it arrived at the server. See [Server.Requests].
type Request struct {
	Method string
	URI    string // as sent, with the query
	Header http.Header
	Body   []byte // at most 1 MiB
	Status int    // of the answer; 0 if there is none yet or the connection was cut
}

const maxLoggedBody = 1 << 20

// loggedCall is a call in the log.
type loggedCall struct {
	logEntry
	Request
	at       time.Time
	began    time.Time // the same in real time
	bodySize int       // of the request, as sent
	finished bool

	// Known when the call is finished.
	took                      time.Duration
	operation, version, appID string
	scope                     string // of the credential
	refused                   error  // why there is none
	fault                     int    // the number of the injected fault; 0: none
	answer                    *reply // with at most 1 MiB of its body; nil if cut
	answerSize                int    // of its whole body
}

// describe notes what a call turned out to be about. The caller holds the server's lock.
func (l *loggedCall) describe(c *call) {
	l.version, l.scope, l.refused = c.version, c.cred.scope, c.refused
	if c.route != nil {
		l.operation = c.route.method + " " + c.route.path
	}
	if c.app != nil {
		l.appID = c.app.id
	}
	if c.user != nil {
		l.userID, l.ownUserID = c.user.id, c.user.userID()
	}
}

// requestLog holds the last calls in the order of their arrival.
type requestLog struct {
	mu    sync.Mutex
	calls recent[*loggedCall]
}

// add logs a call that has arrived.
func (l *requestLog) add(r *http.Request, now time.Time) *loggedCall {
	entry := &loggedCall{at: now, began: time.Now()}
	entry.Request = Request{Method: r.Method, URI: r.RequestURI, Header: r.Header.Clone()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls.add(entry)
	return entry
}

// finish logs what was read of a call's body, and the answer, which is nil if the connection was
// cut.
func (l *requestLog) finish(entry *loggedCall, body *limitedBuffer, answer *reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry.finished, entry.took = true, time.Since(entry.began)
	entry.Body, entry.bodySize = bytes.Clone(body.Bytes()), body.written
	size := len(entry.Body)
	if answer != nil {
		entry.Status, entry.answerSize = answer.status, len(answer.body)
		kept := *answer
		if len(kept.body) > maxLoggedBody {
			kept.body = bytes.Clone(kept.body[:maxLoggedBody])
		}
		entry.answer = &kept
		size += len(kept.body)
	}
	l.calls.update(entry, size)
}

func (l *requestLog) list() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Request, len(l.calls.all))
	for i, entry := range l.calls.all {
		all[i] = entry.Request
	}
	return all
}

// count returns the number of calls so far, those that are no longer kept included.
func (l *requestLog) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls.last
}

func (l *requestLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls.clear()
}

// limitedBuffer keeps the first bytes that are written to it and counts the rest.
type limitedBuffer struct {
	bytes.Buffer
	room    int
	written int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	n := min(len(p), b.room)
	b.room -= n
	b.written += len(p)
	b.Buffer.Write(p[:n])
	return len(p), nil
}
