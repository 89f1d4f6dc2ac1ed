package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/examples/internal/service"
	"github.com/smooch/smooch-go/smoochtest"
)

// office is an inbox on a fake service, with the browser of an agent.
type office struct {
	*testing.T
	service *service.Service
	ida     *smoochtest.Person
	userID  string // Ida's _id
	site    *site
	server  *httptest.Server
	stop    func() // nil: it has not been started
}

func openOffice(t *testing.T) *office {
	s, err := service.ForApp(t.Context(), "")
	require.NoError(t, err)
	t.Cleanup(s.Close)
	user, err := s.Fake.Client().AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "ida", GivenName: "Ida"})
	require.NoError(t, err)
	o := &office{T: t, service: s, userID: user.ID, ida: s.Fake.Person(s.Fake.App().ID, "ida", "whatsapp")}
	o.start()
	t.Cleanup(func() { o.stop() })
	_, err = o.ida.Say("Is it open?")
	require.NoError(t, err)
	o.wait()
	return o
}

// start starts the inbox, again if it runs.
func (o *office) start() {
	o.Helper()
	if o.stop != nil {
		o.stop()
	}
	in, stop, err := open(context.WithoutCancel(o.Context()), o.service)
	require.NoError(o, err)
	o.site = newSite(in, o.service.BaseURL)
	o.site.patience = 3 * time.Second
	o.server = httptest.NewServer(o.site.handler())
	o.stop = func() {
		o.server.CloseClientConnections()
		o.server.Close()
		stop()
	}
}

func (o *office) wait() {
	o.Helper()
	require.NoError(o, o.service.Fake.WaitDeliveries(o.Context()))
}

func (o *office) do(method, path, kind string, body io.Reader, header http.Header) (int, string) {
	o.Helper()
	req, err := http.NewRequestWithContext(o.Context(), method, o.server.URL+path, body)
	require.NoError(o, err)
	maps.Copy(req.Header, header)
	req.Header.Set("Content-Type", kind)
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // does not follow redirects
	require.NoError(o, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(o, err)
	return resp.StatusCode, string(text)
}

func (o *office) get(path string) string {
	o.Helper()
	status, page := o.do(http.MethodGet, path, "", nil, nil)
	require.Equal(o, http.StatusOK, status, page)
	return page
}

func (o *office) conversation() string { return o.get("/users/" + o.userID) }

var hidden = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// hiddenFields returns the hidden fields of a page's form.
func hiddenFields(page string) url.Values {
	values := url.Values{}
	for _, field := range hidden.FindAllStringSubmatch(page, -1) {
		values.Add(field[1], field[2])
	}
	return values
}

// post sends a form, and returns the status and the page.
func (o *office) post(values url.Values, fileName, file string) (int, string) {
	o.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, all := range values {
		for _, value := range all {
			require.NoError(o, w.WriteField(name, value))
		}
	}
	if fileName != "" {
		part, err := w.CreateFormFile("file", fileName)
		require.NoError(o, err)
		_, err = part.Write([]byte(file))
		require.NoError(o, err)
	}
	require.NoError(o, w.Close())
	return o.do(http.MethodPost, "/users/"+o.userID, w.FormDataContentType(), &body, nil)
}

// sent returns the messages of the business.
func (o *office) sent() (messages []*smooch.Message) {
	o.Helper()
	for m, err := range o.service.Fake.Client().Conversations.Messages(o.Context(), "ida", smooch.MessageListOptions{OldestFirst: true}) {
		require.NoError(o, err)
		if m.Role == smooch.RoleAppMaker {
			messages = append(messages, m)
		}
	}
	return messages
}

// TestSentTwice: an answer whose form is sent at the same time, again, and to the next process is
// one message.
func TestSentTwice(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	answer := hiddenFields(o.conversation())
	answer.Set("text", "We are.")
	o.service.Fake.Fail(smoochtest.Fault{Method: http.MethodPost, Path: "/messages", Delay: 200 * time.Millisecond})
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			status, page := o.post(answer, "", "")
			assert.Equal(t, http.StatusSeeOther, status, page)
		})
	}
	group.Wait()
	o.start()
	status, page := o.post(answer, "", "")
	assert.Equal(t, http.StatusSeeOther, status, page)
	assert.Len(t, o.sent(), 1)

	answer = hiddenFields(o.conversation()) // a new form is a new message, even with the same text
	answer.Set("text", "We are.")
	status, _ = o.post(answer, "", "")
	assert.Equal(t, http.StatusSeeOther, status)
	assert.Len(t, o.sent(), 2)
}

