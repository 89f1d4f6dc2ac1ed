package smoochnats

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A session is the work on a partition from the creation of a consumer's subscription until that is
// lost. Its rule is that an event is handled only when all older ones of the partition are
// acknowledged, or were taken by this session.
//
// The pin alone does not see to that: if a worker loses it, the events that it has taken stay with
// it until they are acknowledged or their Lease ends, and newer ones come to the next worker
// meanwhile. So wherever the deliveries have a gap, events wait at a gate, until the server counts
// no more events as taken than this session has. They then run in the order of the stream.
type session struct {
	*worker
	values    context.Context // that of Run, without its end
	consumer  jetstream.Consumer
	consuming jetstream.ConsumeContext
	ctx       context.Context // ends when nothing more is to be started
	end       context.CancelFunc
	running   sync.WaitGroup // the goroutines of orders

	mu       sync.Mutex
	stale    bool // what was taken may be with another worker by now
	taken    map[uint64]*taken
	orders   map[string][]*taken // by subject; a goroutine handles the first
	gate     []*taken            // that wait until no one else has older ones
	gated    bool
	last     uint64    // the last delivery
	pin      string    // with which it came
	extended time.Time // when the time for all of taken began anew
}

// A taken event was delivered to a session, and is not acknowledged.
type taken struct {
	message    jetstream.Msg // the last delivery
	subject    string
	sequence   uint64
	deliveries uint64
	at         time.Time
	busy       bool // it is being handled or acknowledged
	acked      bool // an acknowledgement was sent
}

func newSession(values context.Context, w *worker, c jetstream.Consumer) *session {
	s := &session{
		worker: w, values: values, consumer: c, extended: time.Now(),
		taken: map[uint64]*taken{}, orders: map[string][]*taken{},
	}
	s.ctx, s.end = context.WithCancel(values)
	return s
}

// work works the partition until ctx or the session ends. What runs may take longer.
func (s *session) work(ctx context.Context) {
	kept, stop := context.WithCancel(s.values)
	s.finishing.Go(func() { s.keep(kept) })
	select {
	case <-ctx.Done():
	case <-s.ctx.Done():
	case <-s.consuming.Closed(): // the consumer was deleted
		s.expire()
	}
	s.leave()
	s.finishing.Go(func() {
		s.running.Wait()
		stop()
	})
}

// expire ends the session, when what it has taken may be with another worker.
func (s *session) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale = true
	s.end()
}

// fresh reports whether the session may start something. After a pause of the process for almost as
// long as the lease, it may not. The caller holds the lock.
func (s *session) fresh() bool {
	if time.Since(s.extended) > s.q.config.Lease*9/10 {
		s.stale = true
		s.end()
	}
	return s.ctx.Err() == nil
}

// take takes an event. It is called in the order of the deliveries.
func (s *session) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fresh() {
		if !s.stale {
			_ = m.Nak()
		}
		return
	}
	gap := meta.Sequence.Consumer != s.last+1
	s.last, s.pin = meta.Sequence.Consumer, m.Headers().Get("Nats-Pin-Id")
	if t, again := s.taken[meta.Sequence.Stream]; again { // an extension has not arrived in time
		t.message, t.deliveries = m, meta.NumDelivered
		return
	}
	t := &taken{message: m, subject: m.Subject(), sequence: meta.Sequence.Stream, deliveries: meta.NumDelivered, at: time.Now()}
	s.taken[t.sequence] = t
	if gap && !s.gated {
		s.gated = true
		s.running.Go(s.openGate)
	}
	if s.gated {
		s.gate = append(s.gate, t)
		return
	}
	s.add(t)
}

// add appends an event to its order. The caller holds the lock.
func (s *session) add(t *taken) {
	s.orders[t.subject] = append(s.orders[t.subject], t)
	if len(s.orders[t.subject]) == 1 {
		s.running.Go(func() { s.handleOrder(t.subject) })
	}
}

