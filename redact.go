package smooch

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// redactor returns a function that takes out of a text what the call sent and an error must not
// repeat: its path arguments, its form, and what authorizing added to the header.
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

// withoutURL takes off the *url.Error that net/http puts around errors: its text is the URL, ids
// included.
func withoutURL(err error) error {
	for {
		wrapped, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = wrapped.Err
	}
}

// safeText is an error's text without URLs, and without what net/http quotes of an answer.
func safeText(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.text()
	}
	err = withoutURL(err)
	if e, ok := err.(*callError); ok {
		return e.text
	}
	text := fmt.Sprint(err)
	if before, _, quoted := strings.Cut(text, `"`); quoted {
		text = strings.TrimSpace(before) + " ..."
	}
	return oneLine(text)
}

// oneLine takes line breaks out of a text and bounds it.
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
