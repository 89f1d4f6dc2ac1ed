package smoochtest

// The calls for the keys of a service account are in keys.go.
var serviceAccountRoutes = []route{
	{"POST", "/serviceaccounts", noApp, v1AndV11, forAccount, createServiceAccount},
	{"GET", "/serviceaccounts", noApp, v1AndV11, forAccount, listServiceAccounts},
	{"GET", "/serviceaccounts/{serviceAccountId}", noApp, v1AndV11, forAccount, withServiceAccount(getServiceAccount)},
	{"PUT", "/serviceaccounts/{serviceAccountId}", noApp, v1AndV11, forAccount, withServiceAccount(updateServiceAccount)},
	{"DELETE", "/serviceaccounts/{serviceAccountId}", noApp, v1AndV11, forAccount, withServiceAccount(deleteServiceAccount)},
}

// withServiceAccount makes a handler of a function that is about one service account.
func withServiceAccount(handler func(c *call, account object) *reply) func(*call) *reply {
	return func(c *call) *reply {
		account := byID(c.server.serviceAccounts, c.params["serviceAccountId"])
		if account == nil {
			return notFound("Service account")
		}
		return handler(c, account)
	}
}

func createServiceAccount(c *call) *reply {
	if refusal := c.require("name"); refusal != nil {
		return refusal
	}
	for _, other := range c.server.serviceAccounts {
		if other["name"] == c.body["name"] {
			return conflict("name must be unique")
		}
	}
	account := object{"_id": c.server.random.id(), "name": c.text("name")}
	c.server.serviceAccounts = append(c.server.serviceAccounts, account)
	return created(object{"serviceAccount": account})
}

func listServiceAccounts(c *call) *reply {
	return c.page("serviceAccounts", c.server.serviceAccounts)
}

func getServiceAccount(_ *call, account object) *reply {
	return ok(object{"serviceAccount": account})
}

func updateServiceAccount(c *call, account object) *reply {
	if refusal := c.require("name"); refusal != nil {
		return refusal
	}
	account["name"] = c.text("name")
	return getServiceAccount(c, account)
}

func deleteServiceAccount(c *call, account object) *reply {
	id := account["_id"].(string)
	for _, a := range c.server.apps {
		if a.creator == id {
			return badRequest("apps are linked to the service account")
		}
	}
	deleteKeysOf(c.server, keyOwner{ownerServiceAccount, id})
	c.server.serviceAccounts = without(c.server.serviceAccounts, id)
	return ok(object{})
}
