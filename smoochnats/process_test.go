package smoochnats_test

import (
	"cmp"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/smooch/smooch-go/smoochnats"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Workers are killed and suspended while events keep coming. Nothing is lost, the order of each
// user is kept, and only what a worker was handling when it was killed is handled again.
func TestWorkersKilledAndSuspended(t *testing.T) {
	t.Parallel()
	_, c, q := newCrew(t, 1, 4, 20*time.Millisecond)
	rounds := cmp.Or(map[bool]int{true: 10}[*full], 1)
	a, b, nameB := c.hire("a"), c.hire("b"), "b"
	stop := feed(t, q, 12, 100*time.Millisecond)
	defer stop()
	eventually(t, "a beginning", func() bool { return c.begun("") > 100 })
	kills := 0
	for round := range rounds {
		c.send(a, syscall.SIGKILL)
		kills++
		a = c.hire(fmt.Sprint("a", round))
		before := c.ended()
		eventually(t, "recovery from a kill", func() bool { return c.ended() > before+200 })

		c.suspend(b, nameB, 9*time.Second) // the other one takes over meanwhile
		before = c.ended()
		eventually(t, "recovery from a suspension", func() bool { return c.ended() > before+200 })
		c.send(b, syscall.SIGKILL)
		kills++
		nameB = fmt.Sprint("b", round)
		b = c.hire(nameB)
		before = c.ended()
		eventually(t, "recovery from a kill", func() bool { return c.ended() > before+200 })
	}
	total := stop()
	eventually(t, "all events", func() bool { return c.ended() == total })
	result := c.tally()
	t.Logf("%d events, %d kills: %+v", total, kills, result)
	assert.Equal(t, total, result.Handled)
	assert.Zero(t, result.Disorder)
	assert.Zero(t, result.BesideSelf)
	assert.LessOrEqual(t, result.Again, 12*(kills+rounds), "no more than one of each user for each process that was killed or suspended")
}

// A worker that leaves finishes what runs, and the next one goes on at once, long before a lease
// ends.
func TestWorkerLeaves(t *testing.T) {
	t.Parallel()
	_, c, q := newCrew(t, 1, 4, 20*time.Millisecond)
	c.job.Queue.Lease = time.Minute
	a := c.hire("a")
	stop := feed(t, q, 12, 50*time.Millisecond)
	defer stop()
	eventually(t, "a beginning", func() bool { return c.begun("a") > 100 })
	c.hire("b")
	time.Sleep(2 * time.Second) // b stands by
	assert.Zero(t, c.begun("b"))
	left := time.Now()
	c.send(a, syscall.SIGTERM)
	state, err := a.Process.Wait()
	require.NoError(t, err)
	assert.True(t, state.Success(), "Run returns nil")
	eventually(t, "b", func() bool { return c.begun("b") > 100 })
	assert.Less(t, c.pauseOf("b", left), 5*time.Second)
	t.Logf("b went on after %v", c.pauseOf("b", left))
	total := stop()
	eventually(t, "all events", func() bool { return c.ended() == total })
	assert.Less(t, time.Since(left), c.job.Queue.Lease/2, "no event waits for the end of the lease")
	assert.Equal(t, tally{Handled: total}, c.tally(), "nothing is handled again")
}

// An event that ends its process becomes a dead letter after as many attempts as any other. Events
// that were handled beside it do not.
func TestEventThatKillsItsProcess(t *testing.T) {
	t.Parallel()
	_, c, q := newCrew(t, 1, 2, 5*time.Millisecond)
	c.job.Queue.Attempts, c.job.Poison = 4, "u1-2"
	for n := 1; n <= 3; n++ {
		for u := range 6 {
			put(t, q, numbered(fmt.Sprint("u", u), n))
		}
	}
	deaths := 0
	for p := c.hire("w"); c.ended() < 17; {
		exited := make(chan struct{})
		go func() {
			_, _ = p.Process.Wait()
			close(exited)
		}()
		eventually(t, "a death or the end", func() bool {
			select {
			case <-exited:
				return true
			default:
				return c.ended() == 17
			}
		})
		if c.ended() < 17 {
			deaths++
			require.LessOrEqual(t, deaths, 4)
			p = c.hire(fmt.Sprint("w", deaths))
		}
	}
	assert.Equal(t, 4, deaths)
	letters := deadLetters(t, q)
	require.Len(t, letters, 1)
	assert.Equal(t, 4, letters[0].Attempts)
	assert.Equal(t, numbered("u1", 2).Key, letters[0].Event.Key)
	assert.Contains(t, letters[0].Reason, "process ended")
}

// Workers that join get a share of the partitions, and the order is kept meanwhile.
func TestWorkersShareThePartitions(t *testing.T) {
	t.Parallel()
	_, c, q := newCrew(t, 1, 6, 10*time.Millisecond)
	c.hire("a")
	stop := feed(t, q, 24, 100*time.Millisecond)
	defer stop()
	eventually(t, "a beginning", func() bool { return c.begun("a") > 100 })
	c.hire("b")
	c.hire("c")
	partitions := map[string]int{}
	eventually(t, "equal shares", func() bool {
		clear(partitions)
		for _, worker := range c.workers(q) {
			partitions[worker]++
		}
		return partitions["a"] == 2 && partitions["b"] == 2 && partitions["c"] == 2
	})
	total := stop()
	eventually(t, "all events", func() bool { return c.ended() == total })
	assert.Equal(t, tally{Handled: total}, c.tally())
}

// The server takes the pin from live workers again and again, so that each holds events that the
// other waits for.
func TestPinMovesBetweenLiveWorkers(t *testing.T) {
	t.Parallel()
	s, c, q := newCrew(t, 1, 2, 30*time.Millisecond)
	c.hire("a")
	c.hire("b")
	js := s.connect()
	stop := feed(t, q, 12, 60*time.Millisecond)
	defer stop()
	eventually(t, "a beginning", func() bool { return c.begun("") > 50 })
	stream, err := js.Stream(t.Context(), "smooch")
	require.NoError(t, err)
	for range 30 {
		for i := range 2 {
			_ = stream.UnpinConsumer(t.Context(), fmt.Sprintf("%dof2", i), "workers")
		}
		time.Sleep(300 * time.Millisecond)
	}
	total := stop()
	eventually(t, "all events", func() bool { return c.ended() == total })
	assert.NotZero(t, c.begun("a"))
	assert.NotZero(t, c.begun("b"))
	assert.Equal(t, tally{Handled: total}, c.tally())
}

// The leader of the queue's stream is lost, and then one server after another, while events are put
// and handled.
func TestClusterLosesServers(t *testing.T) {
	t.Parallel()
	s, c, q := newCrew(t, 3, 2, 10*time.Millisecond)
	js := s.connect()
	c.hire("a")
	c.hire("b")
	stop := feed(t, q, 6, 150*time.Millisecond)
	defer stop()
	eventually(t, "a beginning", func() bool { return c.begun("") > 50 })
	for round := range cmp.Or(map[bool]int{true: 6}[*full], 2) {
		down := s.leader(js, "smooch")
		if round > 0 {
			down = (down + round) % 3
		}
		s.stop(down)
		before := c.ended()
		eventually(t, "progress without a server", func() bool { return c.ended() > before+50 })
		s.start(down)
		require.True(t, s.servers[down].ReadyForConnections(30*time.Second))
		before = c.ended()
		eventually(t, "progress with it", func() bool { return c.ended() > before+50 })
	}
	total := stop()
	eventually(t, "all events", func() bool { return c.ended() == total })
	result := c.tally()
	t.Logf("%d events: %+v", total, result)
	assert.Equal(t, total, result.Handled)
	assert.Zero(t, result.Disorder)
	assert.Zero(t, result.BesideSelf)
	assert.Zero(t, result.Again)
}

// Copies that arrive at the same moment are all accepted, as the service would repeat those that
// are not. They are handled once.
func TestCopiesAtOnceInCluster(t *testing.T) {
	t.Parallel()
	s, _, q := newCrew(t, 3, 1, 0)
	other := newQueue(t, s.connect(), smoochnats.QueueConfig{Partitions: 1, Replicas: 3})
	for n := 1; n <= 100; n++ {
		var group sync.WaitGroup
		for _, q := range []*smoochnats.Queue{q, other, q, other} {
			group.Go(func() { assert.NoError(t, q.Put(t.Context(), numbered("u", n))) })
		}
		group.Wait()
	}
	stats, err := q.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 100, stats.Waiting)
}
