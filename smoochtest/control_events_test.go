package smoochtest_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

// check waits for the next event with a name and compares a member with its schema in the document.
func (f *feed) check(name, member, schema string) any {
	f.c.t.Helper()
	data := f.next(name).data
	f.c.fits(map[string]any{"$ref": "#/components/schemas/" + schema}, data[member], name)
	return data[member]
}

func TestFeedTellsOfCallsAndDeliveries(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	tg := newTarget(t)
	tg.setStatus(503)
	c := newControls(t, server)
	f := c.watch("")
	subscribe(t, app, tg.URL, "message:appUser")
	assert.Equal(t, "POST /webhooks", at(f.check("call", "call", "Call"), "operation"))
	say(t, server, "hi")
	for _, want := range []string{"waiting 0", "retrying 1"} {
		var d any
		for d == nil || at(d, "trigger") == "HEAD" {
			d = f.check("delivery", "delivery", "Delivery")
		}
		assert.Equal(t, want, fmt.Sprint(at(d, "state"), " ", len(at(d, "attempts").([]any))))
	}
	server.Advance(10 * time.Second)
	assert.EqualValues(t, 10, at(f.check("clock", "clock", "Clock"), "advanced"))
	assert.Len(t, at(f.check("delivery", "delivery", "Delivery"), "attempts"), 2)
}

func TestFeedTellsOfApps(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	c := newControls(t, server)
	f := c.watch("")
	named := func() any { return at(f.check("app", "app", "App"), "name") }
	other, err := app.Apps.Create(t.Context(), smooch.AppCreate{Name: "Other"})
	require.NoError(t, err)
	assert.Equal(t, "Other", named())
	subscribe(t, app, "http://127.0.0.1:1/", "postback")
	assert.Len(t, at(f.check("app", "app", "App"), "webhooks"), 1)
	_, err = app.Menu.Update(t.Context(), smooch.Menu{Items: []smooch.MenuItem{{Type: "postback", Text: "a", Payload: "A"}}})
	require.NoError(t, err)
	assert.Len(t, at(f.check("app", "app", "App"), "menu", "items"), 1)
	_, err = app.ForApp(other.ID).Keys.Create(t.Context(), smooch.KeyCreate{Name: "a key"})
	require.NoError(t, err)
	assert.Equal(t, "a key", at(at(f.check("app", "app", "App"), "keys").([]any)[0], "name"))
	c.call(201, "POST", "apps", `{"name":"Third"}`)
	assert.Equal(t, "Third", named())
	require.NoError(t, app.Apps.Delete(t.Context(), other.ID))
	assert.Equal(t, other.ID, f.next("app-deleted").data["appId"])
}

func TestFeedTellsOfUsers(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	ctx := t.Context()
	c := newControls(t, server)
	f := c.watch("")
	named := func() any { return at(f.check("user", "user", "User"), "displayName") }
	bob := createUser(t, app, "bob")
	assert.Equal(t, bob.ID, at(f.check("user", "user", "User"), "id"))
	_, err := app.AppUsers.Update(ctx, "ida", smooch.AppUserUpdate{GivenName: new("Ida")})
	require.NoError(t, err)
	assert.Equal(t, "Ida", named())
	c.call(200, "POST", "apps/"+server.App().ID+"/users/ida/join", `{"channel":"line"}`)
	assert.Equal(t, "line", at(at(f.check("user", "user", "User"), "channels").([]any)[0], "type"))

	ida, err := app.AppUsers.Get(ctx, "ida")
	require.NoError(t, err)
	say(t, server, "mine by now")
	assert.Equal(t, "mine by now", at(f.check("message", "message", "Message"), "text"))
	_, err = server.Say(server.App().ID, "bob", "later")
	require.NoError(t, err)
	assert.Equal(t, "later", at(f.check("message", "message", "Message"), "text"))
	require.NoError(t, app.AppUsers.Merge(ctx, smooch.AppUserMerge{Surviving: bob.ID, Discarded: ida.ID}))
	deleted := f.next("user-deleted")
	assert.Equal(t, ida.ID, deleted.data["userId"])
	assert.Equal(t, server.App().ID, deleted.data["appId"])
	message := f.next("message")
	assert.Equal(t, bob.ID, message.data["userId"])
	assert.Equal(t, "mine by now", at(message.data, "message", "text"))
	require.NoError(t, app.AppUsers.Delete(ctx, bob.ID))
	assert.Equal(t, bob.ID, f.next("user-deleted").data["userId"])
}

