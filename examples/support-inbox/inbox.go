package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/smooch/smooch-go"
)

// journal is the userId of an app user whose conversation is the memory of the inbox. It is on no
// channel, so nobody but the inbox reads it.
const journal = "support-inbox"

// inbox is what all agents see. It has no database: messages are read from the service when they
// are shown, and what the service does not keep is in the journal.
type inbox struct {
	app *smooch.Client

	mu            sync.Mutex
	conversations map[string]*conversation // by the _id of the user
	survivors     map[string]string        // _ids of merged users
	watchers      map[chan struct{}]bool
}

// conversation is what the list shows of a user, and what the history lacks.
type conversation struct {
	user     smooch.AppUser
	last     smooch.Message
	written  time.Time // the last message or tap of the user
	read     time.Time // up to which the business has read
	taps     []entry
	failures map[string]string // why a message did not arrive, by its id
}

// entry is a line of the journal: a message that carries it in its metadata.
type entry struct {
	kind string // "user", "tap", "failure" or "merge"
	user string // _id
	what string // the label of the button, the reason of a failure, or the _id of the discarded user
	id   string // of the message that failed
	at   time.Time
}

func newInbox(app *smooch.Client) *inbox {
	return &inbox{
		app: app, conversations: map[string]*conversation{}, survivors: map[string]string{},
		watchers: map[chan struct{}]bool{},
	}
}

// record writes a line into the journal, and then has it applied. An event that comes again,
// because the process died or the answer was lost, is not written again.
func (in *inbox) record(ctx context.Context, e smooch.Event, n entry) error {
	line := smooch.TextMessage(strings.Join([]string{n.kind, n.user, n.id, n.what}, " "))
	line.Metadata = map[string]any{"kind": n.kind, "user": n.user, "what": n.what, "id": n.id}
	token := smooch.WithSendToken(smooch.NewSendToken())
	var options []smooch.CallOption
	if at := e.Header().Timestamp.Time; !at.IsZero() {
		token = smooch.WithSendToken(n.kind + " " + n.id + " " + smooch.EventKey(e))
		options = append(options, smooch.WithSentSince(at))
	}
	answer, err := in.app.Conversations.PostMessage(ctx, journal, line, append(options, token)...)
	if err != nil {
		return err
	}
	n.at = answer.Message.Received.Time
	in.apply(n)
	return nil
}

// apply changes the inbox as a line of the journal says.
func (in *inbox) apply(n entry) {
	in.mu.Lock()
	defer in.mu.Unlock()
	c := in.of(n.user)
	switch n.kind {
	case "tap":
		c.taps = append(c.taps, n)
		c.written = later(c.written, n.at)
	case "failure":
		c.failures[n.id] = n.what
	case "merge":
		if old := in.conversations[n.what]; old != nil {
			c.taps = append(c.taps, old.taps...)
			maps.Copy(c.failures, old.failures)
		}
		in.survivors[n.what] = n.user
		delete(in.conversations, n.what)
	}
	in.tell()
}

// survivor returns the id of the user that a user was merged into, if so. The caller holds mu.
func (in *inbox) survivor(userID string) string {
	for id, merged := in.survivors[userID]; merged; id, merged = in.survivors[userID] {
		userID = id
	}
	return userID
}

// of returns the conversation of a user. The caller holds mu.
func (in *inbox) of(userID string) *conversation {
	userID = in.survivor(userID)
	c := in.conversations[userID]
	if c == nil {
		c = &conversation{user: smooch.AppUser{ID: userID}, failures: map[string]string{}}
		in.conversations[userID] = c
	}
	return c
}

// get returns a copy of the conversation of a user, if there is one.
func (in *inbox) get(userID string) (c conversation, known bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	old, known := in.conversations[in.survivor(userID)]
	if !known {
		return c, false
	}
	c = *old
	c.taps, c.failures = slices.Clone(c.taps), maps.Clone(c.failures)
	return c, true
}

// see takes in a message of the conversation, which may be an older one. Who answers has read, as
// the service sees it.
func (c *conversation) see(m smooch.Message) {
	if m.Received.After(c.last.Received.Time) {
		c.last = m
	}
	if m.Role == smooch.RoleAppUser {
		c.written = later(c.written, m.Received.Time)
	} else {
		c.read = later(c.read, m.Received.Time)
	}
}

// active returns when something was last said or done.
func (c *conversation) active() time.Time { return later(c.last.Received.Time, c.written) }

