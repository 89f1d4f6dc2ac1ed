package lenient

import (
	"bytes"
	"errors"
	"reflect"
	"unicode/utf8"
)

// errTooMuch is the error of a value that would take far more memory than its text.
var errTooMuch = errors.New("its values would take far more memory than its text")

// manyValues is the number of commas and brackets from which a body is checked before it is
// decoded. Fewer values take some megabytes at most, and a page of a list has fewer.
const manyValues = 1 << 13

// hasMany reports whether data may have so many values, or bytes that are not UTF-8, that it takes
// far more memory when it is decoded.
func hasMany(data []byte) bool {
	if len(data) > 1<<20 && !utf8.Valid(data) {
		return true
	}
	count := 0
	for _, mark := range []string{",", "{", "["} {
		if len(data) > 2*manyValues {
			count += bytes.Count(data, []byte(mark))
		}
	}
	return count > manyValues
}

// A meter adds up what decoded values take in memory, roughly.
type meter struct {
	reader
	room int // how many bytes they may still take
}

// roomFor returns how many bytes values may take that are decoded from size bytes. Messages take
// about 4 times their text. Some items take 20 times theirs, such as an integration without a name,
// but no real list has more than 10,000 of them.
func roomFor(size int) int { return 16<<20 + 2*size }

const (
	mapSize  = 48 // bytes of an empty map
	mapGroup = 8  // members that a map has room for at first
	boxSize  = 16 // bytes of a string, number or map in an interface
)

// check returns an error if decoding data, which is valid JSON, into v takes more than the room
// that is left.
func (m *meter) check(data []byte, v any) error {
	m.in = data
	if m.value(reflect.TypeOf(v)); m.room < 0 {
		return errTooMuch
	}
	return nil
}

// value reads a value and counts what decoding it into t takes beyond t itself. Once there is no
// room left, it stops at any place.
func (m *meter) value(t reflect.Type) {
	m.space()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
		if m.in[0] != 'n' {
			m.room -= int(t.Size())
		}
	}
	first, kind := m.in[0], t.Kind()
	open := kind == reflect.Interface
	hasMethod := reflect.PointerTo(t).Implements(unmarshalerType)
	switch {
	case hasMethod && !isStruct(t):
		m.room -= boxSize + len(m.skip())
	case first == '{' && open:
		m.members(anyMap)
	case first == '{' && kind == reflect.Map:
		m.members(t)
	case first == '{' && kind == reflect.Struct:
		m.members(t)
	case first == '[' && open:
		m.room -= boxSize + 8
		m.items(t)
	case first == '[' && (kind == reflect.Slice || kind == reflect.Array):
		m.items(t.Elem())
	case open:
		m.room -= boxSize
		m.text(m.skip())
	case first == '"' && kind == reflect.String:
		m.text(m.skip())
	default:
		m.skip()
	}
}

var anyMap = reflect.TypeFor[map[string]any]()

// members reads an object.
func (m *meter) members(t reflect.Type) {
	isMap, slot := t.Kind() == reflect.Map, 0
	if isMap {
		m.room -= mapSize
		slot = int(t.Key().Size() + t.Elem().Size())
	}
	i := 0
	for more := m.open('}'); more; more = m.more('}') {
		name := m.skip()
		m.colon()
		if isMap {
			m.text(name)
		}
		switch {
		case isMap && i == 0:
			m.room -= mapGroup * slot
		case isMap && i >= mapGroup:
			m.room -= 2 * slot // half of a map that grows is empty
		}
		if _, want := memberOf(t, name); want != nil {
			m.value(want)
		} else {
			m.skip()
		}
		if m.room < 0 {
			return
		}
		i++
	}
}

// text counts a text, of which a byte that is not UTF-8 becomes the three of U+FFFD.
func (m *meter) text(s []byte) {
	m.room -= len(s)
	if !utf8.Valid(s) {
		m.room -= 2 * len(s)
	}
}

// items reads a list.
func (m *meter) items(t reflect.Type) {
	for more := m.open(']'); more; more = m.more(']') {
		m.room -= int(t.Size())
		m.value(t)
		if m.room < 0 {
			return
		}
	}
}
