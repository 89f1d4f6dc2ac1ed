package smooch

import (
	"encoding/json"
	"net/url"
	"time"
)

// Role is who a message comes from. The set is open.
type Role string

// The roles. Only the first two can be posted.
const (
	RoleAppUser  Role = "appUser"  // the end user
	RoleAppMaker Role = "appMaker" // the business
	RoleWhisper  Role = "whisper"  // an automated message, delivered under the trigger message:appMaker
)

// MessageType is the kind of a message. The set is open.
type MessageType string

// The types of messages. A formResponse only arrives.
const (
	MessageTypeText         MessageType = "text"
	MessageTypeImage        MessageType = "image"
	MessageTypeFile         MessageType = "file"
	MessageTypeCarousel     MessageType = "carousel"
	MessageTypeList         MessageType = "list"
	MessageTypeLocation     MessageType = "location"
	MessageTypeForm         MessageType = "form"
	MessageTypeFormResponse MessageType = "formResponse"
)

// Message is a message of any type, as answers, histories and events hold it. Everything may
// be missing, even the id on the message inside a template. A message of a type to come keeps its common fields.
type Message struct {
	ID              string           `json:"_id,omitempty"`
	Type            MessageType      `json:"type,omitempty"` // "" in the oldest v1 answers: an image if MediaURL is set, else text
	Role            Role             `json:"role,omitempty"`
	AuthorID        string           `json:"authorId,omitempty"`
	Name            string           `json:"name,omitempty"` // of the author
	Email           string           `json:"email,omitempty"`
	AvatarURL       string           `json:"avatarUrl,omitempty"`
	Received        UnixTime         `json:"received,omitzero"`
	Source          *Source          `json:"source,omitempty"` // where it came from
	Text            string           `json:"text,omitempty"`   // of an image or file the caption, one space if there is none; of other types a fallback
	Actions         []Action         `json:"actions,omitzero"`
	MediaURL        string           `json:"mediaUrl,omitempty"`
	MediaType       string           `json:"mediaType,omitempty"` // a MIME type
	MediaSize       *int64           `json:"mediaSize,omitempty"` // bytes
	AltText         string           `json:"altText,omitempty"`
	Items           []MessageItem    `json:"items,omitzero"` // carousel, list
	DisplaySettings *DisplaySettings `json:"displaySettings,omitempty"`
	Coordinates     *Coordinates     `json:"coordinates,omitempty"` // location
	Location        *Location        `json:"location,omitempty"`    // location
	Fields          []FormField      `json:"fields,omitzero"`       // form, formResponse
	BlockChatInput  *bool            `json:"blockChatInput,omitempty"`
	Submitted       *bool            `json:"submitted,omitempty"`     // form: the user has answered
	QuotedMessage   *QuotedMessage   `json:"quotedMessage,omitempty"` // what a formResponse or a WhatsApp message refers to
	TextFallback    string           `json:"textFallback,omitempty"`  // formResponse: for channels without forms
	Payload         string           `json:"payload,omitempty"`       // of the reply action that the message answers
	Metadata        map[string]any   `json:"metadata,omitzero"`       // flat: strings, numbers (json.Number) and booleans
	DeviceID        string           `json:"deviceId,omitempty"`
}

