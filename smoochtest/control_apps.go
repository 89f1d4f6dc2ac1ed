package smoochtest

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

var controlAppRoutes = []controlRoute{
	{"GET", "apps", controlListApps},
	{"POST", "apps", controlCreateApp},
	{"GET", "apps/{appId}", withControlApp(controlGetApp)},
	{"POST", "apps/{appId}/events", controlEmit},
	{"GET", "apps/{appId}/users", withControlApp(controlListUsers)},
	{"POST", "apps/{appId}/users", withControlApp(controlCreateUser)},
	{"GET", "apps/{appId}/users/{userId}", withControlUser(controlGetUser)},
	{"GET", "apps/{appId}/users/{userId}/conversation", withControlUser(controlGetConversation)},
}

// controlJSON returns the app with what belongs to it, secrets included.
func (a *app) controlJSON() object {
	name, _ := a.fields["name"].(string)
	o := object{
		"id": a.id, "name": name, "token": a.token, "userCount": len(a.users.all),
		"menu": emptyMenu(), "templates": notNull(a.templates),
	}
	if menu := a.menus[appMenu]; menu != nil {
		o["menu"] = menu
	}
	keys, webhooks, integrations := []object{}, []object{}, []object{}
	for _, id := range slices.Sorted(maps.Keys(a.server.keys)) {
		if k := a.server.keys[id]; k.owner == (keyOwner{ownerApp, a.id}) {
			keys = append(keys, object{"id": k.id, "name": k.name, "secret": k.secret})
		}
	}
	for _, h := range a.webhooks {
		hook := h.json("v1.1")
		hook["id"] = h.id
		delete(hook, "_id")
		webhooks = append(webhooks, hook)
	}
	for _, i := range a.integrations {
		if i[ofSDK] != true {
			integrations = append(integrations, publicIntegration(i))
		}
	}
	o["keys"], o["webhooks"], o["integrations"] = keys, webhooks, integrations
	o["channelTypes"] = append([]string{"web", "ios", "android"}, slices.Sorted(maps.Keys(channelUserFields))...)
	return o
}

// userJSON returns the user with channels, the state of the conversation and the last message.
func (a *app) userJSON(u *user) object {
	o := object{
		"appId": a.id, "id": u.id, "displayName": u.displayName(),
		"profile": pick(u.fields, "givenName", "surname", "email", "avatarUrl", "signedUpAt", "properties"),
	}
	if id := u.userID(); id != "" {
		o["userId"] = id
	}
	channels := []object{}
	for _, client := range slices.Concat(u.clients, u.pendingClients) {
		channel := pick(client, "id", "displayName", "externalId", "integrationId", "lastSeen")
		channel["type"], channel["primary"] = client["platform"], client["primary"] == true
		status, _ := client["status"].(string)
		channel["status"] = cmp.Or(status, "active")
		channels = append(channels, channel)
	}
	o["channels"] = channels
	v := u.conversation
	if v == nil {
		return o
	}
	now := a.server.clock.now()
	conversation := union(v.brief(), object{
		"id": v.id, "messageCount": len(v.messages),
		"appMakerTyping": now.Before(v.typing["appMaker"]), "appUserTyping": now.Before(v.typing["appUser"]),
	})
	delete(conversation, "_id")
	o["conversation"] = conversation
	if n := len(v.messages); n > 0 {
		o["lastMessage"] = v.messageJSON(v.messages[n-1])
	}
	return o
}

// messageJSON returns a message with what has become of it.
func (v *conversation) messageJSON(m object) object {
	id, _ := m["_id"].(string)
	return union(m, object{"deliveries": notNull(v.outcomes[id])})
}

// noteOutcome notes what has become of a message of the business on a client. failure is nil unless
// it failed.
func (v *conversation) noteOutcome(client, message, failure object, at time.Time) {
	outcome := object{"channel": client["platform"], "status": "delivered", "at": isoTime(at)}
	if failure != nil {
		outcome["status"], outcome["error"] = "failed", failure["message"]
	}
	id := message["_id"].(string)
	v.setOutcomes(id, append(v.outcomes[id], outcome))
}

func (v *conversation) setOutcomes(messageID string, outcomes []object) {
	if v.outcomes == nil {
		v.outcomes = map[string][]object{}
	}
	v.outcomes[messageID] = outcomes
}

// typingShows is how long somebody is shown as typing who does not stop.
const typingShows = 10 * time.Second

// noteTyping notes that somebody, appUser or appMaker, starts or stops typing.
func (u *user) noteTyping(role, kind string, now time.Time) {
	if u.conversation == nil {
		return
	}
	if u.conversation.typing == nil {
		u.conversation.typing = map[string]time.Time{}
	}
	delete(u.conversation.typing, role)
	if kind == "typing:start" {
		u.conversation.typing[role] = now.Add(typingShows)
	}
}

// withControlApp makes a handler of a function that is about one app. It holds the server's lock.
func withControlApp(handler func(c *control, a *app) *reply) func(*control) *reply {
	return func(c *control) *reply {
		c.server.mu.Lock()
		defer c.server.mu.Unlock()
		a := findApp(c.server, c.params["appId"])
		if a == nil {
			return notFound("App")
		}
		return handler(c, a)
	}
}

