package smooch

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smooch/smooch-go/internal/lenient"
)

// redactor returns a function that removes from a text what the call sent and an error must not
// repeat: the path arguments, what authorization added to the header, and the values of a form. If
// values is set, it also removes those of the query and the body, as whole words. sent is the
// header that was sent, plain the header before authorization. Nothing is collected before a text
// is made.
func redactor(r *request, plain, sent http.Header) func(text string, values bool) string {
	return func(text string, values bool) string {
		const most = 4 << 10 // more than is shown of it
		if len(text) > most {
			text = strings.ToValidUTF8(text[:most], "") + "..."
		}
		for _, s := range longestFirst(credentialsOf(r, plain, sent)) {
			text = replaceCut(strings.ReplaceAll(text, s, redactedText), s)
		}
		if !values {
			return text
		}
		var found []string
		for _, value := range valuesOf(r) {
			found = append(found, forms(value)...)
		}
		for _, s := range longestFirst(found) {
			text = replaceCut(replaceWord(text, s), s)
		}
		return text
	}
}

const redactedText = "[redacted]"

// longestFirst sorts texts, so that none is replaced in a part of a longer one.
func longestFirst(texts []string) []string {
	slices.SortFunc(texts, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(texts)
}

// credentialsOf returns the path arguments, what authorization added to the header, and the values
// of a form.
func credentialsOf(r *request, plain, sent http.Header) []string {
	var found []string
	for key, values := range sent {
		if slices.Equal(values, plain[key]) {
			continue
		}
		for _, value := range values {
			_, token, _ := strings.Cut(value, " ")
			found = append(found, value, token)
		}
	}
	for _, id := range append(strings.Split(r.raw, "/"), r.ids...) {
		found = append(found, id, url.PathEscape(id))
		if unescaped, err := url.PathUnescape(id); err == nil {
			found = append(found, unescaped)
		}
	}
	for name, values := range r.formValues {
		if !wordMembers[name] {
			found = append(found, values...)
		}
	}
	return slices.DeleteFunc(found, func(s string) bool { return len(s) <= 2 || words[s] })
}

// valuesOf returns the texts, ids and secrets in the query and the body.
func valuesOf(r *request) []string {
	var c collector
	for _, params := range []url.Values{r.params, r.extra} {
		for name, values := range params {
			for _, value := range values {
				for item := range strings.SplitSeq(value, ",") { // such as integrationIds
					c.add(name, item, false)
				}
				c.add(name, value, false)
			}
		}
	}
	var body any
	if r.contentType == contentTypeJSON && lenient.UnmarshalStrict(r.data, &body) == nil {
		c.add("", body, false)
	}
	if r.file != nil {
		c.add("", r.file.upload.Filename, false)
		for _, field := range r.file.fields {
			var value any
			if lenient.UnmarshalStrict([]byte(field.Value), &value) != nil {
				value = field.Value
			}
			c.add(field.Name, value, false)
		}
	}
	return slices.DeleteFunc(c.found, func(s string) bool { return slices.Contains(c.words, s) })
}

// A collector gathers the values of a request.
type collector struct {
	found []string // texts, ids and secrets
	words []string // words of the API, which help to understand an error
}

// add adds the values in a decoded JSON value. name is that of its member. free says that the
// caller chose the name, which then says nothing about the value.
func (c *collector) add(name string, value any, free bool) {
	switch value := value.(type) {
	case map[string]any:
		for member, v := range value {
			c.add(member, v, free || freeMembers[name])
		}
	case []any:
		for _, v := range value {
			c.add(name, v, free)
		}
	case json.Number:
		c.add(name, value.String(), free)
	case string:
		if words[value] || wordMembers[name] && !free {
			c.words = append(c.words, value)
		} else {
			c.found = append(c.found, value)
		}
	}
}

var (
	// wordMembers are the members, parameters and form fields whose values are words of the API.
	wordMembers = setOf("access category currency displayStyle for grant_type hosting imageAspectRatio integrationType language " +
		"messageSchema method platform role size status tier trigger triggers type types webview_height_ratio")

	// freeMembers are the members whose own members have names that the caller chooses.
	freeMembers = setOf("metadata properties info")

	// words are the types, roles, triggers and channels, which callers also write elsewhere, such as
	// in metadata. Those shorter than minWord are not among them.
	words = setOf("android appMaker appUser carousel conversation:read formResponse frontendEmail helpscout hipchat immediate " +
		"instagram locationRequest location mailgun message messagebird messenger microsoftTeams other postback prompt reserved " +
		"select submenu telegram twilio twitter typing:start typing:stop userActivity viber webview wechat whatsapp whisper zendesk " +
		"message:appUser message:appMaker conversation:start conversation:referral delivery:success delivery:failure " +
		"message:delivery:channel message:delivery:user message:delivery:failure payment:success link:match link:success " +
		"link:failure merge:appUser appUser:delete client:add client:remove typing:appUser notification:delivery:channel " +
		"notification:delivery:user notification:delivery:failure notification:match:failure passthrough:apple:interactive")
)

func setOf(list string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

// minWord is the least length in bytes of a value that is removed: shorter ones are too often part
// of the sentence around them.
const minWord = 6

// forms returns the forms in which a text may repeat a value: the whole or one of its lines, as it
// is or escaped, and a phone number as its digits.
func forms(value string) []string {
	parts := append(strings.FieldsFunc(value, func(c rune) bool { return c == '\n' || c == '\r' }), value, strings.Join(strings.Fields(value), " "))
	if digits := strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "", ".", "").Replace(value); strings.Trim(digits, "0123456789") == "" {
		parts = append(parts, digits)
	}
	var found []string
	for _, part := range parts {
		part = strings.TrimSpace(part)
		plain, _ := lenient.Marshal(part)
		escaped, _ := json.Marshal(part)
		for _, form := range []string{
			part, strings.ToLower(part), url.QueryEscape(part), url.PathEscape(part), escapeHTML(part),
			strings.Trim(string(plain), `"`), strings.Trim(string(escaped), `"`), strings.Trim(strconv.QuoteToASCII(part), `"`),
		} {
			if len(form) >= minWord {
				found = append(found, form)
			}
		}
	}
	return found
}

// replaceWord replaces word in text where it is not part of a longer word.
func replaceWord(text, word string) string {
	var b strings.Builder
	first, _ := utf8.DecodeRuneInString(word)
	last, _ := utf8.DecodeLastRuneInString(word)
	done := 0
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			break
		}
		i += from
		end := i + len(word)
		after, _ := utf8.DecodeRuneInString(text[end:])
		if continues(last) && continues(after) || continues(first) && joined(text[:i]) {
			_, size := utf8.DecodeRuneInString(text[i:])
			from = i + size
			continue
		}
		b.WriteString(text[done:i] + redactedText)
		done, from = end, end
	}
	return b.String() + text[done:]
}

