package smoochtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Delivery is one attempt to deliver an event to a webhook.
type Delivery struct {
	WebhookID string
	Trigger   string // "HEAD" for the look at the target when a webhook is created
	Attempt   int    // from 1
	At        time.Time
	Status    int   // the target's answer; 0: none
	Err       error // why there is none
	Body      []byte
}

// furtherAttempts is how often a delivery is tried again.
const furtherAttempts = 5

// deliveries sends events to webhooks: the first attempts of a webhook in the order of its
// events, further ones when they are due on the server's clock.
type deliveries struct {
	s      *Server
	client *http.Client
	ctx    context.Context // ends with the server
	cancel context.CancelFunc

	mu      sync.Mutex
	idle    *sync.Cond
	busy    int // first attempts that are queued or under way
	retries []*job
	log     []Delivery
	stopped bool
	working sync.WaitGroup
}

// job is an event on its way to a webhook.
type job struct {
	hook, target, secret, trigger string
	body                          []byte
	quit                          <-chan struct{} // closed when the webhook is gone
	attempts                      int
	due                           time.Time
}

func (d *deliveries) init(s *Server) {
	d.s = s
	d.idle = sync.NewCond(&d.mu)
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.client = &http.Client{
		Timeout:       20 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (d *deliveries) stop() {
	d.s.mu.Lock()
	for _, a := range d.s.apps {
		for _, h := range slices.Clone(a.webhooks) {
			h.stop()
		}
	}
	d.s.mu.Unlock()
	d.mu.Lock()
	d.stopped, d.retries = true, nil
	d.mu.Unlock()
	d.cancel()
	d.working.Wait()
	d.client.CloseIdleConnections()
}

// serve starts delivering to a webhook, after a look whether its target is there.
func (d *deliveries) serve(h *webhook) {
	probe := &job{hook: h.id(), trigger: "HEAD", target: h.fields["target"].(string)}
	d.start(func() {
		d.send(http.MethodHead, probe)
		for {
			j := d.take(h)
			if j == nil {
				select {
				case <-h.wake:
					continue
				case <-h.quit:
					d.drop(h)
					return
				case <-d.ctx.Done():
					d.drop(h)
					return
				}
			}
			d.attempt(j)
			d.mu.Lock()
			d.busy--
			d.idle.Broadcast()
			d.mu.Unlock()
		}
	})
}

// start runs f, unless the server is closed.
func (d *deliveries) start(f func()) (started bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.stopped {
		d.working.Go(f)
	}
	return !d.stopped
}

func (d *deliveries) add(h *webhook, j *job) {
	d.mu.Lock()
	d.busy++
	h.queue = append(h.queue, j)
	d.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default: // it is awake
	}
}

func (d *deliveries) take(h *webhook) *job {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-h.quit:
		return nil
	default:
	}
	if len(h.queue) == 0 {
		return nil
	}
	j := h.queue[0]
	h.queue = h.queue[1:]
	return j
}

// drop forgets what a webhook that was removed has not been sent.
func (d *deliveries) drop(h *webhook) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy -= len(h.queue)
	h.queue = nil
	d.retries = slices.DeleteFunc(d.retries, func(j *job) bool { return j.hook == h.id() })
	d.idle.Broadcast()
}

// attempt delivers once, and plans the next attempt if the answer asks for one.
func (d *deliveries) attempt(j *job) {
	j.attempts++
	status := d.send(http.MethodPost, j)
	switch status {
	case 400, 401, 403, 404, 406:
		return
	}
	if status >= 200 && status <= 299 || j.attempts > furtherAttempts {
		return
	}
	wait := d.s.cfg.firstRetry << (j.attempts - 1)
	d.s.mu.Lock()
	j.due = d.s.now().Add(wait)
	d.s.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-j.quit:
		return
	default:
	}
	if d.stopped {
		return
	}
	d.retries = append(d.retries, j)
	time.AfterFunc(wait, d.runDue)
}

// runDue makes the further attempts whose time has come, and returns when they are made.
func (d *deliveries) runDue() {
	d.s.mu.Lock()
	now := d.s.now()
	d.s.mu.Unlock()
	d.mu.Lock()
	var due []*job
	d.retries = slices.DeleteFunc(d.retries, func(j *job) bool {
		if j.due.After(now) {
			return false
		}
		due = append(due, j)
		return true
	})
	d.mu.Unlock()
	var made sync.WaitGroup
	for _, j := range due {
		made.Add(1)
		if !d.start(func() { defer made.Done(); d.attempt(j) }) {
			made.Done()
		}
	}
	made.Wait()
}

// send makes the request and notes what came of it.
func (d *deliveries) send(method string, j *job) (status int) {
	d.s.mu.Lock()
	entry := Delivery{WebhookID: j.hook, Trigger: j.trigger, Attempt: max(j.attempts, 1), At: d.s.now(), Body: j.body}
	d.s.mu.Unlock()
	entry.Status, entry.Err = d.request(method, j)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, entry)
	return entry.Status
}

func (d *deliveries) request(method string, j *job) (int, error) {
	target, err := url.Parse(j.target)
	if err != nil {
		return 0, err
	}
	if ip := net.ParseIP(target.Hostname()); target.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return 0, fmt.Errorf("smoochtest: the target %s is not on this machine", target.Host)
	}
	if method == http.MethodHead {
		target = &url.URL{Scheme: target.Scheme, Host: target.Host}
	}
	req, err := http.NewRequestWithContext(d.ctx, method, target.String(), bytes.NewReader(j.body))
	if err != nil {
		return 0, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-API-Key", j.secret)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// DeliveryLog gives every attempt to deliver an event so far, in the order of their ends.
func (s *Server) DeliveryLog() []Delivery {
	s.deliveries.mu.Lock()
	defer s.deliveries.mu.Unlock()
	return slices.Clone(s.deliveries.log)
}

// WaitDeliveries returns when every event so far has been tried once, or with ctx's error.
// Further attempts wait for the clock, see [Server.Advance].
func (s *Server) WaitDeliveries(ctx context.Context) error {
	d := &s.deliveries
	stop := context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.idle.Broadcast()
	})
	defer stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.busy > 0 && ctx.Err() == nil {
		d.idle.Wait()
	}
	return ctx.Err()
}
