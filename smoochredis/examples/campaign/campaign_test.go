package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
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

// TestMain lets the test's program be the campaign, too.
func TestMain(m *testing.M) {
	if os.Getenv("CAMPAIGN_TEST_PROCESS") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A start is one start of the campaign, with its workers.
type start struct {
	cmd *exec.Cmd

	mu     sync.Mutex
	output strings.Builder
	pids   []int // of the workers
}

// startCampaign starts the campaign as a process of its own.
func startCampaign(t *testing.T, env []string, args ...string) *start {
	t.Helper()
	s := &start{cmd: exec.Command(os.Args[0], args...)} //nolint:noctx // it is killed
	s.cmd.Env = append(os.Environ(), append(env, "CAMPAIGN_TEST_PROCESS=1")...)
	read, write := io.Pipe()
	s.cmd.Stdout, s.cmd.Stderr = write, write
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() { s.kill() })
	go func() {
		for lines := bufio.NewScanner(read); lines.Scan(); {
			s.mu.Lock()
			s.output.WriteString(lines.Text() + "\n")
			var pid int
			if n, _ := fmt.Sscanf(lines.Text(), "worker %d started", &pid); n == 1 {
				s.pids = append(s.pids, pid)
			}
			s.mu.Unlock()
		}
	}()
	return s
}

func (s *start) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

// killWorker kills one of the workers, if there is one.
func (s *start) killWorker() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pids) > 0 {
		_ = syscall.Kill(s.pids[rand.IntN(len(s.pids))], syscall.SIGKILL)
	}
}

// kill kills the campaign and all its workers.
func (s *start) kill() {
	_ = s.cmd.Process.Kill()
	s.mu.Lock()
	for _, pid := range s.pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	s.mu.Unlock()
	_ = s.cmd.Wait()
}

// users returns how many users have got a message.
func (f *fake) users() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sent)
}

// startRedisFor starts a redis-server, which ends with the test.
func startRedisFor(t *testing.T) (url string) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	url, err := startRedis(ctx)
	require.NoError(t, err)
	return url
}

// TestCampaignKilled kills the campaign and its workers at random points, loses what is in Redis
// once, and starts the campaign again. In the end, the service has one message for each user.
func TestCampaignKilled(t *testing.T) {
	t.Parallel()
	const users, unknown, kills = 600, 7, 4
	service := smoochtest.NewServer()
	defer service.Close()
	slow := &fake{server: service, loses: 40, lag: 200 * time.Millisecond, sent: map[string]int{}}
	server := httptest.NewServer(slow)
	defer server.Close()
	client := service.Client()
	rows := []string{"userId,name"}
	for i := range users {
		id := fmt.Sprintf("user-%d", i)
		rows = append(rows, id+","+id)
		if i >= unknown {
			_, err := client.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: id})
			require.NoError(t, err)
		}
	}
	rows = append(rows, "user-300,again", "user-0,again")
	dir := filepath.Join(t.TempDir(), "campaign")
	file := filepath.Join(t.TempDir(), "recipients.csv")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(rows, "\n")), 0o600))
	app := service.App()
	env := []string{"SMOOCH_APP_ID=" + app.ID, "SMOOCH_KEY_ID=" + app.Key.KeyID, "SMOOCH_KEY_SECRET=" + app.Key.Secret}
	args := func(redis string) []string {
		return []string{"-dir", dir, "-csv", file, "-text", "Hello {name}", "-sandbox", server.URL, "-redis", redis,
			"-rate", "120", "-burst", "10", "-workers", "3", "-lease", "1500ms"}
	}
	redis := startRedisFor(t)
	var last *start
	for i := range kills {
		if i == kills/2 {
			redis = startRedisFor(t) // one that knows nothing
		}
		last = startCampaign(t, env, args(redis)...)
		sent := slow.users()
		for d := time.Now(); slow.users() == sent && time.Since(d) < 20*time.Second; {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(rand.N(500 * time.Millisecond))
		last.killWorker()
		time.Sleep(rand.N(500 * time.Millisecond))
		last.kill()
	}
	last = startCampaign(t, env, args(redis)...)
	require.NoError(t, last.cmd.Wait(), "%s", last.text())

	slow.mu.Lock()
	defer slow.mu.Unlock()
	assert.Len(t, slow.sent, users-unknown)
	for path, n := range slow.sent {
		assert.Equal(t, 1, n, path)
	}
	page, err := client.Conversations.ListMessages(t.Context(), "user-300", smooch.MessageListOptions{})
	require.NoError(t, err)
	require.Len(t, page.Messages, 1)
	assert.Equal(t, "Hello user-300", page.Messages[0].Text)

	time.Sleep(100 * time.Millisecond) // for the last lines
	assert.Contains(t, last.text(), "593 got the message")
	assert.Contains(t, last.text(), "7 got none: 404")
	assert.Contains(t, last.text(), "2 got none: the file has this user twice")
	list, err := os.ReadFile(filepath.Join(dir, "none.csv"))
	require.NoError(t, err)
	assert.Equal(t, 1+7+2, strings.Count(string(list), "\n"))
	assert.Contains(t, string(list), "\n8,user-6,404")
	assert.Contains(t, string(list), "\n602,user-300,the file")
}

