package smoochtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
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

// raw makes a call as a client of any language would, and gives the answer's status and JSON.
func raw(t *testing.T, server *smoochtest.Server, method, uri, body string, header ...string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL, strings.NewReader(body))
	require.NoError(t, err)
	req.URL.Opaque = strings.TrimPrefix(server.URL, "http:") + uri // as it is, unescaped and uncleaned
	req.Header.Set("Content-Type", "application/json")
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	req.Close = true // one connection per request, as older clients do
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		var answer map[string]any
		require.NoError(t, json.Unmarshal(data, &answer), "a JSON answer is never empty: %q", data)
		if resp.StatusCode >= 400 {
			envelope, _ := answer["error"].(map[string]any)
			assert.NotEmpty(t, envelope["code"])
			assert.NotEmpty(t, envelope["description"])
		}
		return resp.StatusCode, answer
	}
	assert.Less(t, resp.StatusCode, 400, "every error is JSON")
	return resp.StatusCode, nil
}

func token(t *testing.T, kid, secret string, claims jwt.MapClaims) string {
	t.Helper()
	j := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	j.Header["kid"] = kid
	signed, err := j.SignedString([]byte(secret))
	require.NoError(t, err)
	return "Authorization: Bearer " + signed
}

// TestEveryCallIsServed: no call of the endpoint list is unknown, on any version that has it, and it is on no other.
func TestEveryCallIsServed(t *testing.T) {
	data, err := os.ReadFile("../testdata/endpoints.json")
	require.NoError(t, err)
	var endpoints []struct {
		ID, Method, Path string
		AppScoped        bool
		Versions         []string
	}
	require.NoError(t, json.Unmarshal(data, &endpoints))
	require.Len(t, endpoints, 97)
	server := newServer(t)
	app := server.App()
	for _, e := range endpoints {
		path := strings.NewReplacer("{appId}", app.ID, "{", "", "}", "").Replace(e.Path)
		if e.AppScoped {
			path = "/apps/" + app.ID + path
		}
		for _, version := range []string{"v1", "v1.1", ""} {
			has := len(e.Versions) == 0 && version == ""
			for _, v := range e.Versions {
				has = has || v == version
			}
			uri := path
			if version != "" {
				uri = "/" + version + path
			}
			status, answer := raw(t, server, e.Method, uri, "{}")
			envelope, _ := answer["error"].(map[string]any)
			missing := status == 405 || envelope["description"] == "Route not found"
			assert.Equal(t, !has, missing, "%s %s %s: %d %v", e.ID, e.Method, uri, status, answer)
		}
	}
}

