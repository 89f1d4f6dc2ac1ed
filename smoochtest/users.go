package smoochtest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// user is one app user. Its fields are those of the profile.
type user struct {
	id      string
	fields  object // userId, givenName, surname, email, avatarUrl, signedUpAt, properties
	secured bool   // only a JWT reaches it
	talk    *conversation
	clients []object
	pending []object
}

var profile = []string{"givenName", "surname", "email", "avatarUrl", "signedUpAt"}

func (a *app) user(id string) *user {
	for _, u := range a.users {
		if u.id == id || u.userID() == id {
			return u
		}
	}
	return nil
}

func (u *user) userID() string {
	id, _ := u.fields["userId"].(string)
	return id
}

func (s *Server) newUser(a *app, userID string) *user {
	u := &user{id: newID(), fields: object{"properties": object{}, "signedUpAt": isoTime(s.now())}}
	if userID != "" {
		u.fields["userId"] = userID
	}
	a.users = append(a.users, u)
	return u
}

func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// json is the user as a version answers it.
func (u *user) json(version string) object {
	o := u.truncated(version, true)
	o["clients"], o["pendingClients"] = list(u.clients), list(u.pending)
	o["hasPaymentInfo"] = false
	if version == "v1" {
		o["devices"], o["credentialRequired"] = list(u.clients), u.secured
	}
	return o
}

// truncated is the user as most webhooks have it; v1 leaves out the profile.
func (u *user) truncated(version string, profile bool) object {
	o := object{}
	if version != "v1" || profile {
		o = maps.Clone(u.fields)
	} else if u.userID() != "" {
		o["userId"] = u.userID()
	}
	o["_id"], o["conversationStarted"] = u.id, u.talk != nil
	return o
}

// list is never null in JSON.
func list(l []object) []object { return append([]object{}, l...) }

// setProfile takes over what a body may set.
func (c *call) setProfile(u *user, body object) *reply {
	if at, given := body["signedUpAt"]; given {
		text, _ := at.(string)
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return new(badRequest("signedUpAt must be ISO 8601"))
		}
		body["signedUpAt"] = isoTime(t)
	}
	if answer := flat(body, "properties"); answer != nil {
		return answer
	}
	merge(u.fields, body, profile...)
	if properties, given := body["properties"].(object); given {
		merged := maps.Clone(u.fields["properties"].(object))
		maps.Copy(merged, properties)
		u.fields["properties"] = merged
	}
	return nil
}

// flat refuses a member that is not an object of scalars.
func flat(body object, name string) *reply {
	value, given := body[name]
	if !given || value == nil {
		return nil
	}
	members, isObject := value.(object)
	if !isObject {
		return new(badRequest(name + " must be an object"))
	}
	for _, v := range members {
		switch v.(type) {
		case object, []any:
			return new(badRequest(name + " must be flat"))
		}
	}
	return nil
}

func (c *call) createUser() reply {
	if answer := c.missing("userId"); answer != nil {
		return *answer
	}
	id, isText := c.body["userId"].(string)
	if !isText {
		return badRequest("userId must be a string")
	}
	if c.app.user(id) != nil {
		return fail(409, "conflict", "User already exists")
	}
	u := c.newUser(c.app, id)
	if answer := c.setProfile(u, c.body); answer != nil {
		c.app.users = slices.DeleteFunc(c.app.users, func(other *user) bool { return other == u })
		return *answer
	}
	u.secured = c.body["credentialRequired"] == true
	return created(object{"appUser": u.json(c.version)})
}

func (c *call) getUser() reply { return ok(object{"appUser": c.user.json(c.version)}) }

func (c *call) updateUser() reply {
	if answer := c.setProfile(c.user, c.body); answer != nil {
		return *answer
	}
	return c.getUser()
}

func (c *call) deleteUser() reply {
	c.app.users = slices.DeleteFunc(c.app.users, func(u *user) bool { return u == c.user })
	c.emit(c.app, event{trigger: "appUser:delete", user: c.user})
	return ok(object{})
}

func (c *call) deleteProfile() reply {
	for _, name := range []string{"givenName", "surname", "email"} {
		delete(c.user.fields, name)
	}
	c.user.fields["properties"] = object{}
	for _, client := range c.user.clients {
		for _, name := range []string{"displayName", "avatarUrl", "info"} {
			delete(client, name)
		}
	}
	return c.getUser()
}