// MessagePost is a message to post. A constructor ([TextMessage], [ImageMessage], ...) fills
// in what its type requires; the other fields are optional.
//
//	m := smooch.TextMessage("Which size?")
//	m.Actions = []smooch.Action{smooch.ReplyAction("Small", "SIZE_S"), smooch.ReplyAction("Large", "SIZE_L")}
type MessagePost struct {
	Role            Role             `json:"role,omitempty"` // filled in by PostMessage
	Type            MessageType      `json:"type,omitempty"` // filled in by PostMessage on v1.1
	Name            string           `json:"name,omitempty"` // of the author
	Email           string           `json:"email,omitempty"`
	AvatarURL       string           `json:"avatarUrl,omitempty"`
	Text            string           `json:"text,omitempty"`
	Actions         []Action         `json:"actions,omitzero"` // role appMaker only
	MediaURL        string           `json:"mediaUrl,omitempty"`
	MediaType       string           `json:"mediaType,omitempty"` // a MIME type; the oldest v1 requires it with MediaURL
	AltText         string           `json:"altText,omitempty"`   // image, file
	Items           []MessageItem    `json:"items,omitzero"`      // carousel, list: 1 to 10
	DisplaySettings *DisplaySettings `json:"displaySettings,omitempty"`
	Coordinates     *Coordinates     `json:"coordinates,omitempty"`
	Location        *Location        `json:"location,omitempty"`
	Fields          []FormField      `json:"fields,omitzero"`
	BlockChatInput  bool             `json:"blockChatInput,omitempty"` // form: the user must answer it first
	Payload         string           `json:"payload,omitempty"`        // of the reply action that is answered; role appUser
	Metadata        map[string]any   `json:"metadata,omitzero"`        // flat: strings, numbers and booleans; comes back in history and events
	Destination     *MessageTarget   `json:"destination,omitempty"`    // role appMaker only
	Override        Override         `json:"override,omitzero"`        // v1.1
	MessageSchema   string           `json:"messageSchema,omitempty"`  // "whatsapp": Message holds WhatsApp's own payload
	Message         json.RawMessage  `json:"message,omitempty"`        // see [WhatsAppMessage]
}

// TextMessage is a message of text. Shorthand in it becomes buttons and images, see [LinkShorthand].
func TextMessage(text string) MessagePost {
	return MessagePost{Type: MessageTypeText, Text: text}
}

// ImageMessage is an image by its URL, of [AttachmentsService.Upload] for instance. Text is its caption.
func ImageMessage(url string) MessagePost {
	return MessagePost{Type: MessageTypeImage, MediaURL: url}
}

// FileMessage is a file by its URL, of [AttachmentsService.Upload] for instance.
func FileMessage(url string) MessagePost {
	return MessagePost{Type: MessageTypeFile, MediaURL: url}
}

// CarouselMessage is a row of 1 to 10 items.
func CarouselMessage(items ...MessageItem) MessagePost {
	return MessagePost{Type: MessageTypeCarousel, Items: items}
}

// ListMessage is a column of 1 to 10 items. Actions stand below it.
func ListMessage(items ...MessageItem) MessagePost {
	return MessagePost{Type: MessageTypeList, Items: items}
}

// LocationMessage is a place, in degrees.
func LocationMessage(lat, long float64) MessagePost {
	return MessagePost{Type: MessageTypeLocation, Coordinates: &Coordinates{Lat: lat, Long: long}}
}

// FormMessage asks the user for fields. The answer is a message of type formResponse. v1.1.
func FormMessage(fields ...FormField) MessagePost {
	return MessagePost{Type: MessageTypeForm, Fields: fields}
}

// WhatsAppMessage is a message in WhatsApp's own form, such as a message template:
//
//	smooch.WhatsAppMessage(json.RawMessage(`{"type":"template","template":{...}}`))
func WhatsAppMessage(payload json.RawMessage) MessagePost {
	return MessagePost{MessageSchema: "whatsapp", Message: payload}
}

// withDefaults fills in a missing role, and on v1.1 a missing type.
func (m MessagePost) withDefaults(v Version, role Role) MessagePost {
	if m.Role == "" {
		m.Role = role
	}
	if m.Type == "" && v == V1_1 {
		m.Type = m.contentType()
	}
	return m
}

// contentType is the type of a message that has content but no type; "" if the content does not tell.
func (m *MessagePost) contentType() MessageType {
	switch {
	case len(m.Message) > 0:
		return ""
	case len(m.Fields) > 0:
		return MessageTypeForm
	case m.Coordinates != nil:
		return MessageTypeLocation
	case len(m.Items) > 0:
		return MessageTypeCarousel
	case m.MediaURL != "" && isImage(m.MediaType):
		return MessageTypeImage
	case m.MediaURL != "":
		return MessageTypeFile
	case m.Text != "" || len(m.Actions) > 0:
		return MessageTypeText
	}
	return ""
}

// isImage takes a missing type for an image, as the oldest v1 does.
func isImage(mediaType string) bool {
	return mediaType == "" || len(mediaType) > 6 && mediaType[:6] == "image/"
}

