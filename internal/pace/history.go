package pace

import (
	"sync/atomic"
	"time"
)

// A history counts accepted attempts by the slice of time in which they were sent, for the last few
// seconds. It takes no lock.
type history struct {
	cells [cells]atomic.Uint64 // the number of a slice, and in the low bits its count
}

const (
	slice     = 50 * time.Millisecond
	cells     = 128
	countBits = 20
)

// add counts so many attempts that were sent at a time, or takes them off.
func (h *history) add(at time.Time, count int) {
	n := uint64(at.UnixNano()) / uint64(slice)
	cell := &h.cells[n%cells]
	for {
		old := cell.Load()
		had := 0
		switch {
		case old>>countBits == n:
			had = int(old & (1<<countBits - 1))
		case old>>countBits > n: // of a slice long ago
			return
		}
		if cell.CompareAndSwap(old, n<<countBits|uint64(max(had+count, 0))) {
			return
		}
	}
}

// merge adds the counts of another history.
func (h *history) merge(other *history) {
	for i := range other.cells {
		cell := other.cells[i].Load()
		at := time.Unix(0, int64(cell>>countBits)*int64(slice))
		h.add(at, int(cell&(1<<countBits-1)))
	}
}

// most returns the most that were sent in a second that ends between two moments.
func (h *history) most(from, to time.Time) int {
	const second = uint64(time.Second / slice)
	first, last := uint64(from.UnixNano())/uint64(slice), uint64(to.UnixNano())/uint64(slice)
	first = max(first, last-min(last, cells))
	most := 0
	for n := first; n <= last; n++ {
		most = max(most, h.sum(n-second+1, n))
	}
	return most
}

// between returns how many were sent between two moments.
func (h *history) between(from, to time.Time) int {
	return h.sum(uint64(from.UnixNano())/uint64(slice), uint64(to.UnixNano())/uint64(slice))
}

// sum adds up the slices from first to last.
func (h *history) sum(first, last uint64) int {
	total := 0
	for i := range h.cells {
		if cell := h.cells[i].Load(); cell>>countBits >= first && cell>>countBits <= last {
			total += int(cell & (1<<countBits - 1))
		}
	}
	return total
}
