package smoochtest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// channelFields are the members that creating an integration requires, and those that are answered, by type.
var channelFields = map[string]struct{ required, answered string }{
	"messenger":     {"pageAccessToken appId appSecret", "appId"},
	"instagram":     {"pageAccessToken appId appSecret", "appId"},
	"twilio":        {"accountSid authToken phoneNumberSid", "accountSid phoneNumberSid"},
	"messagebird":   {"accessKey originator", "originator"},
	"telegram":      {"token", ""},
	"viber":         {"token", ""},
	"line":          {"channelSecret", "channelId mid serviceCode qrCodeUrl"},
	"wechat":        {"appId appSecret", "appId"},
	"twitter":       {"consumerKey consumerSecret accessTokenKey accessTokenSecret", "consumerKey accessTokenKey tier envName"},
	"mailgun":       {"apiKey domain incomingAddress", "domain incomingAddress fromAddress hideUnsubscribeLink"},
	"frontendEmail": {"", "fromAddress"},
	"apn":           {"certificate", "production autoUpdateBadge"},
	"fcm":           {"serverKey senderId", "senderId"},
	"whatsapp":      {"", "deploymentId hsmFallbackLanguage baseUrl username"},
	"apple":         {"businessId apiSecret mspId", "businessId mspId"},
	"web": {"", "brandColor conversationColor actionColor fixedIntroPane displayStyle buttonIconUrl buttonWidth buttonHeight integrationOrder " +
		"businessName businessIconUrl backgroundImageUrl originWhitelist"},
}

// madeUp are members that the channel tells the service.
var madeUp = map[string]object{
	"messenger":     {"pageId": "841556169307232", "userId": "140537932994989", "username": "Page Keeper"},
	"instagram":     {"pageId": "841556169307233", "businessUsername": "shop"},
	"twilio":        {"phoneNumber": "+15145550100", "name": "Twilio account"},
	"telegram":      {"username": "test_bot"},
	"viber":         {"uri": "testaccount"},
	"line":          {"botName": "Test Bot"},
	"twitter":       {"userId": "24953", "username": "shop"},
	"messagebird":   {"webhookSecret": "mbsecret"},
	"wechat":        {"webhookSecret": "wcsecret"},
	"frontendEmail": {"shortId": "abc", "smoochAddress": "abc@mail.example"},
	"web":           {"displayStyle": "button", "brandColor": "65758e", "conversationColor": "0099ff", "actionColor": "0099ff"},
}

func (c *call) createIntegration() reply {
	if answer := c.missing("type"); answer != nil {
		return *answer
	}
	kind := c.text("type")
	fields, known := channelFields[kind]
	if answer := c.missing(strings.Fields(fields.required)...); answer != nil {
		return *answer
	}
	i := maps.Clone(madeUp[kind])
	if i == nil {
		i = object{}
	}
	answered := strings.Fields(fields.answered)
	if !known { // a channel to come: its members are not known to be secret or not
		for name := range c.body {
			answered = append(answered, name)
		}
	}
	maps.Copy(i, pick(c.body, append(answered, "displayName")...))
	i["_id"], i["type"], i["status"] = newID(), kind, "active"
	c.app.channels = append(c.app.channels, i)
	return created(object{"integration": i})
}

// shown leaves out what only the server needs to know.
func shown(i object) object {
	o := maps.Clone(i)
	delete(o, "sdk")
	return o
}

func (c *call) listIntegrations() reply {
	types := c.r.URL.Query().Get("types")
	all := []object{}
	for _, i := range c.app.channels {
		kind, _ := i["type"].(string)
		if types == "" && i["sdk"] != true || types != "" && slices.Contains(strings.Split(types, ","), kind) {
			all = append(all, shown(i))
		}
	}
	if c.version == "v1" {
		return ok(object{"integrations": all})
	}
	return c.pageOf("integrations", all)
}

func (c *call) withIntegration(do func(id string, i object) reply) reply {
	id := c.params["integrationId"]
	i := byID(c.app.channels, id)
	if i == nil {
		return notFound("Integration")
	}
	return do(id, i)
}

func (c *call) getIntegration() reply {
	return c.withIntegration(func(_ string, i object) reply { return ok(object{"integration": shown(i)}) })
}

