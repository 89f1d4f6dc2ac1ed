package lenient

import (
	"bytes"
	"reflect"
	"strings"
	"sync"
	"unicode"
)

// A structType is what JSON a struct is decoded from.
type structType struct {
	fields map[string]reflect.Type // by name
	folded map[string]string       // from names without case to names
	tagged bool                    // a field has a json tag
}

// memberOf returns the name and the type that t has for a member of an object, by its name in
// quotes; a nil type if it has none. A member that differs only in case counts, as in
// encoding/json. All members of a map have the name "*", as their names may be what users wrote.
func memberOf(t reflect.Type, quoted []byte) (string, reflect.Type) {
	if t.Kind() == reflect.Map {
		return "*", t.Elem()
	}
	s, name := structOf(t), unquote(quoted)
	if want := s.fields[string(name)]; want != nil {
		return string(name), want
	}
	field := s.folded[string(bytes.Map(fold, name))]
	return field, s.fields[field]
}

// fold returns the first of the runes that differ from r in case only.
func fold(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}

var structTypes sync.Map // from reflect.Type to structType

// structOf returns the fields of a struct that JSON is decoded into.
func structOf(t reflect.Type) structType {
	if s, ok := structTypes.Load(t); ok {
		return s.(structType)
	}
	s := structType{fields: map[string]reflect.Type{}, folded: map[string]string{}}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
			continue
		case name != "":
			s.tagged = true
		case f.Anonymous || !f.IsExported():
			continue
		default:
			name = f.Name
		}
		s.fields[name] = f.Type
		s.folded[strings.Map(fold, name)] = name
	}
	structTypes.Store(t, s)
	return s
}
