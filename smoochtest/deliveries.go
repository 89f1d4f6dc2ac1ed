package smoochtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Delivery is one attempt to deliver an event to a webhook. See [Server.DeliveryLog].
type Delivery struct {
	ID        string // of this attempt, for Redeliver
	WebhookID string
	Trigger   string // "HEAD" for the request that checks the target of a new webhook
	Attempt   int    // 1 is the first
	At        time.Time
	Status    int   // of the target's answer; 0 if there was none
	Err       error // why there was no answer
	Body      []byte
}

// triggerHead is the trigger in the log of the request that checks a target.
const triggerHead = "HEAD"

const (
	maxRetries      = 5
	deliveryTimeout = 20 * time.Second
)

// deliveries delivers events to webhooks. Each webhook has a queue, whose goroutine makes the first
// attempts in the order of the events. Retries are made when the server's clock says that they are
// due.
type deliveries struct {
	ctx        context.Context // ends when the server is closed
	clock      *clock
	firstRetry time.Duration
	client     *http.Client
	goroutines sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	busy    int        // events and checks of targets that are in a queue or in their first attempt
	changed *sync.Cond // broadcasts when busy falls
	retries []*outgoing
	log     []Delivery
	logged  int // attempts so far, for their ids
}

// outgoing is an event on its way to a webhook.
type outgoing struct {
	queue    *webhookQueue
	target   string
	secret   string
	trigger  string
	body     []byte
	attempts int
	due      time.Time // of the next retry
}

// webhookQueue holds the events that a webhook has not been sent yet.
type webhookQueue struct {
	webhookID string
	events    []*outgoing   // guarded by deliveries.mu
	added     chan struct{} // has a value after an event was added; buffers one
	closed    chan struct{} // closed when the webhook is deleted
}

func newDeliveries(ctx context.Context, clock *clock, firstRetry time.Duration) *deliveries {
	d := &deliveries{ctx: ctx, clock: clock, firstRetry: firstRetry}
	d.changed = sync.NewCond(&d.mu)
	d.client = &http.Client{
		Timeout:       deliveryTimeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return d
}

// stop makes deliveries start nothing new.
func (d *deliveries) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped, d.retries = true, nil
}

// wait waits until all goroutines have ended. Call it after stop and the end of d.ctx.
func (d *deliveries) wait() {
	d.goroutines.Wait()
	d.client.CloseIdleConnections()
}

// start runs f in a goroutine, unless the server is being closed. It counts as busy until f calls
// finished(1).
func (d *deliveries) start(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.stopped {
		d.busy++
		d.goroutines.Go(f)
	}
}

// open makes the queue of a new webhook and starts its goroutine, which first checks the target
// with a HEAD request.
func (d *deliveries) open(webhookID, target string) *webhookQueue {
	q := &webhookQueue{webhookID, nil, make(chan struct{}, 1), make(chan struct{})}
	d.start(func() {
		d.send(http.MethodHead, &outgoing{queue: q, target: target, trigger: triggerHead, attempts: 1})
		d.finished(1)
		for {
			if e := d.next(q); e != nil {
				d.attempt(e)
				d.finished(1)
				continue
			}
			select {
			case <-q.added:
			case <-q.closed:
				d.discard(q)
				return
			case <-d.ctx.Done():
				d.discard(q)
				return
			}
		}
	})
	return q
}

// close ends the deliveries to a webhook that is deleted.
func (q *webhookQueue) close() { close(q.closed) }

func (q *webhookQueue) isClosed() bool {
	select {
	case <-q.closed:
		return true
	default:
		return false
	}
}

// add queues an event.
func (d *deliveries) add(e *outgoing) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return
	}
	d.busy++
	e.queue.events = append(e.queue.events, e)
	select {
	case e.queue.added <- struct{}{}:
	default: // the goroutine has yet to receive the value of an earlier event
	}
}

// next takes the oldest event out of a queue. It returns nil if there is none, or if the queue or
// the server is closed.
func (d *deliveries) next(q *webhookQueue) *outgoing {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped || q.isClosed() || len(q.events) == 0 {
		return nil
	}
	e := q.events[0]
	q.events = q.events[1:]
	return e
}

// finished notes that n events are no longer queued or in their first attempt.
func (d *deliveries) finished(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy -= n
	d.changed.Broadcast()
}

// discard drops what a queue still holds when it or the server is closed.
func (d *deliveries) discard(q *webhookQueue) {
	d.mu.Lock()
	n := len(q.events)
	q.events = nil
	d.retries = slices.DeleteFunc(d.retries, func(e *outgoing) bool { return e.queue == q })
	d.mu.Unlock()
	d.finished(n)
}

// attempt sends an event once, and schedules a retry if the answer calls for one.
func (d *deliveries) attempt(e *outgoing) {
	e.attempts++
	status := d.send(http.MethodPost, e).Status
	switch status {
	case 400, 401, 403, 404, 406:
		return
	}
	if status >= 200 && status <= 299 || e.attempts > maxRetries {
		return
	}
	delay := d.firstRetry << (e.attempts - 1)
	e.due = d.clock.now().Add(delay)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped || e.queue.isClosed() {
		return
	}
	d.retries = append(d.retries, e)
	time.AfterFunc(delay, d.retryDue)
}

// retryDue makes the retries that are due and waits until they have ended.
func (d *deliveries) retryDue() {
	now := d.clock.now()
	var due []*outgoing
	d.mu.Lock()
	if d.stopped {
		d.mu.Unlock()
		return
	}
	d.goroutines.Add(1) // wait waits for the one that runs this function, too
	defer d.goroutines.Done()
	d.retries = slices.DeleteFunc(d.retries, func(e *outgoing) bool {
		if e.due.After(now) {
			return false
		}
		due = append(due, e)
		return true
	})
	d.mu.Unlock()
	var attempts sync.WaitGroup
	for _, e := range due {
		attempts.Go(func() { d.attempt(e) })
	}
	attempts.Wait()
}

// send sends an event, logs what came of it and returns that.
func (d *deliveries) send(method string, e *outgoing) Delivery {
	entry := Delivery{
		WebhookID: e.queue.webhookID, Trigger: e.trigger, Attempt: e.attempts, At: d.clock.now(), Body: e.body,
	}
	entry.Status, entry.Err = d.request(method, e)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.logged++
	entry.ID = strconv.Itoa(d.logged)
	d.log = append(d.log, entry)
	return entry
}

// find returns the attempt with the id.
func (d *deliveries) find(id string) (entry Delivery, found bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := slices.IndexFunc(d.log, func(entry Delivery) bool { return entry.ID == id })
	if at < 0 {
		return Delivery{}, false
	}
	return d.log[at], true
}

func (d *deliveries) request(method string, e *outgoing) (status int, err error) {
	target, err := url.Parse(e.target)
	if err != nil {
		return 0, err
	}
	if !isLoopback(target.Hostname()) {
		return 0, fmt.Errorf("smoochtest: the target %s is not on this machine", target.Host)
	}
	if method == http.MethodHead {
		target = &url.URL{Scheme: target.Scheme, Host: target.Host}
	}
	req, err := http.NewRequestWithContext(d.ctx, method, target.String(), bytes.NewReader(e.body))
	if err != nil {
		return 0, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-API-Key", e.secret)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (d *deliveries) list() []Delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}

// waitIdle waits until every event so far has had its first attempt, or until ctx ends.
func (d *deliveries) waitIdle(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.changed.Broadcast()
	})
	defer stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.busy > 0 && ctx.Err() == nil {
		d.changed.Wait()
	}
	return ctx.Err()
}
