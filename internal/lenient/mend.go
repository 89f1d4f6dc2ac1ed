package lenient

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
)

const (
	maxMalformed = 100 // paths in a list
	maxPath      = 200 // bytes of a path
	methodSize   = 512 // bytes that a call of UnmarshalJSON takes, roughly
)

// A mender rewrites JSON so that strict decoding accepts it, in one pass and without a tree of its
// values. Members that the type does not have are left out.
type mender struct {
	reader
	out       []byte
	path      []byte // of the current value
	malformed []string
	room      int  // how many bytes the decoded structs may still take
	times     bool // whether a time that cannot be read is refused
}

// mend rewrites data, which must begin with valid JSON, for decoding into the type t. Values that
// do not fit, and that [Unmarshal] does not accept in another way, become null, and their paths are
// returned: at most maxMalformed, then "…".
//
// A list whose structs would take more than room bytes is cut, with the path of its first item that
// is left out.
//
// With times, a time that its type decodes to zero is listed, too.
func mend(data []byte, t reflect.Type, room int, times bool) (mended []byte, malformed []string) {
	m := mender{reader: reader{data}, times: times, out: make([]byte, 0, len(data)), room: room}
	m.value(t)
	return append(m.out, m.in...), m.malformed // what follows the value is an error when it is decoded
}

// value reads a value and writes what strict decoding into t accepts.
func (m *mender) value(t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
		m.room -= int(t.Size())
	}
	m.space()
	hasMethod := reflect.PointerTo(t).Implements(unmarshalerType)
	switch first, kind := m.in[0], t.Kind(); {
	case kind == reflect.Interface || hasMethod && !isStruct(t):
		text := m.skip()
		if m.times && hasMethod && isOddTime(text, t) {
			m.refuse()
		}
		m.out = append(m.out, text...)
	case first == '{' && (kind == reflect.Struct || kind == reflect.Map):
		if hasMethod {
			m.room -= methodSize
		}
		m.object(t)
	case first == '[' && (kind == reflect.Slice || kind == reflect.Array):
		m.list(t.Elem())
	default:
		fitting := fit(m.skip(), t)
		if fitting == nil {
			fitting = null
			m.refuse()
		}
		m.out = append(m.out, fitting...)
	}
}

var (
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
	null            = []byte("null")
)

// isOddTime reports whether t decodes a value, which is not empty, to a time that is zero. It does
// so without an error, so strict decoding does not tell.
func isOddTime(text []byte, t reflect.Type) bool {
	if string(text) == "null" || string(text) == `""` {
		return false
	}
	time, ok := reflect.New(t).Interface().(interface {
		json.Unmarshaler
		IsZero() bool
	})
	return ok && (time.UnmarshalJSON(text) != nil || time.IsZero())
}

// isStruct reports whether t is a struct with json tags. If it has an UnmarshalJSON method, that is
// assumed to decode the members that the tags name; the method of any other type is assumed to
// accept any JSON.
func isStruct(t reflect.Type) bool { return t.Kind() == reflect.Struct && structOf(t).tagged }

// fit returns what strict decoding into t accepts in place of a value: the value itself if
// possible, and nil if it accepts nothing. The value is not an object where t is a struct or map,
// nor a list where t is a slice.
func fit(text []byte, t reflect.Type) []byte {
	kind := t.Kind()
	fits := false
	switch text[0] {
	case 'n':
		fits = true
	case 't', 'f':
		fits = kind == reflect.Bool
	case '"':
		if fits = kind == reflect.String; !fits && len(text) == 2 {
			return null
		}
	case '[':
		if empty := len(bytes.TrimSpace(text[1:len(text)-1])) == 0; empty && kind == reflect.Struct {
			return null
		} else if empty && kind == reflect.Map {
			return []byte("{}")
		}
	case '{':
	default:
		return fitNumber(text, t)
	}
	if !fits {
		return nil
	}
	return text
}

// fitNumber writes a whole number without point and exponent where t is an integer. A float64 is
// exact up to 53 bits.
func fitNumber(text []byte, t reflect.Type) []byte {
	number := string(text)
	switch kind := t.Kind(); {
	case kind == reflect.Float32 || kind == reflect.Float64:
		if _, err := strconv.ParseFloat(number, t.Bits()); err != nil {
			return nil
		}
		return text
	case kind < reflect.Int || kind > reflect.Uintptr:
		return nil
	}
	if f, err := strconv.ParseFloat(number, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		number = strconv.FormatInt(int64(f), 10)
	}
	if t.Kind() <= reflect.Int64 {
		if n, err := strconv.ParseInt(number, 10, 64); err != nil || t.OverflowInt(n) {
			return nil
		}
	} else if n, err := strconv.ParseUint(number, 10, 64); err != nil || t.OverflowUint(n) {
		return nil
	}
	return []byte(number)
}

// object reads an object and writes the members that t has, which is a struct or map.
func (m *mender) object(t reflect.Type) {
	length := len(m.path)
	m.out = append(m.out, '{')
	for more := m.open('}'); more; more = m.more('}') {
		quoted := m.skip()
		m.colon()
		name, want := memberOf(t, quoted)
		if want == nil {
			m.skip()
			continue
		}
		if length > 0 {
			m.path = append(m.path, '.')
		}
		m.path = append(m.path, name...)
		m.separate('{')
		m.out = append(append(m.out, quoted...), ':')
		m.value(want)
		m.path = m.path[:length]
	}
	m.out = append(m.out, '}')
}

// list reads a list of items of the type t and writes those for which there is room.
func (m *mender) list(t reflect.Type) {
	length, cut := len(m.path), false
	m.out = append(m.out, '[')
	i := 0
	for more := m.open(']'); more; more = m.more(']') {
		m.path = append(strconv.AppendInt(append(m.path, '['), int64(i), 10), ']')
		if m.room -= int(t.Size()); m.room >= 0 {
			m.separate('[')
			m.value(t)
		} else {
			if m.skip(); !cut {
				m.refuse()
			}
			cut = true
		}
		m.path = m.path[:length]
		i++
	}
	m.out = append(m.out, ']')
}

// refuse lists the path of the current value.
func (m *mender) refuse() {
	switch n := len(m.malformed); {
	case n == maxMalformed:
		m.malformed = append(m.malformed, "…")
	case n < maxMalformed && len(m.path) > maxPath:
		m.malformed = append(m.malformed, string(m.path[:maxPath])+"…")
	case n < maxMalformed:
		m.malformed = append(m.malformed, string(m.path))
	}
}

// separate writes a comma, unless the value that is written next is the first after open.
func (m *mender) separate(open byte) {
	if m.out[len(m.out)-1] != open {
		m.out = append(m.out, ',')
	}
}
