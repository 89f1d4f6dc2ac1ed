package smoochtest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	api := newAPI(t, newServer(t))
	api.call(400, "POST", "/templates", `{"name":"t"}`)
	template := api.call(201, "POST", "/templates", `{"name":"t","message":{"type":"text","text":"a"}}`)["template"]
	path := "/templates/" + at(template, "_id").(string)
	assert.Equal(t, template, api.call(200, "GET", path, "")["template"])
	changed := api.call(200, "PUT", path, `{"name":"u"}`)["template"]
	assert.Equal(t, "u", at(changed, "name"))
	assert.Equal(t, "a", at(changed, "message", "text"))
	api.call(200, "DELETE", path, "")
	api.call(404, "GET", path, "")
}

func TestTemplatesArePaged(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	app := newServer(t).Client()
	for i := range 30 {
		_, err := app.Templates.Create(ctx, smooch.TemplateCreate{
			Name: fmt.Sprint("t", i), Message: smooch.TextMessage("x"),
		})
		require.NoError(t, err)
	}
	page, err := app.Templates.List(ctx, smooch.TemplateListOptions{})
	require.NoError(t, err)
	assert.Len(t, page.Items, 25)
	assert.True(t, page.HasMore)
	page, err = app.Templates.List(ctx, smooch.TemplateListOptions{Offset: 25})
	require.NoError(t, err)
	assert.Len(t, page.Items, 5)
	assert.False(t, page.HasMore)
	_, err = app.Templates.List(ctx, smooch.TemplateListOptions{Limit: 101})
	assert.ErrorIs(t, err, smooch.ErrBadRequest)
}

func TestTemplateRules(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	const message = `"message":{"type":"text","text":"x"}`
	for body, want := range map[string]string{
		`{"name":5,` + message + `}`:             "name must be a string",
		`{"name":"a"}`:                           "message is required",
		`{"name":"a","message":"x"}`:             "message must be an object",
		`{"name":"a","message":{"type":"text"}}`: "message.text is required",
	} {
		st.check(st.api, "/templates", body, want)
		st.check(st.onV1(), "/templates", body, want)
	}
	template := st.call(201, "POST", "/templates", `{"name":"a",`+message+`}`)["template"]
	path := "/templates/" + at(template, "_id").(string)
	st.call(400, "PUT", path, `{}`)
	st.call(400, "PUT", path, `{"name":null,"message":null}`)
	st.call(400, "PUT", path, `{"message":{"type":"image"}}`)
	changed := st.call(200, "PUT", path, `{"name":null,"message":{"type":"text","text":"y"}}`)["template"]
	assert.Equal(t, "a", at(changed, "name"), "null does not delete it")
	assert.Equal(t, "y", at(changed, "message", "text"))
}
