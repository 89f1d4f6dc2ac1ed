package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	smooch "github.com/smooch/smooch-go"
)

// A growth is what one item takes while their number grows.
type growth struct {
	title, file, unit string
	note              string
	steps             []int
	sides             []string
	values            [][]float64 // by side and step
}

// tries returns how often a step is measured.
func tries(items int) int { return max(1, min(3, 1_000_000/items)) }

// add measures one step: the least of several tries, by item.
func (g *growth) add(side, step int, unit time.Duration, items int, do func()) {
	least := 0.0
	for try := range tries(items) {
		began := time.Now()
		do()
		took := float64(time.Since(began)) / float64(unit) / float64(items)
		if try == 0 || took < least {
			least = took
		}
	}
	g.values[side] = append(g.values[side], least)
	fmt.Printf("%s: %s %d: %.3g %s\n", g.title, g.sides[side], step, least, g.unit)
}

func measureGrowth(o *other) []growth {
	callers := growth{title: "A call, by the number of callers", file: "callers", unit: "µs",
		steps: []int{1, 8, 64, 512}, sides: []string{"SDK", "bare"}, values: make([][]float64, 2)}
	transport := newTransport()
	for _, k := range callers.steps {
		sides := calls[0].sides(transport, o.address, func(do func()) side { return atOnce(k, do) })
		for i, do := range sides[:2] {
			do(4 * k)
			n := max(4000, 8*k)
			callers.add(i, k, time.Microsecond, n, func() { do(n) })
		}
	}
	items := growth{title: "A message, by the length of the history", file: "items", unit: "µs", note: "One alone takes a whole call.",
		steps: []int{1, 10_000, 1_000_000}, sides: []string{"SDK"}, values: make([][]float64, 1)}
	client := newClient(transport, o.address)
	for _, n := range items.steps {
		again := max(1000/n, 1)
		items.add(0, n, time.Microsecond, n*again, func() {
			for range again {
				iterate(client, n)
			}
		})
	}
	keys := growth{title: "A claim of the deduper in memory, by its keys", file: "keys", unit: "ns",
		steps: []int{100, 10_000, 1_000_000}, sides: []string{"SDK"}, values: make([][]float64, 1)}
	for _, n := range keys.steps {
		d, next := smooch.NewMemoryDeduper(n), 0
		claim := func(many int) {
			for range many {
				next++
				key := "message:appUser:" + strconv.Itoa(next)
				claim := must(d.Claim(context.Background(), key, time.Minute))
				check(d.Done(context.Background(), key, claim.Token))
			}
		}
		claim(n) // from here on, each key displaces another
		const many = 200_000
		keys.add(0, n, time.Nanosecond, many, func() { claim(many) })
	}
	return []growth{callers, items, keys}
}

// iterate ranges over a history of n messages.
func iterate(client *smooch.Client, n int) {
	count := 0
	for _, err := range client.Conversations.Messages(context.Background(), strconv.Itoa(n), smooch.MessageListOptions{}) {
		check(err)
		count++
	}
	if count != n {
		check(fmt.Errorf("%d messages of %d", count, n))
	}
}
