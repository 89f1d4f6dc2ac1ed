package smoochtest_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

func TestCallLog(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	c := newControls(t, server)
	_, err := app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("Hi"))
	require.NoError(t, err)
	raw(t, server, "GET", "/v1/appusers/ida?a=b", "", "app-token: "+server.App().Token)
	raw(t, server, "POST", "/v1/appusers/ida/pushToken", "{}", "app-token: wrong")
	raw(t, server, "GET", "/v1/nope", "")

	all := c.call(200, "GET", "calls", "")
	calls := all["calls"].([]any)
	require.Len(t, calls, 5)
	assert.EqualValues(t, 5, all["last"])
	post := calls[1]
	assert.Equal(t, "POST /appusers/{userId}/messages", at(post, "operation"))
	assert.Equal(t, "account", at(post, "scope"))
	assert.EqualValues(t, 201, at(post, "status"))
	assert.Equal(t, server.App().ID, at(post, "appId"))
	assert.Equal(t, `{"role":"appMaker","text":"Hi","type":"text"}`, sorted(t, at(post, "request", "body", "text").(string)))
	assert.Contains(t, at(post, "answer", "body", "text"), `"text":"Hi"`)
	assert.Equal(t, []any{"application/json; charset=utf-8"}, at(post, "answer", "headers", "Content-Type"))
	assert.NotEmpty(t, at(post, "request", "headers", "Authorization"))
	assert.Equal(t, post, c.call(200, "GET", "calls/2", "")["call"])
	assert.Empty(t, at(calls[3], "scope"), "the credential was refused")
	assert.Empty(t, at(calls[4], "operation"))

	numbers := func(query string) string {
		t.Helper()
		var found []string
		for _, call := range c.call(200, "GET", "calls?"+query, "")["calls"].([]any) {
			found = append(found, fmt.Sprint(at(call, "id")))
		}
		return strings.Join(found, " ")
	}
	assert.Equal(t, "4 5", numbers("after=3"))
	assert.Equal(t, "5", numbers("after=3&limit=1"))
	assert.Equal(t, "2", numbers("operation=POST+/appusers/%7BuserId%7D/messages"))
	assert.Equal(t, "2 3", numbers("user="+at(post, "userId").(string)))
	assert.Equal(t, "2 3", numbers("user=ida"))
	assert.Equal(t, "2 3", numbers("user=ida&app="+server.App().ID))
	assert.Empty(t, numbers("user=ida&app=x"))
	assert.Equal(t, "1 2 3", numbers("app="+server.App().ID))
	assert.Equal(t, "4 5", numbers("status=4xx"))
	assert.Equal(t, "5", numbers("status=404"))
	assert.Equal(t, "3", numbers("scope=appToken"))
	assert.Equal(t, "3", numbers("path=ida%3Fa"))
	assert.Equal(t, "3 5", numbers("method=get"))
	other, err := app.Apps.Create(t.Context(), smooch.AppCreate{Name: "other"})
	require.NoError(t, err)
	createUser(t, app.ForApp(other.ID), "ida")
	_, err = app.ForApp(other.ID).AppUsers.Get(t.Context(), "ida")
	require.NoError(t, err)
	assert.Equal(t, "2 3 8", numbers("user=ida"), "in both apps")
	assert.Equal(t, "8", numbers("user=ida&app="+other.ID))
	require.NoError(t, app.ForApp(other.ID).AppUsers.Delete(t.Context(), "ida"))
	assert.Equal(t, "8 9", numbers("user=ida&app="+other.ID), "also one who is gone")
	brief := c.call(200, "GET", "calls?brief=true&limit=1", "")["calls"].([]any)[0]
	assert.Nil(t, at(brief, "request"))

	c.call(201, "POST", "faults", `{"cut":"before"}`)
	_, err = app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("Hi"), smooch.WithoutRetry())
	require.Error(t, err)
	cut := c.call(200, "GET", "calls/10", "")["call"]
	assert.EqualValues(t, 0, at(cut, "status"))
	assert.EqualValues(t, 1, at(cut, "fault"))
	assert.Nil(t, at(cut, "answer"))
	c.call(201, "POST", "faults", `{"status":429}`)
	_, err = app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("Hi"), smooch.WithoutRetry())
	require.ErrorIs(t, err, smooch.ErrRateLimited)
	assert.Equal(t, "2 10 11", numbers("operation=POST+/appusers/%7BuserId%7D/messages&user=ida&scope=account"),
		"it is known what a fault keeps from being carried out")
}

