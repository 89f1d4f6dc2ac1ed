package fastjson

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxDepth   = 100     // of objects and lists inside each other
	cacheSlots = 256     // must be a power of two
	maxCached  = 64      // bytes of a string that is looked for in the cache
	smallest   = 1 << 11 // bytes of data from which a cache is worth its memory
	mapSize    = 350     // bytes that a map of a few members takes, roughly
	freeRoom   = 1 << 20 // bytes that the values of any data may take
	roomFactor = 16      // bytes that they may take for each byte of data
	ones       = 0x0101010101010101
	highBits   = 0x8080808080808080
)

// A scanner reads data once, from front to back. Its methods read the value that comes next. When
// one finds anything that is not usual, it gives up: failed is set, and from then on all methods
// return zero values and all loops end, because no data is left.
type scanner struct {
	data   []byte
	pos    int
	failed bool
	depth  int
	room   int    // how many bytes the values may still take
	text   []byte // the last string that had to be unescaped

	// cache holds short strings that were read, so that each is made once; nil if data is small. It
	// lives no longer than the scanner: what is decoded may be a secret.
	cache *[cacheSlots]string
}

func newScanner(data []byte) *scanner {
	s := &scanner{data: data, room: freeRoom + roomFactor*len(data)}
	if len(data) >= smallest {
		s.cache = new([cacheSlots]string)
	}
	return s
}

// succeeded reports whether data has ended and the scanner has not given up.
func (s *scanner) succeeded() bool { return s.peek() == 0 && s.pos == len(s.data) && !s.failed }

// giveUp makes every method fail from here on.
func (s *scanner) giveUp() {
	s.failed = true
	s.pos = len(s.data)
}

// take counts memory that a value takes, and gives up if it would be too much for the data.
func (s *scanner) take(bytes int) {
	if s.room -= bytes; s.room < 0 {
		s.giveUp()
	}
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
func (s *scanner) null() bool {
	if s.peek() != 'n' {
		return false
	}
	s.word("null")
	return true
}

// word reads a literal, of which peek has returned the first byte.
func (s *scanner) word(w string) {
	if end := s.pos + len(w); end <= len(s.data) && string(s.data[s.pos:end]) == w {
		s.pos = end
	} else {
		s.giveUp()
	}
}

// boolean reads true or false.
func (s *scanner) boolean() bool {
	if s.peek() == 't' {
		s.word("true")
		return !s.failed
	}
	s.word("false")
	return false
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
	if s.peek() != ':' {
		s.giveUp()
		return
	}
	s.pos++
}

// quoted reads a string. The result is valid until the next call; plain tells that it is part of
// data.
func (s *scanner) quoted() (text []byte, plain bool) {
	if s.peek() != '"' {
		s.giveUp()
		return nil, false
	}
	start := s.pos + 1
	end, seen := s.special(start)
	switch {
	case end == len(s.data) || s.data[end] < ' ':
		s.giveUp()
		return nil, false
	case s.data[end] == '\\':
		return s.unescape(start, end), false
	case seen&highBits != 0 && !utf8.Valid(s.data[start:end]):
		s.giveUp()
		return nil, false
	}
	s.pos = end + 1
	return s.data[start:end], true
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
	switch c := s.data[i]; c {
	case '"', '\\', '/':
		return rune(c), i + 1
	case 'b':
		return '\b', i + 1
	case 'f':
		return '\f', i + 1
	case 'n':
		return '\n', i + 1
	case 'r':
		return '\r', i + 1
	case 't':
		return '\t', i + 1
	case 'u':
		r := s.hex(i + 1)
		if i += 5; !utf16.IsSurrogate(r) {
			return r, i
		}
		if i+1 < len(s.data) && s.data[i] == '\\' && s.data[i+1] == 'u' {
			if r = utf16.DecodeRune(r, s.hex(i+2)); r != utf8.RuneError {
				return r, i + 6
			}
		}
	}
	return -1, i
}

// hex returns the value of four hexadecimal digits, or -1 if they are none.
func (s *scanner) hex(i int) (r rune) {
	if i+4 > len(s.data) {
		return -1
	}
	for _, c := range s.data[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// string reads a string. The result shares no memory with data.
func (s *scanner) string() string {
	text, _ := s.quoted()
	if s.cache == nil || len(text) < 2 || len(text) > maxCached {
		return string(text)
	}
	hash := uint64(len(text))
	if n := len(text); n >= 8 {
		hash += binary.LittleEndian.Uint64(text) ^ binary.LittleEndian.Uint64(text[n-8:])*31
	} else {
		hash += uint64(text[0])<<8 | uint64(text[n/2])<<16 | uint64(text[n-1])<<24
	}
	cached := &s.cache[hash*0x9E3779B97F4A7C15>>56%cacheSlots]
	if *cached != string(text) {
		*cached = string(text)
	}
	return *cached
}

// number reads a number and returns its text.
func (s *scanner) number() []byte {
	s.peek()
	data, start := s.data, s.pos
	i := start
	if i < len(data) && data[i] == '-' {
		i++
	}
	whole := i
	i = digits(data, i)
	ok := i > whole && (data[whole] != '0' || i == whole+1)
	if ok && i < len(data) && data[i] == '.' {
		fraction := i + 1
		i = digits(data, fraction)
		ok = i > fraction
	}
	if ok && i < len(data) && data[i]|0x20 == 'e' {
		if i++; i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		exponent := i
		i = digits(data, exponent)
		ok = i > exponent
	}
	if !ok {
		s.giveUp()
		return nil
	}
	s.pos = i
	return data[start:i]
}

// digits returns the position after the digits that begin at i.
func digits(data []byte, i int) int {
	for i < len(data) && data[i]-'0' <= 9 {
		i++
	}
	return i
}

// integer reads a whole number without a point or exponent.
func (s *scanner) integer() int64 {
	n, err := strconv.ParseInt(string(s.number()), 10, 64)
	if err != nil {
		s.giveUp()
	}
	return n
}

// float reads a number.
func (s *scanner) float() float64 {
	f, err := strconv.ParseFloat(string(s.number()), 64)
	if err != nil {
		s.giveUp()
	}
	return f
}

// raw reads any value and returns its JSON, which is part of data.
func (s *scanner) raw() []byte {
	s.peek()
	start := s.pos
	if s.skip(); s.failed {
		return nil
	}
	return s.data[start:s.pos]
}

// skip reads any value.
func (s *scanner) skip() {
	switch s.peek() {
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
	case 'n':
		s.null()
	default:
		s.number()
	}
}

// any reads any value. It has the type that encoding/json chooses with UseNumber.
func (s *scanner) any() any {
	switch s.peek() {
	case '{':
		return s.object()
	case '[':
		list := []any{}
		for more := s.open('[', ']'); more; more = s.more(']') {
			s.take(48) // an interface and what append reserves for the next
			list = append(list, s.any())
		}
		return list
	case '"':
		return s.string()
	case 't', 'f':
		return s.boolean()
	case 'n':
		s.null()
		return nil
	}
	return json.Number(s.number())
}

// emptyList reads [] if a list comes next, and reports whether one did.
func (s *scanner) emptyList() bool {
	if s.peek() != '[' {
		return false
	}
	if s.open('[', ']') {
		s.giveUp()
	}
	return true
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
		s.added(known, len(m))
	}
	return m
}

// added gives up if a member that was read into a map has the name of another one.
func (s *scanner) added(before, after int) {
	if after == before {
		s.giveUp()
	}
	if after > 8 { // as many as mapSize has room for
		s.take(mapSize / 4)
	}
}
