package main

import (
	"fmt"
	"html"
	"math"
	"slices"
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

// A canvas is an SVG picture.
type canvas struct {
	strings.Builder
	width, height float64
}

func newCanvas(width, height float64, title, subtitle string) *canvas {
	c := &canvas{width: width, height: height}
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" role="img" aria-label="%s">`+"\n", width, height, width, height, html.EscapeString(title))
	c.WriteString(style)
	c.text(16, 28, "title", "start", title)
	c.text(16, 48, "soft", "start", subtitle)
	return c
}

func (c *canvas) text(x, y float64, class, anchor, text string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(text))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

func (c *canvas) dot(x, y float64, class string) {
	fmt.Fprintf(c, `<circle cx="%.1f" cy="%.1f" r="4.5" class="%s"/>`+"\n", x, y, class)
}

func (c *canvas) end() string { return c.String() + "</svg>\n" }

// ratioChart draws the ratios of times: a point with its interval, and a stroke at the bound.
func ratioChart(lines []line) string {
	lines = slices.DeleteFunc(slices.Clone(lines), func(l line) bool { return l.format != "%.2f" || math.IsNaN(l.is.median) })
	const left, right, top, row = 298.0, 96.0, 78.0, 28.0
	most := 1.2
	for _, l := range lines {
		most = max(most, l.is.high*1.04, l.most*1.04)
	}
	c := newCanvas(806, top+row*float64(len(lines))+36, "The SDK against net/http with encoding/json",
		"1.0 is bare with a time-out. The stroke is the bound, the band the 95 % interval of the median.")
	x := func(ratio float64) float64 { return left + ratio/most*(c.width-left-right) }
	bottom := top + row*float64(len(lines)) - 4
	for i := 0; float64(i)*0.25 <= most; i++ {
		at := x(float64(i) * 0.25)
		c.line(at, top-12, at, bottom, map[bool]string{true: "one", false: "grid"}[i == 4])
		c.text(at, bottom+18, "soft", "middle", fmt.Sprintf("%.2f", float64(i)*0.25))
	}
	for i, l := range lines {
		y := top + row*float64(i) + 4
		class := map[bool]string{true: "sdk", false: "over"}[l.ok()]
		c.text(left-16, y+4, "", "end", l.work+", "+l.measure)
		c.line(x(l.is.low), y, x(l.is.high), y, class+" span")
		c.line(x(l.most), y-9, x(l.most), y+9, "bound")
		c.dot(x(l.is.median), y, class)
		c.text(c.width-right+16, y+4, "value", "start", fmt.Sprintf("%.2f", l.is.median))
		c.text(c.width-right+50, y+4, "soft", "start", map[bool]string{true: "≥", false: "≤"}[l.atLeast]+fmt.Sprintf(" %.2f", l.most)[1:])
	}
	return c.end()
}

// growthChart draws what one item takes against the number of items.
func growthChart(g growth) string {
	const left, right, top, height = 64.0, 84.0, 76.0, 190.0
	c := newCanvas(560, top+height+44, g.title, strings.TrimSpace("Time of one, in "+g.unit+". Flat is good. "+g.note))
	most := 0.0
	for _, values := range g.values {
		most = max(most, slices.Max(values))
	}
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for _, part := range []float64{1, 0.5, 0.25} {
		if most/(step*part) >= 3 {
			step *= part
			break
		}
	}
	ceiling := math.Ceil(most*1.05/step) * step
	x := func(i int) float64 { return left + float64(i)/float64(len(g.steps)-1)*(c.width-left-right) }
	y := func(value float64) float64 { return top + height - value/ceiling*height }
	for value := 0.0; value <= ceiling+step/2; value += step {
		c.line(left, y(value), c.width-right, y(value), "grid")
		c.text(left-10, y(value)+4, "soft", "end", fmt.Sprintf("%.4g", value))
	}
	for i, n := range g.steps {
		c.text(x(i), top+height+22, "soft", "middle", grouped(float64(n)))
	}
	for i := range slices.Backward(g.sides) {
		class := []string{"sdk", "bare"}[i]
		var points []string
		for j, value := range g.values[i] {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(j), y(value)))
		}
		fmt.Fprintf(c, `<polyline points="%s" class="%s line"/>`+"\n", strings.Join(points, " "), class)
		for j, value := range g.values[i] {
			c.dot(x(j), y(value), class)
		}
		last := g.values[i][len(g.steps)-1]
		shift := 4.0
		if other := 1 - i; other < len(g.sides) && math.Abs(y(last)-y(g.values[other][len(g.steps)-1])) < 14 {
			shift += 9
			if last > g.values[other][len(g.steps)-1] || last == g.values[other][len(g.steps)-1] && i == 0 {
				shift = -4
			}
		}
		c.text(x(len(g.steps)-1)+12, y(last)+shift, class, "start", g.sides[i]+fmt.Sprintf(" %.3g", last))
	}
	return c.end()
}
