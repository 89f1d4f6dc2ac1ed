//go:build goexperiment.jsonv2

package fastjson_test

import (
	"encoding/json/jsontext"
	"testing"

	"github.com/stretchr/testify/assert"
)

type secondVersion struct{}

func (*secondVersion) UnmarshalJSONFrom(d *jsontext.Decoder) error { return d.SkipValue() }

func TestTypesThatDecodeThemselvesByTheSecondVersion(t *testing.T) {
	t.Parallel()
	assert.False(t, table.Unmarshal([]byte(`{ }`), &secondVersion{}))
}
