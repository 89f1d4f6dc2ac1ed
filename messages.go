package smooch

import (
	"cmp"
	"encoding/json"
	"net/url"
	"reflect"
	"time"
)

// Role says who a message comes from. The set is open.
type Role string

// The roles. Messages can be posted as RoleAppUser and RoleAppMaker.
const (
	RoleAppUser  Role = "appUser"  // the end user
	RoleAppMaker Role = "appMaker" // the business
	RoleWhisper  Role = "whisper"  // an automated message; webhooks report it as message:appMaker
)

// MessageType is the kind of a message. The set is open.
type MessageType string

// The types of messages.
const (
	MessageTypeText         MessageType = "text"         // may have buttons
	MessageTypeImage        MessageType = "image"        // at a URL; may have a caption and buttons
	MessageTypeFile         MessageType = "file"         // at a URL
	MessageTypeCarousel     MessageType = "carousel"     // items side by side
	MessageTypeList         MessageType = "list"         // items one below the other
	MessageTypeLocation     MessageType = "location"     // a position
	MessageTypeForm         MessageType = "form"         // fields for the user to fill in
	MessageTypeFormResponse MessageType = "formResponse" // what the user has filled in; received only
)

// Message is a message of any type, as it appears in responses, histories and events. Any field may
// be missing; the message of a template, for example, has no ID. A message of an unknown type keeps
// the fields that all types share.
type Message struct {
	ID string `json:"_id,omitempty"`
	// "" in the oldest v1 responses; the message is then an image if it has a MediaURL, else a text
	Type      MessageType `json:"type,omitempty"`
	Role      Role        `json:"role,omitempty"`
	AuthorID  string      `json:"authorId,omitempty"`
	Name      string      `json:"name,omitempty"`      // of the author
	Email     string      `json:"email,omitempty"`     // of the author
	AvatarURL string      `json:"avatarUrl,omitempty"` // of the author
	Received  UnixTime    `json:"received,omitzero"`
	Source    *Source     `json:"source,omitempty"` // where the message came from
	// of an image or file, the caption, or one space if there is none; of a type other than text, a
	// text fallback
	Text            string           `json:"text,omitempty"`
	Actions         []Action         `json:"actions,omitzero"`
	MediaURL        string           `json:"mediaUrl,omitempty"`
	MediaType       string           `json:"mediaType,omitempty"` // a MIME type
	MediaSize       *int64           `json:"mediaSize,omitempty"` // in bytes
	AltText         string           `json:"altText,omitempty"`   // image, file
	Items           []MessageItem    `json:"items,omitzero"`      // carousel, list
	DisplaySettings *DisplaySettings `json:"displaySettings,omitempty"`
	Coordinates     *Coordinates     `json:"coordinates,omitempty"`    // location
	Location        *Location        `json:"location,omitempty"`       // location
	Fields          []FormField      `json:"fields,omitzero"`          // form, formResponse
	BlockChatInput  *bool            `json:"blockChatInput,omitempty"` // form: must be answered first
	Submitted       *bool            `json:"submitted,omitempty"`      // form: the user has answered
	// formResponse: the form; whatsapp: the message that the user quoted
	QuotedMessage *QuotedMessage `json:"quotedMessage,omitempty"`
	// formResponse: the answers as a text, for channels without forms
	TextFallback string `json:"textFallback,omitempty"`
	Payload      string `json:"payload,omitempty"` // of the reply action that the user chose
	// flat: string, json.Number or bool values
	Metadata map[string]any `json:"metadata,omitzero"`
	DeviceID string         `json:"deviceId,omitempty"`
}

