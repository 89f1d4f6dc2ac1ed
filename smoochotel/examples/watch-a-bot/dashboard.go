package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// A panel is one of a Grafana dashboard, with the members that matter here.
type panel struct {
	Type        string
	Title       string
	FieldConfig struct {
		Defaults struct {
			Unit   string
			Custom struct{ Stacking struct{ Mode string } }
		}
	}
	Targets []struct{ Expr, LegendFormat string }
}

// readDashboard returns the panels of a dashboard that show time series.
func readDashboard(name string) ([]panel, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var board struct{ Panels []panel }
	if err := json.Unmarshal(data, &board); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return slices.DeleteFunc(board.Panels, func(p panel) bool { return p.Type != "timeseries" }), nil
}

// query returns an expression with Grafana's variable for the interval of rates replaced.
func query(expr string, interval time.Duration) string {
	return strings.ReplaceAll(expr, "$__rate_interval", fmt.Sprintf("%ds", int(interval.Seconds())))
}

// A curve is one time series of a panel: a value for each second, NaN where there is none.
type curve struct {
	name   string
	values []float64
}

// A drawnPanel is a panel with the results of its queries.
type drawnPanel struct {
	panel
	curves []curve
}

// rateInterval is four scrapes long, as Grafana's default is.
const rateInterval = 4 * time.Second

// evaluate runs the queries of panels, for each second.
func evaluate(store *samples, panels []panel, from, to time.Time) ([]drawnPanel, error) {
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 10_000_000, Timeout: time.Minute, LookbackDelta: 2 * time.Second})
	var drawn []drawnPanel
	for _, p := range panels {
		d := drawnPanel{panel: p}
		for _, target := range p.Targets {
			q, err := engine.NewRangeQuery(context.Background(), store, nil, query(target.Expr, rateInterval), from, to, time.Second)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.Title, err)
			}
			matrix, err := q.Exec(context.Background()).Matrix()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.Title, err)
			}
			for _, s := range matrix {
				c := curve{name: legend(target.LegendFormat, s), values: make([]float64, int(to.Sub(from)/time.Second)+1)}
				for i := range c.values {
					c.values[i] = math.NaN()
				}
				for _, f := range s.Floats {
					c.values[int(f.T-from.UnixMilli()+500)/1000] = f.F
				}
				if slices.ContainsFunc(c.values, func(v float64) bool { return v > 0 }) {
					d.curves = append(d.curves, c)
				}
			}
			q.Close()
		}
		drawn = append(drawn, d)
	}
	return drawn, nil
}

var legendLabel = regexp.MustCompile(`\{\{(\w+)\}\}`)

// legend returns the name of a curve, by Grafana's format.
func legend(format string, s promql.Series) string {
	return legendLabel.ReplaceAllStringFunc(format, func(l string) string { return s.Metric.Get(strings.Trim(l, "{}")) })
}
