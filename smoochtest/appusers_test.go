package smoochtest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

func TestAppUserOnBothVersions(t *testing.T) {
	t.Parallel()
	api := newAPI(t, newServer(t))
	user := api.onV1().call(201, "POST", "/appusers",
		`{"userId":"a+b@c.d","credentialRequired":false,"signedUpAt":"2015-10-08T20:52:11-03:00"}`)["appUser"]
	assert.Equal(t, "2015-10-08T23:52:11.000Z", at(user, "signedUpAt"))
	assert.Contains(t, user, "devices")
	assert.Equal(t, false, at(user, "credentialRequired"))
	api.call(409, "POST", "/appusers", `{"userId":"a+b@c.d"}`)
	for _, path := range []string{"/appusers/a+b%40c.d", "/appusers/a+b@c.d"} {
		user = api.call(200, "GET", path, "")["appUser"]
		assert.NotContains(t, user, "devices")
	}
}

// TestClientOnBothVersions: v1 has clients without the members that came with v1.1.
func TestClientOnBothVersions(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	st.integration(`{"type":"telegram","token":"t"}`)
	_, err := st.on("telegram").Say("hi")
	require.NoError(t, err)
	v1, v11 := st.events()
	onV1 := st.onV1().call(200, "GET", "/appusers/ida", "")["appUser"]
	clients := []any{
		first(at(onV1, "clients")), first(at(onV1, "devices")), first(at(v1[0], "appUser", "clients")),
		first(at(st.call(200, "GET", "/appusers/ida", ""), "appUser", "clients")), v11[0]["client"],
	}
	for i, client := range clients {
		assert.Contains(t, client, "id")
		assert.Contains(t, client, "primary")
		for _, name := range []string{"_id", "status", "integrationId", "externalId"} {
			assert.Equal(t, i >= 3, at(client, name) != nil, "%d: %s", i, name)
		}
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	app := newServer(t).Client()
	ida, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{
		UserID: "ida", GivenName: "G", Properties: map[string]any{"a": 1, "b": 2},
	})
	require.NoError(t, err)
	user, err := app.AppUsers.Update(ctx, ida.ID, smooch.AppUserUpdate{
		Surname: new("S"), Properties: map[string]any{"b": 3},
	})
	require.NoError(t, err)
	assert.Equal(t, "G", user.GivenName)
	assert.Equal(t, "S", user.Surname)
	want := map[string]any{"a": json.Number("1"), "b": json.Number("3")}
	assert.Equal(t, want, user.Properties, "properties are merged")
	user, err = app.AppUsers.DeleteProfile(ctx, "ida")
	require.NoError(t, err)
	assert.Empty(t, user.GivenName)
	assert.Empty(t, user.Properties)
	require.NoError(t, app.AppUsers.Delete(ctx, "ida"))
	_, err = app.AppUsers.Get(ctx, "ida")
	assert.ErrorIs(t, err, smooch.ErrNotFound)
}

func TestTrackEvent(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	api := newAPI(t, server).onV1()
	api.call(400, "POST", "/appusers/ida/events", `{}`)
	api.call(201, "POST", "/appusers/ida/events", `{"name":"e","appUser":{"givenName":"Ida"}}`)
	assert.Equal(t, "Ida", at(api.call(200, "GET", "/appusers/ida", ""), "appUser", "givenName"))
}

func TestMerge(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	app := newServer(t).Client()
	ida, bob := createUser(t, app, "ida"), createUser(t, app, "bob")
	for _, userID := range []string{"ida", "bob", "ida"} {
		message := smooch.TextMessage("from " + userID)
		message.Role = smooch.RoleAppUser
		_, err := app.Conversations.PostMessage(ctx, userID, message)
		require.NoError(t, err)
	}
	err := app.AppUsers.Merge(ctx, smooch.AppUserMerge{Surviving: ida.ID, Discarded: ida.ID})
	assert.ErrorIs(t, err, smooch.ErrBadRequest)
	require.NoError(t, app.AppUsers.Merge(ctx, smooch.AppUserMerge{Surviving: ida.ID, Discarded: bob.ID}))
	_, err = app.AppUsers.Get(ctx, bob.ID)
	assert.ErrorIs(t, err, smooch.ErrNotFound)
	page, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	require.NoError(t, err)
	var texts []string
	for _, m := range page.Messages {
		texts = append(texts, m.Text)
		assert.Equal(t, ida.ID, m.AuthorID)
	}
	assert.Equal(t, []string{"from ida", "from bob", "from ida"}, texts, "in the order of their times")
}