// MessagePost is a message to post. Constructors such as [TextMessage] and [ImageMessage] fill in
// what the type of message requires; the other fields are optional.
//
//	m := smooch.TextMessage("Which size?")
//	m.Actions = []smooch.Action{
//		smooch.ReplyAction("Small", "SIZE_S"),
//		smooch.ReplyAction("Large", "SIZE_L"),
//	}
type MessagePost struct {
	Role      Role        `json:"role,omitempty"`      // set by PostMessage if empty
	Type      MessageType `json:"type,omitempty"`      // set by PostMessage if empty, see there
	Name      string      `json:"name,omitempty"`      // of the author; appUser: the user's by default
	Email     string      `json:"email,omitempty"`     // of the author; only used to find an avatar
	AvatarURL string      `json:"avatarUrl,omitempty"` // of the author; used instead of Email's avatar
	Text      string      `json:"text,omitempty"`      // for an image or file, the caption
	Actions   []Action    `json:"actions,omitzero"`    // role appMaker only
	MediaURL  string      `json:"mediaUrl,omitempty"`  // image, file
	// image, file: a MIME type, by default that of MediaURL; the oldest v1 requires it
	MediaType string `json:"mediaType,omitempty"`
	// image, file; the service's default is the file name
	AltText         string           `json:"altText,omitempty"`
	Items           []MessageItem    `json:"items,omitzero"`            // carousel, list: 1 to 10
	DisplaySettings *DisplaySettings `json:"displaySettings,omitempty"` // carousel
	Coordinates     *Coordinates     `json:"coordinates,omitempty"`     // location
	Location        *Location        `json:"location,omitempty"`        // location
	Fields          []FormField      `json:"fields,omitzero"`           // form
	BlockChatInput  bool             `json:"blockChatInput,omitempty"`  // form: must be answered first
	// of the reply action that the message answers; role appUser only
	Payload string `json:"payload,omitempty"`
	// flat: string, number or bool values; returned in the history and in events
	Metadata    map[string]any      `json:"metadata,omitzero"`
	Destination *MessageDestination `json:"destination,omitempty"` // role appMaker only
	Override    Override            `json:"override,omitzero"`     // v1.1
	// "whatsapp" if Message holds a payload of WhatsApp's API, see [WhatsAppMessage]
	MessageSchema string          `json:"messageSchema,omitempty"`
	Message       json.RawMessage `json:"message,omitempty"`
}

// TextMessage returns a text message. The service turns shorthand in the text into buttons and
// images, see [LinkShorthand].
func TextMessage(text string) MessagePost {
	return MessagePost{Type: MessageTypeText, Text: text}
}

// ImageMessage returns a message with the image at url, which can be the MediaURL of an
// [Attachment]. Set Text to add a caption.
func ImageMessage(url string) MessagePost {
	return MessagePost{Type: MessageTypeImage, MediaURL: url}
}

// FileMessage returns a message with the file at url, which can be the MediaURL of an [Attachment].
// Set Text to add a description.
func FileMessage(url string) MessagePost {
	return MessagePost{Type: MessageTypeFile, MediaURL: url}
}

// CarouselMessage returns a message with a horizontal row of 1 to 10 items.
func CarouselMessage(items ...MessageItem) MessagePost {
	return MessagePost{Type: MessageTypeCarousel, Items: items}
}

// ListMessage returns a message with a vertical list of 1 to 10 items. Set Actions to add buttons
// below the list.
func ListMessage(items ...MessageItem) MessagePost {
	return MessagePost{Type: MessageTypeList, Items: items}
}

// LocationMessage returns a message with a place, given by its latitude and longitude in degrees.
func LocationMessage(lat, long float64) MessagePost {
	return MessagePost{Type: MessageTypeLocation, Coordinates: &Coordinates{Lat: lat, Long: long}}
}

// FormMessage returns a message that asks the user to fill in fields. The user's answer is a
// message of type formResponse. Forms belong to v1.1.
func FormMessage(fields ...FormField) MessagePost {
	return MessagePost{Type: MessageTypeForm, Fields: fields}
}

// WhatsAppMessage returns a message whose payload is that of WhatsApp's own API, such as a message
// template:
//
//	smooch.WhatsAppMessage(json.RawMessage(`{"type":"template","template":{...}}`))
func WhatsAppMessage(payload json.RawMessage) MessagePost {
	return MessagePost{MessageSchema: "whatsapp", Message: payload}
}

// withDefaults returns m with role in place of a missing role and, on v1.1, with the type of the
// content in place of a missing type.
func (m MessagePost) withDefaults(v Version, role Role) MessagePost {
	if m.Role == "" {
		m.Role = role
	}
	if m.Type == "" && v == V1_1 {
		m.Type = m.contentType()
	}
	return m
}

