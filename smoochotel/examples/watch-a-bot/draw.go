package main

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"time"
)

// The picture follows the reader's choice of light or dark.
const style = `<style>
svg { --page: #f6f8fa; --card: #ffffff; --edge: #d9dee3; --ink: #1f2328; --soft: #59636e; --grid: #e7ebef; --band: #cf222e;
--ok: #2da44e; --ok2: #7bc47f; --warn: #d4820a; --bad: #cf222e; --lost: #8250df; --c0: #0b63ce; --c1: #1b8a8a; --c2: #bf5b9c; --c3: #8250df; --c4: #6e7781; --c5: #b07d2b }
@media (prefers-color-scheme: dark) {
svg { --page: #0d1117; --card: #161b22; --edge: #30363d; --ink: #e6edf3; --soft: #9198a1; --grid: #232a33; --band: #ff7b72;
--ok: #3fb950; --ok2: #8fdb96; --warn: #e3a008; --bad: #ff7b72; --lost: #bc8cff; --c0: #58a6ff; --c1: #39c5bb; --c2: #f778ba; --c3: #bc8cff; --c4: #8b949e; --c5: #d9a441 } }
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--soft) }
.title { font-size: 20px; font-weight: 600; fill: var(--ink) }
.head { font-size: 14px; font-weight: 600; fill: var(--ink) }
.tick { font-size: 11px; font-variant-numeric: tabular-nums }
.phase { font-size: 11px; font-weight: 600; fill: var(--band) }
.card { fill: var(--card); stroke: var(--edge) }
.grid { stroke: var(--grid) }
.band { fill: var(--band); fill-opacity: .08 }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round }
.area { stroke: none; fill-opacity: .22 }
</style>
`

// Sizes, in the units of the picture.
const (
	cardWidth, cardHeight = 560.0, 256.0
	gap, top              = 16.0, 108.0
	plotLeft, plotRight   = 54.0, 16.0
	plotTop, plotHeight   = 58.0, 128.0
)

// draw returns the panels as a picture, with bands where something went wrong.
func draw(panels []drawnPanel, phases []phase, length time.Duration) string {
	var b strings.Builder
	width := 2*cardWidth + 3*gap
	height := top + math.Ceil(float64(len(panels))/2)*(cardHeight+gap)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" role="img" aria-label="The dashboard of a bot over a run with faults">`+"\n", width, height, width, height)
	b.WriteString(style)
	fmt.Fprintf(&b, `<rect width="%g" height="%g" fill="var(--page)"/>`+"\n", width, height)
	text(&b, gap+4, 36, "title", "start", "A bot on the dashboard of smoochotel, while things go wrong")
	text(&b, gap+4, 60, "", "start", fmt.Sprintf("%d users write and the bot answers, for %.0f s against the fake service. One scrape a second; each curve is a query of dashboard.json.", users, length.Seconds()))
	x := gap + 4
	for _, p := range phases {
		fmt.Fprintf(&b, `<rect x="%.1f" y="74" width="12" height="12" class="band"/>`+"\n", x)
		text(&b, x+18, 84, "phase", "start", p.mark)
		mark := 24 + 7*float64(len(p.mark))
		text(&b, x+mark, 84, "", "start", p.name)
		x += mark + 24 + 6.2*float64(len(p.name))
	}
	for i, p := range panels {
		x, y := gap+float64(i%2)*(cardWidth+gap), top+float64(i/2)*(cardHeight+gap)
		fmt.Fprintf(&b, `<g transform="translate(%g %g)">`+"\n", x, y)
		drawPanel(&b, p, phases, length)
		b.WriteString("</g>\n")
	}
	return b.String() + "</svg>\n"
}

func text(b *strings.Builder, x, y float64, class, anchor, s string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(s))
}

