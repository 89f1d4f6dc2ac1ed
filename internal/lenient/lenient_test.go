package lenient_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/lenient"
)

func TestMarshal(t *testing.T) {
	t.Parallel()
	data, err := lenient.Marshal(map[string]string{"html": "<a href='x'>Q&A</a>\n"})
	require.NoError(t, err)
	assert.Equal(t, `{"html":"<a href='x'>Q&A</a>\n"}`, string(data))

	_, err = lenient.Marshal(make(chan int))
	assert.Error(t, err)
}

type thing struct {
	Name    string         `json:"name"`
	Text    *string        `json:"text"`
	Count   int            `json:"count"`
	Size    uint8          `json:"size"`
	Ratio   float64        `json:"ratio"`
	On      bool           `json:"on"`
	Any     any            `json:"any"`
	Map     map[string]any `json:"map"`
	Limits  map[string]int `json:"limits"`
	Part    part           `json:"part"`
	Pointer *part          `json:"pointer"`
	List    []part         `json:"list"`
	Odd     odd            `json:"odd"`
	Untyped json.RawMessage
	embedded
}

type part struct {
	ID    string `json:"id"`
	Whole int64  `json:"whole"`
	Inner *part  `json:"inner"`
}

type embedded struct {
	Deep part `json:"deep"`
}

// odd decodes itself and keeps what it was given.
type odd struct{ text string }

func (o *odd) UnmarshalJSON(data []byte) error { o.text = string(data); return nil }

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data string
		want thing
	}{
		"strict":                    {`{"name":"a","count":3,"part":{"id":"p"}}`, thing{Name: "a", Count: 3, Part: part{ID: "p"}}},
		"number without a type":     {`{"any":12345678901234567890}`, thing{Any: json.Number("12345678901234567890")}},
		"the same when mended":      {`{"any":12345678901234567890,"part":""}`, thing{Any: json.Number("12345678901234567890")}},
		"empty text for a struct":   {`{"part":"","name":"a"}`, thing{Name: "a"}},
		"empty text for a pointer":  {`{"pointer":""}`, thing{}},
		"empty text for a map":      {`{"map":""}`, thing{}},
		"empty text for a list":     {`{"list":""}`, thing{}},
		"empty text for a number":   {`{"count":"","ratio":""}`, thing{}},
		"empty text for a boolean":  {`{"on":""}`, thing{}},
		"empty text for text":       {`{"name":"","text":"","part":""}`, thing{Text: new("")}},
		"empty text for anything":   {`{"any":"","map":{"a":""},"part":""}`, thing{Any: "", Map: map[string]any{"a": ""}}},
		"empty text in a map":       {`{"limits":{"a":"","b":2}}`, thing{Limits: map[string]int{"a": 0, "b": 2}}},
		"empty list for a struct":   {`{"part":[]}`, thing{}},
		"empty list for a pointer":  {`{"pointer":[]}`, thing{}},
		"empty list for a map":      {`{"map":[]}`, thing{Map: map[string]any{}}},
		"empty list for anything":   {`{"any":[],"part":""}`, thing{Any: []any{}}},
		"empty items keep places":   {`{"list":["",[],{"id":"p"},null]}`, thing{List: []part{{}, {}, {ID: "p"}, {}}}},
		"levels below":              {`{"list":[{"inner":{"inner":"","id":"p"}}]}`, thing{List: []part{{Inner: &part{ID: "p"}}}}},
		"embedded fields":           {`{"deep":[]}`, thing{}},
		"types that decode by hand": {`{"odd":"","part":""}`, thing{Odd: odd{`""`}}},
		"whole with a point":        {`{"count":10.0}`, thing{Count: 10}},
		"whole with an exponent":    {`{"count":2.5e3}`, thing{Count: 2500}},
		"negative":                  {`{"count":-1.0}`, thing{Count: -1}},
		"unsigned":                  {`{"size":255.0}`, thing{Size: 255}},
		"largest exact float":       {`{"part":{"whole":9007199254740991.0}}`, thing{Part: part{Whole: 1<<53 - 1}}},
		"integers stay exact":       {`{"part":{"whole":9007199254740993},"count":1.0}`, thing{Part: part{Whole: 1<<53 + 1}, Count: 1}},
		"negative integers as well": {`{"part":{"whole":-9007199254740993},"count":1.0}`, thing{Part: part{Whole: -1<<53 - 1}, Count: 1}},
		"floats stay as they are":   {`{"ratio":10.50,"any":10.0,"count":1.0}`, thing{Ratio: 10.5, Any: json.Number("10.0"), Count: 1}},
		"unknown members":           {`{"other":"","part":"","more":[1,{"a":[]}]}`, thing{}},
		"space around":              {" \n{\"name\":\"a\"}\t\r\n", thing{Name: "a"}},
		"empty text at the top":     {`""`, thing{}},
		"empty list at the top":     {`[]`, thing{}},
		"null":                      {`null`, thing{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got thing
			require.NoError(t, lenient.Unmarshal([]byte(tt.data), &got))
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestUnmarshalErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"text for a struct":          `{"part":"x"}`,
		"text for a number":          `{"count":"1"}`,
		"items for a struct":         `{"part":[1]}`,
		"items for a map":            `{"map":[1]}`,
		"empty list for a number":    `{"count":[]}`,
		"object for a list":          `{"list":{}}`,
		"object for text":            `{"name":{}}`,
		"number for text":            `{"name":1}`,
		"fraction for an integer":    `{"count":1.5}`,
		"too large for the type":     `{"size":256.0}`,
		"too large for a float64":    `{"count":1e400}`,
		"too large to be exact":      `{"part":{"whole":9007199254740992.0}}`,
		"odd value beside mended":    `{"part":"","count":"x"}`,
		"not JSON":                   `<html>`,
		"broken off":                 `{"part":""`,
		"nothing":                    ``,
		"a second value":             `{} {}`,
		"a second value when mended": `{"part":""} {}`,
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Error(t, lenient.Unmarshal([]byte(data), &thing{}))
		})
	}
	var notPointer *json.InvalidUnmarshalError
	assert.ErrorAs(t, lenient.Unmarshal([]byte(`{"part":""}`), thing{}), &notPointer)
}