// inFirstV1 reports whether the first documentation of v1 describes the message: a text, or an
// image by its URL, with its author and metadata. Everything else came to v1 later, under another
// path.
func (m *MessagePost) inFirstV1() bool {
	switch cmp.Or(m.Type, m.contentType()) {
	case "", MessageTypeText, MessageTypeImage:
	default:
		return false
	}
	rest := *m
	rest.Role, rest.Name, rest.Email, rest.AvatarURL, rest.Metadata = "", "", "", "", nil
	rest.Type, rest.Text, rest.MediaURL, rest.MediaType = "", "", "", ""
	return reflect.ValueOf(rest).IsZero()
}

// contentType returns the type that the content of m implies, or "" if it implies none.
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

// isImage reports whether a MIME type is that of an image. A missing type counts as one, as in the
// oldest v1.
func isImage(mediaType string) bool {
	return mediaType == "" || len(mediaType) > 6 && mediaType[:6] == "image/"
}

// Source is the channel that a message or an event came from.
type Source struct {
	// a channel, "api", or a business system such as "slack"
	Type              Platform `json:"type,omitempty"`
	ID                string   `json:"id,omitempty"`
	IntegrationID     string   `json:"integrationId,omitempty"`
	OriginalMessageID string   `json:"originalMessageId,omitempty"` // the channel's own id
	// the channel's own time
	OriginalMessageTimestamp UnixTime `json:"originalMessageTimestamp,omitzero"`
}

// MessageDestination selects the channel that a message is sent to. Set one of its fields. The user
// must already have a client on that channel.
type MessageDestination struct {
	IntegrationID   string          `json:"integrationId,omitempty"`
	IntegrationType IntegrationType `json:"integrationType,omitempty"`
}

// MessageItem is an item of a carousel or list.
type MessageItem struct {
	ID          string `json:"_id,omitempty"` // received only
	Title       string `json:"title"`         // required
	Description string `json:"description,omitempty"`
	MediaURL    string `json:"mediaUrl,omitempty"` // an image
	MediaType   string `json:"mediaType,omitempty"`
	MediaSize   *int64 `json:"mediaSize,omitempty"` // received only; in bytes
	AltText     string `json:"altText,omitempty"`
	// "compact" or "large"; only for the top item of a list, on Messenger
	Size string `json:"size,omitempty"`
	// 1 to 3 of the types link, postback and share; on Messenger also buy
	Actions []Action `json:"actions,omitzero"`
}

// DisplaySettings are the settings of a carousel.
type DisplaySettings struct {
	// "horizontal" (the service's default) or "square"
	ImageAspectRatio string `json:"imageAspectRatio,omitempty"`
}

// Coordinates are the latitude and longitude of a place, in degrees.
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

// FieldType is the kind of a [FormField]. The set is open.
type FieldType string

// The kinds of form fields.
const (
	FieldTypeText   FieldType = "text"   // any text
	FieldTypeEmail  FieldType = "email"  // an email address
	FieldTypeSelect FieldType = "select" // options to choose from
)

// FormField is a field of a form. In a message of type formResponse it also holds the answer.
type FormField struct {
	ID          string       `json:"_id,omitempty"` // received only
	Type        FieldType    `json:"type"`          // required
	Name        string       `json:"name"`          // required, unique in the form
	Label       string       `json:"label"`         // required
	Placeholder string       `json:"placeholder,omitempty"`
	MinSize     *int         `json:"minSize,omitempty"`    // text: minimum length; the default is 1
	MaxSize     *int         `json:"maxSize,omitempty"`    // text: maximum length; the default is 128
	Options     []FormOption `json:"options,omitzero"`     // select: at most 20
	SelectSize  *int         `json:"selectSize,omitempty"` // received only
	Text        string       `json:"text,omitempty"`       // the answer to a text field
	Email       string       `json:"email,omitempty"`      // the answer to an email field
	Select      []FormOption `json:"select,omitzero"`      // the answer to a select field
}