func (c *conversation) unread() bool { return c.written.After(c.read) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// load reads the journal, and the latest messages of the users in it.
func (in *inbox) load(ctx context.Context) error {
	_, err := in.app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: journal, GivenName: "Support inbox"})
	if err != nil && !errors.Is(err, smooch.ErrConflict) { // of an earlier run
		return err
	}
	for m, err := range in.app.Conversations.Messages(ctx, journal, smooch.MessageListOptions{OldestFirst: true}) {
		if errors.Is(err, smooch.ErrNotFound) {
			break // nobody has written yet
		}
		if err != nil {
			return err
		}
		text := func(name string) string { s, _ := m.Metadata[name].(string); return s }
		if user := text("user"); user != "" {
			in.apply(entry{text("kind"), user, text("what"), text("id"), m.Received.Time})
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	places := make(chan struct{}, 8)
	for _, userID := range slices.Collect(maps.Keys(in.conversations)) {
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			if err := in.loadUser(ctx, userID); err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// loadUser reads the profile and the latest messages of a user. One who was deleted is forgotten.
func (in *inbox) loadUser(ctx context.Context, userID string) error {
	user, err := in.app.AppUsers.Get(ctx, userID)
	page := &smooch.MessagePage{}
	if err == nil {
		page, err = in.app.Conversations.ListMessages(ctx, userID, smooch.MessageListOptions{})
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case errors.Is(err, smooch.ErrNotFound) && user == nil:
		delete(in.conversations, userID)
		return nil
	case err != nil && !errors.Is(err, smooch.ErrNotFound):
		return err
	}
	c := in.of(userID)
	c.user = *user
	if page == nil {
		return nil // no conversation yet
	}
	for _, m := range page.Messages {
		c.see(m)
	}
	if page.Conversation != nil {
		c.read = later(c.read, page.Conversation.AppMakerLastRead.Time)
	}
	return nil
}

// markRead tells the service that an agent has seen what the user has written so far.
func (in *inbox) markRead(ctx context.Context, c conversation) error {
	if !c.unread() {
		return nil
	}
	_, err := in.app.Conversations.PostActivity(ctx, c.user.ID, smooch.Activity{Type: smooch.ActivityTypeConversationRead})
	if err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	now := in.of(c.user.ID)
	now.read = later(now.read, c.written)
	in.tell()
	return nil
}

// watch returns a channel that gets a value after changes, until stop is called.
func (in *inbox) watch() (changes <-chan struct{}, stop func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	w := make(chan struct{}, 1)
	in.watchers[w] = true
	return w, func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		delete(in.watchers, w)
	}
}

// tell tells the watchers that something has changed. The caller holds mu.
func (in *inbox) tell() {
	for w := range in.watchers {
		select {
		case w <- struct{}{}:
		default: // it will look anyway
		}
	}
}

func (in *inbox) handleMessage(ctx context.Context, e *smooch.MessageEvent) error {
	if e.AppUser.UserID == journal {
		return nil
	}
	if _, known := in.get(e.AppUser.ID); !known {
		if err := in.record(ctx, e, entry{kind: "user", user: e.AppUser.ID}); err != nil {
			return err
		}
	}
	in.meet(e.AppUser, e.Messages...)
	return nil
}

// meet takes in what an event tells of a user.
func (in *inbox) meet(user smooch.AppUser, messages ...smooch.Message) {
	in.mu.Lock()
	defer in.mu.Unlock()
	c := in.of(user.ID)
	if c.user.ID == user.ID { // not one who was merged since
		c.user = user
	}
	for _, m := range messages {
		c.see(m)
	}
	in.tell()
}

func (in *inbox) handlePostback(ctx context.Context, e *smooch.PostbackEvent) error {
	for i, p := range e.Postbacks {
		n := entry{kind: "tap", user: e.AppUser.ID, what: p.Action.Text, id: strconv.Itoa(i)}
		if err := in.record(ctx, e, n); err != nil {
			return err
		}
	}
	in.meet(e.AppUser)
	return nil
}

func (in *inbox) handleDelivery(ctx context.Context, e *smooch.DeliveryEvent) error {
	if !e.Failed() || e.AppUser.UserID == journal {
		return nil
	}
	for _, m := range e.Messages {
		if err := in.record(ctx, e, entry{kind: "failure", user: e.AppUser.ID, what: cmp.Or(reasons[e.Reason], "the channel refused it"), id: m.ID}); err != nil {
			return err
		}
	}
	return nil
}

func (in *inbox) handleMerge(ctx context.Context, e *smooch.MergeEvent) error {
	if e.Surviving == nil {
		return smooch.Permanent(errors.New("a merge without a surviving user"))
	}
	for _, discarded := range e.Discarded {
		n := entry{kind: "merge", user: e.Surviving.ID, what: discarded.ID, id: discarded.ID}
		if err := in.record(ctx, e, n); err != nil {
			return err
		}
	}
	return in.loadUser(ctx, e.Surviving.ID)
}

// reasons say in words why a message was not delivered.
var reasons = map[smooch.DeliveryReason]string{
	smooch.DeliveryReasonOutsideWindow: "the user has not written for too long",
	smooch.DeliveryReasonOptedOut:      "the user does not want such messages",
	smooch.DeliveryReasonBlocked:       "the user has blocked the business",
	smooch.DeliveryReasonUnreachable:   "the channel cannot reach the user",
	smooch.DeliveryReasonRateLimited:   "the channel had too many messages at once",
}
