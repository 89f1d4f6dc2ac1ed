package lenient

import (
	"bytes"
	"encoding/json"
	"errors"
)

// ErrNotObject is the error of a JSON value that should be an object or null and is neither.
var ErrNotObject = errors.New("not a JSON object")

// Members holds, by name, pointers to what members of an object are decoded into.
type Members map[string]any

// Unmarshal decodes one JSON object, each member that m names as the function [Unmarshal] does, and
// skips the others. null is an object without members. The object is read once, as it comes, unless
// it has many values or strict decoding of a member fails because of a type.
func (m Members) Unmarshal(data []byte) error {
	if hasMany(data) {
		meter := meter{room: roomFor(len(data))}
		err := m.visit(data, func(value []byte, target any) error { return meter.check(value, target) })
		if err != nil {
			return err
		}
		return m.visit(data, unmarshal)
	}
	var skipped ignored
	err := walk(data, func(name string, dec *json.Decoder) error {
		if target, ok := m[name]; ok {
			return dec.Decode(target)
		}
		return dec.Decode(&skipped)
	})
	if !isTypeError(err) {
		return err
	}
	return m.visit(data, unmarshal)
}

// visit calls f for each member of an object, or of null, that m names.
func (m Members) visit(data []byte, f func(value []byte, target any) error) error {
	if err := validate(data); err != nil {
		return err
	}
	r := reader{data}
	r.space()
	switch r.in[0] {
	case 'n':
		return nil
	case '{':
	default:
		return ErrNotObject
	}
	for more := r.open('}'); more; more = r.more('}') {
		target := m[string(unquote(r.skip()))]
		r.colon()
		if value := r.skip(); target != nil {
			if err := f(value, target); err != nil {
				return err
			}
		}
	}
	return nil
}

// A Field is a member of an object, its value as text.
type Field struct{ Name, Value string }

// Fields encodes v and returns the members of the object in their order. A string is the text that
// it holds, null is "", and any other value is its JSON. If v is encoded as null, there are none.
func Fields(v any) ([]Field, error) {
	data, err := Marshal(v)
	if err != nil {
		return nil, err
	}
	var fields []Field
	err = walk(data, func(name string, dec *json.Decoder) error {
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		fields = append(fields, Field{name, text})
		return nil
	})
	return fields, err
}

// walk reads one object, or null, and calls visit for each member to decode its value from dec.
func walk(data []byte, visit func(name string, dec *json.Decoder) error) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	token, err := dec.Token()
	switch {
	case err != nil:
		return err
	case token != nil && token != json.Delim('{'):
		return ErrNotObject
	}
	for token != nil && dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		if err := visit(name.(string), dec); err != nil {
			return err
		}
	}
	if token != nil {
		if _, err := dec.Token(); err != nil {
			return err
		}
	}
	if rest := data[dec.InputOffset():]; len(bytes.TrimLeft(rest, " \t\r\n")) > 0 {
		return errTrailing
	}
	return nil
}
