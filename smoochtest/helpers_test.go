package smoochtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

func newServer(t *testing.T, opts ...smoochtest.Option) *smoochtest.Server {
	t.Helper()
	server := smoochtest.NewServer(opts...)
	t.Cleanup(server.Close)
	return server
}

// newServerWithUser starts a server that has the user ida, and returns it with a client.
func newServerWithUser(t *testing.T, opts ...smoochtest.Option) (*smoochtest.Server, *smooch.Client) {
	t.Helper()
	server := newServer(t, opts...)
	client := server.Client()
	createUser(t, client, "ida")
	return server, client
}

func createUser(t *testing.T, client *smooch.Client, id string) *smooch.AppUser {
	t.Helper()
	user, err := client.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: id})
	require.NoError(t, err)
	return user
}

// waitForCall returns when a call of a path that ends so has arrived at the server.
func waitForCall(t *testing.T, server *smoochtest.Server, path string) {
	t.Helper()
	arrived := func() bool {
		return slices.ContainsFunc(server.Requests(), func(r smoochtest.Request) bool { return strings.HasSuffix(r.URI, path) })
	}
	require.Eventually(t, arrived, 30*time.Second, time.Millisecond)
}

// raw makes a call as a client in any language would, and returns the status and the JSON of the
// answer. The headers are lines such as "app-token: x".
func raw(
	t *testing.T, server *smoochtest.Server, method, uri, body string, headers ...string,
) (status int, answer map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL, strings.NewReader(body))
	require.NoError(t, err)
	req.URL.Opaque = strings.TrimPrefix(server.URL, "http:") + uri // neither escaped nor cleaned
	req.Header.Set("Content-Type", "application/json")
	setHeaders(req, headers)
	req.Close = true // one connection for each request, as older clients do it
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		assert.Less(t, resp.StatusCode, 400, "every error is JSON")
		return resp.StatusCode, nil
	}
	require.NoError(t, json.Unmarshal(data, &answer), "a JSON answer is never empty: %q", data)
	if resp.StatusCode >= 400 {
		envelope, _ := answer["error"].(map[string]any)
		assert.NotEmpty(t, envelope["code"])
		assert.NotEmpty(t, envelope["description"])
	}
	return resp.StatusCode, answer
}

// setHeaders sets headers that are given as lines such as "app-token: x".
func setHeaders(req *http.Request, lines []string) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
}

// api makes raw calls with one credential. Paths are relative to prefix.
type api struct {
	t          *testing.T
	server     *smoochtest.Server
	prefix     string
	credential string // a header line
}

// newAPI makes calls of v1.1 about the server's app, with a credential of the account.
func newAPI(t *testing.T, server *smoochtest.Server) api {
	return api{t, server, "/v1.1/apps/" + server.App().ID, signed(t, server.Account(), jwt.MapClaims{"scope": "account"})}
}

// onV1 returns the same on v1.
func (a api) onV1() api {
	a.prefix = strings.Replace(a.prefix, "/v1.1/", "/v1/", 1)
	return a
}

// call makes a call, checks the status of the answer and returns its JSON.
func (a api) call(status int, method, path, body string) map[string]any {
	a.t.Helper()
	got, answer := raw(a.t, a.server, method, a.prefix+path, body, a.credential)
	require.Equal(a.t, status, got, "%s %s %s: %v", method, path, body, answer)
	return answer
}

// at returns the value in JSON that the names lead to.
func at(value any, names ...string) any {
	for _, name := range names {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// signed returns the header line with a JWT that is signed with a key.
func signed(t *testing.T, key smoochtest.Credentials, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	token.Header["kid"] = key.KeyID
	text, err := token.SignedString([]byte(key.Secret))
	require.NoError(t, err)
	return "Authorization: Bearer " + text
}

// inProcess is a transport that calls the server without a connection. Code in a synctest bubble
// can use it: there, time does not pass while a goroutine reads from a connection.
type inProcess struct{ server *smoochtest.Server }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RequestURI = r.URL.RequestURI()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	p.server.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// target is the target of a webhook. It keeps the events that arrive.
type target struct {
	*httptest.Server

	mu      sync.Mutex
	status  int // of its answers
	events  []map[string]any
	secrets []string // of the events: X-API-Key
	heads   int      // requests for the root with HEAD
}

func newTarget(t *testing.T) *target {
	tg := &target{status: 200}
	tg.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tg.mu.Lock()
		defer tg.mu.Unlock()
		if r.Method == http.MethodHead {
			if r.URL.Path == "/" || r.URL.Path == "" {
				tg.heads++
			}
			return
		}
		var event map[string]any
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			t.Error(err)
		}
		tg.events = append(tg.events, event)
		tg.secrets = append(tg.secrets, r.Header.Get("X-API-Key"))
		w.WriteHeader(tg.status)
	}))
	t.Cleanup(tg.Close)
	return tg
}

// setStatus sets the status of further answers.
func (tg *target) setStatus(status int) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	tg.status = status
}

// take returns the events that have arrived since it was last called.
func (tg *target) take() []map[string]any {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	events := tg.events
	tg.events = nil
	return events
}

// triggers returns the triggers of events.
func triggers(events []map[string]any) []any {
	var all []any
	for _, e := range events {
		all = append(all, e["trigger"])
	}
	return all
}

// subscribe creates a webhook for the triggers.
func subscribe(t *testing.T, client *smooch.Client, url string, triggers ...smooch.Trigger) *smooch.Webhook {
	t.Helper()
	hook, err := client.Webhooks.Create(t.Context(), smooch.WebhookCreate{Target: url, Triggers: triggers})
	require.NoError(t, err)
	return hook
}

// say posts a text as the user ida.
func say(t *testing.T, server *smoochtest.Server, text string) {
	t.Helper()
	_, err := server.Say(server.App().ID, "ida", text)
	require.NoError(t, err)
}