// Source is the channel that a message or an event came from.
type Source struct {
	Type                     Platform `json:"type,omitempty"` // a channel, "api", or a business system such as "slack"
	ID                       string   `json:"id,omitempty"`
	IntegrationID            string   `json:"integrationId,omitempty"`
	OriginalMessageID        string   `json:"originalMessageId,omitempty"`       // the channel's own id
	OriginalMessageTimestamp UnixTime `json:"originalMessageTimestamp,omitzero"` // the channel's own time
}

// MessageTarget sends a message to one channel of the user, given by one of its fields. The user must have a client there.
type MessageTarget struct {
	IntegrationID   string          `json:"integrationId,omitempty"`
	IntegrationType IntegrationType `json:"integrationType,omitempty"`
}

// MessageItem is an item of a carousel or list.
type MessageItem struct {
	ID          string   `json:"_id,omitempty"` // received only
	Title       string   `json:"title"`         // required
	Description string   `json:"description,omitempty"`
	MediaURL    string   `json:"mediaUrl,omitempty"` // of an image
	MediaType   string   `json:"mediaType,omitempty"`
	MediaSize   *int64   `json:"mediaSize,omitempty"` // received only, bytes
	AltText     string   `json:"altText,omitempty"`
	Size        string   `json:"size,omitempty"`   // "compact" or "large": top item of a list, Messenger only
	Actions     []Action `json:"actions,omitzero"` // 1 to 3: link, postback, share; Messenger also buy
}

// DisplaySettings are settings of a carousel.
type DisplaySettings struct {
	ImageAspectRatio string `json:"imageAspectRatio,omitempty"` // "horizontal" (the service's default) or "square"
}

// Coordinates are a place in degrees.
type Coordinates struct {
	ID   string  `json:"_id,omitempty"` // received only, in some versions
	Lat  float64 `json:"lat"`
	Long float64 `json:"long"`
}

// Location describes a place.
type Location struct {
	Address string `json:"address,omitempty"`
	Name    string `json:"name,omitempty"`
}

// FieldType is the kind of a form's field. The set is open.
type FieldType string

// The kinds of fields.
const (
	FieldTypeText   FieldType = "text"
	FieldTypeEmail  FieldType = "email"
	FieldTypeSelect FieldType = "select"
)

// FormField is a field of a form, and in a formResponse its answer.
type FormField struct {
	ID          string       `json:"_id,omitempty"` // received only
	Type        FieldType    `json:"type"`          // required
	Name        string       `json:"name"`          // required, unique in the form
	Label       string       `json:"label"`         // required
	Placeholder string       `json:"placeholder,omitempty"`
	MinSize     *int         `json:"minSize,omitempty"`    // text: fewest characters, the service's default is 1
	MaxSize     *int         `json:"maxSize,omitempty"`    // text: most characters, the service's default is 128
	Options     []FormOption `json:"options,omitzero"`     // select: at most 20
	SelectSize  *int         `json:"selectSize,omitempty"` // received only
	Text        string       `json:"text,omitempty"`       // the answer to a text field
	Email       string       `json:"email,omitempty"`      // the answer to an e-mail field
	Select      []FormOption `json:"select,omitzero"`      // the answer to a select field
}

// FormOption is a choice of a select field.
type FormOption struct {
	ID    string `json:"_id,omitempty"` // received only
	Name  string `json:"name"`          // required, unique in the field
	Label string `json:"label"`         // required
}

// QuotedMessage is the message that another refers to.
type QuotedMessage struct {
	Type              string   `json:"type,omitempty"`              // "message" or "externalMessageId"
	ExternalMessageID string   `json:"externalMessageId,omitempty"` // known to the channel only
	Content           *Message `json:"content,omitempty"`           // for type "message"
}

// Override replaces a message on single channels by the channel's own payload; all other
// channels and the history have the ordinary message. Its keys are channels: whatsapp, messenger, line, apple. v1.1.
type Override map[IntegrationType]ChannelOverride

// ChannelOverride is one channel's own payload.
type ChannelOverride struct {
	Payload json.RawMessage `json:"payload"`
}

