package smoochtest

// An app has a menu, and each of its integrations may have one of its own.
var menuRoutes = []route{
	{"GET", "/menu", inApp, v1AndV11, forApp, getMenu},
	{"PUT", "/menu", inApp, v1AndV11, forApp, updateMenu},
	{"DELETE", "/menu", inApp, v1AndV11, forApp, deleteMenu},

	{"GET", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, getMenu},
	{"POST", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, createMenu},
	{"PUT", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, updateMenu},
	{"DELETE", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, deleteMenu},
}

// appMenu is the key of the app's own menu in app.menus.
const appMenu = ""

const maxMenuItems = 5

// menuKey returns the key in app.menus of the menu that a call is about.
func menuKey(c *call) (string, *reply) {
	id, named := c.params["integrationId"]
	if !named {
		return appMenu, nil
	}
	if byID(c.app.integrations, id) == nil {
		return "", notFound("Integration")
	}
	return id, nil
}

func emptyMenu() object { return object{"items": []object{}} }

func getMenu(c *call) *reply {
	key, refusal := menuKey(c)
	if refusal != nil {
		return refusal
	}
	menu := c.app.menus[key]
	if menu == nil {
		menu = emptyMenu()
	}
	return ok(object{"menu": menu})
}

func createMenu(c *call) *reply { return setMenu(c, created) }
func updateMenu(c *call) *reply { return setMenu(c, ok) }

func setMenu(c *call, answer func(body any) *reply) *reply {
	items, given := c.body["items"].([]any)
	if !given {
		return badRequest("items is required")
	}
	if len(items) > maxMenuItems {
		return badRequest("at most 5 items")
	}
	key, refusal := menuKey(c)
	if refusal != nil {
		return refusal
	}
	menu := pick(c.body, "items", "settings", "name")
	completeContent(menu)
	c.app.menus[key] = menu
	return answer(object{"menu": menu})
}

func deleteMenu(c *call) *reply {
	key, refusal := menuKey(c)
	if refusal != nil {
		return refusal
	}
	delete(c.app.menus, key)
	if key == appMenu {
		return ok(object{"menu": emptyMenu()})
	}
	return ok(object{})
}
