package smoochtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// TestControlsAreDescribed compares the calls under /_sandbox/ with the document about them.
func TestControlsAreDescribed(t *testing.T) {
	t.Parallel()
	c := newControls(t, newServer(t))
	assert.Equal(t, "3.1.0", c.document["openapi"])
	var described []string
	ids := map[any]bool{}
	for path, operations := range c.document["paths"].(map[string]any) {
		for method, operation := range operations.(map[string]any) {
			described = append(described, strings.ToUpper(method)+" "+path)
			id := at(operation, "operationId")
			assert.False(t, ids[id], "%v stands twice", id)
			ids[id] = true
		}
	}
	assert.ElementsMatch(t, smoochtest.ControlRoutes, described)
	text, err := json.Marshal(c.document)
	require.NoError(t, err)
	for part := range strings.SplitSeq(string(text), `"$ref":"`) {
		if ref, _, isRef := strings.Cut(part, `"`); isRef && strings.HasPrefix(ref, "#/") {
			c.resolve(map[string]any{"$ref": ref})
		}
	}
}

// TestControlsDoWhatGoDoes: tests in other languages can do everything that Go tests can.
func TestControlsDoWhatGoDoes(t *testing.T) {
	t.Parallel()
	const person = "POST /_sandbox/apps/{appId}/users/{userId}/"
	calls := map[string]string{
		"Server.Account": "GET /_sandbox/credentials", "Server.App": "GET /_sandbox/credentials",
		"Server.ClientSettings": "GET /_sandbox/credentials",
		"Server.Requests":       "GET /_sandbox/calls", "Server.DeliveryLog": "GET /_sandbox/deliveries",
		"Server.WaitDeliveries": "GET /_sandbox/deliveries", "Server.Redeliver": "POST /_sandbox/deliveries/{id}/redeliver",
		"Server.Fail": "POST /_sandbox/faults", "Server.Faults": "GET /_sandbox/faults",
		"Server.Advance": "POST /_sandbox/clock/advance", "Server.Emit": "POST /_sandbox/apps/{appId}/events",
		"Server.ExportState": "GET /_sandbox/state", "Server.ImportState": "PUT /_sandbox/state",
		"Server.StateChanges": "GET /_sandbox/events",
		"Server.Say":          person + "say", "Server.Send": person + "send", "Server.Tap": person + "tap",
		"Person.Join": person + "join", "Person.Say": person + "say", "Person.Send": person + "send",
		"Person.Upload": person + "file", "Person.Locate": person + "location", "Person.Tap": person + "tap",
		"Person.Answer": person + "answer", "Person.Typing": person + "type", "Person.Read": person + "read",
		"Person.Start": person + "start", "Person.Block": person + "block", "Person.OptOut": person + "optout",
		"Person.Decline": person + "decline", "Person.Messages": "GET /_sandbox/apps/{appId}/users/{userId}/conversation",
	}
	onlyInGo := []string{"Server.Client", "Server.Close", "Server.Person", "Server.ServeHTTP", "Server.FeedReaders", "Server.SetLogRoom"}
	for _, of := range []reflect.Type{reflect.TypeFor[*smoochtest.Server](), reflect.TypeFor[*smoochtest.Person]()} {
		for method := range of.Methods() {
			name := of.Elem().Name() + "." + method.Name
			if slices.Contains(onlyInGo, name) {
				continue
			}
			assert.Contains(t, smoochtest.ControlRoutes, calls[name], name)
		}
	}
}

