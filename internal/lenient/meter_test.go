package lenient_test

import (
	"encoding/json"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/lenient"
)

// crowd is what a body with many values is decoded into.
type crowd struct {
	ID       string              `json:"_id"`
	Parts    []big               `json:"parts"`
	Pointers []*big              `json:"pointers"`
	Nested   []crowd             `json:"nested"`
	ByName   map[string]big      `json:"byName"`
	Lists    map[string][]string `json:"lists"`
	Free     any                 `json:"free"`
	Raw      []json.RawMessage   `json:"raw"`
	Self     []selfMade          `json:"self"`
	Plain    []big
}

type big struct {
	ID    string `json:"id"`
	Other [50]int
}

// selfMade decodes the members that its tags name by itself.
type selfMade struct {
	ID    string `json:"id"`
	Other [50]int
}

func (s *selfMade) UnmarshalJSON([]byte) error { s.ID = "made"; return nil }

const hostileSize = 2 << 20

// hostile returns a body of hostileSize bytes that repeats item. If # is in item, which is a name
// that is used once, the body is twice as long, as its values take less memory for their text.
func hostile(head, item, tail string) []byte {
	before, after, named := strings.Cut(item, "#")
	if !named {
		return []byte(head + strings.Repeat(item, (hostileSize-len(head)-len(tail))/len(item)) + tail)
	}
	body := []byte(head)
	for i := int64(0); len(body) < 2*hostileSize-len(item)-len(tail)-4; i++ {
		body = append(strconv.AppendInt(append(body, before...), i, 16), after...)
	}
	return append(body, tail...)
}

func TestUnmarshalRefusesWhatTakesFarMoreMemory(t *testing.T) {
	deep := strings.Repeat(`{"":`, 4000) + "1" + strings.Repeat("}", 4000) + ","
	tests := map[string][]byte{
		"structs":                  hostile(`{"parts":[`, `{},`, `{}]}`),
		"nulls for structs":        hostile(`{"parts":[`, `null,`, `{}]}`),
		"numbers for structs":      hostile(`{"parts":[`, `1,`, `{}]}`),
		"pointers":                 hostile(`{"pointers":[`, `{},`, `{}]}`),
		"structs, name in capital": hostile(`{"PARTS":[`, `{},`, `{}]}`),
		"structs, name escaped":    hostile(`{"p\u0061rts":[`, `{},`, `{}]}`),
		"structs, field untagged":  hostile(`{"plain":[`, `{},`, `{}]}`),
		"structs, in small lists":  hostile(`{"nested":[`, `{"parts":[{},{}]},`, `{}]}`),
		"structs, member repeated": hostile(`{`, `"parts":[{},{}],`, `"_id":"a"}`),
		"map of structs":           hostile(`{"byName":{`, `"#":{},`, `"":{}}}`),
		"map of lists":             hostile(`{"lists":{`, `"#":[""],`, `"":[]}}`),
		"any: map":                 hostile(`{"free":{`, `"#":0,`, `"":0}}`),
		"any: maps":                hostile(`{"free":[`, `{},`, `{}]}`),
		"any: maps with a member":  hostile(`{"free":[`, `{"":0},`, `{}]}`),
		"any: lists":               hostile(`{"free":[`, `[],`, `[]]}`),
		"any: numbers":             hostile(`{"free":[`, `1,`, `1]}`),
		"any: maps, few commas":    hostile(`{"free":[`, deep, `1]}`),
		"any: lists, no commas":    hostile(`{"free":[`, strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+",", `1]}`),
		"any: spaces":              hostile(` { "free" : [ `, `{ } , `, `{ } ] } `),
		"raw messages":             hostile(`{"raw":[`, `1,`, `1]}`),
		"not UTF-8":                []byte(`{"_id":"` + strings.Repeat("\xff", 20<<20) + `"}`),
		"decoded by hand":          hostile(`{"self":[`, `{},`, `{}]}`),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			require.True(t, json.Valid(data))
			var got crowd
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := lenient.Unmarshal(data, &got)
			runtime.ReadMemStats(&after)
			assert.EqualError(t, err, "its values would take far more memory than its text")
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "nothing is decoded")
		})
	}
}

