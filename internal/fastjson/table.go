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

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxFields is the number of fields that a struct can have: a bit of two words for each.
const maxFields = 128

// plainLetters are the characters of names in tags. With others, it depends on its version what
// encoding/json makes of a tag.
const plainLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

// A Table holds how to decode types. It learns each type when it is first met.
type Table struct {
	specials map[reflect.Type]Special
	plans    sync.Map // of *plan, by reflect.Type
}

// A reader reads the value that comes next into v, which is zero.
type reader func(s *scanner, v reflect.Value)

// A plan is how to read a type.
type plan struct {
	read      reader
	isText    bool // a string, which most values are: not worth the call of read
	readsNull bool // read also reads null, which leaves any other type as it is
}

// into reads the value that comes next into v.
func (p *plan) into(s *scanner, v reflect.Value) {
	switch {
	case !p.readsNull && s.null():
	case p.isText:
		v.SetString(s.string())
	default:
		p.read(s, v)
	}
}

// A Special says how to decode a type that has an UnmarshalJSON method.
type Special struct {
	of     reflect.Type
	byTags bool // its fields are decoded before
	decode func(v reflect.Value, data []byte) bool
}

// With returns a Special that calls decode for each T, with its JSON. If decode returns false, the
// Table gives up. decode must not keep the JSON.
func With[T any](decode func(v *T, data []byte) bool) Special {
	return Special{of: reflect.TypeFor[T](), decode: func(v reflect.Value, data []byte) bool {
		return decode(v.Addr().Interface().(*T), data)
	}}
}

// ThenWith returns a Special that decodes each T, which is a struct, as if it had no methods, and
// then calls finish, like the function of [With]. null leaves a T as it is.
func ThenWith[T any](finish func(v *T, data []byte) bool) Special {
	s := With(finish)
	s.byTags = true
	return s
}

