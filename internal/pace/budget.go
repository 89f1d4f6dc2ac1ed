package pace

import (
	"math"
	"sync/atomic"
)

// A Budget is a bucket of tokens that bounds how many attempts are repeated, so that repeats do not
// make an outage worse. Its methods may be called concurrently. They take no lock, and while the
// bucket is full, calls that succeed share nothing that is written.
type Budget struct {
	left atomic.Int64 // in tenths of a token
	size int64
}

// NewBudget returns a full bucket of so many tokens.
func NewBudget(tokens int) *Budget {
	b := &Budget{size: 10 * min(int64(tokens), math.MaxInt64/10)}
	b.left.Store(b.size)
	return b
}

// Take takes a token for a repeat. It returns false if less than one is left.
func (b *Budget) Take() bool {
	for {
		left := b.left.Load()
		if left < 10 {
			return false
		}
		if b.left.CompareAndSwap(left, left-10) {
			return true
		}
	}
}

// Empty reports whether less than one token is left.
func (b *Budget) Empty() bool { return b.left.Load() < 10 }

// Return puts a tenth of a token back, up to the size of the bucket. Call it for each success.
func (b *Budget) Return() {
	for {
		left := b.left.Load()
		if left >= b.size || b.left.CompareAndSwap(left, left+1) {
			return
		}
	}
}
