package smoochtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBusinessProfile(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	api := newAPI(t, server)
	id := at(api.call(201, "POST", "/integrations", `{"type":"whatsapp","deploymentId":"d"}`), "integration", "_id").(string)
	path := "/integrations/" + id + "/profile"
	assert.Empty(t, api.call(200, "GET", path, "")["profile"])
	assert.Nil(t, api.onV1().call(200, "PUT", path, `{"about":"v1"}`), "an empty body")
	assert.Nil(t, api.call(200, "PUT", path, `{"about":"a"}`))
	photo, err := server.Client().Integrations.UploadProfilePhoto(t.Context(), id, gif())
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"about": "a", "photoUrl": photo.PhotoURL}, api.call(200, "GET", path, "")["profile"])
	api.call(400, "PUT", path+"/photo", "")
	api.call(404, "GET", "/integrations/nope/profile", "")
}

func TestMessageTemplates(t *testing.T) {
	t.Parallel()
	api := newAPI(t, newServer(t))
	id := at(api.call(201, "POST", "/integrations", `{"type":"whatsapp","deploymentId":"d"}`), "integration", "_id").(string)
	path := "/integrations/" + id + "/messageTemplates"
	const body = `{"name":"n","language":"en","category":"c","components":[]}`
	api.call(400, "POST", path, `{"name":"n"}`)
	template := api.call(201, "POST", path, body)["messageTemplate"]
	assert.Equal(t, "PENDING", at(template, "status"))
	assert.Equal(t, []any{template}, api.call(200, "GET", path, "")["messageTemplates"])
	assert.Equal(t, []any{template}, api.call(200, "GET", path+"?name=n", "")["messageTemplates"])
	assert.Empty(t, api.call(200, "GET", path+"?name=m", "")["messageTemplates"])
	api.call(404, "DELETE", path+"/m", "")
	api.call(200, "DELETE", path+"/n", "")
	assert.Empty(t, api.call(200, "GET", path, "")["messageTemplates"])
}
