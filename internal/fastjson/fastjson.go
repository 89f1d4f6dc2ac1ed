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
// What it decodes shares no memory with the data, and nothing of the data is kept.
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
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() || !target.Elem().IsZero() {
		return false
	}
	target = target.Elem()
	s := newScanner(data)
	if t.planOf(target.Type()).read(s, target); s.succeeded() {
		return true
	}
	target.SetZero()
	return false
}

// Members decodes members of a JSON object, skips the others, and reports whether it did. If not,
// all targets are as they were. A target that is not zero must be a bool, number or string; it
// keeps its value if the member is missing or null.
func (t *Table) Members(data []byte, members ...Member) bool {
	type state struct {
		target, before reflect.Value // before is valid if the target was not zero
		read           bool
	}
	var few [4]state
	states := few[:0]
	for _, m := range members {
		target := reflect.ValueOf(m.Target)
		if target.Kind() != reflect.Pointer || target.IsNil() {
			return false
		}
		st := state{target: target.Elem()}
		if !st.target.IsZero() {
			if kind := st.target.Kind(); kind > reflect.Float64 && kind != reflect.String {
				return false
			}
			st.before = reflect.New(st.target.Type()).Elem()
			st.before.Set(st.target)
		}
		states = append(states, st)
	}
	s := newScanner(data)
next:
	for more := s.open('{', '}'); more; more = s.more('}') {
		name := s.name()
		for i := range states {
			if st := &states[i]; members[i].Name == string(name) {
				if st.read {
					s.giveUp()
				}
				st.read = true
				t.planOf(st.target.Type()).read(s, st.target)
				continue next
			}
		}
		s.skip()
	}
	if s.succeeded() {
		return true
	}
	for _, st := range states {
		if st.before.IsValid() {
			st.target.Set(st.before)
		} else {
			st.target.SetZero()
		}
	}
	return false
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
