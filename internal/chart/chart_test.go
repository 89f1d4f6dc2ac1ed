package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPicture: a picture is well-formed, whatever its texts are.
func TestPicture(t *testing.T) {
	t.Parallel()
	const odd = `a < b & "c"`
	c := New(300, 200, odd, odd)
	c.Text(1, 2, "soft", "end", odd)
	c.Line(1, 2, 3, 4, "grid")
	c.Dot(1, 2, "sdk")
	c.Bar(1, 20, 30, "bare")
	d := xml.NewDecoder(strings.NewReader(c.End()))
	texts := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if data, is := token.(xml.CharData); is && string(data) == odd {
			texts++
		}
	}
	assert.Equal(t, 3, texts)
}

func TestRows(t *testing.T) {
	t.Parallel()
	const page = "| not | this |\n|---|---|\n| 0 | 0 |\n\n## Here\n\n| kind | n |\n| --- | --- |\n| a b  | 1 |\n|   | 2 |\n\n| other | 3 |\n"
	assert.Equal(t, [][]string{{"a b", "1"}, {"", "2"}}, Rows(page, "## Here"))
	assert.Empty(t, Rows(page, "## Nowhere"))
	assert.Empty(t, Rows("## Here\n| head |\n", "## Here"))
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"0", "999", "1,000", "1,234,568"}, []string{Grouped(0), Grouped(999), Grouped(1000), Grouped(1234567.8)})
}
