//go:build !smooch_slowjson

package smooch

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/fastjson"
	"github.com/smooch/smooch-go/internal/fastjson/mutate"
	"github.com/smooch/smooch-go/internal/lenient"
)

// requireSame decodes data into a value of a type, in both ways. It returns whether the fast one
// did it.
func requireSame(t *testing.T, of reflect.Type, data []byte) bool {
	t.Helper()
	got, want := reflect.New(of), reflect.New(of)
	if !fast.Unmarshal(data, got.Interface()) {
		require.True(t, got.Elem().IsZero(), "it gave up and left something: %q", data)
		return false
	}
	require.NoError(t, lenient.Unmarshal(data, want.Interface()), "%q", data)
	if !reflect.DeepEqual(want.Interface(), got.Interface()) {
		require.Equal(t, want.Interface(), got.Interface(), "%q", data)
	}
	return true
}

// requireSamePage does the same for the members of a page.
func requireSamePage[T any](t *testing.T, name string, data []byte) bool {
	t.Helper()
	type result struct {
		items   []T
		offset  *int
		hasMore bool
	}
	var got, want result
	r := &request{operation: &operation{answer: name}}
	if !decodeFast(r, data, lenient.Members{name: &got.items, "offset": &got.offset, "hasMore": &got.hasMore}) {
		require.True(t, reflect.DeepEqual(result{}, got), "it gave up and left something: %q", data)
		return false
	}
	require.NoError(t, lenient.Members{name: &want.items, "offset": &want.offset, "hasMore": &want.hasMore}.Unmarshal(data), "%q", data)
	require.True(t, reflect.DeepEqual(want, got), "%q", data)
	return true
}

// requireSameEvent does the same for a delivery.
func requireSameEvent(t *testing.T, data []byte) bool {
	t.Helper()
	got, ok := decodeEventFast(data)
	if !ok {
		return false
	}
	want, err := decodeEventPartly(data)
	require.NoError(t, err, "%q", data)
	if !reflect.DeepEqual(want, got) {
		require.Equal(t, want, got, "%q", data)
	}
	return true
}

// TestPayloadsBothWays: the fast path decodes every documented payload, to the same values.
func TestPayloadsBothWays(t *testing.T) {
	t.Parallel()
	for file, data := range payloads(t) {
		if strings.Contains(file, "webhooks") {
			assert.True(t, requireSameEvent(t, data), file)
			continue
		}
		of := reflect.TypeOf(received[filepath.Base(filepath.Dir(file))])
		assert.True(t, requireSame(t, of, data), file)
		assert.True(t, requireSamePage[Message](t, "items", []byte(`{"hasMore":true,"items":[{"_id":"m"}],"x":`+string(data)+`,"offset":3}`)), file)
	}
}

// payloads returns the files in testdata.
func payloads(t testing.TB) map[string][]byte {
	files, err := filepath.Glob("testdata/*/*/*.json")
	require.NoError(t, err)
	found := map[string][]byte{}
	for _, file := range files {
		found[file], err = os.ReadFile(file)
		require.NoError(t, err)
	}
	require.Greater(t, len(found), 100)
	return found
}

// FuzzFast compares both ways for every type of response and event. A second body is made of the
// first, which gets further than changing single bytes.
func FuzzFast(f *testing.F) {
	kinds := slices.Sorted(maps.Keys(received))
	for file, data := range payloads(f) {
		kind := filepath.Base(filepath.Dir(file))
		f.Add(data, uint8(max(slices.Index(kinds, kind), 0)), uint64(len(data)))
	}
	f.Fuzz(func(t *testing.T, data []byte, kind uint8, seed uint64) {
		of := reflect.TypeOf(received[kinds[int(kind)%len(kinds)]])
		for i, body := range [][]byte{data, mutate.JSON(data, seed)} {
			if (seed+uint64(i))%2 == 0 { // long enough for texts to be remembered
				body = append(slices.Clone(body), strings.Repeat(" ", 2048)...)
			}
			requireSameEvent(t, body)
			requireSame(t, of, body)
			requireSamePage[Message](t, "messages", body)
		}
	})
}

