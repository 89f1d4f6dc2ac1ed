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

func TestAPNAnswersItsSettings(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	for _, api := range []api{st.api, st.onV1()} {
		i := api.call(201, "POST", "/integrations", `{"type":"apn","certificate":"c"}`)["integration"]
		assert.Equal(t, false, at(i, "production"))
		assert.Equal(t, false, at(i, "autoUpdateBadge"))
		assert.NotContains(t, i, "certificate")
		i = api.call(200, "PUT", "/integrations/"+at(i, "_id").(string), `{"production":true}`)["integration"]
		assert.Equal(t, true, at(i, "production"))
	}
}

// TestNullClears tries null on fields that cannot be cleared, and on those that can.
func TestNullClears(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	twilio := "/integrations/" + st.integration(`{"type":"twilio","accountSid":"a","authToken":"b","phoneNumberSid":"c"}`)
	web := "/integrations/" + st.integration(`{"type":"web","businessName":"Shop"}`)
	i := st.call(200, "PUT", twilio, `{"accountSid":null}`)["integration"]
	assert.Equal(t, "a", at(i, "accountSid"))
	i = st.call(200, "PUT", web, `{"businessName":null}`)["integration"]
	assert.NotContains(t, i, "businessName")

	account := st.api
	account.prefix = "/v1"
	path := "/apps/" + st.server.App().ID
	app := account.call(200, "PUT", path, `{"name":null,"metadata":{"a":1}}`)["app"]
	assert.Equal(t, "Default app", at(app, "name"))
	account.call(400, "PUT", path, `{"name":""}`)
	account.call(400, "PUT", path, `{"name":5}`)
	account.call(400, "PUT", path, `{"metadata":{"a":[]}}`)
	st.call(200, "PUT", "/appusers/ida", `{"givenName":"Ida"}`)
	user := st.call(200, "PUT", "/appusers/ida", `{"givenName":null}`)["appUser"]
	assert.Equal(t, "Ida", at(user, "givenName"))
	st.call(400, "PUT", "/appusers/ida", `{"givenName":5}`)
}

func TestFieldsOfIntegrations(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	const twitter = `"type":"twitter","consumerKey":"a","consumerSecret":"b","accessTokenKey":"c","accessTokenSecret":"d"`
	for body, want := range map[string]string{
		`"type":"twilio","accountSid":"a"`: "authToken is required",
		`"type":5`:                         "type must be a string",
		`"type":"whatsapp"`:                "deploymentId is required",
		`"type":"whatsapp","baseUrl":"https://w.example"`:             "",
		`"type":"line","channelSecret":"s"`:                           "channelAccessToken is required",
		`"type":"line","channelId":"i","channelSecret":"s","mid":"m"`: "",
		twitter + `,"tier":"premium"`:                                 "envName is required",
		twitter + `,"tier":"premium","envName":"e"`:                   "",
		twitter + `,"tier":"enterprise"`:                              "",
		`"type":"pigeon","loft":7`:                                    "",
	} {
		st.check(st.api, "/integrations", `{`+body+`}`, want)
		st.check(st.onV1(), "/integrations", `{`+body+`}`, want)
	}
}
