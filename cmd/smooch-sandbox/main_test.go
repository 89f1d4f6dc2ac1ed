package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// TestMain builds the programs that the tests start as processes.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "smooch-sandbox")
	if err == nil {
		programs = dir
		args := []string{"build", "-o", dir, ".", "../../examples/echo-bot"}
		if raceDetector {
			args = append([]string{"build", "-race"}, args[1:]...)
		}
		var out []byte
		if out, err = exec.CommandContext(context.Background(), "go", args...).CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

var programs string // the folder of the built programs

// process is a program that runs.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *bufio.Reader
	mu     sync.Mutex
	errors bytes.Buffer // stderr
}

func start(t *testing.T, name string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.CommandContext(t.Context(), filepath.Join(programs, name), args...)}
	// With the race detector, a process would sleep for a second before it ends.
	p.cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0"), env...)
	p.cmd.Stderr = writerFunc(func(b []byte) (int, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.errors.Write(b)
	})
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.out = bufio.NewReader(out)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func (p *process) stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.errors.String()
}

// wait waits for the end of the process and returns its exit code.
func (p *process) wait() int {
	_, _ = io.Copy(io.Discard, p.out)
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

// startSandbox starts a sandbox on a free port and returns what it prints.
func startSandbox(t *testing.T, env []string, args ...string) (*process, smoochtest.ClientSettings) {
	t.Helper()
	p := start(t, "smooch-sandbox", env, append([]string{"-addr", "127.0.0.1:0", "-print", "json"}, args...)...)
	line, err := p.out.ReadBytes('\n')
	require.NoError(t, err, p.stderr())
	var s smoochtest.ClientSettings
	require.NoError(t, json.Unmarshal(line, &s))
	return p, s
}

func newClient(t *testing.T, s smoochtest.ClientSettings) *smooch.Client {
	client, err := smooch.NewClient(smooch.BearerToken(s.JWT), smooch.WithBaseURL(s.BaseURL), smooch.WithApp(s.AppID))
	require.NoError(t, err)
	return client
}

// control makes a call under /_sandbox/ that succeeds and returns the answer.
func control(t *testing.T, s smoochtest.ClientSettings, method, path, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.BaseURL+"/_sandbox/"+path, strings.NewReader(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Less(t, resp.StatusCode, 300, "%s", data)
	return string(data)
}

func TestJSONIsWhatAClientNeeds(t *testing.T) {
	t.Parallel()
	_, s := startSandbox(t, nil)
	_, err := newClient(t, s).AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	assert.Contains(t, control(t, s, "GET", "health", ""), `"status":"ok"`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.BaseURL, nil)
	require.NoError(t, err)
	page, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer page.Body.Close()
	data, err := io.ReadAll(page.Body)
	require.NoError(t, err)
	assert.Contains(t, strings.ToLower(string(data)), "<!doctype html>")
}

func TestFlagsAndEnvironment(t *testing.T) {
	t.Parallel()
	env := []string{"SMOOCH_SANDBOX_APP_ID=app1", "SMOOCH_SANDBOX_KEY_ID=app_env", "SMOOCH_SANDBOX_RATE_LIMIT=1000"}
	args := []string{
		"-key-id", "app_flag", "-secret", "s1", "-app-token", "t1", "-account-key-id", "act_1", "-account-secret", "s2",
		"-webhook", "http://sandbox.test/hook", "-triggers", "postback, message:appUser", "-allow-target", "a.test,sandbox.test",
		"-allow-host", "tool.test", "-log",
	}
	_, s := startSandbox(t, env, args...)
	s.BaseURL, s.JWT = strings.TrimRight(s.BaseURL, "0123456789"), ""
	assert.Equal(t, smoochtest.ClientSettings{
		BaseURL: "http://127.0.0.1:", AppID: "app1", AppToken: "t1", KeyID: "app_flag", Secret: "s1",
		AccountKeyID: "act_1", AccountSecret: "s2",
	}, s)
	text := start(t, "smooch-sandbox", env, append(args, "-addr", "127.0.0.1:0", "-print", "env")...)
	var lines []string
	for range 9 {
		line, err := text.out.ReadString('\n')
		require.NoError(t, err)
		lines = append(lines, strings.TrimSpace(line))
	}
	base := strings.TrimPrefix(lines[1], "SMOOCH_BASE_URL=")
	assert.Equal(t, []string{"# The page and the controls are at " + base + "/", "SMOOCH_BASE_URL=" + base, "SMOOCH_APP_ID=app1"}, lines[:3])
	client, err := smooch.NewClient(smooch.BearerToken(strings.TrimPrefix(lines[8], "SMOOCH_TOKEN=")), smooch.WithBaseURL(base), smooch.WithApp("app1"))
	require.NoError(t, err)
	hooks, err := client.Webhooks.List(t.Context())
	require.NoError(t, err)
	require.Len(t, hooks, 1)
	assert.Equal(t, "http://sandbox.test/hook", hooks[0].Target)
	assert.Equal(t, []smooch.Trigger{"postback", "message:appUser"}, hooks[0].Triggers)
	assert.Eventually(t, func() bool {
		return strings.Contains(text.stderr(), `msg=call op="GET /webhooks" status=200 scope=account`)
	}, 5*time.Second, 10*time.Millisecond)
}

func TestSeedIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	_, a := startSandbox(t, nil, "-seed", "x")
	_, b := startSandbox(t, nil, "-seed", "x")
	a.BaseURL, b.BaseURL = "", ""
	assert.Equal(t, a, b)
}

// TestErrorsAreOneLine: no stack trace for what a user does wrong.
func TestErrorsAreOneLine(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	broken := filepath.Join(t.TempDir(), "state.json")
	require.NoError(t, os.WriteFile(broken, []byte("{"), 0o600))
	for want, args := range map[string][]string{
		"address already in use":      {"-addr", busy.Addr().String()},
		`unexpected argument "serve"`: {"serve"},
		"flag provided but not":       {"-nope"},
		"invalid value":               {"-rate-limit", "x"},
		"-print is":                   {"-print", "xml"},
		"must be positive":            {"-keep-log", "0"},
		"no -webhook to have them":    {"-triggers", "postback"},
		"-allow-target a.test":        {"-addr", "127.0.0.1:0", "-webhook", "http://a.test/"},
		"no trigger":                  {"-addr", "127.0.0.1:0", "-webhook", "http://127.0.0.1/", "-triggers", "x"},
		"cannot be imported":          {"-addr", "127.0.0.1:0", "-state", broken},
		"not a directory":             {"-addr", "127.0.0.1:0", "-state", filepath.Join(broken, "x")},
		"contains white space":        {"-addr", "127.0.0.1:0", "-secret", "a b"},
	} {
		p := start(t, "smooch-sandbox", nil, args...)
		assert.NotZero(t, p.wait(), want)
		text := p.stderr()
		assert.True(t, strings.HasPrefix(text, "smooch-sandbox: "), text)
		assert.Contains(t, text, want)
		assert.Equal(t, 1, strings.Count(text, "\n"), text)
	}
	p := start(t, "smooch-sandbox", []string{"SMOOCH_SANDBOX_KEEP_LOG=many"})
	assert.Equal(t, 2, p.wait())
	assert.Contains(t, p.stderr(), `SMOOCH_SANDBOX_KEEP_LOG is "many"`)
	p = start(t, "smooch-sandbox", nil, "-version")
	assert.Zero(t, p.wait())
	p = start(t, "smooch-sandbox", nil, "-help")
	assert.Zero(t, p.wait())
	assert.Contains(t, p.stderr(), "-allow-target")
}

// TestSignalEndsItWhateverHangs: open streams, calls that are held back, uploads that stand still
// and targets that do not answer.
func TestSignalEndsItWhateverHangs(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		assertEndsInTime(t, 2*time.Second, func() time.Duration {
			p, s := startSandbox(t, nil)
			app := newClient(t, s)
			reached := make(chan struct{}, 1)
			target, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { target.Close() })
			go func() { // never answers
				for {
					conn, err := target.Accept()
					if err != nil {
						return
					}
					defer conn.Close()
					select {
					case reached <- struct{}{}:
					default:
					}
				}
			}()
			_, err = app.Webhooks.Create(t.Context(), smooch.WebhookCreate{
				Target: "http://" + target.Addr().String(), Triggers: []smooch.Trigger{smooch.TriggerAll},
			})
			require.NoError(t, err)
			<-reached
			control(t, s, "POST", "faults", `{"delay":3600,"path":"/menu"}`)
			host := strings.TrimPrefix(s.BaseURL, "http://")
			for _, request := range []string{
				"GET /_sandbox/events HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
				"GET /_sandbox/calls?wait=60&count=9999 HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
				"GET /v1.1/apps/" + s.AppID + "/menu HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + s.JWT + "\r\n\r\n",
				"POST /v1.1/apps/" + s.AppID + "/appusers HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + s.JWT +
					"\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
				"POST /_sandbox/apps HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 100\r\n\r\n{",
				"GET /",
			} {
				conn, err := net.Dial("tcp", host) //nolint:noctx // loopback
				require.NoError(t, err)
				t.Cleanup(func() { conn.Close() })
				_, err = conn.Write([]byte(request))
				require.NoError(t, err)
			}
			time.Sleep(200 * time.Millisecond) // that the requests are under way cannot be seen
			began := time.Now()
			require.NoError(t, p.cmd.Process.Signal(signal))
			assert.Zero(t, p.wait(), p.stderr())
			return time.Since(began)
		})
	}
}

