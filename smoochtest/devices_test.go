package smoochtest_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
)

func TestInit(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	device := newAPI(t, server)
	device.prefix, device.credential = "/v1", "app-token: "+server.App().Token
	device.call(400, "POST", "/init", `{"device":{"id":"d1"}}`)
	const anonymous = `{"device":{"id":"d1","platform":"ios","info":{"a":"b"}}}`
	user := device.call(200, "POST", "/init", anonymous)["appUser"]
	again := device.call(200, "POST", "/init", anonymous)["appUser"]
	assert.Equal(t, at(user, "_id"), at(again, "_id"), "a device without a userId stays with its user")
	assert.Len(t, at(again, "devices"), 1)
	ida := device.call(200, "POST", "/init", `{"userId":"ida","device":{"id":"d1","platform":"ios"}}`)["appUser"]
	assert.NotEqual(t, at(user, "_id"), at(ida, "_id"))

	const change = `{"appVersion":"2","info":{"c":"d"}}`
	device.call(404, "PUT", "/appusers/ida/devices/nope", change)
	changed := device.call(200, "PUT", "/appusers/ida/devices/d1", change)["device"]
	assert.Equal(t, "2", at(changed, "appVersion"))
	device.call(200, "PUT", "/appusers/ida/devices/d1", `{"info":{"e":"f"}}`)
	device.call(404, "POST", "/appusers/ida/pushToken", `{"deviceId":"nope","token":"t"}`)
	device.call(200, "POST", "/appusers/ida/pushToken", `{"deviceId":"d1","token":"t"}`)
	ida = device.call(200, "GET", "/appusers/ida", "")["appUser"]
	clients := at(ida, "clients").([]any)
	assert.Equal(t, map[string]any{"c": "d", "e": "f"}, at(clients[0], "info"), "info is merged")
	assert.Equal(t, "t", at(clients[0], "pushNotificationToken"))

	secured := device
	secured.credential = signed(t, server.App().Key, jwt.MapClaims{"scope": "appUser", "userId": "ida"})
	secured.call(403, "POST", "/init", `{"userId":"bob","device":{"id":"d2","platform":"web"}}`)
	secured.call(200, "POST", "/init", `{"device":{"id":"d2","platform":"web"}}`)
	device.call(401, "POST", "/init", `{"userId":"ida","device":{"id":"d1","platform":"ios"}}`)
}

func TestDeviceRules(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	v1 := st.onV1()
	for device, want := range map[string]string{
		`"x"`:                            "device.id is required",
		`{"platform":"web"}`:             "device.id is required",
		`{"id":"d"}`:                     "device.platform must be",
		`{"id":"d","platform":"twilio"}`: "device.platform must be",
		`{"id":"d","platform":"web","info":{"a":{}}}`:  "device.info.a must be",
		`{"id":"d","platform":"other","info":{"a":1}}`: "",
	} {
		st.check(v1, "/init", `{"userId":"ida","device":`+device+`}`, want)
	}
	v1.call(400, "PUT", "/appusers/ida/devices/d", `{"info":{"a":[]}}`)
	v1.call(200, "PUT", "/appusers/ida/devices/d", `{"info":{"a":2}}`)
}

// TestOfSeveralDevicesTheLastOneIsMeant sends to a type of channel that the user has two clients
// of.
func TestOfSeveralDevicesTheLastOneIsMeant(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	for _, id := range []string{"d1", "d2", "d1", "d2"} {
		st.onV1().call(200, "POST", "/init", `{"userId":"ida","device":{"id":"`+id+`","platform":"ios"}}`)
		st.events()
		st.post(`{"role":"appMaker","type":"text","text":"x","destination":{"integrationType":"ios"}}`)
		_, v11 := st.events()
		assert.Equal(t, id, dig(v11[len(v11)-1], "client.id"))
	}
}
