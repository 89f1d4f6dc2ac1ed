package smoochtest

import (
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"time"
)

var appUserRoutes = []route{
	{"POST", "/appusers", inApp, v1AndV11, forApp, createUser},
	{"GET", "/appusers/{userId}", inApp, v1AndV11, forUser, getUser},
	{"PUT", "/appusers/{userId}", inApp, v1AndV11, forUser, updateUser},
	{"DELETE", "/appusers/{userId}", inApp, v1AndV11, forApp, deleteUser},
	{"DELETE", "/appusers/{userId}/profile", inApp, v1AndV11, forApp, deleteProfile},
	{"POST", "/appusers/{userId}/events", inApp, v1Only, forUser, trackEvent},
	{"POST", "/appusers/merge", inApp, v11Only, forApp, mergeUsers},
}

// user is one app user.
type user struct {
	id                 string
	fields             object // userId, signedUpAt, properties, and the rest of the profile
	credentialRequired bool   // an app token does not reach the user
	conversation       *conversation
	clients            []object
	pendingClients     []object
	linkCriteria       map[string]object // what a client was linked by, by its _id
}

func newUser(a *app, userID string) *user {
	signedUpAt := isoTime(a.server.clock.now())
	u := &user{
		id: a.server.random.id(), fields: object{"properties": object{}, "signedUpAt": signedUpAt},
		linkCriteria: map[string]object{},
	}
	if userID != "" {
		u.fields["userId"] = userID
	}
	a.users.add(u)
	return u
}

// userList holds the users of an app. There may be very many, and each call looks for one of them.
type userList struct {
	all  []*user          // in the order in which they came
	byID map[string]*user // by _id and by userId
}

func (l *userList) add(u *user) {
	l.all = append(l.all, u)
	if l.byID == nil {
		l.byID = map[string]*user{}
	}
	l.byID[u.id] = u
	l.setUserID(u, u.userID())
}

func (l *userList) remove(u *user) {
	l.all = slices.DeleteFunc(l.all, func(other *user) bool { return other == u })
	delete(l.byID, u.id)
	delete(l.byID, u.userID())
}

// setUserID gives a user of the list a userId, if it is not empty.
func (l *userList) setUserID(u *user, id string) {
	if id != "" {
		u.fields["userId"], l.byID[id] = id, u
	}
}

// userID returns the id that the business has given to the user, or "".
func (u *user) userID() string {
	id, _ := u.fields["userId"].(string)
	return id
}

func (u *user) hasID(id string) bool { return id == u.id || id == u.userID() }

// displayName returns the name that is shown with the user's messages. As in the service, one who
// has no name is called something like Quiet Otter.
func (u *user) displayName() string {
	given, _ := u.fields["givenName"].(string)
	surname, _ := u.fields["surname"].(string)
	if name := strings.TrimSpace(given + " " + surname); name != "" {
		return name
	}
	n := crc32.ChecksumIEEE([]byte(u.id))
	return adjectives[n%16] + " " + animals[n>>4%16]
}

// The words of which users get names who have none, so that a person tells them apart.
var (
	adjectives = strings.Fields("Brave Calm Clever Eager Gentle Happy Jolly Kind Lively Lucky Merry Proud Quick Quiet Shy Witty")
	animals    = strings.Fields("Badger Beaver Crane Deer Falcon Fox Hare Heron Lynx Magpie Moose Otter Owl Seal Stork Wolf")
)

// client returns the user's client with the id, or nil.
func (u *user) client(id string) object {
	for _, client := range u.clients {
		if client["id"] == id {
			return client
		}
	}
	return nil
}

// full returns the user as calls answer it.
func (u *user) full(version string) object {
	o := maps.Clone(u.fields)
	o["_id"], o["conversationStarted"] = u.id, u.conversation != nil
	o["clients"], o["pendingClients"] = clientsOn(version, u.clients), clientsOn(version, u.pendingClients)
	o["hasPaymentInfo"] = false
	if version == "v1" {
		o["devices"], o["credentialRequired"] = o["clients"], u.credentialRequired
	}
	return o
}

// truncated returns the user as most webhook events have it: v1 leaves out the profile.
func (u *user) truncated(version string) object {
	o := maps.Clone(u.fields)
	if version == "v1" {
		o = pick(u.fields, "userId")
	}
	o["_id"], o["conversationStarted"] = u.id, u.conversation != nil
	return o
}