func TestCredentials(t *testing.T) {
	server := newServer(t)
	app, account := server.App(), server.Account()
	client := server.Client()
	for _, id := range []string{"ida", "bob"} {
		_, err := client.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: id})
		require.NoError(t, err)
	}
	other, err := client.Apps.Create(t.Context(), smooch.AppCreate{Name: "Other"})
	require.NoError(t, err)
	later := time.Now().Add(time.Hour).Unix()
	sign := func(scope, user string) string {
		claims := jwt.MapClaims{"scope": scope, "exp": later}
		if user != "" {
			claims["userId"] = user
		}
		return token(t, app.Key.KeyID, app.Key.Secret, claims)
	}
	accountToken := token(t, account.KeyID, account.Secret, jwt.MapClaims{"scope": "account", "iat": 1})
	makerToken := token(t, account.KeyID, account.Secret, jwt.MapClaims{"scope": "appMaker"})
	none := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"scope": "app"})
	none.Header["kid"] = app.Key.KeyID
	unsigned, err := none.SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	basic := func(id, secret string) string {
		r := &http.Request{Header: http.Header{}}
		r.SetBasicAuth(id, secret)
		return "Authorization: " + r.Header.Get("Authorization")
	}
	prefix := "/v1.1/apps/" + app.ID
	tests := []struct {
		name, method, uri, credential string
		want                          int
	}{
		{"none", "GET", "/v1/appusers/ida", "X: y", 401},
		{"app token", "GET", "/v1/appusers/ida", "app-token: " + app.Token, 200},
		{"app token on v1.1", "GET", "/v1.1/appusers/ida", "app-token: " + app.Token, 401},
		{"wrong app token", "GET", "/v1/appusers/ida", "app-token: x", 401},
		{"app token for webhooks", "GET", "/v1/webhooks", "app-token: " + app.Token, 403},
		{"app JWT, short", "GET", "/v1/appusers/ida", sign("app", ""), 200},
		{"app JWT, prefixed", "GET", prefix + "/appusers/ida", sign("app", ""), 200},
		{"app JWT, another app", "GET", "/v1.1/apps/" + other.ID + "/appusers/ida", sign("app", ""), 403},
		{"app JWT for apps", "GET", "/v1/apps", sign("app", ""), 403},
		{"app JWT for keys", "GET", "/v1/apps/" + app.ID + "/keys", sign("app", ""), 403},
		{"appUser JWT, own", "GET", "/v1/appusers/ida", sign("appUser", "ida"), 200},
		{"appUser JWT, other", "GET", "/v1/appusers/bob", sign("appUser", "ida"), 403},
		{"appUser JWT for webhooks", "GET", "/v1/webhooks", sign("appUser", "ida"), 403},
		{"the app token no longer reaches a secured user", "GET", "/v1/appusers/ida", "app-token: " + app.Token, 401},
		{"userId is a number", "GET", "/v1/appusers/ida", token(t, app.Key.KeyID, app.Key.Secret, jwt.MapClaims{"scope": "appUser", "userId": 7}), 401},
		{"ran out", "GET", "/v1/appusers/ida", token(t, app.Key.KeyID, app.Key.Secret, jwt.MapClaims{"scope": "app", "exp": 1}), 401},
		{"unsigned", "GET", "/v1/appusers/ida", "Authorization: Bearer " + unsigned, 401},
		{"wrong secret", "GET", "/v1/appusers/ida", token(t, app.Key.KeyID, "x", jwt.MapClaims{"scope": "app"}), 401},
		{"an app's key cannot sign account", "GET", "/v1/apps", token(t, app.Key.KeyID, app.Key.Secret, jwt.MapClaims{"scope": "account"}), 401},
		{"account", "GET", "/v1/apps", accountToken, 200},
		{"appMaker", "GET", "/v1/apps", makerToken, 200},
		{"account without the app's prefix", "GET", "/v1/appusers/ida", accountToken, 404},
		{"account with the app's prefix", "GET", prefix + "/appusers/ida", accountToken, 200},
		{"Basic, app key", "GET", "/v1.1/appusers/ida", basic(app.Key.KeyID, app.Key.Secret), 200},
		{"Basic, account key", "GET", "/v1.1/apps", basic(account.KeyID, account.Secret), 200},
		{"Basic is v1.1's", "GET", "/v1/appusers/ida", basic(app.Key.KeyID, app.Key.Secret), 401},
		{"Basic, wrong", "GET", "/v1.1/apps", basic(account.KeyID, "x"), 401},
		{"unknown app", "GET", "/v1.1/apps/nope/appusers/ida", accountToken, 404},
		{"path case", "GET", prefix + "/appUsers/ida/authCode", accountToken, 200},
		{"an escaped slash stays within its segment", "GET", prefix + "/appusers/ida%2F..%2Fbob", accountToken, 404},
		{"dots are not resolved", "GET", prefix + "/appusers/x/../ida", accountToken, 404},
	}
	for _, test := range tests {
		status, answer := raw(t, server, test.method, test.uri, "", test.credential)
		assert.Equal(t, test.want, status, "%s: %v", test.name, answer)
	}

	key, err := client.Keys.Create(t.Context(), smooch.KeyCreate{Name: "k"})
	require.NoError(t, err)
	line := token(t, key.ID, key.Secret, jwt.MapClaims{"scope": "app", "exp": later})
	status, _ := raw(t, server, "GET", "/v1/webhooks", "", line)
	assert.Equal(t, 200, status)
	server.Advance(2 * time.Hour)
	status, _ = raw(t, server, "GET", "/v1/webhooks", "", line)
	assert.Equal(t, 401, status, "it runs out on the server's clock")
	line = token(t, key.ID, key.Secret, jwt.MapClaims{"scope": "app"})
	require.NoError(t, client.Keys.Delete(t.Context(), key.ID))
	status, _ = raw(t, server, "GET", "/v1/webhooks", "", line)
	assert.Equal(t, 401, status, "a deleted key's tokens stop working")
}

func TestVersionDifferences(t *testing.T) {
	server := newServer(t)
	app := server.App()
	line := token(t, app.Key.KeyID, app.Key.Secret, jwt.MapClaims{"scope": "app"})
	status, answer := raw(t, server, "POST", "/v1/appusers", `{"userId":"a+b@c.d","credentialRequired":false,"signedUpAt":"2015-10-08T20:52:11-03:00"}`, line)
	require.Equal(t, 201, status)
	user := answer["appUser"].(map[string]any)
	assert.Equal(t, "2015-10-08T23:52:11.000Z", user["signedUpAt"])
	assert.Contains(t, user, "devices")
	assert.Equal(t, false, user["credentialRequired"])
	status, _ = raw(t, server, "POST", "/v1.1/appusers", `{"userId":"a+b@c.d"}`, line)
	assert.Equal(t, 409, status)
	_, answer = raw(t, server, "GET", "/v1.1/appusers/a+b%40c.d", "", line)
	assert.NotContains(t, answer["appUser"], "devices")

	status, _ = raw(t, server, "GET", "/v1/appusers/a+b@c.d/conversation", "", line)
	assert.Equal(t, 404, status, "no conversation yet")
	status, answer = raw(t, server, "POST", "/v1/appusers/a+b@c.d/conversation/messages", `{"text":"hi","role":"appUser"}`, line)
	require.Equal(t, 201, status)
	assert.Len(t, answer["conversation"].(map[string]any)["messages"], 1)
	status, _ = raw(t, server, "POST", "/v1.1/appusers/a+b@c.d/messages", `{"text":"hi","role":"appMaker"}`, line)
	assert.Equal(t, 400, status, "type is required")
	status, answer = raw(t, server, "POST", "/v1.1/appusers/a+b@c.d/messages", `{"type":"text","text":"hi","role":"appMaker"}`, line)
	require.Equal(t, 201, status)
	assert.EqualValues(t, 1, answer["conversation"].(map[string]any)["unreadCount"])
	assert.NotContains(t, answer["conversation"], "messages")
	for body, want := range map[string]int{
		`{"role":"appMaker","type":"text"}`: 400, `{"role":"whisper","type":"text","text":"x"}`: 400, `{"type":"text","text":"x"}`: 400,
		`{"role":"appUser","type":"text","text":"x","actions":[{"type":"reply"}]}`: 400, `{"role":"appUser","type":"text","text":"x","destination":{}}`: 400,
		`{"role":"appMaker","type":"text","text":"x","actions":[{"type":"reply"},{"type":"link"}]}`:            400,
		`{"role":"appMaker","type":"text","text":"x","actions":[{"type":"reply"},{"type":"locationRequest"}]}`: 201,
		`{"role":"appMaker","type":"list","items":[{"title":"a","actions":[{"type":"reply"}]}]}`:               400,
		`{"role":"appMaker","type":"list","items":[{"title":"a","actions":[{},{},{},{}]}]}`:                    400,
		`{"role":"appMaker","type":"carousel","items":[]}`:                                                     400, `{"role":"appMaker","type":"text","text":"x","metadata":{"a":{}}}`: 400,
		`not json`: 400, `[1]`: 400, `{"role":"appMaker","type":"location","coordinates":{"lat":0,"long":0}}`: 201,
	} {
		status, _ = raw(t, server, "POST", "/v1.1/appusers/a+b@c.d/messages", body, line)
		assert.Equal(t, want, status, body)
	}
	status, _ = raw(t, server, "POST", "/v1.1/appusers/a+b@c.d/messages", `{}`, line, "Content-Type: text/plain")
	assert.Equal(t, 400, status, "a body needs its content type")
	status, _ = raw(t, server, "POST", "/v1.1/appusers/a+b@c.d/conversation/read", "", line)
	assert.Equal(t, 200, status, "no body and a content type")

	status, answer = raw(t, server, "POST", "/v1/webhooks", `{"target":"http://127.0.0.1:1/x"}`, line)
	require.Equal(t, 201, status)
	assert.Equal(t, []any{"message"}, answer["webhook"].(map[string]any)["triggers"])
	status, _ = raw(t, server, "POST", "/v1.1/webhooks", `{"target":"http://127.0.0.1:1/x"}`, line)
	assert.Equal(t, 400, status, "triggers are required")
	status, _ = raw(t, server, "POST", "/v1/appusers/a+b@c.d/channels", `{"type":"twilio","phoneNumber":"+1 514-555"}`, line)
	assert.Equal(t, 200, status)
	status, _ = raw(t, server, "POST", "/v1.1/appusers/a+b@c.d/channels", `{"type":"twilio","phoneNumber":"+1 514-555"}`, line)
	assert.Equal(t, 400, status, "confirmation is required")
}