// assertEndsInTime stops a process and expects that it ends within limit. A busy machine may need
// more time, so there are three attempts.
func assertEndsInTime(t *testing.T, limit time.Duration, stop func() time.Duration) {
	t.Helper()
	took := stop()
	for range 2 {
		if took < limit {
			break
		}
		took = min(took, stop())
	}
	assert.Less(t, took, limit)
}

// TestSignalEndsASaveThatHangs: the file that the state is written to is a pipe that nobody reads.
func TestSignalEndsASaveThatHangs(t *testing.T) {
	t.Parallel()
	assert.Less(t, exitsWithin, 2*time.Second)
	for _, wait := range []time.Duration{0, savesEvery + time.Second} { // the last save and another
		assertEndsInTime(t, exitsWithin+2*time.Second, func() time.Duration {
			file := filepath.Join(t.TempDir(), "state.json")
			p, s := startSandbox(t, nil, "-state", file)
			require.NoError(t, syscall.Mkfifo(file+".new", 0o600))
			_, err := newClient(t, s).AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "ida"})
			require.NoError(t, err)
			time.Sleep(wait)
			began := time.Now()
			require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
			assert.Equal(t, 1, p.wait(), p.stderr())
			return time.Since(began)
		})
	}
}

// TestStateOutlivesTheProcess: also one that is killed.
func TestStateOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	p, s := startSandbox(t, nil, "-state", file, "-seed", "x")
	user, err := newClient(t, s).AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, p.wait(), p.stderr())

	p, s = startSandbox(t, nil, "-state", file, "-seed", "x")
	app := newClient(t, s)
	again, err := app.AppUsers.Get(t.Context(), "ida")
	require.NoError(t, err)
	assert.Equal(t, user.ID, again.ID)
	bob, err := app.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "bob"})
	require.NoError(t, err)
	assert.NotEqual(t, user.ID, bob.ID)
	assert.Eventually(t, func() bool {
		data, err := os.ReadFile(file)
		return err == nil && bytes.Contains(data, []byte(bob.ID))
	}, 10*time.Second, 50*time.Millisecond, "it is saved every few seconds")
	require.NoError(t, p.cmd.Process.Kill())
	p.wait()

	_, s = startSandbox(t, nil, "-state", file)
	_, err = newClient(t, s).AppUsers.Get(t.Context(), "bob")
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm(), "it has secrets")
}

