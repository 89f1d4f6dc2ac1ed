package smooch

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/lenient"
)

func TestEventWithUnexpectedTypesIsUnknown(t *testing.T) {
	t.Parallel()
	tests := []struct {
		body      string
		decodeErr bool // the trigger is known, so the error says why the event is not
	}{
		{`{"trigger":"message:appUser","messages":"none"}`, true},
		{`{"trigger":"message:appUser","messages":[{"text":{"a":1}}],"appUser":{"_id":"u"},"timestamp":"soon"}`, true},
		{`{"trigger":"merge:appUser","discarded":{"_id":"x"}}`, true},
		{`{"trigger":"poll:closed","messages":"none"}`, false},
		{`{"trigger":7}`, false},
		{`{"trigger":null}`, false},
		{`{}`, false},
	}
	for _, test := range tests {
		t.Run(test.body, func(t *testing.T) {
			t.Parallel()
			event := parseEvent(t, test.body)
			require.IsType(t, &UnknownEvent{}, event)
			unknown := event.(*UnknownEvent)
			assert.Equal(t, test.body, string(unknown.Body))
			assert.Equal(t, test.body, string(unknown.RawJSON()))
			if test.decodeErr {
				var decodeErr *DecodeError
				assert.ErrorAs(t, unknown.Err, &decodeErr)
			} else {
				assert.NoError(t, unknown.Err)
			}
		})
	}
}

func TestUnknownEventHasTheReadablePartsOfItsHeader(t *testing.T) {
	t.Parallel()
	event := parseEvent(t, `{"trigger":"message:appUser","messages":[{"text":{"a":1}}],"appUser":{"_id":"u"},"timestamp":"soon","version":"v1.1"}`)
	require.IsType(t, &UnknownEvent{}, event)
	header := event.Header()
	assert.Equal(t, TriggerMessageAppUser, header.Trigger)
	assert.Equal(t, V1_1, header.Version)
	assert.Equal(t, "u", header.AppUser.ID)
	assert.True(t, header.Timestamp.IsZero())
}

// TestEventToleratesEmptyValuesAndNewNames: "" and [] come in place of empty objects, and the sets
// of types and roles grow.
func TestEventToleratesEmptyValuesAndNewNames(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"trigger":"delivery:failure","messages":[{"_id":"m1","metadata":[],"actions":[]}],"error":{"code":"forbidden"}}`,
		`{"trigger":"message:delivery:failure","message":{"_id":"m1","metadata":[]},"appUser":{"_id":"b1","properties":[]},"destination":"","error":{"code":"forbidden"}}`,
	} {
		event := parseEvent(t, body)
		require.IsType(t, &DeliveryEvent{}, event)
		delivery := event.(*DeliveryEvent)
		assert.Equal(t, DeliveryReasonBlocked, delivery.Reason)
		require.Len(t, delivery.Messages, 1)
		assert.Equal(t, "m1", delivery.Messages[0].ID)
	}
	event := parseEvent(t, `{"trigger":"message:appUser","messages":[{"type":"hologram","role":"alien","_id":"m"}],"app":[],"appUser":"","source":[1]}`)
	assert.IsType(t, &MessageEvent{}, event)
}

func TestWholeNumbersMayBeWrittenAsDecimals(t *testing.T) {
	t.Parallel()
	event := parseEvent(t, `{"trigger":"message:appUser","messages":[{"type":"file","mediaSize":10.0,"actions":[{"amount":2.5e3}]}]}`)
	require.IsType(t, &MessageEvent{}, event)
	message := event.(*MessageEvent).Messages[0]
	assert.EqualValues(t, 10, *message.MediaSize)
	assert.EqualValues(t, 2500, *message.Actions[0].Amount)
}

func TestBodyThatIsNotAnEvent(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, ` `, `[]`, `null`, `"x"`, `{`, `{}}`, "\xff"} {
		_, err := ParseEvent([]byte(body))
		var decodeErr *DecodeError
		require.ErrorAs(t, err, &decodeErr, "%q", body)
		assert.ErrorContains(t, err, "smooch: webhook: the body cannot be read: ")
	}
}

func FuzzParseEvent(f *testing.F) {
	files, err := filepath.Glob("testdata/webhooks/*/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		event, err := ParseEvent(body)
		if err != nil {
			return
		}
		assert.Equal(t, string(body), string(event.RawJSON()))
		encoded, err := lenient.Marshal(event)
		require.NoError(t, err)
		again, err := ParseEvent(encoded)
		require.NoError(t, err, "it encodes to %s", encoded)
		require.IsType(t, event, again)
		was, _ := factName(event, event.header())
		is, _ := factName(again, again.header())
		assert.Equal(t, was, is)
	})
}

func BenchmarkParseEvent(b *testing.B) {
	data, err := os.ReadFile("testdata/webhooks/v1.1/message-appUser.json")
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseEvent(data); err != nil {
			b.Fatal(err)
		}
	}
}
