package smoochtest_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"

	"github.com/smooch/smooch-go/smoochtest"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	api := newAPI(t, server)
	api.call(400, "POST", "/keys", `{}`)
	key := api.call(201, "POST", "/keys", `{"name":"k"}`)["key"]
	credentials := smoochtest.Credentials{KeyID: at(key, "_id").(string), Secret: at(key, "secret").(string)}
	assert.Equal(t, key, api.call(200, "GET", "/keys/"+credentials.KeyID, "")["key"])
	assert.Contains(t, api.call(200, "GET", "/keys", "")["keys"], key)

	issued := api.call(200, "GET", "/keys/"+credentials.KeyID+"/jwt", "")["jwt"].(string)
	for _, token := range []string{
		"Authorization: Bearer " + issued,
		signed(t, credentials, jwt.MapClaims{"scope": "app"}),
	} {
		status, _ := raw(t, server, "GET", "/v1/webhooks", "", token)
		assert.Equal(t, 200, status)
	}
	api.call(200, "DELETE", "/keys/"+credentials.KeyID, "")
	api.call(404, "GET", "/keys/"+credentials.KeyID, "")
	status, _ := raw(t, server, "GET", "/v1/webhooks", "", "Authorization: Bearer "+issued)
	assert.Equal(t, 401, status, "the tokens of a deleted key stop working")
}
