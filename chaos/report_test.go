package chaos

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/chart"
)

// A result is a line of the table.
type result struct {
	kind     string // begins with one of parts
	tries    int
	bound    string
	measured string
	ok       bool
}

// parts is the order of the table.
var parts = []string{"send:", "send with a token:", "delivery:", "outage:", "rate limit:", "stray 429:", "noisy app:", "hostile server:", "hostile reader:", "secrets:"}

var report struct {
	mu       sync.Mutex
	results  []result
	progress map[string]string
}

// record adds lines to the table, and fails t for each that is not within its bound.
func record(t *testing.T, results ...result) {
	t.Helper()
	report.mu.Lock()
	defer report.mu.Unlock()
	report.results = append(report.results, results...)
	for _, r := range results {
		if !r.ok {
			t.Errorf("%s: %s, but %s (%d tries)", r.kind, r.bound, r.measured, r.tries)
		}
	}
}

// table returns all results as a Markdown table whose columns are aligned; "" if there are none.
func table() string {
	report.mu.Lock()
	defer report.mu.Unlock()
	if len(report.results) == 0 {
		return ""
	}
	rank := func(r result) int {
		return slices.IndexFunc(parts, func(part string) bool { return strings.HasPrefix(r.kind, part) })
	}
	slices.SortStableFunc(report.results, func(a, b result) int { return rank(a) - rank(b) })
	rows := [][]string{{"kind", "tries", "bound", "measured", "ok"}, nil}
	for _, r := range report.results {
		ok := "yes"
		if !r.ok {
			ok = "NO"
		}
		rows = append(rows, []string{r.kind, fmt.Sprint(r.tries), r.bound, r.measured, ok})
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, width := range widths {
		rows[1] = append(rows[1], strings.Repeat("-", width))
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			fmt.Fprintf(&b, "| %-*s ", widths[i], cell)
		}
		b.WriteString("|\n")
	}
	return b.String()
}

const (
	tableBegin = "<!-- The table is written by the suite: do not edit. -->\n"
	tableEnd   = "<!-- End of the table. -->\n"
)

// writeTable replaces the marked section of a file by the table, and draws the chart of its
// figures. If the table is empty, as nothing was measured, the old one stays.
func writeTable(file, table string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(data), tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		return fmt.Errorf("%s has no section for the table", file)
	}
	size := "small size"
	if *full {
		size = "full size"
	}
	page := string(data)
	if table != "" {
		head := fmt.Sprintf("Measured on %s, %s, seed %d.\n\n", time.Now().Format(time.DateOnly), size, *seed)
		page = before + tableBegin + "\n" + head + table + "\n" + tableEnd + after
	}
	return errors.Join(os.WriteFile(file, []byte(page), 0o644), chart.Write(chartOf(file), sendsChart(page)))
}

// progress sets what the live line says about a part of the suite.
func progress(part string, done, total int) {
	report.mu.Lock()
	defer report.mu.Unlock()
	if report.progress == nil {
		report.progress = map[string]string{}
	}
	report.progress[part] = fmt.Sprintf("%s %d/%d", part, done, total)
	if done == total {
		delete(report.progress, part)
	}
}

// showProgress keeps a line on the terminal up to date until stop is called. If the output goes
// elsewhere, it does nothing.
func showProgress() (stop func()) {
	info, err := os.Stdout.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.Tick(200 * time.Millisecond); ; {
			select {
			case <-end:
				fmt.Print("\r\033[K")
				return
			case <-tick:
				report.mu.Lock()
				line := make([]string, 0, len(report.progress))
				for _, text := range report.progress {
					line = append(line, text)
				}
				report.mu.Unlock()
				slices.Sort(line)
				fmt.Print("\r\033[K" + strings.Join(line, ", "))
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

func TestWriteTable(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/page.md"
	require.NoError(t, os.WriteFile(file, []byte("above\n"+tableBegin+"old\n"+tableEnd+"below\n"), 0o600))
	const table = "| kind | tries |\n|---|---|\n"
	require.NoError(t, writeTable(file, table))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Regexp(t, `(?s)^above\n<!--.*Measured on .*\| kind .*-->\nbelow\n$`, string(data))
	assert.NotContains(t, string(data), "old\n")
	picture, err := os.ReadFile(chartOf(file))
	require.NoError(t, err)
	assert.Contains(t, string(picture), "</svg>")
	require.NoError(t, writeTable(file, ""))
	again, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(data), string(again))
	require.NoError(t, os.WriteFile(file, []byte("no section"), 0o600))
	assert.Error(t, writeTable(file, table))
}
