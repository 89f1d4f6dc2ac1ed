package fastjson

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxDepth   = 100     // of objects and lists inside each other
	cacheSlots = 256     // strings that are remembered
	maxCached  = 64      // bytes of a string that is looked for in the cache
	smallest   = 1 << 11 // bytes of data from which a cache is worth its memory

	// what values take in memory besides their text, roughly, and never less than package lenient
	// reckons: what it refuses is not accepted here
	mapSize    = 350
	memberSize = 90
	itemSize   = 50
	methodSize = 520 // of a struct with an UnmarshalJSON method

	ones     = 0x0101010101010101
	highBits = 0x8080808080808080
	scatter  = 0x9e3779b97f4a7c15 // multiplied with, all bits of a number count for the highest
)

// A scanner reads data once, from front to back. Its methods read the value that comes next. When
// one finds anything that is not usual, it gives up: failed is set, and from then on all methods
// return zero values and all loops end, because no data is left.
type scanner struct {
	data   []byte
	pos    int
	failed bool
	depth  int
	used   int    // how many bytes the values take
	text   []byte // the last string that had to be unescaped

	// cache holds short strings that were read, so that each is made once; nil if data is small. It
	// lives no longer than the scanner: what is decoded may be a secret.
	cache *[cacheSlots]string
}

func newScanner(data []byte) *scanner {
	s := &scanner{data: data, failed: off}
	if len(data) >= smallest {
		s.cache = new([cacheSlots]string)
	}
	return s
}

// succeeded reports whether data has ended and the scanner has not given up. If it has, it makes
// the targets zero.
func (s *scanner) succeeded(targets ...Member) bool {
	if s.peek() == 0 && s.pos == len(s.data) && !s.failed {
		return true
	}
	for _, m := range targets {
		reflect.ValueOf(m.Target).Elem().SetZero()
	}
	return false
}

// giveUp makes every method fail from here on.
func (s *scanner) giveUp() {
	s.failed = true
	s.pos = len(s.data)
}

// take counts memory that a value takes, and gives up if that is too much for the data so far.
func (s *scanner) take(size int) {
	if s.used += size; s.used > min(1<<20+15*s.pos, 16<<20+s.pos) {
		s.giveUp()
	}
}

// once reports whether a bit of seen was not set, and sets it. If it was, once gives up.
func (s *scanner) once(seen *uint64, bit int) bool {
	if *seen>>bit&1 != 0 {
		s.giveUp()
	}
	*seen |= 1 << bit
	return !s.failed
}

// peek returns the next byte that is not white space, or 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		if c > ' ' || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
		s.pos++
	}
	return 0
}

// open reads the first byte of an object or list, and reports whether anything is in it.
func (s *scanner) open(first, last byte) bool {
	if s.peek() != first || s.depth == maxDepth {
		s.giveUp()
		return false
	}
	s.pos++
	if s.peek() == last {
		s.pos++
		return false
	}
	s.depth++
	return true
}

// more reads what follows a value in an object or list, and reports whether another one follows.
func (s *scanner) more(last byte) bool {
	switch s.peek() {
	case ',':
		s.pos++
		return true
	case last:
		s.pos++
		s.depth--
	default:
		s.giveUp()
	}
	return false
}

// null reads null if it comes next, and reports whether it did.
func (s *scanner) null() bool { return s.peek() == 'n' && s.word("null") }

// boolean reads true or false.
func (s *scanner) boolean() bool {
	isTrue := s.peek() == 't' && s.word("true")
	if !isTrue && !s.word("false") {
		s.giveUp()
	}
	return isTrue
}

// word reads w if it comes next, and reports whether it did.
func (s *scanner) word(w string) bool {
	found := bytes.HasPrefix(s.data[s.pos:], []byte(w))
	if found {
		s.pos += len(w)
	}
	return found
}

// name reads the name of a member and the colon after it. It gives up if the name is escaped.
func (s *scanner) name() []byte {
	name, plain := s.quoted()
	if !plain {
		s.giveUp()
	}
	s.colon()
	return name
}

func (s *scanner) colon() {
	if s.peek(); !s.accept(':', ':') {
		s.giveUp()
	}
}

// quoted reads a string. The result is valid until the next call; plain tells that it is part of
// data.
func (s *scanner) quoted() (text []byte, plain bool) {
	if s.peek() == '"' {
		start := s.pos + 1
		end, seen := s.special(start)
		switch {
		case end == len(s.data) || s.data[end] < ' ':
		case s.data[end] == '\\':
			return s.unescape(start, end), false
		case seen&highBits == 0 || utf8.Valid(s.data[start:end]):
			s.pos = end + 1
			return s.data[start:end], true
		}
	}
	s.giveUp()
	return nil, false
}

// special returns the position of the next quote, backslash or control character from i on, or of
// the end. The high bits of seen are zero only if all bytes before it are ASCII.
func (s *scanner) special(i int) (at int, seen uint64) {
	data := s.data
	for i+8 <= len(data) { // eight at a time: the high bit of a byte in found tells that it is one
		word := binary.LittleEndian.Uint64(data[i:])
		seen |= word
		quote, slash := word^(ones*'"'), word^(ones*'\\')
		found := ((quote-ones)&^quote | (slash-ones)&^slash | (word-ones*' ')&^word) & highBits
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8, seen
		}
		i += 8
	}
	for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= ' ' {
		seen |= uint64(data[i])
		i++
	}
	return i, seen
}