// FormOption is a choice of a select field.
type FormOption struct {
	ID    string `json:"_id,omitempty"` // received only
	Name  string `json:"name"`          // required, unique in the field
	Label string `json:"label"`         // required
}

// QuotedMessage is the message that another message refers to.
type QuotedMessage struct {
	Type              string   `json:"type,omitempty"`              // "message" or "externalMessageId"
	ExternalMessageID string   `json:"externalMessageId,omitempty"` // if only the channel knows it
	Content           *Message `json:"content,omitempty"`           // for type "message"
}

// Override replaces a message on single channels with payloads of the channels' own APIs. All other
// channels, and the history, have the ordinary message. The keys are whatsapp, messenger, line and
// apple. Overrides belong to v1.1.
type Override map[IntegrationType]ChannelOverride

// ChannelOverride is a payload of one channel's own API, in place of a message.
type ChannelOverride struct {
	Payload json.RawMessage `json:"payload"`
}

// MessageResponse is the response to a posted message.
type MessageResponse struct {
	// as stored; fields that were sent may be missing
	Message       Message       `json:"message"`
	ExtraMessages []Message     `json:"extraMessages,omitzero"` // made of shorthand or a template
	Conversation  *Conversation `json:"conversation,omitempty"`
}

// Conversation is a user's conversation. Older responses of v1 hold all its messages; later ones
// hold no messages.
type Conversation struct {
	ID               string    `json:"_id,omitempty"`
	UnreadCount      *int      `json:"unreadCount,omitempty"` // messages that the user has not read
	Messages         []Message `json:"messages,omitzero"`     // v1: the whole history
	AppUsers         []string  `json:"appUsers,omitzero"`     // ids; v1
	AppMakers        []string  `json:"appMakers,omitzero"`    // ids; v1
	AppMakerLastRead UnixTime  `json:"appMakerLastRead,omitzero"`
	AppUserLastRead  UnixTime  `json:"appUserLastRead,omitzero"`
}

// MessagePage is one page of a user's messages.
type MessagePage struct {
	Conversation *Conversation `json:"conversation,omitempty"`
	Messages     []Message     `json:"messages"` // from oldest to newest
	// the URL of the page with older messages; may be missing although there are some
	Previous string `json:"previous,omitempty"`
	// the URL of the page with newer messages, if there are any
	Next string `json:"next,omitempty"`
}

// fullPage is the number of messages on a full page.
const fullPage = 100

// following returns the time at which the page after p begins, and whether there can be one. A link
// is only searched for the time and never requested, because it could lead to another host. Without
// a link, a full page counts as followed by another.
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

// MessageListOptions selects messages for [ConversationsService.ListMessages] and
// [ConversationsService.Messages]. At most one of its fields can be set. Times count to the
// millisecond. The zero value selects the newest page for ListMessages, and all messages from the
// newest to the oldest for Messages.
type MessageListOptions struct {
	Before      time.Time // only messages before this instant, the latest of them on the first page
	After       time.Time // only messages after this instant, the earliest of them on the first page
	OldestFirst bool      // all messages, the earliest of them on the first page
}

// query returns the query parameter that the options stand for.
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

// exclusive reports whether at most one option is set.
func (o MessageListOptions) exclusive() bool {
	set := 0
	for _, given := range []bool{!o.Before.IsZero(), !o.After.IsZero(), o.OldestFirst} {
		if given {
			set++
		}
	}
	return set <= 1
}

// advance makes the options select the page that begins at next. It returns false if that page is
// not further on than the current one.
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

// ActivityType is the kind of an [Activity]. The set is open.
type ActivityType string

// The kinds of activities.
const (
	ActivityTypeTypingStart      ActivityType = "typing:start"      // until typing:stop or a message
	ActivityTypeTypingStop       ActivityType = "typing:stop"       // hides it again
	ActivityTypeConversationRead ActivityType = "conversation:read" // a read receipt
)

// Activity is the argument of [ConversationsService.PostActivity].
type Activity struct {
	Role      Role         `json:"role"` // set to appMaker if empty
	Type      ActivityType `json:"type"` // required
	Name      string       `json:"name,omitempty"`
	AvatarURL string       `json:"avatarUrl,omitempty"` // shown with typing:start
}
