package smoochtest

import (
	"maps"
	"slices"
	"time"
)

var conversationRoutes = []route{
	{"GET", "/appusers/{userId}/conversation", inApp, v1AndV11, forUser, getConversation},
	{"POST", "/appusers/{userId}/conversation/activity", inApp, v1AndV11, forApp, postActivity},
	{"POST", "/appusers/{userId}/conversation/read", inApp, v1AndV11, forUser, resetUnreadCount},
	{"POST", "/appusers/{userId}/conversation/postback", inApp, v1AndV11, forUser, postback},
}

// conversation is a user's conversation.
type conversation struct {
	id               string
	messages         []object             // oldest first
	overrides        map[string]object    // what was posted for single channels, by message id
	outcomes         map[string][]object  // what became of messages on channels, by message id
	typing           map[string]time.Time // until when a role is shown as typing
	unreadCount      int                  // of the user
	appMakerLastRead time.Time
	appUserLastRead  time.Time
}

// brief returns the conversation as v1.1 answers it, without messages.
func (v *conversation) brief() object {
	o := object{"_id": v.id, "unreadCount": v.unreadCount}
	if !v.appMakerLastRead.IsZero() {
		o["appMakerLastRead"] = unixTime(v.appMakerLastRead)
	}
	if !v.appUserLastRead.IsZero() {
		o["appUserLastRead"] = unixTime(v.appUserLastRead)
	}
	return o
}

// full returns the conversation with its messages.
func (v *conversation) full(u *user) object {
	return object{
		"_id": v.id, "appMakers": []string{}, "appUsers": []string{u.id}, "messages": notNull(v.messages),
	}
}

// absorb adds the messages of another conversation. Those by oldAuthor become newAuthor's.
func (v *conversation) absorb(other *conversation, oldAuthor, newAuthor string) {
	for _, m := range other.messages {
		if m["authorId"] == oldAuthor {
			m["authorId"] = newAuthor
		}
	}
	v.messages = append(v.messages, other.messages...)
	slices.SortStableFunc(v.messages, func(a, b object) int { return int(received(a) - received(b)) })
	v.unreadCount += other.unreadCount
	maps.Copy(v.overrides, other.overrides)
	for id, outcomes := range other.outcomes {
		v.setOutcomes(id, outcomes)
	}
}

func getConversation(c *call) *reply {
	if c.user.conversation == nil {
		return notFound("Conversation")
	}
	return ok(object{"conversation": c.user.conversation.full(c.user)})
}

func postActivity(c *call) *reply {
	if c.text("role") != "appMaker" {
		return badRequest("role must be appMaker")
	}
	kind := c.text("type")
	switch kind {
	case "typing:start", "typing:stop", "conversation:read":
	default:
		return badRequest("type is not known")
	}
	if c.user.conversation == nil {
		return notFound("Conversation")
	}
	if kind == "conversation:read" {
		c.user.conversation.appMakerLastRead = c.server.clock.now()
	}
	return ok(object{"conversation": c.user.conversation.brief()})
}

func resetUnreadCount(c *call) *reply {
	if c.user.conversation == nil {
		return notFound("Conversation")
	}
	readConversation(c.app, c.user, nil)
	return noBody()
}

// readConversation notes that a user has read the conversation on a client, which may be nil.
func readConversation(a *app, u *user, client object) {
	at := a.server.clock.unique()
	u.conversation.unreadCount, u.conversation.appUserLastRead = 0, at
	a.tellActivity(u, "appUser", "conversation:read")
	emit(a, event{trigger: "conversation:read", user: u, client: client, fields: func(string) object {
		return object{"source": channelSource(client), "timestamp": unixTime(at)}
	}})
}

func postback(c *call) *reply {
	if refusal := c.require("actionId"); refusal != nil {
		return refusal
	}
	action, message := actionByID(c, "postback")
	if action == nil {
		return notFound("Action")
	}
	tapPostback(c.app, c.user, nil, action, message)
	return ok(object{})
}

// tapPostback tells the webhooks that a user has tapped a button on a client, which may be nil.
// message is the one that has the button; nil if it is in a menu. The documents show no timestamp.
func tapPostback(a *app, u *user, client, action, message object) {
	emit(a, event{trigger: "postback", user: u, client: client, fullUserOnV1: true, fields: func(string) object {
		tapped := object{"action": action}
		if message != nil {
			tapped["message"] = message
		}
		return object{"postbacks": []object{tapped}}
	}})
	if settings, _ := a.fields["settings"].(object); settings["echoPostback"] == true {
		echo := pick(action, "text", "payload")
		echo["role"], echo["type"] = "appUser", "text"
		addMessage(a, u, newMessage(a.server.random, echo), client)
	}
}

// actionByID finds the action that the body names, if it is of the given type.
func actionByID(c *call, kind string) (action, message object) {
	action, message = findAction(c.user, slices.Collect(maps.Values(c.app.menus)), func(action object) bool {
		return action["_id"] == c.text("actionId") && action["type"] == kind
	})
	return action, message
}

// menusOn returns the menu that a client, which may be nil, shows: that of its integration, or else
// the app's.
func menusOn(a *app, client object) []object {
	id, _ := client["integrationId"].(string)
	if menu := a.menus[id]; menu != nil {
		return []object{menu}
	}
	return []object{a.menus[appMenu]}
}

// findAction finds the last matching action in a user's messages, or else one in a menu, which is
// in no message.
func findAction(u *user, menus []object, matches func(action object) bool) (action, message object) {
	if u.conversation != nil {
		for _, message := range slices.Backward(u.conversation.messages) {
			if action := actionIn(message, matches); action != nil {
				return action, message
			}
		}
	}
	for _, menu := range menus {
		if action := actionIn(menu, matches); action != nil {
			return action, nil
		}
	}
	return nil, nil
}

// actionIn finds the first matching action in a message, a menu, or an item of one.
func actionIn(holder object, matches func(action object) bool) object {
	for _, name := range []string{"actions", "items"} {
		parts, _ := holder[name].([]any)
		for _, part := range parts {
			o, _ := part.(object)
			if matches(o) {
				return o
			}
			if action := actionIn(o, matches); action != nil {
				return action
			}
		}
	}
	return nil
}
