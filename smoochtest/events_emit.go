package smoochtest

import (
	"maps"
	"slices"
	"strings"
)

// example makes up an event for [Server.Emit]: it has the members that the documents show on events
// of its trigger, of the user's own messages, buttons and clients where there are any.
type example struct {
	app     *app
	user    *user // nil: none
	client  object
	message object // the user's last message of the kind that the event is about
	trigger string
	at      any // the time of the event
	id      string
}

// emitExample emits an event with the members that the documents show on it, of which given
// replaces some and to which it may add others. u may be nil.
func emitExample(a *app, u *user, trigger string, given object) {
	x := example{app: a, user: u, trigger: trigger, at: unixTime(a.server.clock.unique()), id: a.server.random.id()}
	if u != nil {
		x.client = u.primaryClient()
	}
	e := event{trigger: trigger, user: u, client: x.client}
	e.fullUserOnV1 = trigger == "postback" || trigger == "conversation:start" ||
		strings.HasPrefix(trigger, "message:app")
	if x.client == nil {
		x.client = newClient(a.server.random, "whatsapp", a.integrationOn("whatsapp"), newExternalID(a.server.random, "whatsapp"))
	}
	switch {
	case strings.HasPrefix(trigger, "client:"):
		e.client = x.client
	case trigger == "merge:appUser" || strings.HasPrefix(trigger, "notification:"):
		e.user = nil // they name their users elsewhere
	}
	role := "appMaker"
	if trigger == "message:appUser" {
		role = "appUser"
	}
	x.message = x.lastMessage(func(m object) bool { return m["role"] == role })
	if x.message == nil {
		x.message = x.newMessage(object{"role": role, "type": "text", "text": "Hello"})
	}
	members := x.members()
	e.fields = func(version string) object {
		o := maps.Clone(members)
		maps.Copy(o, x.users(version))
		maps.Copy(o, given)
		if message, single := o["message"].(object); single && version == "v1" && strings.HasPrefix(trigger, "message:delivery") {
			delete(o, "message")
			delete(o, "isFinalEvent")
			o["messages"] = []any{x.whole(message)}
			if given["destination"] == nil {
				o["destination"] = destinationOf(x.client, version)
			}
		}
		return o
	}
	emit(a, e)
}

// whole returns the message of which an event on v1.1 has the id only.
func (x *example) whole(message object) object {
	if message["_id"] == x.message["_id"] {
		return x.message
	}
	if m := x.lastMessage(func(m object) bool { return m["_id"] == message["_id"] }); m != nil {
		return m
	}
	return message
}

// lastMessage returns the user's last message that matches, or nil.
func (x *example) lastMessage(matches func(m object) bool) object {
	if x.user == nil || x.user.conversation == nil {
		return nil
	}
	for _, m := range slices.Backward(x.user.conversation.messages) {
		if matches(m) {
			return m
		}
	}
	return nil
}

// newMessage makes up a message that the user does not have.
func (x *example) newMessage(posted object) object {
	m := newMessage(x.app.server.random, posted)
	m["received"], m["source"], m["authorId"] = x.at, object{"type": "api"}, x.app.server.random.hex(9)
	if m["role"] == "appUser" {
		m["source"] = channelSource(x.client)
		if x.user != nil {
			m["authorId"], m["name"] = x.user.id, x.user.displayName()
		}
	}
	return m
}

// button returns the last button of a type that the user was sent, and its message. It makes them
// up if there are none.
func (x *example) button(action object) (found, message object) {
	if x.user != nil {
		found, message = findAction(x.user, nil, func(o object) bool { return o["type"] == action["type"] })
	}
	if found == nil {
		message = x.newMessage(object{
			"role": "appMaker", "type": "text", "text": "Please choose", "actions": []any{action},
		})
		found = action
	}
	return found, message
}

