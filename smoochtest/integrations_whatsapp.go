package smoochtest

var whatsAppRoutes = []route{
	{"GET", "/integrations/{integrationId}/profile", inApp, v11Only, forApp, withIntegration(getBusinessProfile)},
	{"PUT", "/integrations/{integrationId}/profile", inApp, v1AndV11, forApp, withIntegration(updateBusinessProfile)},
	{"PUT", "/integrations/{integrationId}/profile/photo", inApp, v11Only, forApp, withIntegration(uploadProfilePhoto)},
	{"GET", "/integrations/{integrationId}/messageTemplates", inApp, v11Only, forApp, withIntegration(listMessageTemplates)},
	{"POST", "/integrations/{integrationId}/messageTemplates", inApp, v11Only, forApp, withIntegration(createMessageTemplate)},
	{"DELETE", "/integrations/{integrationId}/messageTemplates/{name}", inApp, v11Only, forApp, withIntegration(deleteMessageTemplate)},
}

// businessProfile returns the profile of the business that an integration shows to users.
func businessProfile(a *app, integration object) object {
	id := integration["_id"].(string)
	if a.profiles[id] == nil {
		a.profiles[id] = object{}
	}
	return a.profiles[id]
}

func getBusinessProfile(c *call, integration object) *reply {
	return ok(object{"profile": businessProfile(c.app, integration)})
}

func updateBusinessProfile(c *call, integration object) *reply {
	merge(businessProfile(c.app, integration), c.body,
		"about", "address", "description", "email", "photoUrl", "vertical", "websites")
	return noBody()
}

func uploadProfilePhoto(c *call, integration object) *reply {
	if c.file == nil {
		return badRequest("source is required")
	}
	photoURL := addAttachment(attachment{app: c.app, file: c.file})
	businessProfile(c.app, integration)["photoUrl"] = photoURL
	return ok(object{"photoUrl": photoURL})
}

func listMessageTemplates(c *call, integration object) *reply {
	name, all := c.query("name"), []object{}
	for _, t := range c.app.messageTemplates[integration["_id"].(string)] {
		if name == "" || t["name"] == name {
			all = append(all, t)
		}
	}
	return ok(object{"messageTemplates": all})
}

func createMessageTemplate(c *call, integration object) *reply {
	if refusal := c.require("name", "language", "category", "components"); refusal != nil {
		return refusal
	}
	template := pick(c.body, "name", "language", "category", "components")
	template["id"], template["status"] = c.server.random.hex(15), "PENDING"
	id := integration["_id"].(string)
	c.app.messageTemplates[id] = append(c.app.messageTemplates[id], template)
	return created(object{"messageTemplate": template})
}

// deleteMessageTemplate deletes the templates with the name, which are one for each language.
func deleteMessageTemplate(c *call, integration object) *reply {
	id := integration["_id"].(string)
	kept := []object{}
	for _, t := range c.app.messageTemplates[id] {
		if t["name"] != c.params["name"] {
			kept = append(kept, t)
		}
	}
	if len(kept) == len(c.app.messageTemplates[id]) {
		return notFound("Message template")
	}
	c.app.messageTemplates[id] = kept
	return ok(object{})
}
