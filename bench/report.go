package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/smooch/smooch-go/internal/chart"
)

// A report is what was measured.
type report struct {
	results      map[string]result
	names        []string // of results, in order
	instructions map[string][]float64
	fresh        *fresh // nil: not measured
	growth       []growth
	busy         bool // busy rounds count, too
}

func measureAll(s settings, o *other) *report {
	r := &report{results: map[string]result{}, instructions: map[string][]float64{}, busy: s.busy}
	dir := must(os.MkdirTemp("", "bench"))
	defer os.RemoveAll(dir)
	memory := fromMemory()
	for _, c := range append(overLoopback(o), memory...) {
		if s.only.MatchString(c.name) {
			r.names = append(r.names, c.name)
			r.results[c.name] = c.run(s, o)
			fmt.Println(c.name, r.results[c.name].ratio(wall, 1), "dropped", r.results[c.name].dropped)
		}
	}
	for _, c := range memory {
		if s.only.MatchString(c.name) {
			r.instructions[c.name] = instructions(c, dir)
		}
	}
	if s.only.MatchString("fresh") {
		f := measureFresh(s, o, dir)
		r.fresh = &f
	}
	if s.only.MatchString("growth") {
		r.growth = measureGrowth(o)
	}
	return r
}

// A line is a bound with what was measured. An interval of one point is exact.
type line struct {
	work, measure, bound string
	is                   estimate
	format               string
	most                 float64 // the bound
	atLeast              bool    // the bound is the least
	plain                float64 // the same against bare without a time-out; 0: there is none
}

func (l line) ok() bool {
	if l.atLeast {
		return l.is.median >= l.most
	}
	return l.is.median <= l.most
}

// lines returns the bounds of all work that was measured.
func (r *report) lines() []line {
	var all []line
	ratio := func(name, measure string, of func(sample) float64, most float64) {
		result, measured := r.results[name]
		if !measured {
			return
		}
		l := line{name, measure, fmt.Sprintf("≤ %.2f", most), result.ratio(of, 1), "%.2f", most, false, 0}
		if len(result.allocs) > 2 {
			l.plain = result.ratio(of, 2).median
		}
		all = append(all, l)
	}
	exact := func(name, measure, bound string, value func(result) (is, plain float64), most float64) {
		if result, measured := r.results[name]; measured {
			is, plain := value(result)
			all = append(all, line{name, measure, bound, estimate{is, is, is}, "%+.0f", most, false, plain})
		}
	}
	over := func(result result) (is, plain float64) {
		if len(result.allocs) > 2 {
			plain = result.allocs[0] - result.allocs[2]
		}
		return result.allocs[0] - result.allocs[1], plain
	}
	for _, name := range []string{"GET", "POST"} {
		ratio(name, "time", wall, 1)
		exact(name, "allocations", "≤ +10", over, 10)
		ratio(name+" from memory", "time", wall, 1.1)
	}
	for _, name := range []string{"POST, 16 callers", "POST, 64 callers"} {
		if result, measured := r.results[name]; measured {
			all = append(all, line{name, "calls a second", "≥ 0.97", result.ratio(speed, 1), "%.2f", 0.97, true, result.ratio(speed, 2).median})
		}
	}
	page := calls[2].name
	ratio(page, "time", wall, 0.42)
	ratio(page, "own CPU", cpu, 0.38)
	ratio(page+" from memory", "time", wall, 0.30)
	if result, measured := r.results[page]; measured {
		all = append(all, line{page, "allocations", "≤ 1,100", estimate{result.allocs[0], result.allocs[0], result.allocs[0]}, "%.0f", 1100, false, 0})
	}
	ratio("ParseEvent", "time", wall, 0.45)
	exact("ParseEvent", "allocations", "fewer", over, -1)
	ratio("delivery from memory", "time", wall, 1.5)
	ratio("delivery, 64 senders", "time", wall, 1.15)
	exact("delivery from memory", "allocations", "≤ +25", over, 25)
	if f := r.fresh; f != nil {
		all = append(all,
			line{"endless 200 body", "peak memory, in limits", "≤ 3", estimate{f.peak, f.peak, f.peak}, "%.1f", 3, false, 0},
			line{"fresh process, first call", "time, ms", "≤ +1", f.start, "%+.2f", 1, false, 0},
			line{"fresh process, first call", "binary, MiB", "≤ +1.5", estimate{f.size, f.size, f.size}, "%+.2f", 1.5, false, 0})
	}
	return all
}

