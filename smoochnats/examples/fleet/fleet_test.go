package main

import (
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets the processes of the fleet be this one.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// startServer starts a server that asks for a password, and returns its URL.
func startServer(t *testing.T) *url.URL {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
		Username: "fleet", Password: "right",
	})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	require.True(t, s.ReadyForConnections(30*time.Second))
	u, err := url.Parse(s.ClientURL())
	require.NoError(t, err)
	u.User = url.UserPassword("fleet", "right")
	return u
}

// On servers of somebody else, a receiver and a worker are killed, all goes well, and nothing is
// left behind.
func TestFleetOnForeignServers(t *testing.T) {
	t.Parallel()
	u := startServer(t)
	good, err := run(t.Context(), 600, 50, u.String())
	require.NoError(t, err)
	assert.True(t, good)
	conn, err := nats.Connect(u.String())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	for name := range js.StreamNames(t.Context()).Name() {
		t.Errorf("the stream %s is left", name)
	}
}

func TestFleetSaysWhyItCannotConnect(t *testing.T) {
	t.Parallel()
	u := startServer(t)
	u.User = url.UserPassword("fleet", "wrong")
	_, err := run(t.Context(), 10, 10, u.String())
	assert.ErrorIs(t, err, nats.ErrAuthorization)
	assert.NotContains(t, err.Error(), "wrong", "the password is not shown")
	_, err = run(t.Context(), 10, 10, "nats://127.0.0.1:1")
	assert.ErrorIs(t, err, nats.ErrNoServers)
}

// The verdict finds what must not happen. The calls are written as worker, text, and the tenths of
// a second from which and to which they run; 0: they never return.
func TestVerdict(t *testing.T) {
	t.Parallel()
	type run struct {
		text     string
		from, to int
		failed   bool
	}
	for name, test := range map[string]struct {
		runs []run
		want verdict
	}{
		"good":                     {[]run{{"1", 1, 2, false}, {"2", 3, 4, false}, {"3", 5, 6, false}}, verdict{}},
		"a failure is repeated":    {[]run{{"1", 1, 2, true}, {"1", 3, 4, false}, {"2", 5, 6, false}}, verdict{}},
		"a worker died":            {[]run{{"1", 1, 0, false}, {"1", 3, 4, false}, {"2", 5, 6, false}}, verdict{again: 1}},
		"the order is turned":      {[]run{{"2", 1, 2, false}, {"1", 3, 4, false}}, verdict{disorder: 2}},
		"an older one is not done": {[]run{{"1", 1, 0, false}, {"2", 3, 4, false}}, verdict{disorder: 1}},
		"an older one failed":      {[]run{{"1", 1, 2, true}, {"2", 3, 4, false}}, verdict{disorder: 1}},
		"one is left out":          {[]run{{"1", 1, 2, false}, {"3", 3, 4, false}}, verdict{disorder: 1}},
		"nobody wrote it":          {[]run{{"7", 1, 2, false}}, verdict{disorder: 1}},
		"beside another":           {[]run{{"1", 1, 4, false}, {"2", 3, 5, false}}, verdict{beside: 1}},
		"beside itself":            {[]run{{"1", 1, 4, false}, {"1", 3, 5, false}}, verdict{again: 1, beside: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(3, 1)
			at := func(tenths int) (moment time.Time) {
				if tenths > 0 {
					moment = time.Unix(0, int64(tenths)*1e8)
				}
				return moment
			}
			l.accepted["u"] = []string{"1", "2", "3"}
			for _, r := range test.runs {
				l.calls = append(l.calls, &call{user: "u", text: r.text, from: at(r.from), to: at(r.to), failed: r.failed})
			}
			assert.Equal(t, test.want, l.judge())
		})
	}
}

// Copies in two versions are one message, in the order in which the first was accepted. What was
// refused counts as repeated.
func TestDeliveriesInTwoVersions(t *testing.T) {
	t.Parallel()
	l := newLedger(2, 1)
	for _, d := range []struct {
		text    string
		version smooch.Version
		status  int
	}{{"1", smooch.V1, 503}, {"2", smooch.V1_1, 200}, {"1", smooch.V1_1, 200}, {"1", smooch.V1, 200}, {"2", smooch.V1, 200}} {
		e := &smooch.MessageEvent{Messages: []smooch.Message{{Text: d.text}}}
		e.Version, e.AppUser = d.version, smooch.AppUser{UserID: "u"}
		l.delivered(e, time.Now(), d.status)
	}
	assert.Equal(t, []string{"2", "1"}, l.accepted["u"])
	assert.Equal(t, map[smooch.Version]int{smooch.V1: 2, smooch.V1_1: 2}, l.deliveries)
	assert.Equal(t, 1, l.repeated)
}