func (c *call) initDevice() reply {
	device, _ := c.body["device"].(object)
	id, _ := device["id"].(string)
	platform, _ := device["platform"].(string)
	if id == "" || platform == "" {
		return badRequest("device.id and device.platform are required")
	}
	userID := c.text("userId")
	if c.cred.scope == "appUser" && userID != "" && userID != c.cred.userID {
		return forbidden()
	}
	if c.cred.scope == "appUser" {
		userID = c.cred.userID
	}
	u := c.userOfDevice(userID, id)
	if u.secured && c.cred.scope == "appToken" {
		return unauthorized()
	}
	u.secured = u.secured || c.cred.scope == "appUser"
	client := u.client(id)
	if client == nil {
		client = object{"id": id, "active": true, "primary": len(u.clients) == 0}
		u.clients = append(u.clients, client)
	}
	mergeDevice(client, device, "platform", "pushNotificationToken", "appVersion")
	client["lastSeen"] = isoTime(c.now())
	return ok(object{
		"app":     object{"hasIcon": false, "apnEnabled": false},
		"appUser": u.json(c.version),
	})
}

// userOfDevice finds a user by userId, else by the device, and makes one if there is none.
func (c *call) userOfDevice(userID, deviceID string) *user {
	if userID != "" {
		if u := c.app.user(userID); u != nil {
			return u
		}
		return c.newUser(c.app, userID)
	}
	for _, u := range c.app.users {
		if u.userID() == "" && u.client(deviceID) != nil {
			return u
		}
	}
	return c.newUser(c.app, "")
}

func (u *user) client(id string) object {
	for _, client := range u.clients {
		if client["id"] == id {
			return client
		}
	}
	return nil
}

// mergeDevice takes over what a device says of itself; info member by member.
func mergeDevice(client, device object, names ...string) {
	merge(client, device, names...)
	if info, given := device["info"].(object); given {
		old, _ := client["info"].(object)
		merged := object{}
		maps.Copy(merged, old)
		maps.Copy(merged, info)
		client["info"] = merged
	}
}

func (c *call) updateDevice() reply {
	client := c.user.client(c.params["deviceId"])
	if client == nil {
		return notFound("Device")
	}
	mergeDevice(client, c.body, "pushNotificationToken", "appVersion")
	return ok(object{"device": client})
}

func (c *call) updatePushToken() reply {
	if answer := c.missing("deviceId", "token"); answer != nil {
		return *answer
	}
	client := c.user.client(c.text("deviceId"))
	if client == nil {
		return notFound("Device")
	}
	client["pushNotificationToken"] = c.text("token")
	return ok(object{})
}

func (c *call) trackEvent() reply {
	if answer := c.missing("name"); answer != nil {
		return *answer
	}
	if attributes, given := c.body["appUser"].(object); given {
		if answer := c.setProfile(c.user, attributes); answer != nil {
			return *answer
		}
	}
	return created(object{"conversationUpdated": false})
}

func (c *call) mergeUsers() reply {
	pair := map[string]*user{}
	for _, name := range []string{"surviving", "discarded"} {
		ref, _ := c.body[name].(object)
		id, _ := ref["_id"].(string)
		for _, u := range c.app.users {
			if u.id == id {
				pair[name] = u
			}
		}
		if pair[name] == nil {
			return notFound("App user")
		}
	}
	surviving, discarded := pair["surviving"], pair["discarded"]
	if surviving == discarded {
		return badRequest("surviving and discarded are the same user")
	}
	c.join(surviving, discarded)
	c.emit(c.app, event{trigger: "merge:appUser", fields: func(version string) object {
		return object{"surviving": surviving.truncated(version, false), "discarded": []object{discarded.truncated(version, false)}}
	}})
	return ok(object{})
}

// join moves everything of one user to another and removes it.
func (c *call) join(to, from *user) {
	if from.talk != nil {
		to.converse(c.Server)
		for _, m := range from.talk.messages {
			if m["authorId"] == from.id {
				m["authorId"] = to.id
			}
		}
		to.talk.messages = append(to.talk.messages, from.talk.messages...)
		slices.SortStableFunc(to.talk.messages, func(a, b object) int { return int(millis(a) - millis(b)) })
		to.talk.unread += from.talk.unread
	}
	to.clients, to.pending = append(to.clients, from.clients...), append(to.pending, from.pending...)
	if to.userID() == "" && from.userID() != "" {
		to.fields["userId"] = from.userID()
	}
	c.app.users = slices.DeleteFunc(c.app.users, func(u *user) bool { return u == from })
}

