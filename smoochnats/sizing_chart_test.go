package smoochnats_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/chart"
)

var draw = flag.Bool("draw", false, "draw the chart of docs/scaling.md from the table there")

const (
	scalingPage  = "../docs/scaling.md"
	scalingChart = "../docs/scaling/nats.svg"
)

var microseconds = regexp.MustCompile(`^(\d+)(?: to (\d+))? µs$`)

// sizingChart draws the processor time of an event, as the table of a page says.
func sizingChart(page string) string {
	sides := []struct{ name, class string }{
		{"one replica", "sdk"}, {"three replicas", "bare"}, {"one replica, sync_interval: always", "over"},
	}
	type work struct {
		name string
		low  [3]float64
		high [3]float64
	}
	var all []work
	most := 1.0
	_, page, _ = strings.Cut(page, "Processor time is what a rate depends on")
	for _, row := range chart.Rows(page, "\n\n") {
		w := work{name: strings.ReplaceAll(row[0], "`", "")}
		read := 0
		for i, cell := range row[1:] {
			if found := microseconds.FindStringSubmatch(cell); found != nil && i < len(sides) {
				w.low[i], _ = strconv.ParseFloat(found[1], 64)
				w.high[i], _ = strconv.ParseFloat(found[2], 64)
				w.high[i] = max(w.low[i], w.high[i])
				most = max(most, w.high[i])
				read++
			}
		}
		if read == len(sides) {
			all = append(all, w)
		}
	}
	const left, right, row, bar = 40.0, 110.0, 84.0, 18.0
	c := chart.New(806, 96+row*float64(len(all)), "Processor time of an event, in µs",
		"Servers, publishers and workers together, 1 kB each. A band is the range of several runs. Short is good.")
	at := left
	for _, side := range sides {
		c.Bar(at, 72, 12, side.class)
		c.Text(at+20, 76, "", "start", side.name)
		at += 44 + 7.2*float64(len(side.name))
	}
	x := func(value float64) float64 { return left + value/most*(c.Width-left-right) }
	for i, w := range all {
		y := 110 + row*float64(i)
		c.Text(left, y, "", "start", w.name)
		for j, side := range sides {
			y := y + 16 + bar*float64(j)
			c.Bar(left, y, x(w.low[j])-left, side.class)
			text := fmt.Sprintf("%.0f", w.low[j])
			if w.high[j] > w.low[j] {
				c.Line(x(w.low[j]), y, x(w.high[j]), y, side.class+" span")
				text += fmt.Sprintf(" to %.0f", w.high[j])
			}
			c.Text(x(w.high[j])+12, y+4, "value", "start", text)
		}
	}
	return c.End()
}

// TestSizingChart: the chart of the documentation shows the figures of its table.
func TestSizingChart(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(scalingPage)
	require.NoError(t, err)
	picture := sizingChart(string(page))
	if *draw {
		require.NoError(t, chart.Write(scalingChart, picture))
	}
	drawn, err := os.ReadFile(scalingChart)
	require.NoError(t, err)
	assert.Equal(t, picture, string(drawn), "go test -run SizingChart -draw draws it anew")
	assert.Contains(t, string(page), "](scaling/nats.svg)")
	assert.Equal(t, 4*3, strings.Count(picture, `class="value"`))
	assert.NotContains(t, picture, "NaN")
}
