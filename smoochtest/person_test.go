package smoochtest_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/smoochtest"
)

// stage is an app with a user ida who is on no channel, and webhooks of both versions.
type stage struct {
	api
	t       *testing.T
	v1, v11 *target
}

func newStage(t *testing.T) stage {
	t.Helper()
	server, _ := newServerWithUser(t)
	st := stage{newAPI(t, server), t, newTarget(t), newTarget(t)}
	st.onV1().call(201, "POST", "/webhooks", `{"target":"`+st.v1.URL+`","triggers":["*"]}`)
	st.call(201, "POST", "/webhooks", `{"target":"`+st.v11.URL+`","triggers":["*","typing:appUser"],"includeClient":true}`)
	return st
}

// on returns ida on a channel.
func (st stage) on(channel string) *smoochtest.Person {
	return st.server.Person(st.server.App().ID, "ida", channel)
}

// integration creates an integration and returns its id.
func (st stage) integration(body string) string {
	st.t.Helper()
	return at(st.call(201, "POST", "/integrations", body), "integration", "_id").(string)
}

// post posts a message of the business and returns it.
func (st stage) post(body string) map[string]any {
	st.t.Helper()
	return st.call(201, "POST", "/appusers/ida/messages", body)["message"].(map[string]any)
}

// events returns the events that have arrived since the last time, of v1 and of v1.1.
func (st stage) events() (v1, v11 []map[string]any) {
	st.t.Helper()
	require.NoError(st.t, st.server.WaitDeliveries(st.t.Context()))
	return st.v1.take(), st.v11.take()
}

// first returns the first element of a list in JSON.
func first(value any) any { return value.([]any)[0] }

func TestSayComesFromItsChannel(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	id := st.integration(`{"type":"whatsapp","deploymentId":"d"}`)
	_, err := st.on("whatsapp").Say("hi")
	require.NoError(t, err)
	_, err = st.server.Say(st.server.App().ID, "ida", "again")
	require.NoError(t, err)

	_, events := st.events()
	require.Equal(t, []any{"client:add", "message:appUser", "message:appUser"}, triggers(events))
	for _, e := range events[1:] {
		source := at(first(e["messages"]), "source")
		assert.Equal(t, "whatsapp", at(source, "type"))
		assert.Equal(t, id, at(source, "integrationId"))
		assert.Equal(t, at(e, "client", "id"), at(source, "id"))
		assert.NotEmpty(t, at(source, "originalMessageId"), "the channel's own id")
		assert.Equal(t, at(first(e["messages"]), "received"), at(source, "originalMessageTimestamp"))
		assert.Equal(t, "whatsapp", at(e, "client", "platform"))
	}
	user := st.call(200, "GET", "/appusers/ida", "")["appUser"]
	assert.Len(t, at(user, "clients"), 1)
	channels := st.call(200, "GET", "/appusers/ida/channels", "")
	assert.NotEmpty(t, at(first(channels["channels"]), "username"))
}

func TestSendKeepsWhatOnlyChannelsSend(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	sent := map[string]any{
		"type": "text", "text": "yes", "submitted": true, "textFallback": "fallback",
		"quotedMessage": map[string]any{"type": "externalMessageId", "externalMessageId": "x"},
	}
	_, err := st.on("web").Send(sent)
	require.NoError(t, err)
	m := first(st.call(200, "GET", "/appusers/ida/messages", "")["messages"])
	for name, want := range sent {
		assert.Equal(t, want, at(m, name), name)
	}
	posted := st.post(`{"role":"appUser","type":"text","text":"x","textFallback":"y","submitted":true,"quotedMessage":{},"mediaSize":1}`)
	for _, name := range []string{"textFallback", "submitted", "quotedMessage", "mediaSize"} {
		assert.NotContains(t, posted, name, "the API has no such field")
	}
	assert.Equal(t, map[string]any{"type": "api"}, posted["source"])
}

