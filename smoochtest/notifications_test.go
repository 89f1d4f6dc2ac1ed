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
