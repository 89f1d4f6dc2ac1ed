package smoochtest_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"

	"github.com/smooch/smooch-go/smoochtest"
)

func TestServiceAccounts(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	account := newAPI(t, server)
	appPath := account.prefix
	account.prefix = "/v1.1"
	id := at(account.call(201, "POST", "/serviceaccounts", `{"name":"a"}`), "serviceAccount", "_id").(string)
	account.call(409, "POST", "/serviceaccounts", `{"name":"a"}`)
	account.call(200, "PUT", "/serviceaccounts/"+id, `{"name":"b"}`)
	got := account.call(200, "GET", "/serviceaccounts/"+id, "")["serviceAccount"]
	assert.Equal(t, "b", at(got, "name"))
	assert.Equal(t, []any{got}, account.call(200, "GET", "/serviceaccounts", "")["serviceAccounts"])

	key := account.call(201, "POST", "/serviceaccounts/"+id+"/keys", `{"name":"k"}`)["key"]
	assert.Equal(t, []any{key}, account.call(200, "GET", "/serviceaccounts/"+id+"/keys", "")["keys"])
	own := account
	own.credential = signed(t, smoochtest.Credentials{KeyID: at(key, "_id").(string), Secret: at(key, "secret").(string)},
		jwt.MapClaims{"scope": "account"})
	app := at(own.call(201, "POST", "/apps", `{"name":"of b"}`), "app", "_id").(string)
	own.call(200, "GET", "/apps/"+app, "")
	assert.Len(t, own.call(200, "GET", "/apps", "")["apps"], 1, "it sees the apps that it has created")
	assert.Len(t, account.call(200, "GET", "/apps", "")["apps"], 2)
	own.prefix = ""
	own.call(404, "GET", appPath, "")
	own.call(403, "GET", "/v1.1/serviceaccounts", "")

	account.call(400, "DELETE", "/serviceaccounts/"+id, "")
	account.call(200, "DELETE", "/apps/"+app, "")
	account.call(200, "DELETE", "/serviceaccounts/"+id, "")
	account.call(404, "GET", "/serviceaccounts/"+id, "")
	own.call(401, "GET", "/v1.1/apps", "")
}