// tables returns the tables of the document.
func (r *report) tables() string {
	var b strings.Builder
	b.WriteString("| work | measured by | bound | against bare with a time-out | against bare | ok |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, l := range r.lines() {
		is := fmt.Sprintf(l.format, l.is.median)
		if l.is.low != l.is.high {
			is += fmt.Sprintf(" ("+l.format+" to "+l.format+")", l.is.low, l.is.high)
		}
		plain := ""
		if l.plain != 0 {
			plain = fmt.Sprintf(l.format, l.plain)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", l.work, l.measure, l.bound, is, plain, map[bool]string{true: "yes", false: "no"}[l.ok()])
	}
	b.WriteString("\n| work | side | time, µs | own CPU, µs | allocations | KiB | instructions |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	rounds, dropped := 0, 0
	for _, name := range r.names {
		result := r.results[name]
		rounds, dropped = rounds+len(result.rounds), dropped+result.dropped
		for i := range result.allocs {
			work, count := "", ""
			if i == 0 {
				work = name
			}
			if counts := r.instructions[name]; counts != nil {
				count = chart.Grouped(counts[i])
			}
			side := [...]string{"SDK", "bare with a time-out", "bare"}[i]
			if i == 1 && len(result.allocs) == 2 {
				side = "bare"
			}
			fmt.Fprintf(&b, "| %s | %s | %.1f | %.1f | %s | %.1f | %s |\n", work, side, result.typical(wall, i)/1e3, result.typical(cpu, i)/1e3,
				chart.Grouped(result.allocs[i]), result.bytes[i]/1024, count)
		}
	}
	if f := r.fresh; f != nil {
		fmt.Fprintf(&b, "\nA fresh process with its first call takes %.1f ms, and its binary %.1f MiB.\n", f.startSDK, f.sizeSDK)
	}
	fmt.Fprintf(&b, "\nIn all, %s rounds counted, and %s were dropped because the machine was busy.\n", chart.Grouped(float64(rounds)), chart.Grouped(float64(dropped)))
	if r.busy {
		b.WriteString("Other work ran on the machine, and its rounds were counted, too.\n")
	}
	return b.String()
}

const (
	beginMark = "<!-- What follows is written by the module bench: do not edit. -->"
	endMark   = "<!-- End of what the module bench writes. -->"
)

// write puts what was measured into performance.md, between two marks, and the charts beside it.
func (r *report) write(dir string) error {
	name := filepath.Join(dir, "performance.md")
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(data), beginMark)
	_, tail, ended := strings.Cut(rest, endMark)
	if !found || !ended {
		return fmt.Errorf("%s lacks the marks %q and %q", name, beginMark, endMark)
	}
	pictures := map[string]string{"ratios": ratioChart(r.lines())}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nMeasured on %s with %s on %s.\n\n", beginMark, time.Now().Format(time.DateOnly), runtime.Version(), hardware())
	b.WriteString("![Time against bare, for each kind of work](performance/ratios.svg)\n\n")
	b.WriteString(r.tables())
	b.WriteString("\n")
	for _, g := range r.growth {
		pictures[g.file] = growthChart(g)
		fmt.Fprintf(&b, "![%s](performance/%s.svg)\n\n", g.title, g.file)
	}
	for file, picture := range pictures {
		if err := chart.Write(filepath.Join(dir, "performance", file+".svg"), picture); err != nil {
			return err
		}
	}
	return os.WriteFile(name, []byte(head+b.String()+endMark+tail), 0o644)
}

// hardware describes the machine.
func hardware() string {
	processor := runtime.GOARCH
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			processor = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%s, %d × %s", runtime.GOOS, runtime.NumCPU(), processor)
}
