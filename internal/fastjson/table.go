// Package fastjson decodes the JSON that a service usually writes, in a third of the time that
// encoding/json takes. It either decodes a value as encoding/json does with UseNumber, or gives up
// and leaves the target as it was. Its user then decodes with encoding/json, from the start.
//
// It gives up on all that is unusual: a name that is repeated, escaped or in another case than the
// field's, text that is not UTF-8, half of a surrogate pair, a value of another type, a number that
// does not fit, more than 100 levels, values that take far more memory than their JSON, and types
// that encoding/json treats in a special way. It accepts only one thing that encoding/json refuses:
// [] in place of a map, which becomes {}.
//
// What it decodes shares no memory with the data, and nothing of the data is kept. Only the order
// of members is remembered, as the next object of a type usually has the same.
package fastjson

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
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
	switch first := s.peek(); {
	case first == '"' && p.isText:
		v.SetString(s.string())
	case first != 'n' || p.readsNull || !s.null():
		p.read(s, v)
	}
}

// A Special says how to decode a type that has an UnmarshalJSON method.
type Special struct {
	of     reflect.Type
	decode func(v reflect.Value, data []byte) bool // nil: by its tags
	member string
	note   func(v reflect.Value) // called when member has been read
}

// With returns a Special that calls decode for each T, with its JSON. If decode returns false, the
// Table gives up. decode must not keep the JSON.
func With[T any](decode func(v *T, data []byte) bool) Special {
	return Special{of: reflect.TypeFor[T](), decode: func(v reflect.Value, data []byte) bool {
		return decode(v.Addr().Interface().(*T), data)
	}}
}

// Noting returns a Special that decodes each T, which is a struct, as if it had no methods. It
// calls note when the given member has been read and is not null.
func Noting[T any](member string, note func(v *T)) Special {
	return Special{of: reflect.TypeFor[T](), member: member, note: func(v reflect.Value) { note(v.Addr().Interface().(*T)) }}
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

// Unmarshal decodes one JSON value into v, and reports whether it did. v has to point to a zero
// value, which is still zero if Unmarshal did not.
func (t *Table) Unmarshal(data []byte, v any) bool {
	s := newScanner(data)
	t.read(s, v)
	return s.succeeded(Member{"", v})
}

// Members decodes members of a JSON object as Unmarshal does, skips the others, and reports whether
// it did.
func (t *Table) Members(data []byte, members ...Member) bool {
	s := newScanner(data)
	var seen uint64
	for more := s.open('{', '}'); more; more = s.more('}') {
		name := s.name()
		i := slices.IndexFunc(members, func(m Member) bool { return m.Name == string(name) })
		if i < 0 {
			s.skip()
		} else if s.once(&seen, i) {
			t.read(s, members[i].Target)
		}
	}
	return s.succeeded(members...)
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
	case isSpecial && special.decode == nil:
		p.read = t.structReader(of, special, made)
	case isSpecial:
		p.read, p.readsNull = special.read, true
	case of == reflect.TypeFor[json.RawMessage]():
		p.read, p.readsNull = readRaw, true
	case of == reflect.TypeFor[any]():
		p.read = func(s *scanner, v reflect.Value) { *v.Addr().Interface().(*any) = s.any() }
	case of == reflect.TypeFor[map[string]any]():
		p.read = readMap
	case of == reflect.TypeFor[json.Number](), slices.ContainsFunc(unmarshalers, reflect.PointerTo(of).Implements):
		p.read, p.readsNull = refuse, true
	case kind == reflect.String:
		p.isText, p.read = true, refuse
	case kind == reflect.Bool:
		p.read = func(s *scanner, v reflect.Value) { v.SetBool(s.boolean()) }
	case reflect.Int <= kind && kind <= reflect.Int64:
		p.read = readInt
	case kind == reflect.Float64:
		p.read = readFloat
	case kind == reflect.Struct:
		p.read = t.structReader(of, Special{}, made)
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

func (special Special) read(s *scanner, v reflect.Value) {
	s.take(itemSize)
	if data := s.skip(); !s.failed && !special.decode(v, data) {
		s.giveUp()
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
	quoted string // name, in quotes and with a colon
	noted  bool   // to be noted when it has been read
}

// A structPlan is how to read a struct.
type structPlan struct {
	Special
	fields []field
	byName map[string]int // their numbers, from 1 on

	// after has the number of the field that usually follows each field, and at 0 that of the first.
	// Objects of a type have their members in the same order, though not all have the same members.
	after [maxFields + 1]atomic.Int32
}

// structReader returns a reader of a struct. special is zero if it has no methods.
func (t *Table) structReader(of reflect.Type, special Special, made map[reflect.Type]*plan) reader {
	fields, ok := t.fields(of, nil, made)
	if !ok {
		return refuse
	}
	p := &structPlan{Special: special, fields: fields, byName: map[string]int{}}
	for i, f := range fields {
		p.byName[f.name] = i + 1
		fields[i].noted = p.note != nil && f.name == p.member
	}
	if len(p.byName) < len(fields) {
		return refuse // encoding/json has rules for which of two counts
	}
	return p.read
}

func (p *structPlan) read(s *scanner, v reflect.Value) {
	var seen [maxFields / 64]uint64
	if p.note != nil {
		s.take(methodSize)
	}
	last := 0
	for more := s.open('{', '}'); more; more = s.more('}') {
		i := p.find(s, last)
		if i == 0 {
			s.skip()
			continue
		}
		last = i
		if i--; !s.once(&seen[i/64], i%64) {
			return
		}
		f := &p.fields[i]
		into := v.Field(f.at)
		for _, at := range f.then {
			into = into.Field(at)
		}
		f.into(s, into)
		if f.noted && s.data[s.pos-1] != 'l' { // the end of null
			p.note(v)
		}
	}
}

// find reads the name of a member and the colon, and returns the number of its field, or 0 if there
// is none. last is the number of the field before.
func (p *structPlan) find(s *scanner, last int) int {
	s.peek()
	rest, next := s.data[s.pos:], last
	for range 4 { // as members may be left out
		if next = int(p.after[next].Load()); next == 0 {
			break
		}
		if name := p.fields[next-1].quoted; len(rest) >= len(name) && string(rest[:len(name)]) == name {
			s.pos += len(name)
			return next
		}
	}
	name := s.name()
	i := p.byName[string(name)]
	switch {
	case i == 0:
		p.refuseSimilar(s, name)
	case p.after[last].Load() == 0, rand.IntN(16) == 0: // rarely, as it slows down other processors
		p.after[last].Store(int32(i))
	}
	return i
}

// refuseSimilar gives up if encoding/json, which ignores case, could take a name for a field's.
func (p *structPlan) refuseSimilar(s *scanner, name []byte) {
	for i := range p.fields {
		if f := p.fields[i].name; len(f) == len(name) && strings.EqualFold(f, string(name)) {
			s.giveUp()
		}
	}
	if bytes.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		s.giveUp() // ſ is an s to encoding/json
	}
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
		fields = append(fields, field{name, at[0], at[1:], p, `"` + name + `":`, false})
	}
	return fields, len(fields) <= maxFields
}
