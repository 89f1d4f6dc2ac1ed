// Package progress shows how far long work has come: on a terminal as one line that is redrawn,
// with a bar, the rate and the time that is left, and anywhere else as a plain line every few
// seconds.
package progress

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bar is the progress of one task. It is safe for concurrent use.
type Bar struct {
	out      io.Writer
	terminal bool
	unit     string
	total    int
	began    time.Time
	first    int // how much was done at the start

	mu    sync.Mutex
	done  int
	ended chan struct{}
	wait  sync.WaitGroup
}

// Start shows the progress of a task of which done of total units are already done. The unit is a
// plural, such as "messages".
func Start(out *os.File, unit string, total, done int) *Bar {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	return start(out, terminal, unit, total, done)
}

func start(out io.Writer, terminal bool, unit string, total, done int) *Bar {
	b := &Bar{
		out: out, terminal: terminal, unit: unit, total: total, began: time.Now(),
		first: done, done: done, ended: make(chan struct{}),
	}
	interval := 5 * time.Second
	if terminal {
		interval = 100 * time.Millisecond
		b.mu.Lock()
		b.draw()
		b.mu.Unlock()
	}
	b.wait.Go(func() {
		ticks := time.NewTicker(interval)
		defer ticks.Stop()
		for {
			select {
			case <-b.ended:
				return
			case <-ticks.C:
				b.mu.Lock()
				b.draw()
				b.mu.Unlock()
			}
		}
	})
	return b
}

// Add says that n more units are done.
func (b *Bar) Add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done += n
}

// Println prints a line above the bar.
func (b *Bar) Println(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.terminal {
		line = "\r\x1b[K" + line
	}
	fmt.Fprintln(b.out, line)
	if b.terminal {
		b.draw()
	}
}

// Stop shows the progress once more, and the time that it took.
func (b *Bar) Stop() {
	close(b.ended)
	b.wait.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.draw()
	if b.terminal {
		fmt.Fprintln(b.out)
	}
}

// draw prints the line. The caller holds the lock.
func (b *Bar) draw() {
	elapsed := time.Since(b.began)
	rate := float64(b.done-b.first) / max(elapsed.Seconds(), 0.001)
	left := "" // unknown until something is done
	select {
	case <-b.ended:
		left = "  in " + round(elapsed).String()
	default:
		if rate > 0 {
			left = "  " + round(time.Duration(float64(b.total-b.done)/rate*float64(time.Second))).String() + " left"
		}
	}
	line := fmt.Sprintf("%s of %s %s  %s/s%s", grouped(b.done), grouped(b.total), b.unit, grouped(int(rate+0.5)), left)
	if !b.terminal {
		fmt.Fprintln(b.out, line)
		return
	}
	const width = 24
	filled := width
	if b.total > 0 {
		filled = min(width, width*b.done/b.total)
	}
	fmt.Fprintf(b.out, "\r%s%s  %s\x1b[K", strings.Repeat("█", filled), strings.Repeat("░", width-filled), line)
}

// round leaves the digits of d that a person wants to read.
func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// grouped writes 12345 as 12,345.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