// TestEchoBotJoins: the bot finds the sandbox's app by itself, and answers a person.
func TestEchoBotJoins(t *testing.T) {
	t.Parallel()
	_, s := startSandbox(t, nil)
	bot := start(t, "echo-bot", []string{"SMOOCH_KEY_ID="}, "-sandbox", s.BaseURL+"/")
	line, err := bot.out.ReadString('\n')
	require.NoError(t, err, bot.stderr())
	assert.Contains(t, line, "answers messages")
	control(t, s, "POST", "apps/"+s.AppID+"/users", `{"userId":"ida","channel":"whatsapp"}`)
	person := "apps/" + s.AppID + "/users/ida/"
	answers := "calls?operation=POST+/appusers/%7BuserId%7D/messages&scope=app&wait=10&count="
	control(t, s, "POST", person+"say", `{"text":"Hello, bot."}`)
	control(t, s, "GET", answers+"1", "")
	control(t, s, "POST", person+"tap", `{"payload":"LOUDER"}`)
	control(t, s, "GET", answers+"2", "")
	talk := control(t, s, "GET", person+"conversation", "")
	assert.Contains(t, talk, "You said: Hello, bot.")
	assert.Contains(t, talk, "You tapped LOUDER!")

	require.NoError(t, bot.cmd.Process.Signal(syscall.SIGTERM))
	assert.Zero(t, bot.wait())
	assert.Contains(t, control(t, s, "GET", "apps/"+s.AppID, ""), `"webhooks":[]`, "it takes its webhook away")
}