// unescape reads a string that begins at start and has its first backslash at i.
func (s *scanner) unescape(start, i int) []byte {
	text, from := s.text[:0], start
	for {
		text = append(text, s.data[from:i]...)
		if i == len(s.data) || s.data[i] < ' ' {
			break
		}
		if s.data[i] == '"' {
			if s.pos, s.text = i+1, text; !utf8.Valid(text) {
				break
			}
			return text
		}
		var r rune
		if r, i = s.escape(i + 1); r < 0 {
			break
		}
		text, from = utf8.AppendRune(text, r), i
		i, _ = s.special(i)
	}
	s.giveUp()
	return nil
}

// escape reads what follows a backslash. It returns the character, or -1, and the position after
// it.
func (s *scanner) escape(i int) (rune, int) {
	if i == len(s.data) {
		return -1, i
	}
	if plain := strings.IndexByte(`"\/bfnrt`, s.data[i]); plain >= 0 {
		return rune("\"\\/\b\f\n\r\t"[plain]), i + 1
	}
	if s.data[i] != 'u' {
		return -1, i
	}
	r := s.hex(i + 1)
	if i += 5; !utf16.IsSurrogate(r) {
		return r, i
	}
	if !bytes.HasPrefix(s.data[i:], []byte(`\u`)) {
		return -1, i
	}
	if r = utf16.DecodeRune(r, s.hex(i+2)); r == utf8.RuneError {
		r = -1
	}
	return r, i + 6
}

// hex returns the value of four hexadecimal digits, or -1 if they are none.
func (s *scanner) hex(i int) rune {
	if i+4 <= len(s.data) {
		if r, err := strconv.ParseUint(string(s.data[i:i+4]), 16, 16); err == nil {
			return rune(r)
		}
	}
	return -1
}

// string reads a string. The result shares no memory with data.
func (s *scanner) string() string {
	text, _ := s.quoted()
	if s.cache == nil || len(text) < 2 || len(text) > maxCached {
		return string(text)
	}
	slot := hash(text)
	cached := &s.cache[slot%cacheSlots]
	if *cached != string(text) && *cached != "" { // by another one, which may also be repeated
		cached = &s.cache[slot>>8%cacheSlots]
	}
	if *cached != string(text) {
		*cached = string(text)
	}
	return *cached
}

// hash returns a number for a text of two bytes or more, whose low 16 bits tell most texts apart.
func hash(text []byte) uint64 {
	n := len(text)
	if n >= 8 {
		return (binary.LittleEndian.Uint64(text) + scatter*binary.LittleEndian.Uint64(text[n-8:])) * scatter >> 48
	}
	first, last := binary.LittleEndian.Uint16(text), binary.LittleEndian.Uint16(text[n-2:])
	return (uint64(first)<<32 | uint64(last)<<16 | uint64(text[n/2])<<8 | uint64(n)) * scatter >> 48
}

// number reads a number and returns its text.
func (s *scanner) number() []byte {
	s.peek()
	start := s.pos
	s.accept('-', '-')
	ok := s.accept('0', '0') || s.digits()
	if s.accept('.', '.') {
		ok = s.digits() && ok
	}
	if s.accept('e', 'E') {
		s.accept('+', '-')
		ok = s.digits() && ok
	}
	if !ok {
		s.giveUp()
		return nil
	}
	return s.data[start:s.pos]
}

// accept reads one of two bytes if it comes next, and reports whether it did.
func (s *scanner) accept(either, or byte) bool {
	found := s.pos < len(s.data) && (s.data[s.pos] == either || s.data[s.pos] == or)
	if found {
		s.pos++
	}
	return found
}

// digits reads decimal digits and reports whether there were any.
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos]-'0' <= 9 {
		s.pos++
	}
	return s.pos > start
}

// skip reads any value and returns its JSON, which is part of data.
func (s *scanner) skip() []byte {
	first, start := s.peek(), s.pos
	switch first {
	case '{':
		for more := s.open('{', '}'); more; more = s.more('}') {
			s.quoted()
			s.colon()
			s.skip()
		}
	case '[':
		for more := s.open('[', ']'); more; more = s.more(']') {
			s.skip()
		}
	case '"':
		s.quoted()
	case 't', 'f':
		s.boolean()
	default:
		if !s.null() {
			s.number()
		}
	}
	return s.data[start:s.pos]
}

// any reads any value. It has the type that encoding/json chooses with UseNumber.
func (s *scanner) any() any {
	switch s.peek() {
	case '{':
		return s.object()
	case '[':
		list := []any{}
		s.take(itemSize)
		for more := s.open('[', ']'); more; more = s.more(']') {
			s.take(itemSize)
			list = append(list, s.any())
		}
		return list
	case '"':
		return s.string()
	case 't', 'f':
		return s.boolean()
	}
	if s.null() {
		return nil
	}
	return json.Number(s.number())
}

// object reads an object whose members can be of any type.
func (s *scanner) object() map[string]any {
	m := map[string]any{}
	s.take(mapSize)
	for more := s.open('{', '}'); more; more = s.more('}') {
		name := s.string()
		s.colon()
		known := len(m)
		m[name] = s.any()
		if len(m) == known { // the name was there before
			s.giveUp()
		}
		s.take(memberSize)
	}
	return m
}

// further returns for how many items a list with n items should grow. start is where it begins. An
// outer list grows to what the length of the items promises, an inner one doubles.
func (s *scanner) further(n, start int) int {
	if n < 2 || s.depth > 2 {
		return max(n, min(3, 2*n+1))
	}
	rest := (len(s.data) - s.pos) / ((s.pos - start) / n)
	return min(max(n, rest+rest/32+1), max(128, 3*n))
}