// openGate lets the events at the gate through when nobody else has taken an event of the
// partition.
func (s *session) openGate() {
	for !s.tryGate() {
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// tryGate asks the server how many events are taken. Those of this session count only if they were
// taken before the question, and are not acknowledged by the answer: they are among those that the
// server counts. It returns whether the gate is open.
func (s *session) tryGate() bool {
	asked := time.Now()
	info, err := s.info()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || !s.fresh() {
		return false
	}
	ours := 0
	for _, t := range s.taken {
		if t.at.Before(asked) && !t.acked {
			ours++
		}
	}
	if info.NumAckPending > ours {
		if s.lostPin(info) { // the other worker waits for these, too
			s.end()
		}
		return false
	}
	slices.SortFunc(s.gate, bySequence)
	for _, t := range s.gate {
		s.add(t)
	}
	s.gate, s.gated = nil, false
	return true
}

// info returns the state of the consumer.
func (s *session) info() (*jetstream.ConsumerInfo, error) {
	ctx, cancel := context.WithTimeout(s.values, tryTimeout)
	defer cancel()
	return s.consumer.Info(ctx)
}

// hasPin reports whether the events of the partition come to this session.
func (s *session) hasPin(info *jetstream.ConsumerInfo) bool {
	return s.pin != "" && pinOf(info) == s.pin
}

// lostPin reports whether the events of the partition come to another worker.
func (s *session) lostPin(info *jetstream.ConsumerInfo) bool {
	return s.pin != "" && pinOf(info) != "" && pinOf(info) != s.pin
}

func pinOf(info *jetstream.ConsumerInfo) string {
	for _, g := range info.PriorityGroups {
		if g.Group == group {
			return g.PinnedClientID
		}
	}
	return ""
}

// keep extends the time for all that is taken, until ctx ends. The extension counts if the server
// answers afterwards: a process that is cut off is like one that was suspended.
func (s *session) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.q.config.Lease / 3):
		}
		began := time.Now()
		s.mu.Lock()
		s.fresh()
		stale, held := s.stale, slices.Collect(maps.Values(s.taken))
		messages := make([]jetstream.Msg, len(held))
		for i, t := range held {
			messages[i] = t.message
		}
		s.mu.Unlock()
		if stale {
			return
		}
		for _, m := range messages {
			_ = m.InProgress()
		}
		info, err := s.info()
		s.mu.Lock()
		if len(messages) == 0 || err == nil {
			s.extended = began
		}
		if err == nil && s.ctx.Err() == nil {
			lost := len(s.taken) > 0 && s.lostPin(info)
			if s.share.update(s.partition, s.hasPin(info)) || lost {
				s.end()
			}
		}
		s.mu.Unlock()
	}
}

// leave gives back what does not run, in order, and lets the next worker in.
func (s *session) leave() {
	s.end()
	s.mu.Lock()
	stale, pin := s.stale, s.pin
	s.mu.Unlock()
	if stale {
		s.consuming.Stop()
		return
	}
	s.consuming.Drain()
	select {
	case <-s.consuming.Closed():
	case <-time.After(tryTimeout):
	}
	if info, err := s.info(); err == nil && pin != "" && !s.lostPin(info) {
		ctx, cancel := context.WithTimeout(s.values, tryTimeout)
		defer cancel()
		if stream, err := s.q.js.Stream(ctx, s.q.config.Name); err == nil {
			_ = stream.UnpinConsumer(ctx, s.consumer.CachedInfo().Name, group)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range slices.SortedFunc(maps.Values(s.taken), bySequence) {
		if !t.busy {
			s.giveBack(t)
		}
	}
}

// giveBack returns an event to the server. The caller holds the lock.
func (s *session) giveBack(t *taken) {
	if _, ours := s.taken[t.sequence]; ours && !s.stale {
		_ = t.message.Nak()
	}
	delete(s.taken, t.sequence)
}

// handleOrder handles the events of an order, one after another.
func (s *session) handleOrder(subject string) {
	for {
		s.mu.Lock()
		t := s.orders[subject][0]
		s.mu.Unlock()
		done := handle(s, t)
		s.mu.Lock()
		if !done {
			t.busy = false
			s.giveBack(t)
			s.mu.Unlock()
			return
		}
		delete(s.taken, t.sequence)
		rest := s.orders[subject][1:]
		if s.orders[subject] = rest; len(rest) == 0 {
			delete(s.orders, subject)
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
	}
}

// start marks an event as being handled. It returns false if the session has ended.
func (s *session) start(t *taken) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ours := s.taken[t.sequence]; !ours || !s.fresh() {
		return false
	}
	t.busy = true
	return true
}

// wait marks an event as not being handled, for a while. It returns false if the session has ended.
func (s *session) wait(t *taken, d time.Duration) bool {
	s.mu.Lock()
	t.busy = false
	s.mu.Unlock()
	pause(s.ctx, d)
	return s.ctx.Err() == nil
}

// acknowledge removes an event from the queue. It returns whether that has succeeded.
func (s *session) acknowledge(t *taken) bool {
	s.mu.Lock()
	t.acked = true
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.values, s.q.config.Lease)
	defer cancel()
	err := try(ctx, func(ctx context.Context) error {
		s.mu.Lock()
		reply := t.message.Reply()
		s.mu.Unlock()
		_, err := s.q.js.Conn().RequestWithContext(ctx, reply, []byte("+ACK"))
		return err
	})
	if err != nil { // it comes again, to whoever has the partition then
		s.log.Warn("smooch queue: an event could not be acknowledged", "error", err)
		s.expire()
	}
	return err == nil
}

func bySequence(a, b *taken) int { return cmp.Compare(a.sequence, b.sequence) }
