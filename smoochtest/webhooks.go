package smoochtest

import (
	"net/url"
	"slices"
	"strings"
)

// webhook is a target that events are delivered to.
type webhook struct {
	app      *app
	fields   object // _id, target, triggers, includeClient, includeFullAppUser
	version  string
	secret   string
	grant    string // the OAuth token that made it
	queue    []*job // guarded by deliveries.mu
	wake     chan struct{}
	quit     chan struct{}
	delivers *deliveries
}

func (h *webhook) id() string { return h.fields["_id"].(string) }

func (h *webhook) json(version string) object {
	o := pick(h.fields, "_id", "target", "triggers")
	o["secret"] = h.secret
	if version != "v1" {
		o["version"] = h.version
		o["includeClient"] = h.fields["includeClient"] == true
		o["includeFullAppUser"] = h.fields["includeFullAppUser"] == true
	}
	return o
}

func (h *webhook) stop() {
	h.app.webhooks = slices.DeleteFunc(h.app.webhooks, func(other *webhook) bool { return other == h })
	close(h.quit)
}

// checkWebhook refuses what the service refuses.
func (c *call) checkWebhook() *reply {
	if target, given := c.body["target"]; given {
		text, _ := target.(string)
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return new(badRequest("target must be a URL"))
		}
	}
	if triggers, given := c.body["triggers"]; given {
		names, isList := triggers.([]any)
		if !isList || len(names) == 0 {
			return new(badRequest("triggers must be an array"))
		}
	}
	return nil
}

func (c *call) createWebhook() reply {
	if answer := c.missing("target"); answer != nil {
		return *answer
	}
	if answer := c.checkWebhook(); answer != nil {
		return *answer
	}
	if _, given := c.body["triggers"]; !given {
		if c.version == "v1.1" {
			return badRequest("triggers is required")
		}
		c.body["triggers"] = []any{"message"}
	}
	if len(c.app.webhooks) >= 10 {
		return badRequest("an app has at most 10 webhooks")
	}
	h := &webhook{
		app: c.app, fields: pick(c.body, "target", "triggers", "includeClient", "includeFullAppUser"), version: c.version,
		secret: newSecret(40), wake: make(chan struct{}, 1), quit: make(chan struct{}), delivers: &c.deliveries,
	}
	if c.cred.scope == "integration" {
		_, h.grant, _ = strings.Cut(c.r.Header.Get("Authorization"), " ")
	}
	h.fields["_id"] = newID()
	c.app.webhooks = append(c.app.webhooks, h)
	c.deliveries.serve(h)
	return created(object{"webhook": h.json(c.version)})
}

// mine reports whether the caller sees a webhook: an OAuth token only those that it made.
func (c *call) mine(h *webhook) bool {
	_, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	return c.cred.scope != "integration" || h.grant == token
}

func (c *call) listWebhooks() reply {
	all := []object{}
	for _, h := range c.app.webhooks {
		if c.mine(h) {
			all = append(all, h.json(c.version))
		}
	}
	return ok(object{"webhooks": all})
}

func (c *call) withWebhook(do func(*webhook) reply) reply {
	for _, h := range c.app.webhooks {
		if h.id() == c.params["webhookId"] && c.mine(h) {
			return do(h)
		}
	}
	return notFound("Webhook")
}

func (c *call) getWebhook() reply {
	return c.withWebhook(func(h *webhook) reply { return ok(object{"webhook": h.json(c.version)}) })
}

func (c *call) updateWebhook() reply {
	return c.withWebhook(func(h *webhook) reply {
		if answer := c.checkWebhook(); answer != nil {
			return *answer
		}
		merge(h.fields, c.body, "target", "triggers", "includeClient", "includeFullAppUser")
		return ok(object{"webhook": h.json(c.version)})
	})
}

func (c *call) deleteWebhook() reply {
	return c.withWebhook(func(h *webhook) reply {
		h.stop()
		return reply{200, nil, nil}
	})
}
