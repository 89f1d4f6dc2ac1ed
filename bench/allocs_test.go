package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain starts the other process, which is this binary again.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		child(os.Args[2], os.Args[3:])
		return
	}
	os.Exit(m.Run())
}

// stated is how many objects the SDK allocates above the bare side, by call or delivery. Whoever
// lowers a figure lowers it here, and in docs/performance.md by running the command. A figure rises
// only for a reason that a commit states.
var stated = map[string]float64{
	"GET":                              -23,
	"POST":                             -9,
	"GET from memory":                  -35,
	"POST from memory":                 -18,
	"page of 100 messages from memory": -1919,
	"ParseEvent":                       -8,
	"delivery from memory":             9,
}

// TestAllocations compares the allocations with what is stated. They do not depend on the machine
// and its load, as time does.
func TestAllocations(t *testing.T) {
	o := startOther()
	defer o.stop()
	measured := map[string]bool{}
	for _, c := range append(overLoopback(o), fromMemory()...) {
		most, checked := stated[c.name]
		if !checked {
			continue
		}
		sdk, _ := allocations(c.sides[0])
		bare, _ := allocations(c.sides[1])
		t.Logf("%s: %.0f, %+.0f over bare", c.name, sdk, sdk-bare)
		assert.LessOrEqual(t, sdk-bare, most, c.name)
		measured[c.name] = true
	}
	require.Len(t, measured, len(stated))
}
