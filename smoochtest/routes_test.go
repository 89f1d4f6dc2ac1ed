package smoochtest_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/smoochtest"
)

// TestEveryCallIsServed compares the routes with the endpoint list: each call is known on the
// versions that have it, on no other, and there are no further calls.
func TestEveryCallIsServed(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../testdata/endpoints.json")
	require.NoError(t, err)
	var endpoints []struct {
		ID, Method, Path string
		AppScoped        bool
		Versions         []string
	}
	require.NoError(t, json.Unmarshal(data, &endpoints))
	require.Len(t, endpoints, smoochtest.RouteCount)
	server := newServer(t)
	app := server.App()
	for _, e := range endpoints {
		path := strings.NewReplacer("{appId}", app.ID, "{", "", "}", "").Replace(e.Path)
		if e.AppScoped {
			path = "/apps/" + app.ID + path
		}
		for _, version := range []string{"v1", "v1.1", ""} {
			exists := slices.Contains(e.Versions, version) || len(e.Versions) == 0 && version == ""
			uri := path
			if version != "" {
				uri = "/" + version + path
			}
			status, answer := raw(t, server, e.Method, uri, "{}")
			unknown := status == 405 || at(answer, "error", "description") == "Route not found"
			assert.Equal(t, !exists, unknown, "%s %s %s: %d %v", e.ID, e.Method, uri, status, answer)
		}
	}
}

func TestEmptyListsAndFarOffsets(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	account := st.api
	account.prefix = strings.TrimSuffix(account.prefix, "/apps/"+st.server.App().ID)
	for path, api := range map[string]api{"/templates": st.api, "/integrations": st.api, "/serviceaccounts": account} {
		name := map[string]string{"/serviceaccounts": "serviceAccounts"}[path]
		if name == "" {
			name = path[1:]
		}
		for _, query := range []string{"", "?offset=9223372036854775807", "?limit=100&offset=9223372036854775807"} {
			answer := api.call(200, "GET", path+query, "")
			assert.Equal(t, []any{}, answer[name], "%s%s", path, query)
			assert.Equal(t, false, answer["hasMore"])
		}
		api.call(400, "GET", path+"?offset=9223372036854775808", "")
		api.call(400, "GET", path+"?offset=-1", "")
	}
	page := account.onV1().call(200, "GET", "/apps?offset=9223372036854775807", "")
	assert.Empty(t, page["apps"])
}

// TestCallsOfBrowsers: pages of other sites make the calls of a user's device, not a business's.
func TestCallsOfBrowsers(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	const origin, allow = "Origin: https://shop.example", "Access-Control-Allow-Origin"
	user := signed(t, server.App().Key, jwt.MapClaims{"scope": "appUser", "userId": "ida"})
	app := signed(t, server.App().Key, jwt.MapClaims{"scope": "app"})
	for _, version := range []string{"/v1", "/v1.1"} {
		url := server.URL + version + "/appusers/ida"
		ask := exchange(t, "OPTIONS", 204, url, origin,
			"Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization,content-type")
		assert.Equal(t, "https://shop.example", ask.header.Get(allow))
		assert.Contains(t, ask.header.Get("Access-Control-Allow-Methods"), "PUT")
		assert.NotContains(t, ask.header.Get("Access-Control-Allow-Methods"), "DELETE", "no call of a device")
		assert.Equal(t, "authorization,content-type", ask.header.Get("Access-Control-Allow-Headers"))
		assert.NotEmpty(t, exchange(t, "GET", 200, url, origin, user).header.Get(allow))
		assert.NotEmpty(t, exchange(t, "GET", 401, url, origin).header.Get(allow), "a page reads why it was refused")
		assert.Empty(t, exchange(t, "GET", 200, url, origin, app).header.Get(allow), "a credential for servers")
		assert.Empty(t, exchange(t, "GET", 200, url, user).header.Get(allow), "no page asks")

		url = server.URL + version + "/webhooks"
		assert.Empty(t, exchange(t, "OPTIONS", 405, url, origin).header.Get(allow))
		assert.Empty(t, exchange(t, "GET", 200, url, origin, app).header.Get(allow))
		exchange(t, "OPTIONS", 404, server.URL+version+"/nope", origin)
	}
	exchange(t, "OPTIONS", 405, server.URL+"/v1/appusers/ida") // asked by no browser
}