func TestUploadAndLocate(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	_, err := st.on("web").Upload("image/png", []byte("PNG"))
	require.NoError(t, err)
	_, err = st.on("web").Upload("application/pdf", []byte("PDF!"))
	require.NoError(t, err)
	_, err = st.on("web").Locate(0, -180)
	require.NoError(t, err)
	messages := st.call(200, "GET", "/appusers/ida/messages", "")["messages"].([]any)
	require.Len(t, messages, 3)
	assert.Equal(t, "image", at(messages[0], "type"))
	assert.Equal(t, "file", at(messages[1], "type"))
	assert.EqualValues(t, 4, at(messages[1], "mediaSize"))
	assert.Equal(t, map[string]any{"lat": 0.0, "long": -180.0}, at(messages[2], "coordinates"))
	assert.Equal(t, "PDF!", string(fetch(t, 200, at(messages[1], "mediaUrl").(string))))

	st.call(200, "DELETE", "/appusers/ida/messages", "")
	fetch(t, 404, at(messages[1], "mediaUrl").(string))

	account := st.api
	account.prefix = "/v1.1"
	account.call(200, "PUT", "/apps/"+st.server.App().ID, `{"settings":{"attachmentsAccess":"private"}}`)
	_, err = st.on("web").Upload("image/png", []byte("PNG"))
	require.NoError(t, err)
	messages = st.call(200, "GET", "/appusers/ida/messages", "")["messages"].([]any)
	fetch(t, 401, at(messages[0], "mediaUrl").(string))
}

// fetch gets a URL with header lines such as "Cookie: x", and checks the status.
func fetch(t *testing.T, status int, url string, headers ...string) []byte {
	t.Helper()
	return exchange(t, http.MethodGet, status, url, headers...).body
}

// TestTap taps buttons of each type in messages.
func TestTap(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	ida := st.on("telegram")
	require.NoError(t, ida.Join())
	st.post(`{"role":"appMaker","type":"text","text":"?","actions":[
		{"type":"reply","text":"Yes","payload":"YES","metadata":{"a":1}}]}`)
	link := st.post(`{"role":"appMaker","type":"text","text":"?","actions":[{"type":"link","text":"Look","uri":"https://x.example"}]}`)
	where := st.post(`{"role":"appMaker","type":"text","text":"?","actions":[{"type":"locationRequest","text":"Where?"}]}`)
	m := st.post(`{"role":"appMaker","type":"text","text":"?","actions":[
		{"type":"postback","text":"More","payload":"MORE"},{"type":"buy","text":"Pay","amount":500,"currency":"EUR"}]}`)
	buy := m["actions"].([]any)[1]
	assert.Equal(t, "eur", at(buy, "currency"))
	st.events()

	require.NoError(t, ida.Tap("MORE"))
	require.NoError(t, ida.Tap("YES"))
	require.NoError(t, ida.Tap(at(buy, "_id").(string)))
	require.ErrorContains(t, ida.Tap("NONE"), "no such button")
	require.ErrorContains(t, ida.Tap(at(first(link["actions"]), "_id").(string)), "type link")
	require.ErrorContains(t, ida.Tap(at(first(where["actions"]), "_id").(string)), "asks for a location")
	require.Error(t, ida.Tap(""))
	v1, v11 := st.events()
	for _, events := range [][]map[string]any{v1, v11} {
		require.Equal(t, []any{"postback", "message:appUser", "payment:success"}, triggers(events))
		assert.Equal(t, m["_id"], at(first(events[0]["postbacks"]), "message", "_id"))
		assert.NotContains(t, events[0], "timestamp", "no document shows one")
		reply := first(events[1]["messages"])
		assert.Equal(t, []any{"Yes", "YES", map[string]any{"a": 1.0}},
			[]any{at(reply, "text"), at(reply, "payload"), at(reply, "metadata")})
		payment := first(events[2]["payments"])
		assert.Equal(t, "telegram", at(payment, "source", "type"))
		assert.Equal(t, "paid", at(payment, "action", "state"))
		assert.NotEmpty(t, at(payment, "action", "uri"))
	}
}

