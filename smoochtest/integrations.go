package smoochtest

import (
	"maps"
	"slices"
	"strings"
)

var integrationRoutes = []route{
	{"POST", "/integrations", inApp, v1AndV11, forApp, createIntegration},
	{"GET", "/integrations", inApp, v1AndV11, forApp, listIntegrations},
	{"GET", "/integrations/{integrationId}", inApp, v1AndV11, forApp, withIntegration(getIntegration)},
	{"PUT", "/integrations/{integrationId}", inApp, v1AndV11, forApp, withIntegration(updateIntegration)},
	{"DELETE", "/integrations/{integrationId}", inApp, v1AndV11, forApp, withIntegration(deleteIntegration)},
}

// ofSDK is the field that marks the integrations that an app has from the start, those of Smooch's
// own SDKs. Answers do not have it.
const ofSDK = "sdk"

// integrationFields are, by type, the fields that an integration must be created with, and the
// fields that answers repeat. What they do not repeat is secret.
var integrationFields = map[string]struct{ required, answered string }{
	"apn":           {"certificate", "production autoUpdateBadge"},
	"apple":         {"businessId apiSecret mspId", "businessId mspId"},
	"fcm":           {"serverKey senderId", "senderId"},
	"frontendEmail": {"", "fromAddress"},
	"instagram":     {"pageAccessToken appId appSecret", "appId"},
	"line":          {"channelSecret", "channelId mid serviceCode qrCodeUrl"},
	"mailgun":       {"apiKey domain incomingAddress", "domain incomingAddress fromAddress hideUnsubscribeLink"},
	"messagebird":   {"accessKey originator", "originator"},
	"messenger":     {"pageAccessToken appId appSecret", "appId"},
	"telegram":      {"token", ""},
	"twilio":        {"accountSid authToken phoneNumberSid", "accountSid phoneNumberSid"},
	"twitter": {
		"consumerKey consumerSecret accessTokenKey accessTokenSecret",
		"consumerKey accessTokenKey tier envName",
	},
	"viber": {"token", ""},
	"web": {"", "brandColor conversationColor actionColor fixedIntroPane displayStyle buttonIconUrl " +
		"buttonWidth buttonHeight integrationOrder businessName businessIconUrl backgroundImageUrl " +
		"originWhitelist"},
	"wechat":   {"appId appSecret", "appId"},
	"whatsapp": {"", "deploymentId hsmFallbackLanguage baseUrl username"},
}

// channelFields are, by type, fields of an integration that the service learns from the channel or
// chooses itself.
var channelFields = map[string]object{
	"apn":           {"production": false, "autoUpdateBadge": false},
	"frontendEmail": {"shortId": "abc", "smoochAddress": "abc@mail.example"},
	"instagram":     {"pageId": "841556169307233", "businessUsername": "shop"},
	"line":          {"botName": "Test Bot"},
	"messagebird":   {"webhookSecret": "mbsecret"},
	"messenger":     {"pageId": "841556169307232", "userId": "140537932994989", "username": "Page Keeper"},
	"telegram":      {"username": "test_bot"},
	"twilio":        {"phoneNumber": "+15145550100", "name": "Twilio account"},
	"twitter":       {"userId": "24953", "username": "shop"},
	"viber":         {"uri": "testaccount"},
	"web": {
		"displayStyle": "button", "brandColor": "65758e",
		"conversationColor": "0099ff", "actionColor": "0099ff",
	},
	"wechat": {"webhookSecret": "wcsecret"},
}

// withIntegration makes a handler of a function that is about one integration.
func withIntegration(handler func(c *call, integration object) *reply) func(*call) *reply {
	return func(c *call) *reply {
		integration := byID(c.app.integrations, c.params["integrationId"])
		if integration == nil {
			return notFound("Integration")
		}
		return handler(c, integration)
	}
}

func createIntegration(c *call) *reply {
	if refusal := c.require("type"); refusal != nil {
		return refusal
	}
	kind := c.text("type")
	fields, known := integrationFields[kind]
	if refusal := c.require(strings.Fields(fields.required)...); refusal != nil {
		return refusal
	}
	if refusal := checkAlternatives(c, kind); refusal != nil {
		return refusal
	}
	answered := append(strings.Fields(fields.answered), "displayName")
	if !known { // a type of the future: which of its fields are secret is not known
		answered = slices.Collect(maps.Keys(c.body))
	}
	integration := union(channelFields[kind], pick(c.body, answered...))
	integration["_id"], integration["type"], integration["status"] = c.server.random.id(), kind, "active"
	c.app.integrations = append(c.app.integrations, integration)
	return created(object{"integration": integration})
}

// checkAlternatives refuses an integration that lacks what it needs one of several fields for, or
// needs because of another field.
func checkAlternatives(c *call, kind string) *reply {
	b := c.body
	switch {
	case kind == "line" && b["channelAccessToken"] == nil && b["mid"] == nil:
		return badRequest("channelAccessToken is required") // or mid, of LINE's first API
	case kind == "twitter" && b["tier"] == "premium" && b["envName"] == nil:
		return badRequest("envName is required with the tier premium")
	case kind == "whatsapp" && b["deploymentId"] == nil && b["baseUrl"] == nil:
		return badRequest("deploymentId is required") // or baseUrl, before there were deployments
	}
	return nil
}

// publicIntegration returns an integration without ofSDK.
func publicIntegration(integration object) object {
	o := maps.Clone(integration)
	delete(o, ofSDK)
	return o
}

func listIntegrations(c *call) *reply {
	types := c.query("types")
	all := []object{}
	for _, i := range c.app.integrations {
		kind, _ := i["type"].(string)
		listed := slices.Contains(strings.Split(types, ","), kind)
		if types == "" {
			listed = i[ofSDK] != true
		}
		if listed {
			all = append(all, publicIntegration(i))
		}
	}
	if c.version == "v1" {
		return ok(object{"integrations": all})
	}
	return c.page("integrations", all)
}

func getIntegration(_ *call, integration object) *reply {
	return ok(object{"integration": publicIntegration(integration)})
}

func updateIntegration(c *call, integration object) *reply {
	kind, _ := integration["type"].(string)
	if kind == "web" { // null takes its settings back
		merge(integration, c.body, strings.Fields(integrationFields[kind].answered)...)
	}
	mergeGiven(integration, c.body, append(strings.Fields(integrationFields[kind].answered), "displayName")...)
	return getIntegration(c, integration)
}

func deleteIntegration(c *call, integration object) *reply {
	id := integration["_id"].(string)
	c.app.integrations = without(c.app.integrations, id)
	delete(c.app.menus, id)
	return ok(object{})
}
