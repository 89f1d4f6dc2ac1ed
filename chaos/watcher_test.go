package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/smooch/smooch-go"
)

// What must not appear in an error, a log or, if it is a credential, in anything that is printed.
const (
	markedKeyID    = "key-71d0"
	markedSecret   = "secret-of-the-key-9f27c1"
	markedUser     = "marked.user+3@example.com"
	markedText     = "Marked-text-4410 of a message."
	markedMetadata = "marked-metadata-8812"
	markedQuery    = "marked-query-5307"
)

// A watcher looks for secrets in what the SDK returns and logs.
type watcher struct {
	log    lockedBuffer
	tokens []string
	found  []string
}

// watchToken adds the token of a signer to the credentials.
func (w *watcher) watchToken(signer *smooch.JWTSigner) error {
	token, err := signer.Token()
	w.tokens = append(w.tokens, token, token[strings.LastIndex(token, ".")+1:])
	return err
}

func (w *watcher) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// returned looks for credentials in a value that the SDK returned.
func (w *watcher) returned(v any) {
	for _, format := range []string{"%v", "%+v", "%#v"} {
		w.search(fmt.Sprintf("%s of %T", format, v), fmt.Sprintf(format, v), w.credentials())
	}
}

// class returns the class of an error, and looks for everything marked in its texts.
func (w *watcher) class(err error) string {
	w.chain(err, true)
	return classOf(err)
}

// chain looks at an error and at those of the SDK in its chain. Others, such as net/http's, may
// quote what a server sent.
func (w *watcher) chain(err error, outermost bool) {
	if err == nil {
		return
	}
	if outermost || strings.Contains(fmt.Sprintf("%T", err), "smooch.") {
		w.error(err)
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			w.chain(one, false)
		}
	}
	w.chain(errors.Unwrap(err), false)
}

func (w *watcher) error(err error) {
	everything := append(w.credentials(), markedUser, url.PathEscape(markedUser), markedText, markedMetadata, markedQuery)
	for _, format := range []string{"%v", "%+v", "%#v"} {
		text := fmt.Sprintf(format, err)
		w.search(fmt.Sprintf("%s of %T", format, err), text, everything)
		if strings.ContainsFunc(text, unicode.IsControl) || len(text) > 2000 {
			w.found = append(w.found, fmt.Sprintf("%s of %T is %d bytes, or more than one line", format, err, len(text)))
		}
	}
	w.logger().Error("failed", "err", err)
}

func (w *watcher) credentials() []string { return append([]string{markedSecret}, w.tokens...) }

func (w *watcher) search(where, text string, secrets []string) {
	for _, secret := range secrets {
		if i := strings.Index(text, secret); i >= 0 {
			w.found = append(w.found, fmt.Sprintf("%s: ...%.120q", where, text[max(0, i-60):]))
		}
	}
}

// leaks returns where secrets were found.
func (w *watcher) leaks() []string {
	everything := append(w.credentials(), markedUser, url.PathEscape(markedUser), markedText, markedMetadata, markedQuery)
	w.search("the log", w.log.String(), everything)
	slices.Sort(w.found)
	return slices.Compact(w.found)
}

// A lockedBuffer is a buffer that may be written to concurrently.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