func TestControlsRefuse(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	c := newControls(t, server)
	ida := "apps/" + server.App().ID + "/users/ida/"
	for _, test := range []struct {
		status             int
		method, path, body string
	}{
		{404, "GET", "nope", ""},
		{405, "DELETE", "health", ""},
		{404, "GET", "apps/nope", ""},
		{404, "GET", "apps/nope/users", ""},
		{404, "GET", ida[:len(ida)-4] + "bob", ""},
		{400, "POST", "apps", `{}`},
		{400, "POST", "apps", `{"name":5}`},
		{400, "POST", "apps", `{"name":"a"`},
		{400, "POST", "apps", `{"name":"a"}{}`},
		{400, "POST", "apps", `{"name":"a","nome":"a"}`},
		{400, "POST", "clock/advance", `{}`},
		{400, "POST", "clock/advance", `{"seconds":-1}`},
		{400, "POST", "clock/advance", `{"seconds":1e300}`},
		{400, "POST", "faults", `{}`},
		{400, "POST", "faults", `{"status":99}`},
		{400, "POST", "faults", `{"status":503,"times":-2}`},
		{400, "POST", "faults", `{"cut":"sometimes"}`},
		{400, "POST", "faults", `{"delay":-1}`},
		{404, "DELETE", "faults/1", ""},
		{404, "GET", "calls/9", ""},
		{404, "GET", "calls/x", ""},
		{404, "GET", "deliveries/9223372036854775808", ""},
		{404, "POST", "deliveries/1/redeliver", ""},
		{400, "GET", "calls?limit=0", ""},
		{400, "GET", "calls?after=9223372036854775807", ""},
		{400, "GET", "calls?wait=NaN", ""},
		{400, "GET", "calls?trigger=postback", ""},
		{400, "GET", "deliveries?operation=x", ""},
		{400, "GET", ida[:len(ida)-5] + "?limit=1001", ""},
		{404, "GET", ida + "conversation?before=nope", ""},
		{400, "PUT", "state", `{}`},
		{400, "POST", ida + "join", `{}`},
		{400, "POST", ida + "join", `{"channel":"pigeon"}`},
		{400, "POST", ida + "say", `{}`},
		{400, "POST", ida + "say", `{"text":"a","metadata":{"a":{}}}`},
		{400, "POST", ida + "say", `{"text":"a","quotedMessageId":"nope"}`},
		{404, "POST", strings.Replace(ida, "ida", "bob", 1) + "say", `{"text":"a"}`},
		{400, "POST", ida + "send", `{}`},
		{400, "POST", ida + "send", `{"message":{"type":5}}`},
		{400, "POST", ida + "send", `{"message":{"type":"text"},"channel":"pigeon"}`},
		{400, "POST", ida + "image", `{}`},
		{400, "POST", ida + "image", `{"mediaUrl":"data:image/png;base64,?"}`},
		{400, "POST", ida + "image", `{"mediaUrl":"data:nothing"}`},
		{400, "POST", ida + "location", `{"lat":0}`},
		{400, "POST", ida + "location", `{"lat":91,"long":0}`},
		{400, "POST", ida + "location", `{"lat":"x","long":0}`},
		{400, "POST", ida + "tap", `{}`},
		{400, "POST", ida + "tap", `{"payload":"NOPE"}`},
		{400, "POST", ida + "tap", `{"payload":"A","actionId":"b"}`},
		{400, "POST", ida + "answer", `{"fields":{}}`},
		{400, "POST", ida + "type", `{}`},
		{400, "POST", ida + "read", ``},
		{400, "POST", ida + "start", ``},
		{400, "POST", ida + "block", ``},
		{400, "POST", ida + "decline", `{"channel":"twilio"}`},
		{400, "POST", "apps/" + server.App().ID + "/events", `{}`},
		{400, "POST", "apps/" + server.App().ID + "/events", `{"trigger":"nope"}`},
		{404, "POST", "apps/" + server.App().ID + "/events", `{"trigger":"postback","userId":"bob"}`},
		{409, "POST", "apps/" + server.App().ID + "/users", `{"userId":"ida"}`},
		{400, "POST", "apps/" + server.App().ID + "/users", `{"properties":{"a":[]}}`},
		{400, "POST", "apps/" + server.App().ID + "/users", `{"channel":"pigeon"}`},
	} {
		status, data := c.send(test.method, test.path, test.body)
		assert.Equal(t, test.status, status, "%s %s %s: %s", test.method, test.path, test.body, data)
		var answer map[string]any
		require.NoError(t, json.Unmarshal(data, &answer))
		c.fits(map[string]any{"$ref": "#/components/schemas/Error"}, answer, test.path)
	}
	_, data := c.send("POST", "clock/advance", `{"seconds":"x"}`)
	assert.Contains(t, string(data), "the member seconds has the wrong type: string")
	assert.Len(t, c.call(200, "GET", "apps/"+server.App().ID+"/users", "")["users"], 1, "a refused user is not left behind")
}

