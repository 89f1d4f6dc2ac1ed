package smoochtest

import "maps"

// event is something that an app's webhooks are told.
type event struct {
	trigger      string // as v1.1 names it
	user         *user  // nil: none
	fullUserOnV1 bool   // on v1 the event has the whole user, not only the ids
	client       object // the client of the user that it is about; nil: none
	notOnV1      bool   // v1 does not have this event
	fields       func(version string) object
}

// knownTriggers are the triggers that a webhook of a version can have. Those of v1.1 include some
// that no document has, but that callers were seen to use.
var knownTriggers = map[string][]string{
	"v1": {
		"*", "message", "message:appMaker", "message:appUser", "postback", "conversation:start",
		"conversation:read", "conversation:referral", "merge:appUser", "delivery:success",
		"delivery:failure", "payment:success", "link:match", "link:success", "link:failure",
	},
	"v1.1": {
		"*", "message", "message:appMaker", "message:appUser", "postback", "conversation:start",
		"conversation:read", "conversation:referral", "merge:appUser", "message:delivery:channel",
		"message:delivery:user", "message:delivery:failure", "payment:success", "link:match",
		"link:success", "link:failure", "appUser:delete", "client:add", "client:remove",
		"typing:appUser", "notification:delivery:channel", "notification:delivery:user",
		"notification:delivery:failure", "notification:match:failure", "passthrough:apple:interactive",
	},
}

// v1Triggers are the triggers that have another name on v1. "" means that v1 does not have them.
var v1Triggers = map[string]string{
	"message:delivery:channel": "delivery:success",
	"message:delivery:failure": "delivery:failure",

	"appUser:delete":                "",
	"client:add":                    "",
	"client:remove":                 "",
	"message:delivery:user":         "",
	"notification:delivery:channel": "",
	"notification:delivery:failure": "",
	"notification:delivery:user":    "",
	"notification:match:failure":    "",
	"passthrough:apple:interactive": "",
	"typing:appUser":                "",
}

// emit queues an event for the webhooks of an app that want it. The caller holds the server's lock.
func emit(a *app, e event) {
	for _, h := range a.webhooks {
		trigger := e.triggerOn(h.version)
		if trigger == "" || !h.wants(trigger) {
			continue
		}
		d := &delivery{
			queue: h.queue, at: a.server.clock.now(), appID: a.id, target: h.target(), secret: h.secret,
			trigger: trigger, version: h.version, body: encode(e.payload(a, h, trigger)),
		}
		if e.user != nil {
			d.userID, d.ownUserID = e.user.id, e.user.userID()
		}
		if other := h.onOtherVersion(); e.triggerOn(other.version) != "" {
			d.other = encode(e.payload(a, other, e.triggerOn(other.version)))
		}
		a.server.deliveries.add(d)
	}
}

// triggerOn returns the name of the trigger on a version, or "" if the version lacks the event.
func (e event) triggerOn(version string) string {
	if version != "v1" {
		return e.trigger
	}
	if e.notOnV1 {
		return ""
	}
	if name, renamed := v1Triggers[e.trigger]; renamed {
		return name
	}
	return e.trigger
}

// payload returns the body of a delivery to a webhook.
func (e event) payload(a *app, h *webhook, trigger string) object {
	o := object{}
	if e.fields != nil {
		maps.Copy(o, e.fields(h.version))
	}
	o["trigger"], o["app"] = trigger, object{"_id": a.id}
	if h.version != "v1" {
		o["version"] = h.version
	}
	if e.user == nil {
		return o
	}
	if h.version == "v1" && e.fullUserOnV1 || h.version != "v1" && h.fields["includeFullAppUser"] == true {
		o["appUser"] = e.user.full(h.version)
	} else {
		o["appUser"] = e.user.truncated(h.version)
	}
	if h.version == "v1" {
		return o
	}
	if e.user.conversation != nil {
		o["conversation"] = object{"_id": e.user.conversation.id}
	}
	aboutClient := e.trigger == "client:add" || e.trigger == "client:remove"
	_, given := o["client"]
	if e.client != nil && !given && (aboutClient || h.fields["includeClient"] == true) {
		o["client"] = e.client
	}
	return o
}

// emitMessage emits the event of a new message and, if the business has sent it, that of its
// delivery. client is the one that it comes from or goes to; nil if there is none.
func emitMessage(a *app, u *user, message, client object) {
	if message["role"] == "appUser" {
		emit(a, event{
			trigger: "message:appUser", user: u, client: client, fullUserOnV1: true,
			fields: func(version string) object {
				return object{"messages": []object{appUserMessage(message, version)}}
			},
		})
		return
	}
	emit(a, event{
		trigger: "message:appMaker", user: u, client: client, fullUserOnV1: true,
		fields: func(string) object { return object{"messages": []object{message}} },
	})
	if client != nil {
		emitDelivered(a, u, client, message)
	}
}

// appUserMessage returns a user's message as a version has it in events: on v1 a file is a text
// with its link.
func appUserMessage(message object, version string) object {
	if version != "v1" || message["type"] != "file" {
		return message
	}
	text := maps.Clone(message)
	text["type"], text["text"] = "text", message["mediaUrl"]
	delete(text, "mediaUrl")
	delete(text, "mediaType")
	return text
}

// emitDelivered emits the event of a message that was delivered to a user's client, or was not as
// the user does not want it. v1 has no deliveries to the clients of Smooch's own SDKs.
func emitDelivered(a *app, u *user, client, message object) {
	e := event{trigger: "message:delivery:channel", user: u, client: client, notOnV1: isSDK(client)}
	failure := deliveryFailure(client)
	if failure != nil {
		e.trigger = "message:delivery:failure"
	}
	at := a.server.clock.unique()
	e.fields = func(version string) object {
		o := object{"destination": destinationOf(client, version), "timestamp": unixTime(at)}
		if version == "v1" {
			o["messages"] = []object{message}
		} else {
			o["message"], o["isFinalEvent"] = object{"_id": message["_id"]}, true
		}
		if failure != nil {
			o["error"] = failure
		}
		return o
	}
	emit(a, e)
	u.conversation.noteOutcome(client, message, failure, at)
}

// destinationOf returns the destination of a delivery to a client.
func destinationOf(client object, version string) object {
	destination := object{"type": client["platform"]}
	if id, given := client["integrationId"]; given && version != "v1" {
		destination["integrationId"] = id
	}
	return destination
}

// deliveryFailure returns the error with which deliveries to a client fail, or nil if they succeed.
func deliveryFailure(client object) object {
	switch client["status"] {
	case clientBlocked:
		return object{"code": "forbidden", "message": "The user has blocked the business"}
	case clientInactive:
		failure := object{"code": "uncategorized_error", "message": "The user wants no more messages"}
		platform, _ := client["platform"].(string)
		if underlying, known := optOutErrors[platform]; known {
			failure["underlyingError"] = underlying
		}
		return failure
	}
	return nil
}

// optOutErrors are, by channel, the errors for a message to someone who wants none.
var optOutErrors = map[string]object{
	"twilio":   {"status": 21610},
	"whatsapp": {"errors": []object{{"code": 131050, "title": "User has stopped marketing messages"}}},
}
