package smoochtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// newBusyServer starts a server on which something of everything was done.
func newBusyServer(t *testing.T, opts ...smoochtest.Option) *smoochtest.Server {
	server, app := newServerWithUser(t, opts...)
	ctx, id := t.Context(), server.App().ID
	api := newAPI(t, server)
	tg := newTarget(t)
	subscribe(t, app, tg.URL, smooch.TriggerAll)
	person := server.Person(id, "ida", "whatsapp")
	_, err := person.Upload("image/png", []byte("picture"))
	require.NoError(t, err)
	_, err = app.Conversations.PostMessage(ctx, "ida", smooch.MessagePost{
		Text: "Choose", Actions: []smooch.Action{smooch.PostbackAction("A", "A")},
	})
	require.NoError(t, err)
	_, err = app.AppUsers.LinkChannel(ctx, "ida", smooch.ChannelLink{
		Type: "twilio", PhoneNumber: "+15145550100", Confirmation: &smooch.Confirmation{Type: "prompt"},
	})
	require.NoError(t, err)
	api.call(200, "PUT", "/menu", `{"items":[{"type":"postback","text":"a","payload":"M"}]}`)
	integration := at(api.call(201, "POST", "/integrations", `{"type":"telegram","token":"t"}`), "integration", "_id").(string)
	api.call(201, "POST", "/integrations/"+integration+"/menu", `{"items":[{"type":"postback","text":"a","payload":"I"}]}`)
	api.call(201, "POST", "/templates", `{"name":"hi","message":{"role":"appMaker","type":"text","text":"hi"}}`)
	api.call(200, "POST", "/attachments/token", `{"paths":["/apps/`+id+`"]}`)
	account := api
	account.prefix = "/v1.1"
	account.call(201, "POST", "/serviceaccounts", `{"name":"s"}`)
	account.call(201, "POST", "/whatsapp/deployments", `{"hosting":"smooch"}`)
	account.call(201, "POST", "/apps", `{"name":"Second"}`)
	require.NoError(t, server.WaitDeliveries(ctx))
	server.Advance(time.Hour)
	return server
}

// TestStateIsWhole exports a state, imports it on another server, and exports it there.
func TestStateIsWhole(t *testing.T) {
	t.Parallel()
	from := newBusyServer(t)
	state := from.ExportState()
	to := newServer(t)
	c := newControls(t, to)
	c.call(200, "PUT", "state", string(state))
	want := strings.ReplaceAll(string(state), from.URL, to.URL)
	var a, b any
	require.NoError(t, json.Unmarshal([]byte(want), &a))
	require.NoError(t, json.Unmarshal(to.ExportState(), &b))
	assert.Equal(t, a, b)
	status, exported := c.send("GET", "state", "")
	assert.Equal(t, 200, status)
	assert.JSONEq(t, want, string(exported))

	// It works as before: credentials, files, buttons, the clock, webhooks.
	assert.Equal(t, from.App(), to.App())
	assert.Equal(t, from.Account(), to.Account())
	client := to.Client()
	_, err := client.AppUsers.Get(t.Context(), "ida")
	require.NoError(t, err)
	messages, err := to.Person(to.App().ID, "ida", "").Messages()
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), "GET", messages[0]["mediaUrl"].(string), nil)
	require.NoError(t, err)
	from.Close()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "picture", string(data))
	require.NoError(t, to.Tap(to.App().ID, "ida", "A"))
	require.NoError(t, to.Tap(to.App().ID, "ida", "M"))
	require.NoError(t, to.WaitDeliveries(t.Context()))
	log := to.DeliveryLog()
	require.Len(t, log, 2)
	assert.Equal(t, 200, log[1].Status)
	assert.EqualValues(t, 3600, at(c.call(200, "GET", "clock", ""), "clock", "advanced"))
}

func TestStateChanges(t *testing.T) {
	t.Parallel()
	server := newBusyServer(t)
	c := newControls(t, server)
	for i, change := range []func(){
		func() { newAPI(t, server).call(201, "POST", "/appusers", `{"userId":"bob"}`) },
		func() { c.call(201, "POST", "apps", `{"name":"n"}`) },
		func() { require.NoError(t, server.Person(server.App().ID, "ida", "").Read()) },
		func() { server.Advance(time.Second) },
		func() { require.NoError(t, server.ImportState(server.ExportState())) },
		func() { c.call(200, "POST", "reset", `{"keepApps":true}`) },
	} {
		before := server.StateChanges()
		server.ExportState()
		require.Equal(t, before, server.StateChanges(), "an export changes nothing")
		change()
		assert.NotEqual(t, before, server.StateChanges(), "%d", i)
	}
}

