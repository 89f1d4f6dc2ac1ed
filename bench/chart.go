package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/smooch/smooch-go/internal/chart"
)

// ratioChart draws the ratios of times: a point with its interval, and a stroke at the bound.
func ratioChart(lines []line) string {
	lines = slices.DeleteFunc(slices.Clone(lines), func(l line) bool { return l.format != "%.2f" || math.IsNaN(l.is.median) })
	const left, right, top, row = 298.0, 96.0, 78.0, 28.0
	most := 1.2
	for _, l := range lines {
		most = max(most, l.is.high*1.04, l.most*1.04)
	}
	c := chart.New(806, top+row*float64(len(lines))+36, "The SDK against net/http with encoding/json",
		"1.0 is bare with a time-out. The stroke is the bound, the band the 95 % interval of the median.")
	x := func(ratio float64) float64 { return left + ratio/most*(c.Width-left-right) }
	bottom := top + row*float64(len(lines)) - 4
	for i := 0; float64(i)*0.25 <= most; i++ {
		at := x(float64(i) * 0.25)
		c.Line(at, top-12, at, bottom, map[bool]string{true: "one", false: "grid"}[i == 4])
		c.Text(at, bottom+18, "soft", "middle", fmt.Sprintf("%.2f", float64(i)*0.25))
	}
	for i, l := range lines {
		y := top + row*float64(i) + 4
		class := map[bool]string{true: "sdk", false: "over"}[l.ok()]
		c.Text(left-16, y+4, "", "end", l.work+", "+l.measure)
		c.Line(x(l.is.low), y, x(l.is.high), y, class+" span")
		c.Line(x(l.most), y-9, x(l.most), y+9, "bound")
		c.Dot(x(l.is.median), y, class)
		c.Text(c.Width-right+16, y+4, "value", "start", fmt.Sprintf("%.2f", l.is.median))
		c.Text(c.Width-right+50, y+4, "soft", "start", map[bool]string{true: "≥", false: "≤"}[l.atLeast]+fmt.Sprintf(" %.2f", l.most)[1:])
	}
	return c.End()
}

// growthChart draws what one item takes against the number of items.
func growthChart(g growth) string {
	const left, right, top, height = 64.0, 84.0, 76.0, 190.0
	c := chart.New(560, top+height+44, g.title, strings.TrimSpace("Time of one, in "+g.unit+". Flat is good. "+g.note))
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
	x := func(i int) float64 { return left + float64(i)/float64(len(g.steps)-1)*(c.Width-left-right) }
	y := func(value float64) float64 { return top + height - value/ceiling*height }
	for value := 0.0; value <= ceiling+step/2; value += step {
		c.Line(left, y(value), c.Width-right, y(value), "grid")
		c.Text(left-10, y(value)+4, "soft", "end", fmt.Sprintf("%.4g", value))
	}
	for i, n := range g.steps {
		c.Text(x(i), top+height+22, "soft", "middle", chart.Grouped(float64(n)))
	}
	for i := range slices.Backward(g.sides) {
		class := []string{"sdk", "bare"}[i]
		var points []string
		for j, value := range g.values[i] {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(j), y(value)))
		}
		fmt.Fprintf(c, `<polyline points="%s" class="%s line"/>`+"\n", strings.Join(points, " "), class)
		for j, value := range g.values[i] {
			c.Dot(x(j), y(value), class)
		}
		last := g.values[i][len(g.steps)-1]
		shift := 4.0
		if other := 1 - i; other < len(g.sides) && math.Abs(y(last)-y(g.values[other][len(g.steps)-1])) < 14 {
			shift += 9
			if last > g.values[other][len(g.steps)-1] || last == g.values[other][len(g.steps)-1] && i == 0 {
				shift = -4
			}
		}
		c.Text(x(len(g.steps)-1)+12, y(last)+shift, class, "start", g.sides[i]+fmt.Sprintf(" %.3g", last))
	}
	return c.End()
}
