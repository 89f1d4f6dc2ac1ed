package smoochnats_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochnats"
	"github.com/smooch/smooch-go/smoochtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// It runs on its own, as its leases last a second of real time.
func TestDeduper(t *testing.T) {
	js := startServers(t, 1).connect()
	smoochtest.TestDeduper(t, func() smooch.Deduper {
		return newDeduper(t, js, smoochnats.DeduperConfig{Bucket: "claims"})
	})
}

func newDeduper(t *testing.T, js jetstream.JetStream, config smoochnats.DeduperConfig) smooch.Deduper {
	t.Helper()
	d, err := smoochnats.NewDeduper(t.Context(), js, config)
	require.NoError(t, err)
	return d
}

// A token is worth nothing for another key, though it is the revision of a record, and everything
// in another process.
func TestDeduperToken(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	d, other := newDeduper(t, s.connect(), smoochnats.DeduperConfig{}), newDeduper(t, s.connect(), smoochnats.DeduperConfig{})
	tokens := map[string]string{}
	for _, key := range []string{"a", "b"} {
		claim, err := d.Claim(t.Context(), key, time.Minute)
		require.NoError(t, err)
		require.Equal(t, smooch.ClaimWon, claim.State)
		tokens[key] = claim.Token
	}
	assert.ErrorIs(t, d.Extend(t.Context(), "a", tokens["b"], time.Minute), smooch.ErrClaimLost)
	assert.ErrorIs(t, d.Done(t.Context(), "a", tokens["b"]), smooch.ErrClaimLost)
	assert.ErrorIs(t, d.Release(t.Context(), "a", tokens["b"]), smooch.ErrClaimLost)
	for _, key := range []string{"a", "b"} {
		require.NoError(t, d.Extend(t.Context(), key, tokens[key], time.Minute))
		require.NoError(t, other.Extend(t.Context(), key, tokens[key], time.Minute))
		require.NoError(t, other.Done(t.Context(), key, tokens[key]))
		require.NoError(t, d.Done(t.Context(), key, tokens[key]), "once more, as after a lost answer")
		claim, err := other.Claim(t.Context(), key, time.Minute)
		require.NoError(t, err)
		assert.Equal(t, smooch.ClaimDone, claim.State)
		require.NoError(t, other.Release(t.Context(), key, tokens[key]))
	}
}

// A claim does not end before its lease, which the servers count in whole seconds, and a record is
// kept for a day by default.
func TestDeduperTimes(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	d := newDeduper(t, js, smoochnats.DeduperConfig{})
	stream, err := js.Stream(t.Context(), "KV_smooch-claims")
	require.NoError(t, err)
	ends := func() time.Duration {
		info, err := stream.Info(t.Context())
		require.NoError(t, err)
		m, err := stream.GetMsg(t.Context(), info.State.LastSeq)
		require.NoError(t, err)
		ttl, err := time.ParseDuration(m.Header.Get(jetstream.MsgTTLHeader))
		require.NoError(t, err)
		return ttl
	}
	claim, err := d.Claim(t.Context(), "a", 59*time.Second+time.Millisecond)
	require.NoError(t, err)
	assert.Equal(t, time.Minute, ends())
	require.NoError(t, d.Extend(t.Context(), "a", claim.Token, 2*time.Minute))
	assert.Equal(t, 2*time.Minute, ends())
	require.NoError(t, d.Done(t.Context(), "a", claim.Token))
	assert.Equal(t, 24*time.Hour, ends())
}

// A deafDialer makes connections that break off in place of the answer to a certain message.
type deafDialer struct {
	to atomic.Pointer[string] // what the message contains; nil: no answer is lost
}

type deafConn struct {
	net.Conn
	dialer *deafDialer
	deaf   *atomic.Bool
}

func (d *deafDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).Dial(network, address)
	return deafConn{conn, d, new(atomic.Bool)}, err
}

func (c deafConn) Write(p []byte) (int, error) {
	if to := c.dialer.to.Load(); to != nil && bytes.Contains(p, []byte(*to)) && c.dialer.to.CompareAndSwap(to, nil) {
		c.deaf.Store(true)
	}
	return c.Conn.Write(p)
}

