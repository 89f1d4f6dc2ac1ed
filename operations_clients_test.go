package smooch

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clientCall is a call of the API and the methods that make it: of this package, and of the
// official clients as their published sources and documentation name them.
type clientCall struct {
	Call   string
	Method string
	Core8  []string // smooch-core 8
	Core6  []string // smooch-core 6
	Java   []string // smooch-java
	Ruby   []string // smooch-ruby and smooch-python
}

const (
	clientsBegin = "<!-- The table is written by \"make api\": do not edit. -->\n"
	clientsEnd   = "<!-- End of the table. -->\n"
)

// TestClientsTable: each method of the official clients has its method here, which makes the same
// call; and the table of the guide is that of testdata/clients.json.
func TestClientsTable(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/clients.json")
	require.NoError(t, err)
	var calls []clientCall
	require.NoError(t, json.Unmarshal(data, &calls))
	require.Len(t, calls, 85, "the calls that smooch-core 8 has; no other client has a call that it lacks")

	made := map[string][]string{} // by a method of this package
	rows := rowNames(t)
	for _, m := range methods(t) {
		for _, row := range m.rows {
			made[m.name] = append(made[m.name], operations[slices.Index(rows, row)].String())
		}
	}
	var b strings.Builder
	b.WriteString("| smooch-core 8, 6 | smooch-java | smooch-ruby, -python | here |\n|---|---|---|---|\n")
	for _, c := range calls {
		assert.Contains(t, made[c.Method], c.Call, "%s", c.Method)
		assert.NotEmpty(t, c.Core8, "%s", c.Call)
		fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", coreNames(c), codeSpans(c.Java), codeSpans(c.Ruby), c.Method)
	}

	guide, err := os.ReadFile("docs/from-official-clients.md")
	require.NoError(t, err)
	head, rest, found := strings.Cut(string(guide), clientsBegin)
	require.True(t, found)
	_, tail, found := strings.Cut(rest, clientsEnd)
	require.True(t, found)
	checkWritten(t, "docs/from-official-clients.md", head+clientsBegin+"\n"+b.String()+"\n"+clientsEnd+tail)
}

// coreNames returns the names of smooch-core, with the version where only one has the name.
func coreNames(c clientCall) string {
	var texts []string
	for _, name := range c.Core8 {
		text := "`" + name + "`"
		if !slices.Contains(c.Core6, name) {
			text += " (8)"
		}
		texts = append(texts, text)
	}
	for _, name := range c.Core6 {
		if !slices.Contains(c.Core8, name) {
			texts = append(texts, "`"+name+"` (6)")
		}
	}
	return strings.Join(texts, ", ")
}

func codeSpans(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

// TestProvenance: docs/provenance.md names each document that testdata/endpoints.json refers to.
func TestProvenance(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/provenance.md")
	require.NoError(t, err)
	for _, e := range readEndpoints(t) {
		document, _, _ := strings.Cut(e.Source, "/docs/")
		document, _, _ = strings.Cut(document, ", ")
		assert.Contains(t, string(page), "| "+document+" |", "%s", e.ID)
	}
}