// TestBrowserLeaves: what the first request of a double click does is not broken off with it.
func TestBrowserLeaves(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	answer := hiddenFields(o.conversation())
	answer.Set("text", "We are.")
	o.service.Fake.Fail(smoochtest.Fault{Method: http.MethodGet, Path: "/messages", Delay: 300 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.server.URL+"/users/"+o.userID, strings.NewReader(answer.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		resp.Body.Close()
	}
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Eventually(t, func() bool { return len(o.sent()) == 1 }, 5*time.Second, 20*time.Millisecond)
}

// TestUnknown: where nobody knows whether an answer was sent, the page says so, keeps the text and
// stays with it until it is settled, whether the answer has arrived or not.
func TestUnknown(t *testing.T) {
	t.Parallel()
	for _, cut := range []smoochtest.Cut{smoochtest.CutBefore, smoochtest.CutAfter} {
		t.Run(string(cut), func(t *testing.T) {
			t.Parallel()
			o := openOffice(t)
			answer := hiddenFields(o.conversation())
			answer.Set("text", `We <are> "open".`)
			answer["label"], answer["kind"], answer["value"] = []string{"Call me"}, []string{"postback"}, []string{"CALL"}
			o.service.Fake.Fail(smoochtest.Fault{Method: http.MethodGet, Path: "/messages", Delay: time.Millisecond})
			o.service.Fake.Fail(smoochtest.Fault{Method: http.MethodPost, Path: "/messages", Cut: cut})
			lift := o.service.Fake.Fail(smoochtest.Fault{Method: http.MethodGet, Path: "/messages", Status: http.StatusForbidden, Times: -1})
			status, page := o.post(answer, "", "")
			assert.Equal(t, http.StatusBadGateway, status)
			for range 2 {
				assert.Contains(t, page, "It is not known whether this was sent.")
				assert.Contains(t, page, "We &lt;are&gt; &#34;open&#34;.</textarea>")
				again := hiddenFields(page)
				assert.Equal(t, answer["nonce"], again["nonce"])
				again.Set("text", answer.Get("text"))
				answer = again
				// The search before the next try fails: that says nothing about the first.
				_, page = o.post(answer, "", "")
			}
			lift()
			o.start()
			status, page = o.post(answer, "", "")
			assert.Equal(t, http.StatusSeeOther, status, page)
			require.Len(t, o.sent(), 1)
			assert.Equal(t, `We <are> "open".`, o.sent()[0].Text)
			assert.Equal(t, "CALL", o.sent()[0].Actions[0].Payload)
		})
	}
}

// TestRefused: what the service refuses is said where the agent writes, and nothing is lost.
func TestRefused(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	answer := hiddenFields(o.conversation())
	answer.Set("text", "Tap one.")
	answer["label"], answer["kind"], answer["value"] = []string{"Yes", "More"}, []string{"reply", "link"}, []string{"YES", "https://shop.example/"}
	status, page := o.post(answer, "", "")
	assert.Equal(t, http.StatusUnprocessableEntity, status)
	assert.Contains(t, page, "Not sent: ")
	assert.Contains(t, page, "Tap one.</textarea>")
	assert.Contains(t, page, `value="https://shop.example/"`)
	assert.Contains(t, page, `<option value="link" selected>`)
	assert.NotContains(t, page, "It is not known")
	for _, bad := range []struct{ kind, label, value, says string }{
		{"link", "Evil", "javascript:alert(1)", "needs an address"}, {"reply", "", "YES", "has no label"},
	} {
		answer["kind"], answer["label"], answer["value"] = []string{bad.kind}, []string{bad.label}, []string{bad.value}
		_, page = o.post(answer, "", "")
		assert.Contains(t, page, bad.says)
	}
	answer = hiddenFields(o.conversation())
	answer.Set("text", "  ")
	_, page = o.post(answer, "", "")
	assert.Contains(t, page, "write something")
	o.service.Fake.Fail(smoochtest.Fault{Method: http.MethodPost, Path: "/attachments", Status: http.StatusRequestEntityTooLarge})
	_, page = o.post(answer, "big.txt", "x")
	assert.Contains(t, page, "the file is larger than the service allows")
	assert.Empty(t, o.sent())
}

// TestUpload: a file is uploaded once, even if the answer with it is not sent at first.
func TestUpload(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	answer := hiddenFields(o.conversation())
	answer.Set("text", "The plan")
	o.service.Fake.Fail(smoochtest.Fault{Method: http.MethodPost, Path: "/messages", Status: http.StatusBadRequest})
	status, page := o.post(answer, "plan.txt", "First we ride.")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	assert.Contains(t, page, "plan.txt")
	answer = hiddenFields(page)
	answer.Set("text", "The plan")
	status, page = o.post(answer, "", "")
	require.Equal(t, http.StatusSeeOther, status, page)
	uploads := 0
	for _, r := range o.service.Fake.Requests() {
		if strings.Contains(r.URI, "/attachments") {
			uploads++
		}
	}
	assert.Equal(t, 1, uploads)
	require.Len(t, o.sent(), 1)
	m := o.sent()[0]
	assert.Equal(t, smooch.MessageTypeFile, m.Type)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.MediaURL, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "First we ride.", string(content))
	assert.Contains(t, o.conversation(), `href="`+m.MediaURL+`" target="_blank" rel="noopener noreferrer"`)
}

// TestRestart: an inbox that starts anew shows what the last one did: who has written, what is
// unread, what was tapped and what did not arrive.
func TestRestart(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	answer := hiddenFields(o.conversation())
	answer.Set("text", "We are.")
	answer["label"], answer["kind"], answer["value"] = []string{"Call me"}, []string{"postback"}, []string{"CALL"}
	status, _ := o.post(answer, "", "")
	require.Equal(t, http.StatusSeeOther, status)
	require.NoError(t, o.ida.Tap("CALL"))
	require.NoError(t, o.ida.Block())
	o.wait()
	assert.Contains(t, o.get("/"), "1 unread")
	answer = hiddenFields(o.conversation())
	answer.Set("text", "When?")
	status, _ = o.post(answer, "", "")
	require.Equal(t, http.StatusSeeOther, status)
	other, err := o.service.Fake.Client().AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "bob", GivenName: "Bob"})
	require.NoError(t, err)
	_, err = o.service.Fake.Say(o.service.Fake.App().ID, "bob", "And on Sunday?")
	require.NoError(t, err)
	o.wait()
	shows := func() (list, conversation string) {
		list, conversation = o.get("/"), o.conversation()
		form := regexp.MustCompile(`(?s)<form.*`)
		return list, form.ReplaceAllString(conversation, "")
	}
	list, conversation := shows()
	assert.Less(t, strings.Index(list, "Bob"), strings.Index(list, "Ida"))
	assert.Contains(t, list, "1 unread")
	assert.Contains(t, list, "And on Sunday?")
	assert.Contains(t, conversation, "Ida tapped “Call me”")
	assert.Contains(t, conversation, "Not delivered: the user has blocked the business")
	o.start()
	listAgain, conversationAgain := shows()
	assert.Equal(t, list, listAgain)
	assert.Equal(t, conversation, conversationAgain)

	o.get("/users/" + other.ID)
	for range 2 {
		assert.NotContains(t, o.get("/"), "1 unread")
		assert.NotContains(t, o.get("/"), "class=\"unread\"")
		o.start()
	}
}