// TestCampaignHelper: without any flags but for the size, the campaign brings what it needs.
func TestCampaignHelper(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	dir := filepath.Join(t.TempDir(), "campaign")
	env := []string{"SMOOCH_APP_ID=", "SMOOCH_KEY_ID=", "SMOOCH_KEY_SECRET="}
	first := startCampaign(t, env, "-dir", dir, "-n", "300", "-lease", "1s")
	t.Cleanup(func() { endHelper(t, dir) })
	for began := time.Now(); !strings.Contains(first.text(), "started") && time.Since(began) < 20*time.Second; {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(time.Second)
	first.kill()
	second := startCampaign(t, env, "-dir", dir, "-lease", "1s")
	require.NoError(t, second.cmd.Wait(), "%s", second.text())
	time.Sleep(100 * time.Millisecond)
	assert.Contains(t, second.text(), "297 got the message")
	assert.Contains(t, second.text(), "3 got none: 404")
	assert.Contains(t, second.text(), "one message for 297 users, and more for 0")
}

// endHelper ends the process that would live on for a minute.
func endHelper(t *testing.T, dir string) {
	data, err := os.ReadFile(filepath.Join(dir, "helper.pid"))
	require.NoError(t, err)
	var pid int
	_, err = fmt.Sscan(string(data), &pid)
	require.NoError(t, err)
	assert.NoError(t, syscall.Kill(pid, syscall.SIGTERM))
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "helper.json")); err != nil {
			return
		}
	}
	assert.Fail(t, "the helper does not end")
}

// TestCampaignRefused: a campaign that may not send at all stops, and records no outcome.
func TestCampaignRefused(t *testing.T) {
	t.Parallel()
	service := smoochtest.NewServer()
	defer service.Close()
	env := []string{"SMOOCH_APP_ID=" + service.App().ID, "SMOOCH_KEY_ID=wrong", "SMOOCH_KEY_SECRET=wrong"}
	s := startCampaign(t, env, "-dir", filepath.Join(t.TempDir(), "campaign"), "-n", "50", "-sandbox", service.URL, "-redis", startRedisFor(t))
	err := s.cmd.Wait()
	assert.Error(t, err)
	time.Sleep(100 * time.Millisecond)
	assert.Contains(t, s.text(), "0 got the message")
	assert.Contains(t, s.text(), "50 got none: open")
	assert.Contains(t, s.text(), "401")
}

// TestCampaignChanged: the file must be the one that the campaign began with.
func TestCampaignChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := openCampaign(dir, "", "", 10)
	require.NoError(t, err)
	again, err := openCampaign(dir, "", "", 99)
	require.NoError(t, err)
	assert.Equal(t, c, again)
	_, err = openCampaign(dir, "", "other text", 10)
	assert.ErrorContains(t, err, "take another directory")
	require.NoError(t, writeRecipients(c.CSV, 11))
	_, err = openCampaign(dir, "", "", 10)
	assert.ErrorContains(t, err, "has changed")
}

// TestJournalTorn: of a journal that was cut anywhere, no line is misread, and the next one is
// whole.
func TestJournalTorn(t *testing.T) {
	t.Parallel()
	const whole = "begun 2026-11-21T09:00:00Z\nsent 12\nnone 130 404 not_found: gone\nsent 17\n"
	want := map[int]string{12: "", 130: "404 not_found: gone", 17: "", 99: ""}
	for n := range len(whole) + 1 {
		c := &campaign{dir: t.TempDir()}
		require.NoError(t, os.WriteFile(c.journalPath(0), []byte(whole[:n]), 0o600))
		j, err := c.openJournal(0)
		require.NoError(t, err)
		assert.Equal(t, n >= len("begun 2026-11-21T09:00:00Z\n"), j.resumed, "%q", whole[:n])
		require.NoError(t, j.record(99, ""))
		require.NoError(t, j.file.Close())
		data, err := os.ReadFile(c.journalPath(0))
		require.NoError(t, err)
		begun, outcomes, _ := parseJournal(data)
		assert.False(t, begun.IsZero())
		assert.Contains(t, outcomes, 99)
		for row, reason := range outcomes {
			assert.Equal(t, want[row], reason, "row %d of %q", row, whole[:n])
			assert.Contains(t, want, row)
		}
	}
}
