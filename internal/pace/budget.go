package pace

import (
	"math"
	"sync"
)

// A Budget is a bucket of tokens that bounds how many attempts are repeated, so that repeats do not
// make an outage worse. Its methods may be called concurrently.
type Budget struct {
	mu         sync.Mutex
	left, size int // in tenths of a token
}

// NewBudget returns a full bucket of so many tokens.
func NewBudget(tokens int) *Budget {
	tenths := 10 * min(tokens, math.MaxInt/10)
	return &Budget{left: tenths, size: tenths}
}

// Take takes a token for a repeat. It returns false if less than one is left.
func (b *Budget) Take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < 10 {
		return false
	}
	b.left -= 10
	return true
}

// Empty reports whether less than one token is left.
func (b *Budget) Empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left < 10
}

// Return puts a tenth of a token back, up to the size of the bucket. Call it for each success.
func (b *Budget) Return() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+1, b.size)
}