// TestForeignSitesStayOut: a website must not reach the sandbox of somebody who visits it, neither
// through a name that leads to this machine nor across origins.
func TestForeignSitesStayOut(t *testing.T) {
	t.Parallel()
	page := smoochtest.WithPage(fstest.MapFS{"index.html": {Data: []byte("the page")}})
	server := newServer(t, page, smoochtest.WithAllowedHosts("sandbox", "tool.test"))
	c := controls{t, server, nil}
	host := strings.TrimPrefix(server.URL, "http://")
	port := host[strings.LastIndex(host, ":"):]
	for _, test := range []struct {
		status  int
		headers []string
	}{
		{200, nil},
		{200, []string{"Host: localhost" + port}},
		{200, []string{"Host: [::1]" + port}},
		{200, []string{"Host: sandbox" + port}},
		{200, []string{"Origin: " + server.URL}},
		{200, []string{"Origin: https://tool.test"}},
		{403, []string{"Host: evil.test"}},
		{403, []string{"Host: evil.test" + port}},
		{403, []string{"Host: 127.0.0.1.evil.test" + port}},
		{403, []string{"Host: 192.0.2.1" + port}},
		{403, []string{"Origin: http://evil.test"}},
		{403, []string{"Origin: http://127.0.0.1:1"}},
		{403, []string{"Origin: null"}},
		{403, []string{"Origin: http://sandbox.evil.test"}},
		{403, []string{"Host: evil.test", "Origin: http://evil.test"}},
	} {
		for _, path := range []string{"health", "/", "events"} {
			if path == "events" && test.status == 200 {
				continue // does not end
			}
			status, data := c.send("GET", path, "", test.headers...)
			assert.Equal(t, test.status, status, "%s %v: %s", path, test.headers, data)
		}
	}
	_, data := c.send("GET", "health", "", "Host: evil.test")
	assert.Contains(t, string(data), "-allow-host evil.test")
}

func TestPage(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"index.html": {Data: []byte("the page")}, "a/b.js": {Data: []byte("b")}}
	server := newServer(t, smoochtest.WithPage(files))
	c := controls{t, server, nil}
	for path, want := range map[string]string{"/": "the page", "/a/b.js": "b"} {
		status, data := c.send("GET", path, "")
		assert.Equal(t, 200, status)
		assert.Equal(t, want, string(data))
	}
	header := exchange(t, "GET", 200, server.URL+"/").header
	for _, part := range []string{
		"default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'", "form-action 'none'",
		"base-uri 'none'", "frame-ancestors 'none'",
	} {
		assert.Contains(t, header.Get("Content-Security-Policy"), part)
	}
	assert.Equal(t, "no-cache", header.Get("Cache-Control"), "a new version is seen at once")
	assert.Equal(t, "no-referrer", header.Get("Referrer-Policy"))
	for _, path := range []string{"/", "/_sandbox/state"} { // in no frame, and no script
		header := exchange(t, "GET", 200, server.URL+path).header
		assert.Equal(t, "DENY", header.Get("X-Frame-Options"))
		assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
	}
	assert.Empty(t, server.Requests(), "the page is no call of the API")
	for _, site := range []string{"none", "same-origin"} { // a person and the page itself
		status, _ := c.send("GET", "/nope.png", "", "Sec-Fetch-Site: "+site)
		assert.Equal(t, 404, status)
		assert.Empty(t, server.Requests())
	}
	exchange(t, "GET", 200, server.URL+"/_sandbox/health", "Sec-Fetch-Site: same-origin")
	exchange(t, "GET", 401, server.URL+"/v1.1/apps", "Sec-Fetch-Site: none")
	exchange(t, "GET", 404, server.URL+"/apps", "Sec-Fetch-Site: cross-site")
	for i, call := range []string{"GET /v1/nope", "GET /nope", "GET /v1x", "POST /", "POST /apps/a/appusers"} {
		method, path, _ := strings.Cut(call, " ")
		status, data := c.send(method, path, "")
		assert.Equal(t, 404, status)
		assert.Contains(t, string(data), "not_found", call)
		assert.Len(t, server.Requests(), i+3, call)
	}

	without := newServer(t)
	status, data := controls{t, without, nil}.send("GET", "/", "")
	assert.Equal(t, 404, status)
	assert.Contains(t, string(data), "not_found")
}

func TestHealthAndCredentials(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	c := newControls(t, server)
	health := c.call(200, "GET", "health", "")
	assert.EqualValues(t, 1, health["apps"])
	assert.EqualValues(t, 1, health["calls"])

	given := c.call(200, "GET", "credentials", "")
	assert.Equal(t, server.App().ID, given["appId"])
	for name, auth := range map[string]smooch.Auth{
		"app":     smooch.AppJWT(given["keyId"].(string), given["secret"].(string)),
		"account": smooch.AccountJWT(given["accountKeyId"].(string), given["accountSecret"].(string)),
		"jwt":     smooch.BearerToken(given["jwt"].(string)),
	} {
		client, err := smooch.NewClient(auth, smooch.WithBaseURL(given["baseURL"].(string)), smooch.WithApp(given["appId"].(string)))
		require.NoError(t, err)
		_, err = client.AppUsers.Get(t.Context(), "ida")
		assert.NoError(t, err, name)
	}
	status, _ := raw(t, server, "GET", "/v1/appusers/ida", "", "app-token: "+given["appToken"].(string))
	assert.Equal(t, 200, status)
}

