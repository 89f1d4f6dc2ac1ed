package fastjson

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// maxFields is the number of fields that a struct can have: a bit of two words for each.
const maxFields = 128

// A Table holds how to decode types. It learns each type when it is first met.
type Table struct {
	specials map[reflect.Type]Special
	plans    sync.Map // of *plan, by reflect.Type
}

// A reader reads the value that comes next into v, which is zero unless it has no parts.
type reader func(s *scanner, v reflect.Value)

// A plan is how to read a type. A struct can contain itself, so its plan is there before its reader
// is made.
type plan struct{ read reader }

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
	special := With(finish)
	special.byTags = true
	return special
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

// planOf returns the plan of a type and makes it if necessary.
func (t *Table) planOf(of reflect.Type) *plan {
	if known, ok := t.plans.Load(of); ok {
		return known.(*plan)
	}
	made := map[reflect.Type]*plan{}
	t.plan(of, made)
	for of, p := range made { // only after all of them are complete
		t.plans.LoadOrStore(of, p)
	}
	return made[of]
}

// plan returns the plan of a type from made, and adds it if necessary.
func (t *Table) plan(of reflect.Type, made map[reflect.Type]*plan) *plan {
	if made[of] == nil {
		made[of] = &plan{}
		made[of].read = t.reader(of, made)
	}
	return made[of]
}

// refuse is the reader of a type that cannot be decoded.
func refuse(s *scanner, _ reflect.Value) { s.giveUp() }

// reader returns the reader of a type. It chooses by the exact type before the kind: another type
// of the same kind may have methods, and one with a type of ours embedded has the methods of that.
func (t *Table) reader(of reflect.Type, made map[reflect.Type]*plan) reader {
	special, isSpecial := t.specials[of]
	switch {
	case isSpecial && special.byTags:
		return finished(t.structReader(of, made), special)
	case isSpecial:
		return func(s *scanner, v reflect.Value) {
			if raw := s.raw(); !s.failed && !special.decode(v, raw) {
				s.giveUp()
			}
		}
	case of == reflect.TypeFor[json.RawMessage]():
		return func(s *scanner, v reflect.Value) { v.SetBytes(bytes.Clone(s.raw())) }
	case of == reflect.TypeFor[any]():
		return func(s *scanner, v reflect.Value) { *v.Addr().Interface().(*any) = s.any() }
	case of == reflect.TypeFor[map[string]any]():
		return orNull(func(s *scanner, v reflect.Value) {
			m := map[string]any{}
			if !s.emptyList() {
				m = s.object()
			}
			*v.Addr().Interface().(*map[string]any) = m
		})
	case decodesItself(of):
		return refuse
	}
	switch of.Kind() {
	case reflect.Struct:
		return t.structReader(of, made)
	case reflect.Slice:
		return t.listReader(of, made)
	case reflect.Map:
		return t.mapReader(of, made)
	case reflect.Pointer:
		return t.pointerReader(of, made)
	}
	return orNull(scalarReader(of.Kind()))
}