// MessageResponse is the answer to a message that was posted.
type MessageResponse struct {
	Message       Message       `json:"message"`                // as stored; it may lack fields that were sent
	ExtraMessages []Message     `json:"extraMessages,omitzero"` // what else came of shorthand or a template
	Conversation  *Conversation `json:"conversation,omitempty"`
}

// Conversation is a user's conversation. Older v1 answers hold all messages, later ones only the counts.
type Conversation struct {
	ID               string    `json:"_id,omitempty"`
	UnreadCount      *int      `json:"unreadCount,omitempty"` // messages that the user has not read
	Messages         []Message `json:"messages,omitzero"`     // v1: the whole history
	AppUsers         []string  `json:"appUsers,omitzero"`     // ids; v1
	AppMakers        []string  `json:"appMakers,omitzero"`    // ids; v1
	AppMakerLastRead UnixTime  `json:"appMakerLastRead,omitzero"`
	AppUserLastRead  UnixTime  `json:"appUserLastRead,omitzero"`
}

// MessagePage is one page of a history, oldest message first.
type MessagePage struct {
	Conversation *Conversation `json:"conversation,omitempty"`
	Messages     []Message     `json:"messages"`
	Previous     string        `json:"previous,omitempty"` // the URL of older messages, if there are any and the service says so
	Next         string        `json:"next,omitempty"`     // the URL of newer messages, if there are any
}

// fullPage is how many messages the service puts on a page.
const fullPage = 100

// following is where the page after p begins. A link to it is read for its parameter, never
// followed: it could lead elsewhere. Where the service sends no links, a full page is followed by another.
func (p *MessagePage) following(forward bool) (next time.Time, more bool) {
	if len(p.Messages) == 0 {
		return next, false
	}
	link, parameter, edge := p.Previous, "before", p.Messages[0].Received.Time
	if forward {
		link, parameter, edge = p.Next, "after", p.Messages[len(p.Messages)-1].Received.Time
	}
	if u, err := url.Parse(link); err == nil {
		var t UnixTime
		if _ = t.UnmarshalJSON([]byte(u.Query().Get(parameter))); !t.IsZero() {
			return t.Time, true
		}
	}
	return edge, link != "" || len(p.Messages) >= fullPage
}

// MessageListOptions choose messages of a history, by their time to the millisecond. At most one
// of the fields may be set. The zero value is the newest page, or all messages from the newest on.
type MessageListOptions struct {
	Before      time.Time // only messages before this instant
	After       time.Time // only messages after this instant, the oldest of them first
	OldestFirst bool      // from the beginning of the history
}

// query returns the parameter that the options stand for.
func (o MessageListOptions) query() url.Values {
	switch {
	case !o.Before.IsZero():
		return url.Values{"before": {UnixTime{o.Before}.text()}}
	case !o.After.IsZero():
		return url.Values{"after": {UnixTime{o.After}.text()}}
	case o.OldestFirst:
		return url.Values{"after": {"0"}}
	}
	return nil
}

// exclusive reports whether at most one of the options is set.
func (o MessageListOptions) exclusive() bool {
	set := 0
	for _, given := range []bool{!o.Before.IsZero(), !o.After.IsZero(), o.OldestFirst} {
		if given {
			set++
		}
	}
	return set <= 1
}

// advance moves the options on to the next page; false if that is not further.
func (o *MessageListOptions) advance(next time.Time, forward bool) bool {
	switch {
	case next.IsZero():
		return false
	case forward:
		ok := next.After(o.After)
		*o = MessageListOptions{After: next}
		return ok
	}
	ok := o.Before.IsZero() || next.Before(o.Before)
	o.Before = next
	return ok
}

// ActivityType is what the business does. The set is open.
type ActivityType string

// The kinds of activity.
const (
	ActivityTypeTypingStart      ActivityType = "typing:start"
	ActivityTypeTypingStop       ActivityType = "typing:stop"
	ActivityTypeConversationRead ActivityType = "conversation:read" // a read receipt
)

// Activity is the argument of [ConversationsService.PostActivity].
type Activity struct {
	Role      Role         `json:"role"` // appMaker
	Type      ActivityType `json:"type"` // required
	Name      string       `json:"name,omitempty"`
	AvatarURL string       `json:"avatarUrl,omitempty"` // shown with typing:start
}
