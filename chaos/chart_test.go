package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/chart"
)

// chartOf returns the file of the chart that belongs to a page with the table.
func chartOf(page string) string {
	return filepath.Join(strings.TrimSuffix(page, ".md"), "sends.svg")
}

// sendsChart draws how many sends stayed unknown, as the table of a page says.
func sendsChart(page string) string {
	type bar struct {
		label, class                 string
		sends, twice, wrong, unknown int
	}
	var runs, faults []bar
	twice, wrong, most := 0, 0, 0.1
	for _, row := range chart.Rows(page, tableBegin) {
		part, label, _ := strings.Cut(row[0], ": ")
		if !strings.HasPrefix(part, "send") {
			continue
		}
		b := bar{label: label, class: "bare"}
		b.sends, _ = strconv.Atoi(row[1])
		if n, _ := fmt.Sscanf(row[3], "%d twice, %d wrong, %d unknown", &b.twice, &b.wrong, &b.unknown); n < 3 || b.sends == 0 {
			continue
		}
		twice, wrong, most = twice+b.twice, wrong+b.wrong, max(most, float64(b.unknown)/float64(b.sends))
		switch {
		case part == "send with a token":
			b.label, b.class = "with a token: "+label, "sdk"
			runs = append(runs, b)
		case label == "without a token":
			runs = append(runs, b)
		default:
			faults = append(faults, b)
		}
	}
	byShare := func(a, b bar) int { return b.unknown*a.sends - a.unknown*b.sends }
	slices.SortStableFunc(runs, byShare)
	slices.SortStableFunc(faults, byShare)

	const left, right, row = 346.0, 150.0, 24.0
	subtitle := "Of all these sends, none arrived twice, and no report was wrong. 30 % of the requests failed."
	if twice+wrong > 0 {
		subtitle = fmt.Sprintf("%d of these sends arrived twice, %d reports were wrong. 30 %% of the requests failed.", twice, wrong)
	}
	c := chart.New(806, 140+row*float64(len(runs)+len(faults)), "Sends whose outcome stayed unknown", subtitle)
	y := 78.0
	draw := func(head string, bars []bar) {
		c.Text(left-16, y+4, "soft", "end", head)
		c.Text(c.Width-24, y+4, "soft", "end", "of sends")
		for _, b := range bars {
			y += row
			share := float64(b.unknown) / float64(b.sends)
			width := share / most * (c.Width - left - right)
			c.Text(left-16, y+4, "", "end", b.label)
			if b.unknown > 0 {
				c.Bar(left, y, max(width, 1.5), b.class)
			}
			c.Text(left+width+10, y+4, "value", "start", fmt.Sprintf("%.1f %%", 100*share))
			c.Text(c.Width-24, y+4, "soft value", "end", chart.Grouped(float64(b.sends)))
		}
		y += row + 12
	}
	draw("all failures", runs)
	draw("by the failure that a send met, in all runs", faults)
	return c.End()
}

// TestChart: the chart of the documentation shows the figures of its table.
func TestChart(t *testing.T) {
	t.Parallel()
	const page = "../docs/reliability.md"
	if *write != "" {
		t.Skip("it is written")
	}
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	drawn, err := os.ReadFile(chartOf(page))
	require.NoError(t, err)
	assert.Equal(t, sendsChart(string(text)), string(drawn), "go test -run Chart -write %s draws it", page)
	assert.Contains(t, string(text), "](reliability/sends.svg)")
}

// TestChartOfAnotherRun: figures that the documentation does not have are drawn as well.
func TestChartOfAnotherRun(t *testing.T) {
	t.Parallel()
	const head = tableBegin + "\n| kind | tries | bound | measured | ok |\n|---|---|---|---|---|\n"
	const figures = "| send: without a token | 2000 | b | %d twice, 0 wrong, 500 unknown, 6 failed | yes |\n" +
		"| send with a token: default <policy> | 480 | b | 0 twice, %d wrong, 0 unknown, 0 failed | yes |\n" +
		"| stray 429: x | 1 | b | 12 ms | yes |\n"
	picture := sendsChart(head + fmt.Sprintf(figures, 0, 0))
	for _, part := range []string{"none arrived twice", "25.0 %", "0.0 %", "2,000", "default &lt;policy&gt;"} {
		assert.Contains(t, picture, part)
	}
	assert.NotContains(t, picture, "NaN")
	assert.NotContains(t, picture, "12 ms")
	assert.Contains(t, sendsChart(head+fmt.Sprintf(figures, 2, 3)), "2 of these sends arrived twice, 3 reports were wrong.")
	assert.NotContains(t, sendsChart(head), "NaN")
}