func TestStateChanges(t *testing.T) {
	ctx := t.Context()
	server := newServer(t)
	app := server.Client()
	create := func(id string) *smooch.AppUser {
		u, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: id, GivenName: "G", Properties: map[string]any{"a": 1, "b": 2}})
		require.NoError(t, err)
		return u
	}
	ida, bob := create("ida"), create("bob")

	u, err := app.AppUsers.Update(ctx, ida.ID, smooch.AppUserUpdate{Surname: new("S"), Properties: map[string]any{"b": 3}})
	require.NoError(t, err)
	assert.Equal(t, "G", u.GivenName)
	assert.Equal(t, map[string]any{"a": json.Number("1"), "b": json.Number("3")}, u.Properties, "merged")
	u, err = app.AppUsers.DeleteProfile(ctx, "ida")
	require.NoError(t, err)
	assert.Empty(t, u.GivenName)
	assert.Empty(t, u.Properties)

	for i := range 130 {
		_, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage(fmt.Sprint(i)))
		require.NoError(t, err)
	}
	p, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	require.NoError(t, err)
	assert.Len(t, p.Messages, 100)
	assert.NotEmpty(t, p.Previous)
	assert.Empty(t, p.Next)
	assert.Equal(t, 130, *p.Conversation.UnreadCount)
	n := 0
	for _, err := range app.Conversations.Messages(ctx, "ida", smooch.MessageListOptions{}) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 130, n)
	n = 0
	for m, err := range app.Conversations.Messages(ctx, "ida", smooch.MessageListOptions{OldestFirst: true}) {
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(n), m.Text)
		n++
	}
	require.NoError(t, app.Conversations.ResetUnreadCount(ctx, "ida"))
	c, err := app.Conversations.PostActivity(ctx, "ida", smooch.Activity{Type: smooch.ActivityTypeConversationRead})
	require.NoError(t, err)
	assert.Zero(t, *c.UnreadCount)
	require.NoError(t, app.Conversations.DeleteMessage(ctx, "ida", p.Messages[0].ID))
	assert.ErrorIs(t, app.Conversations.DeleteMessage(ctx, "ida", p.Messages[0].ID), smooch.ErrNotFound)

	_, err = app.Conversations.PostMessage(ctx, "bob", smooch.TextMessage("from bob"))
	require.NoError(t, err)
	require.NoError(t, app.AppUsers.Merge(ctx, smooch.AppUserMerge{Surviving: ida.ID, Discarded: bob.ID}))
	_, err = app.AppUsers.Get(ctx, bob.ID)
	assert.ErrorIs(t, err, smooch.ErrNotFound)
	p, err = app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	require.NoError(t, err)
	assert.Equal(t, "from bob", p.Messages[99].Text, "a merge moves messages")

	link := smooch.ChannelLink{Type: smooch.IntegrationTypeTwilio, PhoneNumber: "+1 514-555", Confirmation: &smooch.Confirmation{Type: smooch.ConfirmationTypeImmediate}}
	u, err = app.AppUsers.LinkChannel(ctx, "ida", link)
	require.NoError(t, err)
	require.Len(t, u.Clients, 1)
	channels, err := app.AppUsers.Channels(ctx, "ida")
	require.NoError(t, err)
	assert.Equal(t, "+1514555", channels[0].PhoneNumber)
	require.NoError(t, app.AppUsers.UnlinkChannel(ctx, "ida", "twilio"))
	assert.ErrorIs(t, app.AppUsers.UnlinkChannel(ctx, "ida", "twilio"), smooch.ErrBadRequest)
	require.NoError(t, app.Conversations.DeleteMessages(ctx, "ida"))
	require.NoError(t, app.AppUsers.Delete(ctx, "ida"))

	for i := range 10 {
		_, err := app.Webhooks.Create(ctx, smooch.WebhookCreate{Target: fmt.Sprint("http://127.0.0.1:1/", i), Triggers: []smooch.Trigger{"postback"}})
		require.NoError(t, err)
	}
	_, err = app.Webhooks.Create(ctx, smooch.WebhookCreate{Target: "http://127.0.0.1:1/", Triggers: []smooch.Trigger{"postback"}})
	assert.ErrorIs(t, err, smooch.ErrBadRequest, "ten webhooks at most")

	for i := range 30 {
		_, err := app.Templates.Create(ctx, smooch.TemplateCreate{Name: fmt.Sprint("t", i), Message: smooch.TextMessage("x")})
		require.NoError(t, err)
	}
	page, err := app.Templates.List(ctx, smooch.TemplateListOptions{})
	require.NoError(t, err)
	assert.Len(t, page.Items, 25)
	assert.True(t, page.HasMore)
	_, err = app.Templates.List(ctx, smooch.TemplateListOptions{Limit: 101})
	assert.ErrorIs(t, err, smooch.ErrBadRequest)

	second, err := app.Apps.Create(ctx, smooch.AppCreate{Name: "Second"})
	require.NoError(t, err)
	key, err := app.ForApp(second.ID).Keys.Create(ctx, smooch.KeyCreate{Name: "k"})
	require.NoError(t, err)
	own, err := smooch.NewClient(smooch.AppJWT(key.ID, key.Secret), smooch.WithBaseURL(server.URL))
	require.NoError(t, err)
	_, err = own.Webhooks.List(ctx)
	require.NoError(t, err)
	require.NoError(t, app.Apps.Delete(ctx, second.ID))
	_, err = own.Webhooks.List(ctx)
	assert.ErrorIs(t, err, smooch.ErrUnauthorized, "a deleted app's keys stop working")
}

