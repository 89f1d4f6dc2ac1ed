package smooch

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// redactor returns a function that removes from a text what the call sent and an error must not
// repeat: the path arguments, the values of a form, and what authorization added to the header.
// sent is the header that was sent, plain the header before authorization.
func redactor(r *request, plain, sent http.Header) func(string) string {
	var found []string
	add := func(s string) {
		if len(s) > 2 && !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	for key, values := range sent {
		if slices.Equal(values, plain[key]) {
			continue
		}
		for _, value := range values {
			_, token, _ := strings.Cut(value, " ")
			add(value)
			add(token)
		}
	}
	for _, id := range append(strings.Split(r.raw, "/"), r.ids...) {
		add(id)
		add(url.PathEscape(id))
		if unescaped, err := url.PathUnescape(id); err == nil {
			add(unescaped)
		}
	}
	for _, values := range r.formValues {
		for _, value := range values {
			add(value)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	return func(text string) string {
		for _, s := range found {
			text = strings.ReplaceAll(text, s, "[redacted]")
		}
		return text
	}
}

// redacted keeps the secrets of a T out of prints and logs. T embeds it, so that fmt and slog see its
// methods and not the fields of T.
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
