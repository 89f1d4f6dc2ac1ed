//go:build !goexperiment.jsonv2

package fastjson

import (
	"encoding"
	"encoding/json"
	"reflect"
)

// unmarshalers are the interfaces of types that decode themselves.
var unmarshalers = []reflect.Type{
	reflect.TypeFor[json.Unmarshaler](),
	reflect.TypeFor[encoding.TextUnmarshaler](),
}