func TestShorthand(t *testing.T) {
	ctx := t.Context()
	server := newServer(t)
	app := server.Client()
	_, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	template, err := app.Templates.Create(ctx, smooch.TemplateCreate{Name: "hours", Message: smooch.MessagePost{
		Role: "appMaker", Type: "text", Text: "We open at 9.", Actions: []smooch.Action{smooch.PostbackAction("Route", "ROUTE")}}})
	require.NoError(t, err)
	post := func(text string) *smooch.MessageResponse {
		answer, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage(text), smooch.WithField("metadata", map[string]any{"a": "b"}))
		require.NoError(t, err)
		return answer
	}
	must := func(s string, err error) string {
		require.NoError(t, err)
		return s
	}
	m := post("A card " + must(smooch.ImageShorthand("https://x.example/(1).png")) + must(smooch.LinkShorthand("Site", "https://x.example/(a)")) +
		must(smooch.ReplyShorthand("Yes", "YES now")) + must(smooch.PostbackShorthand("No", "no:NO")) + must(smooch.LocationRequestShorthand("Here")) +
		must(smooch.BuyShorthand("Pay", 2505))).Message
	assert.Equal(t, "image", string(m.Type))
	assert.Equal(t, "A card", m.Text)
	assert.Equal(t, "https://x.example/%281%29.png", m.MediaURL)
	kinds := map[string]string{}
	for _, a := range m.Actions {
		assert.NotEmpty(t, a.ID)
		kinds[a.Text] = fmt.Sprint(a.Type, " ", a.URI, a.Payload)
		if a.Amount != nil {
			kinds[a.Text] += fmt.Sprint(*a.Amount)
		}
	}
	assert.Equal(t, map[string]string{"Site": "link https://x.example/%28a%29", "Yes": "reply YES now", "No": "postback no:NO",
		"Here": "locationRequest ", "Pay": "buy 2505"}, kinds)
	require.NoError(t, server.Tap(server.App().ID, "ida", "no:NO"))

	several := post("First: " + must(smooch.TemplateShorthand("hours")) + " then %{{template: hours}}%, and %((template: none))%")
	require.Len(t, several.ExtraMessages, 4)
	texts := []string{several.Message.Text}
	ids := map[string]bool{}
	for _, extra := range several.ExtraMessages {
		texts = append(texts, extra.Text)
		ids[extra.ID] = true
		for _, a := range extra.Actions {
			ids[a.ID] = true
		}
		assert.Equal(t, "b", extra.Metadata["a"])
	}
	assert.Equal(t, []string{"First: ", "We open at 9.", " then ", "We open at 9.", ", and %((template: none))%"}, texts)
	assert.Len(t, ids, 6, "messages and buttons of one template have ids of their own")
	kept, err := app.Templates.Get(ctx, template.ID)
	require.NoError(t, err)
	assert.Equal(t, template, kept, "using it changes nothing")

	for _, plain := range []string{"%[x](y)", "$[x](y)", "100% [sure] (really)", "%[](a:b)", "a %[b] (c:d)"} {
		assert.Equal(t, plain, post(plain).Message.Text)
	}
	_, err = server.Say(server.App().ID, "ida", "%[x](reply:Y)")
	require.NoError(t, err)
	for m, err := range app.Conversations.Messages(ctx, "ida", smooch.MessageListOptions{}) {
		require.NoError(t, err)
		assert.Equal(t, "%[x](reply:Y)", m.Text, "what a user writes stays as it is")
		break
	}
}