func (c deafConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.deaf.Load() { // the server has answered
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// deaf returns a client, and a function after which the next answer to a message that contains a
// text is lost.
func (c *cluster) deaf() (js jetstream.JetStream, lose func(to string)) {
	c.t.Helper()
	dialer := &deafDialer{}
	conn, err := nats.Connect(c.urls(), nats.SetCustomDialer(dialer), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	require.NoError(c.t, err)
	c.t.Cleanup(conn.Close)
	js, err = jetstream.New(conn)
	require.NoError(c.t, err)
	return js, func(to string) { dialer.to.Store(&to) }
}

// A call whose answer was lost is made again, and does not take what it has done itself for what
// somebody else has done.
func TestDeduperLostAnswers(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	js, lose := s.deaf()
	d, other := newDeduper(t, js, smoochnats.DeduperConfig{}), newDeduper(t, s.connect(), smoochnats.DeduperConfig{})
	const record = "HPUB $KV.smooch-claims."
	state := func(key string, want smooch.ClaimState) {
		t.Helper()
		claim, err := other.Claim(t.Context(), key, time.Minute)
		require.NoError(t, err)
		assert.Equal(t, want, claim.State)
	}
	tokens := map[string]string{}
	for _, key := range []string{"done", "released"} {
		lose(record)
		claim, err := d.Claim(t.Context(), key, time.Minute)
		require.NoError(t, err)
		require.Equal(t, smooch.ClaimWon, claim.State)
		tokens[key] = claim.Token
		state(key, smooch.ClaimBusy)
	}
	lose(record)
	require.NoError(t, d.Extend(t.Context(), "done", tokens["done"], time.Minute))
	lose(record)
	require.NoError(t, d.Done(t.Context(), "done", tokens["done"]))
	state("done", smooch.ClaimDone)
	lose("$JS.API.STREAM.MSG.DELETE.KV_smooch-claims ")
	require.NoError(t, d.Release(t.Context(), "released", tokens["released"]))
	state("released", smooch.ClaimWon)
	require.ErrorIs(t, d.Release(t.Context(), "released", tokens["released"]), smooch.ErrClaimLost)
}

// Claims ride out the election of a leader: each key is won once, and a call whose answer was lost
// knows its own claim. What is done stays done on the servers that are left.
func TestDeduperClusterLosesLeader(t *testing.T) {
	t.Parallel()
	s := startServers(t, 3)
	js := s.connect()
	d := newDeduper(t, js, smoochnats.DeduperConfig{Replicas: 3})
	const keys = 300
	won, failed := make([]atomic.Int32, keys), atomic.Int32{}
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for i := range keys {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				claim, err := d.Claim(ctx, fmt.Sprint("key", i), time.Minute)
				if err == nil && claim.State == smooch.ClaimWon {
					won[i].Add(1)
					err = d.Done(ctx, fmt.Sprint("key", i), claim.Token)
				}
				cancel()
				if !assert.NoError(t, err) {
					failed.Add(1)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	down := s.leader(js, "KV_smooch-claims")
	s.stop(down)
	group.Wait()
	for i := range keys {
		assert.EqualValues(t, 1, won[i].Load(), "key %d", i)
		claim, err := d.Claim(t.Context(), fmt.Sprint("key", i), time.Minute)
		require.NoError(t, err)
		assert.Equal(t, smooch.ClaimDone, claim.State, "key %d", i)
	}
}

// A server that was restarted knows its claims, and when they end.
func TestDeduperServerRestarts(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	d := newDeduper(t, s.connect(), smoochnats.DeduperConfig{})
	claim, err := d.Claim(t.Context(), "a", 4*time.Second)
	require.NoError(t, err)
	began := time.Now()
	s.stop(0)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err = d.Claim(ctx, "b", time.Minute)
	assert.Error(t, err)
	assert.NotErrorIs(t, d.Extend(ctx, "a", claim.Token, time.Minute), smooch.ErrClaimLost)
	s.start(0)
	require.True(t, s.servers[0].ReadyForConnections(30*time.Second))
	claim, err = d.Claim(t.Context(), "a", time.Second)
	require.NoError(t, err)
	if time.Since(began) < 4*time.Second {
		assert.Equal(t, smooch.ClaimBusy, claim.State)
	}
	eventually(t, "the end of the claim", func() bool {
		claim, err = d.Claim(t.Context(), "a", time.Second)
		return err == nil && claim.State == smooch.ClaimWon
	})
	assert.Greater(t, time.Since(began), 4*time.Second-200*time.Millisecond)
}

// An acknowledgement whose answer was lost is sent again, and the user goes on at once.
func TestQueueLostAcknowledgement(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	js, lose := s.deaf()
	var log bytes.Buffer
	config := smoochnats.QueueConfig{Partitions: 1, Lease: time.Minute, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	q := newQueue(t, js, config)
	var calls atomic.Int32
	lose("+ACK")
	stop := start(t, q, newWorker(t, s.connect(), 1, func(context.Context, *smooch.MessageEvent) error {
		calls.Add(1)
		return nil
	}))
	began := time.Now()
	put(t, newQueue(t, s.connect(), config), numbered("u1", 1), numbered("u1", 2))
	eventually(t, "both events", func() bool { return calls.Load() == 2 })
	assert.Less(t, time.Since(began), config.Lease/2)
	require.NoError(t, stop())
	assert.EqualValues(t, 2, calls.Load())
	assert.Empty(t, log.String())
}