// TestMerge: the conversation of a user who was merged goes on as that of the surviving one.
func TestMerge(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	client := o.service.Fake.Client()
	guest, err := client.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "guest"})
	require.NoError(t, err)
	_, err = o.service.Fake.Say(o.service.Fake.App().ID, "guest", "I am Ida, too.")
	require.NoError(t, err)
	o.wait()
	assert.Contains(t, o.get("/"), "guest")
	err = client.AppUsers.Merge(t.Context(), smooch.AppUserMerge{Surviving: o.userID, Discarded: guest.ID})
	require.NoError(t, err)
	o.wait()
	for range 2 {
		assert.NotContains(t, o.get("/"), "guest")
		assert.Contains(t, o.get("/users/"+guest.ID), "I am Ida, too.")
		o.start()
	}
}

// TestEscapes: what users write is text, and media from elsewhere is not shown.
func TestEscapes(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	const evil = `</textarea><script>alert(1)</script><img src=x onerror=alert(1)>`
	_, err := o.service.Fake.Client().AppUsers.Update(t.Context(), "ida", smooch.AppUserUpdate{GivenName: new(evil)})
	require.NoError(t, err)
	_, err = o.ida.Say(evil)
	require.NoError(t, err)
	_, err = o.ida.Send(map[string]any{"type": "image", "mediaUrl": "https://evil.example/pixel.png", "text": evil})
	require.NoError(t, err)
	_, err = o.ida.Send(map[string]any{"type": "file", "mediaUrl": "javascript:alert(1)"})
	_ = err // the service may refuse it
	o.wait()
	answer := hiddenFields(o.conversation())
	answer.Set("text", evil)
	o.service.Fake.Fail(smoochtest.Fault{Method: http.MethodPost, Path: "/messages", Status: http.StatusBadRequest})
	_, refused := o.post(answer, "", "")
	for _, page := range []string{o.get("/"), o.conversation(), refused} {
		assert.NotContains(t, page, "<script>")
		assert.NotContains(t, page, "<img src=x")
		assert.NotContains(t, page, "evil.example")
		assert.NotContains(t, page, "javascript:")
		assert.Contains(t, page, "&lt;script&gt;")
	}
}