// TestWrongStateChangesNothing: what does not fit is refused, and never panics later.
func TestWrongStateChangesNothing(t *testing.T) {
	t.Parallel()
	from := newBusyServer(t)
	state := string(from.ExportState())
	server := newServer(t)
	c := newControls(t, server)
	before := string(server.ExportState())
	replace := func(old, with string) string {
		require.Contains(t, state, old)
		return strings.ReplaceAll(state, old, with)
	}
	for _, wrong := range []string{
		"", "[]", "{}", `{"version":1}`, state[:len(state)/2],
		replace(`"version":1,`, `"version":2,`),
		replace(`"version":1,`, `"version":1,"more":1,`),
		replace(`"accountKey":"`, `"accountKey":"x`),
		replace(`"received":`, `"was":`),
		replace(`"received":1`, `"received":1e5,"was":1`),
		replace(`"target":"http://127.0.0.1`, `"target":"http://192.0.2.1`),
		replace(`"target":"`, `"target":"%`),
		replace(`"properties":`, `"proper":`),
		replace(`"_id":`, `"id_":`),
		replace(`"app":"`, `"app":"x`),
	} {
		status, data := c.send("PUT", "state", wrong)
		assert.Equal(t, 400, status, "%s", data)
	}
	assert.JSONEq(t, before, string(server.ExportState()))
}

func TestReset(t *testing.T) {
	t.Parallel()
	tg := newTarget(t)
	server := newBusyServer(t, smoochtest.WithWebhook(tg.URL, "message:appUser"))
	c := newControls(t, server)
	app, account := server.App(), server.Account()
	f := c.watch("")
	c.call(201, "POST", "faults", `{"status":503,"times":-1}`)

	c.call(200, "POST", "reset", `{"keepApps":true}`)
	f.next("reset")
	assert.Empty(t, c.call(200, "GET", "faults", "")["faults"])
	assert.Empty(t, c.call(200, "GET", "calls", "")["calls"])
	assert.Empty(t, c.call(200, "GET", "deliveries", "")["deliveries"])
	assert.Empty(t, server.DeliveryLog())
	assert.EqualValues(t, 0, at(c.call(200, "GET", "clock", ""), "clock", "advanced"))
	kept := c.call(200, "GET", "apps/"+app.ID, "")["app"]
	assert.Len(t, at(kept, "webhooks"), 2)
	assert.Len(t, at(kept, "integrations"), 1)
	assert.Len(t, at(kept, "templates"), 1)
	assert.EqualValues(t, 0, at(kept, "userCount"))
	assert.Len(t, c.call(200, "GET", "apps", "")["apps"], 2)
	createUser(t, server.Client(), "ida")
	assert.Equal(t, "ida", at(f.next("user").data, "user", "userId"))
	say(t, server, "the webhook is still there")
	require.NoError(t, server.WaitDeliveries(t.Context()))
	assert.Equal(t, []any{"message:appUser"}, triggers(tg.take()[1:]))

	c.call(200, "POST", "reset", "")
	apps := c.call(200, "GET", "apps", "")["apps"].([]any)
	require.Len(t, apps, 1)
	assert.Len(t, at(apps[0], "webhooks"), 1, "the one that it began with")
	assert.Equal(t, app, server.App())
	assert.Equal(t, account, server.Account())
	createUser(t, server.Client(), "ida")
}