// setProfile sets those fields of the profile that update has.
func (u *user) setProfile(update object) *reply {
	if at, given := update["signedUpAt"]; given {
		text, _ := at.(string)
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return badRequest("signedUpAt must be ISO 8601")
		}
		update["signedUpAt"] = isoTime(t)
	}
	if refusal := requireFlat(update, "properties"); refusal != nil {
		return refusal
	}
	for _, name := range []string{"givenName", "surname", "email", "avatarUrl"} {
		if _, isText := update[name].(string); !isText && update[name] != nil {
			return badRequest(name + " must be a string")
		}
	}
	mergeGiven(u.fields, update, "givenName", "surname", "email", "avatarUrl", "signedUpAt")
	if properties, given := update["properties"].(object); given {
		u.fields["properties"] = union(u.fields["properties"].(object), properties)
	}
	return nil
}

func createUser(c *call) *reply {
	if refusal := c.require("userId"); refusal != nil {
		return refusal
	}
	id, isText := c.body["userId"].(string)
	if !isText {
		return badRequest("userId must be a string")
	}
	if c.app.user(id) != nil {
		return conflict("User already exists")
	}
	u := newUser(c.app, id)
	if refusal := u.setProfile(c.body); refusal != nil {
		c.app.users.remove(u)
		return refusal
	}
	u.credentialRequired = c.body["credentialRequired"] == true
	return created(object{"appUser": u.full(c.version)})
}

func getUser(c *call) *reply { return ok(object{"appUser": c.user.full(c.version)}) }

func updateUser(c *call) *reply {
	if refusal := c.user.setProfile(c.body); refusal != nil {
		return refusal
	}
	return getUser(c)
}

func deleteUser(c *call) *reply {
	c.app.users.remove(c.user)
	deleteAttachmentsOf(c.app, c.user)
	emit(c.app, event{trigger: "appUser:delete", user: c.user})
	return ok(object{})
}

func deleteProfile(c *call) *reply {
	for _, name := range []string{"givenName", "surname", "email"} {
		delete(c.user.fields, name)
	}
	c.user.fields["properties"] = object{}
	for _, client := range c.user.clients {
		for _, name := range []string{"displayName", "avatarUrl", "info"} {
			delete(client, name)
		}
	}
	return getUser(c)
}

func trackEvent(c *call) *reply {
	if refusal := c.require("name"); refusal != nil {
		return refusal
	}
	if update, given := c.body["appUser"].(object); given {
		if refusal := c.user.setProfile(update); refusal != nil {
			return refusal
		}
	}
	return created(object{"conversationUpdated": false})
}

func mergeUsers(c *call) *reply {
	surviving, refusal := mergedUser(c, "surviving")
	if refusal != nil {
		return refusal
	}
	discarded, refusal := mergedUser(c, "discarded")
	if refusal != nil {
		return refusal
	}
	if surviving == discarded {
		return badRequest("surviving and discarded are the same user")
	}
	surviving.absorb(discarded, c.server.random)
	c.app.users.remove(discarded)
	if surviving.userID() == "" {
		c.app.users.setUserID(surviving, discarded.userID())
	}
	emit(c.app, event{trigger: "merge:appUser", fields: func(version string) object {
		return object{
			"surviving": surviving.truncated(version), "discarded": []object{discarded.truncated(version)},
		}
	}})
	c.server.lookAtApps()
	c.app.lookAt(surviving) // who has the other's messages
	return ok(object{})
}

// mergedUser returns the user that a field of the body refers to by _id.
func mergedUser(c *call, name string) (*user, *reply) {
	ref, _ := c.body[name].(object)
	id, _ := ref["_id"].(string)
	if id == "" {
		return nil, badRequest(name + "._id is required")
	}
	if u := c.app.user(id); u != nil && u.id == id {
		return u, nil
	}
	return nil, notFound("App user")
}

// absorb moves the messages and clients of another user to this one.
func (u *user) absorb(other *user, r *random) {
	if other.conversation != nil {
		u.startConversation(r)
		u.conversation.absorb(other.conversation, other.id, u.id)
	}
	for _, client := range other.clients {
		client["primary"] = client["primary"] == true && u.primaryClient() == nil
		u.clients = append(u.clients, client)
	}
	maps.Copy(u.linkCriteria, other.linkCriteria)
	u.pendingClients = append(u.pendingClients, other.pendingClients...)
}

func (u *user) startConversation(r *random) {
	if u.conversation == nil {
		u.conversation = &conversation{id: r.id(), overrides: map[string]object{}}
	}
}
