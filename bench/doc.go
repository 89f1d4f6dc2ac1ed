// Command bench measures what the SDK costs above net/http and encoding/json, in the same run and
// on the same types, and writes docs/performance.md with its charts:
//
//	go run . -write ../docs                what the document shows, in about ten minutes
//	go run . -rounds 40 -only 'GET|POST'   some of the work, printed
//
// The two sides take turns in slices of some milliseconds, in random order, for hundreds of rounds.
// A figure is the median of the ratios of all rounds. A round in which other processes used the
// machine is dropped, see quiet. The service, and the senders of deliveries, are another process.
//
// go test compares the allocations of calls and deliveries with the figures that are stated in
// allocs_test.go. It measures no time.
package main