// sorted returns JSON with its members in the order of their names.
func sorted(t *testing.T, text string) string {
	var object map[string]any
	require.NoError(t, decode(text, &object))
	return encode(t, object)
}

func TestCallsCanBeWaitedFor(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	c := newControls(t, server)
	done := make(chan map[string]any)
	go func() { done <- c.call(200, "GET", "calls?after=1&count=2&wait=20&method=GET", "") }()
	for range 2 {
		_, err := app.AppUsers.Get(t.Context(), "ida")
		require.NoError(t, err)
	}
	assert.Len(t, (<-done)["calls"], 2)
	began := time.Now()
	answer := c.call(408, "GET", "calls?count=3&wait=0.1&method=GET", "")
	assert.Equal(t, "after 0.1 s there are 2 of 3 calls", at(answer, "error", "description"))
	assert.Less(t, time.Since(began), 5*time.Second)
}

func TestBinaryAndLongBodiesAreLogged(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	c := newControls(t, server)
	raw(t, server, "POST", "/v1/nope", "")
	api := newAPI(t, server)
	status, _ := raw(t, server, "POST", api.prefix+"/webhooks", "\xff\xfe", api.credential)
	assert.Equal(t, 400, status)
	body := at(c.call(200, "GET", "calls/2", ""), "call", "request", "body")
	assert.Equal(t, base64.StdEncoding.EncodeToString([]byte("\xff\xfe")), at(body, "base64"))
	raw(t, server, "POST", api.prefix+"/webhooks", strings.Repeat(" ", 3<<20), api.credential)
	body = at(c.call(200, "GET", "calls/3", ""), "call", "request", "body")
	assert.Equal(t, true, at(body, "truncated"))
	assert.EqualValues(t, 3<<20, at(body, "size"))
	assert.Len(t, at(body, "text"), 1<<20)

	long := smooch.Upload{Source: strings.NewReader(strings.Repeat(" ", 3<<20)), Filename: "a.txt"}
	file, err := server.Client().Attachments.Upload(t.Context(), long, smooch.AttachmentOptions{})
	require.NoError(t, err)
	assert.Len(t, fetch(t, 200, file.MediaURL), 3<<20)
	body = at(c.call(200, "GET", "calls/5", ""), "call", "answer", "body")
	assert.Equal(t, true, at(body, "truncated"))
	assert.EqualValues(t, 3<<20, at(body, "size"))
	assert.Len(t, at(body, "text"), 1<<20)
}

