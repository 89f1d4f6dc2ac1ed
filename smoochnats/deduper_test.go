package smoochnats_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