// TestDoDecodesForeignTypes: a struct in which a type of ours is embedded has its method, which
// knows nothing of the other fields, and a caller's target may hold something before.
func TestDoDecodesForeignTypes(t *testing.T) {
	t.Parallel()
	c := fakeClient(t, func(*http.Request) (*http.Response, error) {
		return answer(200, `{"_id":"i","type":"reply","text":"t","extra":{"a":[1]},"received":1.5,"signedUpAt":"2015-10-08"}`), nil
	})
	get := func(out any) {
		require.NoError(t, c.Do(t.Context(), "GET", "/x", nil, out))
	}
	type wrapped struct {
		Action
		Extra map[string]any `json:"extra"`
	}
	var own wrapped
	get(&own)
	assert.Equal(t, wrapped{Action: Action{ID: "i", Type: "reply", Text: "t"}}, own, "as encoding/json does it")

	type around struct {
		Message
		Extra map[string]any `json:"extra"`
	}
	var whole around
	get(&whole)
	assert.Equal(t, "i", whole.ID)
	assert.NotNil(t, whole.Extra)
	assert.Equal(t, "1.5", whole.Received.text())

	type text struct{ Received textual }
	var foreign text
	get(&foreign)
	assert.Equal(t, textual("<1.5>"), foreign.Received)
}

// TestTargetsThatHoldSomething: a caller's target is overwritten. Of members that held something,
// those that the response lacks stay as they are.
func TestTargetsThatHoldSomething(t *testing.T) {
	t.Parallel()
	c := bodyClient(t, `{"_id":"m","actions":[{"type":"reply"}]}`)
	held := Message{Name: "old", Actions: []Action{{Text: "old"}, {}}, Source: &Source{ID: "old"}, Metadata: map[string]any{"old": 1}}
	require.NoError(t, c.Do(t.Context(), "GET", "/x", nil, &held))
	assert.Equal(t, Message{ID: "m", Actions: []Action{{Type: ActionTypeReply}}}, held)

	items, offset := []Message{{Text: "old"}}, 7
	r := &request{operation: &operation{answer: "items"}}
	require.NoError(t, decodeBody(r, []byte(`{"items":[{"_id":"m"}]}`), lenient.Members{"items": &items, "offset": &offset}))
	assert.Equal(t, 7, offset)
	assert.Equal(t, "m", items[0].ID)
}

// textual decodes itself.
type textual string

func (x *textual) UnmarshalJSON(data []byte) error {
	*x = textual("<" + string(data) + ">")
	return nil
}

// TestActionsKeepAnEmptyURI: the fast path notes it as UnmarshalJSON does.
func TestActionsKeepAnEmptyURI(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]bool{
		`{"type":"share","uri":""}`: true, `{"type":"share"}`: false, `{"uri":null}`: false, `{"uri":"x"}`: false, `{"metadata":{"uri":""}}`: false,
		`{"metadata":{"uri":"x"},"uri":""}`: true, `null`: false,
	} {
		assert.True(t, requireSame(t, reflect.TypeFor[Action](), []byte(data)), data)
		var a Action
		require.True(t, fast.Unmarshal([]byte(data), &a))
		assert.Equal(t, want, a.emptyURI, data)
	}
}

// TestFastGivesUpOnOddTimes: an event has to list them as malformed.
func TestFastGivesUpOnOddTimes(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]bool{
		`{"received":1.5}`: true, `{"received":"1.5"}`: true, `{"received":null}`: true, `{"received":""}`: true, `{"received":1e9}`: true,
		`{"received":"soon"}`: false, `{"received":{}}`: false, `{"received":true}`: false, `{"received":253402300800}`: false, `{"received":-62135596800}`: false,
	} {
		assert.Equal(t, want, requireSame(t, reflect.TypeFor[Message](), []byte(data)), data)
	}
	for data, want := range map[string]bool{
		`{"signedUpAt":"2015-10-08T23:52:11.677Z"}`: true, `{"signedUpAt":null}`: true, `{"signedUpAt":""}`: true,
		`{"signedUpAt":"never"}`: false, `{"signedUpAt":5}`: false, `{"signedUpAt":[]}`: false,
	} {
		assert.Equal(t, want, requireSame(t, reflect.TypeFor[AppUser](), []byte(data)), data)
	}
}

