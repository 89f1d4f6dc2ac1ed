package main

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	smooch "github.com/smooch/smooch-go"
)

// A contest is work that several sides do: the SDK, bare with a time-out, and bare without one. For
// work that knows no time-out there are two.
type contest struct {
	name  string
	sides []side
}

// A side does the work n times.
type side func(n int)

// once makes a side of work that is done by a single caller.
func once(do func()) side {
	return func(n int) {
		for range n {
			do()
		}
	}
}

// atOnce makes a side of work that is done by k callers at once.
func atOnce(k int, do func()) side {
	return func(n int) {
		var left atomic.Int64
		left.Store(int64(n))
		var group sync.WaitGroup
		for range k {
			group.Go(func() {
				for left.Add(-1) >= 0 {
					do()
				}
			})
		}
		group.Wait()
	}
}

// A call is one call of the API, made by the SDK and by net/http with encoding/json.
type call struct {
	name string
	sdk  func(*smooch.Client) error
	bare func(hc *http.Client, address string) error
	body string // of the response
}

const users = "/v1.1/apps/a1/appusers/"

var calls = []call{
	{"GET", func(c *smooch.Client) error {
		_, err := c.AppUsers.Get(context.Background(), "u")
		return err
	}, func(hc *http.Client, address string) error {
		return bareCall(hc, "GET", address+users+"u", nil, &struct {
			AppUser smooch.AppUser `json:"appUser"`
		}{})
	}, userJSON},
	{"POST", func(c *smooch.Client) error {
		_, err := c.Conversations.PostMessage(context.Background(), "u", smooch.TextMessage("Just put some vinegar on it"))
		return err
	}, func(hc *http.Client, address string) error {
		message := smooch.TextMessage("Just put some vinegar on it")
		message.Role = smooch.RoleAppMaker
		return bareCall(hc, "POST", address+users+"u/messages", message, &smooch.MessageResponse{})
	}, postedJSON},
	{"page of 100 messages", func(c *smooch.Client) error {
		_, err := c.Conversations.ListMessages(context.Background(), "u", smooch.MessageListOptions{})
		return err
	}, func(hc *http.Client, address string) error {
		return bareCall(hc, "GET", address+users+"u/messages", nil, &smooch.MessagePage{})
	}, pageJSON()},
}

// bareCall is what a program without the SDK writes.
func bareCall(hc *http.Client, method, url string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer token")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "bare")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(out)
}

// sides returns the sides of a call with a transport that all of them share.
func (c call) sides(transport http.RoundTripper, address string, many func(func()) side) []side {
	client := newClient(transport, address)
	timed := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	plain := &http.Client{Transport: transport}
	return []side{
		many(func() { check(c.sdk(client)) }),
		many(func() { check(c.bare(timed, address)) }),
		many(func() { check(c.bare(plain, address)) }),
	}
}

func newClient(transport http.RoundTripper, address string) *smooch.Client {
	return must(smooch.NewClient(smooch.AppJWT("k", "s"), smooch.WithBaseURL(address), smooch.WithApp("a1"),
		smooch.WithHTTPClient(&http.Client{Transport: transport})))
}

// newTransport returns a transport that keeps enough connections for all callers.
func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 1024, 1024
	return t
}

// memory is a transport that answers without a network.
type memory string

func (body memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	return &http.Response{
		StatusCode: 200, ContentLength: int64(len(body)), Request: r,
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body:   io.NopCloser(bytes.NewReader([]byte(body))),
	}, nil
}

// fromMemory returns the contests without a network. They take no other process.
func fromMemory() []contest {
	var all []contest
	for _, c := range calls {
		all = append(all, contest{c.name + " from memory", c.sides(memory(c.body), "http://127.0.0.1:1", once)})
	}
	event := newDelivery(1)
	return append(all,
		contest{"ParseEvent", []side{
			once(func() { _ = must(smooch.ParseEvent(event)) }),
			once(func() { check(json.Unmarshal(event, &smooch.MessageEvent{})) }),
		}},
		contest{"delivery from memory", []side{deliver(newReceiver()), deliver(http.HandlerFunc(bareReceiver))}})
}

// overLoopback returns the contests over a network.
func overLoopback(o *other) []contest {
	transport := newTransport()
	var all []contest
	for _, c := range calls {
		all = append(all, contest{c.name, c.sides(transport, o.address, once)})
	}
	post := calls[1]
	for _, k := range []int{16, 64} {
		many := func(do func()) side { return atOnce(k, do) }
		all = append(all, contest{map[int]string{16: "POST, 16 callers", 64: "POST, 64 callers"}[k], post.sides(transport, o.address, many)})
	}
	return append(all, contest{"delivery, 64 senders", []side{
		receive(o, newReceiver()), receive(o, http.HandlerFunc(bareReceiver)),
	}})
}

func newReceiver() http.Handler {
	receiver := must(smooch.NewWebhookReceiver([]string{webhookSecret}))
	smooch.Handle(receiver, func(context.Context, *smooch.MessageEvent) error { return nil })
	return receiver
}

// bareReceiver is what a program without the SDK writes.
func bareReceiver(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-API-Key")), []byte(webhookSecret)) != 1 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var event smooch.MessageEvent
	if json.NewDecoder(r.Body).Decode(&event) != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
}

// deliver makes a side of a handler that is called without a network.
func deliver(handler http.Handler) side {
	header := http.Header{"X-Api-Key": {webhookSecret}, "Content-Type": {"application/json"}}
	var n uint64
	return once(func() {
		n++
		body := newDelivery(n)
		req := must(http.NewRequestWithContext(context.Background(), "POST", "/", bytes.NewReader(body)))
		req.Header = header
		w := recorder{header: http.Header{}}
		handler.ServeHTTP(&w, req)
		if w.status > 200 {
			check(http.ErrNotSupported)
		}
	})
}

// recorder is a ResponseWriter that can do what that of a server can.
type recorder struct {
	header http.Header
	status int
}

func (w *recorder) Header() http.Header             { return w.header }
func (w *recorder) Write(b []byte) (int, error)     { return len(b), nil }
func (w *recorder) WriteHeader(status int)          { w.status = status }
func (w *recorder) SetReadDeadline(time.Time) error { return nil }

// receive makes a side of a handler that gets its deliveries from the other process.
func receive(o *other, handler http.Handler) side {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	go func() { check(http.Serve(listener, handler)) }()
	return func(n int) { o.send(listener.Addr().String(), n, 64) }
}