func TestUnmarshalIntoOtherTypes(t *testing.T) {
	t.Parallel()
	var items []*part
	require.NoError(t, lenient.Unmarshal([]byte(`[{"whole":1.0},""]`), &items))
	assert.Equal(t, []*part{{Whole: 1}, nil}, items)

	var sizes map[string]uint
	require.NoError(t, lenient.Unmarshal([]byte(`{"a":1e2}`), &sizes))
	assert.Equal(t, map[string]uint{"a": 100}, sizes)

	var pointer *part
	require.NoError(t, lenient.Unmarshal([]byte(`{"whole":1.0}`), &pointer))
	assert.Equal(t, &part{Whole: 1}, pointer)

	var free any
	require.NoError(t, lenient.Unmarshal([]byte(`[10.0,"",[]]`), &free))
	assert.Equal(t, []any{json.Number("10.0"), "", []any{}}, free)
}

func TestUnmarshalKeepsNothingOfTheFirstTry(t *testing.T) {
	t.Parallel()
	got := thing{Name: "before", Map: map[string]any{"before": true}}
	require.NoError(t, lenient.Unmarshal([]byte(`{"map":{"a":"x"},"part":""}`), &got))
	assert.Equal(t, thing{Map: map[string]any{"a": "x"}}, got)
}