// TestDenseEventsBothWays: where the slow way leaves items out of a list that would take far more
// memory than its text, the fast one gives up.
func TestDenseEventsBothWays(t *testing.T) {
	t.Parallel()
	for _, item := range []string{
		`{}`, `{"source":null,"location":null,"quotedMessage":null}`, `{"actions":[{}]}`, `{"actions":[{"type":"reply","text":"Yes","payload":"YES"}]}`,
		`{"_id":"0123456789abcdef","text":"` + strings.Repeat("x", 30) + `"}`, `{"actions":[{"type":"link","text":"` + strings.Repeat("x", 30) + `"},{"uri":"https://a.test/b"}]}`,
		`{"items":[{"actions":[{},{}]},{}]}`, `{"coordinates":{"lat":1,"long":2},"source":{},"quotedMessage":{"content":{}}}`,
	} {
		outcomes := map[bool]int{}
		for n := 10; n < 1<<20/len(item); n += n / 3 {
			outcomes[requireSameEvent(t, []byte(`{"trigger":"message:appUser","messages":[`+strings.Repeat(item+",", n)+item+`]}`))]++
		}
		assert.Positive(t, outcomes[true], item)
		assert.Positive(t, outcomes[false], item)
	}
}

// TestTriggerIsTheOneThatCounts: an event whose trigger is anything but one text is not decoded as
// the type of the first.
func TestTriggerIsTheOneThatCounts(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"trigger":"message:appUser","trigger":"postback"}`, `{"trigger":"delivery:failure","Trigger":"postback"}`, `{"Trigger":"postback"}`, `{"\u0074rigger":"postback"}`,
		`{"trigger":null}`, `{"trigger":5}`, `{}`, `null`, `[]`, `{"trigger":"postback"} x`, `{"app":{"trigger":"postback"}}`, "{\"trigger\":\"postback\xff\"}",
	} {
		assert.False(t, requireSameEvent(t, []byte(body)), body)
	}
	for _, body := range []string{`{"app":{"trigger":"x"},"trigger":"postback"}`, `{"trigger":""}`, `{"trigger":"new:thing","events":[]}`, `{"trigger":"message:delivery:user","message":{"_id":"m"}}`} {
		assert.True(t, requireSameEvent(t, []byte(body)), body)
	}
}

// TestPageOffset: a page that does not say where it begins, begins where it was asked for.
func TestPageOffset(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{`{"apps":[]}`: 7, `{"apps":[],"offset":null}`: 7, `{"apps":[],"offset":0}`: 0, `{"apps":[],"offset":3.0}`: 3} {
		c := bodyClient(t, body)
		p, err := c.Apps.List(t.Context(), AppListOptions{Offset: 7})
		require.NoError(t, err)
		assert.Equal(t, want, p.Offset, body)
	}
}

// TestFastIsUsed: what is decoded by a call, by a page and by a delivery takes far fewer
// allocations than encoding/json needs.
func TestFastIsUsed(t *testing.T) {
	page := []byte(benchPage())
	var got MessagePage
	require.True(t, fast.Members(page, fastjson.Member{Name: "messages", Target: &got.Messages}))
	allocations := testing.AllocsPerRun(10, func() {
		assert.NoError(t, decodeBody(&request{operation: &operation{}}, page, new(MessagePage)))
	})
	assert.Less(t, allocations, 800.0)
	allocations = testing.AllocsPerRun(10, func() {
		var messages []Message
		var offset *int
		assert.NoError(t, decodeBody(&request{operation: &operation{answer: "messages"}}, page, lenient.Members{"messages": &messages, "offset": &offset}))
	})
	assert.Less(t, allocations, 800.0)
	event, err := os.ReadFile("testdata/webhooks/v1.1/message-appUser.json")
	require.NoError(t, err)
	allocations = testing.AllocsPerRun(10, func() {
		_, err := ParseEvent(event)
		assert.NoError(t, err)
	})
	assert.Less(t, allocations, 50.0)
}
