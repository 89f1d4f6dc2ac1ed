package chaos

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A hostileServer is a server that answers in a way no server should. Each is called by a child
// process, see callHostile.
type hostileServer struct {
	name   string
	serve  func(*visit)  // answers the requests of one connection
	read   string        // the classes of errors, see classOf, that a read may return
	post   string        // the same for a message; "": as read
	http2  bool          // serve speaks HTTP/2 over TLS
	large  bool          // it sends megabytes: reading them takes more time and memory
	limits func() limits // if they are others
	twice  bool          // a second call shows what the first has left on the connection
}

// limits are those of a child process.
type limits struct {
	Timeout time.Duration // of an attempt; calls make two
	Context time.Duration // of calls that nothing else bounds; 0: none are made
	Most    time.Duration // for a call with the timeout
	memory  int           // MiB; a process that has done nothing uses 15
}

var (
	usualLimits = limits{300 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 64}
	largeLimits = limits{5 * time.Second, 0, 10 * time.Second, 224}
)

const mostOverrun = 50 * time.Millisecond // after the end of a context

func (s hostileServer) bounds() limits {
	switch {
	case s.limits != nil:
		return s.limits()
	case !s.large:
		return usualLimits
	}
	large := largeLimits
	if raceEnabled() {
		large.Timeout *= 6
	}
	return large
}

// families are functions, as what some of the servers send would take the memory of every child
// process.
var families = []struct {
	name    string
	servers func() []hostileServer
}{
	{"hostile server: status line and header", headServers},
	{"hostile server: length and body", bodyServers},
	{"hostile server: encodings", encodingServers},
	{"hostile server: redirects and refusals", refusingServers},
	{"hostile server: JSON", jsonServers},
	{"hostile server: much JSON", hugeServers},
	{"hostile server: much JSON, until the context ends", lateServers},
	{"hostile server: HTTP/2", http2Servers},
}

// A hostileCall is the argument of a child process that calls a hostile server.
type hostileCall struct {
	URL    string
	CA     []byte // the certificate of the server; nil: plain HTTP
	Twice  bool
	Limits limits
}

// A hostileResult is what such a process found.
type hostileResult struct {
	Read, Post  string        // the class of the error
	Texts       []string      // of all errors
	Took        time.Duration // the longest call that the timeout bounds
	Overrun     time.Duration // the latest return after the end of a context
	OverrunCall string
	Peak        int      // MiB
	Leaks       []string // where a secret was found
}

// A familyResult is what came of all servers of a family.
type familyResult struct {
	servers       int
	most          []limits // of its servers, the larger ones last
	bad           []string // names
	took, overrun time.Duration
	peak          int
}

// wait waits for its turn, and returns what ends it: a server that sends as much as it may is
// called while no other is.
func (s hostileServer) wait(slots chan struct{}) (end func()) {
	take := 1
	if s.limits != nil {
		take = cap(slots)
		takingMu.Lock()
		defer takingMu.Unlock()
	}
	for range take {
		slots <- struct{}{}
	}
	return func() {
		for range take {
			<-slots
		}
	}
}

var takingMu sync.Mutex // held by who takes several slots

// limit notes that a server of the family has these limits.
func (f *familyResult) limit(l limits) {
	if !slices.Contains(f.most, l) {
		f.most = append(f.most, l)
		slices.SortFunc(f.most, func(a, b limits) int { return a.memory - b.memory })
	}
}

func TestChaosHostileServers(t *testing.T) { //nolint:tparallel // the outer t.Run waits for all
	heavy(t)
	slots := make(chan struct{}, 6)
	results := make([]familyResult, len(families))
	var mu sync.Mutex
	done, total := 0, 0
	t.Run("servers", func(t *testing.T) {
		for i, family := range families {
			f := &results[i]
			for _, server := range family.servers() {
				total++
				t.Run(server.name, func(t *testing.T) {
					t.Parallel()
					defer server.wait(slots)()
					r, problems := server.attack(t)
					t.Logf("read %s, post %s, at most %v, %v after the context, %d MiB\n%s",
						r.Read, r.Post, millis(r.Took), millis(r.Overrun), r.Peak, strings.Join(r.Texts, "\n"))
					mu.Lock()
					defer mu.Unlock()
					f.servers++
					f.limit(server.bounds())
					done++
					progress("hostile servers", done, total)
					f.took, f.overrun, f.peak = max(f.took, r.Took), max(f.overrun, r.Overrun), max(f.peak, r.Peak)
					if len(problems) > 0 {
						f.bad = append(f.bad, server.name)
						t.Error(strings.Join(problems, "\n"))
					}
				})
			}
		}
	})
	for i, f := range results {
		if f.servers == 0 { // the command line leaves them out
			continue
		}
		bound := fmt.Sprintf("right error, %v late, %v, %d MiB", mostOverrun, f.most[0].Most, f.most[0].memory)
		for _, large := range f.most[1:] {
			bound += fmt.Sprintf(" (large: %v, %d MiB)", large.Most, large.memory)
		}
		measured := fmt.Sprintf("%v late, %v, %d MiB", millis(f.overrun), millis(f.took), f.peak)
		if len(f.bad) > 0 {
			measured += "; wrong: " + strings.Join(f.bad, ", ")
		}
		record(t, result{
			families[i].name, f.servers, bound, measured, len(f.bad) == 0,
		})
	}
}

