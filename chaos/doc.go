// Package chaos attacks the SDK: with a service that fails in 14 ways while it counts what it was
// asked to do, with hostile servers and readers, with processes that are killed, and with limits.
// It measures what the SDK makes of it against bounds, and prints one table.
//
//	go test                                           the small size, in less than 45 seconds
//	go test -v                                        with the result of every hostile server
//	go test -run Chaos -timeout 1h -full              20,000 and 40,000 sends
//	go test -run Chaos -seed 7                        other random decisions; 0 picks a seed
//	go test -run Chaos -write ../docs/reliability.md
//	go test -run Chart -write ../docs/reliability.md  draws the chart of the table there
//
// go test prints the table of a success only if no package is named on its command line.
//
// Everything listens on the loopback interface, and nothing outlives the tests.
package chaos
