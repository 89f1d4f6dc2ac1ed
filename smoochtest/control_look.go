package smoochtest

import (
	"hash/maphash"
	"slices"
)

// snapshot is what the readers of the feed were last told, so that what has changed is found
// wherever it was changed: a hash of each app and user, and the messages of each conversation. A
// message that changes later tells of that itself, with tellMessage. The server's lock guards a
// snapshot.
type snapshot struct {
	apps  map[string]uint64
	users map[string]map[string]*seenUser // by app and _id
}

type seenUser struct {
	hash     uint64
	messages []string // their ids, oldest first
}

var hashSeed = maphash.MakeSeed()

func hashOf(v any) uint64 { return maphash.Bytes(hashSeed, encode(v)) }

// startLooking takes the first snapshot, as soon as there is a reader.
func (s *Server) startLooking() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.controls.seen == nil {
		s.controls.seen = &snapshot{}
		s.lookAtAll()
	}
}

// lookAtAll takes a new snapshot. The caller holds the server's lock, as for the functions below.
func (s *Server) lookAtAll() {
	seen := s.controls.seen
	if seen == nil {
		return
	}
	seen.apps, seen.users = map[string]uint64{}, map[string]map[string]*seenUser{}
	for _, a := range s.apps {
		seen.apps[a.id] = hashOf(a.controlJSON())
		seen.users[a.id] = map[string]*seenUser{}
		for _, u := range a.users.all {
			seen.users[a.id][u.id] = &seenUser{hashOf(a.userJSON(u)), idsOf(u.messages())}
		}
	}
}

// messages returns the messages of the user's conversation.
func (u *user) messages() []object {
	if u.conversation == nil {
		return nil
	}
	return u.conversation.messages
}

func idsOf(messages []object) []string {
	ids := make([]string, len(messages))
	for i, m := range messages {
		ids[i] = m["_id"].(string)
	}
	return ids
}

// tellChanges tells of what a call has changed.
func (s *Server) tellChanges(c *call, answer *reply) {
	if c.request.Method == "GET" || answer.status >= 300 {
		return
	}
	if c.user != nil && c.app != nil {
		if role, kind := c.text("role"), c.text("type"); c.route.path == "/appusers/{userId}/conversation/activity" {
			c.user.noteTyping(role, kind, s.clock.now())
			c.app.tellActivity(c.user, role, kind)
		}
		c.app.lookAt(c.user)
	}
	s.lookAtApps()
}

// lookAtApps tells of apps that were added, changed or deleted, and of users that were added or
// deleted.
func (s *Server) lookAtApps() {
	seen, feed := s.controls.seen, &s.controls.feed
	if seen == nil {
		return
	}
	existing := map[string]bool{}
	for _, a := range s.apps {
		existing[a.id] = true
		if hash := hashOf(a.controlJSON()); seen.apps[a.id] != hash {
			seen.apps[a.id] = hash
			feed.tell("app", func() object { return object{"app": a.controlJSON()} })
		}
		a.lookForUsers()
	}
	for id := range seen.apps {
		if !existing[id] {
			delete(seen.apps, id)
			delete(seen.users, id)
			feed.tell("app-deleted", func() object { return object{"appId": id} })
		}
	}
}

// lookForUsers tells of users of an app that were added or deleted.
func (a *app) lookForUsers() {
	seen, feed := a.server.controls.seen, &a.server.controls.feed
	if seen.users[a.id] == nil {
		seen.users[a.id] = map[string]*seenUser{}
	}
	known, added := seen.users[a.id], a.users.all
	for i, u := range slices.Backward(added) { // who is new came last
		if known[u.id] != nil {
			added = added[i+1:]
			break
		}
	}
	for _, u := range added {
		a.lookAt(u)
	}
	if len(known) == len(a.users.all) {
		return
	}
	for id := range known {
		if a.user(id) == nil {
			delete(known, id)
			feed.tell("user-deleted", func() object { return object{"appId": a.id, "userId": id} })
		}
	}
}

// lookAt tells of what has changed about a user and the messages.
func (a *app) lookAt(u *user) {
	seen, feed := a.server.controls.seen, &a.server.controls.feed
	if seen == nil || a.user(u.id) != u {
		return
	}
	if seen.users[a.id] == nil {
		seen.users[a.id] = map[string]*seenUser{}
	}
	known := seen.users[a.id][u.id]
	if known == nil {
		known = &seenUser{}
		seen.users[a.id][u.id] = known
	}
	a.lookAtMessages(u, known)
	if hash := hashOf(a.userJSON(u)); hash != known.hash {
		known.hash = hash
		feed.tell("user", func() object { return object{"user": a.userJSON(u)} })
	}
}

// lookAtMessages tells of messages that were added or deleted.
func (a *app) lookAtMessages(u *user, known *seenUser) {
	all, told := u.messages(), len(known.messages)
	if told > 0 && (len(all) < told || all[told-1]["_id"] != known.messages[told-1]) {
		// Not only added at the end: some were deleted, or moved here with a merge.
		before := map[string]bool{}
		for _, id := range known.messages {
			before[id] = true
		}
		for _, m := range all {
			if !before[m["_id"].(string)] {
				a.tellMessage(u, m)
			}
		}
		a.tellDeletedMessages(u, known.messages)
		known.messages = idsOf(all)
		return
	}
	for _, m := range all[told:] {
		a.tellMessage(u, m)
	}
	known.messages = append(known.messages, idsOf(all[told:])...)
}

func (a *app) tellDeletedMessages(u *user, before []string) {
	feed := &a.server.controls.feed
	if len(u.messages()) == 0 {
		feed.tell("messages-deleted", func() object { return object{"appId": a.id, "userId": u.id} })
		return
	}
	existing := map[string]bool{}
	for _, id := range idsOf(u.messages()) {
		existing[id] = true
	}
	for _, id := range before {
		if !existing[id] {
			feed.tell("message-deleted", func() object {
				return object{"appId": a.id, "userId": u.id, "messageId": id}
			})
		}
	}
}

// tellMessage tells of a message that is new or has changed.
func (a *app) tellMessage(u *user, m object) {
	a.server.controls.feed.tell("message", func() object {
		return object{"appId": a.id, "userId": u.id, "message": u.conversation.messageJSON(m)}
	})
}
