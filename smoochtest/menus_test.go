package smoochtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestMenus checks the app's menu and that of an integration, which are independent.
func TestMenus(t *testing.T) {
	t.Parallel()
	api := newAPI(t, newServer(t))
	id := at(api.call(201, "POST", "/integrations", `{"type":"telegram","token":"t"}`), "integration", "_id").(string)
	empty := map[string]any{"items": []any{}}
	for _, path := range []string{"/menu", "/integrations/" + id + "/menu"} {
		assert.Equal(t, empty, api.call(200, "GET", path, "")["menu"])
		api.call(400, "PUT", path, `{}`)
		api.call(400, "PUT", path, `{"items":[{},{},{},{},{},{}]}`)
		menu := api.call(200, "PUT", path, `{"items":[{"type":"link","text":"a","uri":"b"}]}`)["menu"]
		items := at(menu, "items").([]any)
		assert.NotEmpty(t, at(items[0], "_id"))
		assert.Equal(t, menu, api.call(200, "GET", path, "")["menu"])
	}
	answer := api.call(200, "DELETE", "/menu", "")
	assert.Equal(t, empty, answer["menu"])
	assert.Equal(t, empty, api.call(200, "GET", "/menu", "")["menu"])

	path := "/integrations/" + id + "/menu"
	assert.NotEqual(t, empty, api.call(200, "GET", path, "")["menu"])
	api.call(201, "POST", path, `{"items":[{"type":"postback","text":"a","payload":"b"}]}`)
	assert.Empty(t, api.call(200, "DELETE", path, ""))
	api.call(404, "GET", "/integrations/nope/menu", "")
	api.call(404, "DELETE", "/integrations/nope/menu", "")
}
