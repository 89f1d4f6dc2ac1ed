package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"time"
)

// A fresh is what processes of their own were measured to take.
type fresh struct {
	start    estimate // milliseconds that a process with one call takes longer than a bare one
	startSDK float64  // milliseconds
	size     float64  // MiB by which its binary is larger
	sizeSDK  float64  // MiB
	peak     float64  // of memory in an endless response, above that in a small one, in its limit
}

// measureFresh builds the programs in the folder fresh and runs them in turn.
func measureFresh(s settings, o *other, dir string) fresh {
	var f fresh
	names := []string{"sdk", "bare"}
	size := map[string]float64{}
	for _, name := range names {
		command("go", "build", "-trimpath", "-o", filepath.Join(dir, name), "./fresh/"+name)
		size[name] = float64(must(os.Stat(filepath.Join(dir, name))).Size()) / (1 << 20)
	}
	f.size, f.sizeSDK = size["sdk"]-size["bare"], size["sdk"]
	var differences, own []float64
	for tries := 0; len(differences) < s.rounds && tries < 3*s.rounds; tries++ {
		before, took := machine(o), map[string]float64{}
		for _, i := range rand.Perm(2) {
			began := time.Now()
			command(filepath.Join(dir, names[i]), o.address)
			took[names[i]] = float64(time.Since(began)) / 1e6
		}
		if s.busy || quiet(before, machine(o)) {
			differences, own = append(differences, took["sdk"]-took["bare"]), append(own, took["sdk"])
		}
	}
	f.start, f.startSDK = medianOf(differences), medianOf(own).median
	var peaks []float64
	for range 5 {
		small, large := peakOf(o, "u"), peakOf(o, "endless")
		peaks = append(peaks, (large-small)/(32<<20))
	}
	f.peak = medianOf(peaks).median
	return f
}

// command runs a program and returns what it prints.
func command(name string, args ...string) []byte {
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Stderr = os.Stderr
	return must(cmd.Output())
}

// peakOf returns the peak memory of a process that gets a user, in bytes; 0 if it is not Linux.
func peakOf(o *other, user string) float64 {
	if runtime.GOOS != "linux" {
		return 0
	}
	out := command(must(os.Executable()), "child", "peak", o.address, user)
	return must(strconv.ParseFloat(string(bytes.TrimSpace(out)), 64))
}

// printPeak gets a user and prints the peak memory of the process.
func printPeak(address, user string) {
	_, err := newClient(newTransport(), address).AppUsers.Get(context.Background(), user)
	if (err != nil) != (user == "endless") {
		check(fmt.Errorf("getting %s: %w", user, err))
	}
	// Not that of getrusage, which begins with the peak of the process that has started this one.
	status := must(os.ReadFile("/proc/self/status"))
	fmt.Println(1024 * must(strconv.Atoi(string(peak.FindSubmatch(status)[1]))))
}

var peak = regexp.MustCompile(`VmHWM:\s*(\d+) kB`)

// instructions returns how many instructions each side of a contest takes by call, as callgrind
// counts them; nil if it is not installed. It is exact to some percent on a busy machine, too.
func instructions(c contest, dir string) []float64 {
	if _, err := exec.LookPath("valgrind"); err != nil || runtime.GOOS != "linux" {
		return nil
	}
	binary := filepath.Join(dir, "instructions")
	if _, err := os.Stat(binary); err != nil {
		command("go", "build", "-tags", "valgrind", "-o", binary, ".")
	}
	var counts []float64
	for i := range c.sides {
		count := func(n int) float64 {
			cmd := exec.CommandContext(context.Background(), "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
				binary, "child", "instructions", c.name, strconv.Itoa(i), strconv.Itoa(n))
			// Callgrind fails at the signals of preemption.
			cmd.Env = append(cmd.Environ(), "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1")
			return must(strconv.ParseFloat(string(collected.FindSubmatch(must(cmd.CombinedOutput()))[1]), 64))
		}
		const few, many = 100, 300
		counts = append(counts, (count(many)-count(few))/(many-few))
	}
	return counts
}

var collected = regexp.MustCompile(`Collected : (\d+)`)

// repeat runs one side of a contest from memory.
func repeat(name, index, n string) {
	for _, c := range fromMemory() {
		if c.name == name {
			c.sides[must(strconv.Atoi(index))](must(strconv.Atoi(n)))
		}
	}
}
