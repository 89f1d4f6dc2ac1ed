package smoochtest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"mime"
	"net/url"
	"strings"
)

const personPath = "apps/{appId}/users/{userId}/"

// Each of these plays a user on a channel. See [Person].
var controlPersonRoutes = []controlRoute{
	{"POST", personPath + "join", played(joinChannel)},
	{"POST", personPath + "say", played(sayText)},
	{"POST", personPath + "send", played(sendMessage)},
	{"POST", personPath + "image", played(sendImage)},
	{"POST", personPath + "file", played(sendFile)},
	{"POST", personPath + "location", played(sendLocation)},
	{"POST", personPath + "tap", played(tapButton)},
	{"POST", personPath + "answer", played(answerForm)},
	{"POST", personPath + "type", played(showTyping)},
	{"POST", personPath + "read", played(readMessages)},
	{"POST", personPath + "start", played(openConversation)},
	{"POST", personPath + "block", played(blockBusiness)},
	{"POST", personPath + "optout", played(optOut)},
	{"POST", personPath + "decline", played(declineLink)},
}

// onChannel is embedded in the body of everything that a user does on a channel.
type onChannel struct {
	Channel string `json:"channel"`
}

func (b onChannel) channel() string { return b.Channel }

// played makes a handler of a function that does what the body says and returns the id of the
// message that it made, if any. The answer is that message or else the user.
func played[Body interface{ channel() string }](
	do func(c *control, p *Person, body Body) (messageID string, err error),
) func(*control) *reply {
	return func(c *control) *reply {
		var body Body
		if refusal := c.read(&body); refusal != nil {
			return refusal
		}
		p := c.server.Person(c.params["appId"], c.params["userId"], body.channel())
		messageID, err := do(c, p, body)
		if refusal := refusal(err); refusal != nil {
			return refusal
		}
		return withControlUser(func(_ *control, a *app, u *user) *reply {
			if messageID == "" {
				return ok(object{"user": a.userJSON(u)})
			}
			if m := u.message(messageID); m != nil {
				return created(object{"message": u.conversation.messageJSON(m)})
			}
			return notFound("Message") // somebody was quicker and has deleted it
		})(c)
	}
}

// message returns the message with the id in the user's conversation, or nil.
func (u *user) message(id string) object {
	if u.conversation == nil {
		return nil
	}
	return byID(u.conversation.messages, id)
}

// actBody is the body of what has no other member than the channel.
type actBody struct{ onChannel }

func joinChannel(_ *control, p *Person, body actBody) (string, error) {
	if body.Channel == "" {
		return "", errors.New("channel is required")
	}
	return "", p.on(func(*app, *user, object) error { return nil })
}

type sayBody struct {
	onChannel
	Text            string `json:"text"`
	Metadata        object `json:"metadata"`
	QuotedMessageID string `json:"quotedMessageId"`
}

func sayText(c *control, p *Person, body sayBody) (string, error) {
	if body.Text == "" {
		return "", errors.New("text is required")
	}
	m := object{"type": "text", "text": body.Text}
	if body.QuotedMessageID != "" {
		c.server.mu.Lock()
		_, u, err := findUser(c.server, c.params["appId"], c.params["userId"])
		var quoted object
		if err == nil {
			quoted, err = copyJSON(u.message(body.QuotedMessageID))
		}
		c.server.mu.Unlock()
		if err != nil {
			return "", err
		}
		if len(quoted) == 0 {
			return "", errors.New("quotedMessageId is no message of the conversation")
		}
		m["quotedMessage"] = object{"type": "message", "content": quoted}
	}
	if err := addMetadata(m, body.Metadata); err != nil {
		return "", err
	}
	return p.Send(m)
}

type sendBody struct {
	onChannel
	Message object `json:"message"`
}

func sendMessage(_ *control, p *Person, body sendBody) (string, error) {
	if text, _ := body.Message["type"].(string); text == "" {
		return "", errors.New("message.type is required")
	}
	return p.Send(body.Message)
}

// addMetadata sets the metadata of a message, which must be flat.
func addMetadata(m, metadata object) error {
	if metadata != nil {
		m["metadata"] = metadata
	}
	if requireFlat(m, "metadata") != nil {
		return errors.New("metadata must be flat")
	}
	return nil
}

