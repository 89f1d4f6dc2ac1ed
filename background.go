package smooch

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// WithBackground answers an event as soon as it is queued, and handles it later on one of
// workers goroutines: events of one app user in the order of their arrival, those of different users side by
// side. With queue events waiting or being handled, further ones are answered 503, so that they come again.
//
// An answered event does not come again. A function that fails is called twice more, after 1
// and 5 seconds, unless the error is [Permanent] or a panic; then the observer is told ([Delivery.Err]) and
// the event is given up. A process that dies loses what is queued: up to queue events. Without this option it loses
// none. Call [WebhookReceiver.Shutdown] before the process ends.
func WithBackground(queue, workers int) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if queue < 1 || workers < 1 {
			return argumentError(where("WithBackground"), "queue and workers", "are not both positive")
		}
		r.background = &background{limit: queue, workers: workers, users: map[string][]*job{}, ready: make(chan string, queue), quit: make(chan struct{})}
		return nil
	}
}

// background is a bounded queue with an order for each user.
type background struct {
	limit, workers int
	ready          chan string // users with a job that may run; at most one entry each
	quit           chan struct{}
	once           sync.Once

	mu    sync.Mutex
	size  int
	users map[string][]*job // the first of each is running or ready
}

// job is one event to handle.
type job struct {
	handle func()
}

func (b *background) start() {
	for range b.workers {
		go b.work()
	}
}

func (b *background) stop() { b.once.Do(func() { close(b.quit) }) }

// add queues a job, false if there is no room.
func (b *background) add(user string, j *job) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size >= b.limit {
		return false
	}
	b.size++
	b.users[user] = append(b.users[user], j)
	if len(b.users[user]) == 1 {
		b.ready <- user // has room: there are at most limit users
	}
	return true
}

func (b *background) work() {
	for {
		select {
		case user := <-b.ready:
			b.mu.Lock()
			j := b.users[user][0]
			b.mu.Unlock()
			j.handle()
			b.next(user)
		case <-b.quit:
			return
		}
	}
}

// next takes a user's job that has run off the queue.
func (b *background) next(user string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size--
	b.users[user][0] = nil
	if rest := b.users[user][1:]; len(rest) > 0 {
		b.users[user] = rest
		b.ready <- user
	} else {
		delete(b.users, user)
	}
}

// enqueue answers for an event by queueing it.
func (r *WebhookReceiver) enqueue(ctx context.Context, d *Delivery, key string, f *flight, claims []string, run func() error) {
	began, queued := time.Now(), *d
	r.running.Add(1) // until the observer knows
	j := &job{handle: func() {
		defer r.running.Done()
		o := r.conclude(ctx, queued.Event, claims, persist(run))
		r.land(key, f, o)
		queued.Handled, queued.Err, queued.Duration = true, o.err, time.Since(began)
		r.report(queued)
	}}
	if r.background.add(orderOf(d.Event), j) {
		// From here on copies are acknowledged, by other processes too. An error changes nothing: the event is queued.
		d.Status, d.Err = http.StatusOK, r.done(ctx, claims)
		close(f.queued)
		return
	}
	r.running.Done()
	err := errors.Join(errQueueFull, r.release(ctx, claims))
	r.land(key, f, outcome{http.StatusServiceUnavailable, err})
	d.Status, d.Err = f.status, err
}

// persist repeats a function that fails: the service will not.
func persist(run func() error) error {
	err := run()
	for _, pause := range []time.Duration{time.Second, 5 * time.Second} {
		_, permanent := errors.AsType[*permanentError](err)
		_, panicked := errors.AsType[*PanicError](err)
		if err == nil || permanent || panicked {
			break
		}
		time.Sleep(pause)
		err = run()
	}
	return err
}

// orderOf names whose events keep their order.
func orderOf(e Event) string {
	switch e := e.(type) {
	case *MergeEvent:
		if e.Surviving != nil {
			return e.Surviving.ID
		}
	case *NotificationEvent:
		if e.MatchResult != nil && e.MatchResult.AppUser != nil {
			return e.MatchResult.AppUser.ID
		}
		if e.Notification != nil {
			return e.Notification.ID
		}
	}
	return e.Header().AppUser.ID
}