// TestSeedMakesIDsRepeat: ids and secrets are those of an earlier server with the same seed.
func TestSeedMakesIDsRepeat(t *testing.T) {
	t.Parallel()
	ids := func(server *smoochtest.Server, seeded bool) string {
		app := server.Client()
		user := createUser(t, app, "ida")
		hook := subscribe(t, app, "http://127.0.0.1:1/", "postback")
		later := subscribe(t, app, "http://127.0.0.1:1/", "postback")
		if seeded {
			assert.Less(t, hook.ID, later.ID, "the order of ids tells which webhook is older")
		}
		sent, err := app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("Hi"))
		require.NoError(t, err)
		return fmt.Sprint(server.App(), server.Account(), user.ID, hook.ID, hook.Secret, sent.Message.ID)
	}
	first := newServer(t, smoochtest.WithSeed("a"))
	want := ids(first, true)
	assert.Equal(t, want, ids(newServer(t, smoochtest.WithSeed("a")), true))
	assert.NotEqual(t, want, ids(newServer(t, smoochtest.WithSeed("b")), true))
	random := ids(newServer(t), false)
	assert.NotEqual(t, random, ids(newServer(t), false))
	newControls(t, first).call(200, "POST", "reset", "")
	assert.Equal(t, want, ids(first, true), "also after a reset")

	// A state brings the random numbers along, so that no id is made twice.
	again := newServer(t, smoochtest.WithSeed("a"))
	require.NoError(t, again.ImportState(first.ExportState()))
	bob := createUser(t, again.Client(), "bob")
	assert.NotContains(t, string(first.ExportState()), bob.ID)
	assert.Equal(t, bob.ID, createUser(t, first.Client(), "bob").ID)
}

func TestCredentialsCanBeGiven(t *testing.T) {
	t.Parallel()
	account := smoochtest.Credentials{KeyID: "act_1", Secret: "account-secret"}
	app := smoochtest.App{ID: "app1", Token: "token", Key: smoochtest.Credentials{KeyID: "app_1"}}
	server := newServer(t, smoochtest.WithCredentials(account, app))
	assert.Equal(t, account, server.Account())
	assert.NotEmpty(t, server.App().Key.Secret)
	app.Key.Secret = server.App().Key.Secret
	assert.Equal(t, app, server.App())
	createUser(t, server.Client(), "ida")
	client, err := smooch.NewClient(smooch.AppJWT("app_1", app.Key.Secret), smooch.WithBaseURL(server.URL))
	require.NoError(t, err)
	_, err = client.AppUsers.Get(t.Context(), "ida")
	assert.NoError(t, err)
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	for want, opt := range map[string]smoochtest.Option{
		"white space":            smoochtest.WithCredentials(smoochtest.Credentials{Secret: "a b"}, smoochtest.App{}),
		"address already in use": smoochtest.WithAddr(strings.TrimPrefix(server.URL, "http://")),
		"-allow-target a.test":   smoochtest.WithWebhook("https://a.test/", "*"),
		"no trigger of v1.1":     smoochtest.WithWebhook("http://127.0.0.1/", "nope"),
	} {
		_, err := smoochtest.Start(opt)
		assert.ErrorContains(t, err, want)
	}
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", ":0"} {
		all := newServer(t, smoochtest.WithAddr(addr))
		assert.Contains(t, all.URL, "http://127.0.0.1:")
		createUser(t, all.Client(), "ida")
	}
}

// TestResetDropsFilesAndRateLimit: they belong to what has happened, also where the apps stay.
func TestResetDropsFilesAndRateLimit(t *testing.T) {
	t.Parallel()
	server := newServer(t, smoochtest.WithRateLimit(3, time.Hour))
	c, app := newControls(t, server), server.Client(smooch.WithRetryPolicy(smooch.RetryPolicy{MaxAttempts: 1}))
	path := "/apps/" + server.App().ID
	for _, body := range []string{`{"keepApps":true}`, `{}`} {
		file, err := app.Attachments.Upload(t.Context(), gif(), smooch.AttachmentOptions{Access: smooch.AttachmentAccessPrivate})
		require.NoError(t, err, "of the calls before the reset none counts")
		tokens, err := app.Attachments.CreateMediaToken(t.Context(), []string{path})
		require.NoError(t, err)
		require.NoError(t, app.Attachments.SetCookie(t.Context(), tokens[path]))

		c.call(200, "POST", "reset", body)
		_, id, _ := strings.Cut(file.MediaURL, "/media/")
		c.call(404, "GET", "media/"+id, "")
		assert.ErrorIs(t, app.Attachments.SetCookie(t.Context(), tokens[path]), smooch.ErrUnauthorized)
		c.call(200, "POST", "reset", `{"keepApps":true}`)
	}
}
