package smoochtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"strings"
)

// event is something to tell the webhooks, under its v1.1 name.
type event struct {
	trigger string
	user    *user // nil: none
	full    bool  // v1 sends the user in full
	client  object
	sdk     bool // about a client of the SDKs: nothing for v1
	fields  func(version string) object
}

// v1Names are the triggers that v1 has under another name, "" those that it does not have.
var v1Names = map[string]string{
	"message:delivery:channel": "delivery:success", "message:delivery:failure": "delivery:failure", "message:delivery:user": "",
	"appUser:delete": "", "client:add": "", "client:remove": "", "typing:appUser": "",
	"notification:delivery:channel": "", "notification:delivery:user": "", "notification:delivery:failure": "",
	"notification:match:failure": "", "passthrough:apple:interactive": "",
}

// emit delivers an event to the webhooks that want it. The caller holds the lock.
func (s *Server) emit(a *app, e event) {
	for _, h := range a.webhooks {
		trigger := e.trigger
		if h.version == "v1" {
			if e.sdk {
				continue
			}
			if name, renamed := v1Names[trigger]; renamed {
				trigger = name
			}
		}
		if trigger != "" && h.wants(trigger) {
			s.deliveries.add(h, &job{hook: h.id(), quit: h.quit, target: h.fields["target"].(string), secret: h.secret, trigger: trigger, body: encode(e.payload(a, h, trigger))})
		}
	}
}

func (h *webhook) wants(trigger string) bool {
	triggers, _ := h.fields["triggers"].([]any)
	for _, t := range triggers {
		switch t {
		case trigger:
			return true
		case "*":
			return trigger != "typing:appUser"
		case "message":
			if trigger == "message:appUser" || trigger == "message:appMaker" {
				return true
			}
		}
	}
	return false
}

// payload is the event as a webhook's version has it.
func (e event) payload(a *app, h *webhook, trigger string) object {
	o := object{}
	if e.fields != nil {
		maps.Copy(o, e.fields(h.version))
	}
	o["trigger"], o["app"] = trigger, object{"_id": a.id}
	if h.version != "v1" {
		o["version"] = h.version
	}
	if e.user == nil {
		return o
	}
	switch {
	case h.version == "v1" && e.full, h.fields["includeFullAppUser"] == true:
		o["appUser"] = e.user.json(h.version)
	default:
		o["appUser"] = e.user.truncated(h.version, false)
	}
	if h.version == "v1" {
		return o
	}
	if e.user.talk != nil {
		o["conversation"] = object{"_id": e.user.talk.id}
	}
	client := e.client
	if client == nil && len(e.user.clients) > 0 && h.fields["includeClient"] == true {
		client = e.user.clients[0]
	}
	if client != nil && (e.client != nil || h.fields["includeClient"] == true) {
		o["client"] = client
	}
	return o
}

// announce tells of a message, and of its delivery to the user's channels.
func (s *Server) announce(a *app, u *user, m object) {
	if m["role"] == "appUser" {
		s.emit(a, event{trigger: "message:appUser", user: u, full: true, fields: func(version string) object {
			return object{"messages": []object{fromUser(m, version)}}
		}})
		return
	}
	s.emit(a, event{trigger: "message:appMaker", user: u, full: true, fields: func(string) object {
		return object{"messages": []object{m}}
	}})
	for _, client := range u.clients {
		at := s.tick()
		s.emit(a, event{trigger: "message:delivery:channel", user: u, sdk: isSDK(client), fields: func(version string) object {
			o := object{"destination": object{"type": client["platform"]}, "timestamp": unixTime(at)}
			if version == "v1" {
				o["messages"] = []object{m}
			} else {
				o["message"], o["isFinalEvent"] = object{"_id": m["_id"]}, true
			}
			return o
		}})
	}
}

func isSDK(client object) bool {
	switch client["platform"] {
	case "ios", "android", "web", "other":
		return true
	}
	return false
}

// fromUser is a user's message: v1 has files as text with a link.
func fromUser(m object, version string) object {
	if version != "v1" || m["type"] != "file" {
		return m
	}
	text := maps.Clone(m)
	text["type"], text["text"] = "text", m["mediaUrl"]
	delete(text, "mediaUrl")
	delete(text, "mediaType")
	return text
}

// errNoUser is a user that an app does not have.
var errNoUser = errors.New("smoochtest: no such app or app user")

func (s *Server) lookUp(appID, userID string) (*app, *user, error) {
	if a := s.appByID(appID); a != nil {
		if u := a.user(userID); u != nil {
			return a, u, nil
		}
	}
	return nil, nil, errNoUser
}

// Say posts a text as a user, as if it came over a channel, and gives the message's id.
func (s *Server) Say(appID, userID, text string) (messageID string, err error) {
	return s.Send(appID, userID, map[string]any{"type": "text", "text": text})
}

// Send posts a message as a user, as if it came over a channel, and gives its id. The
// members are those of a posted message; the role is filled in.
func (s *Server) Send(appID, userID string, message map[string]any) (messageID string, err error) {
	m, err := asJSON(message)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, u, err := s.lookUp(appID, userID)
	if err != nil {
		return "", err
	}
	m["role"] = "appUser"
	c := &call{Server: s, app: a, user: u}
	return c.store(u, m)["_id"].(string), nil
}

// asJSON copies what a caller gave, as if it had come over the wire.
func asJSON(v map[string]any) (object, error) {
	if v == nil {
		v = map[string]any{}
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var copied object
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return copied, dec.Decode(&copied)
}

// Tap taps the last postback button with the given payload that a user was sent.
func (s *Server) Tap(appID, userID, payload string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, u, err := s.lookUp(appID, userID)
	if err != nil {
		return err
	}
	if u.talk != nil {
		for i := len(u.talk.messages) - 1; i >= 0; i-- {
			if action := findPostback(u.talk.messages[i], payload); action != nil {
				s.tap(a, u, action, u.talk.messages[i])
				return nil
			}
		}
	}
	if action := findPostback(a.menu, payload); action != nil {
		s.tap(a, u, action, nil)
		return nil
	}
	return errors.New("smoochtest: the user was sent no such postback button")
}

func findPostback(holder object, payload string) object {
	for _, name := range []string{"actions", "items"} {
		parts, _ := holder[name].([]any)
		for _, part := range parts {
			o, _ := part.(object)
			if o["type"] == "postback" && o["payload"] == payload {
				return o
			}
			if found := findPostback(o, payload); found != nil {
				return found
			}
		}
	}
	return nil
}

// Emit delivers an event of any trigger, under its v1.1 name, to the webhooks that want it:
// fields are what it has besides trigger, version, app, app user and conversation. userID "" is none. A
// timestamp is filled in.
func (s *Server) Emit(appID, userID, trigger string, fields map[string]any) error {
	given, err := asJSON(fields)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.appByID(appID)
	if a == nil {
		return errNoUser
	}
	e := event{trigger: trigger}
	if userID != "" {
		if e.user = a.user(userID); e.user == nil {
			return errNoUser
		}
	}
	e.full = trigger == "postback" || trigger == "conversation:start" || strings.HasPrefix(trigger, "message:app")
	all := object{"timestamp": unixTime(s.tick())}
	maps.Copy(all, given)
	e.fields = func(version string) object {
		o := maps.Clone(all)
		if message, single := o["message"]; single && version == "v1" && strings.HasPrefix(trigger, "message:delivery") {
			o["messages"] = []any{message}
			delete(o, "message")
			delete(o, "isFinalEvent")
		}
		return o
	}
	s.emit(a, e)
	return nil
}