// users returns the members that are users, whose form depends on the version.
func (x *example) users(version string) object {
	someone := object{"_id": x.id, "conversationStarted": true}
	conversation := object{"_id": x.app.server.random.id()}
	if x.user != nil {
		someone = x.user.truncated(version)
		if x.user.conversation != nil {
			conversation["_id"] = x.user.conversation.id
		}
	}
	switch x.trigger {
	case "merge:appUser":
		discarded := object{"_id": strings.Repeat("d", len(x.id)), "conversationStarted": false}
		return object{"surviving": someone, "discarded": []object{discarded}}
	case "notification:delivery:channel", "notification:delivery:user":
		return object{"matchResult": object{"appUser": someone, "conversation": conversation}}
	}
	return nil
}

// criteria returns what the user was linked to the channel by.
func (x *example) criteria(channel string) object {
	if x.user != nil {
		id, _ := x.client["_id"].(string)
		if linked, known := x.user.linkCriteria[id]; known {
			return linked
		}
	}
	switch channel {
	case "mailgun":
		return object{"address": "ida@example.com"}
	case "messenger":
		return object{"phoneNumber": "+15145550199", "givenName": "Ida", "surname": "Lund"}
	default:
		return object{"phoneNumber": "+15145550199"}
	}
}

// members returns the members of the event as v1.1 has them, but users.
func (x *example) members() object {
	failure := object{
		"code": "uncategorized_error", "message": "The channel has refused it",
		"underlyingError": object{"message": "An error of the channel"},
	}
	channel, _ := x.client["platform"].(string)
	switch x.trigger {
	case "message:appUser", "message:appMaker":
		return object{"messages": []object{x.message}}
	case "message:delivery:channel", "message:delivery:user", "message:delivery:failure":
		o := object{
			"message": object{"_id": x.message["_id"]}, "destination": destinationOf(x.client, "v1.1"),
			"isFinalEvent": true, "timestamp": x.at,
		}
		if x.trigger == "message:delivery:failure" {
			o["error"] = failure
		}
		return o
	case "postback":
		action, message := x.button(object{"type": "postback", "text": "More", "payload": "MORE"})
		return object{"postbacks": []object{{"action": action, "message": message}}}
	case "payment:success":
		action, message := x.button(object{"type": "buy", "text": "Pay", "amount": 500})
		action = union(action, object{"state": "paid"})
		return object{"timestamp": x.at, "payments": []object{{
			"source": channelSource(x.client), "message": message, "action": action,
			"charge": object{"id": "ch_" + x.app.server.random.hex(16)},
		}}}
	case "conversation:start", "conversation:read":
		return object{"source": channelSource(x.client), "timestamp": x.at}
	case "conversation:referral":
		details := object{"source": "ADS", "type": "OPEN_THREAD", "adId": "60"}
		return object{
			"source": channelSource(x.client), "timestamp": x.at,
			"referral": object{"code": "spring", "details": details},
		}
	case "link:match", "link:success", "link:failure":
		o := object{"channel": channel, "criteria": x.criteria(channel)}
		if x.trigger == "link:failure" {
			o["error"] = object{"code": "bad_request", "message": "No user matches"}
		}
		return o
	case "typing:appUser":
		return object{"activity": object{"type": "typing:start"}, "timestamp": x.at}
	case "merge:appUser", "appUser:delete", "client:add", "client:remove":
		return object{}
	case "notification:delivery:channel", "notification:delivery:user",
		"notification:delivery:failure", "notification:match:failure":
		destination := object{"integrationId": x.id, "destinationId": newExternalID(x.app.server.random, channel)}
		maps.Copy(destination, pick(x.client, "integrationId"))
		if id, given := x.client["externalId"]; given {
			destination["destinationId"] = id
		}
		o := object{
			"notification": object{"_id": x.app.server.random.uuid()}, "isFinalEvent": true, "timestamp": x.at,
			"destination": destination,
		}
		if strings.HasSuffix(x.trigger, ":failure") {
			o["error"] = failure
		}
		return o
	case "passthrough:apple:interactive":
		apple := object{"id": x.app.server.random.uuid(), "interactiveData": object{"data": object{}}}
		return object{"payload": object{"apple": apple}}
	default: // one that comes some day
		return object{"timestamp": x.at}
	}
}
