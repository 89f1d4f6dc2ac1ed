package chaos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/require"
)

// A service is a Smooch that knows two calls, to post a message and to read the history. It fails
// 30 % of them, and counts what it has carried out.
type service struct {
	address       string
	keepsMetadata bool
	serial        atomic.Uint64
	late          sync.WaitGroup // messages that are still to be stored
	mu            sync.Mutex
	closed        bool
	conns         map[net.Conn]bool
	users         map[string]*user
	posts         map[string]int      // by text, those that were read
	stored        map[string]int      // by text
	met           map[string]faultSet // by text
	reads         int
}

type user struct {
	quirks
	reads    int
	messages []message
}

type message struct {
	ID       string         `json:"_id"`
	Type     string         `json:"type"`
	Role     string         `json:"role"`
	Text     string         `json:"text"`
	Metadata map[string]any `json:"metadata,omitempty"`
	Received float64        `json:"received"`
	Source   map[string]any `json:"source"`

	at time.Time // when it was stored
}

func newService(t *testing.T) *service {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &service{
		address: listener.Addr().String(), keepsMetadata: true, conns: map[net.Conn]bool{}, users: map[string]*user{},
		posts: map[string]int{}, stored: map[string]int{}, met: map[string]faultSet{},
	}
	t.Cleanup(func() {
		listener.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed = true
		for conn := range s.conns {
			conn.Close()
		}
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

// client returns a client whose connections are sometimes refused, by a port that nobody listens
// on.
func (s *service) client(t *testing.T, policy smooch.RetryPolicy) *smooch.Client {
	t.Helper()
	dialer := &net.Dialer{}
	transport := &http.Transport{
		MaxIdleConnsPerHost: 256,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			// About every third attempt opens a connection.
			if rng := random("dial", s.serial.Add(1)); rng.IntN(1000) < 3*weights[refused] {
				text, _ := ctx.Value(textKey{}).(string)
				s.note(text, refused)
				address = "127.0.0.1:1"
			}
			return dialer.DialContext(ctx, network, address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := smooch.NewClient(smooch.AppJWT("key", "secret"), smooch.WithBaseURL("http://"+s.address),
		smooch.WithHTTPClient(&http.Client{Transport: transport}), smooch.WithRetryPolicy(policy), smooch.WithTimeout(stallTimeout))
	require.NoError(t, err)
	return client
}

// textKey is the key of a context value: the text of the message that is being posted.
type textKey struct{}

// note records that a post of text met a fault.
func (s *service) note(text string, f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	met := s.met[text]
	met.add(f)
	s.met[text] = met
}

var textInBody = regexp.MustCompile(`"text":"([^"]*)"`)

func (s *service) serve(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.conns[conn] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, conn)
	}()
	r := bufio.NewReader(conn)
	rng := random("connection", s.serial.Add(1))
	for {
		if _, err := r.Peek(1); err != nil {
			return
		}
		if rng.IntN(1000) < weights[resetUnread] {
			buffered, _ := r.Peek(r.Buffered())
			if found := textInBody.FindSubmatch(buffered); found != nil {
				s.note(string(found[1]), resetUnread)
			}
			reset(conn)
			return
		}
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil || !s.answer(conn, req, body) {
			return
		}
	}
}

// reset closes a connection so that its other end gets a reset.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// answer answers a request, and reports whether the connection can be used again.
func (s *service) answer(conn net.Conn, req *http.Request, body []byte) bool {
	_, path, _ := strings.Cut(req.URL.EscapedPath(), "/appusers/")
	id, _, _ := strings.Cut(path, "/")
	if req.Method == http.MethodPost {
		return s.answerPost(conn, id, body)
	}
	return s.answerRead(conn, id, req.URL.Query())
}

func (s *service) answerPost(conn net.Conn, id string, body []byte) bool {
	m := message{Source: map[string]any{"type": "api"}}
	if err := json.Unmarshal(body, &m); err != nil {
		return false
	}
	s.mu.Lock()
	u := s.user(id)
	rng := random("post", m.Text, s.posts[m.Text])
	s.posts[m.Text]++
	s.met[m.Text] |= u.quirks.faults()
	s.mu.Unlock()
	f := pick(rng)
	if f == refused || f == resetUnread { // they happen before the request is read
		f = noFault
	}
	if f != noFault {
		s.note(m.Text, f)
	}
	switch f {
	case failed, limitedSeconds, limitedDate, limitedBare:
	case late:
		s.late.Add(1)
		time.AfterFunc(time.Duration(50+rng.IntN(250))*time.Millisecond, func() {
			defer s.late.Done()
			s.store(id, m)
		})
	case stalled:
		if rng.IntN(2) == 0 {
			m = s.store(id, m)
		}
	default:
		m = s.store(id, m)
	}
	answer, _ := json.Marshal(map[string]any{"message": m, "conversation": map[string]any{"_id": "c-" + id, "unreadCount": 0}})
	return respond(conn, rng, f, u.date, http.StatusCreated, answer)
}

// store carries out a post and returns the message as it was stored.
func (s *service) store(id string, m message) message {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored[m.Text]++
	m.ID = fmt.Sprintf("%s-%d", m.Text, s.stored[m.Text])
	m.at = time.Now()
	m.Received = float64(m.at.UnixMilli()) / 1000
	if !s.keepsMetadata {
		m.Metadata = nil
	}
	u := s.user(id)
	u.messages = append(u.messages, m)
	return m
}

// user returns a user, whom the first message creates. s.mu must be locked.
func (s *service) user(id string) *user {
	u := s.users[id]
	if u == nil {
		u = &user{quirks: quirksOf(id)}
		s.users[id] = u
	}
	return u
}

func (s *service) answerRead(conn net.Conn, id string, query url.Values) bool {
	s.mu.Lock()
	u := s.user(id)
	u.reads++
	s.reads++
	rng := random("read", id, u.reads)
	before, _ := strconv.ParseFloat(query.Get("before"), 64)
	page := []message{}
	for _, m := range u.messages {
		if time.Since(m.at) >= u.lag && (before == 0 || m.Received < before) {
			page = append(page, m)
		}
	}
	s.mu.Unlock()
	page = page[max(0, len(page)-100):]
	f := pick(rng)
	if f == refused || f == resetUnread {
		f = noFault
	}
	if f == noFault && len(page) == 0 && before == 0 {
		return respond(conn, rng, f, u.date, http.StatusNotFound, []byte(`{"error":{"code":"not_found","description":"no conversation"}}`))
	}
	answer, _ := json.Marshal(map[string]any{"messages": page})
	return respond(conn, rng, f, u.date, http.StatusOK, answer)
}

// respond answers with status and body, or as the fault f demands, and reports whether the
// connection can be used again.
func respond(conn net.Conn, rng *rand.Rand, f fault, date time.Duration, status int, body []byte) bool {
	header := http.Header{"Content-Type": {"application/json"}}
	now := time.Now().Add(date)
	header.Set("Date", now.UTC().Format(http.TimeFormat))
	switch f {
	case resetDone:
		reset(conn)
		return false
	case late, failed, failedDone:
		status = []int{500, 502, 503, 504}[rng.IntN(4)]
		if status == 502 {
			header.Set("Content-Type", "text/html")
			body = []byte("<html><body><h1>502 Bad Gateway</h1></body></html>")
		} else {
			body = []byte(`{"error":{"code":"internal","description":"try later"}}`)
		}
	case limitedSeconds, limitedDate, limitedBare:
		status, body = http.StatusTooManyRequests, []byte(`{"error":{"code":"too_many_requests","description":"slow down"}}`)
		switch f {
		case limitedSeconds:
			header.Set("Retry-After", "1")
		case limitedDate:
			header.Set("Retry-After", now.Add(time.Second).UTC().Format(http.TimeFormat))
		default:
		}
	case stalled:
		_ = conn.SetReadDeadline(time.Now().Add(stallTime))
		_, _ = conn.Read(make([]byte, 1)) // until the client gives up
		return false
	default:
	}
	answer := encode(status, header, body)
	switch f {
	case truncated, resetAnswering:
		end := len(answer) - 1 - rng.IntN(len(body))
		if f == resetAnswering {
			end = 1 + rng.IntN(len(answer)-1)
		}
		_, _ = conn.Write(answer[:end])
		if f == resetAnswering {
			reset(conn)
		}
		return false
	default:
		_, err := conn.Write(answer)
		return err == nil && rng.IntN(5) > 0
	}
}

// encode returns a response as it is sent.
func encode(status int, header http.Header, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n", status, http.StatusText(status), len(body))
	_ = header.Write(&b)
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// said is what the client reported of a send.
type said int

const (
	saidOK      said = iota // the message is there, even if the answer could not be read
	saidUnknown             // ErrOutcomeUnknown
	saidFailed              // the message is not there
)

func saidOf(err error) said {
	_, unreadable := errors.AsType[*smooch.DecodeError](err)
	switch {
	case errors.Is(err, smooch.ErrOutcomeUnknown):
		return saidUnknown
	case err == nil || unreadable:
		return saidOK
	}
	return saidFailed
}