// TestForeign: pages of other sites cannot send, and names of others do not lead to the page.
func TestForeign(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	answer := hiddenFields(o.conversation())
	answer.Set("text", "Buy!")
	for _, header := range []http.Header{
		{"Origin": {"https://evil.test"}, "Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"https://evil.test"}},
	} {
		status, _ := o.do(http.MethodPost, "/users/"+o.userID, "application/x-www-form-urlencoded", strings.NewReader(answer.Encode()), header)
		assert.Equal(t, http.StatusForbidden, status)
	}
	status, _ := o.do(http.MethodGet, "/", "", nil, http.Header{"Host": {"evil.test:8091"}})
	assert.Equal(t, http.StatusMisdirectedRequest, status)
	status, _ = o.do(http.MethodGet, "/users/nobody", "", nil, nil)
	assert.Equal(t, http.StatusNotFound, status)
	assert.NotContains(t, o.get("/"), "nobody\"")
	assert.Empty(t, o.sent())
}

// TestOlder: every message and every tap is on exactly one of the pages, the newest ones first.
func TestOlder(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	for i := range 130 {
		if i == 60 {
			answer := hiddenFields(o.conversation())
			answer["label"], answer["kind"], answer["value"] = []string{"Stop"}, []string{"postback"}, []string{"STOP"}
			status, page := o.post(answer, "", "")
			require.Equal(t, http.StatusSeeOther, status, page)
			require.NoError(t, o.ida.Tap("STOP"))
			o.wait()
		}
		_, err := o.ida.Say("number " + strconv.Itoa(i) + ";")
		require.NoError(t, err)
	}
	o.wait()
	var all []string
	taps := 0
	older := regexp.MustCompile(`href="(\?before=\d+)"`)
	number := regexp.MustCompile(`<p dir="auto">(number \d+;)`)
	for path := ""; ; {
		page := o.get("/users/" + o.userID + path)
		taps += strings.Count(page, `class="tap"`)
		var numbers []string
		for _, found := range number.FindAllStringSubmatch(page, -1) {
			numbers = append(numbers, found[1])
		}
		all = append(numbers, all...)
		link := older.FindStringSubmatch(page)
		if link == nil {
			break
		}
		path = link[1]
	}
	require.Len(t, all, 130)
	assert.Equal(t, 1, taps)
	for i, text := range all {
		assert.Equal(t, "number "+strconv.Itoa(i)+";", text)
	}
}

// TestChanges: a browser that listens is told of a message.
func TestChanges(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.server.URL+"/changes", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	buffer := make([]byte, 100)
	n, err := resp.Body.Read(buffer)
	require.NoError(t, err)
	assert.Equal(t, "retry: 1000\n\n", string(buffer[:n]))
	_, err = o.ida.Say("Hello?")
	require.NoError(t, err)
	n, err = resp.Body.Read(buffer)
	require.NoError(t, err)
	assert.Equal(t, "data: changed\n\n", string(buffer[:n]))
}