func TestMergeNeedsBothUsers(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	user := st.call(200, "GET", "/appusers/ida", "")["appUser"]
	id := `{"_id":"` + at(user, "_id").(string) + `"}`
	for body, want := range map[string]string{
		`{}`:                       "surviving._id is required",
		`{"surviving":` + id + `}`: "discarded._id is required",
		`{"discarded":` + id + `}`: "surviving._id is required",
		`{"surviving":` + id + `,"discarded":"x"}`:        "discarded._id is required",
		`{"surviving":` + id + `,"discarded":` + id + `}`: "surviving and discarded",
	} {
		st.check(st.api, "/appusers/merge", body, want)
	}
	st.call(404, "POST", "/appusers/merge", `{"surviving":`+id+`,"discarded":{"_id":"ida"}}`)
}

// TestMergedUsersHaveOneChannelUsedLast: the surviving user's.
func TestMergedUsersHaveOneChannelUsedLast(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	bob := st.call(201, "POST", "/appusers", `{"userId":"bob"}`)
	ida := st.call(200, "GET", "/appusers/ida", "")
	require.NoError(t, st.on("viber").Join())
	require.NoError(t, st.server.Person(st.server.App().ID, "bob", "line").Join())
	st.call(200, "POST", "/appusers/merge", `{"surviving":{"_id":"`+dig(ida, "appUser._id").(string)+
		`"},"discarded":{"_id":"`+dig(bob, "appUser._id").(string)+`"}}`)
	clients := dig(st.call(200, "GET", "/appusers/ida", ""), "appUser.clients").([]any)
	require.Len(t, clients, 2)
	assert.Equal(t, []any{true, false}, []any{at(clients[0], "primary"), at(clients[1], "primary")})
	st.events()
	for _, want := range []string{"viber", "line"} {
		st.post(`{"role":"appMaker","type":"text","text":"x"}`)
		_, v11 := st.events()
		require.Equal(t, []any{"message:appMaker", "message:delivery:channel"}, triggers(v11))
		assert.Equal(t, want, dig(v11[1], "destination.type"))
		_, err := st.on("line").Say("x")
		require.NoError(t, err)
		st.events()
	}
	st.call(200, "DELETE", "/appusers/ida/channels/line", "")
	st.post(`{"role":"appMaker","type":"text","text":"x"}`)
	_, v11 := st.events()
	assert.Equal(t, "viber", dig(v11[len(v11)-1], "destination.type"), "what is left")
}

func TestUsersWithoutNameAreToldApart(t *testing.T) {
	t.Parallel()
	server := newServer(t, smoochtest.WithSeed("names"))
	names := map[any]bool{}
	for range 10 {
		made := newControls(t, server).call(201, "POST", "apps/"+server.App().ID+"/users", `{"channel":"web"}`)
		names[at(made, "user", "displayName")] = true
	}
	assert.Greater(t, len(names), 7)
	assert.NotContains(t, names, "")
}

