package smoochtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// stateVersion is the version of the form of an exported state.
const stateVersion = 1

// savedState is the whole state of a server as it is exported. TestEveryFieldIsSaved compares its
// parts with the types that they save.
type savedState struct {
	Version         int                        `json:"version"`
	BaseURL         string                     `json:"baseURL"` // that URLs of media begin with
	AdvancedBy      time.Duration              `json:"advancedNanoseconds"`
	Random          savedRandom                `json:"random"`
	AccountKey      string                     `json:"accountKey"`
	App             string                     `json:"app"`    // the one of Server.App
	AppKey          string                     `json:"appKey"` // its key of Server.App
	Keys            []savedKey                 `json:"keys"`
	ServiceAccounts []object                   `json:"serviceAccounts"`
	Deployments     []object                   `json:"deployments"`
	Apps            []savedApp                 `json:"apps"`
	Attachments     map[string]savedAttachment `json:"attachments"`
	MediaTokens     map[string]savedMediaToken `json:"mediaTokens"`
	AccessTokens    map[string]string          `json:"accessTokens"` // and the app of each
}

type savedRandom struct {
	Source []byte `json:"source"`
	Dated  int64  `json:"dated"`
}

type savedKey struct {
	ID     string    `json:"id"`
	Secret string    `json:"secret"`
	Name   string    `json:"name"`
	Kind   ownerKind `json:"ownerKind"`
	Owner  string    `json:"owner"`
}

type savedApp struct {
	ID               string              `json:"id"`
	Token            string              `json:"token"`
	Creator          string              `json:"creator"`
	Fields           object              `json:"fields"`
	Users            []savedUser         `json:"users"`
	Webhooks         []savedWebhook      `json:"webhooks"`
	Integrations     []object            `json:"integrations"`
	Templates        []object            `json:"templates"`
	Menus            map[string]object   `json:"menus"`
	Profiles         map[string]object   `json:"profiles"`
	MessageTemplates map[string][]object `json:"messageTemplates"`
	OAuthCode        string              `json:"oauthCode"`
}

type savedUser struct {
	ID                 string             `json:"id"`
	Fields             object             `json:"fields"`
	CredentialRequired bool               `json:"credentialRequired"`
	Conversation       *savedConversation `json:"conversation,omitempty"`
	Clients            []object           `json:"clients"`
	PendingClients     []object           `json:"pendingClients"`
	LinkCriteria       map[string]object  `json:"linkCriteria"`
}

type savedConversation struct {
	ID               string              `json:"id"`
	Messages         []object            `json:"messages"`
	Overrides        map[string]object   `json:"overrides"`
	Outcomes         map[string][]object `json:"outcomes"`
	UnreadCount      int                 `json:"unreadCount"`
	AppMakerLastRead time.Time           `json:"appMakerLastRead"`
	AppUserLastRead  time.Time           `json:"appUserLastRead"`
}

type savedWebhook struct {
	ID          string `json:"id"`
	Fields      object `json:"fields"`
	Version     string `json:"version"`
	Secret      string `json:"secret"`
	AccessToken string `json:"accessToken"`
}

type savedAttachment struct {
	App       string    `json:"app"`
	User      string    `json:"user"`
	Private   bool      `json:"private"`
	MediaType string    `json:"mediaType"`
	Data      []byte    `json:"data"`
	At        time.Time `json:"at"`
}

type savedMediaToken struct {
	App          string    `json:"app"`
	Conversation string    `json:"conversation"`
	Expires      time.Time `json:"expires"`
}

// stateLock is the lock of a server's state. It counts how often it was taken: the state cannot
// have changed without that.
type stateLock struct {
	sync.Mutex
	taken atomic.Uint64
}

func (l *stateLock) Lock() {
	l.Mutex.Lock()
	l.taken.Add(1)
}

// StateChanges returns a number that stays the same for as long as the state of the server does. It
// is cheap, and tells whether [Server.ExportState] may return anything new.
func (s *Server) StateChanges() uint64 { return s.mu.taken.Load() }

// ExportState returns the whole state of the server as JSON, for [Server.ImportState]: accounts,
// apps, keys, users, conversations, webhooks, files and the clock. It has secrets. It lacks the
// logs, faults and deliveries that are under way.
func (s *Server) ExportState() []byte {
	s.mu.Mutex.Lock() // which does not count
	defer s.mu.Unlock()
	state := savedState{
		Version: stateVersion, BaseURL: s.URL, AdvancedBy: s.clock.ahead(), Random: s.random.save(),
		AccountKey: s.config.account.KeyID, App: s.config.app.ID, AppKey: s.config.app.Key.KeyID,
		ServiceAccounts: s.serviceAccounts, Deployments: s.deployments,
		Attachments: map[string]savedAttachment{}, MediaTokens: map[string]savedMediaToken{},
		AccessTokens: map[string]string{},
	}
	for _, id := range slices.Sorted(maps.Keys(s.keys)) {
		k := s.keys[id]
		state.Keys = append(state.Keys, savedKey{k.id, k.secret, k.name, k.owner.kind, k.owner.id})
	}
	for _, a := range s.apps {
		state.Apps = append(state.Apps, a.save())
	}
	for id, m := range s.attachments {
		saved := savedAttachment{App: m.app.id, Private: m.private, MediaType: m.file.mediaType, Data: m.file.data, At: m.at}
		if m.user != nil {
			saved.User = m.user.id
		}
		state.Attachments[id] = saved
	}
	for token, t := range s.mediaTokens {
		state.MediaTokens[token] = savedMediaToken{t.app.id, t.conversation, t.expires}
	}
	for token, a := range s.accessTokens {
		state.AccessTokens[token] = a.id
	}
	return encode(state)
}

