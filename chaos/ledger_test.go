package chaos

import (
	"context"
	"net"
	"net/rpc"
	"sync"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/require"
)

// leaseScale is how much faster time passes for leases than for the rest of the suite.
const leaseScale = 16

// A Ledger is kept by the suite and used by the receiving processes, over net/rpc. It holds the
// claims of their deduper, and what they have handled.
type Ledger struct {
	mu      sync.Mutex
	claims  map[string]*claim
	calls   map[string]int // of the function, by message
	handled map[string]int // by message: how often the work was done
	by      map[string]int // by message: the process that did the work last
	dead    map[int]bool   // processes that were killed
	again   int            // work done again after the process that did it before died in its function
	wrong   []string       // messages whose work was done again without such a death
}

type claim struct {
	process int
	until   time.Time
	done    bool
}

// A Request is the argument of every method of a Ledger.
type Request struct {
	Key     string // of the event
	Message string // for Call and Work
	Process int
	Lease   time.Duration
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

// Claim gives the key to the process, unless another claim on it holds.
func (l *Ledger) Claim(r Request, state *smooch.Claim) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.claims[r.Key]
	switch {
	case c != nil && c.done:
		*state = smooch.ClaimDone
	case c != nil && time.Now().Before(c.until):
		*state = smooch.ClaimBusy
	default:
		*state = smooch.ClaimWon
		l.claims[r.Key] = &claim{process: r.Process, until: time.Now().Add(r.Lease / leaseScale)}
	}
	return nil
}

// Done records that the event was handled. What a dead process sent before it died counts too.
func (l *Ledger) Done(r Request, _ *int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claims[r.Key] = &claim{process: r.Process, done: true}
	return nil
}

// Release gives a claim back.
func (l *Ledger) Release(r Request, _ *int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.claims[r.Key]; c != nil && c.process == r.Process {
		delete(l.claims, r.Key)
	}
	return nil
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
type remoteDeduper struct {
	ledger  *rpc.Client
	process int
}

func (d remoteDeduper) Claim(_ context.Context, key string, lease time.Duration) (state smooch.Claim, err error) {
	err = d.ledger.Call("Ledger.Claim", Request{Key: key, Process: d.process, Lease: lease}, &state)
	return state, err
}

func (d remoteDeduper) Done(_ context.Context, key string) error {
	return d.ledger.Call("Ledger.Done", Request{Key: key, Process: d.process}, new(int))
}

func (d remoteDeduper) Release(_ context.Context, key string) error {
	return d.ledger.Call("Ledger.Release", Request{Key: key, Process: d.process}, new(int))
}
