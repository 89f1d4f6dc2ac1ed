// Package mutate makes JSON unusual, for tests that compare decoders.
package mutate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// odd holds values that decoders are known to disagree on, and some that are not JSON.
var odd = []string{
	`null`, `true`, `false`, `""`, `[]`, `{}`, `0`, `-0`, `1`, `-1`, `1.0`, `1.5`, `-1.5e-3`, `2.5e3`, `1E+2`, `127`, `128`, `-129`,
	`9007199254740993`, `9223372036854775807`, `9223372036854775808`, `1e400`, `1e-400`, `0.1`, `01`, `-`, `1.`, `.5`, `+1`, `1e`, `0x1`, `NaN`,
	`"a"`, `"a long text, of more than two words"`, `"é"`, `"日本"`, `"\u00e9"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\ud83dx"`, `"\ud83d\u0041"`,
	`"\u0000"`, `"\u00zz"`, `"\n\t\"\\\/\b\f\r"`, `"\q"`, `"\`, "\"\xff\"", "\"abcdefgh\xff\"", "\"\xed\xa0\x80\"", "\"a\nb\"", "\"eight by\x01tes\"", "\"\x7f\"", "\"\ufffd\"", `"\ufffd"`, `"open`,
	`nul`, `nullx`, `True`, ` `, "\t\r\n", "\v", "\x00", ",", ":", "}", "]", "{", "[", `,"x":1`, `[{}]`, `{"":1}`, `{"a":1,"a":2}`, `[1,"2",null,[true]]`,
	`1439220041.586`, `"1439220041.586"`, `"2015-10-08T23:52:11.677Z"`, `-62135596800`, `"never"`, `253402300800`,
}

// fragments are put into texts.
var fragments = []string{`\n`, `\"`, `\u00e9`, `\ud83d`, `\ude00`, `\ud83d\ude00`, `\u0000`, `\x`, `\u12`, `\`, `"`, "\xff", "\xc3", "\xa9", "\xed\xa0\x80", "é", "😀", "\x1f", "\n", "\x7f", "12345678"}

// JSON returns data with up to three changes, which seed chooses: values replaced by odd ones or by
// each other, members repeated, renamed or removed, levels and white space added.
func JSON(data []byte, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	tokens := split(data)
	for range 1 + r.IntN(3) {
		if len(tokens) == 0 {
			break
		}
		tokens = change(r, tokens)
	}
	return []byte(strings.Join(tokens, ""))
}

func change(r *rand.Rand, tokens []string) []string {
	at := r.IntN(len(tokens))
	end := valueEnd(tokens, at)
	value := strings.Join(tokens[at:end], "")
	isName := end < len(tokens) && tokens[end] == ":"
	switch choice := r.IntN(10); {
	case value[0] == '"' && r.IntN(3) == 0:
		inside := 1 + r.IntN(len(value))
		return replace(tokens, at, end, value[:inside]+fragments[r.IntN(len(fragments))]+value[inside:])
	case isName && choice < 4:
		return replace(tokens, at, end, renamed(r, value))
	case isName: // with its value: again, with another one, or not at all
		from := min(end+1, len(tokens)-1)
		end = valueEnd(tokens, from)
		member := strings.Join(tokens[at:end], "")
		switch choice {
		case 4:
			return replace(tokens, end, end, ",", member)
		case 5:
			return replace(tokens, at, end)
		}
		return replace(tokens, at, at, value, ":", similar(r, tokens, tokens[from]), ",")
	case choice < 2:
		return replace(tokens, at, end, odd[r.IntN(len(odd))])
	case choice < 6:
		return replace(tokens, at, end, similar(r, tokens, value))
	case choice == 6:
		levels := []int{1, 2, 90, 98, 99, 100, 101}[r.IntN(7)]
		return replace(tokens, at, end, strings.Repeat("[", levels), value, strings.Repeat("]", levels))
	case choice == 7:
		return replace(tokens, at, at, []string{" ", "\n", "\t\r ", "\v", "x"}[r.IntN(5)])
	case choice == 8:
		return replace(tokens, end, end, ",", value)
	}
	flipped := []byte(value)
	flipped[r.IntN(len(flipped))] ^= 1 << r.IntN(8)
	return replace(tokens, at, end, string(flipped))
}

// similar returns one of the values, of the type of another one if it soon finds one.
func similar(r *rand.Rand, tokens []string, to string) string {
	at := r.IntN(len(tokens))
	for range 20 {
		if tokens[at][0] == to[0] {
			break
		}
		at = r.IntN(len(tokens))
	}
	return strings.Join(tokens[at:valueEnd(tokens, at)], "")
}

// renamed returns a name, in its quotes, in another spelling.
func renamed(r *rand.Rand, name string) string {
	switch r.IntN(6) {
	case 0:
		return strings.ToUpper(name)
	case 1:
		return strings.Replace(name, "s", "ſ", 1)
	case 2:
		return strings.Replace(name, "k", "\u212a", 1)
	case 3:
		if len(name) > 2 {
			return fmt.Sprintf(`"\u%04x%s`, name[1], name[2:])
		}
	case 4:
		return `"x` + name[1:]
	}
	return odd[r.IntN(len(odd))]
}

func replace(tokens []string, from, to int, by ...string) []string {
	changed := append(append(tokens[:from:from], by...), tokens[to:]...)
	return split([]byte(strings.Join(changed, "")))
}

// valueEnd returns the index after the value that begins at a token.
func valueEnd(tokens []string, at int) int {
	depth := 0
	for i := at; i < len(tokens); i++ {
		switch tokens[i] {
		case "{", "[":
			depth++
		case "}", "]":
			depth--
		}
		if depth <= 0 {
			return i + 1
		}
	}
	return len(tokens)
}

// split returns the tokens of data, which need not be JSON.
func split(data []byte) []string {
	var tokens []string
	for len(data) > 0 {
		n := 1
		switch {
		case data[0] == '"':
			for n < len(data) && data[n] != '"' {
				if data[n] == '\\' {
					n++
				}
				n++
			}
			n = min(n+1, len(data))
		case bytes.IndexByte([]byte("{}[]:,"), data[0]) < 0:
			for n < len(data) && bytes.IndexByte([]byte("{}[]:,\""), data[n]) < 0 {
				n++
			}
		}
		tokens, data = append(tokens, string(data[:n])), data[n:]
	}
	return tokens
}