func TestUnmarshalPartly(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data      string
		want      thing
		malformed []string
	}{
		"all fits":                {`{"name":"a","part":"","count":3.0}`, thing{Name: "a", Count: 3}, nil},
		"number for text":         {`{"name":1,"count":3}`, thing{Count: 3}, []string{"name"}},
		"text for a boolean":      {`{"on":"x"}`, thing{}, []string{"on"}},
		"boolean for a number":    {`{"ratio":true,"count":false}`, thing{}, []string{"ratio", "count"}},
		"object for text":         {`{"text":{"a":"}"},"count":3}`, thing{Count: 3}, []string{"text"}},
		"object for a list":       {`{"list":{"id":"p"}}`, thing{}, []string{"list"}},
		"list for an object":      {`{"part":[ [] ],"map":[1]}`, thing{}, []string{"part", "map"}},
		"text for an object":      {`{"pointer":"p","part":" "}`, thing{}, []string{"pointer", "part"}},
		"too large":               {`{"size":256,"count":1e400,"ratio":1e400}`, thing{}, []string{"size", "count", "ratio"}},
		"negative":                {`{"size":-1}`, thing{}, []string{"size"}},
		"fraction":                {`{"count":1.5,"ratio":1.5}`, thing{Ratio: 1.5}, []string{"count"}},
		"items keep their places": {`{"list":[{"id":"p"},1,{"id":2,"whole":3}]}`, thing{List: []part{{ID: "p"}, {}, {Whole: 3}}}, []string{"list[1]", "list[2].id"}},
		"levels below":            {`{"part":{"inner":{"inner":{"id":1},"id":"p"}}}`, thing{Part: part{Inner: &part{ID: "p", Inner: &part{}}}}, []string{"part.inner.inner.id"}},
		"names of a map":          {`{"limits":{"secret":"x","b":2}}`, thing{Limits: map[string]int{"secret": 0, "b": 2}}, []string{"limits.*"}},
		"embedded":                {`{"deep":{"id":[]}}`, thing{}, []string{"deep.id"}},
		"other case":              {`{"NAME":1,"Part":{"iD":"p"}}`, thing{Part: part{ID: "p"}}, []string{"name"}},
		"escaped name":            {`{"\u006eame":1,"c\u006funt":3}`, thing{Count: 3}, []string{"name"}},
		"given twice":             {`{"name":"a","name":1,"part":{"id":"p"},"part":{"whole":2}}`, thing{Name: "a", Part: part{ID: "p", Whole: 2}}, []string{"name"}},
		"unknown members":         {`{"x":{"a":["}",{}]},"name":1,"":"\\","-":1,"y":[]}`, thing{}, []string{"name"}},
		"anything":                {`{"any":{"a":[1]},"odd":[1],"name":1}`, thing{Any: map[string]any{"a": []any{json.Number("1")}}, Odd: odd{"[1]"}}, []string{"name"}},
		"space":                   {" {\n\"name\" :\t1 , \"list\" : [ { \"id\" : \"p\" } , 1 ] }\r\n", thing{List: []part{{ID: "p"}, {}}}, []string{"name", "list[1]"}},
		"nothing":                 {`{}`, thing{}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := thing{Name: "before"}
			if tt.malformed == nil {
				got = thing{}
			}
			malformed, err := lenient.UnmarshalPartly([]byte(tt.data), &got, false)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.malformed, malformed)
		})
	}
}

func TestUnmarshalPartlyErrors(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("1,", 20000)
	for _, data := range []string{"", " ", "null", "[]", `"x"`, "1", "{", `{"name":1`, `{"name":1}}`, `{"name":1} {}`, `{"list":[` + many, `{"list":[` + many + `1]} x`} {
		_, err := lenient.UnmarshalPartly([]byte(data), &thing{}, false)
		assert.Error(t, err, "%.20s", data)
	}
	_, err := lenient.UnmarshalPartly([]byte(`[]`), &thing{}, false)
	assert.ErrorIs(t, err, lenient.ErrNotObject)
}

// TestUnmarshalPartlyListsTimes: a time decodes anything, so it is looked at on request.
func TestUnmarshalPartlyListsTimes(t *testing.T) {
	t.Parallel()
	var got struct {
		At   []anyTime `json:"at"`
		Name string    `json:"name"`
	}
	const data = `{"at":["now","",null,"never",{}],"name":"n"}`
	malformed, err := lenient.UnmarshalPartly([]byte(data), &got, true)
	require.NoError(t, err)
	assert.Equal(t, []string{"at[3]", "at[4]"}, malformed)
	assert.Equal(t, []anyTime{{true}, {}, {}, {}, {}}, got.At)
	assert.Equal(t, "n", got.Name)

	malformed, err = lenient.UnmarshalPartly([]byte(data), &got, false)
	require.NoError(t, err)
	assert.Empty(t, malformed)
	require.NoError(t, lenient.Unmarshal([]byte(`{"at":[{}],"name":[]}`), &struct {
		At   []anyTime `json:"at"`
		Name struct{}  `json:"name"`
	}{}), "an answer of the API is not refused for a time")
}