func TestAttachments(t *testing.T) {
	ctx := t.Context()
	server := newServer(t, smoochtest.WithMaxUpload(1<<20))
	app := server.Client()
	file, err := app.Attachments.Upload(ctx, smooch.Upload{Source: strings.NewReader("GIF89a!"), Filename: "a.gif"}, smooch.AttachmentOptions{})
	require.NoError(t, err)
	assert.Equal(t, "image/gif", file.MediaType)
	resp, err := http.Get(file.MediaURL) //nolint:noctx // as a browser does
	require.NoError(t, err)
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, "GIF89a!", string(data))
	require.NoError(t, app.Attachments.Delete(ctx, file.MediaURL))
	assert.ErrorIs(t, app.Attachments.Delete(ctx, file.MediaURL), smooch.ErrNotFound)
	_, err = app.Attachments.Upload(ctx, smooch.Upload{Source: bytes.NewReader(make([]byte, 2<<20))}, smooch.AttachmentOptions{})
	assert.ErrorIs(t, err, smooch.ErrTooLarge)
	tokens, err := app.Attachments.CreateMediaToken(ctx, []string{"/apps/x"})
	require.NoError(t, err)
	var answer smooch.Response
	require.NoError(t, app.Attachments.SetCookie(ctx, tokens["/apps/x"], smooch.WithResponse(&answer)))
	server.Advance(2 * time.Hour)
	assert.ErrorIs(t, app.Attachments.SetCookie(ctx, tokens["/apps/x"]), smooch.ErrUnauthorized, "it runs out")
	assert.NotEmpty(t, answer.Header.Get("Set-Cookie"))

	_, err = app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	message := smooch.MessagePost{Role: smooch.RoleAppUser, Name: "Steve", Metadata: map[string]any{"a": "b"}}
	for _, v := range []smooch.Version{smooch.V1, smooch.V1_1} {
		image := smooch.Upload{Source: strings.NewReader("GIF89a!")}
		//lint:ignore SA1019 the fake speaks what is deprecated too
		posted, err := app.ForVersion(v).Conversations.UploadImage(ctx, "ida", image, message)
		require.NoError(t, err)
		assert.Equal(t, "image/gif", posted.Message.MediaType)
		assert.Equal(t, map[string]any{"a": "b"}, posted.Message.Metadata)
		assert.Equal(t, "Steve", posted.Message.Name)
	}
}

func TestFaults(t *testing.T) {
	ctx := t.Context()
	server := newServer(t)
	quick := smooch.WithRetryPolicy(smooch.RetryPolicy{MinDelay: time.Millisecond, MaxDelay: time.Millisecond})
	app := server.Client(quick)
	_, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	post := func() error {
		_, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("x"))
		return err
	}
	messages := func() int {
		p, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
		if errors.Is(err, smooch.ErrNotFound) {
			return 0
		}
		require.NoError(t, err)
		return len(p.Messages)
	}
	server.Fail(smoochtest.Fault{Method: "POST", Path: "/messages", Cut: smoochtest.CutBefore})
	assert.ErrorIs(t, post(), smooch.ErrOutcomeUnknown)
	assert.Zero(t, messages())
	server.Fail(smoochtest.Fault{Method: "POST", Path: "/messages", Cut: smoochtest.CutAfter})
	assert.ErrorIs(t, post(), smooch.ErrOutcomeUnknown)
	assert.Equal(t, 1, messages())
	server.Fail(smoochtest.Fault{Method: "POST", Path: "/messages", Truncate: true})
	_, decode := errors.AsType[*smooch.DecodeError](post())
	assert.True(t, decode)
	assert.Equal(t, 2, messages())
	server.Fail(smoochtest.Fault{Path: "/messages", Status: 502, Body: "<html>Bad Gateway</html>"})
	err = post()
	assert.ErrorIs(t, err, smooch.ErrServer)
	assert.ErrorIs(t, err, smooch.ErrOutcomeUnknown)
	server.Fail(smoochtest.Fault{Path: "/messages", Status: 429, RetryAfter: time.Second})
	began := time.Now()
	assert.NoError(t, post())
	assert.GreaterOrEqual(t, time.Since(began), time.Second)
	assert.Equal(t, 3, messages())
	server.Fail(smoochtest.Fault{Path: "/messages", Delay: time.Second})
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = server.Client().Conversations.PostMessage(short, "ida", smooch.TextMessage("x"))
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorIs(t, err, smooch.ErrOutcomeUnknown)
	assert.NotEmpty(t, server.Requests())

	server.Fail(smoochtest.Fault{Method: "DELETE", Cut: smoochtest.CutAfter})
	assert.NoError(t, server.Client(quick).AppUsers.Delete(ctx, "ida"), "the repeat finds nothing, as the first try did the work")
	assert.ErrorIs(t, server.Client(quick).AppUsers.Delete(ctx, "ida"), smooch.ErrNotFound)
}

func TestRateLimit(t *testing.T) {
	server := newServer(t, smoochtest.WithRateLimit(20, time.Second))
	app := server.Client()
	var group sync.WaitGroup
	var failed atomic.Int32
	for range 60 {
		group.Go(func() {
			if _, err := app.Webhooks.List(t.Context()); err != nil {
				failed.Add(1)
			}
		})
	}
	group.Wait()
	assert.Zero(t, failed.Load())
	refused := 0
	for _, r := range server.Requests() {
		if r.Status == 429 {
			refused++
		}
	}
	assert.Positive(t, refused)
	assert.Less(t, refused, 60)
}