// withControlUser makes a handler of a function that is about one user. It holds the server's lock.
func withControlUser(handler func(c *control, a *app, u *user) *reply) func(*control) *reply {
	return withControlApp(func(c *control, a *app) *reply {
		u := a.user(c.params["userId"])
		if u == nil {
			return notFound("App user")
		}
		return handler(c, a, u)
	})
}

// refusal returns the answer to a control that has failed, or nil.
func refusal(err error) *reply {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNotFound):
		return notFound("App or app user")
	default:
		return badRequest(strings.TrimPrefix(err.Error(), "smoochtest: "))
	}
}

func controlListApps(c *control) *reply {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	all := []object{}
	for _, a := range c.server.apps {
		all = append(all, a.controlJSON())
	}
	return ok(object{"apps": all})
}

func controlCreateApp(c *control) *reply {
	var body struct {
		Name string `json:"name"`
	}
	if refusal := c.read(&body); refusal != nil {
		return refusal
	}
	if body.Name == "" {
		return badRequest("name is required")
	}
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	a := newApp(s, object{"name": body.Name}, "")
	newKey(s, "default", keyOwner{ownerApp, a.id})
	s.lookAtApps()
	return created(object{"app": a.controlJSON()})
}

func controlGetApp(_ *control, a *app) *reply { return ok(object{"app": a.controlJSON()}) }

func controlEmit(c *control) *reply {
	var body struct {
		Trigger string `json:"trigger"`
		UserID  string `json:"userId"`
		Fields  object `json:"fields"`
	}
	if refusal := c.read(&body); refusal != nil {
		return refusal
	}
	if !slices.Contains(knownTriggers["v1.1"], body.Trigger) || body.Trigger == "*" || body.Trigger == "message" {
		return badRequest("trigger must be one of v1.1")
	}
	if refusal := refusal(c.server.Emit(c.params["appId"], body.UserID, body.Trigger, body.Fields)); refusal != nil {
		return refusal
	}
	return ok(object{})
}

// lastActive returns when the last message was received, in milliseconds of Unix time.
func (u *user) lastActive() float64 {
	if u.conversation == nil || len(u.conversation.messages) == 0 {
		return 0
	}
	return received(u.conversation.messages[len(u.conversation.messages)-1])
}

func controlListUsers(c *control, a *app) *reply {
	limit, refusal := c.number("limit", 100, 1, 1000)
	if refusal != nil {
		return refusal
	}
	offset, refusal := c.number("offset", 0, 0, math.MaxInt32)
	if refusal != nil {
		return refusal
	}
	sorted := slices.Clone(a.users.all)
	slices.Reverse(sorted)
	slices.SortStableFunc(sorted, func(a, b *user) int { return cmp.Compare(b.lastActive(), a.lastActive()) })
	from := min(int(offset), len(sorted))
	to := min(from+int(limit), len(sorted))
	all := []object{}
	for _, u := range sorted[from:to] {
		all = append(all, a.userJSON(u))
	}
	return ok(object{"users": all, "total": len(sorted), "hasMore": to < len(sorted)})
}

func controlCreateUser(c *control, a *app) *reply {
	var body struct {
		UserID     string `json:"userId"`
		Channel    string `json:"channel"`
		GivenName  string `json:"givenName,omitempty"`
		Surname    string `json:"surname,omitempty"`
		Email      string `json:"email,omitempty"`
		AvatarURL  string `json:"avatarUrl,omitempty"`
		Properties object `json:"properties,omitempty"`
	}
	if refusal := c.read(&body); refusal != nil {
		return refusal
	}
	if body.UserID != "" && a.user(body.UserID) != nil {
		return conflict("User already exists")
	}
	u := newUser(a, body.UserID)
	profile := object{}
	for name, value := range map[string]string{
		"givenName": body.GivenName, "surname": body.Surname, "email": body.Email, "avatarUrl": body.AvatarURL,
	} {
		if value != "" {
			profile[name] = value
		}
	}
	if body.Properties != nil {
		profile["properties"] = body.Properties
	}
	answer := u.setProfile(profile)
	if answer == nil && body.Channel != "" {
		client, err := join(a, u, body.Channel)
		if answer = refusal(err); answer == nil {
			u.use(client, c.server.clock.now())
		}
	}
	if answer != nil {
		a.users.remove(u)
		return answer
	}
	c.server.lookAtApps()
	return created(object{"user": a.userJSON(u)})
}

func controlGetUser(_ *control, a *app, u *user) *reply { return ok(object{"user": a.userJSON(u)}) }

func controlGetConversation(c *control, a *app, u *user) *reply {
	limit, refusal := c.number("limit", 100, 1, 1000)
	if refusal != nil {
		return refusal
	}
	all := []object{}
	if u.conversation != nil {
		all = u.conversation.messages
	}
	if before := c.request.URL.Query().Get("before"); before != "" {
		at := slices.IndexFunc(all, func(m object) bool { return m["_id"] == before })
		if at < 0 {
			return notFound("Message")
		}
		all = all[:at]
	}
	from := max(0, len(all)-int(limit))
	client, shown := u.clientOn(c.request.URL.Query().Get("channel")), []object{}
	for _, m := range all[from:] {
		shown = append(shown, u.conversation.shownOn(client, u.conversation.messageJSON(m)))
	}
	return ok(object{"user": a.userJSON(u), "messages": shown, "hasMore": from > 0})
}
