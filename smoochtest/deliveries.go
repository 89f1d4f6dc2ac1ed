package smoochtest

import (
	"bytes"
	"context"
	"io"
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
	ID        string // for Redeliver; the attempts to deliver one event to one webhook share it
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
	allowed    []string        // hosts of targets that are not on this machine
	tell       func(*delivery) // is called with mu held when a delivery is new or was attempted
	goroutines sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	busy    int        // events and checks of targets that are in a queue or in their first attempt
	changed *sync.Cond // broadcasts when busy falls
	retries []*delivery
	kept    recent[*delivery]
	log     []Delivery // of the attempts, as many as kept may hold
}

// delivery is an event for a webhook. The fields from state on are guarded by deliveries.mu.
type delivery struct {
	logEntry
	queue   *webhookQueue
	at      time.Time
	appID   string
	target  string
	secret  string
	trigger string
	version string
	body    []byte
	other   []byte // the event in the other version; nil if that lacks it

	state    deliveryState
	attempts []attempt
	due      time.Time // of the next retry
}

// deliveryState is what has become of a delivery so far.
type deliveryState string

const (
	deliveryWaiting  deliveryState = "waiting"
	deliveryRetrying deliveryState = "retrying"
	deliveryDone     deliveryState = "delivered"
	deliveryFailed   deliveryState = "failed"
)

// attempt is one attempt to deliver an event, and the target's answer.
type attempt struct {
	at     time.Time
	took   time.Duration
	status int   // 0 if there was no answer
	err    error // why there was none
	header http.Header
	body   []byte
	size   int // of the whole body
}

// webhookQueue holds the events that a webhook has not been sent yet.
type webhookQueue struct {
	webhookID string
	events    []*delivery   // guarded by deliveries.mu
	added     chan struct{} // has a value after an event was added; buffers one
	closed    chan struct{} // closed when the webhook is deleted
}

