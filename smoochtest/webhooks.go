package smoochtest

import (
	"fmt"
	"net/url"
	"slices"
)

var webhookRoutes = []route{
	{"POST", "/webhooks", inApp, v1AndV11, forApp, createWebhook},
	{"GET", "/webhooks", inApp, v1AndV11, forApp, listWebhooks},
	{"GET", "/webhooks/{webhookId}", inApp, v1AndV11, forApp, withWebhook(getWebhook)},
	{"PUT", "/webhooks/{webhookId}", inApp, v1AndV11, forApp, withWebhook(updateWebhook)},
	{"DELETE", "/webhooks/{webhookId}", inApp, v1AndV11, forApp, withWebhook(deleteWebhook)},
}

const maxWebhooks = 10

// webhook is a target that events of an app are delivered to.
type webhook struct {
	app         *app
	id          string
	fields      object // target, triggers, includeClient, includeFullAppUser
	version     string // of its events: the one that it was created with
	secret      string
	accessToken string // of OAuth, if it was created with one
	queue       *webhookQueue
}

func (h *webhook) target() string { return h.fields["target"].(string) }

func (h *webhook) json(version string) object {
	o := pick(h.fields, "target", "triggers")
	o["_id"], o["secret"] = h.id, h.secret
	if version != "v1" {
		o["version"] = h.version
		o["includeClient"] = h.fields["includeClient"] == true
		o["includeFullAppUser"] = h.fields["includeFullAppUser"] == true
	}
	return o
}

// wants reports whether the webhook has subscribed to a trigger of its version.
func (h *webhook) wants(trigger string) bool {
	triggers, _ := h.fields["triggers"].([]any)
	for _, t := range triggers {
		switch t {
		case trigger:
			return true
		case "*":
			if trigger != "typing:appUser" {
				return true
			}
		case "message":
			if trigger == "message:appUser" || trigger == "message:appMaker" {
				return true
			}
		}
	}
	return false
}

// onOtherVersion returns a copy of the webhook with the other version.
func (h *webhook) onOtherVersion() *webhook {
	other := *h
	other.version = "v1"
	if h.version == "v1" {
		other.version = "v1.1"
	}
	return &other
}

// remove deletes the webhook and what it has not been sent yet.
func (h *webhook) remove() {
	h.app.webhooks = slices.DeleteFunc(h.app.webhooks, func(other *webhook) bool { return other == h })
	h.queue.close()
}

// withWebhook makes a handler of a function that is about one webhook that the caller sees.
func withWebhook(handler func(c *call, h *webhook) *reply) func(*call) *reply {
	return func(c *call) *reply {
		for _, h := range visibleWebhooks(c) {
			if h.id == c.params["webhookId"] {
				return handler(c, h)
			}
		}
		return notFound("Webhook")
	}
}

// visibleWebhooks returns the webhooks that the caller sees: an access token of OAuth sees only
// those that were created with it.
func visibleWebhooks(c *call) []*webhook {
	if c.cred.scope != scopeIntegration {
		return c.app.webhooks
	}
	var visible []*webhook
	for _, h := range c.app.webhooks {
		if h.accessToken == c.bearerToken() {
			visible = append(visible, h)
		}
	}
	return visible
}

// checkWebhook refuses what the service refuses of a webhook with events of a version.
func checkWebhook(c *call, version string) *reply {
	if target, given := c.body["target"]; given {
		text, _ := target.(string)
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return badRequest("target must be a URL")
		}
		if host := u.Hostname(); !c.server.deliveries.allows(host) {
			return badRequest(notAllowed(host))
		}
	}
	if triggers, given := c.body["triggers"]; given {
		names, isList := triggers.([]any)
		if !isList || len(names) == 0 {
			return badRequest("triggers must be an array of at least one")
		}
		for i, name := range names {
			if text, _ := name.(string); !slices.Contains(knownTriggers[version], text) {
				return badRequest(fmt.Sprintf("triggers[%d] is no trigger of %s", i, version))
			}
		}
	}
	for _, name := range []string{"includeClient", "includeFullAppUser"} {
		if _, isBool := c.body[name].(bool); !isBool && c.body[name] != nil {
			return badRequest(name + " must be true or false")
		}
	}
	return nil
}

// notAllowed says why events are not delivered to a host and what allows it.
func notAllowed(host string) string {
	return "target: " + host + " is not this machine; to deliver there, start the sandbox with -allow-target " +
		host + " (in Go: smoochtest.WithAllowedTargets)"
}

func createWebhook(c *call) *reply {
	if refusal := c.require("target"); refusal != nil {
		return refusal
	}
	if refusal := checkWebhook(c, c.version); refusal != nil {
		return refusal
	}
	if _, given := c.body["triggers"]; !given {
		if c.version == "v1.1" {
			return badRequest("triggers is required")
		}
		c.body["triggers"] = []any{"message"}
	}
	if len(c.app.webhooks) >= maxWebhooks {
		return badRequest("an app has at most 10 webhooks")
	}
	accessToken := ""
	if c.cred.scope == scopeIntegration {
		accessToken = c.bearerToken()
	}
	h := addWebhook(c.app, c.version, c.body, accessToken)
	return created(object{"webhook": h.json(c.version)})
}

// addWebhook makes a webhook of an app with events of a version. accessToken is the one of OAuth
// that it is made with, or "".
func addWebhook(a *app, version string, fields object, accessToken string) *webhook {
	s := a.server
	h := &webhook{
		app: a, id: s.random.datedID(s.clock.now()), version: version, secret: s.random.hex(40), accessToken: accessToken,
		fields: pick(fields, "target", "triggers", "includeClient", "includeFullAppUser"),
	}
	h.queue = s.deliveries.open(h.id, &delivery{
		at: s.clock.now(), appID: a.id, target: h.target(), trigger: triggerHead, version: version,
	})
	a.webhooks = append(a.webhooks, h)
	return h
}

func listWebhooks(c *call) *reply {
	all := []object{}
	for _, h := range visibleWebhooks(c) {
		all = append(all, h.json(c.version))
	}
	return ok(object{"webhooks": all})
}

func getWebhook(c *call, h *webhook) *reply { return ok(object{"webhook": h.json(c.version)}) }

func updateWebhook(c *call, h *webhook) *reply {
	if refusal := checkWebhook(c, h.version); refusal != nil {
		return refusal
	}
	mergeGiven(h.fields, c.body, "target", "triggers", "includeClient", "includeFullAppUser")
	return getWebhook(c, h)
}

func deleteWebhook(_ *call, h *webhook) *reply {
	h.remove()
	return noBody()
}
