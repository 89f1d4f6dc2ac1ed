package smoochtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNotifications(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	tg := newTarget(t)
	subscribe(t, server.Client(), tg.URL, "notification:delivery:channel")
	api := newAPI(t, server)
	id := at(api.call(201, "POST", "/integrations", `{"type":"whatsapp","deploymentId":"d"}`), "integration", "_id").(string)
	destination := `"destination":{"integrationId":"` + id + `","destinationId":"1514"}`
	const (
		author  = `"author":{"role":"appMaker"}`
		message = `"message":{"type":"text","text":"hi"}`
	)
	for _, body := range []string{
		`{` + author + `,` + message + `}`,
		`{` + destination + `,` + message + `}`,
		`{` + destination + `,` + author + `}`,
		`{` + destination + `,` + author + `,"message":{"type":"text"}}`,
	} {
		api.call(400, "POST", "/notifications", body)
	}
	answer := api.call(201, "POST", "/notifications", `{`+destination+`,`+author+`,`+message+`}`)
	require.NoError(t, server.WaitDeliveries(t.Context()))
	events := tg.take()
	require.Len(t, events, 1)
	assert.Equal(t, at(answer, "notification", "_id"), at(events[0], "notification", "_id"))
	assert.NotContains(t, events[0], "appUser")
}

// TestNotificationsMakeAppUsers notifies a number that is nobody's yet, and one that is a user's.
func TestNotificationsMakeAppUsers(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	id := st.integration(`{"type":"whatsapp","deploymentId":"d"}`)
	notify := func(api api, status int, integrationID string) map[string]any {
		return api.call(status, "POST", "/notifications", `{"author":{"role":"appMaker"},"message":{"type":"text","text":"x"},
			"destination":{"integrationId":"`+integrationID+`","destinationId":"15145550199"}}`)
	}
	notify(st.api, 404, "nope")
	notify(st.onV1(), 404, "nope")
	first := notify(st.api, 201, id)
	assert.Len(t, at(first, "notification", "_id"), 36)
	_, v11 := st.events()
	require.Equal(t, []any{"client:add", "notification:delivery:channel"}, triggers(v11))
	userID := dig(v11[1], "matchResult.appUser._id").(string)
	assert.NotEmpty(t, dig(v11[1], "matchResult.conversation._id"))
	assert.Equal(t, at(first, "notification", "_id"), dig(v11[1], "notification._id"))
	user := st.call(200, "GET", "/appusers/"+userID, "")
	assert.Equal(t, true, dig(user, "appUser.conversationStarted"))
	assert.Equal(t, "15145550199", dig(user, "appUser.clients.0.externalId"))

	notify(st.onV1(), 201, id)
	_, v11 = st.events()
	require.Equal(t, []any{"notification:delivery:channel"}, triggers(v11), "the user is found again")
	assert.Equal(t, userID, dig(v11[0], "matchResult.appUser._id"))

	require.NoError(t, st.server.Person(st.server.App().ID, userID, "whatsapp").Block())
	notify(st.api, 201, id)
	_, v11 = st.events()
	require.Equal(t, []any{"notification:delivery:failure"}, triggers(v11))
	assert.Equal(t, "forbidden", dig(v11[0], "error.code"))
	assert.NotContains(t, v11[0], "matchResult")
}
