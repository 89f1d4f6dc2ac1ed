package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// The helper is a process that stands for what a campaign finds elsewhere: a fake Smooch and a
// redis-server. It lives on when the campaign is killed, so that the next start finds the messages
// that were sent, and ends a minute after the last campaign is gone.
const helperPatience = time.Minute

// helperSettings are what the helper is asked to start.
type helperSettings struct {
	Dir     string
	Redis   bool
	Service bool
}

// A helper is what the helper has started. It is in helper.json of the campaign's directory.
type helper struct {
	URL     string // to hold it
	Redis   string // URL; "": not started
	Service service
}

// callHelper returns the helper of the directory, and starts one if there is none. It lives until
// ctx ends.
func callHelper(ctx context.Context, want helperSettings) (*helper, error) {
	path := filepath.Join(want.Dir, "helper.json")
	if h, err := holdHelper(ctx, path, want); err == nil {
		return h, nil
	}
	_ = os.Remove(path)
	args, err := json.Marshal(want)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0], "helper") //nolint:noctx // it lives on if this process is killed
	cmd.Stdin = bytes.NewReader(args)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	failure, err := os.Create(filepath.Join(want.Dir, "helper.log"))
	if err != nil {
		return nil, err
	}
	defer failure.Close()
	cmd.Stderr = failure
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	pid := []byte(strconv.Itoa(cmd.Process.Pid)) // for whoever wants to end it earlier
	if err := os.WriteFile(filepath.Join(want.Dir, "helper.pid"), pid, 0o644); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			text, _ := os.ReadFile(failure.Name())
			return nil, fmt.Errorf("the helper has ended: %w\n%s", err, text)
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		if h, err := holdHelper(ctx, path, want); err == nil {
			return h, nil
		}
	}
}

