package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/smoochotel"
)

const board = "../../dashboard.json"

// scraped runs a bot through all its phases, and returns what Prometheus has scraped over HTTP.
func scraped(t *testing.T, length time.Duration) (store *samples, phases []phase, from, to time.Time) {
	t.Helper()
	registry, provider, err := newMetrics()
	require.NoError(t, err)
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()
	store = &samples{}
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	done := make(chan []phase, 1)
	go func() { done <- runBot(ctx, length, smoochotel.WithMeterProvider(provider)) }()
	from = time.Now()
	for tick := time.NewTicker(time.Second); ctx.Err() == nil; {
		require.NoError(t, store.scrape(t.Context(), server.URL))
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	phases = <-done
	require.NoError(t, store.scrape(t.Context(), server.URL))
	return store, phases, from, time.Now()
}

// TestDashboard: what each query of the dashboard asks for is there when Prometheus scrapes a
// program in which everything goes wrong once: each name, and each label with what it is compared
// with.
func TestDashboard(t *testing.T) {
	t.Parallel()
	store, phases, from, to := scraped(t, 16*time.Second)
	panels, err := readDashboard(board)
	require.NoError(t, err)
	require.Len(t, panels, 8)
	for _, p := range panels {
		for _, target := range p.Targets {
			expr, err := parser.ParseExpr(query(target.Expr, rateInterval))
			require.NoError(t, err, p.Title)
			checkExpr(t, store, p.Title, target.LegendFormat, expr)
		}
	}
	drawn, err := evaluate(store, panels, from, to)
	require.NoError(t, err)
	for _, d := range drawn {
		assert.NotEmpty(t, d.curves, d.Title)
	}
	find := func(title, name string) curve {
		for _, d := range drawn {
			for _, c := range d.curves {
				if d.Title == title && c.name == name {
					return c
				}
			}
		}
		t.Errorf("%s has no curve %s", title, name)
		return curve{}
	}
	for _, want := range [][2]string{
		{"Attempts, by status", "503"}, {"Attempts, by status", "429"}, {"Attempts, by status", "no response"},
		{"Failed calls, by cause", "outcome_unknown"}, {"Repeats and unknown outcomes", "repeat after 429"},
		{"Repeats and unknown outcomes", "outcome unknown"}, {"Time that calls have waited, by reason", "pause"},
		{"Time that calls have waited, by reason", "backoff"}, {"Deliveries, by answer and outcome", "503 failed"},
		{"Deliveries, by answer and outcome", "200 handled"}, {"Time of handlings, by trigger", "message:appUser"},
	} {
		find(want[0], want[1])
	}
	calls := find("Calls, by operation", "messages.create").values
	assert.Greater(t, slices.MaxFunc(calls, func(a, b float64) int {
		switch {
		case math.IsNaN(a) || a < b:
			return -1
		}
		return 1
	}), 1.0, "each of %d users writes twice a second", users)

	decoder := xml.NewDecoder(strings.NewReader(draw(drawn, phases, 16*time.Second)))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, "the picture is not XML")
	}
}

// checkExpr checks the names and the labels of an expression against what was scraped.
func checkExpr(t *testing.T, store *samples, title, format string, expr parser.Expr) {
	t.Helper()
	var selected []*series
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		selected = nil
		for _, s := range store.series {
			misses := func(m *labels.Matcher) bool { return !m.Matches(s.labels.Get(m.Name)) }
			if !slices.ContainsFunc(selector.LabelMatchers, misses) {
				selected = append(selected, s)
			}
		}
		assert.NotEmpty(t, selected, "%s: nothing scraped matches %s", title, selector)
		return nil
	})
	has := func(label string) bool {
		return slices.ContainsFunc(selected, func(s *series) bool { return s.labels.Has(label) })
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if sum, ok := node.(*parser.AggregateExpr); ok {
			for _, label := range sum.Grouping {
				assert.True(t, has(label), "%s: no series has the label %s", title, label)
			}
		}
		return nil
	})
	for _, label := range legendLabel.FindAllStringSubmatch(format, -1) {
		assert.True(t, has(label[1]), "%s: no series has the label %s of the legend", title, label[1])
	}
}

// TestDashboardIsForGrafana: the members that an import needs.
func TestDashboardIsForGrafana(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(board)
	require.NoError(t, err)
	var d struct {
		Title, UID    string
		SchemaVersion int
		Templating    struct {
			List []struct{ Name, Type, Query string }
		}
		Panels []struct {
			ID         int
			Type       string
			Datasource struct{ UID string }
			GridPos    struct{ H, W, X, Y int }
		}
	}
	require.NoError(t, json.Unmarshal(data, &d))
	assert.Equal(t, "Smooch", d.Title)
	assert.NotZero(t, d.SchemaVersion)
	assert.Equal(t, "datasource", d.Templating.List[0].Name)
	ids, cells := map[int]bool{}, map[[2]int]bool{}
	for _, p := range d.Panels {
		assert.False(t, ids[p.ID], "two panels have the id %d", p.ID)
		ids[p.ID] = true
		if p.Type == "timeseries" {
			assert.Equal(t, "${datasource}", p.Datasource.UID)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				assert.False(t, cells[cell], "panel %d covers another", p.ID)
				cells[cell] = true
			}
		}
	}
}
