package smoochtest_test

import (
	"encoding/json"
	"fmt"
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
			unknown := status == 405 || strings.HasPrefix(fmt.Sprint(at(answer, "error", "description")), "Route not found")
			assert.Equal(t, !exists, unknown, "%s %s %s: %d %v", e.ID, e.Method, uri, status, answer)
		}
	}
}

// TestWrongPathsSayWhatIsMissing: a version is easily forgotten, or is the wrong one for a call.
func TestWrongPathsSayWhatIsMissing(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	account := signed(t, server.Account(), jwt.MapClaims{"scope": "account"})
	app := "/apps/" + server.App().ID
	for call, want := range map[string]string{
		"POST " + app + "/appusers/ida/messages":      "Route not found: its path does not begin with /v1.1 or /v1",
		"GET /v2" + app + "/users/ida":                "Route not found: its path does not begin with /v1.1 or /v1",
		"GET /":                                       "Route not found: its path does not begin with /v1.1 or /v1",
		"GET /v1" + app + "/sdks":                     "Route not found on v1, only on v1.1",
		"POST /v1.1" + app + "/appusers/ida/events":   "Route not found on v1.1, only on v1",
		"POST /v1.1/oauth/token":                      "Route not found on v1.1, only on paths without a version",
		"GET /v1.1" + app + "/appusers/ida/nonsense":  "Route not found",
		"GET /v1.1/nope":                              "Route not found",
		"GET /v1.1" + app + "/appusers/ida/messages/": "Route not found",
	} {
		method, path, _ := strings.Cut(call, " ")
		status, answer := raw(t, server, method, path, "{}", account)
		assert.Equal(t, 404, status, call)
		assert.Equal(t, want, at(answer, "error", "description"), call)
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
