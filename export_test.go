package smooch

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// CommentedCall is a call of wires with the comment of its method, for tests that use package
// smoochtest: it imports this package, whose own tests cannot import it.
type CommentedCall struct {
	Name    string
	Comment string
	Version Version
	Call    func(context.Context, *Client) (any, error)
}

// CommentedCalls returns all calls of wires.
func CommentedCalls(t *testing.T) []CommentedCall {
	t.Helper()
	var calls []CommentedCall
	for _, w := range wires {
		name, _, _ := strings.Cut(w.name, " ")
		i := slices.IndexFunc(methods(t), func(m method) bool { return m.name == name })
		calls = append(calls, CommentedCall{w.name, methods(t)[i].doc, w.v, w.call})
	}
	return calls
}
