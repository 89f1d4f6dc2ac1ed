package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// A board knows how far the campaign is, from the journals alone, so it goes on where it was after
// a new start.
type board struct {
	campaign *campaign
	out      io.Writer
	terminal bool
	workers  int

	chunks []chunkState
	first  mark   // of this start
	marks  []mark // of the last seconds
	lines  int    // that are on the terminal

	mu      sync.Mutex
	pids    map[int]bool
	deaths  int
	notes   []string // the last ones
	printed time.Time
}

type chunkState struct {
	size       int64 // of the journal that was read
	sent, none int
}

// A mark is how much was done at a time.
type mark struct {
	at   time.Time
	done int
}

// rateWindow is the time that the rate on the board is taken from.
const rateWindow = 5 * time.Second

func newBoard(c *campaign, out io.Writer, terminal bool, workers int) *board {
	return &board{campaign: c, out: out, terminal: terminal, workers: workers, chunks: make([]chunkState, c.chunks()), pids: map[int]bool{}}
}

// read reads the journals that have grown.
func (b *board) read() (sent, none int) {
	for i := range b.chunks {
		state := &b.chunks[i]
		path := b.campaign.journalPath(i)
		if info, err := os.Stat(path); err == nil && info.Size() != state.size {
			if data, err := os.ReadFile(path); err == nil {
				*state = chunkState{size: info.Size()}
				_, outcomes, _ := parseJournal(data)
				for _, reason := range outcomes {
					if reason == "" {
						state.sent++
					} else {
						state.none++
					}
				}
			}
		}
		sent, none = sent+state.sent, none+state.none
	}
	return sent, none
}

// note shows a line under the progress, or prints it if there is no terminal.
func (b *board) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if !b.terminal {
		fmt.Fprintln(b.out, text)
		return
	}
	b.notes = append(b.notes, time.Now().Format("15:04:05 ")+text)
	b.notes = b.notes[max(0, len(b.notes)-4):]
}

// started and ended keep the list of the workers.
func (b *board) started(pid int) {
	b.mu.Lock()
	b.pids[pid] = true
	b.mu.Unlock()
	if !b.terminal {
		b.note("worker %d started", pid)
	}
}

func (b *board) ended(pid int, died bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.pids, pid)
	if died {
		b.deaths++
	}
}

// show draws the board, or prints a line every two seconds if there is no terminal.
func (b *board) show() {
	sent, none := b.read()
	b.mu.Lock()
	defer b.mu.Unlock()
	now, total, done := time.Now(), len(b.campaign.recipients), sent+none
	b.marks = append(b.marks, mark{now, done})
	if b.first.at.IsZero() {
		b.first = b.marks[0]
	}
	for now.Sub(b.marks[0].at) > rateWindow {
		b.marks = b.marks[1:]
	}
	rate, left := 0.0, "some time left"
	if done == total { // of this start as a whole
		left = clock(now.Sub(b.first.at)) + " in all"
		b.marks = []mark{b.first, {now, done}}
	}
	if first := b.marks[0]; now.Sub(first.at) > time.Second {
		rate = float64(done-first.done) / now.Sub(first.at).Seconds()
	}
	if rate > 0 && done < total {
		left = clock(time.Duration(float64(total-done)/rate*float64(time.Second))) + " left"
	}
	if !b.terminal {
		if now.Sub(b.printed) >= 2*time.Second {
			b.printed = now
			fmt.Fprintf(b.out, "%s of %s, %.0f/s, %s: %s sent, %s none, %d workers, %d died\n", thousands(done), thousands(total), rate, left, thousands(sent), thousands(none), len(b.pids), b.deaths)
		}
		return
	}
	const width = 40
	full := done * width / max(total, 1)
	lines := []string{
		fmt.Sprintf("  \x1b[32m%s\x1b[90m%s\x1b[0m  %3d %%   \x1b[1m%s\x1b[0m of %s", strings.Repeat("█", full), strings.Repeat("░", width-full), done*100/max(total, 1), thousands(done), thousands(total)),
		fmt.Sprintf("  \x1b[1m%.0f\x1b[0m messages/s   \x1b[1m%s\x1b[0m", rate, left),
		fmt.Sprintf("  sent %s   none %s   workers %d of %d   died %d", thousands(sent), thousands(none), len(b.pids), b.workers, b.deaths),
	}
	for _, note := range b.notes {
		lines = append(lines, "  \x1b[90m"+cut(note, 96)+"\x1b[0m")
	}
	if b.lines > 0 {
		fmt.Fprintf(b.out, "\x1b[%dA", b.lines)
	}
	for _, line := range lines {
		fmt.Fprintf(b.out, "\x1b[2K%s\n", line)
	}
	b.lines = max(b.lines, len(lines))
	if more := b.lines - len(lines); more > 0 {
		fmt.Fprint(b.out, strings.Repeat("\n", more))
	}
}

// report prints what has become of each recipient, and writes the list of those who got none. It
// returns how many are open.
func (b *board) report() (open int, err error) {
	path := filepath.Join(b.campaign.dir, "none.csv")
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	list := csv.NewWriter(file)
	_ = list.Write([]string{"row", "userId", "reason"})
	reasons := map[string]int{}
	sent := 0
	for i := range b.chunks {
		data, err := os.ReadFile(b.campaign.journalPath(i))
		if err != nil && !os.IsNotExist(err) {
			return 0, err
		}
		_, outcomes, _ := parseJournal(data)
		first, end := b.campaign.rows(i)
		for row := first; row < end; row++ {
			reason, known := outcomes[row]
			if !known {
				reason = "open: start the campaign again"
				open++
			}
			if reason == "" {
				sent++
				continue
			}
			reasons[reason]++
			_ = list.Write([]string{fmt.Sprint(row + 2), b.campaign.recipients[row].userID, reason})
		}
	}
	list.Flush()
	fmt.Fprintf(b.out, "\n  %9s recipients\n  %9s got the message\n", thousands(len(b.campaign.recipients)), thousands(sent))
	for _, reason := range slices.SortedFunc(maps.Keys(reasons), func(x, y string) int { return cmp.Compare(reasons[y], reasons[x]) }) {
		fmt.Fprintf(b.out, "  %9s got none: %s\n", thousands(reasons[reason]), reason)
	}
	if len(reasons) > 0 {
		fmt.Fprintf(b.out, "            who: %s\n", path)
	}
	return open, list.Error()
}

// thousands formats a number as 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// clock formats a time as 1:23 or 1:02:03.
func clock(d time.Duration) string {
	s := int(d.Seconds() + 0.5)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
