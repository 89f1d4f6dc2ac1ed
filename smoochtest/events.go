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
			d.userID = e.user.id
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
	if h.version == "v1" && e.fullUserOnV1 || h.fields["includeFullAppUser"] == true {
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
	switch {
	case e.client != nil:
		o["client"] = e.client
	case len(e.user.clients) > 0 && h.fields["includeClient"] == true:
		o["client"] = e.user.clients[0]
	}
	return o
}

// emitMessage emits the event of a new message, and those of its delivery to the user's channels.
func emitMessage(a *app, u *user, message object) {
	if message["role"] == "appUser" {
		emit(a, event{trigger: "message:appUser", user: u, fullUserOnV1: true, fields: func(version string) object {
			return object{"messages": []object{appUserMessage(message, version)}}
		}})
		return
	}
	emit(a, event{trigger: "message:appMaker", user: u, fullUserOnV1: true, fields: func(string) object {
		return object{"messages": []object{message}}
	}})
	for _, client := range u.clients {
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

// emitDelivered emits the event of a message that was delivered to a user's client. v1 has it for
// channels only, not for the clients of Smooch's own SDKs.
func emitDelivered(a *app, u *user, client, message object) {
	at := a.server.clock.unique()
	e := event{trigger: "message:delivery:channel", user: u, notOnV1: isSDK(client)}
	e.fields = func(version string) object {
		o := object{"destination": object{"type": client["platform"]}, "timestamp": unixTime(at)}
		if version == "v1" {
			o["messages"] = []object{message}
		} else {
			o["message"], o["isFinalEvent"] = object{"_id": message["_id"]}, true
		}
		return o
	}
	emit(a, e)
}

func isSDK(client object) bool {
	switch client["platform"] {
	case "ios", "android", "web", "other":
		return true
	}
	return false
}
