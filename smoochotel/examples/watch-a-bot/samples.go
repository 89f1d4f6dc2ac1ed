package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// samples keeps what scrapes have found, for Prometheus' engine.
type samples struct {
	mu     sync.Mutex
	series map[string]*series // by the text of their labels
}

type series struct {
	labels labels.Labels
	points []chunks.Sample
}

// scrape reads metrics over HTTP, in Prometheus' text format.
func (s *samples) scrape(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the scrape was answered with %s", resp.Status)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	for name, family := range families {
		for _, m := range family.GetMetric() {
			s.add(now, name, m)
		}
	}
	return nil
}

// add adds the samples of a metric, under the names that Prometheus gives them.
func (s *samples) add(at int64, name string, m *dto.Metric) {
	switch {
	case m.Counter != nil:
		s.put(at, name, m, m.Counter.GetValue())
	case m.Gauge != nil:
		s.put(at, name, m, m.Gauge.GetValue())
	case m.Histogram != nil:
		s.put(at, name+"_count", m, float64(m.Histogram.GetSampleCount()))
		s.put(at, name+"_sum", m, m.Histogram.GetSampleSum())
		for _, b := range m.Histogram.GetBucket() {
			bound := strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)
			s.put(at, name+"_bucket", m, float64(b.GetCumulativeCount()), "le", bound)
		}
	}
}

func (s *samples) put(at int64, name string, m *dto.Metric, value float64, extra ...string) {
	text := append([]string{labels.MetricName, name}, extra...)
	for _, l := range m.GetLabel() {
		text = append(text, l.GetName(), l.GetValue())
	}
	all := labels.FromStrings(text...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.series == nil {
		s.series = map[string]*series{}
	}
	key := all.String()
	if s.series[key] == nil {
		// A counter begins at zero, and Prometheus cannot see its first step. The run is short, so it
		// would miss much.
		s.series[key] = &series{all, []chunks.Sample{point{at - 1000, 0}}}
	}
	s.series[key].points = append(s.series[key].points, point{at, value})
}

// A point is one sample.
type point struct {
	at    int64 // milliseconds
	value float64
}

func (p point) T() int64                      { return p.at }
func (p point) F() float64                    { return p.value }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }

// Querier returns what answers Prometheus' engine.
func (s *samples) Querier(_, _ int64) (storage.Querier, error) { return querier{s}, nil }

type querier struct{ *samples }

// Select returns the series that all matchers match, in the order of their labels.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	q.mu.Lock()
	defer q.mu.Unlock()
	var found seriesSet
	for _, s := range q.series {
		misses := func(m *labels.Matcher) bool { return !m.Matches(s.labels.Get(m.Name)) }
		if !slices.ContainsFunc(matchers, misses) {
			found.all = append(found.all, storage.NewListSeries(s.labels, s.points))
		}
	}
	slices.SortFunc(found.all, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return &found
}

// LabelValues returns nothing: queries do not ask for it.
func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames returns nothing: queries do not ask for it.
func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close does nothing, as a querier holds nothing.
func (querier) Close() error { return nil }

// seriesSet is the result of Select.
type seriesSet struct {
	all  []storage.Series
	next int
}

func (s *seriesSet) Next() bool                        { s.next++; return s.next <= len(s.all) }
func (s *seriesSet) At() storage.Series                { return s.all[s.next-1] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }
