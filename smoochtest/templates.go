package smoochtest

var templateRoutes = []route{
	{"POST", "/templates", inApp, v1AndV11, forApp, createTemplate},
	{"GET", "/templates", inApp, v1AndV11, forApp, listTemplates},
	{"GET", "/templates/{templateId}", inApp, v1AndV11, forApp, withTemplate(getTemplate)},
	{"PUT", "/templates/{templateId}", inApp, v1AndV11, forApp, withTemplate(updateTemplate)},
	{"DELETE", "/templates/{templateId}", inApp, v1AndV11, forApp, withTemplate(deleteTemplate)},
}

// withTemplate makes a handler of a function that is about one template.
func withTemplate(handler func(c *call, template object) *reply) func(*call) *reply {
	return func(c *call) *reply {
		template := byID(c.app.templates, c.params["templateId"])
		if template == nil {
			return notFound("Template")
		}
		return handler(c, template)
	}
}

// checkTemplate refuses a name or a message that a template cannot have.
func checkTemplate(c *call) *reply {
	if refusal := (part{"", c.body}).checkTypes(); refusal != nil {
		return refusal
	}
	if c.body["name"] == "" {
		return badRequest("name must not be empty")
	}
	message := part{"message", c.body["message"]}
	if message.value == nil {
		return nil
	}
	kind, _ := message.object()["type"].(string)
	if kind == "" && message.object() != nil && c.version == "v1.1" {
		return message.refuse("type", "is required")
	}
	return checkContent(message, kind)
}

func createTemplate(c *call) *reply {
	if refusal := c.require("name", "message"); refusal != nil {
		return refusal
	}
	if refusal := checkTemplate(c); refusal != nil {
		return refusal
	}
	template := object{"_id": c.server.random.id(), "name": c.text("name"), "message": c.body["message"]}
	c.app.templates = append(c.app.templates, template)
	return created(object{"template": template})
}

func listTemplates(c *call) *reply { return c.page("templates", c.app.templates) }

func getTemplate(_ *call, template object) *reply { return ok(object{"template": template}) }

func updateTemplate(c *call, template object) *reply {
	if c.body["name"] == nil && c.body["message"] == nil {
		return badRequest("name or message is required")
	}
	if refusal := checkTemplate(c); refusal != nil {
		return refusal
	}
	mergeGiven(template, c.body, "name", "message")
	return ok(object{"template": template})
}

func deleteTemplate(c *call, template object) *reply {
	c.app.templates = without(c.app.templates, template["_id"].(string))
	return ok(object{})
}