// channelIDs is the member of a channel entity that names the person, by channel.
var channelIDs = map[string]string{
	"twilio": "phoneNumber", "messagebird": "phoneNumber", "messenger": "userId", "viber": "userId", "line": "userId", "wechat": "userId",
	"twitter": "userId", "mailgun": "address", "frontendEmail": "address", "telegram": "chatId", "whatsapp": "username",
}

func (c *call) channels() reply {
	all := []object{}
	for _, client := range c.user.clients {
		kind, _ := client["platform"].(string)
		if name := channelIDs[kind]; name != "" {
			entity := object{"type": kind, name: client["externalId"]}
			if id, given := client["integrationId"]; given && c.version != "v1" {
				entity["integrationId"] = id
			}
			all = append(all, entity)
		}
	}
	return ok(object{"channels": all})
}

func (c *call) linkChannel() reply {
	kind := c.text("type")
	if answer := c.missing("type"); answer != nil {
		return *answer
	}
	confirmation, given := c.body["confirmation"].(object)
	if !given && c.version == "v1.1" {
		return badRequest("confirmation is required")
	}
	criterion := "phoneNumber"
	if kind == "mailgun" {
		criterion = "address"
	}
	if answer := c.missing(criterion); answer != nil {
		return *answer
	}
	address := strings.NewReplacer(" ", "", "-", "").Replace(c.text(criterion))
	if criterion == "phoneNumber" && !strings.HasPrefix(address, "+") {
		return badRequest("phoneNumber must begin with + and the country code")
	}
	client := object{"_id": newID(), "id": newID(), "platform": kind, "displayName": address, "externalId": address, "active": true}
	for _, i := range c.app.channels {
		if i["type"] == kind {
			client["integrationId"] = i["_id"]
		}
	}
	criteria := func(string) object { return object{"channel": kind, "criteria": pick(c.body, criterion)} }
	way, _ := confirmation["type"].(string)
	if way == "" || way == "immediate" {
		client["status"], client["linkedAt"] = "active", isoTime(c.now())
		c.user.clients = append(c.user.clients, client)
		c.emit(c.app, event{trigger: "link:success", user: c.user, fields: criteria})
		c.emit(c.app, event{trigger: "client:add", user: c.user, client: client})
	} else {
		client["status"] = "pending"
		c.user.pending = append(c.user.pending, client)
		c.emit(c.app, event{trigger: "link:match", user: c.user, fields: criteria})
	}
	return c.getUser()
}

func (c *call) unlinkChannel() reply {
	kind := c.params["channel"]
	removed := false
	keep := func(clients []object) []object {
		return slices.DeleteFunc(clients, func(client object) bool {
			if client["platform"] != kind {
				return false
			}
			removed = true
			c.emit(c.app, event{trigger: "client:remove", user: c.user, client: client})
			return true
		})
	}
	c.user.clients, c.user.pending = keep(c.user.clients), keep(c.user.pending)
	if !removed {
		return badRequest("the channel is not linked")
	}
	return ok(object{})
}

func (c *call) pingChannel() reply {
	for _, client := range c.user.clients {
		if client["platform"] == c.params["channel"] {
			return ok(object{})
		}
	}
	return badRequest("the channel is not linked")
}

func (c *call) businessSystems() reply { return ok(object{"businessSystems": []object{}}) }

func (c *call) linkRequests() reply {
	ids := c.r.URL.Query().Get("integrationIds")
	if ids == "" {
		return badRequest("integrationIds is required")
	}
	all := []object{}
	for id := range strings.SplitSeq(ids, ",") {
		i := byID(c.app.channels, id)
		if i == nil {
			return notFound("Integration")
		}
		code := "lr_" + newSecret(16)
		all = append(all, object{"integrationId": id, "type": i["type"], "code": code, "url": "https://link.example/" + code})
	}
	return ok(object{"linkRequests": all})
}

func (c *call) authCode() reply { return ok(object{"authCode": "ac_" + newSecret(16)}) }

func (c *call) transferRequests() reply {
	if c.r.URL.Query().Get("type") == "" {
		return badRequest("type is required")
	}
	return ok(object{"transferRequests": []object{{"code": "tr_" + newSecret(16)}}})
}

func (c *call) qrCode() reply {
	return ok(object{"url": "https://qr.example/" + newSecret(16) + ".png"})
}

func (c *call) stripeCustomer() reply {
	if answer := c.missing("token"); answer != nil {
		return *answer
	}
	return ok(object{})
}

func (c *call) stripeAccount() reply {
	return ok(object{"account": object{"id": "acct_" + c.app.id, "livemode": false}})
}
