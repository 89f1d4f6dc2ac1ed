package smoochtest

var deploymentRoutes = []route{
	{"POST", "/whatsapp/deployments", noApp, v11Only, forAccount, createDeployment},
	{"GET", "/whatsapp/deployments", noApp, v11Only, forAccount, listDeployments},
	{"GET", "/whatsapp/deployments/{deploymentId}", noApp, v11Only, forAccount, withDeployment(getDeployment)},
	{"DELETE", "/whatsapp/deployments/{deploymentId}", noApp, v11Only, forAccount, withDeployment(deleteDeployment)},
	{"POST", "/whatsapp/deployments/{deploymentId}/activate", noApp, v11Only, forAccount, withDeployment(activateDeployment)},
	{"POST", "/whatsapp/deployments/{deploymentId}/code/confirm", noApp, v11Only, forAccount, withDeployment(confirmDeploymentCode)},
}

// withDeployment makes a handler of a function that is about one deployment.
func withDeployment(handler func(c *call, deployment object) *reply) func(*call) *reply {
	return func(c *call) *reply {
		deployment := byID(c.server.deployments, c.params["deploymentId"])
		if deployment == nil {
			return notFound("Deployment")
		}
		return handler(c, deployment)
	}
}

func createDeployment(c *call) *reply {
	if refusal := c.require("hosting"); refusal != nil {
		return refusal
	}
	if refusal := (part{"", c.body}).oneOf("hosting", "self", "smooch"); refusal != nil {
		return refusal
	}
	deployment := pick(c.body, "hosting", "baseUrl", "username", "callbackUrl")
	deployment["_id"], deployment["status"] = c.server.random.id(), "unregistered"
	if deployment["callbackUrl"] != nil {
		deployment["callbackSecret"] = c.server.random.hex(40)
	}
	c.server.deployments = append(c.server.deployments, deployment)
	return created(object{"deployment": deployment})
}

func listDeployments(c *call) *reply {
	return ok(object{"deployments": notNull(c.server.deployments)})
}

func getDeployment(_ *call, deployment object) *reply {
	return ok(object{"deployment": deployment})
}

func deleteDeployment(c *call, deployment object) *reply {
	c.server.deployments = without(c.server.deployments, deployment["_id"].(string))
	return ok(object{})
}

func activateDeployment(c *call, deployment object) *reply {
	if refusal := c.require("phoneNumber", "verifiedNameCertificate", "method"); refusal != nil {
		return refusal
	}
	if refusal := (part{"", c.body}).oneOf("method", "sms", "voice"); refusal != nil {
		return refusal
	}
	deployment["phoneNumber"], deployment["status"] = c.text("phoneNumber"), "pending"
	return getDeployment(c, deployment)
}

func confirmDeploymentCode(c *call, deployment object) *reply {
	if refusal := c.require("code"); refusal != nil {
		return refusal
	}
	deployment["status"] = "registered"
	return getDeployment(c, deployment)
}
