package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

var (
	full  = flag.Bool("full", false, "run at full size, which takes about 20 minutes")
	seed  = flag.Uint64("seed", 1, "the `seed` of all random decisions; 0 picks one")
	write = flag.String("write", "", "write the table into the marked section of this `file`, and draw its chart")
	child = flag.String("child", "", "run as a child process of the suite, in this `role`")
)

func TestMain(m *testing.M) {
	// The tests mostly wait, so all of them run at once unless the command line says otherwise.
	if err := flag.Set("test.parallel", "32"); err != nil {
		panic(err)
	}
	flag.Parse()
	if *child != "" {
		runChild(*child)
		return
	}
	if *seed == 0 {
		*seed = rand.Uint64N(1_000_000)
	}
	fmt.Println("seed", *seed)
	stop := showProgress()
	code := m.Run()
	stop()
	fmt.Print(table())
	if *write != "" {
		if err := writeTable(*write, table()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// timing are the tests whose measurements a busy machine would spoil.
var timing sync.WaitGroup

// timed begins a test that measures time.
func timed(t *testing.T) {
	t.Helper()
	timing.Add(1) // before any parallel test goes on
	t.Cleanup(timing.Done)
	t.Parallel()
}

// heavy begins a test that keeps the machine busy, which waits for those that measure time.
func heavy(t *testing.T) {
	t.Helper()
	t.Parallel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		timing.Wait()
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Minute): // with -parallel 1 they have not begun
	}
}

// sized returns small, or large at full size.
func sized(small, large int) int {
	if *full {
		return large
	}
	return small
}

// random returns a source of random decisions that depends on the seed and on parts only, so that a
// run can be repeated however its goroutines are scheduled.
func random(parts ...any) *rand.Rand {
	return rand.New(rand.NewPCG(*seed, hashOf(parts...)))
}

// raceEnabled reports whether the test binary was built with the race detector, which makes it
// several times slower and larger.
func raceEnabled() bool {
	info, _ := debug.ReadBuildInfo()
	for _, setting := range info.Settings {
		if setting.Key == "-race" {
			return setting.Value == "true"
		}
	}
	return false
}
