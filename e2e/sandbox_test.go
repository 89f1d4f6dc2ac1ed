package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/require"
)

// sandbox is a smooch-sandbox process.
type sandbox struct {
	t       *testing.T
	process *exec.Cmd

	BaseURL string `json:"baseURL"`
	AppID   string `json:"appId"`
	KeyID   string `json:"keyId"`
	Secret  string `json:"secret"`
	JWT     string `json:"jwt"` // of account scope
}

// start starts a program that ends with the test, and returns it with its output.
func start(t *testing.T, name string, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	process := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(programs, name), args...)
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	t.Cleanup(func() { end(process) })
	return process, bufio.NewReader(out)
}

// end ends a program as its user does.
func end(process *exec.Cmd) {
	_ = process.Process.Signal(syscall.SIGTERM)
	_ = process.Wait()
}

func startSandbox(t *testing.T, args ...string) *sandbox {
	t.Helper()
	process, out := start(t, "smooch-sandbox", append([]string{"-addr", "127.0.0.1:0", "-print", "json"}, args...)...)
	s := &sandbox{t: t, process: process}
	line, err := out.ReadBytes('\n')
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(line, s))
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return s
}

// startBot starts the echo bot on the sandbox. It has its webhook when it says that it answers.
func (s *sandbox) startBot() {
	s.t.Helper()
	_, out := start(s.t, "echo-bot", "-sandbox", s.BaseURL)
	line, err := out.ReadString('\n')
	require.NoError(s.t, err)
	require.Contains(s.t, line, "answers")
	go func() { _, _ = io.Copy(io.Discard, out) }()
}

// business is a client of the app.
func (s *sandbox) business() *smooch.Client {
	s.t.Helper()
	client, err := smooch.NewClient(smooch.AppJWT(s.KeyID, s.Secret), smooch.WithBaseURL(s.BaseURL), smooch.WithApp(s.AppID))
	require.NoError(s.t, err)
	return client
}

// control calls something under /_sandbox/.
func (s *sandbox) control(path string, body, answer any) {
	s.t.Helper()
	method, encoded := http.MethodGet, []byte(nil)
	if body != nil {
		var err error
		method = http.MethodPost
		encoded, err = json.Marshal(body)
		require.NoError(s.t, err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.BaseURL+"/_sandbox/"+path, bytes.NewReader(encoded))
	require.NoError(s.t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.Less(s.t, resp.StatusCode, 300, "%s: %s", path, text)
	if answer != nil {
		require.NoError(s.t, json.Unmarshal(text, answer))
	}
}

// newUser makes a user on a channel and returns the path of the user's controls.
func (s *sandbox) newUser(id, name, channel string) string {
	s.t.Helper()
	first, last, _ := strings.Cut(name, " ")
	var made struct {
		User struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	s.control("apps/"+s.AppID+"/users", map[string]string{
		"userId": id, "givenName": first, "surname": last, "channel": channel,
	}, &made)
	return "apps/" + s.AppID + "/users/" + made.User.ID + "/"
}

// freeAddr returns an address that a sandbox can be started on twice.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// receiver is a bot that answers its first events with 503.
type receiver struct {
	url    string
	events chan string // bodies of those that it took
}

func startReceiver(t *testing.T, failures int) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &receiver{url: "http://" + l.Addr().String() + "/bot", events: make(chan string, 100)}
	left := make(chan struct{}, failures)
	for range failures {
		left <- struct{}{}
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodHead {
			return
		}
		select {
		case <-left:
			http.Error(w, "the bot sleeps", http.StatusServiceUnavailable)
		default:
			body, _ := io.ReadAll(request.Body)
			r.events <- string(body)
		}
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return r
}
