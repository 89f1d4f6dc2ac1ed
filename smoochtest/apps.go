package smoochtest

import (
	"maps"
	"slices"
)

// app is one Smooch app.
type app struct {
	id, token string
	creator   string // the service account that made it
	fields    object // name, settings, metadata
	users     []*user
	webhooks  []*webhook
	channels  []object // integrations
	templates []object
	menu      object
	menus     map[string]object // of integrations
	profiles  map[string]object // of integrations
	hsm       map[string][]object
	grant     string // the OAuth access token that was given out last
}

func (s *Server) newApp(name, creator string) *app {
	a := &app{
		id: newID(), token: newSecret(25), creator: creator, fields: object{"name": name},
		menus: map[string]object{}, profiles: map[string]object{}, hsm: map[string][]object{},
	}
	for _, kind := range []string{"android", "ios", "web"} {
		a.channels = append(a.channels, object{"_id": newID(), "type": kind, "status": "active", "sdk": true})
	}
	s.apps = append(s.apps, a)
	return a
}

func (s *Server) appByID(id string) *app {
	for _, a := range s.apps {
		if a.id == id {
			return a
		}
	}
	return nil
}

func (a *app) json() object {
	o := maps.Clone(a.fields)
	o["_id"], o["appToken"] = a.id, a.token
	return o
}

func (c *call) createApp() reply {
	if answer := c.missing("name"); answer != nil {
		return *answer
	}
	creator := ""
	if c.cred.key.owner == "serviceAccount" {
		creator = c.cred.key.ownerID
	}
	a := c.newApp("", creator)
	a.fields = pick(c.body, "name", "settings", "metadata")
	return created(object{"app": a.json()})
}

func (c *call) listApps() reply {
	all := []object{}
	for _, a := range c.apps {
		filter := c.r.URL.Query().Get("serviceAccountId")
		if c.cred.key.owner == "serviceAccount" {
			filter = c.cred.key.ownerID
		}
		if filter == "" || a.creator == filter {
			all = append(all, a.json())
		}
	}
	return c.pageOf("apps", all)
}

func (c *call) getApp() reply { return ok(object{"app": c.app.json()}) }

func (c *call) updateApp() reply {
	merge(c.app.fields, c.body, "name", "metadata")
	if settings, given := c.body["settings"].(object); given {
		old, _ := c.app.fields["settings"].(object)
		merged := maps.Clone(old)
		if merged == nil {
			merged = object{}
		}
		maps.Copy(merged, settings)
		c.app.fields["settings"] = merged
	}
	return ok(object{"app": c.app.json()})
}

func (c *call) deleteApp() reply {
	for id, k := range c.keys {
		if k.ownerID == c.app.id {
			delete(c.keys, id)
		}
	}
	for _, h := range slices.Clone(c.app.webhooks) {
		h.stop()
	}
	maps.DeleteFunc(c.grants, func(_ string, a *app) bool { return a == c.app })
	maps.DeleteFunc(c.media, func(_ string, m media) bool { return m.app == c.app })
	c.apps = slices.DeleteFunc(c.apps, func(a *app) bool { return a == c.app })
	return ok(object{})
}

func (c *call) sdkIDs() reply {
	ids := object{}
	for _, i := range c.app.channels {
		if i["sdk"] == true {
			ids[i["type"].(string)+"IntegrationId"] = i["_id"]
		}
	}
	return ok(ids)
}

// owner is whose keys a call is about: an app's, or a service account's.
func (c *call) owner() (kind, id, prefix string, answer *reply) {
	if c.app != nil {
		return "app", c.app.id, "app", nil
	}
	id = c.params["serviceAccountId"]
	if byID(c.accounts, id) == nil {
		answer = new(notFound("Service account"))
	}
	return "serviceAccount", id, "svc", answer
}

func (c *call) createKey() reply {
	kind, id, prefix, answer := c.owner()
	if answer == nil {
		answer = c.missing("name")
	}
	if answer != nil {
		return *answer
	}
	return created(object{"key": c.newKey(prefix, c.text("name"), kind, id).json()})
}

func (c *call) listKeys() reply {
	_, id, _, answer := c.owner()
	if answer != nil {
		return *answer
	}
	all := []object{}
	for _, keyID := range slices.Sorted(maps.Keys(c.keys)) {
		if c.keys[keyID].ownerID == id {
			all = append(all, c.keys[keyID].json())
		}
	}
	return ok(object{"keys": all})
}

// withKey carries out what is done with one key.
func (c *call) withKey(do func(*key) reply) reply {
	_, id, _, answer := c.owner()
	if answer != nil {
		return *answer
	}
	k := c.keys[c.params["keyId"]]
	if k == nil || k.ownerID != id {
		return notFound("Key")
	}
	return do(k)
}

func (c *call) getKey() reply {
	return c.withKey(func(k *key) reply { return ok(object{"key": k.json()}) })
}

func (c *call) deleteKey() reply {
	return c.withKey(func(k *key) reply {
		delete(c.keys, k.id)
		return ok(object{})
	})
}

func (c *call) keyJWT() reply {
	return c.withKey(func(k *key) reply { return ok(object{"jwt": c.signJWT(k)}) })
}

func (c *call) createAccount() reply {
	if answer := c.missing("name"); answer != nil {
		return *answer
	}
	for _, a := range c.accounts {
		if a["name"] == c.body["name"] {
			return fail(409, "conflict", "name must be unique")
		}
	}
	a := object{"_id": newID(), "name": c.text("name")}
	c.accounts = append(c.accounts, a)
	return created(object{"serviceAccount": a})
}

func (c *call) listAccounts() reply { return c.pageOf("serviceAccounts", c.accounts) }

func (c *call) withAccount(do func(object) reply) reply {
	a := byID(c.accounts, c.params["serviceAccountId"])
	if a == nil {
		return notFound("Service account")
	}
	return do(a)
}

func (c *call) getAccount() reply {
	return c.withAccount(func(a object) reply { return ok(object{"serviceAccount": a}) })
}

func (c *call) updateAccount() reply {
	return c.withAccount(func(a object) reply {
		if answer := c.missing("name"); answer != nil {
			return *answer
		}
		a["name"] = c.text("name")
		return ok(object{"serviceAccount": a})
	})
}

func (c *call) deleteAccount() reply {
	return c.withAccount(func(a object) reply {
		for _, linked := range c.apps {
			if linked.creator == a["_id"] {
				return badRequest("apps are linked to the service account")
			}
		}
		for id, k := range c.keys {
			if k.ownerID == a["_id"] {
				delete(c.keys, id)
			}
		}
		c.accounts = without(c.accounts, a["_id"].(string))
		return ok(object{})
	})
}
