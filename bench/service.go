package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// other is the process that answers calls and sends deliveries.
type other struct {
	address string // of the service
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// startOther starts the other process. It ends with this one.
func startOther() *other {
	cmd := exec.CommandContext(context.Background(), must(os.Executable()), "child", "other")
	cmd.Stderr = os.Stderr
	o := &other{cmd: cmd, in: must(cmd.StdinPipe()), out: bufio.NewReader(must(cmd.StdoutPipe()))}
	check(cmd.Start())
	o.address = "http://" + strings.TrimSpace(must(o.out.ReadString('\n')))
	return o
}

func (o *other) stop() {
	check(o.in.Close())
	check(o.cmd.Wait())
}

// send makes the other process deliver n events to an address, each new, with so many senders at
// once.
func (o *other) send(address string, n, senders int) {
	_ = must(fmt.Fprintln(o.in, address, n, senders))
	_ = must(o.out.ReadString('\n'))
}

// serveAndSend is the other process: it prints the address of its service, and sends what it is
// told to until its standard input ends.
func serveAndSend() {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1.1/apps/a1/appusers/{id}", answer(userJSON))
	mux.HandleFunc("POST /v1.1/apps/a1/appusers/{id}/messages", answer(postedJSON))
	mux.HandleFunc("GET /v1.1/apps/a1/appusers/u/messages", answer(pageJSON()))
	mux.HandleFunc("GET /v1.1/apps/a1/appusers/{count}/messages", history)
	mux.HandleFunc("GET /v1.1/apps/a1/appusers/endless", endless)
	go func() { check(http.Serve(listener, mux)) }()
	fmt.Println(listener.Addr())
	var all senders
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var address string
		var n, k int
		_ = must(fmt.Sscan(lines.Text(), &address, &n, &k))
		all.send(address, n, k)
		fmt.Println("sent")
	}
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = io.WriteString(w, body)
	}
}

// history answers with a page of a user's messages, whose count is the user's id.
func history(w http.ResponseWriter, r *http.Request) {
	const epoch = 1_400_000_000
	end := must(strconv.Atoi(r.PathValue("count")))
	if before, err := strconv.ParseFloat(r.URL.Query().Get("before"), 64); err == nil {
		end = int(before) - epoch
	}
	begin := max(end-100, 0)
	page := []byte(`{"conversation":{"_id":"c","unreadCount":0},"messages":[`)
	for i := begin; i < end; i++ {
		if i > begin {
			page = append(page, ',')
		}
		page = fmt.Appendf(page, `{"_id":"%024x","type":"text","role":"appUser","authorId":"c7f6e6d6c3a637261bd9656f","text":"Just put some vinegar on it","received":%d}`, i, epoch+i)
	}
	page = append(page, ']')
	if begin > 0 {
		page = fmt.Appendf(page, `,"previous":"https://api.smooch.io/v1.1/apps/a1/appusers/%s/messages?before=%d"`, url.PathEscape(r.PathValue("count")), epoch+begin)
	}
	answer(string(append(page, '}')))(w, r)
}

// endless answers with a body that does not end.
func endless(w http.ResponseWriter, _ *http.Request) {
	_, err := io.WriteString(w, `{"appUser":{"_id":"`)
	chunk := strings.Repeat("a", 64<<10)
	for err == nil {
		_, err = io.WriteString(w, chunk)
	}
}

// senders deliver events over connections that they keep.
type senders struct {
	address     string
	connections []net.Conn
	sent        atomic.Uint64
}

// send delivers n new events over k connections at once.
func (s *senders) send(address string, n, k int) {
	if s.address != address || len(s.connections) != k {
		for _, c := range s.connections {
			check(c.Close())
		}
		s.address, s.connections = address, nil
		for range k {
			s.connections = append(s.connections, must(new(net.Dialer).DialContext(context.Background(), "tcp", address)))
		}
	}
	var left atomic.Int64
	left.Store(int64(n))
	var group sync.WaitGroup
	for _, c := range s.connections {
		group.Go(func() {
			head := fmt.Sprintf("POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n", webhookSecret, len(newDelivery(0)))
			answers := bufio.NewReader(c)
			for left.Add(-1) >= 0 {
				_ = must(c.Write(append([]byte(head), newDelivery(s.sent.Add(1))...)))
				status := must(answers.ReadString('\n'))
				if !strings.HasPrefix(status, "HTTP/1.1 200 ") {
					check(fmt.Errorf("a delivery was answered with %s", status))
				}
				for line := status; line != "\r\n"; { // the answer has no body
					line = must(answers.ReadString('\n'))
				}
			}
		})
	}
	group.Wait()
}
