package smoochtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Person plays an app user on one channel: what its methods do arrives at the webhooks as if the
// user had done it there. See [Server.Person]. Its methods are safe for concurrent use. They fail
// if there is no such app user or channel, or if what they name, such as a button, is not there.
type Person struct {
	server                 *Server
	appID, userID, channel string
}

// errNoChannel is the error for what can be done on a channel only.
var errNoChannel = errors.New("smoochtest: the app user has no channel")

// on runs do for the person's app user and client, under the server's lock. The client is one that
// the user has just used; it is nil if the user has no channel and the person was given none.
func (p *Person) on(do func(a *app, u *user, client object) error) error {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	a, u, err := findUser(p.server, p.appID, p.userID)
	if err != nil {
		return err
	}
	client, err := join(a, u, p.channel)
	if err != nil {
		return err
	}
	if client != nil {
		u.use(client, p.server.clock.now())
	}
	defer a.lookAt(u)
	return do(a, u, client)
}

// Join adds the channel to those of the app user, or confirms a link that waits for it, and does
// nothing else there.
func (p *Person) Join() error {
	return p.on(func(_ *app, _ *user, client object) error {
		if client == nil {
			return errNoChannel
		}
		return nil
	})
}

// Say posts a text and returns the message's id.
func (p *Person) Say(text string) (messageID string, err error) {
	return p.Send(map[string]any{"type": "text", "text": text})
}

// Send posts a message and returns its id. It has the fields of a posted message and those that
// only channels send, such as quotedMessage, textFallback and submitted. Send fills in the role,
// the author and the source. Whoever writes takes back what [Person.Block] and [Person.OptOut] did.
func (p *Person) Send(message map[string]any) (messageID string, err error) {
	m, err := copyJSON(message)
	if err != nil {
		return "", err
	}
	err = p.on(func(a *app, u *user, client object) error {
		messageID = sendAs(a, u, client, m)
		return nil
	})
	return messageID, err
}

// sendAs adds a message of a user who writes on a client, which may be nil, and returns its id.
func sendAs(a *app, u *user, client, posted object) (messageID string) {
	posted["role"] = "appUser"
	m := newMessage(a.server.random, posted)
	merge(m, posted, "quotedMessage", "textFallback", "submitted", "mediaSize")
	if client != nil {
		setClientStatus(client, clientActive)
	}
	return addMessage(a, u, m, client)["_id"].(string)
}

// Upload sends a file and returns the message's id. It is an image message if the media type is
// that of an image, such as image/png, and a file message otherwise. The file is private if the
// app's setting attachmentsAccess says so.
func (p *Person) Upload(mediaType string, data []byte) (messageID string, err error) {
	return p.upload(mediaType, data, nil)
}

// upload is Upload of a message that has more fields.
func (p *Person) upload(mediaType string, data []byte, more object) (messageID string, err error) {
	err = p.on(func(a *app, u *user, client object) error {
		settings, _ := a.fields["settings"].(object)
		m := attachment{
			app: a, file: &file{mediaType, slices.Clone(data)}, user: u,
			private: settings["attachmentsAccess"] == "private",
		}
		posted := object{"type": "file", "mediaUrl": addAttachment(m), "mediaType": mediaType}
		if strings.HasPrefix(mediaType, "image/") {
			posted["type"] = "image"
		}
		posted["mediaSize"] = len(data)
		messageID = sendAs(a, u, client, union(posted, more))
		return nil
	})
	return messageID, err
}

// Locate sends a position in degrees, such as the answer to a locationRequest button, and returns
// the message's id.
func (p *Person) Locate(lat, long float64) (messageID string, err error) {
	coordinates := map[string]any{"lat": lat, "long": long}
	return p.Send(map[string]any{"type": "location", "coordinates": coordinates})
}

// Tap taps the last postback, reply or buy button that has the given payload or _id, in the user's
// messages or else in the menu of the channel or the app. A reply sends the button's text with its
// payload, and a buy button pays. The postback of a tap has no time, so a [smooch.WebhookReceiver]
// takes a second tap on the same button within a minute for a copy of the first.
func (p *Person) Tap(button string) error {
	_, err := p.tap(button)
	return err
}

// tap is Tap, and returns the id of the message that it sends, if any.
func (p *Person) tap(button string) (messageID string, err error) {
	err = p.on(func(a *app, u *user, client object) error {
		action, message := findAction(u, menusOn(a, client), func(action object) bool {
			return button != "" && (action["_id"] == button || action["payload"] == button)
		})
		if action == nil {
			return errors.New("smoochtest: the user was sent no such button")
		}
		switch action["type"] {
		case "reply":
			posted := pick(action, "text", "payload", "metadata")
			posted["type"] = "text"
			messageID = sendAs(a, u, client, posted)
		case "buy":
			pay(a, u, client, action, message)
		case "postback":
			tapPostback(a, u, client, action, message)
		case "locationRequest":
			return errors.New("smoochtest: the button asks for a location, which the user sends instead")
		default:
			return fmt.Errorf("smoochtest: the business is told nothing of a tap on a button of type %v", action["type"])
		}
		return nil
	})
	return messageID, err
}

