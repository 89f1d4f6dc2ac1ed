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

// linkChannel adds a channel to a user: at once, or when the user has confirmed it, see [Person].
func linkChannel(c *call) *reply {
	if refusal := c.require("type"); refusal != nil {
		return refusal
	}
	kind, criterion := c.text("type"), "phoneNumber"
	if kind == "mailgun" {
		criterion = "address"
	}
	if refusal := c.require(criterion); refusal != nil {
		return refusal
	}
	if refusal := checkConfirmation(c, kind); refusal != nil {
		return refusal
	}
	address := strings.NewReplacer(" ", "", "-", "").Replace(c.text(criterion))
	if criterion == "phoneNumber" && !strings.HasPrefix(address, "+") {
		return badRequest("phoneNumber must begin with + and the country code")
	}
	integration := c.app.integrationOn(kind)
	if id, given := c.body["integrationId"]; given && c.version != "v1" {
		named, _ := id.(string)
		if integration = byID(c.app.integrations, named); integration == nil || integration["type"] != kind {
			return badRequest("integrationId is no " + kind + " integration of the app")
		}
	}
	client := newClient(c.server.random, kind, integration, address)
	c.user.linkCriteria[client["_id"].(string)] = pick(c.body, "phoneNumber", "address", "givenName", "surname")
	setClientStatus(client, clientPending)
	confirmation, _ := c.body["confirmation"].(object)
	waits := confirmation["type"] == "userActivity" || confirmation["type"] == "prompt"
	if waits || confirmation["message"] != nil {
		emitLink(c.app, c.user, client, "link:match", nil)
	}
	if waits {
		c.user.pendingClients = append(c.user.pendingClients, client)
		return getUser(c)
	}
	linkClient(c.app, c.user, client)
	if c.body["primary"] != false {
		c.user.setPrimary(client)
	}
	return getUser(c)
}

// checkConfirmation refuses a link that does not say how the user confirms it, as its version and
// channel require.
func checkConfirmation(c *call, kind string) *reply {
	value, given := c.body["confirmation"]
	if !given || value == nil {
		if c.version == "v1" {
			return nil
		}
		return badRequest("confirmation is required")
	}
	confirmation, isObject := value.(object)
	if !isObject {
		return badRequest("confirmation must be an object")
	}
	needsMessage := kind == "messenger"
	switch way, _ := confirmation["type"].(string); {
	case way == "":
		return badRequest("confirmation.type is required")
	case way == "immediate":
	case way == "userActivity" && (kind == "mailgun"):
		return badRequest("confirmation.type of mailgun must be immediate")
	case way == "userActivity":
		needsMessage = true
	case way == "prompt" && kind != "twilio":
		return badRequest("confirmation.type prompt is for twilio only")
	case way != "prompt":
		return badRequest("confirmation.type is not known")
	}
	value, given = confirmation["message"]
	if !given || value == nil {
		if needsMessage {
			return badRequest("confirmation.message is required")
		}
		return nil
	}
	return checkConfirmationMessage(value)
}

// checkConfirmationMessage refuses a message that cannot ask for confirmation: it is a text or an
// image, and its buttons are links.
func checkConfirmationMessage(value any) *reply {
	m := part{"confirmation.message", value}
	kind, _ := m.object()["type"].(string)
	if kind != "" && kind != "text" && kind != "image" {
		return m.refuse("type", "must be text or image")
	}
	if refusal := checkContent(m, kind); refusal != nil {
		return refusal
	}
	for _, action := range m.list("actions") {
		if action.object()["type"] != "link" {
			return action.refuse("type", "must be link")
		}
	}
	return nil
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
	if c.user.primaryClient() == nil && len(c.user.clients) > 0 {
		c.user.setPrimary(c.user.clients[0])
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
		code := "lr_" + c.server.random.hex(16)
		all = append(all, object{
			"integrationId": id, "type": i["type"], "code": code, "url": "https://link.example/" + code,
		})
	}
	return ok(object{"linkRequests": all})
}

func getAuthCode(c *call) *reply { return ok(object{"authCode": "ac_" + c.server.random.hex(16)}) }

func listTransferRequests(c *call) *reply {
	if c.query("type") == "" {
		return badRequest("type is required")
	}
	return ok(object{"transferRequests": []object{{"code": "tr_" + c.server.random.hex(16)}}})
}

func getQRCode(c *call) *reply {
	return ok(object{"url": "https://qr.example/" + c.server.random.hex(16) + ".png"})
}
