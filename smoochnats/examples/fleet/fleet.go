package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const roleVariable = "FLEET_ROLE"

// restartDelay is after what time a killed process is started again.
const restartDelay = 2 * time.Second

// A fleet is the processes that this program has started.
type fleet struct {
	ledger   *ledger
	balancer *balancer
	dir      string

	mu      sync.Mutex
	members []*member
	ending  bool
}

// A member is a process, and the one that follows it after its death.
type member struct {
	role, name string
	setting    setting
	process    *exec.Cmd
	input      io.Closer
	alive      bool
	ready      bool
	begun      int // functions
}

// startServers starts a cluster, and returns its URLs.
func (f *fleet) startServers(n int) (urls string, err error) {
	if f.dir, err = os.MkdirTemp("", "fleet-"); err != nil {
		return "", err
	}
	// The ports are below those that systems give to outgoing connections, one of which could take
	// that of a server that is down.
	var free []string
	for port := 10_000 + rand.N(20_000); len(free) < 2*n; port++ {
		address := fmt.Sprint("127.0.0.1:", port)
		l, err := net.Listen("tcp", address)
		switch {
		case err == nil:
			_ = l.Close()
			free = append(free, address)
		case port > 32_000:
			return "", fmt.Errorf("no port is free: %w", err)
		}
	}
	clients, routes := free[:n], free[n:]
	for i := range n {
		name := fmt.Sprint("n", i+1)
		own := []string{clients[i], routes[i], filepath.Join(f.dir, name)}
		f.start("server", name, setting{Run: name, URLs: strings.Join(append(own, routes...), ",")})
	}
	return "nats://" + strings.Join(clients, ",nats://"), nil
}

// start starts a process of a role.
func (f *fleet) start(role, name string, s setting) {
	m := &member{role: role, name: name, setting: s}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members = append(f.members, m)
	f.launch(m)
}

// launch starts the process of a member. The caller holds the lock.
func (f *fleet) launch(m *member) {
	if f.ending {
		return
	}
	p := exec.CommandContext(context.Background(), os.Args[0])
	p.Env = append(os.Environ(), roleVariable+"="+m.role)
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err != nil {
		panic(err)
	}
	in, err := p.StdinPipe()
	if err != nil {
		panic(err)
	}
	if err := p.Start(); err != nil {
		panic(err)
	}
	m.process, m.input, m.alive, m.ready = p, in, true, false
	_ = json.NewEncoder(in).Encode(m.setting) // if this fails, the process has died
	go f.listen(m, out)
}

// listen notes what a process says.
func (f *fleet) listen(m *member, out io.Reader) {
	address := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var n note
		if json.Unmarshal(lines.Bytes(), &n) != nil {
			continue
		}
		switch {
		case n.Ready:
			f.mu.Lock()
			m.ready = true
			f.mu.Unlock()
			if address = n.Address; address != "" {
				f.balancer.add(address)
			}
		default:
			if n.Begins {
				f.mu.Lock()
				m.begun++
				f.mu.Unlock()
			}
			f.ledger.ran(m.name, n)
		}
	}
	f.balancer.remove(address)
}

// ready waits until all processes are ready.
func (f *fleet) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		f.mu.Lock()
		waiting := slices.ContainsFunc(f.members, func(m *member) bool { return !m.ready })
		f.mu.Unlock()
		if !waiting {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not all processes have started: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// kill kills a receiver, a worker and the leader of the queue, each when a part of the events has
// been handled and the death before has been overcome.
func (f *fleet) kill(ctx context.Context, js jetstream.JetStream, s setting, servers bool) {
	victims := []func() *member{
		func() *member { return f.find("receiver", "r2") },
		func() *member { return f.busiest(ctx) },
	}
	if servers {
		victims = append(victims, func() *member { return f.find("server", f.leader(ctx, js, s)) })
	}
	for i, victim := range victims {
		if !f.ledger.waitHandled(ctx, f.ledger.events*(i+1)/(len(victims)+1)) {
			return
		}
		m := victim()
		if m == nil {
			continue
		}
		f.mu.Lock()
		name := m.role + " " + m.name
		if m.role == "server" {
			name += ", the leader"
		}
		death := f.ledger.died(name)
		_ = m.process.Process.Kill()
		_, _ = m.process.Process.Wait()
		m.alive, m.ready = false, false
		f.mu.Unlock()
		time.AfterFunc(restartDelay, func() { // as something would in production
			f.mu.Lock()
			defer f.mu.Unlock()
			f.launch(m)
		})
		f.ledger.overcome(ctx, death)
	}
}

func (f *fleet) find(role, name string) *member {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.members {
		if m.role == role && m.name == name {
			return m
		}
	}
	return nil
}

// busiest returns the worker in which most functions are running, waiting until there is one.
func (f *fleet) busiest(ctx context.Context) *member {
	for ctx.Err() == nil {
		if name := f.ledger.busiest(); name != "" {
			return f.find("worker", name)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// leader returns the name of the server that leads the stream of the queue.
func (f *fleet) leader(ctx context.Context, js jetstream.JetStream, s setting) string {
	for range 50 {
		one, cancel := context.WithTimeout(ctx, time.Second)
		stream, err := js.Stream(one, "fleet-"+s.Run)
		cancel()
		if err == nil && stream.CachedInfo().Cluster != nil && stream.CachedInfo().Cluster.Leader != "" {
			return stream.CachedInfo().Cluster.Leader
		}
	}
	return ""
}

// list returns a copy of the members, by role.
func (f *fleet) list(role string) (all []member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.members {
		if m.role == role {
			all = append(all, *m)
		}
	}
	slices.SortFunc(all, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return all
}

// end ends all processes: first the workers and receivers, which still talk to the servers.
func (f *fleet) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ending = true
	for _, role := range []string{"worker", "receiver", "server"} {
		for _, m := range f.members {
			if m.role == role && m.alive {
				_ = m.input.Close()
			}
		}
		for _, m := range f.members {
			if m.role == role && m.alive {
				timer := time.AfterFunc(10*time.Second, func() { _ = m.process.Process.Kill() })
				_, _ = m.process.Process.Wait()
				timer.Stop()
				m.alive = false
			}
		}
	}
	_ = os.RemoveAll(f.dir)
}