func TestMembersRefuseWhatTakesFarMoreMemory(t *testing.T) {
	t.Parallel()
	var parts []big
	var id string
	targets := lenient.Members{"_id": &id, "parts": &parts}
	err := targets.Unmarshal(hostile(`{"_id":"a","parts":[`, `{},`, `{}]}`))
	require.EqualError(t, err, "its values would take far more memory than its text")
	err = targets.Unmarshal(hostile(`{`, `"parts":[{},{}],`, `"_id":"a"}`))
	require.EqualError(t, err, "its values would take far more memory than its text", "all members count together")
	require.NoError(t, targets.Unmarshal(hostile(`{"_id":"a","other":[`, `{},`, `{}]}`)))
	assert.Equal(t, "a", id)
}

func TestUnmarshalAcceptsManyValues(t *testing.T) {
	t.Parallel()
	tests := map[string][]byte{
		"structs with ids":       hostile(`{"parts":[`, `{"id":"0123456789abcdef01234567","name":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},`, `{}]}`),
		"members without fields": hostile(`{`, `"#":[{},[1,2]],`, `"_id":"a"}`),
		"lists without fields":   hostile(`{"x":[`, `{},[],1,`, `1],"_id":"a"}`),
		"long texts":             hostile(`{"free":[`, `"0123456789abcdef0123456789abcdef0123456789abcdef",`, `1]}`),
		"few structs":            []byte(`{"parts":[` + strings.Repeat(`{},`, 10_000) + `{}]}`),
		"few maps":               []byte(`{"free":[` + strings.Repeat(`{"a":"b"},`, 10_000) + `{}]}`),
		"odd types":              []byte(`{"parts":[` + strings.Repeat(`{},"",`, 5_000) + `{}]}`),
		"one long text":          hostile(`{"_id":"`, `,[{,[{`, `"}`),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got, want, member crowd
			require.NoError(t, lenient.Unmarshal(data, &got))
			require.NoError(t, lenient.Members{"it": &member}.Unmarshal(append(append([]byte(`{"it":`), data...), '}')))
			if name != "odd types" {
				require.NoError(t, lenient.UnmarshalStrict(data, &want))
				assert.True(t, assert.ObjectsAreEqual(want, got), "as strict decoding has it")
			}
			assert.True(t, assert.ObjectsAreEqual(got, member), "the same in a member")
		})
	}
}

// TestManyValuesThatAreNoJSON: what is checked before it is decoded may be anything.
func TestManyValuesThatAreNoJSON(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{``, `{}`, `{}]`, `{}]} x`, `{}]}}`, `{]}`} {
		data := []byte(`{"parts":[` + strings.Repeat(`{},`, 20_000) + tail)
		require.Error(t, lenient.Unmarshal(data, &crowd{}), tail)
		require.Error(t, lenient.Members{"parts": &[]big{}}.Unmarshal(data), tail)
	}
	brackets := []byte(strings.Repeat("[", 1_000_000))
	var free any
	require.Error(t, lenient.Unmarshal(brackets, &free))
	require.Error(t, lenient.Members{"it": &free}.Unmarshal(append([]byte(`{"it":`), brackets...)))
	require.Error(t, lenient.Unmarshal(append(brackets, strings.Repeat("]", 1_000_000)...), &free), "too deep")
	list := []byte(`[` + strings.Repeat(`{},`, 20_000) + `{}]`)
	require.ErrorIs(t, lenient.Members{"it": &free}.Unmarshal(list), lenient.ErrNotObject)
	null := []byte(`null` + strings.Repeat(` `, 50_000))
	require.NoError(t, lenient.Members{"it": &free}.Unmarshal(null))
}

// TestUntaggedFieldsAreKept: a member that is mended does not take those with it whose fields have
// no tags.
func TestUntaggedFieldsAreKept(t *testing.T) {
	t.Parallel()
	var got struct {
		Count int `json:"count"`
		Name  string
	}
	require.NoError(t, lenient.Unmarshal([]byte(`{"count":3.0,"name":"n"}`), &got))
	assert.Equal(t, 3, got.Count)
	assert.Equal(t, "n", got.Name)
}
