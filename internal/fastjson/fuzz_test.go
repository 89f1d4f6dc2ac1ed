//go:build !smooch_slowjson

package fastjson_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/smooch/smooch-go/internal/fastjson"
	"github.com/smooch/smooch-go/internal/fastjson/mutate"
	"github.com/smooch/smooch-go/internal/lenient"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const usual = `{"text":"a text of some length","kind":"k","on":true,"perhaps":false,"name":"nämé \"n\" \u00e9\ud83d\ude00","count":-12,"small":127,"size":9007199254740993,"ratio":-1.5e-3,` +
	`"any":{"a":[1,"b",null,true,{}],"n":10.0},"free":{"a":1,"bool":false,"text":"x"},` +
	`"raw":{"a": [1, 2]},"raws":[1,"x",{}],"list":[{"text":"first"},{"kind":"second","list":[]},{},{"text":"first","free":[]}],"pointers":[{"on":true},null],` +
	`"names":["a","b","a"],"anys":[[],{},"",0],"lists":[["x"],[],null],"self":{"self":{"text":"innermost"}},"at":1439220041.586,"until":2,` +
	`"does":{"type":"link","extra":{"k":"s"}},"done":[{"type":"a"},{"extra":{"type":"x"},"type":""},{"extra":[]}],"deep":"d","inner":{"sk":"key"},"unknown":{"skipped":[{"a":{}}]}}`

var seeds = []string{
	usual, `{}`, ` { "text" : "a" , "list" : [ { } ] } `, `null`, `[]`, `{"free":[ ],"does":{"extra":[]}}`, `{"texts":{"k":"v"}}`, `{"Untagged":"u"}`,
	`{"foreign":"2015-10-08T23:52:11.677Z"}`, `{"host":"h"}`, `{"loud":1}`, `{"loud":null}`, `{"number":12}`, `{"bytes":"AQI="}`, `{"uint":1}`, `{"array":[1,2]}`, `{"quoted":"5"}`,
	`{"text":"x","text":"y"}`, `{"Text":"x"}`, `{"texts":{"a":"b","a":"c"}}`, `{"does":null,"at":null,"until":null,"raw":null}`,
}

// padding makes a body long enough for texts to be remembered.
var padding = strings.Repeat(" ", 2048)

// FuzzUnmarshal: what the Table decodes is what encoding/json and the tolerant pass decode. Two
// more bodies are made by changing values and names, which gets further than changing bytes.
func FuzzUnmarshal(f *testing.F) {
	for i, data := range seeds {
		f.Add([]byte(data), uint64(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		for i, body := range [][]byte{data, mutate.JSON(data, seed), mutate.JSON([]byte(usual), seed)} {
			if (seed+uint64(i))%2 == 0 {
				body = append(slices.Clone(body), padding...)
			}
			_, wrong := both[whole](body)
			require.Empty(t, wrong, "%q", body)
			_, wrong = both[any](body)
			require.Empty(t, wrong, "%q", body)
			requireSameMembers(t, body)
		}
	})
}

// requireSameMembers decodes the members of a page, in both ways.
func requireSameMembers(t *testing.T, body []byte) {
	type page struct {
		list []whole
		n    *int
		on   bool
	}
	var got, want page
	fast := table.Members(body, fastjson.Member{Name: "list", Target: &got.list},
		fastjson.Member{Name: "count", Target: &got.n}, fastjson.Member{Name: "on", Target: &got.on})
	if !fast {
		require.True(t, reflect.DeepEqual(page{}, got), "%q", body)
		return
	}
	require.NoError(t, lenient.Members{"list": &want.list, "count": &want.n, "on": &want.on}.Unmarshal(body), "%q", body)
	require.True(t, reflect.DeepEqual(want, got), "%q", body)
}

// TestMutations does for a few thousand bodies what the fuzz function does for as many as it has
// time for, and shows that both outcomes are common among them.
func TestMutations(t *testing.T) {
	t.Parallel()
	outcomes := map[bool]int{}
	for seed := range uint64(20000) {
		body := mutate.JSON([]byte(usual), seed)
		if seed%2 == 0 {
			body = append(slices.Clone(body), padding...)
		}
		fast, wrong := both[whole](body)
		require.Empty(t, wrong, "%q", body)
		requireSameMembers(t, body)
		outcomes[fast]++
	}
	assert.Greater(t, outcomes[true], 2000)
	assert.Greater(t, outcomes[false], 2000)
}