// decodesItself reports whether encoding/json leaves the decoding of a type to the type.
func decodesItself(of reflect.Type) bool {
	pointer := reflect.PointerTo(of)
	_, v2 := pointer.MethodByName("UnmarshalJSONFrom") // with GOEXPERIMENT=jsonv2
	return v2 || of == reflect.TypeFor[json.Number]() ||
		pointer.Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// orNull returns a reader that leaves a value as it is if null comes next.
func orNull(read reader) reader {
	return func(s *scanner, v reflect.Value) {
		if !s.null() {
			read(s, v)
		}
	}
}

func scalarReader(kind reflect.Kind) reader {
	switch kind {
	case reflect.String:
		return func(s *scanner, v reflect.Value) { v.SetString(s.string()) }
	case reflect.Bool:
		return func(s *scanner, v reflect.Value) { v.SetBool(s.boolean()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(s *scanner, v reflect.Value) {
			n := s.integer()
			if v.OverflowInt(n) {
				s.giveUp()
			}
			v.SetInt(n)
		}
	case reflect.Float64:
		return func(s *scanner, v reflect.Value) { v.SetFloat(s.float()) }
	}
	return refuse
}

// finished returns a reader that has a Special finish what read has read.
func finished(read reader, special Special) reader {
	return orNull(func(s *scanner, v reflect.Value) {
		start := s.pos
		if read(s, v); !s.failed && !special.decode(v, s.data[start:s.pos]) {
			s.giveUp()
		}
	})
}

func (t *Table) pointerReader(of reflect.Type, made map[reflect.Type]*plan) reader {
	to := t.plan(of.Elem(), made)
	return orNull(func(s *scanner, v reflect.Value) {
		s.take(int(of.Elem().Size()))
		pointer := reflect.New(of.Elem())
		to.read(s, pointer.Elem())
		v.Set(pointer)
	})
}

func (t *Table) listReader(of reflect.Type, made map[reflect.Type]*plan) reader {
	if of.Elem().Kind() == reflect.Uint8 { // base64
		return refuse
	}
	item, size := t.plan(of.Elem(), made), int(of.Elem().Size())
	return orNull(func(s *scanner, v reflect.Value) {
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
			item.read(s, v.Index(n))
			n++
		}
		if n == 0 {
			v.Set(reflect.MakeSlice(of, 0, 0))
		}
	})
}

// further returns for how many items a list with n items should grow. start is where it begins. An
// outer list grows to what the length of the items promises, an inner one doubles.
func (s *scanner) further(n, start int) int {
	switch {
	case n == 0:
		return 1
	case n == 1:
		return 3
	case s.depth > 2:
		return n
	}
	rest := (len(s.data) - s.pos) / ((s.pos - start) / n)
	return min(max(n, rest+1), 8*n)
}

func (t *Table) mapReader(of reflect.Type, made map[reflect.Type]*plan) reader {
	if of.Key().Kind() != reflect.String || decodesItself(of.Key()) {
		return refuse
	}
	value, size := t.plan(of.Elem(), made), int(of.Elem().Size())
	return orNull(func(s *scanner, v reflect.Value) {
		v.Set(reflect.MakeMap(of))
		s.take(mapSize)
		if s.emptyList() {
			return
		}
		for more := s.open('{', '}'); more; more = s.more('}') {
			key, held := reflect.New(of.Key()).Elem(), reflect.New(of.Elem()).Elem()
			key.SetString(s.string())
			s.colon()
			s.take(4 * size)
			value.read(s, held)
			known := v.Len()
			v.SetMapIndex(key, held)
			s.added(known, v.Len())
		}
	})
}

// A field is a field of a struct that can be read.
type field struct {
	name string
	at   int   // its index in the struct
	then []int // its index in structs embedded there
	text bool  // a string, so that read is not called
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
		slot := hash([]byte(f.name)) % slots
		for table[slot] != 0 {
			if fields[table[slot]-1].name == f.name {
				return refuse // encoding/json has rules for which of them counts
			}
			slot = (slot + 1) % slots
		}
		table[slot] = uint8(i + 1)
	}
	return orNull(func(s *scanner, v reflect.Value) {
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
			if seen[i/64]&(1<<(i%64)) != 0 {
				s.giveUp()
				return
			}
			seen[i/64] |= 1 << (i % 64)
			f := &fields[i]
			into := v.Field(f.at)
			for _, at := range f.then {
				into = into.Field(at)
			}
			if !f.text {
				f.read(s, into)
			} else if !s.null() {
				into.SetString(s.string())
			}
		}
	})
}

// hash returns a number for a name that differs between the names of most fields.
func hash(name []byte) uint {
	n := len(name)
	if n == 0 {
		return 0
	}
	return uint(name[0])*7 + uint(name[n/2])*3 + uint(name[n-1])*31 + uint(n)*17
}

// unknown skips the value of a member that no field has the name of. It gives up if encoding/json
// could take a field for it, as it ignores case.
func (s *scanner) unknown(name []byte, fields []field) {
	for _, c := range name {
		if c >= 0x80 { // ſ is an s to encoding/json
			s.giveUp()
			return
		}
	}
	for i := range fields {
		if f := &fields[i]; len(f.name) == len(name) && strings.EqualFold(f.name, string(name)) {
			s.giveUp()
			return
		}
	}
	s.skip()
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
		case f.Anonymous:
			return nil, false
		case !isPlain(name):
			return nil, false
		}
		p := t.plan(f.Type, made)
		text := f.Type.Kind() == reflect.String && !decodesItself(f.Type)
		if name == "" || options != "" && options != "omitempty" && options != "omitzero" {
			name, p, text = cmp.Or(name, f.Name), &plan{refuse}, false
		}
		fields = append(fields, field{name, at[0], at[1:], text, p})
	}
	return fields, len(fields) <= maxFields
}

// isPlain reports whether a name consists of ASCII letters, digits and a few other characters. How
// encoding/json reads a tag with others depends on its version.
func isPlain(name string) bool {
	for _, c := range []byte(name) {
		if !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
