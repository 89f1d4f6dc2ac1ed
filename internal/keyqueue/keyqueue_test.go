package keyqueue

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// record is what a queue's function was called with, and when.
type record struct {
	mu    sync.Mutex
	began time.Time
	calls []string
}

func newRecord() *record { return &record{began: time.Now()} }

func (r *record) add(item string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, fmt.Sprintf("%s at %v", item, time.Since(r.began)))
}

func (r *record) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// inBubble runs a test in a bubble, which fails unless the workers have ended with the test.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

func TestOrderPerKey(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const workers, keys, items = 16, 8, 50
		type item struct{ key, number, calls int }
		var mu sync.Mutex
		handled := map[int][]int{}
		var running [keys]atomic.Int32
		q := New(keys*items, workers, func(it *item) (bool, time.Duration) {
			if running[it.key].Add(1) > 1 {
				t.Errorf("two items of key %d are handled at once", it.key)
			}
			defer running[it.key].Add(-1)
			time.Sleep(time.Duration((it.number*7+it.key*3)%5) * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			handled[it.key] = append(handled[it.key], it.number)
			it.calls++
			return it.number%5 == 0 && it.calls < 3, time.Duration(it.number) * time.Millisecond
		})
		var group sync.WaitGroup
		for key := range keys {
			group.Go(func() {
				for number := range items {
					assert.True(t, q.Add(fmt.Sprint(key), &item{key: key, number: number}))
				}
			})
		}
		group.Wait()
		q.Close()
		time.Sleep(time.Minute)

		var want []int
		for number := range items {
			want = append(want, number)
			if number%5 == 0 {
				want = append(want, number, number)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for key := range keys {
			assert.Equal(t, want, handled[key], "key %d", key)
		}
	})
}

func TestKeysSideBySide(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		calls := newRecord()
		q := New(10, 2, func(item string) (bool, time.Duration) {
			time.Sleep(time.Second)
			calls.add(item)
			return false, 0
		})
		for _, item := range []string{"a1", "a2", "b1", "c1"} {
			assert.True(t, q.Add(item[:1], item))
		}
		q.Close()
		time.Sleep(time.Minute)
		want := []string{"a1 at 1s", "b1 at 1s", "a2 at 2s", "c1 at 2s"}
		assert.ElementsMatch(t, want, calls.all())
	})
}

// TestFailingKey: while an item waits to be handled again, it delays its key and no other.
func TestFailingKey(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		calls, attempts := newRecord(), 0
		q := New(10, 1, func(item string) (bool, time.Duration) {
			calls.add(item)
			if item != "a1" {
				return false, 0
			}
			attempts++
			return attempts < 3, time.Duration(attempts) * time.Hour
		})
		for _, item := range []string{"a1", "a2", "b1", "b2"} {
			assert.True(t, q.Add(item[:1], item))
		}
		time.Sleep(time.Minute)
		assert.True(t, q.Add("c", "c1"))
		synctest.Wait()
		want := []string{"a1 at 0s", "b1 at 0s", "b2 at 0s", "c1 at 1m0s"}
		assert.Equal(t, want, calls.all())

		q.Close()
		time.Sleep(4 * time.Hour)
		want = append(want, "a1 at 1h0m0s", "a1 at 3h0m0s", "a2 at 3h0m0s")
		assert.Equal(t, want, calls.all())
	})
}

func TestAgainAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		calls := newRecord()
		q := New(1, 1, func(item string) (bool, time.Duration) {
			calls.add(item)
			return len(calls.all()) < 3, 0
		})
		require.True(t, q.Add("a", "a1"))
		synctest.Wait()
		assert.Equal(t, []string{"a1 at 0s", "a1 at 0s", "a1 at 0s"}, calls.all())
		q.Close()
	})
}

func TestFull(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		attempts := 0
		q := New(2, 1, func(item string) (bool, time.Duration) {
			if item == "repeated" {
				attempts++
				return attempts == 1, time.Hour
			}
			time.Sleep(time.Second)
			return false, 0
		})
		assert.True(t, q.Add("a", "repeated"))
		synctest.Wait()
		assert.True(t, q.Add("b", "slow"))
		assert.False(t, q.Add("c", "slow"), "one waits for its time, one is being handled")
		time.Sleep(2 * time.Second)
		assert.True(t, q.Add("a", "slow"))
		assert.False(t, q.Add("a", "slow"), "both of one key")
		time.Sleep(2 * time.Hour)
		assert.True(t, q.Add("a", "slow"))
		assert.True(t, q.Add("b", "slow"))
		assert.False(t, q.Add("c", "slow"))
		q.Close()
		time.Sleep(time.Minute)
	})
}

func TestClose(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		calls := newRecord()
		q := New(10, 3, func(item string) (bool, time.Duration) {
			calls.add(item)
			return item == "a1" && len(calls.all()) < 3, time.Second
		})
		assert.True(t, q.Add("a", "a1"))
		assert.True(t, q.Add("a", "a2"))
		assert.True(t, q.Add("b", "b1"))
		q.Close()
		began := time.Now()
		<-q.Close()
		assert.Equal(t, time.Second, time.Since(began), "after the last item")
		assert.Len(t, calls.all(), 4)
		assert.False(t, q.Add("c", "c1"))
		time.Sleep(time.Minute)
		assert.False(t, q.Add("c", "c1"))
		q.Close()
		want := []string{"a1 at 0s", "b1 at 0s", "a1 at 1s", "a2 at 1s"}
		assert.ElementsMatch(t, want, calls.all())
	})
}

func TestCloseWhenEmpty(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		q := New(1, 3, func(string) (bool, time.Duration) {
			t.Error("nothing was added")
			return false, 0
		})
		<-q.Close()
		<-q.Close()
		assert.False(t, q.Add("a", "a1"))
	})
}

// TestHandledItemsAreForgotten: neither the item nor, after its last item, the key is kept.
func TestHandledItemsAreForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		proceed := make(chan struct{})
		q := New(2, 1, func(*[64]byte) (bool, time.Duration) {
			<-proceed
			return false, 0
		})
		add := func() weak.Pointer[[64]byte] {
			item := new([64]byte)
			require.True(t, q.Add("a", item))
			return weak.Make(item)
		}
		first := add()
		add()
		proceed <- struct{}{}
		synctest.Wait() // the second is being handled
		runtime.GC()
		assert.Nil(t, first.Value())
		proceed <- struct{}{}
		synctest.Wait()
		assert.Empty(t, q.items)
		q.Close()
	})
}

// TestConcurrently adds from several goroutines on the wall clock, for the race detector.
func TestConcurrently(t *testing.T) {
	t.Parallel()
	var handled, added atomic.Int32
	q := New(50, 4, func(int) (bool, time.Duration) {
		return handled.Add(1)%7 == 0, time.Microsecond
	})
	var group sync.WaitGroup
	for key := range 8 {
		group.Go(func() {
			for item := range 200 {
				if q.Add(fmt.Sprint(key%5), item) {
					added.Add(1)
				}
			}
		})
	}
	group.Wait()
	q.Close()
	done := func() bool { return handled.Load() >= added.Load() }
	assert.Eventually(t, done, 10*time.Second, time.Millisecond)
}