// replaceCut replaces the beginning of word in text where three dots take the place of its rest.
func replaceCut(text, word string) string {
	const least = 2 * minWord // as another word may begin like it
	if len(word) < least {
		return text
	}
	for from := 0; ; {
		i := strings.Index(text[from:], word[:least])
		if i < 0 {
			return text
		}
		i += from
		end := i
		for end < len(text) && end-i < len(word) && text[end] == word[end-i] {
			end++
		}
		from = i + least
		if rest := text[end:]; (strings.HasPrefix(rest, "...") || strings.HasPrefix(rest, "…")) && !joined(text[:i]) {
			text = text[:i] + redactedText + rest
			from = i + len(redactedText)
		}
	}
}

// continues reports whether c is part of a word, in a script that puts spaces between words.
func continues(c rune) bool {
	return (unicode.IsLetter(c) || unicode.IsDigit(c)) && !unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// escapedEnd matches an escaped character at the end of a text, such as \n, \u003c or %20.
var escapedEnd = regexp.MustCompile(`(\\[a-z]|\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2})$`)

// joined reports whether a word at the end of before goes on in the text that follows it.
func joined(before string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	return continues(last) && !escapedEnd.MatchString(before[max(0, len(before)-6):])
}

// redacted keeps the secrets of a T out of printed text and logs. T embeds it, so that fmt and slog
// see its methods and not the fields of T.
type redacted[T any] struct{}

// Format writes the type in place of the value, whatever the verb. It implements [fmt.Formatter].
func (redacted[T]) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "%s([redacted])", reflect.TypeFor[T]())
}

// LogValue returns what Format writes. It implements [slog.LogValuer].
func (r redacted[T]) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// withoutURL unwraps the *url.Error that net/http puts around errors, as its text contains the URL
// and thereby ids.
func withoutURL(err error) error {
	for {
		wrapped, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = wrapped.Err
	}
}

// safeText returns the text of an error on one line, without URLs and without what net/http quotes
// from a response.
func safeText(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.text()
	}
	err = withoutURL(err)
	if e, ok := err.(*callError); ok { //nolint:errorlint // keep the text around a wrapped one
		return e.text
	}
	text := fmt.Sprint(err)
	if before, _, quoted := strings.Cut(text, `"`); quoted {
		text = strings.TrimSpace(before) + " ..."
	}
	return oneLine(text)
}

// oneLine replaces control characters and line breaks by spaces, and cuts the text to 300 bytes.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "..."
	}
	return text
}

// escapeHTML is html.EscapeString without that package, whose tables make a program larger.
var escapeHTML = strings.NewReplacer(`&`, "&amp;", `'`, "&#39;", `<`, "&lt;", `>`, "&gt;", `"`, "&#34;").Replace