func (a *app) save() savedApp {
	saved := savedApp{
		ID: a.id, Token: a.token, Creator: a.creator, Fields: a.fields, Integrations: a.integrations,
		Templates: a.templates, Menus: a.menus, Profiles: a.profiles, MessageTemplates: a.messageTemplates,
		OAuthCode: a.oauthCode,
	}
	for _, h := range a.webhooks {
		saved.Webhooks = append(saved.Webhooks, savedWebhook{h.id, h.fields, h.version, h.secret, h.accessToken})
	}
	for _, u := range a.users.all {
		user := savedUser{
			ID: u.id, Fields: u.fields, CredentialRequired: u.credentialRequired,
			Clients: u.clients, PendingClients: u.pendingClients, LinkCriteria: u.linkCriteria,
		}
		if v := u.conversation; v != nil {
			user.Conversation = &savedConversation{
				v.id, v.messages, v.overrides, v.outcomes, v.unreadCount, v.appMakerLastRead, v.appUserLastRead,
			}
		}
		saved.Users = append(saved.Users, user)
	}
	return saved
}

// ImportState replaces the whole state of the server, credentials and clock included, by one that
// [Server.ExportState] returned. It drops the logs, the faults and the deliveries that are under
// way. If it returns an error, nothing has changed.
func (s *Server) ImportState(data []byte) error {
	state, err := s.readState(data)
	if err != nil {
		return fmt.Errorf("smoochtest: the state cannot be imported: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.random.resume(state.Random); err != nil {
		return fmt.Errorf("smoochtest: the state cannot be imported: %w", err)
	}
	s.dropWebhooks()
	s.empty()
	for _, k := range state.Keys {
		s.keys[k.ID] = &key{k.ID, k.Secret, k.Name, keyOwner{k.Kind, k.Owner}}
	}
	s.serviceAccounts, s.deployments = state.ServiceAccounts, state.Deployments
	for _, saved := range state.Apps {
		s.apps = append(s.apps, saved.restore(s))
	}
	for id, saved := range state.Attachments {
		m := attachment{
			app: findApp(s, saved.App), private: saved.Private, at: saved.At, file: &file{saved.MediaType, saved.Data},
		}
		m.user = m.app.user(saved.User)
		s.attachments[id] = m
		s.trimMedia(int64(len(saved.Data)))
	}
	for token, saved := range state.MediaTokens {
		s.mediaTokens[token] = mediaToken{findApp(s, saved.App), saved.Conversation, saved.Expires}
	}
	for token, id := range state.AccessTokens {
		s.accessTokens[token] = findApp(s, id)
	}
	account, appKey := s.keys[state.AccountKey], s.keys[state.AppKey]
	s.config.account = Credentials{account.id, account.secret}
	s.config.app = App{state.App, findApp(s, state.App).token, Credentials{appKey.id, appKey.secret}}
	s.forget(state.AdvancedBy)
	return nil
}

func (saved savedApp) restore(s *Server) *app {
	a := &app{
		server: s, id: saved.ID, token: saved.Token, creator: saved.Creator, fields: saved.Fields,
		integrations: saved.Integrations, templates: saved.Templates, oauthCode: saved.OAuthCode,
		menus: map[string]object{}, profiles: map[string]object{}, messageTemplates: map[string][]object{},
	}
	maps.Copy(a.menus, saved.Menus)
	maps.Copy(a.profiles, saved.Profiles)
	maps.Copy(a.messageTemplates, saved.MessageTemplates)
	for _, h := range saved.Webhooks {
		a.webhooks = append(a.webhooks, &webhook{
			app: a, id: h.ID, fields: h.Fields, version: h.Version, secret: h.Secret, accessToken: h.AccessToken,
			queue: s.deliveries.open(h.ID, nil),
		})
	}
	for _, each := range saved.Users {
		u := &user{
			id: each.ID, fields: each.Fields, credentialRequired: each.CredentialRequired,
			clients: each.Clients, pendingClients: each.PendingClients, linkCriteria: map[string]object{},
		}
		maps.Copy(u.linkCriteria, each.LinkCriteria)
		if v := each.Conversation; v != nil {
			u.conversation = &conversation{
				id: v.ID, messages: v.Messages, overrides: map[string]object{}, outcomes: v.Outcomes,
				unreadCount: v.UnreadCount, appMakerLastRead: v.AppMakerLastRead, appUserLastRead: v.AppUserLastRead,
			}
			maps.Copy(u.conversation.overrides, v.Overrides)
		}
		a.users.add(u)
	}
	return a
}

// readState decodes a state and checks what the server relies on.
func (s *Server) readState(data []byte) (savedState, error) {
	var state savedState
	var from struct {
		BaseURL string `json:"baseURL"`
	}
	if json.Unmarshal(data, &from) == nil && from.BaseURL != "" { // the files are at this server then
		data = bytes.ReplaceAll(data, []byte(from.BaseURL+"/media/"), []byte(s.URL+"/media/"))
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	if err := dec.Decode(&state); err != nil {
		return state, err
	}
	if state.Version != stateVersion {
		return state, fmt.Errorf("its version is %d, not %d", state.Version, stateVersion)
	}
	return state, s.checkState(state)
}

func (s *Server) checkState(state savedState) error {
	apps, keys := map[string]bool{}, map[string]bool{}
	for _, k := range state.Keys {
		keys[k.ID] = k.Secret != ""
	}
	for _, a := range state.Apps {
		apps[a.ID] = true
		if err := s.checkSavedApp(a); err != nil {
			return err
		}
	}
	if !apps[state.App] || !keys[state.AccountKey] || !keys[state.AppKey] {
		return errors.New("it lacks the app or a key that it begins with")
	}
	for _, m := range state.Attachments {
		if !apps[m.App] {
			return errors.New("a file is of an app that it lacks")
		}
	}
	for _, t := range state.MediaTokens {
		if !apps[t.App] {
			return errors.New("a media token is of an app that it lacks")
		}
	}
	for _, id := range state.AccessTokens {
		if !apps[id] {
			return errors.New("an access token is of an app that it lacks")
		}
	}
	return requireTexts("_id", state.ServiceAccounts, state.Deployments)
}

func (s *Server) checkSavedApp(a savedApp) error {
	if a.ID == "" || a.Fields == nil {
		return errors.New("an app has no id or fields")
	}
	for _, h := range a.Webhooks {
		target, _ := h.Fields["target"].(string)
		u, err := url.Parse(target)
		if err != nil || u.Host == "" {
			return errors.New("a webhook has no target")
		}
		if !s.deliveries.allows(u.Hostname()) {
			return errors.New(notAllowed(u.Hostname()))
		}
	}
	for _, u := range a.Users {
		if _, isObject := u.Fields["properties"].(object); u.ID == "" || !isObject {
			return errors.New("an app user has no id or properties")
		}
		if err := requireTexts("_id", u.Clients, u.PendingClients); err != nil {
			return err
		}
		if u.Conversation == nil {
			continue
		}
		for _, m := range u.Conversation.Messages {
			if n, isNumber := m["received"].(json.Number); !isNumber || strings.Trim(string(n), "0123456789.") != "" {
				return errors.New("a message has no time")
			}
		}
		if err := requireTexts("_id", u.Conversation.Messages); err != nil {
			return err
		}
	}
	return errors.Join(requireTexts("_id", a.Integrations, a.Templates), requireTexts("type", a.Integrations))
}

// requireTexts returns an error if an object of the lists lacks the field, which must be a text.
func requireTexts(name string, lists ...[]object) error {
	for _, o := range slices.Concat(lists...) {
		if text, _ := o[name].(string); text == "" {
			return errors.New("something in it has no " + name)
		}
	}
	return nil
}

// reset makes the server as it was at the start or, with keepApps, drops only what has happened in
// the apps.
func (s *Server) reset(keepApps bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !keepApps {
		s.dropWebhooks()
		s.begin()
		s.forget(0)
		return
	}
	s.attachments, s.mediaBytes, s.mediaTokens = map[string]attachment{}, 0, map[string]mediaToken{}
	for _, a := range s.apps {
		a.users = userList{}
		for _, h := range a.webhooks {
			h.queue.close()
			h.queue = s.deliveries.open(h.id, nil)
		}
	}
	s.forget(0)
}

// dropWebhooks ends the deliveries to all webhooks.
func (s *Server) dropWebhooks() {
	for _, a := range s.apps {
		for _, h := range slices.Clone(a.webhooks) {
			h.remove()
		}
	}
}

// forget drops the logs and the faults, sets how far the clock is ahead, and tells the feed to read
// everything again.
func (s *Server) forget(ahead time.Duration) {
	s.clock.set(ahead)
	s.rateLimit.reset()
	s.requests.clear()
	s.deliveries.clear()
	s.faults.lift(func(*activeFault) bool { return true })
	s.lookAtAll()
	s.tellReset()
}

func exportState(c *control) *reply {
	answer := ok(object{})
	answer.body = c.server.ExportState()
	return answer
}

func importState(c *control) *reply {
	data, err := io.ReadAll(c.request.Body)
	if err != nil {
		return badRequest("the body breaks off")
	}
	if refusal := refusal(c.server.ImportState(data)); refusal != nil {
		return refusal
	}
	return ok(object{})
}