func TestClockControl(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	c := newControls(t, server)
	tg := newTarget(t)
	tg.setStatus(503)
	subscribe(t, app, tg.URL, "message:appUser")
	say(t, server, "hi")
	require.NoError(t, server.WaitDeliveries(t.Context()))
	assert.Len(t, tg.take(), 1)
	before, err := time.Parse(time.RFC3339, at(c.call(200, "GET", "clock", ""), "clock", "now").(string))
	require.NoError(t, err)
	clock := c.call(200, "POST", "clock/advance", `{"seconds":900}`)
	assert.EqualValues(t, 900, at(clock, "clock", "advanced"))
	now, err := time.Parse(time.RFC3339, at(clock, "clock", "now").(string))
	require.NoError(t, err)
	assert.InDelta(t, 900, now.Sub(before).Seconds(), 10)
	assert.Len(t, tg.take(), 1, "what became due was retried")
}

func TestFaultControl(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	c := newControls(t, server)
	get := func() int {
		status, _ := raw(t, server, "GET", "/v1/appusers/ida", "", "app-token: "+server.App().Token)
		return status
	}
	post := `{"path":"/appusers","method":"GET","status":429,"seconds":10,"retryAfter":7}`
	fault := c.call(201, "POST", "faults", post)
	assert.EqualValues(t, -1, at(fault, "fault", "left"), "all, while it lasts")
	assert.Equal(t, 429, get())
	assert.Equal(t, 429, get())
	assert.EqualValues(t, 2, at(c.call(200, "GET", "faults", "")["faults"].([]any)[0], "hits"))
	c.call(200, "POST", "clock/advance", `{"seconds":9}`)
	assert.Equal(t, 429, get())
	c.call(200, "POST", "clock/advance", `{"seconds":1}`)
	assert.Equal(t, 200, get(), "its time is over")
	assert.Empty(t, c.call(200, "GET", "faults", "")["faults"])

	c.call(201, "POST", "faults", `{"status":503}`)
	assert.Equal(t, 503, get())
	assert.Equal(t, 200, get(), "once")
	c.call(201, "POST", "faults", `{"status":200,"body":"{\"a\":1}","contentType":"application/json"}`)
	_, answer := raw(t, server, "GET", "/v1/nope", "")
	assert.EqualValues(t, 1, answer["a"])

	first := at(c.call(201, "POST", "faults", `{"status":503,"times":-1}`), "fault", "id")
	c.call(201, "POST", "faults", `{"status":502,"times":2}`)
	assert.Equal(t, 503, get())
	c.call(200, "DELETE", fmt.Sprintf("faults/%v", first), "")
	assert.Equal(t, 502, get(), "the next one")
	c.call(200, "DELETE", "faults", "")
	assert.Equal(t, 200, get())

	c.call(201, "POST", "faults", `{"path":"/messages","method":"POST","cut":"after"}`)
	_, err := app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("carried out"), smooch.WithoutRetry())
	require.ErrorIs(t, err, smooch.ErrOutcomeUnknown)
	conversation := c.call(200, "GET", "apps/"+server.App().ID+"/users/ida/conversation", "")
	assert.Len(t, conversation["messages"], 1)

	c.call(201, "POST", "faults", `{"delay":0.2}`)
	began := time.Now()
	assert.Equal(t, 200, get())
	assert.GreaterOrEqual(t, time.Since(began), 200*time.Millisecond)

	c.call(201, "POST", "faults", `{"truncate":true}`)
	req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/v1/appusers/ida", nil)
	require.NoError(t, err)
	req.Header.Set("app-token", server.App().Token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Error(t, json.NewDecoder(resp.Body).Decode(&map[string]any{}))
}

func TestEmitControl(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	tg := newTarget(t)
	subscribe(t, app, tg.URL, smooch.TriggerAll)
	c := newControls(t, server)
	c.call(200, "POST", "apps/"+server.App().ID+"/events",
		`{"trigger":"message:delivery:failure","userId":"ida","fields":{"error":{"code":"uncategorized_error","message":"no such number"}}}`)
	require.NoError(t, server.WaitDeliveries(t.Context()))
	events := tg.take()
	require.Equal(t, []any{"message:delivery:failure"}, triggers(events))
	assert.Equal(t, "no such number", at(events[0], "error", "message"))
	assert.Equal(t, "ida", at(events[0], "appUser", "userId"))
}
