package smooch

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/lenient"
)

func TestUnknownTrigger(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"trigger":"poll:closed","messages":"none"}`,
		`{"trigger":"poll:closed","appUser":{"_id":"u"}}`,
		`{"trigger":7}`,
		`{"trigger":null}`,
		`{"events":[{"type":"conversation:message"}]}`, // a later version of the API
		`{}`,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			event := parseEvent(t, body)
			require.IsType(t, &UnknownEvent{}, event)
			assert.Equal(t, body, string(event.RawJSON()))
			encoded, err := lenient.Marshal(event)
			require.NoError(t, err)
			assert.Equal(t, body, string(encoded))
		})
	}
}

func TestMalformedMembers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		body string
		want Event // without its header, but for the members that are malformed
		path []string
	}{
		{`{"trigger":"message:appUser","messages":"none"}`, &MessageEvent{}, []string{"messages"}},
		{
			`{"trigger":"message:appUser","messages":[{"_id":"m","text":5},7,{"actions":[{"text":[1]}]}]}`,
			&MessageEvent{Messages: []Message{{ID: "m"}, {}, {Actions: []Action{{}}}}},
			[]string{"messages[0].text", "messages[1]", "messages[2].actions[0].text"},
		},
		{`{"trigger":"message:appUser","Messages":[{"_ID":5}]}`, &MessageEvent{Messages: []Message{{}}}, []string{"messages[0]._id"}},
		{`{"trigger":"message:appUser","appUser":{"userId":123,"clients":[{"active":"yes"}]}}`, &MessageEvent{}, []string{"appUser.userId", "appUser.clients[0].active"}},
		{`{"trigger":"message:delivery:failure","message":{"_id":5,"text":"hi"},"isFinalEvent":"no"}`, &DeliveryEvent{Messages: []Message{{Text: "hi"}}}, []string{"message._id", "isFinalEvent"}},
		{`{"trigger":"delivery:failure","destination":"line"}`, &DeliveryEvent{}, []string{"destination"}},
		{`{"trigger":"merge:appUser","discarded":{"_id":"x"}}`, &MergeEvent{}, []string{"discarded"}},
		{`{"trigger":"postback","postbacks":[{"action":{"amount":1.5}}]}`, &PostbackEvent{Postbacks: []Postback{{}}}, []string{"postbacks[0].action.amount"}},
		{`{"trigger":"typing:appUser","trigger":5,"version":1.1,"app":7}`, &TypingEvent{}, []string{"trigger", "version", "app"}},
		{`{"trigger":7,"appUser":{"_id":"u","email":false}}`, &UnknownEvent{}, []string{"trigger", "appUser.email"}},
		{`{"trigger":"message:appUser","timestamp":"soon"}`, &MessageEvent{}, []string{"timestamp"}},
		{`{"trigger":"message:appUser","messages":[{"_id":"m","received":{}}],"appUser":{"signedUpAt":17}}`, &MessageEvent{Messages: []Message{{ID: "m"}}}, []string{"messages[0].received", "appUser.signedUpAt"}},
		{`{"trigger":"delivery:failure","timestamp": [1]}`, &DeliveryEvent{}, []string{"timestamp"}},
		{`{"trigger":"message:appUser","timestamp":"","appUser":{"signedUpAt":"","_id":5},"client":{"lastSeen":null}}`, &MessageEvent{}, []string{"appUser._id"}},
		{`{"trigger":"message:appUser","timestamp":"1.5","appUser":{"signedUpAt":null}}`, &MessageEvent{}, nil},
		{`{"trigger":"link:match","criteria":{"phoneNumber":5},"more":5}`, &LinkEvent{Criteria: map[string]any{"phoneNumber": json.Number("5")}}, nil},
	}
	for _, test := range tests {
		t.Run(test.body, func(t *testing.T) {
			t.Parallel()
			event := parseEvent(t, test.body)
			assert.Equal(t, test.path, event.Header().Malformed)
			assert.Equal(t, test.body, string(event.RawJSON()))
			*test.want.header() = event.Header()
			assert.Equal(t, test.want, event)
		})
	}
}

func TestMalformedMembersLeaveTheHeader(t *testing.T) {
	t.Parallel()
	for _, trigger := range []string{"message:appUser", "message:delivery:failure", "poll:closed"} {
		header := parseEvent(t, `{"trigger":"`+trigger+`","appUser":{"_id":"u","email":1},"version":"v1.1","timestamp":1.5}`).Header()
		assert.Equal(t, []string{"appUser.email"}, header.Malformed)
		assert.Equal(t, Trigger(trigger), header.Trigger)
		assert.Equal(t, V1_1, header.Version)
		assert.Equal(t, "u", header.AppUser.ID)
		assert.Equal(t, "1.5", header.Timestamp.text())
	}
}

// TestMalformedMembersOfAllEvents puts values of the wrong types, one at a time, in the place of
// each value of each recorded delivery.
func TestMalformedMembersOfAllEvents(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/webhooks/*/*.json")
	require.NoError(t, err)
	for _, file := range files {
		t.Run(strings.TrimPrefix(file, "testdata/webhooks/"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			want := parseEvent(t, string(data))
			var body map[string]any
			require.NoError(t, json.Unmarshal(data, &body))
			delete(body, "trigger")
			replaced := 0
			replaceEach(body, func(path string) {
				replaced++
				body["trigger"] = want.Header().Trigger
				encoded, err := json.Marshal(body)
				require.NoError(t, err)
				delete(body, "trigger")
				event := parseEvent(t, string(encoded))
				require.IsType(t, want, event, "%s", encoded)
				for _, malformed := range event.Header().Malformed {
					assert.True(t, strings.HasPrefix("."+malformed, path), "%s in place of %s", malformed, path)
				}
			})
			assert.NotZero(t, replaced)
		})
	}
}

// replaceEach replaces each value in v, which is an object or list, by values of all types, and
// calls check each time with the path of the value.
func replaceEach(v any, check func(path string)) {
	replace := func(path string, value any, set func(any)) {
		for _, other := range []any{nil, true, 1.5, "text", "", []any{}, []any{1}, map[string]any{}, map[string]any{"_id": 1}} {
			set(other)
			check(path)
		}
		set(value)
		replaceEach(value, func(inner string) {
			check(path + inner)
		})
	}
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			replace("."+name, value, func(other any) { v[name] = other })
		}
	case []any:
		for i, value := range v {
			replace(fmt.Sprintf("[%d]", i), value, func(other any) { v[i] = other })
		}
	}
}

func TestMalformedPathsAreBounded(t *testing.T) {
	t.Parallel()
	paths := func(messages string) []string {
		return parseEvent(t, `{"trigger":"message:appUser","messages":[`+messages+`]}`).Header().Malformed
	}
	assert.Len(t, paths(strings.Repeat("1,", 99)+"1"), 100)
	many := paths(strings.Repeat("1,", 100000) + "1")
	require.Len(t, many, 101)
	assert.Equal(t, []string{"messages[99]", "…"}, many[99:])

	long := paths(strings.Repeat(`{"quotedMessage":{"content":`, 1000) + `{"text":1}` + strings.Repeat("}}", 1000))
	require.Len(t, long, 1)
	assert.Len(t, long[0], 200+len("…"))
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
		typed, _ := newEvent(event.Header().Trigger)
		require.IsType(t, typed, event, "a known trigger is always its type")
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

// hostileBodies returns bodies of 1 MiB that are made to be expensive.
func hostileBodies() map[string]string {
	const message = `{"trigger":"message:appUser",`
	fill := func(head, part, tail string) string {
		n := (1<<20 - len(head) - len(tail)) / len(part)
		return head + strings.TrimSuffix(strings.Repeat(part, n), ",") + tail
	}
	return map[string]string{
		"structs":         fill(message+`"messages":[`, `{},`, `]}`),
		"actions":         fill(message+`"messages":[{"actions":[`, `{},`, `]}]}`),
		"empty URIs":      fill(message+`"messages":[{"actions":[`, `{"uri":""},`, `]}]}`),
		"users":           fill(`{"trigger":"merge:appUser","discarded":[`, `{},`, `]}`),
		"few structs":     message + `"messages":[` + strings.Repeat("1,", 16000) + `1],"x":"` + strings.Repeat("x", 1<<20-40000) + `"}`,
		"wrong items":     fill(message+`"messages":[`, `1,`, `]}`),
		"wrong items, v1": fill(`{"trigger":"delivery:failure","messages":[`, `1,`, `]}`),
		"wrong members":   fill(message, `"appUser":5,`, `}`),
		"escaped names":   fill(message+`"app":5,`, `"\u0061":1,`, `}`),
		"free objects":    fill(message+`"messages":[{"text":1,"metadata":{"a":[`, `{"":1},`, `]}}]}`),
		"any error":       fill(`{"trigger":"delivery:failure","app":5,"error":{"underlyingError":[`, `{"":1},`, `]}}`),
		"long number":     fill(message+`"messages":5,"timestamp":1`, "0", `}`),
		"long paths":      message + `"messages":[` + strings.Repeat(`{"text":1,"quotedMessage":{"content":`, 4900) + `1` + strings.Repeat("}}", 4900) + `]}`,
		"whole numbers":   fill(message+`"messages":[{`, `"mediaSize":1.0e1,`, `}]}`),
	}
}

// TestEventHasItsOwnBody: the caller may use the buffer again.
func TestEventHasItsOwnBody(t *testing.T) {
	t.Parallel()
	body := messageBody("m1", "u1", V1_1)
	buffer := []byte(body)
	event, err := ParseEvent(buffer)
	require.NoError(t, err)
	clear(buffer)
	assert.Equal(t, body, string(event.RawJSON()))
}

// TestHostileBodies bounds what ParseEvent allocates for a body of the largest size that a receiver
// accepts by default. Not in parallel, so that only ParseEvent allocates.
func TestHostileBodies(t *testing.T) {
	for name, body := range hostileBodies() {
		require.LessOrEqual(t, len(body), 1<<20, name)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ParseEvent([]byte(body))
		runtime.ReadMemStats(&after)
		require.NoError(t, err, name)
		assert.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(200), "MiB for %s", name)
	}
}

func BenchmarkParseHostileEvent(b *testing.B) {
	for name, body := range hostileBodies() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseEvent([]byte(body)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseEvent compares ParseEvent with what encoding/json takes to decode into the right
// struct.
func BenchmarkParseEvent(b *testing.B) {
	for _, name := range []string{"message-appUser", "message-full-user", "delivery-user", "delivery-failure", "notification-failure", "postback", "typing"} {
		data, err := os.ReadFile("testdata/webhooks/v1.1/" + name + ".json")
		require.NoError(b, err)
		want, err := ParseEvent(data)
		require.NoError(b, err)
		b.Run(name+"/bare", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				event := reflect.New(reflect.TypeOf(want).Elem()).Interface()
				if e, ok := event.(*DeliveryEvent); ok {
					event = &deliveryJSON{deliveryFields: deliveryFields(*e)}
				}
				if err := json.Unmarshal(data, event); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/smooch", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseEvent(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestVersionThatIsANumber: a receiver that accepts one version must not ignore the event for it.
func TestVersionThatIsANumber(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]Version{"1": V1, "1.1": V1_1, "2": "2"} {
		event := parseEvent(t, `{"trigger":"message:appUser","version":`+number+`,"messages":[]}`)
		assert.Equal(t, want, event.Header().Version)
		assert.Equal(t, []string{"version"}, event.Header().Malformed)
	}
}
