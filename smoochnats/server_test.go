package smoochnats_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go/smoochnats"
	"github.com/stretchr/testify/require"
)

// A cluster is real servers in this process.
type cluster struct {
	t       testing.TB
	sync    bool // each write is on disk before it is acknowledged
	dir     string
	clients []int // ports
	routes  []int
	servers []*server.Server // nil where one is down
}

// startServers starts servers, which are a cluster if there are several.
func startServers(t testing.TB, n int) *cluster {
	t.Helper()
	return startServersWith(t, n, false)
}

func startServersWith(t testing.TB, n int, sync bool) *cluster {
	t.Helper()
	c := &cluster{t: t, sync: sync, dir: t.TempDir(), clients: freePorts(t, n), routes: freePorts(t, n), servers: make([]*server.Server, n)}
	t.Cleanup(func() {
		for i := range n {
			c.stop(i)
		}
	})
	for i := range n {
		c.start(i)
	}
	for _, s := range c.servers {
		require.True(t, s.ReadyForConnections(30*time.Second))
	}
	return c
}

func (c *cluster) start(i int) {
	c.t.Helper()
	options := &server.Options{
		ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: c.clients[i], NoSigs: true, NoLog: true,
		SyncAlways: c.sync, JetStream: true, StoreDir: filepath.Join(c.dir, fmt.Sprint(i)), JetStreamMaxMemory: 1 << 30, JetStreamMaxStore: 8 << 30,
	}
	if len(c.servers) > 1 {
		options.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: c.routes[i]}
		for _, port := range c.routes {
			options.Routes = append(options.Routes, &url.URL{Scheme: "nats", Host: fmt.Sprint("127.0.0.1:", port)})
		}
	}
	s, err := server.NewServer(options)
	require.NoError(c.t, err)
	s.Start()
	c.servers[i] = s
}

// stop takes a server down without a word to the others.
func (c *cluster) stop(i int) {
	if s := c.servers[i]; s != nil {
		s.Shutdown()
		s.WaitForShutdown()
		c.servers[i] = nil
	}
}

// leader returns the server that leads a stream.
func (c *cluster) leader(js jetstream.JetStream, stream string) int {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		one, stop := context.WithTimeout(ctx, time.Second)
		s, err := js.Stream(one, stream)
		stop()
		if err == nil && s.CachedInfo().Cluster != nil {
			for i, server := range c.servers {
				if server != nil && server.Name() == s.CachedInfo().Cluster.Leader {
					return i
				}
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.t.Fatal("the stream has no leader")
	return 0
}

func (c *cluster) urls() string {
	urls := ""
	for _, port := range c.clients {
		urls += fmt.Sprintf("nats://127.0.0.1:%d,", port)
	}
	return urls[:len(urls)-1]
}

// connect returns a client of the servers, as a program would make it.
func (c *cluster) connect() jetstream.JetStream {
	c.t.Helper()
	return connect(c.t, c.urls())
}

func connect(t testing.TB, urls string) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(urls, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	return js
}

var (
	firstPort = 10_000 + rand.Int64N(20_000)
	tried     atomic.Int64 // ports
)

// freePorts returns ports that nobody listens on. They are below those that systems give to
// outgoing connections, one of which could take the port of a server that is down.
func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range 1000 {
		port := int(firstPort + tried.Add(1))
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			require.NoError(t, l.Close())
			if ports = append(ports, port); len(ports) == n {
				return ports
			}
		}
	}
	require.Fail(t, "no ports are free")
	return nil
}

func TestWithoutJetStream(t *testing.T) {
	t.Parallel()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(s.Shutdown)
	require.True(t, s.ReadyForConnections(30*time.Second))
	js := connect(t, s.ClientURL())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err = smoochnats.NewQueue(ctx, js, smoochnats.QueueConfig{})
	require.ErrorContains(t, err, "is JetStream enabled")
}

// A client that connects in the background learns of a wrong password when it uses the connection.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), Authorization: "right",
	})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(s.Shutdown)
	require.True(t, s.ReadyForConnections(30*time.Second))
	conn, err := nats.Connect(s.ClientURL(), nats.Token("wrong"), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = smoochnats.NewQueue(t.Context(), js, smoochnats.QueueConfig{})
	require.ErrorIs(t, err, nats.ErrAuthorization)
	_, err = smoochnats.NewDeduper(t.Context(), js, smoochnats.DeduperConfig{})
	require.ErrorIs(t, err, nats.ErrAuthorization)
}