// TestUsersAreFoundByBothIDs: by the _id and by the userId, which goes over to another user with a
// merge and is free again after a deletion.
func TestUsersAreFoundByBothIDs(t *testing.T) {
	t.Parallel()
	server, client := newServerWithUser(t)
	api := newAPI(t, server)
	ada := createUser(t, client, "ada")
	anonymous := newControls(t, server).call(201, "POST", "apps/"+server.App().ID+"/users", `{"channel":"web"}`)
	id := at(anonymous, "user", "id").(string)
	assert.Nil(t, at(api.call(200, "GET", "/appusers/"+id, ""), "appUser", "userId"))

	api.call(200, "POST", "/appusers/merge", `{"surviving":{"_id":"`+id+`"},"discarded":{"_id":"`+ada.ID+`"}}`)
	assert.Equal(t, id, at(api.call(200, "GET", "/appusers/ada", ""), "appUser", "_id"), "it goes over")
	assert.Equal(t, "ada", at(api.call(200, "GET", "/appusers/"+id, ""), "appUser", "userId"))
	api.call(404, "GET", "/appusers/"+ada.ID, "")
	api.call(409, "POST", "/appusers", `{"userId":"ada"}`)

	ida := at(api.call(200, "GET", "/appusers/ida", ""), "appUser", "_id").(string)
	api.call(200, "POST", "/appusers/merge", `{"surviving":{"_id":"`+id+`"},"discarded":{"_id":"`+ida+`"}}`)
	api.call(404, "GET", "/appusers/ida", "")
	assert.Equal(t, "ada", at(api.call(200, "GET", "/appusers/"+id, ""), "appUser", "userId"), "it keeps its own")

	require.NoError(t, server.ImportState(server.ExportState()))
	assert.Equal(t, id, at(api.call(200, "GET", "/appusers/ada", ""), "appUser", "_id"))
	api.call(404, "POST", "/appusers/merge", `{"surviving":{"_id":"ada"},"discarded":{"_id":"`+id+`"}}`)
	api.call(200, "DELETE", "/appusers/"+id, "")
	api.call(404, "GET", "/appusers/ada", "")
	api.call(404, "GET", "/appusers/"+id, "")
	api.call(400, "POST", "/appusers", `{"userId":"ada","properties":{"a":[]}}`)
	api.call(404, "GET", "/appusers/ada", "")
	api.call(201, "POST", "/appusers", `{"userId":"ada"}`)
}

// TestMergedConversations: unread counts add up, and links and messages keep what belongs to them.
func TestMergedConversations(t *testing.T) {
	t.Parallel()
	server, client := newServerWithUser(t)
	createUser(t, client, "bob")
	api, c, users := newAPI(t, server), newControls(t, server), "apps/"+server.App().ID+"/users/"
	merged := map[string]string{}
	for _, id := range []string{"ida", "bob"} {
		require.NoError(t, server.Person(server.App().ID, id, "line").Join())
		api.call(201, "POST", "/appusers/"+id+"/messages",
			`{"role":"appMaker","type":"text","text":"x","override":{"line":{"payload":{"for":"`+id+`"}}}}`)
		merged[id] = at(c.call(200, "GET", users+id, ""), "user", "id").(string)
	}
	tg := newTarget(t)
	subscribe(t, client, tg.URL, "link:success")
	api.call(200, "POST", "/appusers/bob/channels", `{"type":"twilio","phoneNumber":"+1514","confirmation":{"type":"prompt"}}`)
	api.call(200, "POST", "/appusers/merge", `{"surviving":{"_id":"`+merged["ida"]+`"},"discarded":{"_id":"`+merged["bob"]+`"}}`)
	require.NoError(t, server.Person(server.App().ID, "ida", "twilio").Join())
	require.NoError(t, server.WaitDeliveries(t.Context()))
	assert.Equal(t, map[string]any{"phoneNumber": "+1514"}, at(tg.take()[0], "criteria"), "a link that waits goes along")
	talk := c.call(200, "GET", users+"ida/conversation?channel=line", "")
	assert.EqualValues(t, 2, at(talk, "user", "conversation", "unreadCount"))
	messages := talk["messages"].([]any)
	require.Len(t, messages, 2)
	for i, id := range []string{"ida", "bob"} {
		assert.Equal(t, id, at(messages[i], "override", "for"))
		assert.Len(t, at(messages[i], "deliveries"), 1)
	}
}