// NewTable returns a Table that knows some types with an UnmarshalJSON method. It gives up on all
// others that have one.
func NewTable(specials ...Special) *Table {
	t := &Table{specials: map[reflect.Type]Special{}}
	for _, special := range specials {
		t.specials[special.of] = special
	}
	return t
}

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
	if slices.ContainsFunc(members, func(m Member) bool { return !isZero(m.Target) }) {
		return false
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

// read reads the value that comes next into what v points to.
func (t *Table) read(s *scanner, v any) {
	target := reflect.ValueOf(v).Elem()
	known, ok := t.plans.Load(target.Type())
	if !ok {
		made := map[reflect.Type]*plan{}
		known = t.plan(target.Type(), made)
		for of, p := range made { // only when all of them are complete
			t.plans.Store(of, p)
		}
	}
	known.(*plan).into(s, target)
}

// plan returns the plan of a type from made, and adds it if necessary. It chooses by the exact type
// before the kind: other types of the kind may have methods, and a struct in which a type with
// methods is embedded has them, too.
func (t *Table) plan(of reflect.Type, made map[reflect.Type]*plan) *plan {
	if p := made[of]; p != nil {
		return p
	}
	p := &plan{}
	made[of] = p // before its parts, as it may be one of them
	special, isSpecial := t.specials[of]
	switch kind := of.Kind(); {
	case isSpecial && special.byTags:
		p.read = special.finish(t.structReader(of, made), methodSize)
	case isSpecial:
		skip := func(s *scanner, _ reflect.Value) { s.skip() }
		p.read, p.readsNull = special.finish(skip, itemSize), true
	case of == reflect.TypeFor[json.RawMessage]():
		p.read, p.readsNull = readRaw, true
	case of == reflect.TypeFor[any]():
		p.read = func(s *scanner, v reflect.Value) { *v.Addr().Interface().(*any) = s.any() }
	case of == reflect.TypeFor[map[string]any]():
		p.read = readMap
	case of == reflect.TypeFor[json.Number](), slices.ContainsFunc(unmarshalers, reflect.PointerTo(of).Implements):
		p.read, p.readsNull = refuse, true
	case kind == reflect.String:
		p.isText = true
	case kind == reflect.Bool:
		p.read = func(s *scanner, v reflect.Value) { v.SetBool(s.boolean()) }
	case reflect.Int <= kind && kind <= reflect.Int64:
		p.read = readInt
	case kind == reflect.Float64:
		p.read = readFloat
	case kind == reflect.Struct:
		p.read = t.structReader(of, made)
	case kind == reflect.Slice && of.Elem().Kind() != reflect.Uint8: // which would be base64
		p.read = listReader(of, t.plan(of.Elem(), made))
	case kind == reflect.Pointer && of.Elem().Kind() != reflect.Pointer:
		p.read, p.readsNull = pointerReader(of.Elem(), t.plan(of.Elem(), made)), true
	default:
		p.read = refuse
	}
	return p
}

// refuse is the reader of types that cannot be decoded.
func refuse(s *scanner, _ reflect.Value) { s.giveUp() }

func readRaw(s *scanner, v reflect.Value) {
	s.take(itemSize)
	v.SetBytes(bytes.Clone(s.skip()))
}

func readMap(s *scanner, v reflect.Value) {
	into := v.Addr().Interface().(*map[string]any)
	if s.peek() != '[' {
		*into = s.object()
	} else if s.open('[', ']') {
		s.giveUp()
	} else {
		*into = map[string]any{}
	}
}

func readInt(s *scanner, v reflect.Value) {
	n, err := strconv.ParseInt(string(s.number()), 10, v.Type().Bits())
	if v.SetInt(n); err != nil {
		s.giveUp()
	}
}

func readFloat(s *scanner, v reflect.Value) {
	f, err := strconv.ParseFloat(string(s.number()), 64)
	if v.SetFloat(f); err != nil {
		s.giveUp()
	}
}

// finish returns a reader that calls the function of a Special after read.
func (special Special) finish(read reader, size int) reader {
	return func(s *scanner, v reflect.Value) {
		s.take(size)
		s.peek()
		start := s.pos
		if read(s, v); !s.failed && !special.decode(v, s.data[start:s.pos]) {
			s.giveUp()
		}
	}
}

func pointerReader(to reflect.Type, p *plan) reader {
	return func(s *scanner, v reflect.Value) {
		s.take(int(to.Size())) // also for null, as package lenient does
		if s.null() {
			return
		}
		pointer := reflect.New(to)
		p.into(s, pointer.Elem())
		v.Set(pointer)
	}
}

func listReader(of reflect.Type, item *plan) reader {
	size := int(of.Elem().Size())
	return func(s *scanner, v reflect.Value) {
		n, start := 0, s.pos
		for more := s.open('[', ']'); more; more = s.more(']') {
			if n == v.Cap() {
				further := s.further(n, start)
				if s.take(further * size); s.failed {
					return
				}
				v.Grow(further)
			}
			v.SetLen(n + 1)
			item.into(s, v.Index(n))
			n++
		}
		if n == 0 {
			v.Set(reflect.MakeSlice(of, 0, 0))
		}
	}
}

// A field is a field of a struct that can be read.
type field struct {
	name string
	at   int   // its index in the struct
	then []int // its index in structs embedded there
	*plan
}

// structReader returns a reader that finds the fields of a struct by their names in a hash table.
func (t *Table) structReader(of reflect.Type, made map[reflect.Type]*plan) reader {
	fields, ok := t.fields(of, nil, made)
	if !ok {
		return refuse
	}
	const slots = 4 * maxFields
	table := new([slots]uint8) // the number of the field, from 1 on; the next slot if it is taken
	for i, f := range fields {
		slot := hash(f.name) % slots
		for table[slot] != 0 {
			if fields[table[slot]-1].name == f.name {
				return refuse // encoding/json has rules for which of them counts
			}
			slot = (slot + 1) % slots
		}
		table[slot] = uint8(i + 1)
	}
	return func(s *scanner, v reflect.Value) {
		var seen [maxFields / 64]uint64
		for more := s.open('{', '}'); more; more = s.more('}') {
			name := s.name()
			slot := hash(name) % slots
			for table[slot] != 0 && fields[table[slot]-1].name != string(name) {
				slot = (slot + 1) % slots
			}
			i := int(table[slot]) - 1
			if i < 0 {
				s.unknown(name, fields)
				continue
			}
			if !s.once(&seen[i/64], i%64) {
				return
			}
			f := &fields[i]
			into := v.Field(f.at)
			for _, at := range f.then {
				into = into.Field(at)
			}
			f.into(s, into)
		}
	}
}

// hash returns a number that tells most names apart. It reads three of their letters.
func hash[T string | []byte](name T) int {
	n := len(name)
	if n == 0 {
		return 0
	}
	return n + 5*int(name[0]) + 11*int(name[n/2]) + 23*int(name[n-1])
}

// fields returns the fields of a struct, and reports whether all of them can be told by their
// names. index is where the struct is embedded.
func (t *Table) fields(of reflect.Type, index []int, made map[reflect.Type]*plan) ([]field, bool) {
	var fields []field
	for i := range of.NumField() {
		f := of.Field(i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		at := append(index[:len(index):len(index)], i)
		switch {
		case tag == "-", !f.IsExported() && !f.Anonymous:
			continue
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			embedded, ok := t.fields(f.Type, at, made)
			if !ok {
				return nil, false
			}
			fields = append(fields, embedded...)
			continue
		case f.Anonymous, strings.Trim(name, plainLetters) != "":
			return nil, false
		}
		p := &plan{read: refuse, readsNull: true}
		if name == "" {
			name = f.Name
		} else if options == "" || options == "omitempty" || options == "omitzero" {
			p = t.plan(f.Type, made)
		}
		fields = append(fields, field{name, at[0], at[1:], p})
	}
	return fields, len(fields) <= maxFields
}