// target is a webhook's target that answers what it is told and keeps what arrives.
type target struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []map[string]any
	keys   []string
	heads  int
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
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		tg.got, tg.keys = append(tg.got, body), append(tg.keys, r.Header.Get("X-API-Key"))
		w.WriteHeader(tg.status)
	}))
	t.Cleanup(tg.Close)
	return tg
}

func (tg *target) answer(status int) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	tg.status = status
}

func (tg *target) take() []map[string]any {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	got := tg.got
	tg.got = nil
	return got
}

func TestWebhookDeliveries(t *testing.T) {
	ctx := t.Context()
	server := newServer(t)
	app := server.Client()
	id := server.App().ID
	_, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida", GivenName: "Ida"})
	require.NoError(t, err)
	_, err = app.AppUsers.LinkChannel(ctx, "ida", smooch.ChannelLink{Type: "twilio", PhoneNumber: "+1514", Confirmation: &smooch.Confirmation{Type: "immediate"}})
	require.NoError(t, err)
	old, current := newTarget(t), newTarget(t)
	w1, err := app.ForVersion(smooch.V1).Webhooks.Create(ctx, smooch.WebhookCreate{Target: old.URL + "/hook", Triggers: []smooch.Trigger{"*"}})
	require.NoError(t, err)
	_, err = app.Webhooks.Create(ctx, smooch.WebhookCreate{Target: current.URL + "/hook", IncludeClient: true, Triggers: []smooch.Trigger{
		smooch.TriggerMessageAppUser, smooch.TriggerMessageAppMaker, smooch.TriggerMessageDeliveryChannel, smooch.TriggerPostback, smooch.TriggerTypingAppUser}})
	require.NoError(t, err)

	_, err = server.Say(id, "ida", "hi")
	require.NoError(t, err)
	_, err = app.Conversations.PostMessage(ctx, "ida", smooch.MessagePost{Text: "tap", Actions: []smooch.Action{smooch.PostbackAction("A", "PAY")}})
	require.NoError(t, err)
	require.NoError(t, server.Tap(id, "ida", "PAY"))
	require.NoError(t, server.Emit(id, "ida", "typing:appUser", map[string]any{"activity": map[string]any{"type": "typing:start"}}))
	require.NoError(t, server.WaitDeliveries(ctx))

	var triggers []any
	for _, e := range old.take() {
		triggers = append(triggers, e["trigger"])
		assert.NotContains(t, e, "version")
		if e["trigger"] == "message:appUser" {
			assert.Contains(t, e["appUser"], "clients", "v1 sends the user in full")
		}
		if e["trigger"] == "delivery:success" {
			assert.Len(t, e["messages"], 1)
		}
	}
	assert.Equal(t, []any{"message:appUser", "message:appMaker", "delivery:success", "postback"}, triggers)
	assert.Equal(t, w1.Secret, old.keys[0])
	triggers = nil
	for _, e := range current.take() {
		triggers = append(triggers, e["trigger"])
		assert.Equal(t, "v1.1", e["version"])
		assert.NotContains(t, e["appUser"], "clients")
		assert.Equal(t, "Ida", e["appUser"].(map[string]any)["givenName"])
		assert.Contains(t, e, "client")
		assert.Contains(t, e, "conversation")
		if e["trigger"] == "message:delivery:channel" {
			assert.NotContains(t, e, "messages")
			assert.Contains(t, e["message"], "_id")
		}
	}
	assert.Equal(t, []any{"message:appUser", "message:appMaker", "message:delivery:channel", "postback", "typing:appUser"}, triggers)
	old.mu.Lock()
	assert.Equal(t, 1, old.heads, "a look at scheme and host when it is created")
	old.mu.Unlock()
}

// TestV1Deliveries have their own shape, and none are about the SDKs.
func TestV1Deliveries(t *testing.T) {
	ctx := t.Context()
	server := newServer(t)
	app := server.Client(smooch.WithVersion(smooch.V1))
	id := server.App().ID
	status, _ := raw(t, server, "POST", "/v1/init", `{"userId":"ida","device":{"id":"d1","platform":"ios"}}`, "app-token: "+server.App().Token)
	require.Equal(t, 200, status)
	old, current := newTarget(t), newTarget(t)
	_, err := app.Webhooks.Create(ctx, smooch.WebhookCreate{Target: old.URL, Triggers: []smooch.Trigger{"*"}})
	require.NoError(t, err)
	_, err = app.ForVersion(smooch.V1_1).Webhooks.Create(ctx, smooch.WebhookCreate{Target: current.URL, Triggers: []smooch.Trigger{smooch.TriggerMessageDeliveryChannel}})
	require.NoError(t, err)
	_, err = app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("hi"))
	require.NoError(t, err)
	require.NoError(t, server.Emit(id, "ida", "notification:match:failure", nil))
	require.NoError(t, server.Emit(id, "ida", "message:delivery:failure", map[string]any{
		"message": map[string]any{"_id": "m1"}, "isFinalEvent": true, "error": map[string]any{"code": "forbidden"}}))
	require.NoError(t, server.WaitDeliveries(ctx))
	got := old.take()
	require.Len(t, got, 2)
	assert.Equal(t, "message:appMaker", got[0]["trigger"])
	assert.Equal(t, "delivery:failure", got[1]["trigger"])
	assert.Len(t, got[1]["messages"], 1)
	assert.NotContains(t, got[1], "message")
	assert.NotContains(t, got[1], "isFinalEvent")
	assert.Len(t, current.take(), 1, "v1.1 has those of the SDKs")
}

