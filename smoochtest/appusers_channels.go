package smoochtest

import (
	"slices"
	"strings"
)

var channelRoutes = []route{
	{"GET", "/appusers/{userId}/channels", inApp, v1AndV11, forApp, listChannels},
	{"POST", "/appusers/{userId}/channels", inApp, v1AndV11, forUser, linkChannel},
	{"DELETE", "/appusers/{userId}/channels/{channel}", inApp, v1AndV11, forUser, unlinkChannel},
	{"POST", "/appusers/{userId}/integrations/{channel}/ping", inApp, v1AndV11, forUser, pingChannel},
	{"GET", "/appusers/{userId}/businesssystems", inApp, v1AndV11, forApp, listBusinessSystems},
	{"GET", "/appusers/{userId}/linkrequest", inApp, v1AndV11, forApp, listLinkRequests},
	{"GET", "/appusers/{userId}/authcode", inApp, v1AndV11, forApp, getAuthCode},
	{"GET", "/appusers/{userId}/transferrequest", inApp, v1Only, forUser, listTransferRequests},
	{"GET", "/appusers/{userId}/integrations/wechat/qrcode", inApp, v1AndV11, forUser, getQRCode},
	{"GET", "/appusers/{userId}/integrations/viber/qrcode", inApp, v1AndV11, forUser, getQRCode},
}

// channelUserFields is the field of a channel entity that names the user, by type of channel.
var channelUserFields = map[string]string{
	"frontendEmail": "address",
	"line":          "userId",
	"mailgun":       "address",
	"messagebird":   "phoneNumber",
	"messenger":     "userId",
	"telegram":      "chatId",
	"twilio":        "phoneNumber",
	"twitter":       "userId",
	"viber":         "userId",
	"wechat":        "userId",
	"whatsapp":      "username",
}

func listChannels(c *call) *reply {
	all := []object{}
	for _, client := range c.user.clients {
		kind, _ := client["platform"].(string)
		field := channelUserFields[kind]
		if field == "" {
			continue
		}
		entity := object{"type": kind, field: client["externalId"]}
		if id, given := client["integrationId"]; given && c.version != "v1" {
			entity["integrationId"] = id
		}
		all = append(all, entity)
	}
	return ok(object{"channels": all})
}

func linkChannel(c *call) *reply {
	if refusal := c.require("type"); refusal != nil {
		return refusal
	}
	confirmation, given := c.body["confirmation"].(object)
	if !given && c.version == "v1.1" {
		return badRequest("confirmation is required")
	}
	kind, criterion := c.text("type"), "phoneNumber"
	if kind == "mailgun" {
		criterion = "address"
	}
	if refusal := c.require(criterion); refusal != nil {
		return refusal
	}
	address := strings.NewReplacer(" ", "", "-", "").Replace(c.text(criterion))
	if criterion == "phoneNumber" && !strings.HasPrefix(address, "+") {
		return badRequest("phoneNumber must begin with + and the country code")
	}
	client := object{
		"_id": newID(), "id": newID(), "platform": kind,
		"displayName": address, "externalId": address, "active": true,
	}
	for _, i := range c.app.integrations {
		if i["type"] == kind {
			client["integrationId"] = i["_id"]
		}
	}
	criteria := func(string) object {
		return object{"channel": kind, "criteria": pick(c.body, criterion)}
	}
	switch way, _ := confirmation["type"].(string); way {
	case "", "immediate":
		client["status"], client["linkedAt"] = "active", isoTime(c.server.clock.now())
		c.user.clients = append(c.user.clients, client)
		emit(c.app, event{trigger: "link:success", user: c.user, fields: criteria})
		emit(c.app, event{trigger: "client:add", user: c.user, client: client})
	default: // the user has to confirm first
		client["status"] = "pending"
		c.user.pendingClients = append(c.user.pendingClients, client)
		emit(c.app, event{trigger: "link:match", user: c.user, fields: criteria})
	}
	return getUser(c)
}

func unlinkChannel(c *call) *reply {
	linked := false
	unlink := func(client object) bool {
		if client["platform"] != c.params["channel"] {
			return false
		}
		linked = true
		emit(c.app, event{trigger: "client:remove", user: c.user, client: client})
		return true
	}
	c.user.clients, c.user.pendingClients = slices.DeleteFunc(c.user.clients, unlink),
		slices.DeleteFunc(c.user.pendingClients, unlink)
	if !linked {
		return badRequest("the channel is not linked")
	}
	return ok(object{})
}

func pingChannel(c *call) *reply {
	for _, client := range c.user.clients {
		if client["platform"] == c.params["channel"] {
			return ok(object{})
		}
	}
	return badRequest("the channel is not linked")
}

func listBusinessSystems(*call) *reply { return ok(object{"businessSystems": []object{}}) }

func listLinkRequests(c *call) *reply {
	ids := c.query("integrationIds")
	if ids == "" {
		return badRequest("integrationIds is required")
	}
	all := []object{}
	for id := range strings.SplitSeq(ids, ",") {
		i := byID(c.app.integrations, id)
		if i == nil {
			return notFound("Integration")
		}
		code := "lr_" + randomHex(16)
		all = append(all, object{
			"integrationId": id, "type": i["type"], "code": code, "url": "https://link.example/" + code,
		})
	}
	return ok(object{"linkRequests": all})
}

func getAuthCode(*call) *reply { return ok(object{"authCode": "ac_" + randomHex(16)}) }

func listTransferRequests(c *call) *reply {
	if c.query("type") == "" {
		return badRequest("type is required")
	}
	return ok(object{"transferRequests": []object{{"code": "tr_" + randomHex(16)}}})
}

func getQRCode(*call) *reply {
	return ok(object{"url": "https://qr.example/" + randomHex(16) + ".png"})
}