func TestDeliveryLogOverControls(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	c := newControls(t, server)
	var status atomic.Int32
	status.Store(503)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Bot", "1")
		w.WriteHeader(int(status.Load()))
		fmt.Fprint(w, "what the bot says")
	}))
	defer target.Close()
	hook := subscribe(t, app, target.URL, "message:appUser", "client:add")
	say(t, server, "hi")
	require.NoError(t, server.WaitDeliveries(t.Context()))

	all := c.call(200, "GET", "deliveries", "")["deliveries"].([]any)
	require.Len(t, all, 2)
	c.call(400, "GET", "deliveries?state=sent", "")
	assert.Equal(t, "HEAD", at(all[0], "trigger"))
	assert.Equal(t, "failed", at(all[0], "state"), "the check of a target is not repeated")
	d := all[1]
	assert.Equal(t, "retrying", at(d, "state"))
	assert.NotEmpty(t, at(d, "nextAttempt"))
	first := at(d, "attempts").([]any)[0]
	assert.EqualValues(t, 503, at(first, "status"))
	assert.Equal(t, "what the bot says", at(first, "body", "text"))
	assert.Equal(t, []any{"1"}, at(first, "headers", "X-Bot"))
	assert.Equal(t, []any{hook.Secret}, at(d, "request", "headers", "X-Api-Key"))
	assert.Equal(t, "v1.1", at(d, "payloads", "v1.1", "version"))
	assert.Equal(t, "message:appUser", at(d, "payloads", "v1", "trigger"))
	assert.Nil(t, at(d, "payloads", "v1", "version"))
	assert.Contains(t, at(d, "request", "body", "text"), `"version":"v1.1"`)

	status.Store(200)
	c.call(200, "POST", "clock/advance", `{"seconds":10}`)
	d = c.call(200, "GET", "deliveries/2", "")["delivery"]
	assert.Equal(t, "delivered", at(d, "state"))
	assert.Len(t, at(d, "attempts"), 2)

	status.Store(500)
	d = c.call(200, "POST", "deliveries/2/redeliver", "")["delivery"]
	assert.Len(t, at(d, "attempts"), 3)
	assert.Equal(t, "failed", at(d, "state"), "and is not repeated")
	status.Store(204)
	assert.Equal(t, "delivered", at(c.call(200, "POST", "deliveries/2/redeliver", ""), "delivery", "state"))

	_, err := app.ForVersion(smooch.V1).Webhooks.Create(t.Context(), smooch.WebhookCreate{Target: target.URL, Triggers: []smooch.Trigger{"delivery:success"}})
	require.NoError(t, err)
	c.call(200, "POST", "apps/"+server.App().ID+"/users/ida/join", `{"channel":"web"}`)
	require.NoError(t, server.WaitDeliveries(t.Context()))
	added := c.call(200, "GET", "deliveries?trigger=client:add", "")["deliveries"].([]any)[0]
	assert.Contains(t, at(added, "payloads"), "v1")
	assert.Nil(t, at(added, "payloads", "v1"), "v1 lacks the event")

	require.NoError(t, app.Webhooks.Delete(t.Context(), hook.ID))
	assert.Contains(t, at(c.call(400, "POST", "deliveries/2/redeliver", ""), "error", "description"), "deleted")

	count := func(query string) int { return len(c.call(200, "GET", "deliveries?"+query, "")["deliveries"].([]any)) }
	assert.Equal(t, 1, count("trigger=message:appUser&webhook="+hook.ID+"&status=2xx&state=delivered"))
	assert.Equal(t, 0, count("state=retrying"))
	assert.Equal(t, 2, count("user="+at(d, "userId").(string)))
	assert.Equal(t, 1, count("after=3"))
	assert.Equal(t, 4, count("app="+server.App().ID+"&brief=true"))
	c.call(408, "GET", "deliveries?count=9&wait=0.05", "")
}

func TestRedeliveryDoesNotEndRetries(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	tg := newTarget(t)
	subscribe(t, app, tg.URL, "message:appUser")
	c := newControls(t, server)
	tg.setStatus(500)
	say(t, server, "hi")
	require.NoError(t, server.WaitDeliveries(t.Context()))
	d := c.call(200, "POST", "deliveries/2/redeliver", "")["delivery"]
	assert.Equal(t, "retrying", at(d, "state"))
	tg.take()
	server.Advance(10 * time.Second)
	assert.Len(t, tg.take(), 1)
	tg.setStatus(200)
	d = c.call(200, "POST", "deliveries/2/redeliver", "")["delivery"]
	assert.Equal(t, "delivered", at(d, "state"))
	tg.take()
	server.Advance(time.Hour)
	assert.Empty(t, tg.take(), "what has arrived is not sent again")
}

