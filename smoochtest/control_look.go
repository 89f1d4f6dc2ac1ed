package smoochtest

import (
	"hash/maphash"
)

// snapshot is what the readers of the feed were last told of apps, users and messages: a hash of
// each, so that what has changed is found wherever it was changed. The server's lock guards it.
type snapshot struct {
	apps  map[string]uint64
	users map[string]map[string]*seenUser // by app and _id
}

type seenUser struct {
	hash     uint64
	messages map[string]uint64
}

// maxLookedAt is how many of the newest messages of a conversation may change.
const maxLookedAt = 200

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
		for _, u := range a.users {
			known := &seenUser{hash: hashOf(a.userJSON(u)), messages: map[string]uint64{}}
			u.eachMessage(func(m object, hash uint64) { known.messages[m["_id"].(string)] = hash })
			seen.users[a.id][u.id] = known
		}
	}
}

// eachMessage calls f for the messages of a user's conversation with the hashes of the newest ones.
func (u *user) eachMessage(f func(m object, hash uint64)) {
	if u.conversation == nil {
		return
	}
	all := u.conversation.messages
	for i, m := range all {
		hash := uint64(0)
		if i >= len(all)-maxLookedAt {
			hash = hashOf(u.conversation.messageJSON(m))
		}
		f(m, hash)
	}
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

// lookForUsers tells of users of an app that were added or deleted. A deleted one may have been
// merged into another: then all are looked at.
func (a *app) lookForUsers() {
	seen, feed := a.server.controls.seen, &a.server.controls.feed
	if seen.users[a.id] == nil {
		seen.users[a.id] = map[string]*seenUser{}
	}
	known := seen.users[a.id]
	if len(known) == len(a.users) {
		return
	}
	existing := map[string]bool{}
	for _, u := range a.users {
		existing[u.id] = true
	}
	fewer := false
	for id := range known {
		if !existing[id] {
			fewer = true
			delete(known, id)
			feed.tell("user-deleted", func() object { return object{"appId": a.id, "userId": id} })
		}
	}
	for _, u := range a.users {
		if fewer || known[u.id] == nil {
			a.lookAt(u)
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
		known = &seenUser{messages: map[string]uint64{}}
		seen.users[a.id][u.id] = known
	}
	existing := map[string]bool{}
	u.eachMessage(func(m object, hash uint64) {
		id := m["_id"].(string)
		existing[id] = true
		if before, told := known.messages[id]; told && (hash == 0 || hash == before) {
			return
		}
		known.messages[id] = hash
		feed.tell("message", func() object {
			return object{"appId": a.id, "userId": u.id, "message": u.conversation.messageJSON(m)}
		})
	})
	if hash := hashOf(a.userJSON(u)); hash != known.hash {
		known.hash = hash
		feed.tell("user", func() object { return object{"user": a.userJSON(u)} })
	}
	switch {
	case len(known.messages) == len(existing):
	case len(existing) == 0:
		known.messages = map[string]uint64{}
		feed.tell("messages-deleted", func() object { return object{"appId": a.id, "userId": u.id} })
	default:
		for id := range known.messages {
			if !existing[id] {
				delete(known.messages, id)
				feed.tell("message-deleted", func() object {
					return object{"appId": a.id, "userId": u.id, "messageId": id}
				})
			}
		}
	}
}
