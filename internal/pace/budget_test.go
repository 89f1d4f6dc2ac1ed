package pace_test

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/smooch/smooch-go/internal/pace"
)

// takeAll returns how many tokens can be taken, up to a thousand.
func takeAll(b *pace.Budget) int {
	n := 0
	for n < 1000 && b.Take() {
		n++
	}
	return n
}

func TestBudget(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		tokens, returns int
		want            int // what can be taken after the bucket was emptied and the returns made
	}{
		"nothing returned":         {5, 0, 0},
		"nine tenths are no token": {5, 9, 0},
		"ten tenths are one":       {5, 10, 1},
		"twenty-five are two":      {5, 25, 2},
		"not more than the size":   {1, 100, 1},
		"no tokens at all":         {0, 100, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := pace.NewBudget(tt.tokens)
			assert.Equal(t, tt.tokens, takeAll(b))
			for range tt.returns {
				b.Return()
			}
			assert.Equal(t, tt.want == 0, b.Empty())
			assert.Equal(t, tt.want, takeAll(b))
		})
	}
}

func TestBudgetWithoutLimit(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 1000, takeAll(pace.NewBudget(math.MaxInt)))
}

func TestBudgetStaysFull(t *testing.T) {
	t.Parallel()
	b := pace.NewBudget(3)
	for range 100 {
		b.Return()
	}
	assert.Equal(t, 3, takeAll(b))
}

func TestBudgetConcurrently(t *testing.T) {
	t.Parallel()
	b := pace.NewBudget(100)
	var taken atomic.Int32
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			if b.Take() {
				taken.Add(1)
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, 100, taken.Load())
}

func TestBudgetReturnsConcurrently(t *testing.T) {
	t.Parallel()
	const tokens, callers = 80_000, 8
	b := pace.NewBudget(tokens)
	for b.Take() {
	}
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range 10 * tokens / callers {
				b.Return()
			}
		})
	}
	group.Wait()
	taken := 0
	for b.Take() {
		taken++
	}
	assert.Equal(t, tokens, taken)
}
