// Watch-a-bot runs a bot against the fake service while things go wrong, scrapes its metrics as
// Prometheus does, and draws the panels of dashboard.json by their own queries.
//
//	go run ./watch-a-bot -picture ../dashboard.svg
//
// The queries are evaluated with Prometheus' engine, on what the scrapes have found. With -listen,
// the metrics can also be scraped by a Prometheus of your own.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/smooch/smooch-go/smoochotel"
)

func main() {
	length := flag.Duration("for", time.Minute, "how long the bot runs")
	listen := flag.String("listen", "127.0.0.1:0", "address of /metrics")
	board := flag.String("dashboard", "../dashboard.json", "the dashboard")
	picture := flag.String("picture", "dashboard.svg", "where to write the picture")
	flag.Parse()
	if err := run(*length, *listen, *board, *picture); err != nil {
		log.Fatal(err)
	}
}

func run(length time.Duration, listen, board, picture string) error {
	panels, err := readDashboard(board)
	if err != nil {
		return err
	}
	registry, provider, err := newMetrics()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	address := "http://" + listener.Addr().String() + "/metrics"
	fmt.Println("metrics at", address)

	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	phases := make(chan []phase, 1)
	go func() { phases <- runBot(ctx, length, smoochotel.WithMeterProvider(provider)) }()
	var store samples
	began := time.Now()
	for tick := time.NewTicker(time.Second); ctx.Err() == nil; {
		if err := store.scrape(context.WithoutCancel(ctx), address); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	drawn, err := evaluate(&store, panels, began, time.Now())
	if err != nil {
		return err
	}
	return os.WriteFile(picture, []byte(draw(drawn, <-phases, length)), 0o644)
}

// newMetrics returns a provider whose measurements Prometheus can scrape.
func newMetrics() (*prometheus.Registry, *metric.MeterProvider, error) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		return nil, nil, err
	}
	return registry, metric.NewMeterProvider(metric.WithReader(exporter)), nil
}
