// Package fastjson decodes the JSON that a service usually writes, in a third of the time that
// encoding/json takes. It either decodes a value as encoding/json does with UseNumber, or gives up
// and leaves the target as it was. Its user then decodes with encoding/json, from the start.
//
// It gives up on all that is unusual: a name that is repeated, escaped or in another case than the
// field's, text that is not UTF-8, half of a surrogate pair, a value of another type, a number that
// does not fit, more than 100 levels, values that take far more memory than their JSON, and targets
// that are not zero or of types that encoding/json treats in a special way. It accepts only one
// thing that encoding/json refuses: [] in place of a map, which becomes {}.
//
// What it decodes shares no memory with the data, and nothing of the data is kept. The build tag
// smooch_slowjson makes it give up on everything.
package fastjson

import "reflect"

// A Member is a member of an object to decode.
type Member struct {
	Name   string
	Target any // a pointer, as for Unmarshal
}

// Unmarshal decodes one JSON value into v, a pointer to a zero value, and reports whether it did.
// If not, the value is still zero.
func (t *Table) Unmarshal(data []byte, v any) bool {
	if !isZero(v) {
		return false
	}
	s := newScanner(data)
	t.read(s, v)
	return s.succeeded(Member{"", v})
}

// Members decodes members of a JSON object as Unmarshal does, skips the others, and reports whether
// it did. If not, all targets are still zero.
func (t *Table) Members(data []byte, members ...Member) bool {
	for _, m := range members {
		if !isZero(m.Target) {
			return false
		}
	}
	s := newScanner(data)
	var seen uint64
	for more := s.open('{', '}'); more; more = s.more('}') {
		name := s.name()
		i := 0
		for i < len(members) && members[i].Name != string(name) {
			i++
		}
		if i == len(members) {
			s.skip()
		} else if s.once(&seen, i) {
			t.read(s, members[i].Target)
		}
	}
	return s.succeeded(members...)
}

// isZero reports whether v points to a zero value, and the package is not turned off.
func isZero(v any) bool {
	pointer := reflect.ValueOf(v)
	return !off && pointer.Kind() == reflect.Pointer && !pointer.IsNil() && pointer.Elem().IsZero()
}

// Text returns the text of a member of a JSON object and reports whether it found one. It reads no
// further than that.
func Text(data []byte, name string) (string, bool) {
	s := scanner{data: data}
	for more := s.open('{', '}'); more; more = s.more('}') {
		if string(s.name()) == name {
			text, _ := s.quoted()
			return string(text), !s.failed
		}
		s.skip()
	}
	return "", false
}