func TestWebhookRetries(t *testing.T) {
	ctx := t.Context()
	server := newServer(t)
	app := server.Client()
	id := server.App().ID
	_, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	tg := newTarget(t)
	_, err = app.Webhooks.Create(ctx, smooch.WebhookCreate{Target: tg.URL, Triggers: []smooch.Trigger{"message:appUser"}})
	require.NoError(t, err)

	say := func(status int) {
		tg.answer(status)
		_, err := server.Say(id, "ida", "hi")
		require.NoError(t, err)
		require.NoError(t, server.WaitDeliveries(ctx))
	}
	say(503)
	for wait, n := 10*time.Second, 1; n <= 5; wait, n = 2*wait, n+1 {
		assert.Len(t, tg.take(), 1)
		server.Advance(wait - time.Second)
		assert.Empty(t, tg.take(), "not due yet")
		server.Advance(time.Second)
	}
	assert.Len(t, tg.take(), 1, "the fifth further attempt")
	server.Advance(time.Hour)
	assert.Empty(t, tg.take(), "and no more")
	for _, final := range []int{400, 401, 403, 404, 406, 200, 204} {
		say(final)
		server.Advance(time.Hour)
		assert.Len(t, tg.take(), 1, "%d is final", final)
	}
	say(500)
	tg.answer(200)
	server.Advance(10 * time.Second)
	server.Advance(time.Hour)
	assert.Len(t, tg.take(), 2)
	attempts := 0
	for _, d := range server.DeliveryLog() {
		if d.Trigger == "message:appUser" && d.Status == 503 {
			attempts++
			assert.Equal(t, attempts, d.Attempt)
		}
	}
	assert.Equal(t, 6, attempts)

	_, err = app.Webhooks.Create(ctx, smooch.WebhookCreate{Target: "http://192.0.2.1/x", Triggers: []smooch.Trigger{"postback"}})
	require.NoError(t, err)
	require.NoError(t, server.Emit(id, "ida", "postback", nil))
	require.NoError(t, server.WaitDeliveries(ctx))
	log := server.DeliveryLog()
	assert.ErrorContains(t, log[len(log)-1].Err, "not on this machine", "a test never calls out")
}

// TestCloseCutsDeliveriesOff: a target that hangs does not hold the test up, and nothing is left behind.
func TestCloseCutsDeliveriesOff(t *testing.T) {
	ctx := t.Context()
	server := smoochtest.NewServer()
	app := server.Client()
	_, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	reached := make(chan error, 10)
	var status atomic.Int32
	status.Store(503)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || status.Load() != 0 {
			w.WriteHeader(int(status.Load()))
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that the client is gone
		reached <- nil
		<-r.Context().Done()
		reached <- r.Context().Err()
	}))
	defer target.Close()
	_, err = app.Webhooks.Create(ctx, smooch.WebhookCreate{Target: target.URL, Triggers: []smooch.Trigger{"message:appUser"}})
	require.NoError(t, err)
	say := func() {
		_, err := server.Say(server.App().ID, "ida", "hi")
		require.NoError(t, err)
	}
	say()
	require.NoError(t, server.WaitDeliveries(ctx))
	status.Store(0)
	say()
	<-reached // a first attempt hangs
	advanced := make(chan struct{})
	go func() { server.Advance(time.Minute); close(advanced) }()
	<-reached // a further one too
	say()     // this one waits behind the first
	server.Close()
	<-advanced
	assert.Error(t, <-reached)
	assert.Error(t, <-reached)
	log := server.DeliveryLog()
	for _, d := range log[len(log)-2:] {
		assert.ErrorIs(t, d.Err, context.Canceled, "not the 20 seconds of a delivery")
	}
	require.NoError(t, server.WaitDeliveries(ctx), "nothing is waited for")
}

// TestCloseDoesNotWaitForDelays, which tests of time-outs make long.
func TestCloseDoesNotWaitForDelays(t *testing.T) {
	server := smoochtest.NewServer()
	server.Fail(smoochtest.Fault{Delay: time.Hour})
	app := server.Client(smooch.WithTimeout(50*time.Millisecond), smooch.WithRetryPolicy(smooch.RetryPolicy{MaxAttempts: 1}))
	_, err := app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("hi"))
	assert.ErrorIs(t, err, smooch.ErrOutcomeUnknown)
	server.Close()
}

func TestRequestsAreInTheOrderOfArrival(t *testing.T) {
	server := newServer(t)
	app := server.Client()
	server.Fail(smoochtest.Fault{Path: "/first", Delay: 200 * time.Millisecond, Status: 404})
	done := make(chan error)
	go func() {
		_, err := app.AppUsers.Get(t.Context(), "first")
		done <- err
	}()
	require.Eventually(t, func() bool { return len(server.Requests()) == 1 }, 5*time.Second, time.Millisecond)
	_, err := app.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "second"})
	require.NoError(t, err)
	assert.ErrorIs(t, <-done, smooch.ErrNotFound)
	got := server.Requests()
	require.Len(t, got, 2)
	assert.Equal(t, []int{404, 201}, []int{got[0].Status, got[1].Status})
	assert.Contains(t, string(got[1].Body), "second")
}

