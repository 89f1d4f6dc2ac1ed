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

const (
	maxMenuItems = 5
	maxMenuDepth = 3 // levels of items
)

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

// checkMenu refuses what cannot be a menu, or a submenu, with so many levels of items left.
func checkMenu(menu part, levels int) *reply {
	if refusal := menu.checkTypes(); refusal != nil {
		return refusal
	}
	items := menu.list("items")
	switch {
	case len(items) == 0:
		return menu.refuse("items", "is required")
	case len(items) > maxMenuItems:
		return menu.refuse("items", "may be 5 at most")
	case levels == 0:
		return menu.refuse("items", "are nested too deeply")
	}
	settings := part{menu.path("settings"), menu.object()["settings"]}
	if settings.object() != nil {
		if _, isBool := settings.object()["inputEnabled"].(bool); !isBool {
			return settings.refuse("inputEnabled", "must be true or false")
		}
	}
	for _, item := range items {
		if refusal := checkMenuItem(item, levels); refusal != nil {
			return refusal
		}
	}
	return nil
}

func checkMenuItem(item part, levels int) *reply {
	o := item.object()
	if o == nil {
		return item.refuse("", "must be an object")
	}
	if refusal := item.checkTypes(); refusal != nil {
		return refusal
	}
	if !hasContent(o, "text") {
		return item.refuse("text", "is required")
	}
	switch o["type"] {
	case "link":
		if !hasContent(o, "uri") {
			return item.refuse("uri", "is required")
		}
	case "postback":
		if o["payload"] == nil {
			return item.refuse("payload", "is required")
		}
	case "submenu":
		return checkMenu(item, levels-1)
	default:
		return item.refuse("type", "must be link, postback or submenu")
	}
	return nil
}

func createMenu(c *call) *reply { return setMenu(c, created) }
func updateMenu(c *call) *reply { return setMenu(c, ok) }

func setMenu(c *call, answer func(body any) *reply) *reply {
	if refusal := checkMenu(part{"", c.body}, maxMenuDepth); refusal != nil {
		return refusal
	}
	key, refusal := menuKey(c)
	if refusal != nil {
		return refusal
	}
	menu := pick(c.body, "items", "settings", "name")
	completeContent(c.server.random, menu)
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
