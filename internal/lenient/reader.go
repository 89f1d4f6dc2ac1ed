package lenient

import (
	"bytes"
	"encoding/json"
	"strings"
)

// A reader reads JSON without copying it.
type reader struct {
	in []byte // what is still to read: valid JSON
}

// validate returns an error if data is not one JSON value.
func validate(data []byte) error { return json.Unmarshal(data, &ignored{}) }

// ignored is decoded from any value.
type ignored struct{}

func (*ignored) UnmarshalJSON([]byte) error { return nil }

// Each calls visit for each member of an object, or without a name for each item of a list, and for
// nothing of any other value. data must be valid JSON. It is not copied, but for escaped text.
func Each(data []byte, visit func(name, value []byte)) {
	r := reader{data}
	r.space()
	switch r.in[0] {
	case '{':
		for more := r.open('}'); more; more = r.more('}') {
			name := unquote(r.skip())
			r.colon()
			visit(name, r.skip())
		}
	case '[':
		for more := r.open(']'); more; more = r.more(']') {
			visit(nil, r.skip())
		}
	}
}

// open reads the beginning of an object or list, and reports whether it has anything in it.
func (r *reader) open(end byte) bool {
	r.in = r.in[1:]
	r.space()
	return !r.closes(end)
}

// more reads what follows a value in an object or list, and reports whether another value follows.
func (r *reader) more(end byte) bool {
	r.space()
	if r.closes(end) {
		return false
	}
	r.in = r.in[1:] // the comma
	r.space()
	return true
}

// closes reads end if it is next, and reports whether it was.
func (r *reader) closes(end byte) bool {
	if r.in[0] != end {
		return false
	}
	r.in = r.in[1:]
	return true
}

// colon reads what stands between a name and its value.
func (r *reader) colon() {
	r.space()
	r.in = r.in[1:]
	r.space()
}

func (r *reader) space() {
	for len(r.in) > 0 && (r.in[0] == ' ' || r.in[0] == '\n' || r.in[0] == '\t' || r.in[0] == '\r') {
		r.in = r.in[1:]
	}
}

// skip reads a value and returns it.
func (r *reader) skip() []byte {
	depth, i := 0, 0
	for {
		switch r.in[i] {
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case '"':
			i += stringLength(r.in[i:])
		case ' ', '\t', '\r', '\n', ',', ':':
			i++
		default:
			for i < len(r.in) && strings.IndexByte(",:]} \t\r\n", r.in[i]) < 0 {
				i++
			}
		}
		if depth == 0 {
			value := r.in[:i]
			r.in = r.in[i:]
			return value
		}
	}
}

// stringLength returns the length of the string that data begins with, with its quotes.
func stringLength(data []byte) int {
	for i := 1; ; i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// Text returns the text of a JSON string, which has to be valid, and nil for any other value.
func Text(data []byte) []byte {
	if len(data) == 0 || data[0] != '"' {
		return nil
	}
	return unquote(data)
}

// unquote returns the text of a string in quotes.
func unquote(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var text string
	_ = json.Unmarshal(quoted, &text) // cannot fail: it is valid JSON
	return []byte(text)
}
