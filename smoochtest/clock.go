package smoochtest

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"
)

// clock is the server's clock: the real time plus what tests have advanced it by.
type clock struct {
	mu       sync.Mutex
	advanced time.Duration
	last     time.Time // the last result of unique
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.advanced)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advanced += d
}

// set makes the clock run ahead of the real time by d, from new.
func (c *clock) set(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advanced, c.last = d, time.Time{}
}

// ahead returns what the clock was advanced by.
func (c *clock) ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.advanced
}

// unique returns the time in whole milliseconds, and later than any time that it returned before,
// so that messages have an order.
func (c *clock) unique() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now().Add(c.advanced).Truncate(time.Millisecond)
	if !now.After(c.last) {
		now = c.last.Add(time.Millisecond)
	}
	c.last = now
	return now
}

// isoTime formats a time as the API does in profiles.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// unixTime formats a time as the API does in messages and events: seconds with the milliseconds as
// decimals.
func unixTime(t time.Time) json.Number {
	return json.Number(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64))
}