func TestFeedTellsOfConversations(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	ctx := t.Context()
	c := newControls(t, server)
	play := func(act, body string) {
		t.Helper()
		status, data := c.send("POST", "apps/"+server.App().ID+"/users/ida/"+act, body)
		require.Less(t, status, 300, "%s", data)
	}
	f := c.watch("")
	play("say", `{"text":"Hello","channel":"whatsapp"}`)
	assert.Equal(t, "Hello", at(f.check("message", "message", "Message"), "text"))
	assert.Equal(t, "Hello", at(f.check("user", "user", "User"), "lastMessage", "text"))

	first, err := app.Conversations.PostMessage(ctx, "ida", smooch.MessagePost{
		Text: "Pay", Actions: []smooch.Action{smooch.BuyAction("Pay", 100, "usd"), smooch.PostbackAction("No", "NO")},
	})
	require.NoError(t, err)
	message := f.check("message", "message", "Message")
	assert.Equal(t, "delivered", at(at(message, "deliveries").([]any)[0], "status"))
	assert.EqualValues(t, 1, at(f.check("user", "user", "User"), "conversation", "unreadCount"))
	play("tap", `{"actionId":"`+first.Message.Actions[0].ID+`"}`)
	message = f.check("message", "message", "Message")
	assert.Equal(t, "paid", at(at(message, "actions").([]any)[0], "state"), "a message that has changed is told again")

	_, err = app.Conversations.PostActivity(ctx, "ida", smooch.Activity{Type: smooch.ActivityTypeTypingStart})
	require.NoError(t, err)
	activity := f.check("activity", "activity", "Activity")
	assert.Equal(t, "appMaker typing:start", fmt.Sprint(at(activity, "role"), " ", at(activity, "type")))
	play("type", `{"typing":true}`)
	assert.Equal(t, "appUser", at(f.check("activity", "activity", "Activity"), "role"))
	play("read", ``)
	assert.Equal(t, "conversation:read", at(f.check("activity", "activity", "Activity"), "type"))
	assert.EqualValues(t, 0, at(f.check("user", "user", "User"), "conversation", "unreadCount"))
	require.NoError(t, app.Conversations.ResetUnreadCount(ctx, "ida"))
	assert.Equal(t, "appUser", at(f.check("activity", "activity", "Activity"), "role"))

	_, err = app.Conversations.PostMessage(ctx, "ida", smooch.FormMessage(smooch.FormField{Type: "text", Name: "a", Label: "A"}))
	require.NoError(t, err)
	play("answer", `{"fields":{"a":"b"}}`)
	for want := range strings.SplitSeq("form false, form true, formResponse <nil>", ", ") {
		message = f.check("message", "message", "Message")
		assert.Equal(t, want, fmt.Sprint(at(message, "type"), " ", at(message, "submitted")))
	}

	require.NoError(t, app.Conversations.DeleteMessage(ctx, "ida", first.Message.ID))
	assert.Equal(t, first.Message.ID, f.next("message-deleted").data["messageId"])
	require.NoError(t, app.Conversations.DeleteMessages(ctx, "ida"))
	f.next("messages-deleted")
}

func TestFeedTellsOfFaults(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	c := newControls(t, server)
	f := c.watch("")
	c.call(201, "POST", "faults", `{"status":503,"path":"/nope","times":-1}`)
	assert.Nil(t, at(f.check("fault", "fault", "Fault"), "until"))
	raw(t, server, "GET", "/v1/nope", "")
	assert.EqualValues(t, 1, at(f.check("fault", "fault", "Fault"), "hits"))
	c.call(200, "DELETE", "faults", "")
	f.next("fault-lifted")
	id := at(c.call(201, "POST", "faults", `{"status":503,"seconds":0.05}`), "fault", "id")
	assert.NotEmpty(t, at(f.check("fault", "fault", "Fault"), "until"))
	assert.Equal(t, id, f.next("fault-lifted").data["faultId"], "although nobody calls")
}

// TestFeedGoesOn: a reader whose connection was lost is told what it has missed or, if that is no
// longer kept, to read everything again.
func TestFeedGoesOn(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	c := newControls(t, server)
	f := c.watch("")
	say(t, server, "one")
	last := f.next("message")
	require.NoError(t, f.stop())
	<-f.ended
	say(t, server, "two")
	f = c.watch(last.id)
	assert.Equal(t, "two", at(f.next("message").data, "message", "text"))
	assert.NotContains(t, f.names(), "reset")

	f = c.watch("other-" + strings.Split(last.id, "-")[1])
	f.next("reset")
	for range 2100 {
		server.Advance(time.Millisecond)
	}
	f = c.watch(last.id)
	f.next("reset")
}

// TestSlowReaderOfFeedIsLeftBehind: a reader that does not read neither delays calls nor fills the
// memory.
func TestSlowReaderOfFeedIsLeftBehind(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprint(conn, "GET /_sandbox/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1)) // the stream has begun; the test does not read on
	require.NoError(t, err)
	assert.Equal(t, 1, server.FeedReaders())
	long := smooch.TextMessage(strings.Repeat("x", 300_000))
	for range 12 { // fills the buffers of the connection
		_, err := app.Conversations.PostMessage(t.Context(), "ida", long)
		require.NoError(t, err)
	}
	for range 1100 {
		server.Advance(time.Millisecond)
	}
	assert.Zero(t, server.FeedReaders(), "nothing is kept for it")
}

func TestCloseEndsFeed(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	f := newControls(t, server).watch("")
	began := time.Now()
	server.Close()
	<-f.ended
	assert.Less(t, time.Since(began), 2*time.Second)
}
