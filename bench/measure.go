package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const slice = 20 * time.Millisecond // that a side runs for in each round

// A sample is what one side took in one round, by call.
type sample struct{ wall, cpu float64 } // in nanoseconds

// A result is the outcome of a contest.
type result struct {
	name    string
	rounds  [][]sample // by side
	dropped int        // rounds in which the machine was busy
	calls   int        // of each side in a round
	allocs  []float64  // of each side, by call
	bytes   []float64  // of each side, by call
}

// run holds a contest.
func (c contest) run(s settings, o *other) result {
	r := result{name: c.name, calls: 1}
	for _, do := range c.sides {
		allocs, bytes := allocations(do)
		r.allocs, r.bytes = append(r.allocs, allocs), append(r.bytes, bytes)
	}
	for began := time.Now(); time.Since(began) < slice; began = time.Now() {
		r.calls = r.calls*3/2 + 1
		began = time.Now()
		c.sides[1](r.calls)
		if took := time.Since(began); took >= slice {
			break
		}
	}
	for len(r.rounds) < s.rounds && r.dropped < 2*s.rounds {
		before := machine(o)
		samples := make([]sample, len(c.sides))
		for _, i := range rand.Perm(len(c.sides)) {
			samples[i] = measure(c.sides[i], r.calls)
		}
		if s.busy || quiet(before, machine(o)) {
			r.rounds = append(r.rounds, samples)
		} else {
			r.dropped++
		}
	}
	return r
}

// measure runs a side once. What it leaves to the garbage collector does not burden the next.
func measure(do side, n int) sample {
	runtime.GC()
	cpu, began := ownCPU(), time.Now()
	do(n)
	wall := time.Since(began)
	return sample{float64(wall) / float64(n), float64(ownCPU()-cpu) / float64(n)}
}

// ownCPU returns the CPU time that this process has used.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// used is CPU time that was used up to a moment.
type used struct {
	at       time.Time
	all, own time.Duration // of the machine, of this process and the other one
}

const tick = 10 * time.Millisecond // the unit of /proc

// machine returns what was used up to now. Time that the hypervisor gave to other machines counts
// as used.
func machine(o *other) used {
	u := used{at: time.Now(), own: ownCPU()}
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u // not Linux: every round is quiet
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	for i, field := range strings.Fields(line)[1:9] {
		if i != 3 && i != 4 { // idle and waiting for a disk
			u.all += tick * time.Duration(must(strconv.Atoi(field)))
		}
	}
	data := must(os.ReadFile(fmt.Sprintf("/proc/%d/stat", o.cmd.Process.Pid)))
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')'):]))
	u.own += tick * time.Duration(must(strconv.Atoi(fields[12]))+must(strconv.Atoi(fields[13])))
	return u
}

// quiet reports whether all other processes, and all other machines on the same hardware, used at
// most 5 % of the machine between two moments, and two ticks as /proc counts no finer.
func quiet(before, after used) bool {
	all := after.at.Sub(before.at) * time.Duration(runtime.NumCPU())
	others := (after.all - before.all) - (after.own - before.own)
	return others <= all/20+2*tick
}

// allocations returns how many objects and bytes a side allocates, by call. Without a collection,
// the number is the same each time, except for what the runtime and net/http do now and then, so
// the least of several is taken.
func allocations(do side) (objects, bytes float64) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const n = 192 // at 64 callers, 3 each
	objects = math.Inf(1)
	for range 7 {
		runtime.GC()
		do(n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		do(n)
		runtime.ReadMemStats(&after)
		if each := math.Floor(float64(after.Mallocs-before.Mallocs) / n); each < objects {
			objects, bytes = each, float64(after.TotalAlloc-before.TotalAlloc)/n
		}
	}
	return objects, bytes
}

// An estimate is a median with the interval that contains the true one in 95 % of all cases.
type estimate struct{ median, low, high float64 }

// medianOf returns the median of values. The interval is that of the order statistics: it assumes
// nothing about how the values are distributed.
func medianOf(values []float64) estimate {
	n := len(values)
	if n == 0 {
		return estimate{math.NaN(), math.NaN(), math.NaN()}
	}
	slices.Sort(values)
	half := 1.96 * math.Sqrt(float64(n)) / 2
	k := max(int(float64(n)/2-half), 0)
	return estimate{(values[n/2] + values[(n-1)/2]) / 2, values[k], values[n-1-k]}
}

// ratio returns the median of the ratios of the SDK and another side in the same round.
func (r result) ratio(of func(sample) float64, other int) estimate {
	var ratios []float64
	if other < len(r.allocs) {
		for _, samples := range r.rounds {
			ratios = append(ratios, of(samples[0])/of(samples[other]))
		}
	}
	return medianOf(ratios)
}

// typical returns the median of one side.
func (r result) typical(of func(sample) float64, i int) float64 {
	var values []float64
	if i < len(r.allocs) {
		for _, samples := range r.rounds {
			values = append(values, of(samples[i]))
		}
	}
	return medianOf(values).median
}

func wall(s sample) float64 { return s.wall }
func cpu(s sample) float64  { return s.cpu }

// speed returns calls by time.
func speed(s sample) float64 { return 1 / s.wall }
