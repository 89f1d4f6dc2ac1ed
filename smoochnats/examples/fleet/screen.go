package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/smooch/smooch-go"
)

// A screen shows what happens: drawn again and again on a terminal, a line now and then elsewhere.
type screen struct {
	ledger   *ledger
	fleet    *fleet
	terminal bool
	lines    int // that were drawn
	handled  []int
	stop     chan struct{}
	stopped  chan struct{}
	once     sync.Once
}

const (
	bold, dim, red, green, yellow, plain = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"

	frame = 200 * time.Millisecond
)

func newScreen(l *ledger, f *fleet) *screen {
	s := &screen{ledger: l, fleet: f, terminal: isTerminal(os.Stdout), stop: make(chan struct{}), stopped: make(chan struct{})}
	go s.run()
	return s
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" && os.Getenv("NO_COLOR") == ""
}

func (s *screen) run() {
	defer close(s.stopped)
	for n := 0; ; n++ {
		select {
		case <-s.stop:
			s.draw(s.terminal)
			return
		case <-time.After(frame):
			s.draw(s.terminal || n%25 == 0)
		}
	}
}

// end draws the last picture.
func (s *screen) end() {
	s.once.Do(func() { close(s.stop) })
	<-s.stopped
}

// draw shows the present state.
func (s *screen) draw(visible bool) {
	l := s.ledger
	l.mu.Lock()
	sent, handled, delivered := l.sent, len(l.handled), l.deliveries[smooch.V1]+l.deliveries[smooch.V1_1]
	took := time.Since(l.began)
	var deaths []death
	for _, d := range l.deaths {
		deaths = append(deaths, *d)
	}
	l.mu.Unlock()
	s.handled = append(s.handled, handled)
	rate := 0.0
	if n := len(s.handled) - 1; n > 0 {
		from := max(0, n-15) // three seconds
		rate = float64(s.handled[n]-s.handled[from]) / (float64(n-from) * frame.Seconds())
	}
	if !visible {
		return
	}
	if !s.terminal {
		fmt.Printf("%6.1f s  written %d, deliveries %d, handled %d of %d, %.0f/s%s\n", took.Seconds(), sent, delivered, handled, l.events, rate, s.losses())
		return
	}
	var b strings.Builder
	if s.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", s.lines)
	}
	top := b.Len()
	fmt.Fprintf(&b, "\n  %sfleet%s  %s messages of %s users, in v1 and v1.1  %s%.1f s%s\n\n", bold, plain, group(l.events), group(l.users), dim, took.Seconds(), plain)
	bar(&b, "written", sent, l.events, "")
	bar(&b, "delivered", delivered, 2*l.events, "")
	bar(&b, "handled", handled, l.events, fmt.Sprintf("%4.0f/s", rate))
	b.WriteString("\n")
	for _, role := range []string{"receiver", "server", "worker"} {
		fmt.Fprintf(&b, "  %s%-11s%s", dim, role+"s", plain)
		for _, m := range s.fleet.list(role) {
			mark, colour := "●", green
			switch {
			case !m.alive:
				mark, colour = "✗", red
			case !m.ready:
				mark, colour = "○", yellow
			}
			handled := ""
			if role == "worker" {
				handled = group(m.begun)
			}
			fmt.Fprintf(&b, "%s%s%s %-3s%s%-8s%s  ", colour, mark, plain, m.name, dim, handled, plain)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for _, d := range deaths {
		fmt.Fprintf(&b, "  %s%5.1f s%s  %skill -9%s %-22s", dim, d.at.Sub(l.began).Seconds(), plain, red, plain, d.name)
		switch {
		case d.overcome:
			fmt.Fprintf(&b, "%sovercome%s, no message waited longer than %.1f s", green, plain, max(d.acks, d.wait).Seconds())
		case d.acks > 0:
			fmt.Fprintf(&b, "%smessages wait for its lease to end%s", yellow, plain)
		default:
			fmt.Fprintf(&b, "%sdeliveries wait%s", yellow, plain)
		}
		b.WriteString("\n")
	}
	s.lines = strings.Count(b.String()[top:], "\n")
	fmt.Print(b.String())
}

// losses names the processes that are down.
func (s *screen) losses() string {
	var down []string
	for _, role := range []string{"receiver", "server", "worker"} {
		for _, m := range s.fleet.list(role) {
			if !m.alive {
				down = append(down, m.name)
			}
		}
	}
	if len(down) == 0 {
		return ""
	}
	return "  down: " + strings.Join(down, " ")
}

// bar draws how much of a whole is done.
func bar(w io.Writer, name string, part, whole int, more string) {
	const width = 40
	done := min(part, whole) * width / max(whole, 1)
	fmt.Fprintf(w, "  %s%-11s%s%s%s%s%s%s  %7s of %s  %s\n", dim, name, plain,
		green, strings.Repeat("━", done), plain+dim, strings.Repeat("─", width-done), plain, group(part), group(whole), more)
}

// group writes a number with separators.
func group(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// report writes what has become of the messages, and returns whether all went well.
func report(w io.Writer, l *ledger) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.judge()
	colour := isTerminal(os.Stdout)
	paint := func(c, text string) string {
		if !colour {
			return text
		}
		return c + text + plain
	}
	good := true
	row := func(name string, n int, limit int, why string) {
		mark, c := " ", ""
		if limit >= 0 {
			if mark, c = "✓", green; n != limit {
				mark, c, good = "✗", red, false
			}
		}
		fmt.Fprintf(w, "  %-34s%9s %s  %s\n", name, group(n), paint(c, mark), paint(dim, why))
	}
	lost := l.events - len(l.handled)
	fmt.Fprintf(w, "\n  %s\n", paint(bold, fmt.Sprintf("%s messages of %s users in %.0f s, %.0f a second", group(l.events), group(l.users), l.took.Seconds(), float64(len(l.handled))/l.took.Seconds())))
	line := "  " + strings.Repeat("─", 96) + "\n"
	fmt.Fprint(w, line)
	row("delivered in v1", l.deliveries[smooch.V1], l.events, "answered 200 when the event was safe in the queue")
	row("delivered in v1.1", l.deliveries[smooch.V1_1], l.events, "")
	row("deliveries refused and repeated", l.repeated, -1, "by the service, after a 5xx")
	row("handled", len(l.handled), l.events, "each once, though it came in two versions")
	row("lost", lost, 0, "")
	row("handled beside another of the user", v.beside, 0, "")
	row("out of order", v.disorder, 0, "against the order in which the queue accepted them")
	row("answers posted", l.answers, l.events, "")
	row("answers posted twice", l.answersTwice, 0, "the send token is made of the event's key")
	row("dead letters", l.deadLetters, 0, "")
	row("functions called again", v.again, -1, "their worker died before it had recorded them")
	fmt.Fprint(w, line)
	fmt.Fprintf(w, "  %s\n", paint(dim, fmt.Sprintf("%-34s%18s%22s%22s", "killed with SIGKILL", "at", "acknowledging again", "longest wait")))
	for _, d := range l.deaths {
		wait := "not overcome"
		if good = good && d.overcome; d.overcome {
			wait = fmt.Sprintf("%.1f s", d.wait.Seconds())
		}
		fmt.Fprintf(w, "  %-34s%16.1f s%22s%22s\n", d.name, d.at.Sub(l.began).Seconds(), fmt.Sprintf("after %.1f s", d.acks.Seconds()), wait)
	}
	fmt.Fprint(w, line)
	fmt.Fprintf(w, "  %s\n\n", paint(dim, fmt.Sprintf("A worker's events wait for its lease, %.0f s here. What is killed is started again after %.0f s.", lease.Seconds(), restartDelay.Seconds())))
	return good
}
