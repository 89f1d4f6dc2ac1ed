package smoochredis

import (
	"context"
	"flag"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	redis.SetLogger(quiet{}) // the tests end servers on purpose
	flag.Parse()
	_ = flag.Set("test.parallel", "12") // they wait more than they work
	os.Exit(m.Run())
}

// quiet is where go-redis logs to.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// A server is a redis-server, as a process of its own.
type server struct {
	t    testing.TB
	port string
	conf string
	cmd  *exec.Cmd

	sentinel bool
}

// startServer starts a redis-server with these lines of configuration, which ends with the test.
// Where there is none, the test is skipped.
func startServer(t testing.TB, config ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	dir := t.TempDir()
	s := &server{t: t, port: freePort(t), conf: filepath.Join(dir, "redis.conf")}
	for _, line := range config {
		s.sentinel = s.sentinel || strings.HasPrefix(line, "sentinel ")
	}
	config = append([]string{"bind 127.0.0.1", "port " + s.port, "dir " + dir}, config...)
	require.NoError(t, os.WriteFile(s.conf, []byte(strings.Join(config, "\n")), 0o600))
	t.Cleanup(s.kill)
	s.start()
	return s
}

var (
	firstPort = 10_000 + rand.Int64N(10_000)
	tried     atomic.Int64 // ports
)

// freePort returns a port that nobody listens on. It is below those that systems give to outgoing
// connections, one of which could take it before the server does. So is that of the bus of a
// cluster, which is 10,000 higher.
func freePort(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := strconv.FormatInt(firstPort+tried.Add(1), 10)
		if listener, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			require.NoError(t, listener.Close())
			return port
		}
	}
	require.Fail(t, "no port is free")
	return ""
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", s.conf) //nolint:noctx // it ends with the test
	if s.sentinel {
		s.cmd.Args = append(s.cmd.Args, "--sentinel")
	}
	require.NoError(s.t, s.cmd.Start())
	client := s.client(nil)
	eventually(s.t, "the server answers", func() bool { return client.Ping(s.t.Context()).Err() == nil })
}

// kill ends the server as a crash would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// signal stops the server (SIGSTOP), so that it accepts connections but never answers, or continues
// it (SIGCONT).
func (s *server) signal(signal syscall.Signal) {
	assert.NoError(s.t, s.cmd.Process.Signal(signal))
}

func (s *server) addr() string { return "127.0.0.1:" + s.port }

// client returns a client with go-redis's defaults, unless change sets other options.
func (s *server) client(change func(*redis.Options)) *redis.Client {
	options := &redis.Options{Addr: s.addr()}
	if change != nil {
		change(options)
	}
	client := redis.NewClient(options)
	s.t.Cleanup(func() { _ = client.Close() })
	return client
}

// newPatientDeduper and newPatientLimiter do not take a Redis on a busy machine for one that is
// away.

func newPatientDeduper(client redis.UniversalClient, name string) *Deduper {
	d := NewDeduper(client, name, time.Hour)
	d.redis.timeout = time.Minute
	return d
}

func newPatientLimiter(client redis.UniversalClient, key string, rate float64, burst int) *Limiter {
	l := NewLimiter(client, key, rate, burst)
	l.redis.timeout = time.Minute
	return l
}

// eventually waits until something is so. Only a test that fails waits for long.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !is() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			require.Fail(t, "it never happens that "+what)
		}
	}
}

// startCluster starts a cluster of three servers without replicas, and returns a client.
func startCluster(t *testing.T) *redis.ClusterClient {
	t.Helper()
	var servers []*server
	var addrs []string
	for i := range 3 {
		s := startServer(t, "save ''", "cluster-enabled yes")
		servers, addrs = append(servers, s), append(addrs, s.addr())
		client := s.client(nil)
		require.NoError(t, client.Do(t.Context(), "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
		require.NoError(t, client.ClusterAddSlotsRange(t.Context(), i*16384/3, (i+1)*16384/3-1).Err())
		require.NoError(t, servers[0].client(nil).ClusterMeet(t.Context(), "127.0.0.1", s.port).Err())
	}
	for _, s := range servers {
		client := s.client(nil)
		eventually(t, "the cluster is ready", func() bool {
			info, err := client.ClusterInfo(t.Context()).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// startSentinel starts a server, a replica of it and a sentinel that watches both. It returns the
// server and a client.
func startSentinel(t *testing.T) (*server, *redis.Client) {
	t.Helper()
	master := startServer(t)
	startServer(t, "replicaof 127.0.0.1 "+master.port)
	sentinel := startServer(t, "sentinel monitor main 127.0.0.1 "+master.port+" 1",
		"sentinel down-after-milliseconds main 1000", "sentinel failover-timeout main 5000")
	watch := redis.NewSentinelClient(&redis.Options{Addr: sentinel.addr()})
	t.Cleanup(func() { _ = watch.Close() })
	eventually(t, "the sentinel knows the replica", func() bool {
		replicas, err := watch.Replicas(t.Context(), "main").Result()
		return err == nil && len(replicas) == 1
	})
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "main", SentinelAddrs: []string{sentinel.addr()}})
	t.Cleanup(func() { _ = client.Close() })
	return master, client
}
