// Package lenient encodes and decodes the JSON of a service that is loose about types: it writes ""
// or [] in place of an empty object, and whole numbers as 10.0 or 2.5e3.
package lenient

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
)

// Marshal encodes v like [json.Marshal], except that it leaves <, > and & as they are.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// Unmarshal decodes one JSON value into v, as [UnmarshalStrict] does, but accepts some values of
// another type than v has in their place:
//
//   - "" instead of anything but a string, and [] instead of a struct, are read as null
//   - [] instead of a map is read as {}
//   - a whole number may have a point or an exponent where v has an integer
//
// This holds for fields of structs under the name in their json tag, and not for types that have an
// UnmarshalJSON method but no such fields. It costs nothing until strict decoding fails because of
// a type. Then the values are replaced and everything is decoded again, into *v set to its zero
// value.
//
// A value that would take far more memory than its text, such as a million times {} in a list of
// structs, is an error. What types with an UnmarshalJSON method take is not known.
func Unmarshal(data []byte, v any) error {
	if hasMany(data) {
		if err := validate(data); err != nil {
			return err
		}
		m := meter{room: roomFor(len(data))}
		if err := m.check(data, v); err != nil {
			return err
		}
	}
	return unmarshal(data, v)
}

// unmarshal is Unmarshal for data that takes no more memory than it should.
func unmarshal(data []byte, v any) error {
	err := UnmarshalStrict(data, v)
	if err == nil || !isTypeError(err) {
		return err
	}
	mended, malformed := mend(data, reflect.TypeOf(v), math.MaxInt, false)
	if len(malformed) > 0 {
		return err
	}
	reflect.ValueOf(v).Elem().SetZero()
	return UnmarshalStrict(mended, v)
}

// UnmarshalPartly decodes one JSON object into a struct, as [Unmarshal] does, but leaves members
// zero whose type does not fit the struct, and returns their paths, such as list[0].name: at most
// 100, then "…". Its error says that data is not a JSON object.
//
// A time that cannot be read is listed, too, if oddTime is true or anything else does not fit. Its
// UnmarshalJSON method accepts any JSON, so strict decoding does not notice it.
//
// The memory that it takes is bounded by a multiple of the length of data: lists of structs that
// would take more are cut, with the path of the first item that is left out.
func UnmarshalPartly(data []byte, v any, oddTime bool) (malformed []string, err error) {
	if object := bytes.TrimLeft(data, " \t\r\n"); len(object) == 0 || object[0] != '{' {
		return nil, ErrNotObject
	}
	look, target := oddTime || hasMany(data), v
	if look {
		target = new(json.RawMessage) // only to see whether it is JSON
	}
	if err := UnmarshalStrict(data, target); err == nil && !look || err != nil && !isTypeError(err) {
		return nil, err
	}
	room := 1<<20 + 16*len(data) // no real list comes near that
	mended, malformed := mend(data, reflect.TypeOf(v), room, true)
	reflect.ValueOf(v).Elem().SetZero()
	return malformed, UnmarshalStrict(mended, v)
}

// UnmarshalStrict decodes one JSON value into v like [json.Unmarshal], except that a number becomes
// a [json.Number] where v leaves the type open: an id may have more than 53 bits.
func UnmarshalStrict(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if rest := data[dec.InputOffset():]; len(bytes.TrimLeft(rest, " \t\r\n")) > 0 {
		return errTrailing // json.Decoder would leave it for a further call
	}
	return nil
}

var errTrailing = errors.New("more data after the JSON value")

func isTypeError(err error) bool {
	_, ok := errors.AsType[*json.UnmarshalTypeError](err)
	return ok
}
