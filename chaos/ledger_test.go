package chaos

import (
	"context"
	"net"
	"net/rpc"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
	"github.com/stretchr/testify/require"
)

// A Ledger is kept by the suite and used by the receiving processes, over net/rpc. It holds the
// claims of their deduper, and what they have handled.
type Ledger struct {
	mu      sync.Mutex
	claims  map[string]*claim
	tokens  int            // of claims, so far
	calls   map[string]int // of the function, by message
	handled map[string]int // by message: how often the work was done
	by      map[string]int // by message: the process that did the work last
	dead    map[int]bool   // processes that were killed
	again   int            // work done again after the process that did it before died in its function
	wrong   []string       // messages whose work was done again without such a death
}

type claim struct {
	token string
	until time.Time
	done  bool
}

// A Request is the argument of every method of a Ledger.
type Request struct {
	Key     string // of the event
	Token   string // of the claim
	Lease   time.Duration
	Message string // for Call and Work
	Process int
}

func newLedger(t *testing.T) (l *Ledger, address string) {
	t.Helper()
	l = &Ledger{claims: map[string]*claim{}, calls: map[string]int{}, handled: map[string]int{}, by: map[string]int{}, dead: map[int]bool{}}
	server := rpc.NewServer()
	require.NoError(t, server.Register(l))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go server.ServeConn(conn)
		}
	}()
	return l, listener.Addr().String()
}

// Claim gives the key to the caller, unless another claim on it holds.
func (l *Ledger) Claim(r Request, result *smooch.Claim) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.claims[r.Key]
	switch {
	case c != nil && c.done:
		result.State = smooch.ClaimDone
	case c != nil && time.Now().Before(c.until):
		result.State = smooch.ClaimBusy
	default:
		l.tokens++
		c = &claim{token: strconv.Itoa(l.tokens), until: time.Now().Add(r.Lease)}
		l.claims[r.Key] = c
		*result = smooch.Claim{State: smooch.ClaimWon, Token: c.token}
	}
	return nil
}

// update changes a claim if its token holds. What a dead process sent before it died counts too.
func (l *Ledger) update(r Request, lost *bool, change func(c *claim)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.claims[r.Key]
	*lost = c == nil || c.token != r.Token || !c.done && !time.Now().Before(c.until)
	if !*lost {
		change(c)
	}
	return nil
}

// Extend makes a claim hold for longer.
func (l *Ledger) Extend(r Request, lost *bool) error {
	return l.update(r, lost, func(c *claim) {
		*lost = c.done
		c.until = time.Now().Add(r.Lease)
	})
}

// Done records that the event was handled.
func (l *Ledger) Done(r Request, lost *bool) error {
	return l.update(r, lost, func(c *claim) { c.done = true })
}

// Release gives a claim back.
func (l *Ledger) Release(r Request, lost *bool) error {
	return l.update(r, lost, func(*claim) { delete(l.claims, r.Key) })
}

// Call records that a process called the function for a message, and returns how often that has
// happened.
func (l *Ledger) Call(r Request, times *int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls[r.Message]++
	*times = l.calls[r.Message]
	return nil
}

// Work records that the function has done its work for a message. A second time is right only if
// the process that did it the first time died before it could say that it was done.
func (l *Ledger) Work(r Request, _ *int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.handled[r.Message]++; l.handled[r.Message] > 1 {
		if c := l.claims[r.Key]; l.dead[l.by[r.Message]] && c != nil && !c.done {
			l.again++
		} else {
			l.wrong = append(l.wrong, r.Message)
		}
	}
	l.by[r.Message] = r.Process
	return nil
}

// died records that a process was killed.
func (l *Ledger) died(process int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead[process] = true
}

// A remoteDeduper is a deduper whose claims are kept by the suite.
type remoteDeduper struct{ ledger *rpc.Client }

func (d remoteDeduper) Claim(_ context.Context, key string, lease time.Duration) (c smooch.Claim, err error) {
	err = d.ledger.Call("Ledger.Claim", Request{Key: key, Lease: lease}, &c)
	return c, err
}

func (d remoteDeduper) Extend(_ context.Context, key, token string, lease time.Duration) error {
	return d.update("Ledger.Extend", Request{Key: key, Token: token, Lease: lease})
}

func (d remoteDeduper) Done(_ context.Context, key, token string) error {
	return d.update("Ledger.Done", Request{Key: key, Token: token})
}

func (d remoteDeduper) Release(_ context.Context, key, token string) error {
	return d.update("Ledger.Release", Request{Key: key, Token: token})
}

func (d remoteDeduper) update(method string, r Request) error {
	var lost bool
	if err := d.ledger.Call(method, r, &lost); err != nil {
		return err
	}
	if lost {
		return smooch.ErrClaimLost
	}
	return nil
}

// TestRemoteDeduperConforms: what the suite finds is not the fault of its deduper.
func TestRemoteDeduperConforms(t *testing.T) {
	t.Parallel()
	_, address := newLedger(t)
	ledger, err := rpc.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { ledger.Close() })
	smoochtest.TestDeduper(t, func() smooch.Deduper { return remoteDeduper{ledger} })
}