// Answer answers the form of a message and returns the id of the answer's message. With an empty
// messageID it is the last form that was not answered yet. answers are by the name of the field: a
// text, or the name of an option or several of them as a list. Every field needs one that fits.
func (p *Person) Answer(messageID string, answers map[string]any) (answerID string, err error) {
	given, err := copyJSON(answers)
	if err != nil {
		return "", err
	}
	err = p.on(func(a *app, u *user, client object) error {
		form := u.openForm(messageID)
		if form == nil {
			return errors.New("smoochtest: the user was sent no such form, or has answered it")
		}
		response, err := formResponse(form, given)
		if err != nil {
			return err
		}
		form["submitted"] = true
		a.tellMessage(u, form)
		answerID = sendAs(a, u, client, response)
		return nil
	})
	return answerID, err
}

// Typing shows that the user begins to type, or with false that the user has stopped.
func (p *Person) Typing(begins bool) error {
	return p.on(func(a *app, u *user, client object) error {
		kind := "typing:stop"
		if begins {
			kind = "typing:start"
		}
		at := a.server.clock.unique()
		u.noteTyping("appUser", kind, at)
		a.tellActivity(u, "appUser", kind)
		emit(a, event{trigger: "typing:appUser", user: u, client: client, fields: func(string) object {
			return object{"activity": object{"type": kind}, "timestamp": unixTime(at)}
		}})
		return nil
	})
}

// Read marks the conversation as read by the user.
func (p *Person) Read() error {
	return p.on(func(a *app, u *user, client object) error {
		if u.conversation == nil {
			return errors.New("smoochtest: the user has no conversation")
		}
		readConversation(a, u, client)
		return nil
	})
}

// Start opens the conversation as someone who opts in on a channel does, with or without a
// referral, which has the fields code and details. A conversation that has been started already is
// only told of the referral.
func (p *Person) Start(referral map[string]any) error {
	given, err := copyJSON(referral)
	if err != nil {
		return err
	}
	return p.on(func(a *app, u *user, client object) error {
		if client == nil {
			return errNoChannel
		}
		trigger := "conversation:referral"
		if u.conversation == nil {
			trigger = "conversation:start"
			u.startConversation(a.server.random)
		} else if len(given) == 0 {
			return errors.New("smoochtest: the conversation has been started already")
		}
		at := a.server.clock.unique()
		fullUserOnV1 := trigger == "conversation:start"
		emit(a, event{
			trigger: trigger, user: u, client: client, fullUserOnV1: fullUserOnV1,
			fields: func(string) object {
				o := object{"source": channelSource(client), "timestamp": unixTime(at)}
				if len(given) > 0 {
					o["referral"] = given
				}
				return o
			},
		})
		return nil
	})
}

// Block blocks the business on the channel: messages there fail with the code forbidden, until the
// user writes again.
func (p *Person) Block() error { return p.setStatus(clientBlocked) }

// OptOut asks the business on the channel for no more messages: those there fail with the code
// uncategorized_error, until the user writes again.
func (p *Person) OptOut() error { return p.setStatus(clientInactive) }

func (p *Person) setStatus(status string) error {
	return p.on(func(_ *app, _ *user, client object) error {
		if client == nil {
			return errNoChannel
		}
		setClientStatus(client, status)
		return nil
	})
}

// Decline refuses the link of the channel that waits for the user's confirmation. Whatever else a
// person does on a channel with such a link confirms it.
func (p *Person) Decline() error {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	a, u, err := findUser(p.server, p.appID, p.userID)
	if err != nil {
		return err
	}
	for i, client := range u.pendingClients {
		if client["platform"] == p.channel || client["integrationId"] == p.channel {
			u.pendingClients = slices.Delete(u.pendingClients, i, i+1)
			emitLink(a, u, client, "link:failure", object{
				"code": "bad_request", "message": "The user has refused the link",
			})
			return nil
		}
	}
	return fmt.Errorf("smoochtest: no link to %s waits for the user", p.channel)
}

// Messages returns the conversation as the channel shows it, oldest message first. A message that
// was posted with an override for the channel has its payload as the member override.
func (p *Person) Messages() ([]map[string]any, error) {
	var all []map[string]any
	err := p.look(func(u *user, client object) error {
		if u.conversation == nil {
			return nil
		}
		for _, m := range u.conversation.messages {
			shown, err := copyJSON(m)
			if err != nil {
				return err
			}
			all = append(all, u.conversation.shownOn(client, shown))
		}
		return nil
	})
	return all, err
}

// shownOn sets the member override of a message that was posted with one for the channel of a
// client, which may be nil.
func (v *conversation) shownOn(client, message object) object {
	platform, _ := client["platform"].(string)
	if override, given := v.overrides[message["_id"].(string)][platform].(object); given {
		message["override"] = override["payload"]
	}
	return message
}

// look runs do for the person's app user and client, which is nil if there is none, and changes
// nothing.
func (p *Person) look(do func(u *user, client object) error) error {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	_, u, err := findUser(p.server, p.appID, p.userID)
	if err != nil {
		return err
	}
	client := u.primaryClient()
	if p.channel != "" {
		client = u.clientOn(p.channel)
	}
	return do(u, client)
}
