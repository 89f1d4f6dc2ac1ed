package lenient_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/lenient"
)

func TestMembers(t *testing.T) {
	t.Parallel()
	type wanted struct {
		Part  part
		Count int
		Free  any
	}
	tests := map[string]struct {
		data string
		want wanted
	}{
		"all":               {`{"part":{"id":"p"},"count":2,"free":1.0}`, wanted{part{ID: "p"}, 2, json.Number("1.0")}},
		"others skipped":    {`{"a":[{"part":1}],"count":2,"b":{"count":"x"}}`, wanted{Count: 2}},
		"mended":            {`{"part":"","x":1,"count":2.0,"free":[]}`, wanted{Part: part{}, Count: 2, Free: []any{}}},
		"exact name":        {`{"Count":1,"COUNT":2}`, wanted{}},
		"none":              {`{}`, wanted{}},
		"null":              {" null\n", wanted{}},
		"null for a member": {`{"part":null,"count":null}`, wanted{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got wanted
			m := lenient.Members{"part": &got.Part, "count": &got.Count, "free": &got.Free}
			require.NoError(t, m.Unmarshal([]byte(tt.data)))
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestMembersKeepsWhatIsNotThere(t *testing.T) {
	t.Parallel()
	count, p := 7, part{}
	m := lenient.Members{"count": &count, "part": &p}
	require.NoError(t, m.Unmarshal([]byte(`{"part":""}`)))
	assert.Equal(t, 7, count)
}

func TestMembersErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"list":                     `[]`,
		"text":                     `"{}"`,
		"number":                   `1`,
		"type of a member":         `{"count":"x"}`,
		"type beside a mended one": `{"count":1.0,"part":"x"}`,
		"nothing":                  ``,
		"broken off in a member":   `{"count":`,
		"broken off after one":     `{"count":1`,
		"broken off in another":    `{"other":[`,
		"no colon":                 `{"count" 1}`,
		"no name":                  `{1:1}`,
		"second value":             `{"count":1}{}`,
		"second value after null":  `null null`,
		"broken off when mended":   `{"count":1.0,"x":[}`,
		"second value when mended": `{"count":1.0}{}`,
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var count int
			var p part
			assert.Error(t, lenient.Members{"count": &count, "part": &p}.Unmarshal([]byte(data)))
		})
	}
	assert.ErrorIs(t, lenient.Members{}.Unmarshal([]byte(`[]`)), lenient.ErrNotObject)
}

func TestFields(t *testing.T) {
	t.Parallel()
	type form struct {
		Z string          `json:"z"`
		A any             `json:"a"`
		N float64         `json:"n"`
		M map[string]bool `json:"m"`
		E string          `json:"e,omitempty"`
	}
	fields, err := lenient.Fields(form{Z: `"<b>"`, N: 1.5, M: map[string]bool{"<x>": true}})
	require.NoError(t, err)
	want := []lenient.Field{{"z", `"<b>"`}, {"a", ""}, {"n", "1.5"}, {"m", `{"<x>":true}`}}
	assert.Equal(t, want, fields)

	for _, none := range []any{nil, (*form)(nil), map[string]any(nil), struct{}{}} {
		fields, err := lenient.Fields(none)
		require.NoError(t, err)
		assert.Empty(t, fields)
	}
	_, err = lenient.Fields([]int{1})
	assert.ErrorIs(t, err, lenient.ErrNotObject)
	_, err = lenient.Fields(make(chan int))
	assert.Error(t, err)
}
