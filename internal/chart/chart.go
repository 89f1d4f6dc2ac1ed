// Package chart draws the charts of docs/ as SVG. The modules that measure share it, so that all
// charts look alike.
package chart

import (
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// style is that of all charts. It follows the reader's choice of light or dark.
const style = `<style>
svg { --ink: #1f2328; --soft: #59636e; --grid: #d9dee3; --sdk: #0b63ce; --bare: #8b949e; --over: #b4540a }
@media (prefers-color-scheme: dark) {
svg { --ink: #e6edf3; --soft: #9198a1; --grid: #30363d; --sdk: #58a6ff; --bare: #7d8590; --over: #f0883e } }
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--ink) }
.title { font-size: 16px; font-weight: 600 }
.soft { fill: var(--soft); font-size: 12px }
.value { font-variant-numeric: tabular-nums }
.grid { stroke: var(--grid) }
.one { stroke: var(--soft); stroke-dasharray: 3 3 }
.bound { stroke: var(--ink); stroke-width: 2 }
.sdk { stroke: var(--sdk); fill: var(--sdk) }
.over { stroke: var(--over); fill: var(--over) }
.bare { stroke: var(--bare); fill: var(--bare) }
.span { stroke-width: 6; stroke-opacity: .35; stroke-linecap: round }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
text.sdk, text.bare { stroke: none; font-weight: 600 }
</style>
`

// A Canvas is an SVG picture. The classes of what is drawn are those of the style: sdk, bare and
// over are colours, the others are kinds of lines and texts.
type Canvas struct {
	strings.Builder
	Width, Height float64
}

// New returns a canvas with a title and a line below it.
func New(width, height float64, title, subtitle string) *Canvas {
	c := &Canvas{Width: width, Height: height}
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" role="img" aria-label="%s">`+"\n", width, height, width, height, html.EscapeString(title))
	c.WriteString(style)
	c.Text(16, 28, "title", "start", title)
	c.Text(16, 48, "soft", "start", subtitle)
	return c
}

// Text writes a text. The anchor is start, middle or end.
func (c *Canvas) Text(x, y float64, class, anchor, text string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(text))
}

// Line draws a line.
func (c *Canvas) Line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

// Dot draws a point.
func (c *Canvas) Dot(x, y float64, class string) {
	fmt.Fprintf(c, `<circle cx="%.1f" cy="%.1f" r="4.5" class="%s"/>`+"\n", x, y, class)
}

// Bar draws a bar to the right, 12 high, around the height y.
func (c *Canvas) Bar(x, y, width float64, class string) {
	fmt.Fprintf(c, `<rect x="%.1f" y="%.1f" width="%.1f" height="12" rx="2" class="%s" stroke="none"/>`+"\n", x, y-6, width, class)
}

// End returns the picture.
func (c *Canvas) End() string { return c.String() + "</svg>\n" }

// Grouped writes a count with commas.
func Grouped(count float64) string {
	text := fmt.Sprintf("%.0f", math.Abs(count))
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Rows returns the cells of the first table after a text in a Markdown page, without its head.
func Rows(page, after string) [][]string {
	_, rest, _ := strings.Cut(page, after)
	var rows [][]string
	for line := range strings.Lines(rest) {
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "|"), "|"), "|")
		switch {
		case strings.HasPrefix(line, "|"):
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		case rows != nil:
			return rows[min(2, len(rows)):]
		}
	}
	return rows[min(2, len(rows)):]
}

// Write writes a picture to a file, and makes its directory.
func Write(file, picture string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(picture), 0o644)
}
