package smoochtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDeployments(t *testing.T) {
	t.Parallel()
	api := newAPI(t, newServer(t))
	api.prefix = "/v1.1"
	const deployments = "/whatsapp/deployments"
	assert.Empty(t, api.call(200, "GET", deployments, "")["deployments"])
	api.call(400, "POST", deployments, `{}`)
	deployment := api.call(201, "POST", deployments, `{"hosting":"self","callbackUrl":"https://a.example"}`)["deployment"]
	assert.Equal(t, "unregistered", at(deployment, "status"))
	assert.NotEmpty(t, at(deployment, "callbackSecret"))
	assert.Equal(t, []any{deployment}, api.call(200, "GET", deployments, "")["deployments"])

	path := deployments + "/" + at(deployment, "_id").(string)
	api.call(400, "POST", path+"/activate", `{"phoneNumber":"+1514"}`)
	activated := api.call(200, "POST", path+"/activate",
		`{"phoneNumber":"+1514","verifiedNameCertificate":"v","method":"sms"}`)["deployment"]
	assert.Equal(t, "pending", at(activated, "status"))
	api.call(400, "POST", path+"/code/confirm", `{}`)
	api.call(200, "POST", path+"/code/confirm", `{"code":"123"}`)
	assert.Equal(t, "registered", at(api.call(200, "GET", path, ""), "deployment", "status"))
	api.call(200, "DELETE", path, "")
	api.call(404, "GET", path, "")
}

func TestDeploymentRules(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	account := st.api
	account.prefix = "/v1.1"
	st.check(account, "/whatsapp/deployments", `{}`, "hosting is required")
	st.check(account, "/whatsapp/deployments", `{"hosting":"moon"}`, "hosting must be one of")
	id := dig(account.call(201, "POST", "/whatsapp/deployments", `{"hosting":"smooch"}`), "deployment._id").(string)
	const number = `"phoneNumber":"1","verifiedNameCertificate":"c"`
	st.check(account, "/whatsapp/deployments/"+id+"/activate", `{`+number+`}`, "method is required")
	st.check(account, "/whatsapp/deployments/"+id+"/activate", `{`+number+`,"method":"fax"}`, "method must be one of")
}
