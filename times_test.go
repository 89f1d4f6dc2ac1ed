package smooch

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/lenient"
)

func TestUnixTimeIsExact(t *testing.T) {
	// Every millisecond of a second, where a float is one too low for about half of them.
	for ms := range int64(1000) {
		want := time.UnixMilli(1444348338000 + ms)
		text, err := json.Marshal(UnixTime{want})
		require.NoError(t, err)
		var got UnixTime
		require.NoError(t, json.Unmarshal(text, &got))
		assert.True(t, want.Equal(got.Time), "%s", text)
	}
	reads := map[string]time.Time{
		"1444348338.704":      time.UnixMilli(1444348338704),
		"1439220041.586":      time.UnixMilli(1439220041586),
		"1439220041.001":      time.UnixMilli(1439220041001),
		"1439220041":          time.Unix(1439220041, 0),
		"1439220041.5860000":  time.UnixMilli(1439220041586),
		"1439220041.58612345": time.Unix(1439220041, 586123450),
		"1.439220041586e9":    time.UnixMilli(1439220041586),
		"1439220041586E-3":    time.UnixMilli(1439220041586),
		`"1439220041.586"`:    time.UnixMilli(1439220041586),
		"0":                   time.Unix(0, 0),
		"-1.5":                time.UnixMilli(-1500),
		"null":                {},
		`""`:                  {},
		`"soon"`:              {},
		"{}":                  {},
		"[1]":                 {},
		"true":                {},
		"1e300":               {},
		"-1e300":              {},
		"1e999999999":         {},
		"99999999999999999":   {},
		"1.5.5":               {},
	}
	for text, want := range reads {
		got := UnixTime{time.Unix(5, 0)}
		require.NoError(t, got.UnmarshalJSON([]byte(text)), text)
		assert.True(t, want.Equal(got.Time), "%s: %v", text, got)
	}
	writes := map[string]time.Time{
		"1439220041.586": time.UnixMilli(1439220041586),
		"1439220041.5":   time.UnixMilli(1439220041500),
		"1439220041.001": time.UnixMilli(1439220041001),
		"1439220041":     time.Unix(1439220041, 999),
		"-1.5":           time.UnixMilli(-1500),
		"0":              time.Unix(0, 0),
		"null":           {},
	}
	for want, at := range writes {
		got, err := json.Marshal(UnixTime{at})
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}

func TestISOTime(t *testing.T) {
	for text, want := range map[string]time.Time{
		`"2015-10-08T23:52:11.677Z"`:      time.Date(2015, 10, 8, 23, 52, 11, 677e6, time.UTC),
		`"2015-10-08T23:52:11Z"`:          time.Date(2015, 10, 8, 23, 52, 11, 0, time.UTC),
		`"2015-10-08T20:52:11.6-03:00"`:   time.Date(2015, 10, 8, 23, 52, 11, 600e6, time.UTC),
		`"2015-10-08T20:52:11-0300"`:      time.Date(2015, 10, 8, 23, 52, 11, 0, time.UTC),
		`"2015-10-08T23:52:11.677123456"`: time.Date(2015, 10, 8, 23, 52, 11, 677123456, time.UTC),
		`"2015-10-08"`:                    time.Date(2015, 10, 8, 0, 0, 0, 0, time.UTC),
		`""`:                              {},
		`"yesterday"`:                     {},
		`null`:                            {},
		`17`:                              {},
		`{"a":1}`:                         {},
	} {
		var got ISOTime
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.True(t, want.Equal(got.Time), "%s: %v", text, got)
	}
	for want, at := range map[string]time.Time{
		`"2016-01-01T12:00:00.000Z"`: time.Date(2016, 1, 1, 12, 0, 0, 0, time.UTC),
		`"2016-01-01T12:00:00.120Z"`: time.Date(2016, 1, 1, 14, 0, 0, 120e6, time.FixedZone("", 7200)),
		`null`:                       {},
	} {
		got, err := json.Marshal(ISOTime{at})
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}

// TestOddShapesAreAbsent: null, "" and [] where an object belongs, and times that are none, do not lose a resource.
func TestOddShapesAreAbsent(t *testing.T) {
	var user AppUser
	require.NoError(t, lenient.Unmarshal([]byte(`{"_id":"u","userId":null,"signedUpAt":"","properties":[],"clients":null,"conversationStarted":null,"pendingClients":[{"id":"c","info":"","raw":[]}]}`), &user))
	assert.Equal(t, "u", user.ID)
	assert.True(t, user.SignedUpAt.IsZero())
	assert.Empty(t, user.Properties)
	assert.Nil(t, user.ConversationStarted)
	assert.Equal(t, "c", user.PendingClients[0].ID)

	var message Message
	var full AppUser
	require.NoError(t, lenient.Unmarshal([]byte(`{"_id":"u","clients":["",[],null,{"platform":"ios"}]}`), &full))
	require.Len(t, full.Clients, 4)
	assert.Equal(t, "ios", string(full.Clients[3].Platform))
	require.NoError(t, lenient.Unmarshal([]byte(`{"_id":"m","metadata":[],"actions":[],"source":"","coordinates":[],"quotedMessage":{"content":[]},"received":"never"}`), &message))
	assert.Equal(t, "m", message.ID)
	assert.Empty(t, message.Metadata)
	assert.Nil(t, message.Source)
	assert.Nil(t, message.Coordinates)
	assert.NotNil(t, message.QuotedMessage)
	assert.True(t, message.Received.IsZero())

	assert.Error(t, lenient.Unmarshal([]byte(`{"_id":"m","source":"web"}`), &Message{}), "text is not absent")
	assert.Error(t, lenient.Unmarshal([]byte(`{"_id":"m","metadata":[1]}`), &Message{}))
	require.NoError(t, lenient.Unmarshal([]byte(`{"properties":{"n":12345678901234567890}}`), &user))
	assert.Equal(t, json.Number("12345678901234567890"), user.Properties["n"])
}

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