func (c *call) updateIntegration() reply {
	return c.withIntegration(func(_ string, i object) reply {
		kind, _ := i["type"].(string)
		merge(i, c.body, append(strings.Fields(channelFields[kind].answered), "displayName")...)
		return ok(object{"integration": shown(i)})
	})
}

func (c *call) deleteIntegration() reply {
	return c.withIntegration(func(id string, _ object) reply {
		c.app.channels = without(c.app.channels, id)
		delete(c.app.menus, id)
		return ok(object{})
	})
}

// withMenu finds the menu that a call is about: the app's, or an integration's.
func (c *call) withMenu(do func(get func() object, set func(object)) reply) reply {
	if _, own := c.params["integrationId"]; !own {
		return do(func() object { return c.app.menu }, func(m object) { c.app.menu = m })
	}
	return c.withIntegration(func(id string, _ object) reply {
		return do(func() object { return c.app.menus[id] }, func(m object) {
			c.app.menus[id] = m
			if m == nil {
				delete(c.app.menus, id)
			}
		})
	})
}

func (c *call) getMenu() reply {
	return c.withMenu(func(get func() object, _ func(object)) reply {
		if m := get(); m != nil {
			return ok(object{"menu": m})
		}
		return ok(object{"menu": object{"items": []object{}}})
	})
}

func (c *call) setMenu(answer func(any) reply) reply {
	items, given := c.body["items"].([]any)
	if !given {
		return badRequest("items is required")
	}
	if len(items) > 5 {
		return badRequest("at most 5 items")
	}
	m := pick(c.body, "items", "settings", "name")
	completeContent(m)
	return c.withMenu(func(_ func() object, set func(object)) reply {
		set(m)
		return answer(object{"menu": m})
	})
}

func (c *call) updateMenu() reply { return c.setMenu(ok) }
func (c *call) createMenu() reply { return c.setMenu(created) }

func (c *call) deleteMenu() reply {
	return c.withMenu(func(_ func() object, set func(object)) reply {
		set(nil)
		if _, own := c.params["integrationId"]; own {
			return ok(object{})
		}
		return ok(object{"menu": object{"items": []object{}}})
	})
}

func (c *call) profileOf(id string) object {
	if c.app.profiles[id] == nil {
		c.app.profiles[id] = object{}
	}
	return c.app.profiles[id]
}

func (c *call) getProfile() reply {
	return c.withIntegration(func(id string, _ object) reply { return ok(object{"profile": c.profileOf(id)}) })
}

func (c *call) updateProfile() reply {
	return c.withIntegration(func(id string, _ object) reply {
		merge(c.profileOf(id), c.body, "about", "address", "description", "email", "photoUrl", "vertical", "websites")
		return ok(object{"profile": c.profileOf(id)})
	})
}

func (c *call) uploadPhoto() reply {
	return c.withIntegration(func(id string, _ object) reply {
		if c.file == nil {
			return badRequest("source is required")
		}
		c.profileOf(id)["photoUrl"] = c.keep(c.file)
		return ok(object{"photoUrl": c.profileOf(id)["photoUrl"]})
	})
}

func (c *call) listMessageTemplates() reply {
	return c.withIntegration(func(id string, _ object) reply {
		all := []object{}
		for _, t := range c.app.hsm[id] {
			if name := c.r.URL.Query().Get("name"); name == "" || t["name"] == name {
				all = append(all, t)
			}
		}
		return ok(object{"messageTemplates": all})
	})
}

func (c *call) createMessageTemplate() reply {
	return c.withIntegration(func(id string, _ object) reply {
		if answer := c.missing("name", "language", "category", "components"); answer != nil {
			return *answer
		}
		t := pick(c.body, "name", "language", "category", "components")
		t["id"], t["status"] = newSecret(15), "PENDING"
		c.app.hsm[id] = append(c.app.hsm[id], t)
		return created(object{"messageTemplate": t})
	})
}

func (c *call) deleteMessageTemplate() reply {
	return c.withIntegration(func(id string, _ object) reply {
		kept := []object{}
		for _, t := range c.app.hsm[id] {
			if t["name"] != c.params["name"] {
				kept = append(kept, t)
			}
		}
		if len(kept) == len(c.app.hsm[id]) {
			return notFound("Message template")
		}
		c.app.hsm[id] = kept
		return ok(object{})
	})
}

