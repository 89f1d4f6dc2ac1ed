package smoochtest

import (
	"bytes"
	"net/http"
	"slices"
	"sync"
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

// requestLog holds the calls in the order of their arrival.
type requestLog struct {
	mu  sync.Mutex
	all []Request
}

// add logs a call that has arrived and returns its number.
func (l *requestLog) add(r *http.Request) (number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, Request{Method: r.Method, URI: r.RequestURI, Header: r.Header.Clone()})
	return len(l.all) - 1
}

// finish logs what was read of a call's body, and the status of its answer.
func (l *requestLog) finish(number int, body *limitedBuffer, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[number].Body, l.all[number].Status = bytes.Clone(body.Bytes()), status
}

func (l *requestLog) list() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// limitedBuffer keeps the first bytes that are written to it and discards the rest.
type limitedBuffer struct {
	bytes.Buffer
	room int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	n := min(len(p), b.room)
	b.room -= n
	b.Buffer.Write(p[:n])
	return len(p), nil
}
