package progress

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTerminal: on a terminal there is one line that is redrawn, and what is printed stands above.
func TestTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := start(&out, true, "messages", 4000, 1000)
	b.Add(1000)
	b.Println("row 7 was refused")
	b.Stop()
	text := out.String()
	assert.Equal(t, 2, strings.Count(text, "\n"), text)
	assert.Contains(t, text, "\r\x1b[Krow 7 was refused\n")
	last := text[strings.LastIndex(text, "\r"):]
	assert.Regexp(t, `^\r█{12}░{12}  2,000 of 4,000 messages  [\d,]+/s  in \S+\x1b\[K\n$`, last)
}

// TestElsewhere: a log gets lines without control characters.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	file, err := os.Create(t.TempDir() + "/log")
	require.NoError(t, err)
	defer file.Close()
	b := Start(file, "users", 3, 0)
	b.Println("ida has no conversation")
	b.Add(3)
	b.Stop()
	text, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	assert.Regexp(t, `^ida has no conversation\n3 of 3 users  [\d,]+/s  in \S+\n$`, string(text))
}
