package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

// loadTime is how long TestMemoryStaysFlat loads the process. SMOOCH_LOAD_TIME, such as 60s, sets
// another time.
func loadTime(t *testing.T) time.Duration {
	text := os.Getenv("SMOOCH_LOAD_TIME")
	if text == "" {
		return 4 * time.Second
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

// TestMemoryStaysFlat lets 50 clients do what clients do, with a webhook that works, one that fails
// and a page that reads along. Users, and the messages that are not deleted, do not become more.
func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	p, s := startSandbox(t, nil, "-keep-log", "500", "-keep-media", "8")
	app := newClient(t, s)
	var delivered atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		delivered.Add(1)
		if r.URL.Path == "/fails" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer target.Close()
	for _, path := range []string{"/", "/fails"} {
		_, err := app.Webhooks.Create(t.Context(), smooch.WebhookCreate{
			Target: target.URL + path, Triggers: []smooch.Trigger{smooch.TriggerAll},
		})
		require.NoError(t, err)
	}
	watch, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.BaseURL+"/_sandbox/events", nil)
	require.NoError(t, err)
	page, err := http.DefaultClient.Do(watch) // and does not read what comes
	require.NoError(t, err)
	defer page.Body.Close()

	for number := range 50 {
		_, err := app.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: fmt.Sprint("user-", number)})
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), loadTime(t))
	defer cancel()
	var calls atomic.Int64
	var clients sync.WaitGroup
	for number := range 50 {
		user := fmt.Sprint("user-", number)
		clients.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				err := useOnce(ctx, app, user, round)
				if err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	time.Sleep(loadTime(t) * 2 / 5) // the bounds are reached by then
	before := residentMiB(t, p)
	clients.Wait()
	after := residentMiB(t, p)
	t.Logf("%d calls, %d deliveries, %d MiB after two fifths of the time, %d MiB in the end", calls.Load(), delivered.Load(), before, after)
	assert.Less(t, after, before+before/4+30)
	assert.Contains(t, control(t, s, "GET", "health", ""), `"status":"ok"`)
}

// useOnce makes one call.
func useOnce(ctx context.Context, app *smooch.Client, user string, round int) (err error) {
	switch round % 20 {
	case 19:
		err = app.Conversations.DeleteMessages(ctx, user)
	case 5:
		upload := smooch.Upload{Filename: "a.png", Source: bytes.NewReader(make([]byte, 50<<10))}
		_, err = app.Attachments.Upload(ctx, upload, smooch.AttachmentOptions{})
	case 2, 7, 12:
		_, err = app.AppUsers.Get(ctx, user)
	default:
		_, err = app.Conversations.PostMessage(ctx, user, smooch.TextMessage(strings.Repeat("x", 500)))
	}
	return err
}

// residentMiB returns the memory that a process has, in MiB.
func residentMiB(t *testing.T, p *process) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skip("the memory of a process is read from /proc")
	}
	_, line, _ := strings.Cut(string(data), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(line)[0])
	require.NoError(t, err)
	return kib >> 10
}