// TestLogsAreBounded makes more calls and deliveries than the server keeps.
func TestLogsAreBounded(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t, smoochtest.WithHistory(10, 1000))
	tg := newTarget(t)
	subscribe(t, app, tg.URL, "message:appUser")
	for i := range 50 {
		_, err := app.AppUsers.Get(t.Context(), "ida")
		require.NoError(t, err)
		say(t, server, fmt.Sprint(i))
	}
	require.NoError(t, server.WaitDeliveries(t.Context()))
	assert.Len(t, server.Requests(), 10)
	log := server.DeliveryLog()
	assert.Len(t, log, 10)
	assert.Contains(t, string(log[9].Body), `"text":"49"`)
	c := newControls(t, server)
	calls := c.call(200, "GET", "calls", "")
	assert.Len(t, calls["calls"], 10)
	assert.EqualValues(t, 52, calls["last"])
	assert.EqualValues(t, 43, at(calls["calls"].([]any)[0], "id"))
	c.call(404, "GET", "calls/42", "")
	c.call(200, "GET", "calls/43", "")
	c.call(404, "GET", "deliveries/41", "")
	c.call(200, "GET", "deliveries/42", "")
	assert.EqualValues(t, 51, c.call(200, "GET", "health", "")["deliveries"])
}

// TestMediaAreBounded uploads more than the server keeps.
func TestMediaAreBounded(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t, smoochtest.WithHistory(100, 1000))
	person := server.Person(server.App().ID, "ida", "")
	status := func(number int) int {
		messages, err := person.Messages()
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(t.Context(), "GET", messages[number]["mediaUrl"].(string), nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		return resp.StatusCode + 0*len(fmt.Sprint(resp.Body.Close()))
	}
	for range 6 {
		_, err := person.Upload("image/png", make([]byte, 190))
		require.NoError(t, err)
	}
	for number, want := range []int{404, 404, 200, 200, 200, 200} {
		assert.Equal(t, want, status(number), number)
	}
	_, err := person.Upload("image/png", make([]byte, 5000))
	require.NoError(t, err)
	assert.Equal(t, 404, status(5))
	assert.Equal(t, 200, status(6), "the newest one stays")
}

func TestLogOfBodiesIsBounded(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	server.SetLogRoom(64 << 10)
	api := newAPI(t, server)
	for range 80 {
		status, _ := raw(t, server, "POST", api.prefix+"/webhooks", strings.Repeat(" ", 1<<10), api.credential)
		require.Equal(t, 400, status)
	}
	kept := len(server.Requests())
	assert.Less(t, kept, 64)
	assert.Greater(t, kept, 40)
	raw(t, server, "POST", api.prefix+"/webhooks", strings.Repeat(" ", 100<<10), api.credential)
	assert.Len(t, server.Requests(), 1, "the newest stays, whatever its size")
}

func TestLoggerHasALinePerCallAndDelivery(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var lines bytes.Buffer
	write := writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return lines.Write(p)
	})
	server, app := newServerWithUser(t, smoochtest.WithLogger(slog.New(slog.NewTextHandler(write, nil))))
	tg := newTarget(t)
	subscribe(t, app, tg.URL, "message:appUser")
	tg.setStatus(503)
	say(t, server, "a secret text")
	require.NoError(t, server.WaitDeliveries(t.Context()))
	server.Advance(10 * time.Second)
	mu.Lock()
	defer mu.Unlock()
	log := lines.String()
	assert.Contains(t, log, `msg=call op="POST /webhooks" status=201 scope=account`)
	assert.Contains(t, log, `msg=delivery op=message:appUser status=503 attempt=1 state=retrying`)
	assert.Contains(t, log, `msg=delivery op=message:appUser status=503 attempt=2 state=retrying`)
	assert.Equal(t, 2+1+2, strings.Count(log, "\n"))
	assert.NotContains(t, log, "a secret text")
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