func millis(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// attack calls the server from a child process, and returns what is wrong with what came of it.
func (s hostileServer) attack(t *testing.T) (r hostileResult, problems complaints) {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	call, trapped := s.start(ctx, t)
	p, err := startChild(ctx, "call", call)
	require.NoError(t, err)
	defer p.end()
	if err := p.result(&r); err != nil {
		return r, complaints{err.Error()}
	}
	limits, slow := s.bounds(), time.Duration(1)
	if raceEnabled() {
		limits.memory, slow = 1<<20, 10
	}
	post := s.post
	if post == "" {
		post = s.read
	}
	problems.add(!oneOf(s.read, r.Read), "read: %s, want %s", r.Read, s.read)
	problems.add(!oneOf(post, r.Post), "post: %s, want %s", r.Post, post)
	problems.add(r.Took > slow*limits.Most, "a call took %v", r.Took)
	problems.add(r.Overrun > slow*mostOverrun, "%s returned %v after its context", r.OverrunCall, r.Overrun)
	problems.add(r.Peak > limits.memory, "peak of %d MiB, want at most %d", r.Peak, limits.memory)
	problems.add(len(r.Leaks) > 0, "secrets in %s", strings.Join(r.Leaks, "; "))
	problems.add(trapped() > 0, "%d requests to another host", trapped())
	return r, problems
}

// complaints are what is wrong with what came of an attack.
type complaints []string

// add adds a complaint if there is one.
func (c *complaints) add(bad bool, format string, args ...any) {
	if bad {
		*c = append(*c, fmt.Sprintf(format, args...))
	}
}

// oneOf reports whether got is one of the classes in wants, which are separated by |.
func oneOf(wants, got string) bool {
	for want := range strings.SplitSeq(wants, "|") {
		if want == got {
			return true
		}
	}
	return false
}

// start starts the server. trapped returns how many requests have come to another host, which the
// server may redirect to.
func (s hostileServer) start(ctx context.Context, t *testing.T) (call hostileCall, trapped func() int64) {
	var hits atomic.Int64
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(trap.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	call = hostileCall{URL: "http://" + listener.Addr().String(), Twice: s.twice, Limits: s.bounds()}
	if s.http2 {
		issuer := httptest.NewUnstartedServer(nil)
		issuer.StartTLS()
		call.URL = "https://" + listener.Addr().String()
		call.CA = issuer.Certificate().Raw
		listener = tls.NewListener(listener, &tls.Config{Certificates: issuer.TLS.Certificates, NextProtos: []string{"h2"}})
		issuer.Close()
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		listener.Close()
		group.Wait()
	})
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				s.serve(&visit{Conn: conn, r: bufio.NewReader(conn), trap: trap.URL, end: ctx.Done()})
			})
		}
	})
	return call, hits.Load
}

// A visit is a connection of a client to a hostile server.
type visit struct {
	net.Conn
	r    *bufio.Reader
	req  *http.Request   // the last one
	sent string          // its body
	trap string          // the URL of another host
	end  <-chan struct{} // closed when the server is to end
}

// request reads a request, and reports whether there is one.
func (v *visit) request() bool {
	req, err := http.ReadRequest(v.r)
	if err != nil {
		return false
	}
	body, err := io.ReadAll(req.Body)
	v.req, v.sent = req, string(body)
	return err == nil
}

// good returns the body that the last request should be answered with.
func (v *visit) good() string {
	switch {
	case v.req == nil || v.req.Method == http.MethodGet:
		return `{"appUser":{"_id":"u1","givenName":"Ida"}}`
	case strings.Contains(v.req.URL.Path, "attachments"):
		return `{"mediaUrl":"https://media.test/1"}`
	}
	return `{"message":{"_id":"m1","type":"text","role":"appMaker","text":"hi"},"conversation":{"_id":"c1"}}`
}

// send sends text as it is, and reports whether that was possible.
func (v *visit) send(text string) bool {
	_, err := io.WriteString(v, text)
	return err == nil
}

// answer sends a response with these header lines and this body.
func (v *visit) answer(status, header, body string) {
	v.send(fmt.Sprintf("HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s", status, header, len(body), body))
}

// forever sends text again and again until the client has closed the connection.
func (v *visit) forever(text string) {
	text = strings.Repeat(text, 1+(16<<10)/len(text))
	for v.send(text) {
	}
}

// drip sends text again and again, one byte a second.
func (v *visit) drip(text string) {
	for i := 0; v.send(text[i : i+1]); i = (i + 1) % len(text) {
		time.Sleep(time.Second)
	}
}

// hang waits until the client has closed the connection.
func (v *visit) hang() { _, _ = io.Copy(io.Discard, v.r) }

// answers returns what serves a request by f, which gets the visit after its request was read.
func answers(f func(*visit)) func(*visit) {
	return func(v *visit) {
		if v.request() {
			f(v)
		}
	}
}

// says returns what answers a request with text, as it is, and closes the connection.
func says(text string) func(*visit) {
	return answers(func(v *visit) { v.send(text) })
}

// replies returns what answers requests with a status, header lines and the good body.
func replies(status, header string) func(*visit) {
	return func(v *visit) {
		for v.request() {
			v.answer(status, header, v.good())
		}
	}
}
