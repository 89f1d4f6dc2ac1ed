package smoochnats_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochnats"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var full = flag.Bool("full", false, "kill more processes, for ten minutes")

// A job is what a worker process has to do. It is in the environment of the process.
type job struct {
	URLs     string
	Name     string
	Queue    smoochnats.QueueConfig
	Replicas int
	Takes    time.Duration
	Poison   string // the text of a message that kills its process
}

const jobVariable = "SMOOCHNATS_TEST_JOB"

func TestMain(m *testing.M) {
	if text := os.Getenv(jobVariable); text != "" {
		work(text)
		return
	}
	os.Exit(m.Run())
}

// A mark says that a function has begun or returned.
type mark struct {
	Worker string
	User   string
	N      int
	At     time.Time
	Begins bool
	Failed string
}

// work is the main function of a worker process. It writes marks to its standard output.
func work(text string) {
	var j job
	check(json.Unmarshal([]byte(text), &j))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	conn, err := nats.Connect(j.URLs, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	check(err)
	js, err := jetstream.New(conn)
	check(err)
	j.Queue.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("worker", j.Name)
	q, err := smoochnats.NewQueue(ctx, js, j.Queue)
	check(err)
	deduper, err := smoochnats.NewDeduper(ctx, js, smoochnats.DeduperConfig{Replicas: j.Replicas})
	check(err)
	r, err := smooch.NewWebhookReceiver(nil, smooch.WithDeduper(deduper), smooch.WithLease(j.Queue.Lease),
		smooch.WithReceiverLogger(slog.New(slog.DiscardHandler)))
	check(err)
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	write := func(m mark) {
		mu.Lock()
		defer mu.Unlock()
		check(out.Encode(m))
	}
	smooch.Handle(r, func(ctx context.Context, e *smooch.MessageEvent) error {
		m := mark{Worker: j.Name, User: e.AppUser.ID, At: time.Now(), Begins: true}
		var err error
		m.N, err = strconv.Atoi(e.Messages[0].Text)
		check(err)
		write(m)
		if e.Messages[0].ID == j.Poison {
			os.Exit(3)
		}
		select {
		case <-time.After(j.Takes):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		m.At, m.Begins = time.Now(), false
		write(m)
		return nil
	})
	check(q.Run(ctx, r))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A crew is worker processes and what they have marked.
type crew struct {
	t   *testing.T
	job job

	mu          sync.Mutex
	marks       []mark
	suspensions []suspension
}

// A suspension is a time for which a worker process stood still.
type suspension struct {
	worker   string
	from, to time.Time
}

// suspend stops a worker process for some time.
func (c *crew) suspend(p *exec.Cmd, name string, d time.Duration) {
	c.t.Helper()
	s := suspension{worker: name, from: time.Now()}
	c.send(p, syscall.SIGSTOP)
	time.Sleep(d)
	s.to = time.Now()
	c.send(p, syscall.SIGCONT)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.suspensions = append(c.suspensions, s)
}

// hire starts a worker process.
func (c *crew) hire(name string) *exec.Cmd {
	c.t.Helper()
	j := c.job
	j.Name = name
	text, err := json.Marshal(j)
	require.NoError(c.t, err)
	p := exec.CommandContext(context.WithoutCancel(c.t.Context()), os.Args[0])
	p.Env = append(os.Environ(), jobVariable+"="+string(text))
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	require.NoError(c.t, err)
	require.NoError(c.t, p.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var m mark
			if json.Unmarshal(lines.Bytes(), &m) == nil {
				c.mu.Lock()
				c.marks = append(c.marks, m)
				c.mu.Unlock()
			}
		}
	}()
	c.t.Cleanup(func() {
		_ = p.Process.Kill()
		<-read
		_ = p.Wait()
	})
	return p
}

// send sends a signal to a worker process, and waits until it has ended if it is to.
func (c *crew) send(p *exec.Cmd, s syscall.Signal) {
	c.t.Helper()
	require.NoError(c.t, p.Process.Signal(s))
	if s == syscall.SIGKILL {
		_, _ = p.Process.Wait()
	}
}

// begun returns how many different events have begun, all or those of one worker.
func (c *crew) begun(worker string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := map[string]bool{}
	for _, m := range c.marks {
		if worker == "" || m.Worker == worker {
			seen[fmt.Sprint(m.User, "/", m.N)] = true
		}
	}
	return len(seen)
}

// ended returns how many different events have ended.
func (c *crew) ended() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := map[string]bool{}
	for _, m := range c.marks {
		if !m.Begins {
			seen[fmt.Sprint(m.User, "/", m.N)] = true
		}
	}
	return len(seen)
}

// A tally is what the marks add up to.
type tally struct {
	Handled    int // different events whose function has returned
	Again      int // functions that began for an event for which one had begun
	Disorder   int // functions that began before an older event of the user was handled
	BesideSelf int // functions that began while another one for the user was running
	Suspended  int // functions whose process was suspended while they ran: they count as ended
}

// tally adds up the marks. A function that never returned counts as ended: its process has died, or
// its claim was lost.
func (c *crew) tally() (t tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	type run struct {
		mark
		until time.Time // zero: it never returned
	}
	var runs []run
	open := map[string]int{} // the last run of a worker for an event
	for _, m := range c.marks {
		key := fmt.Sprint(m.Worker, "/", m.User, "/", m.N)
		if m.Begins {
			open[key] = len(runs)
			runs = append(runs, run{mark: m})
			continue
		}
		runs[open[key]].until = m.At
	}
	slices.SortStableFunc(runs, func(a, b run) int { return a.At.Compare(b.At) })
	last, handled := map[string]int{}, map[string]time.Time{} // when first
	for _, r := range runs {
		if id := fmt.Sprint(r.User, "/", r.N); !r.until.IsZero() && (handled[id].IsZero() || r.until.Before(handled[id])) {
			handled[id] = r.until
		}
	}
	ends := map[string]time.Time{}
	for _, r := range runs {
		switch before := last[r.User]; {
		case r.N == before:
			t.Again++
		case r.N != before+1, before > 0 && !handled[fmt.Sprint(r.User, "/", before)].Before(r.At):
			t.Disorder++
			c.t.Logf("%s began %s/%d at %s after %d", r.Worker, r.User, r.N, r.At.Format("05.000"), before)
		}
		last[r.User] = max(last[r.User], r.N)
		if r.At.Before(ends[r.User]) {
			t.BesideSelf++
		}
		suspended := slices.ContainsFunc(c.suspensions, func(s suspension) bool {
			return s.worker == r.Worker && r.At.Before(s.to) && r.until.After(s.from)
		})
		if suspended {
			t.Suspended++
		} else if r.until.After(ends[r.User]) {
			ends[r.User] = r.until
		}
	}
	t.Handled = len(handled)
	return t
}

// pauseOf returns how long a worker took after a moment to begin its first event.
func (c *crew) pauseOf(worker string, since time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var later []mark
	for _, m := range c.marks {
		if m.Worker == worker && m.At.After(since) {
			later = append(later, m)
		}
	}
	if len(later) == 0 {
		return time.Hour
	}
	return slices.MinFunc(later, func(a, b mark) int { return a.At.Compare(b.At) }).At.Sub(since)
}

// feed puts events of users one round after another until stop is called, which returns how many
// it has put.
func feed(t *testing.T, q *smoochnats.Queue, users int, every time.Duration) (stop func() int) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	total := make(chan int, 1)
	go func() {
		n := 0
		for ctx.Err() == nil {
			n++
			for u := range users {
				assert.NoError(t, q.Put(context.WithoutCancel(ctx), numbered(fmt.Sprint("u", u), n)))
			}
			time.Sleep(every)
		}
		total <- n * users
	}()
	return sync.OnceValue(func() int {
		cancel()
		return <-total
	})
}

func newCrew(t *testing.T, servers, partitions int, takes time.Duration) (*cluster, *crew, *smoochnats.Queue) {
	t.Helper()
	s := startServers(t, servers)
	config := smoochnats.QueueConfig{Partitions: partitions, Replicas: servers, Lease: 5 * time.Second}
	q := newQueue(t, s.connect(), config)
	return s, &crew{t: t, job: job{URLs: s.urls(), Queue: config, Replicas: servers, Takes: takes}}, q
}

// workers returns who has handled the last event of each partition.
func (c *crew) workers(q *smoochnats.Queue) map[int]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := map[int]string{}
	for _, m := range c.marks {
		last[smoochnats.PartitionOf(q, m.User)] = m.Worker
	}
	return last
}
