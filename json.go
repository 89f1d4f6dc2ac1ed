package smooch

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// encodeJSON encodes a request body. HTML characters stay as they are: the API shows them to people.
func encodeJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// decodeJSON decodes one JSON value into v. Numbers in free-form objects become
// json.Number, as channels send ids beyond 53 bits.
//
// The API writes null, "" or [] where an object is empty, and JSON has no whole numbers: 10.0 is one too. Those
// are rare, so they cost nothing until plain decoding meets one; then they are mended and all is decoded again.
func decodeJSON(data []byte, v any) error {
	err := decodeStrict(data, v)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
		return err
	}
	var tree any
	if decodeStrict(data, &tree) != nil {
		return err
	}
	tree, keep := mend(tree, reflect.TypeOf(v))
	if !keep {
		tree = nil
	}
	cleaned, encodeErr := encodeJSON(tree)
	if encodeErr != nil {
		return err
	}
	reflect.ValueOf(v).Elem().SetZero()
	return decodeStrict(cleaned, v)
}

var errTrailingData = errors.New("more data after the JSON value")

func newDecoder(data []byte) *json.Decoder {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec
}

func decodeStrict(data []byte, v any) error {
	dec := newDecoder(data)
	if err := dec.Decode(v); err != nil {
		return err
	}
	return atEnd(dec, data)
}

// atEnd looks at what follows the value; json.Decoder would not.
func atEnd(dec *json.Decoder, data []byte) error {
	if rest := data[dec.InputOffset():]; len(bytes.TrimLeft(rest, " \t\r\n")) > 0 {
		return errTrailingData
	}
	return nil
}

// members decodes an object, each named member into its target; others are skipped. null
// is an object without members. The object is read once, as it comes.
type members []member

type member struct {
	name   string
	target any
}

func (m members) target(name string) (target any, wanted bool) {
	for i := range m {
		if m[i].name == name {
			return m[i].target, true
		}
	}
	return nil, false
}

var errNotObject = errors.New("not a JSON object")

func (m members) decode(data []byte) error {
	err := m.decodeStrict(data)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
		return err
	}
	var object map[string]json.RawMessage
	if decodeStrict(data, &object) != nil {
		return err
	}
	for _, member := range m {
		if value, ok := object[member.name]; ok {
			if err := decodeJSON(value, member.target); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m members) decodeStrict(data []byte) error {
	dec := newDecoder(data)
	switch token, err := dec.Token(); {
	case err != nil:
		return err
	case token == nil:
		return atEnd(dec, data)
	case token != json.Delim('{'):
		return errNotObject
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		target, wanted := m.target(name.(string))
		if !wanted {
			target = new(json.RawMessage)
		}
		if err := dec.Decode(target); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	return atEnd(dec, data)
}

// mend takes out of tree each "" and [] that stands where t has an object; an empty array in place of a map
// is an empty map. Whole numbers are written without a point. keep is false for a value to leave out.
func mend(tree any, t reflect.Type) (kept any, keep bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return tree, true
	}
	switch value := tree.(type) {
	case string:
		return tree, value != "" || t.Kind() == reflect.String || t.Kind() == reflect.Interface
	case json.Number:
		if f, err := value.Float64(); err == nil && isWhole(t) && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return json.Number(strconv.FormatInt(int64(f), 10)), true
		}
	case []any:
		return mendItems(value, t)
	case map[string]any:
		mendMembers(value, t)
	}
	return tree, true
}

func isWhole(t reflect.Type) bool { return t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64 }

func mendItems(items []any, t reflect.Type) (kept any, keep bool) {
	switch t.Kind() {
	case reflect.Slice:
		for i := range items {
			if kept, keep := mend(items[i], t.Elem()); keep {
				items[i] = kept
			} else {
				items[i] = nil
			}
		}
	case reflect.Map:
		if len(items) == 0 {
			return map[string]any{}, true
		}
	case reflect.Struct:
		return items, len(items) > 0
	}
	return items, true
}

func mendMembers(object map[string]any, t reflect.Type) {
	var fields map[string]reflect.Type
	if t.Kind() == reflect.Struct {
		fields = fieldTypes(t)
	}
	for name, value := range object {
		fieldType, ok := fields[name]
		if t.Kind() == reflect.Map {
			fieldType, ok = t.Elem(), true
		}
		if ok {
			if kept, keep := mend(value, fieldType); keep {
				object[name] = kept
			} else {
				delete(object, name)
			}
		}
	}
}

var fieldTypesOf sync.Map // of map[string]reflect.Type by reflect.Type

// fieldTypes are the types of a struct's fields by their JSON name.
func fieldTypes(t reflect.Type) map[string]reflect.Type {
	if fields, known := fieldTypesOf.Load(t); known {
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