func newDeliveries(ctx context.Context, clock *clock, c config, tell func(*delivery)) *deliveries {
	d := &deliveries{
		ctx: ctx, clock: clock, firstRetry: c.firstRetry, allowed: c.allowedTargets, tell: tell,
		kept: recent[*delivery]{limit: c.keepLog, room: maxLogBytes},
	}
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

// open makes the queue of a webhook and starts its goroutine, which first sends check: the HEAD
// request that checks the target of a new webhook, or nil.
func (d *deliveries) open(webhookID string, check *delivery) *webhookQueue {
	q := &webhookQueue{webhookID, nil, make(chan struct{}, 1), make(chan struct{})}
	d.start(func() {
		if check != nil {
			check.queue = q
			d.keep(check)
			d.send(check)
		}
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
func (d *deliveries) add(e *delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return
	}
	e.state = deliveryWaiting
	d.kept.add(e)
	d.kept.update(e, len(e.body)+len(e.other))
	if len(e.queue.events) >= d.kept.limit {
		d.drop(e.queue.events[0])
		e.queue.events = e.queue.events[1:]
		d.busy--
	}
	d.busy++
	e.queue.events = append(e.queue.events, e)
	d.tell(e)
	select {
	case e.queue.added <- struct{}{}:
	default: // the goroutine has yet to receive the value of an earlier event
	}
}

// next takes the oldest event out of a queue. It returns nil if there is none, or if the queue or
// the server is closed.
func (d *deliveries) next(q *webhookQueue) *delivery {
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
	dropped := q.events
	q.events = nil
	d.retries = slices.DeleteFunc(d.retries, func(e *delivery) bool {
		if e.queue == q {
			dropped = append(dropped, e)
		}
		return e.queue == q
	})
	for _, e := range dropped {
		d.drop(e)
	}
	d.mu.Unlock()
	d.finished(n)
}

// keep logs a delivery that is sent without having been queued.
func (d *deliveries) keep(e *delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e.state = deliveryWaiting
	d.kept.add(e)
}

// drop gives a delivery up, because its webhook is deleted or too many wait. The caller holds d.mu.
func (d *deliveries) drop(e *delivery) {
	e.state = deliveryFailed
	d.kept.update(e, 0)
	d.tell(e)
}

// attempt sends an event once, and schedules a retry if the answer calls for one.
func (d *deliveries) attempt(e *delivery) {
	d.send(e)
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.state != deliveryRetrying {
		return
	}
	d.retries = append(d.retries, e)
	if len(d.retries) > d.kept.limit {
		d.drop(d.retries[0])
		d.retries = d.retries[1:]
	}
	time.AfterFunc(d.retryDelay(len(e.attempts)), d.retryDue)
}

// retryDelay returns the time between an attempt, of which 1 is the first, and the next one.
func (d *deliveries) retryDelay(attempts int) time.Duration { return d.firstRetry << (attempts - 1) }

// outcome returns what the status of the last of some attempts means.
func outcome(e *delivery, status, attempts int) deliveryState {
	if isSuccess(status) {
		return deliveryDone
	}
	switch status {
	case 400, 401, 403, 404, 406:
		return deliveryFailed
	}
	if e.trigger == triggerHead || attempts > maxRetries {
		return deliveryFailed
	}
	return deliveryRetrying
}

func isSuccess(status int) bool { return status >= 200 && status <= 299 }

// retryDue makes the retries that are due and waits until they have ended.
func (d *deliveries) retryDue() {
	now := d.clock.now()
	var due []*delivery
	d.mu.Lock()
	if d.stopped {
		d.mu.Unlock()
		return
	}
	d.goroutines.Add(1) // wait waits for the one that runs this function, too
	defer d.goroutines.Done()
	d.retries = slices.DeleteFunc(d.retries, func(e *delivery) bool {
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

// send makes an attempt at a delivery and logs what came of it.
func (d *deliveries) send(e *delivery) {
	made := d.request(e, e.target, e.secret)
	d.mu.Lock()
	defer d.mu.Unlock()
	e.state = outcome(e, made.status, len(e.attempts)+1)
	if e.state == deliveryRetrying && (d.stopped || e.queue.isClosed()) {
		e.state = deliveryFailed
	}
	if e.state == deliveryRetrying {
		e.due = d.clock.now().Add(d.retryDelay(len(e.attempts) + 1))
	}
	d.logAttempt(e, made)
}

// resend makes another attempt at a delivery, whatever has become of it so far. It does not end the
// retries that are scheduled, unless it succeeds, and schedules none.
func (d *deliveries) resend(e *delivery, target, secret string) Delivery {
	made := d.request(e, target, secret)
	d.mu.Lock()
	defer d.mu.Unlock()
	if succeeded := isSuccess(made.status); succeeded || e.state == deliveryDone {
		e.state = deliveryFailed
		if succeeded {
			e.state = deliveryDone
			d.retries = slices.DeleteFunc(d.retries, func(other *delivery) bool { return other == e })
		}
	}
	return d.logAttempt(e, made)
}

// logAttempt logs an attempt after the state of the delivery was set. The caller holds d.mu.
func (d *deliveries) logAttempt(e *delivery, made attempt) Delivery {
	e.attempts = append(e.attempts, made)
	if len(d.log) >= d.kept.limit {
		d.log[0], d.log = Delivery{}, d.log[1:]
	}
	entry := Delivery{
		ID: strconv.Itoa(e.id), WebhookID: e.queue.webhookID, Trigger: e.trigger, Attempt: len(e.attempts),
		At: made.at, Status: made.status, Err: made.err, Body: e.body,
	}
	d.log = append(d.log, entry)
	d.kept.update(e, len(made.body))
	d.tell(e)
	return entry
}

// find returns the delivery with the id.
func (d *deliveries) find(id string) (e *delivery, found bool) {
	number, err := strconv.Atoi(id)
	if err != nil {
		return nil, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept.get(number)
}

const maxLoggedAnswer = 64 << 10

// request makes one request to a target and returns what came of it.
func (d *deliveries) request(e *delivery, target, secret string) (made attempt) {
	made.at = d.clock.now()
	defer func(began time.Time) { made.took = time.Since(began) }(time.Now())
	method := http.MethodPost
	if e.trigger == triggerHead {
		method = http.MethodHead
		if u, err := url.Parse(target); err == nil {
			target = u.Scheme + "://" + u.Host
		}
	}
	req, err := http.NewRequestWithContext(d.ctx, method, target, bytes.NewReader(e.body))
	if err != nil {
		made.err = err
		return made
	}
	req.Header = e.requestHeader(secret)
	resp, err := d.client.Do(req)
	if err != nil {
		made.err = err
		return made
	}
	defer resp.Body.Close()
	kept := &limitedBuffer{room: maxLoggedAnswer}
	// What breaks the body off does not matter: the status says whether the event has arrived.
	_, _ = io.Copy(kept, io.LimitReader(resp.Body, maxLoggedBody))
	made.status, made.header, made.body, made.size = resp.StatusCode, resp.Header, kept.Bytes(), kept.written
	return made
}

// requestHeader returns the header that is sent with an event.
func (e *delivery) requestHeader(secret string) http.Header {
	if e.trigger == triggerHead {
		return http.Header{}
	}
	return http.Header{"Content-Type": {"application/json"}, "X-Api-Key": {secret}}
}

// allows reports whether events may be delivered to a host.
func (d *deliveries) allows(host string) bool {
	return isLoopback(host) || slices.Contains(d.allowed, host)
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

// count returns the number of deliveries so far, those that are no longer kept included.
func (d *deliveries) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept.last
}

// clear drops the log. Call it when no webhook has anything waiting.
func (d *deliveries) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept.clear()
	d.log = nil
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
