package smoochtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
)

// object is a JSON object.
type object = map[string]any

// encode encodes a value that holds nothing but JSON.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(buf.Bytes())
}

// copyJSON returns a copy of an object that shares nothing with it, as if it had been sent over
// the wire.
func copyJSON(o map[string]any) (object, error) {
	if o == nil {
		return object{}, nil
	}
	data, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	copied, err := decodeJSON(data)
	if err != nil {
		return nil, err
	}
	return copied.(object), nil
}

// decodeJSON decodes one JSON value, whose numbers keep their digits.
func decodeJSON(data []byte) (any, error) {
	var value any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("more than one value")
	}
	return value, nil
}

// pick returns an object with those of the named fields that from has.
func pick(from object, names ...string) object {
	to := object{}
	for _, name := range names {
		if v, given := from[name]; given {
			to[name] = v
		}
	}
	return to
}

// merge sets the named fields of to that update has. null removes a field.
func merge(to, update object, names ...string) {
	for name, value := range pick(update, names...) {
		if value == nil {
			delete(to, name)
		} else {
			to[name] = value
		}
	}
}

// mergeGiven sets the named fields of to that update has. null changes nothing.
func mergeGiven(to, update object, names ...string) {
	for name, value := range pick(update, names...) {
		if value != nil {
			to[name] = value
		}
	}
}

// union returns a new object with the fields of both. Those of b replace those of a.
func union(a, b object) object {
	o := object{}
	maps.Copy(o, a)
	maps.Copy(o, b)
	return o
}

// byID returns the object with the id, or nil.
func byID(list []object, id string) object {
	for _, o := range list {
		if o["_id"] == id {
			return o
		}
	}
	return nil
}

// without returns a new list that lacks the object with the id.
func without(list []object, id string) []object {
	kept := []object{}
	for _, o := range list {
		if o["_id"] != id {
			kept = append(kept, o)
		}
	}
	return kept
}

// notNull returns a list that is never null in JSON.
func notNull(list []object) []object {
	if list == nil {
		return []object{}
	}
	return list
}

// requireFlat refuses a field of the body that is not an object of plain values.
func requireFlat(body object, name string) *reply { return requireFlatPart(part{"", body}, name) }

// requireFlatPart does the same for a member of a part of the body.
func requireFlatPart(p part, name string) *reply {
	value, given := p.object()[name]
	if !given || value == nil {
		return nil
	}
	fields, isObject := value.(object)
	if !isObject {
		return p.refuse(name, "must be an object")
	}
	for _, key := range sortedKeys(fields) {
		switch fields[key].(type) {
		case object, []any:
			return p.refuse(name+"."+key, "must be a string, a number or a boolean")
		}
	}
	return nil
}

// sortedKeys returns the names of an object's members in order, so that of several problems it is
// always the same one that is described.
func sortedKeys(o object) []string { return slices.Sorted(maps.Keys(o)) }

// wholeNumber returns a value as a whole number, or fallback if it is none.
func wholeNumber(value any, fallback int) int {
	number, _ := value.(json.Number)
	n, err := strconv.Atoi(string(number))
	if err != nil {
		return fallback
	}
	return n
}
