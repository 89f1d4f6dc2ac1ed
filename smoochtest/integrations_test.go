package smoochtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIntegrations(t *testing.T) {
	t.Parallel()
	api := newAPI(t, newServer(t))
	assert.Empty(t, api.call(200, "GET", "/integrations", "")["integrations"])
	sdks := api.call(200, "GET", "/integrations?types=ios,web", "")["integrations"].([]any)
	assert.Len(t, sdks, 2, "those of the SDKs are listed when they are asked for")
	assert.NotContains(t, sdks[0], "sdk", "the mark is not answered")

	api.call(400, "POST", "/integrations", `{"type":"twilio","accountSid":"a"}`)
	twilio := api.call(201, "POST", "/integrations",
		`{"type":"twilio","accountSid":"a","authToken":"secret","phoneNumberSid":"p"}`)["integration"]
	assert.Equal(t, "active", at(twilio, "status"))
	assert.Equal(t, "a", at(twilio, "accountSid"))
	assert.NotContains(t, twilio, "authToken", "a secret is not answered")
	assert.NotEmpty(t, at(twilio, "phoneNumber"), "the channel says which number it is")
	future := api.call(201, "POST", "/integrations", `{"type":"telepathy","range":"10 km"}`)["integration"]
	assert.Equal(t, "10 km", at(future, "range"))
	assert.Equal(t, []any{twilio, future}, api.call(200, "GET", "/integrations", "")["integrations"])
	assert.Equal(t, []any{future}, api.call(200, "GET", "/integrations?limit=1&offset=1", "")["integrations"])
	assert.Equal(t, []any{twilio}, api.onV1().call(200, "GET", "/integrations?types=twilio%2Cline", "")["integrations"])

	path := "/integrations/" + at(twilio, "_id").(string)
	changed := api.call(200, "PUT", path, `{"displayName":"d","authToken":"other"}`)["integration"]
	assert.Equal(t, "d", at(changed, "displayName"))
	assert.Equal(t, changed, api.call(200, "GET", path, "")["integration"])
	api.call(200, "DELETE", path, "")
	api.call(404, "GET", path, "")
}