func TestAnswerAForm(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	ida := st.on("web")
	require.NoError(t, ida.Join())
	_, err := ida.Answer("", nil)
	require.Error(t, err, "there is no form")
	form := st.post(`{"role":"appMaker","type":"form","fields":[
		{"type":"text","name":"who","label":"Name","minSize":2,"maxSize":5},
		{"type":"email","name":"mail","label":"Mail"},
		{"type":"select","name":"size","label":"Size","options":[{"name":"s","label":"Small"},{"name":"m","label":"Medium"}]}]}`)
	assert.Equal(t, false, form["submitted"])
	field := form["fields"].([]any)[2]
	assert.NotEmpty(t, at(field, "_id"))
	assert.NotEmpty(t, at(first(at(field, "options")), "_id"))
	assert.EqualValues(t, 1, at(field, "selectSize"))
	for _, wrong := range []map[string]any{
		nil,
		{"who": "I", "mail": "i@d", "size": "m"},
		{"who": "Ida Mary", "mail": "i@d", "size": "m"},
		{"who": "Ida", "mail": "ida", "size": "m"},
		{"who": "Ida", "mail": "i@d", "size": "xl"},
		{"who": "Ida", "mail": "i@d"},
	} {
		_, err = ida.Answer("", wrong)
		assert.Error(t, err, "%v", wrong)
	}
	st.events()
	id, err := ida.Answer(form["_id"].(string), map[string]any{"who": "Ida", "mail": "i@d", "size": "m"})
	require.NoError(t, err)
	_, err = ida.Answer("", map[string]any{"who": "Ida", "mail": "i@d", "size": "m"})
	require.Error(t, err, "it was answered")

	_, v11 := st.events()
	answer := first(v11[0]["messages"])
	assert.Equal(t, id, at(answer, "_id"))
	assert.Equal(t, "formResponse", at(answer, "type"))
	const text = "Name: Ida\nMail: i@d\nSize: Medium"
	assert.Equal(t, text, at(answer, "textFallback"))
	assert.Equal(t, text, at(answer, "text"))
	assert.Equal(t, form["_id"], at(answer, "quotedMessage", "content", "_id"))
	fields := at(answer, "fields").([]any)
	assert.Equal(t, "Ida", at(fields[0], "text"))
	assert.Equal(t, "i@d", at(fields[1], "email"))
	assert.Equal(t, "m", at(first(at(fields[2], "select")), "name"))
	stored := first(st.call(200, "GET", "/appusers/ida/messages", "")["messages"])
	assert.Equal(t, true, at(stored, "submitted"))
}

func TestTypingReadingAndStarting(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	ida := st.on("messenger")
	require.Error(t, st.on("").Start(nil), "no channel")
	require.Error(t, st.on("").Join(), "no channel")
	require.Error(t, ida.Read(), "there is no conversation")
	st.events()
	require.NoError(t, ida.Start(nil))
	require.Error(t, ida.Start(nil), "it was started")
	require.NoError(t, ida.Start(map[string]any{"code": "spring"}))
	require.NoError(t, ida.Typing(true))
	require.NoError(t, ida.Typing(false))
	st.post(`{"role":"appMaker","type":"text","text":"x"}`)
	require.NoError(t, ida.Read())
	answer := st.call(200, "GET", "/appusers/ida/messages", "")
	assert.EqualValues(t, 0, at(answer, "conversation", "unreadCount"))

	v1, v11 := st.events()
	assert.Equal(t, []any{
		"conversation:start", "conversation:referral", "message:appMaker", "delivery:success", "conversation:read",
	}, triggers(v1))
	require.Equal(t, []any{
		"conversation:start", "conversation:referral", "typing:appUser", "typing:appUser",
		"message:appMaker", "message:delivery:channel", "conversation:read",
	}, triggers(v11))
	assert.Contains(t, v1[0]["appUser"], "clients", "v1 sends the user in full")
	assert.NotContains(t, v1[1]["appUser"], "clients")
	assert.Equal(t, "messenger", at(v11[0], "source", "type"))
	assert.NotContains(t, v11[0], "referral")
	assert.Equal(t, map[string]any{"code": "spring"}, v11[1]["referral"])
	assert.Equal(t, "typing:start", at(v11[2], "activity", "type"))
	assert.Equal(t, "typing:stop", at(v11[3], "activity", "type"))
	for _, e := range v11 {
		assert.Equal(t, "messenger", at(e, "client", "platform"), e["trigger"])
	}
}

