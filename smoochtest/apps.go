package smoochtest

import (
	"maps"
	"slices"
)

var appRoutes = []route{
	{"POST", "/apps", noApp, v1AndV11, forProvisioning, createApp},
	{"GET", "/apps", noApp, v1AndV11, forProvisioning, listApps},
	{"GET", "/apps/{appId}", noApp, v1AndV11, forProvisioning, getApp},
	{"PUT", "/apps/{appId}", noApp, v1AndV11, forProvisioning, updateApp},
	{"DELETE", "/apps/{appId}", noApp, v1AndV11, forProvisioning, deleteApp},
	{"GET", "/sdks", inApp, v11Only, forApp, getSDKIDs},
}

// app is one Smooch app.
type app struct {
	server           *Server
	id, token        string
	creator          string // id of the service account that created it, or ""
	fields           object // name, settings, metadata
	users            userList
	webhooks         []*webhook
	integrations     []object
	templates        []object
	menus            map[string]object   // by integration id; "" is the app's own menu
	profiles         map[string]object   // by integration id
	messageTemplates map[string][]object // by integration id
	oauthCode        string              // the last code that was issued, until it is used
}

func newApp(s *Server, fields object, creator string) *app {
	a := &app{
		server: s, id: s.random.id(), token: s.random.hex(25), creator: creator, fields: fields,
		menus: map[string]object{}, profiles: map[string]object{}, messageTemplates: map[string][]object{},
	}
	for _, kind := range []string{"android", "ios", "web"} {
		a.integrations = append(a.integrations, object{
			"_id": s.random.id(), "type": kind, "status": "active", ofSDK: true,
		})
	}
	s.apps = append(s.apps, a)
	return a
}

func findApp(s *Server, id string) *app {
	for _, a := range s.apps {
		if a.id == id {
			return a
		}
	}
	return nil
}

func (a *app) json() object { return union(a.fields, object{"_id": a.id, "appToken": a.token}) }

// user returns the user with the _id or userId, or nil.
func (a *app) user(id string) *user { return a.users.byID[id] }

func createApp(c *call) *reply {
	if refusal := c.require("name"); refusal != nil {
		return refusal
	}
	if refusal := checkApp(c); refusal != nil {
		return refusal
	}
	creator := ""
	if owner := c.cred.key.owner; owner.kind == ownerServiceAccount {
		creator = owner.id
	}
	a := newApp(c.server, pick(c.body, "name", "settings", "metadata"), creator)
	return created(object{"app": a.json()})
}

// checkApp refuses what an app cannot have.
func checkApp(c *call) *reply {
	if refusal := (part{"", c.body}).checkTypes(); refusal != nil {
		return refusal
	}
	return requireFlat(c.body, "metadata")
}

func listApps(c *call) *reply {
	creator := c.query("serviceAccountId")
	if owner := c.cred.key.owner; owner.kind == ownerServiceAccount {
		creator = owner.id
	}
	all := []object{}
	for _, a := range c.server.apps {
		if creator == "" || a.creator == creator {
			all = append(all, a.json())
		}
	}
	return c.page("apps", all)
}

func getApp(c *call) *reply { return ok(object{"app": c.app.json()}) }

func updateApp(c *call) *reply {
	if refusal := checkApp(c); refusal != nil {
		return refusal
	}
	if c.body["name"] == "" {
		return badRequest("name must not be empty")
	}
	mergeGiven(c.app.fields, c.body, "name", "metadata")
	if settings, given := c.body["settings"].(object); given {
		old, _ := c.app.fields["settings"].(object)
		c.app.fields["settings"] = union(old, settings)
	}
	return getApp(c)
}

func deleteApp(c *call) *reply {
	a, s := c.app, c.server
	deleteKeysOf(s, keyOwner{ownerApp, a.id})
	for _, h := range slices.Clone(a.webhooks) {
		h.remove()
	}
	maps.DeleteFunc(s.accessTokens, func(_ string, other *app) bool { return other == a })
	maps.DeleteFunc(s.mediaTokens, func(_ string, t mediaToken) bool { return t.app == a })
	maps.DeleteFunc(s.attachments, func(_ string, m attachment) bool { return m.app == a })
	s.apps = slices.DeleteFunc(s.apps, func(other *app) bool { return other == a })
	return ok(object{})
}

func getSDKIDs(c *call) *reply {
	ids := object{}
	for _, i := range c.app.integrations {
		if i[ofSDK] == true {
			ids[i["type"].(string)+"IntegrationId"] = i["_id"]
		}
	}
	return ok(ids)
}