// TestDeletedAppIsGone: with all that could reach it, and the server still works without its first app.
func TestDeletedAppIsGone(t *testing.T) {
	ctx := t.Context()
	server := smoochtest.NewServer()
	first := server.App()
	account := server.Client()
	token, err := account.OAuth.Exchange(ctx, smooch.OAuthExchange{Code: authorize(t, account).Get("code"), ClientID: "c", ClientSecret: "x"})
	require.NoError(t, err)
	granted, err := smooch.NewClient(smooch.BearerToken(token.AccessToken), smooch.WithBaseURL(server.URL))
	require.NoError(t, err)
	_, err = granted.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	image, err := account.Attachments.Upload(ctx, smooch.Upload{Source: strings.NewReader("x"), Filename: "a.png"}, smooch.AttachmentOptions{Access: "public"})
	require.NoError(t, err)

	require.NoError(t, account.Apps.Delete(ctx, first.ID))
	_, err = granted.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "bob"})
	assert.ErrorIs(t, err, smooch.ErrUnauthorized)
	resp, err := http.Get(image.MediaURL)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, 404, resp.StatusCode)
	assert.Equal(t, first, server.App())
	_, err = server.Client().AppUsers.Get(ctx, "ida")
	assert.ErrorIs(t, err, smooch.ErrNotFound)
	server.Close()
}

// TestDeletedWebhookIsNotTriedAgain, also if it is deleted while an attempt is under way.
func TestDeletedWebhookIsNotTriedAgain(t *testing.T) {
	ctx := t.Context()
	server := newServer(t)
	app := server.Client()
	_, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	var posts atomic.Int32
	deleting := make(chan struct{})
	var once sync.Once
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && posts.Add(1) == 2 {
			once.Do(func() { close(deleting) })
			time.Sleep(100 * time.Millisecond)
		}
		w.WriteHeader(503)
	}))
	defer target.Close()
	hook, err := app.Webhooks.Create(ctx, smooch.WebhookCreate{Target: target.URL, Triggers: []smooch.Trigger{"message:appUser"}})
	require.NoError(t, err)
	_, err = server.Say(server.App().ID, "ida", "hi")
	require.NoError(t, err)
	require.NoError(t, server.WaitDeliveries(ctx))
	advanced := make(chan struct{})
	go func() { server.Advance(time.Minute); close(advanced) }()
	<-deleting
	require.NoError(t, app.Webhooks.Delete(ctx, hook.ID))
	<-advanced
	server.Advance(time.Hour)
	assert.EqualValues(t, 2, posts.Load())
}

func TestSendKeepsTheCallersMaps(t *testing.T) {
	server := newServer(t)
	_, err := server.Client().AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	message := map[string]any{"type": "carousel", "items": []any{map[string]any{"title": "a"}}}
	before := fmt.Sprint(message)
	_, err = server.Send(server.App().ID, "ida", message)
	require.NoError(t, err)
	assert.Equal(t, before, fmt.Sprint(message))
	_, err = server.Send(server.App().ID, "ida", map[string]any{"text": func() {}})
	assert.Error(t, err)
}

// authorize is what the owner's browser brings back after the login.
func authorize(t *testing.T, client *smooch.Client) url.Values {
	t.Helper()
	address, err := client.OAuth.AuthorizeURL(smooch.OAuthAuthorize{ClientID: "c", State: "s", RedirectURI: "http://127.0.0.1:1/back"})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	resp.Body.Close()
	back, err := resp.Location()
	require.NoError(t, err)
	return back.Query()
}

func TestOAuth(t *testing.T) {
	ctx := t.Context()
	server := newServer(t)
	app := server.Client()
	back := authorize(t, app)
	assert.Equal(t, "s", back.Get("state"))
	exchange := smooch.OAuthExchange{Code: back.Get("code"), ClientID: "c", ClientSecret: "x"}
	granted, err := app.OAuth.Exchange(ctx, exchange)
	require.NoError(t, err)
	_, err = app.OAuth.Exchange(ctx, exchange)
	assert.ErrorIs(t, err, smooch.ErrUnauthorized, "a code works once")
	client, err := smooch.NewClient(smooch.BearerToken(granted.AccessToken), smooch.WithBaseURL(server.URL))
	require.NoError(t, err)
	_, err = client.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "u"})
	require.NoError(t, err)
	_, err = client.Integrations.List(ctx, smooch.IntegrationListOptions{})
	assert.ErrorIs(t, err, smooch.ErrForbidden)
	require.NoError(t, app.OAuth.Revoke(ctx, granted.AccessToken))
	_, err = client.AppUsers.Get(ctx, "u")
	assert.ErrorIs(t, err, smooch.ErrUnauthorized)
}

// TestTenThousandCalls: many clients at once; nothing is lost and nothing done twice.
func TestTenThousandCalls(t *testing.T) {
	server := newServer(t)
	app := server.Client()
	_, err := app.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	calls := 10_000
	if testing.Short() {
		calls = 500
	}
	var group sync.WaitGroup
	var posted atomic.Int32
	for w := range 50 {
		group.Go(func() {
			for i := range calls / 50 {
				var err error
				if i%4 == 0 {
					_, err = app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage(fmt.Sprint(w, "-", i)))
					posted.Add(1)
				} else {
					_, err = app.AppUsers.Get(t.Context(), "ida")
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	seen := map[string]bool{}
	for m, err := range app.Conversations.Messages(t.Context(), "ida", smooch.MessageListOptions{}) {
		require.NoError(t, err)
		assert.False(t, seen[m.Text], m.Text)
		seen[m.Text] = true
	}
	assert.Len(t, seen, int(posted.Load()))
}