func TestBlockAndOptOut(t *testing.T) {
	t.Parallel()
	const text = `{"role":"appMaker","type":"text","text":"x"}`
	for code, leave := range map[string]func(*smoochtest.Person) error{
		"forbidden":           (*smoochtest.Person).Block,
		"uncategorized_error": (*smoochtest.Person).OptOut,
	} {
		st := newStage(t)
		ida := st.on("whatsapp")
		require.Error(t, leave(st.on("")), "no channel")
		require.NoError(t, leave(ida))
		user := st.call(200, "GET", "/appusers/ida", "")["appUser"]
		assert.NotEqual(t, "active", at(first(at(user, "clients")), "status"))
		st.events()
		m := st.post(text)
		v1, v11 := st.events()
		require.Equal(t, []any{"message:appMaker", "delivery:failure"}, triggers(v1))
		require.Equal(t, []any{"message:appMaker", "message:delivery:failure"}, triggers(v11))
		assert.Equal(t, m["_id"], at(first(v1[1]["messages"]), "_id"))
		assert.Equal(t, m["_id"], at(v11[1], "message", "_id"))
		assert.Equal(t, code, at(v1[1], "error", "code"))
		assert.Equal(t, code, at(v11[1], "error", "code"))
		assert.Equal(t, code == "uncategorized_error", at(v11[1], "error", "underlyingError") != nil)

		_, err := ida.Say("I am back")
		require.NoError(t, err)
		st.events()
		st.post(text)
		_, v11 = st.events()
		assert.Equal(t, []any{"message:appMaker", "message:delivery:channel"}, triggers(v11))
	}
}

func TestLinksAreConfirmedOrDeclined(t *testing.T) {
	t.Parallel()
	const link = `{"type":"twilio","phoneNumber":"+1 514-555","confirmation":{"type":"prompt"}}`
	st := newStage(t)
	st.call(200, "POST", "/appusers/ida/channels", link)
	require.NoError(t, st.on("twilio").Decline())
	require.Error(t, st.on("twilio").Decline())
	st.call(200, "POST", "/appusers/ida/channels", link)
	_, err := st.on("twilio").Say("it is me")
	require.NoError(t, err)
	v1, v11 := st.events()
	assert.Equal(t, []any{"link:match", "link:failure", "link:match", "link:success", "message:appUser"}, triggers(v1))
	require.Equal(t, []any{
		"link:match", "link:failure", "link:match", "link:success", "client:add", "message:appUser",
	}, triggers(v11))
	assert.Equal(t, "bad_request", at(v11[1], "error", "code"))
	for _, e := range v11[:4] {
		assert.Equal(t, map[string]any{"phoneNumber": "+1 514-555"}, e["criteria"])
		assert.Equal(t, "twilio", e["channel"])
	}
	user := st.call(200, "GET", "/appusers/ida", "")["appUser"]
	assert.Empty(t, at(user, "pendingClients"))
	assert.Equal(t, "+1514555", at(first(at(user, "clients")), "externalId"))
}

// TestOverrides looks at a message that was posted with payloads for two channels.
func TestOverrides(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	require.NoError(t, st.on("line").Join())
	require.NoError(t, st.on("web").Join())
	const override = `"override":{"line":{"payload":{"messages":[1]}},"apple":{"payload":{}}}`
	m := st.post(`{"role":"appMaker","type":"text","text":"x",` + override + `}`)
	assert.NotContains(t, m, "override", "it is not echoed")
	onLine, err := st.on("line").Messages()
	require.NoError(t, err)
	onWeb, err := st.on("web").Messages()
	require.NoError(t, err)
	assert.Contains(t, onLine[0]["override"], "messages")
	assert.NotContains(t, onWeb[0], "override")
	assert.Equal(t, "x", onWeb[0]["text"])

	c, path := newControls(t, st.server), "apps/"+st.server.App().ID+"/users/ida/conversation"
	for query, want := range map[string]bool{"?channel=line": true, "?channel=web": false, "": false} {
		message := c.call(200, "GET", path+query, "")["messages"].([]any)[0]
		assert.Equal(t, want, at(message, "override", "messages") != nil, query)
	}
}

func TestPersonsThatAreNot(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	_, err := st.on("pigeon").Say("x")
	require.Error(t, err, "the app has no such channel")
	st.integration(`{"type":"pigeon"}`)
	_, err = st.on("pigeon").Say("x")
	require.NoError(t, err, "a channel of the future")
	_, err = st.server.Person(st.server.App().ID, "nobody", "web").Say("x")
	require.Error(t, err)
	_, err = st.server.Person("no app", "ida", "web").Messages()
	require.Error(t, err)
	_, err = st.on("web").Send(map[string]any{"text": make(chan int)})
	require.Error(t, err, "no JSON")
}

// answered is an answer as it was received.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// exchange makes a request with header lines such as "Cookie: x", and checks the status.
func exchange(t *testing.T, method string, status int, url string, headers ...string) answered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	setHeaders(req, headers)
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, status, resp.StatusCode, "%s %s: %s", method, url, body)
	return answered{resp.StatusCode, resp.Header, body}
}
