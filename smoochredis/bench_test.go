package smoochredis

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// The benchmarks are for docs/scaling.md. An event of BenchmarkDeduper is a claim and its end, that
// of BenchmarkSetNX is the one write that a deduper without tokens would make.

func BenchmarkSetNX(b *testing.B) {
	client := startServer(b, `save ""`).client(nil)
	benchmark(b, func(key string) error {
		return client.SetNX(b.Context(), key, rand.Text(), time.Minute).Err()
	})
}

func BenchmarkDeduper(b *testing.B) {
	d := NewDeduper(startServer(b, `save ""`).client(nil), "bench", time.Hour)
	benchmark(b, func(key string) error {
		claim, err := d.Claim(b.Context(), key, time.Minute)
		if err != nil {
			return err
		}
		return d.Done(b.Context(), key, claim.Token)
	})
}

func BenchmarkLimiter(b *testing.B) {
	l := NewLimiter(startServer(b, `save ""`).client(nil), "bench", 1e6, 1e6)
	benchmark(b, func(string) error { return l.WaitApp(b.Context(), "app") })
}

// benchmark runs f with keys of their own, from 32 goroutines for each processor.
func benchmark(b *testing.B, f func(key string) error) {
	var n atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := f(strconv.FormatInt(n.Add(1), 10)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
