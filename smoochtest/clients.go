package smoochtest

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// The statuses of a client.
const (
	clientActive   = "active"
	clientPending  = "pending"
	clientBlocked  = "blocked"
	clientInactive = "inactive" // the user wants no more messages
)

// newClient makes a client of a user on a channel. integration may be nil.
func newClient(r *random, platform string, integration object, externalID string) object {
	client := object{"_id": r.id(), "id": r.id(), "platform": platform, "active": true, "status": clientActive}
	if integration != nil {
		client["integrationId"] = integration["_id"]
	}
	if externalID != "" {
		client["externalId"], client["displayName"] = externalID, externalID
	}
	return client
}

func isSDK(client object) bool {
	switch client["platform"] {
	case "ios", "android", "web", "other":
		return true
	}
	return false
}

// setClientStatus sets the status of a client, and what earlier versions have in its place.
func setClientStatus(client object, status string) {
	client["status"], client["active"] = status, status == clientActive
	delete(client, "blocked")
	if status == clientBlocked {
		client["blocked"] = true
	}
}

// clientOn returns the user's client on a channel, which is a type or the id of an integration. Of
// several it is the one that was used last.
func (u *user) clientOn(channel string) object {
	var found object
	for _, client := range u.clients {
		on := client["platform"] == channel || client["integrationId"] == channel
		if on && (found == nil || client["primary"] == true) {
			found = client
		}
	}
	return found
}

// primaryClient returns the client that the user used last, or nil.
func (u *user) primaryClient() object {
	for _, client := range u.clients {
		if client["primary"] == true {
			return client
		}
	}
	return nil
}

// use makes a client the one that the user used last.
func (u *user) use(client object, at time.Time) {
	client["lastSeen"] = isoTime(at)
	u.setPrimary(client)
}

func (u *user) setPrimary(client object) {
	for _, other := range u.clients {
		other["primary"] = false
	}
	client["primary"] = true
}

// addClient adds a client to a user and tells the webhooks. The first one is the primary one.
func addClient(a *app, u *user, client object) {
	client["primary"] = len(u.clients) == 0
	u.clients = append(u.clients, client)
	emit(a, event{trigger: "client:add", user: u, client: client})
}

// linkClient turns a client that waits for the user's confirmation into one that is linked.
func linkClient(a *app, u *user, client object) {
	u.pendingClients = slices.DeleteFunc(u.pendingClients, func(other object) bool {
		return other["_id"] == client["_id"]
	})
	setClientStatus(client, clientActive)
	client["linkedAt"] = isoTime(a.server.clock.now())
	emitLink(a, u, client, "link:success", nil)
	addClient(a, u, client)
}

// emitLink emits an event about the link of a client to its user. failure is nil unless it failed.
func emitLink(a *app, u *user, client object, trigger string, failure object) {
	criteria := u.linkCriteria[client["_id"].(string)]
	emit(a, event{trigger: trigger, user: u, client: client, fields: func(string) object {
		o := object{"channel": client["platform"], "criteria": criteria}
		if failure != nil {
			o["error"] = failure
		}
		return o
	}})
}

// integrationOn returns the app's integration with the id or, failing that, of the type.
func (a *app) integrationOn(channel string) object {
	if i := byID(a.integrations, channel); i != nil {
		return i
	}
	for _, i := range a.integrations {
		if i["type"] == channel {
			return i
		}
	}
	return nil
}

// userOnChannel returns the user who has a client on the integration with the channel's own id of
// the user, or nil.
func (a *app) userOnChannel(integrationID, externalID string) *user {
	for _, u := range a.users.all {
		for _, client := range u.clients {
			if client["integrationId"] == integrationID && client["externalId"] == externalID {
				return u
			}
		}
	}
	return nil
}

// join returns the user's client on a channel, for a user who is there as of now: a link that waits
// for confirmation is confirmed, and a client that is missing is added. With an empty channel it is
// the client that the user used last, or nil if there is none.
func join(a *app, u *user, channel string) (object, error) {
	if channel == "" {
		return u.primaryClient(), nil
	}
	if client := u.clientOn(channel); client != nil {
		return client, nil
	}
	for _, client := range u.pendingClients {
		if client["platform"] == channel || client["integrationId"] == channel {
			linkClient(a, u, client)
			return client, nil
		}
	}
	integration, platform := a.integrationOn(channel), channel
	if integration != nil {
		platform, _ = integration["type"].(string)
	}
	client := newClient(a.server.random, platform, integration, "")
	switch {
	case isSDK(client):
	case integration == nil && channelUserFields[platform] == "":
		return nil, errors.New("smoochtest: the app has no such channel")
	default:
		client["externalId"] = newExternalID(a.server.random, platform)
		client["displayName"] = u.displayName()
	}
	addClient(a, u, client)
	return client, nil
}

// newExternalID returns an id as a channel gives it to its users.
func newExternalID(r *random, platform string) string {
	switch channelUserFields[platform] {
	case "address":
		return r.hex(8) + "@mail.example"
	case "phoneNumber":
		return "+1" + r.digits(10)
	case "username":
		return "1" + r.digits(10)
	default:
		return r.digits(16)
	}
}

// channelSource returns the source of what a user does on a client. Nothing is said about where it
// comes from if client is nil.
func channelSource(client object) object {
	if client == nil {
		return object{"type": "api"}
	}
	source := object{"type": client["platform"], "id": client["id"]}
	if id, given := client["integrationId"]; given {
		source["integrationId"] = id
	}
	return source
}

// clientOn returns a client as a version has it.
func clientOn(version string, client object) object {
	if version != "v1" {
		return client
	}
	o := maps.Clone(client)
	for _, name := range []string{"_id", "status", "integrationId", "externalId"} {
		delete(o, name)
	}
	return o
}

func clientsOn(version string, clients []object) []object {
	all := []object{}
	for _, client := range clients {
		all = append(all, clientOn(version, client))
	}
	return all
}
