package smoochnats_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochnats"
	"github.com/stretchr/testify/require"
)

// TestSizing measures the figures of docs/scaling.md:
//
//	go test -run Sizing -full -v
//	go test -run SizingChart -draw  draws the chart of the table there
func TestSizing(t *testing.T) {
	if !*full {
		t.Skip("it takes minutes: -full")
	}
	for _, c := range []struct {
		name    string
		servers int
		sync    bool
	}{{"one replica", 1, false}, {"one replica, sync always", 1, true}, {"three replicas", 3, false}} {
		t.Run(c.name, func(t *testing.T) { sizeThroughput(t, c.servers, c.sync) })
	}
	t.Run("memory", sizeMemory)
	t.Run("partitions", sizePartitions)
}

const clients = 32

// A speed is how many calls there were in a second, and what processor time each took: that of the
// servers, which are in this process, included. A busy machine changes the first, not the second.
type speed struct {
	perSecond float64
	cpu       time.Duration
}

func (s speed) String() string { return fmt.Sprintf("%5.0f/s (%v)", s.perSecond, s.cpu) }

// measure returns the speed of n calls that f makes.
func measure(n int, f func()) speed {
	began, cpu := time.Now(), cpuTime()
	f()
	return speed{float64(n) / time.Since(began).Seconds(), ((cpuTime() - cpu) / time.Duration(n)).Round(time.Microsecond)}
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// atOnce calls f n times on as many goroutines as there are clients.
func atOnce(n int, f func(i int)) speed {
	return measure(n, func() { callAtOnce(n, f) })
}

func callAtOnce(n int, f func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	group.Wait()
}

func sizeThroughput(t *testing.T, servers int, sync bool) {
	s := startServersWith(t, servers, sync)
	js := s.connect()
	ctx := context.Background()
	var err error
	eventually(t, "a stream", func() bool {
		one, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		_, err = js.CreateStream(one, jetstream.StreamConfig{Name: "bare", Subjects: []string{"bare.>"}, Replicas: servers})
		return err == nil
	})
	q := newQueue(t, js, smoochnats.QueueConfig{Replicas: servers})
	d, err := smoochnats.NewDeduper(ctx, js, smoochnats.DeduperConfig{Replicas: servers, Bucket: "sizing"})
	require.NoError(t, err)
	n := map[bool]int{false: 5000, true: 500}[sync]
	event := func(round, i int) smooch.QueuedEvent {
		e := numbered(fmt.Sprint("u", i%500), round*n+i)
		e.Body = append(e.Body, make([]byte, 1000-len(e.Body))...)
		for i := range e.Body {
			if e.Body[i] == 0 {
				e.Body[i] = ' '
			}
		}
		return e
	}
	for round := range 3 { // beside each other, as the machine has other things to do
		bare := atOnce(n, func(i int) {
			_, err := js.Publish(ctx, fmt.Sprint("bare.", i%500), event(round, i).Body)
			require.NoError(t, err)
		})
		put := atOnce(n, func(i int) { require.NoError(t, q.Put(ctx, event(round, i))) })
		claims := atOnce(n, func(i int) {
			key := fmt.Sprint(round, "/", i)
			claim, err := d.Claim(ctx, key, 30*time.Second)
			require.NoError(t, err)
			require.NoError(t, d.Done(ctx, key, claim.Token))
		})
		t.Logf("round %d: bare publisher %v, Put %v, claim and done %v", round, bare, put, claims)
	}
	total := 3 * n
	var handled atomic.Int64
	worker := newWorker(t, js, servers, func(context.Context, *smooch.MessageEvent) error {
		handled.Add(1)
		return nil
	})
	t.Logf("Run handles %v", measure(total, func() {
		start(t, q, worker)
		eventually(t, "all events", func() bool { return int(handled.Load()) == total })
	}))
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func sizeMemory(t *testing.T) {
	js := startServers(t, 1).connect()
	ctx := context.Background()
	q := newQueue(t, js, smoochnats.QueueConfig{Name: "ids"})
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "bare", Subjects: []string{"bare.>"}})
	require.NoError(t, err)
	const n = 50_000
	users := func(i int) string { return fmt.Sprint("u", i%500) }
	before := heap()
	atOnce(n, func(i int) {
		_, err := js.Publish(ctx, "bare."+users(i), numbered(users(i), i).Body)
		require.NoError(t, err)
	})
	bare := heap()
	atOnce(n, func(i int) { require.NoError(t, q.Put(ctx, numbered(users(i), i))) })
	ids := heap()
	t.Logf("heap of the server: %.0f bytes an event in a bare stream, %.0f in a queue: the difference is the duplicate window", (bare-before)/n, (ids-bare)/n)
	d, err := smoochnats.NewDeduper(ctx, js, smoochnats.DeduperConfig{})
	require.NoError(t, err)
	before = heap()
	atOnce(n, func(i int) {
		claim, err := d.Claim(ctx, fmt.Sprint("key", i), 30*time.Second)
		require.NoError(t, err)
		require.NoError(t, d.Done(ctx, fmt.Sprint("key", i), claim.Token))
	})
	after := heap()
	stream, err := js.Stream(ctx, "KV_smooch-claims")
	require.NoError(t, err)
	state := stream.CachedInfo().State
	t.Logf("a key of the deduper: %.0f bytes of memory, %d on disk", (after-before)/n, state.Bytes/state.Msgs)
}

func sizePartitions(t *testing.T) {
	for _, partitions := range []int{1, 16, 64, 256} {
		s := startServers(t, 1)
		js := s.connect()
		q := newQueue(t, js, smoochnats.QueueConfig{Partitions: partitions, Lease: 30 * time.Second})
		before := heap()
		began := time.Now()
		stop := start(t, q, newWorker(t, js, 1, func(context.Context, *smooch.MessageEvent) error { return nil }))
		eventually(t, "all consumers", func() bool {
			stream, err := js.Stream(t.Context(), "smooch")
			return err == nil && stream.CachedInfo().State.Consumers == partitions
		})
		took := time.Since(began)
		time.Sleep(time.Second)
		after := heap()
		in := s.servers[0].NumClients()
		messages := func() int64 {
			v, err := s.servers[0].Varz(nil)
			require.NoError(t, err)
			return v.InMsgs
		}
		from := messages()
		time.Sleep(20 * time.Second)
		t.Logf("%3d partitions: started in %v, %.0f KB for worker and server, %.1f messages a second to the server while idle (%d clients)",
			partitions, took.Round(time.Millisecond), (after-before)/1024, float64(messages()-from)/20, in)
		require.NoError(t, stop())
		s.stop(0)
	}
}