func (c *call) createTemplate() reply {
	if answer := c.missing("name", "message"); answer != nil {
		return *answer
	}
	t := object{"_id": newID(), "name": c.text("name"), "message": c.body["message"]}
	c.app.templates = append(c.app.templates, t)
	return created(object{"template": t})
}

func (c *call) listTemplates() reply { return c.pageOf("templates", c.app.templates) }

func (c *call) withTemplate(do func(object) reply) reply {
	t := byID(c.app.templates, c.params["templateId"])
	if t == nil {
		return notFound("Template")
	}
	return do(t)
}

func (c *call) getTemplate() reply {
	return c.withTemplate(func(t object) reply { return ok(object{"template": t}) })
}

func (c *call) updateTemplate() reply {
	return c.withTemplate(func(t object) reply {
		merge(t, c.body, "name", "message")
		return ok(object{"template": t})
	})
}

func (c *call) deleteTemplate() reply {
	return c.withTemplate(func(t object) reply {
		c.app.templates = without(c.app.templates, t["_id"].(string))
		return ok(object{})
	})
}

func (c *call) createDeployment() reply {
	if answer := c.missing("hosting"); answer != nil {
		return *answer
	}
	d := pick(c.body, "hosting", "baseUrl", "username", "callbackUrl")
	d["_id"], d["status"] = newID(), "unregistered"
	if d["callbackUrl"] != nil {
		d["callbackSecret"] = newSecret(40)
	}
	c.deploys = append(c.deploys, d)
	return created(object{"deployment": d})
}

func (c *call) listDeployments() reply { return ok(object{"deployments": list(c.deploys)}) }

func (c *call) withDeployment(do func(object) reply) reply {
	d := byID(c.deploys, c.params["deploymentId"])
	if d == nil {
		return notFound("Deployment")
	}
	return do(d)
}

func (c *call) getDeployment() reply {
	return c.withDeployment(func(d object) reply { return ok(object{"deployment": d}) })
}

func (c *call) deleteDeployment() reply {
	return c.withDeployment(func(d object) reply {
		c.deploys = without(c.deploys, d["_id"].(string))
		return ok(object{})
	})
}

func (c *call) activateDeployment() reply {
	return c.withDeployment(func(d object) reply {
		if answer := c.missing("phoneNumber", "verifiedNameCertificate", "method"); answer != nil {
			return *answer
		}
		d["phoneNumber"], d["status"] = c.text("phoneNumber"), "pending"
		return ok(object{"deployment": d})
	})
}

func (c *call) confirmDeployment() reply {
	return c.withDeployment(func(d object) reply {
		if answer := c.missing("code"); answer != nil {
			return *answer
		}
		d["status"] = "registered"
		return ok(object{"deployment": d})
	})
}

// oauthAuthorize stands for the owner's login: it grants at once, for the first app.
func (c *call) oauthAuthorize() reply {
	query := c.r.URL.Query()
	target, err := url.Parse(query.Get("redirect_uri"))
	if query.Get("client_id") == "" || query.Get("response_type") != "code" || err != nil || len(c.apps) == 0 {
		return badRequest("client_id and response_type=code are required")
	}
	c.apps[0].grant = newSecret(24)
	params := target.Query()
	params.Set("code", c.apps[0].grant)
	if state := query.Get("state"); state != "" {
		params.Set("state", state)
	}
	target.RawQuery = params.Encode()
	return reply{302, nil, http.Header{"Location": {target.String()}}}
}

func (c *call) oauthToken() reply {
	if c.text("grant_type") != "authorization_code" || c.text("client_id") == "" || c.text("client_secret") == "" {
		return badRequest("grant_type, client_id and client_secret are required")
	}
	for _, a := range c.apps {
		if code := c.text("code"); code != "" && a.grant == code {
			a.grant = ""
			token := newSecret(40)
			c.grants[token] = a
			return ok(object{"access_token": token, "token_type": "Bearer"})
		}
	}
	return unauthorized()
}

func (c *call) oauthRevoke() reply {
	_, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	for _, h := range slices.Clone(c.cred.app.webhooks) {
		if h.grant == token {
			h.stop()
		}
	}
	delete(c.grants, token)
	return ok(object{})
}