type anyTime struct{ now bool }

func (a anyTime) IsZero() bool                     { return !a.now }
func (a *anyTime) UnmarshalJSON(data []byte) error { a.now = string(data) == `"now"`; return nil }

// TestUnmarshalPartlyCutsLists: a list of structs takes at most a multiple of its length in memory.
func TestUnmarshalPartlyCutsLists(t *testing.T) {
	t.Parallel()
	var got struct {
		List  []struct{ A [1000]int64 } `json:"list"`
		Texts []string                  `json:"texts"`
		Name  string                    `json:"name"`
	}
	malformed, err := lenient.UnmarshalPartly([]byte(`{"list":[`+strings.Repeat("{},", 20000)+`{}],"texts":["a"],"name":"n"}`), &got, false)
	require.NoError(t, err)
	require.Len(t, malformed, 2)
	assert.Equal(t, fmt.Sprintf("list[%d]", len(got.List)), malformed[0])
	assert.InDelta(t, 1<<20+16*60000, 8000*len(got.List), 1<<14)
	assert.Equal(t, "n", got.Name)

	whole := `{"list":[` + strings.Repeat(`{"id":"0123456789abcdef01234567"},`, 20000) + `{"id":"last"}]}`
	var uncut thing
	malformed, err = lenient.UnmarshalPartly([]byte(whole), &uncut, false)
	require.NoError(t, err)
	assert.Empty(t, malformed)
	require.Len(t, uncut.List, 20001)
	assert.Equal(t, "last", uncut.List[20000].ID)
}

func TestUnmarshalStrict(t *testing.T) {
	t.Parallel()
	var got any
	require.NoError(t, lenient.UnmarshalStrict([]byte(" {\"n\":1.50} \n"), &got))
	assert.Equal(t, map[string]any{"n": json.Number("1.50")}, got)

	assert.Error(t, lenient.UnmarshalStrict([]byte(`{"part":""}`), &thing{}))
	assert.EqualError(t, lenient.UnmarshalStrict([]byte(`{} x`), &got), "more data after the JSON value")
}

// TestUnmarshalAllocations: what strict decoding accepts costs no more than strict decoding.
func TestUnmarshalAllocations(t *testing.T) {
	data := []byte(`{"name":"a","list":[` + strings.Repeat(`{"id":"p","whole":1},`, 100) + `{}]}`)
	allocations := func(unmarshal func([]byte, any) error) float64 {
		return testing.AllocsPerRun(10, func() { assert.NoError(t, unmarshal(data, &thing{})) })
	}
	strict := allocations(lenient.UnmarshalStrict)
	assert.InDelta(t, strict, allocations(lenient.Unmarshal), 1)
	assert.InDelta(t, strict, allocations(func(data []byte, v any) error {
		_, err := lenient.UnmarshalPartly(data, v, false)
		return err
	}), 1)
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"part":"","count":10.0,"list":["",[],{"inner":[]}],"map":[],"limits":{"a":""}}`))
	f.Add([]byte(`{"part":1,"Count":1.5,"list":[1,{"id":{}}],"map":{"a":[]},"\u006eame":2,"size":-0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var strict, got, partly thing
		strictErr := lenient.UnmarshalStrict(data, &strict)
		err := lenient.Unmarshal(data, &got)
		malformed, partlyErr := lenient.UnmarshalPartly(data, &partly, false)
		var object map[string]json.RawMessage
		isObject := json.Unmarshal(data, &object) == nil && object != nil
		assert.Equal(t, isObject, partlyErr == nil, "every object can be read partly: %v", partlyErr)
		switch {
		case strictErr == nil:
			require.NoError(t, err)
			assert.Equal(t, strict, got)
		case err == nil:
			assert.True(t, json.Valid(data))
		}
		if isObject {
			assert.Equal(t, err == nil, malformed == nil, "%v, %v", err, malformed)
		}
		if isObject && err == nil {
			assert.Equal(t, got, partly)
		}
	})
}
