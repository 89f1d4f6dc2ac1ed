package smooch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/lenient"
)

func TestTypeIsInferredOnV11Only(t *testing.T) {
	t.Parallel()
	for want, m := range map[MessageType]MessagePost{
		MessageTypeText:     {Text: "x"},
		MessageTypeImage:    {MediaURL: "https://x.test", MediaType: "image/png"},
		MessageTypeFile:     {MediaURL: "https://x.test", MediaType: "application/pdf", Text: "caption"},
		MessageTypeCarousel: {Items: []MessageItem{{}}},
		MessageTypeLocation: {Coordinates: &Coordinates{}},
		MessageTypeForm:     {Fields: []FormField{{}}},
		"hologram":          {Type: "hologram", Text: "x"},
		"":                  {MessageSchema: "whatsapp", Message: []byte(`{}`)},
	} {
		assert.Equal(t, want, m.withDefaults(V1_1, RoleAppMaker).Type)
		assert.Equal(t, m.Type, m.withDefaults(V1, RoleAppMaker).Type)
		assert.Equal(t, RoleAppMaker, m.withDefaults(V1, RoleAppMaker).Role)
	}
}

func TestMessagesOfTheFirstV1(t *testing.T) {
	t.Parallel()
	const photo = "https://x.test/a"
	tests := []struct {
		name    string
		message MessagePost
		want    bool
	}{
		{"text", MessagePost{Text: "x"}, true},
		{"text with a type", TextMessage("x"), true},
		{"nothing", MessagePost{}, true},
		{"image with a media type", MessagePost{MediaURL: photo, MediaType: "image/png"}, true},
		{"image with a type", ImageMessage(photo), true},
		{"image with a caption", MessagePost{Type: MessageTypeImage, MediaURL: photo, Text: "x"}, true},
		{"all about the author", MessagePost{Role: RoleAppMaker, Name: "Ida", Email: "a@b.test", AvatarURL: photo, Text: "x"}, true},
		{"metadata", MessagePost{Text: "x", Metadata: map[string]any{"a": 1}}, true},
		{"file", FileMessage(photo), false},
		{"file without a type", MessagePost{MediaURL: photo, MediaType: "application/pdf"}, false},
		{"carousel", CarouselMessage(MessageItem{Title: "x"}), false},
		{"list", ListMessage(MessageItem{Title: "x"}), false},
		{"location", LocationMessage(1, 2), false},
		{"location without a type", MessagePost{Coordinates: &Coordinates{}}, false},
		{"form", FormMessage(FormField{Name: "x"}), false},
		{"WhatsApp", WhatsAppMessage([]byte(`{}`)), false},
		{"type to come", MessagePost{Type: "hologram", Text: "x"}, false},
		{"text with actions", MessagePost{Text: "x", Actions: []Action{ReplyAction("a", "b")}}, false},
		{"text with a destination", MessagePost{Text: "x", Destination: &MessageDestination{IntegrationID: "i"}}, false},
		{"text with a payload", MessagePost{Text: "x", Payload: "P"}, false},
		{"text with an override", MessagePost{Text: "x", Override: Override{}}, false},
		{"image with another text", MessagePost{Type: MessageTypeImage, MediaURL: photo, AltText: "x"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, test.message.inFirstV1())
		})
	}
}

// TestMessageWithOddMembers: a member of another shape than documented does not lose the message.
func TestMessageWithOddMembers(t *testing.T) {
	t.Parallel()
	var m Message
	require.NoError(t, lenient.Unmarshal([]byte(`{"_id":"m","metadata":[],"actions":[],"source":"","coordinates":[],"quotedMessage":{"content":[]},"received":"never"}`), &m))
	assert.Equal(t, "m", m.ID)
	assert.Empty(t, m.Metadata)
	assert.Nil(t, m.Source)
	assert.Nil(t, m.Coordinates)
	assert.NotNil(t, m.QuotedMessage)
	assert.True(t, m.Received.IsZero())

	assert.Error(t, lenient.Unmarshal([]byte(`{"_id":"m","source":"web"}`), &Message{}), "text where an object belongs")
	assert.Error(t, lenient.Unmarshal([]byte(`{"_id":"m","metadata":[1]}`), &Message{}))
}

// TestEmptyURIOfAnAction: the service writes "uri":"" into some actions, which encode as they came.
func TestEmptyURIOfAnAction(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		`{"type":"share","uri":""}`,
		`{"type":"share"}`,
		`{"type":"link","uri":"https://x.test/?a=1&b=2"}`,
		`{"_id":"1","type":"reply","payload":"P","metadata":{"n":1.0},"uri":""}`,
	} {
		var a Action
		require.NoError(t, lenient.Unmarshal([]byte(data), &a))
		encoded, err := lenient.Marshal(a)
		require.NoError(t, err)
		assert.JSONEq(t, data, string(encoded))
		assert.NotContains(t, string(encoded), "\\u0026")
	}
	var a Action
	require.NoError(t, lenient.Unmarshal([]byte(`{"type":"share","uri":""}`), &a))
	require.NoError(t, lenient.Unmarshal([]byte(`{"type":"share"}`), &a))
	encoded, err := lenient.Marshal(a)
	require.NoError(t, err)
	assert.JSONEq(t, `{"type":"share"}`, string(encoded), "nothing is left of what was decoded before")
	assert.Error(t, lenient.Unmarshal([]byte(`{"type":{}}`), &a))
}

// FuzzDecodeMessage: what was decoded can be encoded and decoded again.
func FuzzDecodeMessage(f *testing.F) {
	f.Add([]byte(`{"_id":"m","received":1439220041.586,"metadata":[],"items":[{"actions":[{"amount":5}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Message
		if lenient.Unmarshal(data, &m) != nil {
			return
		}
		encoded, err := lenient.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var again Message
		if err := lenient.Unmarshal(encoded, &again); err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
	})
}
