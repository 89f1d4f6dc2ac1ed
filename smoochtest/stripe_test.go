package smoochtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

func TestStripe(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	tg := newTarget(t)
	subscribe(t, app, tg.URL, smooch.TriggerPaymentSuccess)
	api := newAPI(t, server)
	message := api.call(201, "POST", "/appusers/ida/messages",
		`{"type":"text","text":"x","role":"appMaker","actions":[{"type":"buy","text":"Buy","amount":100}]}`)["message"]
	action := at(message, "actions").([]any)[0]
	assert.Equal(t, "offered", at(action, "state"))

	api.call(400, "POST", "/appusers/ida/stripe/customer", `{}`)
	api.call(200, "POST", "/appusers/ida/stripe/customer", `{"token":"t"}`)
	api.call(404, "POST", "/appusers/ida/stripe/transaction", `{"actionId":"nope"}`)
	api.call(200, "POST", "/appusers/ida/stripe/transaction", `{"actionId":"`+at(action, "_id").(string)+`"}`)
	require.NoError(t, server.WaitDeliveries(t.Context()))
	events := tg.take()
	require.Len(t, events, 1)
	payment := events[0]["payments"].([]any)[0]
	assert.Equal(t, "paid", at(payment, "action", "state"))
	assert.Equal(t, at(message, "_id"), at(payment, "message", "_id"))
	assert.NotEmpty(t, at(api.call(200, "GET", "/stripe/account", ""), "account", "id"))
}
