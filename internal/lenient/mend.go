package lenient

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// mend replaces the values in a decoded tree that [Unmarshal] accepts, but strict decoding into the
// type t does not.
func mend(tree any, t reflect.Type) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return tree
	}
	switch value := tree.(type) {
	case string:
		if value == "" && t.Kind() != reflect.String && t.Kind() != reflect.Interface {
			return nil
		}
	case json.Number:
		return mendNumber(value, t)
	case []any:
		return mendItems(value, t)
	case map[string]any:
		for name := range value {
			if want := memberType(t, name); want != nil {
				value[name] = mend(value[name], want)
			}
		}
	}
	return tree
}

// mendNumber writes a whole number without point and exponent where t is an integer. A float64 is
// exact up to 53 bits.
func mendNumber(n json.Number, t reflect.Type) json.Number {
	integer := t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64
	f, err := n.Float64()
	if !integer || err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return n
	}
	return json.Number(strconv.FormatInt(int64(f), 10))
}

func mendItems(items []any, t reflect.Type) any {
	switch kind := t.Kind(); {
	case kind == reflect.Slice:
		for i := range items {
			items[i] = mend(items[i], t.Elem())
		}
	case kind == reflect.Map && len(items) == 0:
		return map[string]any{}
	case kind == reflect.Struct && len(items) == 0:
		return nil
	}
	return items
}

// memberType is the type that t has for the member name of an object; nil if it has none.
func memberType(t reflect.Type, name string) reflect.Type {
	switch t.Kind() {
	case reflect.Map:
		return t.Elem()
	case reflect.Struct:
		return fieldTypes(t)[name]
	}
	return nil
}

var fieldTypesOf sync.Map // from reflect.Type to map[string]reflect.Type

// fieldTypes returns the types of a struct's fields by the names in their json tags.
func fieldTypes(t reflect.Type) map[string]reflect.Type {
	if fields, ok := fieldTypesOf.Load(t); ok {
		return fields.(map[string]reflect.Type)
	}
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = f.Type
	}
	fieldTypesOf.Store(t, fields)
	return fields
}
