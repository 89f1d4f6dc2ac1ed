// Package keyqueue is a bounded queue in memory that keeps the order of items with the same key.
package keyqueue

import (
	"sync"
	"time"
)

// A Queue hands items to a function that runs on several goroutines, its workers. Items with the
// same key are handled one after another, in the order in which they were added, and items with
// different keys side by side. The methods may be called concurrently.
type Queue[T any] struct {
	handle func(T) (again bool, after time.Duration)
	ready  chan string // keys whose first item may be handled; the capacity is the size

	drained chan struct{} // closed when the queue is closed and empty

	mu     sync.Mutex
	closed bool
	length int            // items in all
	items  map[string][]T // by key; the first of each is ready, being handled or waiting for its time
}

// New returns a queue that holds up to size items, counting those that are being handled, and
// starts its workers. Both numbers must be positive.
//
// handle is called for each item. If again is true, it is called for the item once more when the
// duration after has passed. Until then no worker waits, but later items of the key do, and the
// item counts towards size. handle must not panic, as nothing recovers it. An item whose handling
// ends in runtime.Goexit, as in a test's FailNow, is not handled again.
func New[T any](size, workers int, handle func(T) (again bool, after time.Duration)) *Queue[T] {
	q := &Queue[T]{handle: handle, ready: make(chan string, size), drained: make(chan struct{}), items: map[string][]T{}}
	for range workers {
		go q.work()
	}
	return q
}

// Add puts an item behind those of its key. It returns false if the queue is full or closed.
func (q *Queue[T]) Add(key string, item T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.length == cap(q.ready) {
		return false
	}
	q.length++
	q.items[key] = append(q.items[key], item)
	if len(q.items[key]) == 1 {
		q.ready <- key // never blocks: there are at most size keys, and each is in ready once at most
	}
	return true
}

// Close makes Add return false from now on. Items in the queue are still handled, and the workers
// end after the last one. Close does not wait for them; the channel that it returns is closed then.
// It may be called more than once.
func (q *Queue[T]) Close() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed && q.length == 0 {
		q.end()
	}
	q.closed = true
	return q.drained
}

func (q *Queue[T]) end() {
	close(q.ready)
	close(q.drained)
}

func (q *Queue[T]) work() {
	drained := false
	defer func() {
		if !drained { // handle called runtime.Goexit
			go q.work()
		}
	}()
	for key := range q.ready {
		q.handleFirst(key)
	}
	drained = true
}

// handleFirst handles the first item of a key.
func (q *Queue[T]) handleFirst(key string) {
	q.mu.Lock()
	item := q.items[key][0]
	q.mu.Unlock()
	again, after := false, time.Duration(0)
	defer func() {
		if again {
			time.AfterFunc(after, func() { q.ready <- key })
		} else {
			q.remove(key)
		}
	}()
	again, after = q.handle(item)
}

// remove takes the first item of a key off the queue.
func (q *Queue[T]) remove(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.items[key][:1]) // so that the array does not keep it
	if q.items[key] = q.items[key][1:]; len(q.items[key]) > 0 {
		q.ready <- key
	} else {
		delete(q.items, key)
	}
	if q.length--; q.length == 0 && q.closed {
		q.end()
	}
}