// holdHelper makes the helper live until ctx ends, with a request that has no end.
func holdHelper(ctx context.Context, path string, want helperSettings) (*helper, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	h := &helper{}
	if err := json.Unmarshal(data, h); err != nil {
		return nil, err
	}
	if want.Redis != (h.Redis != "") || want.Service != (h.Service.URL != "") {
		return nil, errors.New("this helper has started something else")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/hold", nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = answer.Body.Close() })
	return h, nil
}

// count asks the service how many users have how many messages.
func (h *helper) count(ctx context.Context) (one, more int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/count", nil)
	if err != nil {
		return 0, 0, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close()
	_, err = fmt.Fscan(answer.Body, &one, &more)
	return one, more, err
}

// runHelper is the main function of the helper.
func runHelper() error {
	var s helperSettings
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	f := &fake{refuses: 211, loses: 127, lag: 20 * time.Millisecond, sent: map[string]int{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h := helper{URL: "http://" + listener.Addr().String()}
	if s.Redis {
		if h.Redis, err = startRedis(ctx); err != nil {
			return err
		}
	}
	if s.Service {
		f.server = smoochtest.NewServer()
		defer f.server.Close()
		key := f.server.Account()
		h.Service = service{h.URL, f.server.App().ID, key.KeyID, key.Secret, true}
		if err := f.createUsers(ctx, s.Dir); err != nil {
			return err
		}
	}
	var held atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hold", func(w http.ResponseWriter, r *http.Request) {
		held.Add(1)
		defer held.Add(-1)
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("GET /count", f.count)
	mux.Handle("/", f)
	go func() { _ = http.Serve(listener, mux) }() //nolint:gosec // on loopback, for one program
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(s.Dir, "helper.json"), data); err != nil {
		return err
	}
	for alone := time.Now(); ctx.Err() == nil && time.Since(alone) < helperPatience; pause(ctx, time.Second) {
		if held.Load() > 0 {
			alone = time.Now()
		}
	}
	return os.Remove(filepath.Join(s.Dir, "helper.json"))
}

// startRedis starts a redis-server that ends with ctx, and returns its URL.
func startRedis(ctx context.Context) (string, error) {
	var addr string
	var err error
	// The port is below those of outgoing connections, one of which could take it meanwhile.
	for range 100 {
		addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.N(20_000)))
		var listener net.Listener
		if listener, err = net.Listen("tcp", addr); err == nil {
			_ = listener.Close()
			break
		}
	}
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.CommandContext(ctx, "redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("without -redis, redis-server must be installed: %w", err)
	}
	go func() { _ = cmd.Wait() }()
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	for range 200 {
		if err = client.Ping(ctx).Err(); err == nil {
			break
		}
		pause(ctx, 50*time.Millisecond)
	}
	return "redis://" + addr, err
}

// fake is a fake Smooch that fails now and then, and counts the messages of each user.
type fake struct {
	server  *smoochtest.Server
	refuses int64         // one of so many messages with 503; 0: none
	loses   int64         // the answer to one of so many messages; 0: none
	lag     time.Duration // between carrying out and answering
	apps    []string      // that have the users, see shard
	posts   atomic.Int64

	mu   sync.Mutex
	sent map[string]int // by path of the user
}

// ServeHTTP answers a call as the service does, more or less.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.shard(r)
	user, post := strings.CutSuffix(r.URL.Path, "/messages")
	if !post || r.Method != http.MethodPost {
		f.server.ServeHTTP(w, r)
		return
	}
	n := f.posts.Add(1)
	if f.refuses > 0 && n%f.refuses == 0 {
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	answer := httptest.NewRecorder()
	f.server.ServeHTTP(answer, r)
	if answer.Code < 300 {
		f.mu.Lock()
		f.sent[user]++
		f.mu.Unlock()
		pause(r.Context(), f.lag)
		if f.loses > 0 && n%f.loses == 0 {
			panic(http.ErrAbortHandler)
		}
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// count writes how many users have one message, and how many have more.
func (f *fake) count(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one, more := 0, 0
	for _, n := range f.sent {
		if n == 1 {
			one++
		} else {
			more++
		}
	}
	fmt.Fprintln(w, one, more)
}

// shard sends a call to the app that has the user. smoochtest looks through all users of an app for
// one, which takes too long with 100,000, so they are spread over several apps.
func (f *fake) shard(r *http.Request) {
	_, user, found := strings.Cut(r.URL.Path, "/appusers/")
	if found && len(f.apps) > 0 {
		user, _, _ = strings.Cut(user, "/")
		r.URL.Path = strings.Replace(r.URL.Path, f.server.App().ID, f.appOf(user), 1)
		r.URL.RawPath = strings.Replace(r.URL.RawPath, f.server.App().ID, f.appOf(user), 1)
		r.RequestURI = r.URL.RequestURI()
	}
}

func (f *fake) appOf(userID string) string {
	return f.apps[int(crc32.ChecksumIEEE([]byte(userID)))%len(f.apps)]
}

// createUsers makes the users that the file of the campaign names, but for one in a hundred, as a
// real file has some that are gone.
func (f *fake) createUsers(ctx context.Context, dir string) error {
	c, err := openCampaign(dir, "", "", 0)
	if err != nil {
		return err
	}
	client := f.server.Client(smooch.WithHTTPClient(&http.Client{Transport: direct{f.server}}))
	for len(f.apps) <= len(c.recipients)/1000 {
		app, err := client.Apps.Create(ctx, smooch.AppCreate{Name: "campaign"})
		if err != nil {
			return err
		}
		f.apps = append(f.apps, app.ID)
	}
	for row, to := range c.recipients {
		if to.again || row%100 == 99 {
			continue
		}
		if _, err := client.ForApp(f.appOf(to.userID)).AppUsers.Create(ctx, smooch.AppUserCreate{UserID: to.userID}); err != nil {
			return err
		}
	}
	return nil
}

// direct calls a handler without a connection.
type direct struct{ http.Handler }

// RoundTrip implements [http.RoundTripper].
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	d.ServeHTTP(answer, r)
	return answer.Result(), nil
}
