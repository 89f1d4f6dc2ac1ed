package smooch_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestREADME: the code of the README is that of the examples.
func TestREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	examples := squeeze(strings.ReplaceAll(string(source), `dir + "/photo.png"`, `"photo.png"`))
	blocks := strings.Split(string(readme), "```go\n")[1:]
	require.NotEmpty(t, blocks)
	program, err := os.ReadFile("examples/post-message/main.go")
	require.NoError(t, err)
	examples += squeeze(string(program))
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		assert.Contains(t, examples, squeeze(code))
	}
}

// squeeze removes indentation and empty lines.
func squeeze(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
