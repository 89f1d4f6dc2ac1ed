//go:build !smooch_slowjson

package fastjson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/fastjson"
	"github.com/smooch/smooch-go/internal/lenient"
)

func TestUsualJSONIsDecoded(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		usual, `{}`, ` {"text" : "a" ,` + "\r\n\t" + `"list":[ { } , null ] } `, `null`, `{"text":null,"on":null,"count":null,"ratio":null,"free":null,"list":null,"self":null}`,
		`{"raw":null,"raws":[null],"at":null,"until":null,"does":null,"done":[null],"any":null}`,
		`{"free":[],"does":{"type":"","extra":[ ]}}`, `{"free":{"":{"":[[]]}}}`, `{"":1,"x":{"text":1,"text":2},"xy":[{"Text":1}]}`,
		`{"text":"\u0000\"\\\/\b\f\n\r\t\u00e9\u20ac\ud83d\ude00é日本","count":-0,"small":-128,"ratio":1E+2,"size":9223372036854775807}`,
		`{"any":` + strings.Repeat("[", 98) + strings.Repeat("]", 98) + `}`,
	} {
		fast, wrong := both[whole]([]byte(data))
		assert.True(t, fast, data)
		assert.Empty(t, wrong, data)
	}
}

// TestUnusualJSONIsGivenUp: nothing of it may be left in the target, nor may a value before it.
func TestUnusualJSONIsGivenUp(t *testing.T) {
	t.Parallel()
	for what, data := range map[string]string{
		"nothing":                    ``,
		"not JSON":                   `{"on":true,`,
		"more after it":              `{"on":true} {}`,
		"a NUL after it":             "{\"on\":true}\x00",
		"no object":                  `["on"]`,
		"repeated name":              `{"on":true,"on":true}`,
		"repeated name, inside":      `{"self":{"text":"a","text":"b"}}`,
		"repeated name, embedded":    `{"deep":"a","text":"b","deep":"c"}`,
		"repeated name, free":        `{"free":{"a":1,"a":2}}`,
		"repeated name, anything":    `{"any":[{"a":1,"b":2,"a":{}}]}`,
		"other case":                 `{"On":true}`,
		"other case, unknown inside": `{"inner":{"SK":"x"}}`,
		"long s":                     `{"inner":{"ſk":"x"}}`,
		"Kelvin":                     `{"inner":{"s` + "\u212a" + `":"x"}}`,
		"escaped name":               `{"\u006fn":true}`,
		"escaped unknown name":       `{"\u0058":true}`,
		"not UTF-8":                  "{\"text\":\"a\xff\"}",
		"not UTF-8 after ASCII":      "{\"text\":\"0123456789abcdef\xc3\"}",
		"not UTF-8, escaped before":  "{\"text\":\"\\n\xed\xa0\x80\"}",
		"not UTF-8, a name":          "{\"free\":{\"\xff\":1}}",
		"not UTF-8, skipped":         "{\"x\":\"\xff\"}",
		"lone surrogate":             `{"text":"\ud83d"}`,
		"lone low surrogate":         `{"text":"\ude00\ud83d"}`,
		"surrogate and a letter":     `{"text":"\ud83dA"}`,
		"surrogate and an escape":    `{"text":"\ud83d\u0041"}`,
		"bad escape":                 `{"text":"\x"}`,
		"bad digits":                 `{"text":"\u00+1"}`,
		"control character":          "{\"text\":\"01234567\x1f\"}",
		"control character, escaped": "{\"text\":\"\\n\x1f\"}",
		"open text":                  `{"text":"abcdefghijkl`,
		"open escape":                `{"text":"abc\`,
		"number for text":            `{"text":1}`,
		"text for a number":          `{"count":"1"}`,
		"empty text for an object":   `{"inner":""}`,
		"empty list for an object":   `{"inner":[]}`,
		"list for a map":             `{"free":[1]}`,
		"list for a free map":        `{"free":[[]]}`,
		"object for a list":          `{"list":{}}`,
		"number for a bool":          `{"on":1}`,
		"true for a number":          `{"count":true}`,
		"point":                      `{"count":1.0}`,
		"exponent":                   `{"count":1e3}`,
		"too large":                  `{"small":128}`,
		"larger than 64 bits":        `{"size":9223372036854775808}`,
		"larger than a float":        `{"ratio":1e400}`,
		"leading zero":               `{"count":01}`,
		"no digits":                  `{"count":-}`,
		"no fraction":                `{"ratio":1.}`,
		"no exponent":                `{"ratio":1e+}`,
		"plus":                       `{"count":+1}`,
		"half a literal":             `{"on":tru}`,
		"half of null":               `{"on":nul}`,
		"missing comma":              `{"on":true "text":"a"}`,
		"trailing comma":             `{"on":true,}`,
		"wrong bracket":              `{"names":["a"}}`,
		"vertical tab":               "{\v}",
		"101 levels":                 `{"any":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		"101 levels, skipped":        `{"x":` + strings.Repeat("[", 101) + strings.Repeat("]", 101) + `}`,
	} {
		for _, data := range []string{data, strings.Replace(data, "{", `{"name":"before","list":[{"text":"x"}],`, 1)} {
			fast, wrong := both[whole]([]byte(data))
			assert.False(t, fast, "%s: %q", what, data)
			assert.Empty(t, wrong, "%s: %q", what, data)
		}
	}
}

// TestForeignTypesAreGivenUp: the methods of the caller's types are for encoding/json to call.
func TestForeignTypesAreGivenUp(t *testing.T) {
	t.Parallel()
	type renamed stamp
	type unknown struct{ action }
	type around struct { // has the method of action, which leaves out the name
		action
		Name string `json:"name"`
	}
	type pointed struct {
		*embedded
		Name string `json:"name"`
	}
	text := reflect.TypeFor[string]()
	twice := reflect.StructOf([]reflect.StructField{{Name: "A", Type: text, Tag: `json:"name"`}, {Name: "B", Type: text, Tag: `json:"name"`}})
	type ambiguous struct {
		embedded
		Deep string `json:"deep"`
	}
	type named struct {
		Name string `json:"na.me"`
	}
	type cyclic *cyclic
	for data, v := range map[string]any{
		`{"type":"a"}`:                       &unknown{},
		`{"name":"n","type":"a"}`:            &around{},
		`{"name":"n"}`:                       &pointed{},
		`{"name":"x"}`:                       reflect.New(twice).Interface(),
		`{"deep":"x"}`:                       &ambiguous{},
		`{"na.me":"x"}`:                      &named{},
		`{"foreign":"2015-10-08T23:52:11Z"}`: &whole{}, `{"host":"h"}`: &whole{}, `{"number":1}`: &whole{}, `{"bytes":"AQI="}`: &whole{},
		`{"loud":1}`: &whole{}, `{"loud":null}`: &whole{}, `{"host":null}`: &whole{}, `{"quoted":null}`: &whole{}, `{"uint":1}`: &whole{}, `{"array":[1,2]}`: &whole{}, `{"quoted":"5"}`: &whole{}, `{"Untagged":"x"}`: &whole{}, `{"texts":{"a":"b"}}`: &whole{},
		`{}`: new(fmt.Stringer), `{"a":1}`: new(map[host]int), `"h"`: new(host), `1`: new(json.Number), `[1]`: new([]byte), `"x"`: new(**string), `5`: new(cyclic),
		`{"Value":1}`: &renamed{}, `{"x":1}`: new(complex64),
	} {
		assert.False(t, table.Unmarshal([]byte(data), v), "%s into %T", data, v)
		assert.True(t, reflect.ValueOf(v).Elem().IsZero(), "%s into %T", data, v)
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	decode := func(data string) (fast bool, list []kind, n *int, on bool) {
		fast = table.Members([]byte(data), fastjson.Member{Name: "list", Target: &list},
			fastjson.Member{Name: "n", Target: &n}, fastjson.Member{Name: "on", Target: &on})
		return fast, list, n, on
	}
	for _, data := range []string{`{}`, `{"x":{"on":true},"LIST":["a"],"é":1}`} {
		fast, list, n, on := decode(data)
		assert.True(t, fast && list == nil && n == nil && !on, data)
	}
	fast, list, n, on := decode(`{"on":true,"x":[],"list":["a"],"n":3}`)
	assert.True(t, fast && on)
	assert.Equal(t, []kind{"a"}, list)
	assert.Equal(t, new(3), n)
	for _, data := range []string{``, `null`, `[]`, `{"on":true,"list":["a"],"n":"3"}`, `{"list":["a"],"list":["b"]}`, `{"on":true}}`, `{"\u006f\u006e":true}`, `{"on":true,"x":"\ud800"}`} {
		fast, list, n, on := decode(data)
		assert.True(t, !fast && list == nil && n == nil && !on, data)
	}
}

// TestNothingKeepsTheData: an id that somebody keeps must not hold a whole page in memory, and no
// decode may see what another one has read.
func TestNothingKeepsTheData(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	var kept whole
	func() {
		data := &struct{ bytes [1 << 20]byte }{}
		body := append(data.bytes[:0], usual...)
		body = append(body, bytes.Repeat([]byte(" "), 1<<19)...)
		runtime.AddCleanup(data, func(released chan struct{}) { close(released) }, released)
		require.True(t, table.Unmarshal(body, &kept))
	}()
	for range 100 {
		runtime.GC()
		select {
		case <-released:
			assert.Equal(t, "a text of some length", kept.Text)
			return
		default:
		}
	}
	assert.Fail(t, "the body is still held")
}

// TestRepeatedTextIsMadeOnce: a page names few people, and their names come with each message.
func TestRepeatedTextIsMadeOnce(t *testing.T) {
	var items []string
	for i := range 5000 {
		items = append(items, fmt.Sprintf(`{"text":"%070d","kind":"name %2d"}`, i, i%40))
	}
	data := []byte(`[` + strings.Join(items, ",") + `]`)
	allocations := testing.AllocsPerRun(10, func() {
		var list []whole
		assert.True(t, table.Unmarshal(data, &list))
	})
	assert.InDelta(t, 5000+40, allocations, 600, "each text that is too long to be remembered, and each name once")
	_, wrong := both[[]whole](data)
	assert.Empty(t, wrong, "texts were mixed up")
}

// TestMemoryIsBounded: a list of a million times {} is given up before it takes much memory, and
// what package lenient refuses for its size is never accepted.
func TestMemoryIsBounded(t *testing.T) {
	for _, item := range []string{
		`{}`, `{"list":[{}]}`, `{"does":{}}`, `{"done":[{},{}]}`, `{"any":[]}`, `{"any":{"":0}}`, `{"free":{}}`, `{"self":{"self":{}}}`, `{"at":1}`, `{"raw":1,"raws":[1,2]}`,
		`{"pointers":[{}]}`, `{"anys":[[],[]]}`, `{"text":"` + strings.Repeat("x", 40) + `"}`, `{"free":{"a":"b","c":"d"}}`, `{"any":[{"a":{"b":{}}}]}`,
	} {
		for _, size := range []int{3 << 10, 300 << 10, 3 << 20} {
			data := []byte(`[` + strings.Repeat(item+",", size/len(item)) + item + `]`)
			var before, after runtime.MemStats
			var list []whole
			runtime.ReadMemStats(&before)
			fast := table.Unmarshal(data, &list)
			runtime.ReadMemStats(&after)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(3<<20+16*len(data)), "%s, %d", item, size)
			if fast {
				var slow []whole
				require.NoError(t, lenient.Unmarshal(data, &slow), "%s, %d", item, size)
				assert.Len(t, list, len(slow))
			} else {
				assert.Greater(t, size, 3<<10, "%s is given up although there is little of it", item)
			}
		}
	}
}

// TestMembersInAnyOrder: which name comes next is only guessed.
func TestMembersInAnyOrder(t *testing.T) {
	t.Parallel()
	fresh := fastjson.NewTable(fastjson.With(func(s *stamp, data []byte) bool { return s.UnmarshalJSON(data) == nil }))
	var group sync.WaitGroup
	for i := range uint64(4) {
		group.Go(func() {
			r := rand.New(rand.NewPCG(i, 0))
			members := []string{`"text":"t"`, `"kind":"k"`, `"on":true`, `"count":3`, `"size":5`, `"at":6`, `"ratio":0.5`, `"deep":"d"`, `"unknown":"x"`, `"self":{"kind":"a","text":"b","at":1}`}
			for range 2000 {
				r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
				data := []byte(`{` + strings.Join(members[r.IntN(len(members)):], `,`) + `}`)
				data = bytes.ReplaceAll(data, []byte(":"), []byte([]string{":", ": ", " : "}[r.IntN(3)]))
				var got, want whole
				require.True(t, fresh.Unmarshal(data, &got), "%s", data)
				require.NoError(t, json.Unmarshal(data, &want))
				require.Equal(t, want, got, "%s", data)
			}
		})
	}
	group.Wait()
}

// TestTypesAreLearnedAtOnce: many goroutines may meet a type first.
func TestTypesAreLearnedAtOnce(t *testing.T) {
	t.Parallel()
	fresh := fastjson.NewTable()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			var self struct {
				Self *whole `json:"self"`
			}
			assert.True(t, fresh.Unmarshal([]byte(`{"self":{"self":{"list":[{"text":"x"}]}}}`), &self))
		})
	}
	group.Wait()
}
