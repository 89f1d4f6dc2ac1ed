package smoochtest_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

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
