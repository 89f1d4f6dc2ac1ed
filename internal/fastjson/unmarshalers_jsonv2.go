//go:build goexperiment.jsonv2

package fastjson

import (
	"encoding"
	"encoding/json"
	jsonv2 "encoding/json/v2"
	"reflect"
)

// unmarshalers are the interfaces of types that decode themselves.
var unmarshalers = []reflect.Type{
	reflect.TypeFor[json.Unmarshaler](),
	reflect.TypeFor[encoding.TextUnmarshaler](),
	reflect.TypeFor[jsonv2.UnmarshalerFrom](),
}