type mediaBody struct {
	onChannel
	MediaURL string `json:"mediaUrl"`
	Text     string `json:"text"`
	Metadata object `json:"metadata"`
}

func sendImage(c *control, p *Person, body mediaBody) (string, error) {
	return sendMedia(c, p, "image", body)
}

func sendFile(c *control, p *Person, body mediaBody) (string, error) {
	return sendMedia(c, p, "file", body)
}

func sendMedia(c *control, p *Person, kind string, body mediaBody) (string, error) {
	u, err := url.Parse(body.MediaURL)
	if err != nil || u.Scheme == "" {
		return "", errors.New("mediaUrl must be a URL")
	}
	m := object{"type": kind}
	if body.Text != "" {
		m["text"] = body.Text
	}
	if err := addMetadata(m, body.Metadata); err != nil {
		return "", err
	}
	if u.Scheme != "data" {
		m["mediaUrl"] = body.MediaURL
		return p.Send(m)
	}
	mediaType, data, err := readDataURL(body.MediaURL)
	if err != nil {
		return "", err
	}
	if int64(len(data)) > c.server.config.maxUpload {
		return "", errors.New("the file is too large")
	}
	return p.upload(mediaType, data, m)
}

// readDataURL returns what a URL such as data:image/png;base64,iVBOR… holds.
func readDataURL(text string) (mediaType string, data []byte, err error) {
	head, content, found := strings.Cut(strings.TrimPrefix(text, "data:"), ",")
	if !found {
		return "", nil, errors.New("mediaUrl is no data URL")
	}
	head, isBase64 := strings.CutSuffix(head, ";base64")
	if mediaType, _, err = mime.ParseMediaType(head); err != nil {
		mediaType = "text/plain"
	}
	if isBase64 {
		data, err = base64.StdEncoding.DecodeString(content)
	} else {
		var unescaped string
		unescaped, err = url.PathUnescape(content)
		data = []byte(unescaped)
	}
	if err != nil {
		return "", nil, errors.New("the content of the data URL is malformed")
	}
	return mediaType, data, nil
}

type locationBody struct {
	onChannel
	Lat  *json.Number `json:"lat"`
	Long *json.Number `json:"long"`
}

func sendLocation(_ *control, p *Person, body locationBody) (string, error) {
	within := func(n *json.Number, limit float64) (float64, bool) {
		if n == nil {
			return 0, false
		}
		degrees, err := n.Float64()
		return degrees, err == nil && degrees >= -limit && degrees <= limit
	}
	lat, latOK := within(body.Lat, 90)
	long, longOK := within(body.Long, 180)
	if !latOK || !longOK {
		return "", errors.New("lat from -90 to 90 and long from -180 to 180 are required")
	}
	return p.Locate(lat, long)
}

type tapBody struct {
	onChannel
	ActionID string `json:"actionId"`
	Payload  string `json:"payload"`
}

func tapButton(_ *control, p *Person, body tapBody) (string, error) {
	button := body.ActionID + body.Payload
	if button == "" || body.ActionID != "" && body.Payload != "" {
		return "", errors.New("either actionId or payload is required")
	}
	return p.tap(button)
}

type answerBody struct {
	onChannel
	MessageID string `json:"messageId"`
	Fields    object `json:"fields"`
}

func answerForm(_ *control, p *Person, body answerBody) (string, error) {
	return p.Answer(body.MessageID, body.Fields)
}

type typeBody struct {
	onChannel
	Typing *bool `json:"typing"`
}

func showTyping(_ *control, p *Person, body typeBody) (string, error) {
	if body.Typing == nil {
		return "", errors.New("typing is required")
	}
	return "", p.Typing(*body.Typing)
}

func readMessages(_ *control, p *Person, _ actBody) (string, error) { return "", p.Read() }

type startBody struct {
	onChannel
	Referral object `json:"referral"`
}

func openConversation(_ *control, p *Person, body startBody) (string, error) {
	return "", p.Start(body.Referral)
}

func blockBusiness(_ *control, p *Person, _ actBody) (string, error) { return "", p.Block() }

func optOut(_ *control, p *Person, _ actBody) (string, error) { return "", p.OptOut() }

func declineLink(_ *control, p *Person, _ actBody) (string, error) { return "", p.Decline() }