func drawPanel(b *strings.Builder, p drawnPanel, phases []phase, length time.Duration) {
	fmt.Fprintf(b, `<rect width="%g" height="%g" rx="6" class="card"/>`+"\n", cardWidth, cardHeight)
	text(b, 16, 26, "head", "start", p.Title)
	plotWidth := cardWidth - plotLeft - plotRight
	at := func(d time.Duration) float64 { return plotLeft + plotWidth*d.Seconds()/length.Seconds() }
	for _, ph := range phases {
		fmt.Fprintf(b, `<rect x="%.1f" y="%g" width="%.1f" height="%g" class="band"/>`+"\n", at(ph.from), plotTop, at(ph.to)-at(ph.from), plotHeight)
		text(b, (at(ph.from)+at(ph.to))/2, plotTop-6, "phase", "middle", ph.mark)
	}
	stacked := p.FieldConfig.Defaults.Custom.Stacking.Mode == "normal"
	slices.SortStableFunc(p.curves, func(a, b curve) int { return cmp.Compare(rank(a.name), rank(b.name)) })
	n := int(length.Seconds()) + 1
	sums := make([]float64, n)
	tops := make([][]float64, len(p.curves))
	most := 0.0
	for i, c := range p.curves {
		tops[i] = make([]float64, n)
		for k := range n {
			v := math.NaN()
			if k < len(c.values) {
				v = c.values[k]
			}
			if stacked {
				if !math.IsNaN(v) {
					sums[k] += v
				}
				v = sums[k]
			}
			tops[i][k] = v
			if v > most {
				most = v
			}
		}
	}
	step, ceiling := scale(most)
	y := func(v float64) float64 { return plotTop + plotHeight*(1-v/ceiling) }
	for v := 0.0; v <= ceiling*1.001; v += step {
		fmt.Fprintf(b, `<line x1="%g" y1="%.1f" x2="%g" y2="%.1f" class="grid"/>`+"\n", plotLeft, y(v), cardWidth-plotRight, y(v))
		text(b, plotLeft-8, y(v)+4, "tick", "end", amount(v, p.FieldConfig.Defaults.Unit, step))
	}
	for s := time.Duration(0); s <= length; s += (length / 6).Round(time.Second) {
		text(b, at(s), plotTop+plotHeight+18, "tick", "middle", fmt.Sprintf("%d s", int(s.Seconds())))
	}
	for i, c := range slices.Backward(p.curves) {
		color := colorOf(p.curves, i)
		var points, area []string
		flush := func() {
			if len(points) == 0 {
				return
			}
			if stacked {
				fmt.Fprintf(b, `<polygon points="%s" class="area" fill="%s"/>`+"\n", strings.Join(append(points, area...), " "), color)
			}
			fmt.Fprintf(b, `<polyline points="%s" class="line" stroke="%s"/>`+"\n", strings.Join(points, " "), color)
			points, area = nil, nil
		}
		for k, v := range tops[i] {
			if math.IsNaN(v) || isFlat(c.values, k) {
				flush()
				continue
			}
			x := at(time.Duration(k) * time.Second)
			floor := 0.0
			if i > 0 && stacked {
				floor = tops[i-1][k]
			}
			points = append(points, fmt.Sprintf("%.1f,%.1f", x, y(v)))
			area = append([]string{fmt.Sprintf("%.1f,%.1f", x, y(floor))}, area...)
		}
		flush()
	}
	drawLegend(b, p.curves)
}

// isFlat reports whether a curve is zero around k, so that nothing needs to be drawn.
func isFlat(values []float64, k int) bool {
	for _, v := range values[max(k-1, 0):min(k+2, len(values))] {
		if v > 0 {
			return false
		}
	}
	return true
}

// drawLegend names the curves, in two lines at most.
func drawLegend(b *strings.Builder, curves []curve) {
	x, y := 16.0, plotTop+plotHeight+42
	for i, c := range curves {
		w := 30 + 6.9*float64(len(c.name))
		if x+w > cardWidth-8 {
			x, y = 16, y+18
		}
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="10" height="4" rx="2" fill="%s"/>`+"\n", x, y-6, colorOf(curves, i))
		text(b, x+15, y, "", "start", c.name)
		x += w
	}
}

// kind says what a curve means by its name: the first word, or the status in it.
func kind(name string) string {
	word := strings.TrimPrefix(name, "repeat after ")
	switch {
	case word == "pause" || strings.HasPrefix(word, "429") || strings.HasSuffix(word, "duplicate"):
		return "warn"
	case strings.HasPrefix(word, "5"):
		return "bad"
	case strings.HasPrefix(name, "outcome"), name == "no response", strings.HasSuffix(name, "connection"):
		return "lost"
	case strings.HasPrefix(word, "2"):
		return "ok"
	}
	return ""
}

// rank puts what went well below what went wrong.
func rank(name string) int {
	return slices.Index([]string{"ok", "", "warn", "lost", "bad"}, kind(name))
}

func colorOf(curves []curve, i int) string {
	if k := kind(curves[i].name); k != "" {
		same := slices.IndexFunc(curves, func(c curve) bool { return kind(c.name) == k })
		switch {
		case same == i:
			return "var(--" + k + ")"
		case k == "ok":
			return "var(--ok2)"
		}
	}
	return fmt.Sprintf("var(--c%d)", i%6)
}

// scale returns the distance of the lines of a grid, and the value of the last.
func scale(most float64) (step, ceiling float64) {
	if most <= 0 {
		return 1, 1
	}
	step = math.Pow(10, math.Floor(math.Log10(most/3)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if most/(step*factor) <= 4 {
			step *= factor
			break
		}
	}
	return step, step * math.Ceil(most/step*1.001)
}

// amount returns a value as it stands beside the grid.
func amount(v float64, unit string, step float64) string {
	switch {
	case unit == "s" && step < 1 && v < 1 && v > 0:
		return fmt.Sprintf("%.4g ms", v*1000)
	case unit == "s":
		return fmt.Sprintf("%.3g s", v)
	}
	return fmt.Sprintf("%.3g /s", v)
}
