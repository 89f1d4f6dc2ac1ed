package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/require"
)

const webhookSecret = "webhook-secret-5b1e9c"

const (
	handlerTimeout = time.Second     // of the function of a receiving process
	handlerLease   = 2 * time.Second // of its claims
)

// A Receiver says how a receiving process works.
type Receiver struct {
	Ledger  string // its address
	Process int
}

// receive is the role of a process that receives webhooks. It writes its address.
func receive(args json.RawMessage, out *json.Encoder) error {
	var r Receiver
	if err := json.Unmarshal(args, &r); err != nil {
		return err
	}
	ledger, err := rpc.Dial("tcp", r.Ledger)
	if err != nil {
		return err
	}
	receiver, err := smooch.NewWebhookReceiver([]string{webhookSecret},
		smooch.WithDeduper(remoteDeduper{ledger}), smooch.WithHandlerTimeout(handlerTimeout), smooch.WithLease(handlerLease))
	if err != nil {
		return err
	}
	smooch.Handle(receiver, func(_ context.Context, e *smooch.MessageEvent) error {
		return work(ledger, Request{Key: smooch.EventKey(e), Message: e.Messages[0].ID, Process: r.Process})
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := out.Encode(listener.Addr().String()); err != nil {
		return err
	}
	return (&http.Server{Handler: receiver, ReadHeaderTimeout: time.Minute}).Serve(listener)
}

// work is what the function does for a message. Some calls fail, panic, or take longer than they
// may.
func work(ledger *rpc.Client, r Request) error {
	var times int
	if err := ledger.Call("Ledger.Call", r, &times); err != nil {
		return err
	}
	rng := random("work", r.Message, times)
	time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
	switch n := rng.IntN(100); {
	case n < 3 && times == 1:
		return errors.New("try again")
	case n < 4 && times == 1:
		panic("the function panics")
	case n < 5:
		time.Sleep(handlerTimeout + 200*time.Millisecond)
	}
	err := ledger.Call("Ledger.Work", r, new(int))
	time.Sleep(time.Duration(rng.IntN(5)) * time.Millisecond)
	return err
}

// replicas are the receiving processes behind one target.
type replicas struct {
	ledger        *Ledger
	ledgerAddress string
	processes     atomic.Int64
	kills         int
	mu            sync.Mutex
	addresses     []string
}

// start starts a process as replica i.
func (r *replicas) start(ctx context.Context, i int) (*process, int, error) {
	number := int(r.processes.Add(1))
	p, err := startChild(ctx, "receive", Receiver{r.ledgerAddress, number})
	if err != nil {
		return nil, 0, err
	}
	var address string
	if err := p.results.Decode(&address); err != nil {
		p.end()
		return nil, 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addresses[i] = address
	return p, number, nil
}

// keepKilling kills the replicas in turn and starts them again, until stop is closed.
func (r *replicas) keepKilling(ctx context.Context, stop <-chan struct{}) error {
	type replica struct {
		*process
		number int
	}
	running := make([]replica, len(r.addresses))
	defer func() {
		for _, p := range running {
			if p.process != nil {
				p.end()
			}
		}
	}()
	for i := 0; ; i = (i + 1) % len(running) {
		if p := running[i]; p.process != nil {
			p.end()
			r.ledger.died(p.number)
			r.kills++
		}
		p, number, err := r.start(ctx, i)
		if err != nil {
			return err
		}
		running[i] = replica{p, number}
		if number < len(running) {
			continue
		}
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(600 * time.Millisecond):
		}
	}
}

// TestChaosDeliveries delivers events to two processes that are killed in turn while they handle
// them. A deduper outlives them.
func TestChaosDeliveries(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	ledger, address := newLedger(t)
	r := &replicas{ledger: ledger, ledgerAddress: address, addresses: make([]string, 2)}
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() { stopped <- r.keepKilling(ctx, stop) }()

	events := sized(1500, 20_000)
	var next, givenUp atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= events || ctx.Err() != nil {
					return
				}
				if !r.deliverEvent(ctx, i) {
					givenUp.Add(1)
				}
				progress("delivery:", i, events)
			}
		})
	}
	group.Wait()
	progress("delivery:", events, events)
	close(stop)
	require.NoError(t, <-stopped)

	lost := 0
	for i := range events {
		if ledger.handled[messageID(i)] == 0 {
			lost++
		}
	}
	record(t, result{
		"delivery: two receivers, killed in turn", events, "0 lost, handled again only after a death in the function",
		fmt.Sprintf("%d lost, %d kills, %d again after a death, %d again without", lost, r.kills, ledger.again, len(ledger.wrong)),
		lost == 0 && len(ledger.wrong) == 0 && r.kills > 2,
	})
	if givenUp.Load() > 0 || len(ledger.wrong) > 0 {
		t.Logf("%d events were given up; again without a death: %v", givenUp.Load(), ledger.wrong)
	}
}

func messageID(i int) string { return fmt.Sprintf("m%d", i) }

// deliverEvent delivers an event as the service does, some in both versions at once, and reports
// whether it was acknowledged.
func (r *replicas) deliverEvent(ctx context.Context, i int) bool {
	rng := random("event", i)
	versions := []string{"v1.1"}
	if rng.IntN(5) == 0 {
		versions = []string{"v1", "v1.1"}
	}
	var group sync.WaitGroup
	var failed atomic.Bool
	for _, version := range versions {
		group.Go(func() {
			body := fmt.Sprintf(`{"trigger":"message:appUser","app":{"_id":"a1"},"appUser":{"_id":"u%d"},"version":%q,
				"messages":[{"_id":%q,"type":"text","role":"appUser","text":"hi","received":1540000000.25}]}`, i/10, version, messageID(i))
			if !r.deliverBody(ctx, i, version, body) {
				failed.Store(true)
			}
		})
	}
	group.Wait()
	return !failed.Load()
}

// deliverBody sends a delivery and repeats it up to five times, as the service does, but sixty
// times as fast. Some answers are not waited for, as if they were lost.
func (r *replicas) deliverBody(ctx context.Context, i int, version, body string) bool {
	interval := 250 * time.Millisecond
	for attempt := range 6 {
		rng := random("delivery", i, version, attempt)
		patience := 20 * time.Second / 16
		if attempt < 2 && rng.IntN(20) == 0 {
			patience = time.Duration(1+rng.IntN(10)) * time.Millisecond
		}
		status, err := r.post(ctx, rng.IntN(2), patience, body)
		if err == nil && (status < 300 || status == 400 || status == 401 || status == 403 || status == 404 || status == 406) {
			return status < 300
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(interval):
		}
		interval *= 2
	}
	return false
}

var deliveryClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// post sends a delivery to a replica or, if there is no process, to the other one, as a load
// balancer does.
func (r *replicas) post(ctx context.Context, replica int, patience time.Duration, body string) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for range 2 {
		r.mu.Lock()
		address := r.addresses[replica]
		r.mu.Unlock()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address, strings.NewReader(body))
		if err != nil {
			return 0, err
		}
		req.Header.Set("X-API-Key", webhookSecret)
		resp, err := deliveryClient.Do(req)
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" || address == "" {
			replica = 1 - replica
			continue
		}
		if err != nil {
			return 0, err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return resp.StatusCode, nil
	}
	return 0, errors.New("no process runs")
}
