package smoochnats

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// A share is the part of the partitions that a process works. The server gives a partition to
// whoever asks first, which would be one process for all of them. So a process that has more than
// its share leaves some to the others, who stand by. To know how many there are, each tells the
// others that it is there, on a subject that no stream stores. If that fails, or is late, a
// partition may be left once too often, which does no harm.
type share struct {
	q  *Queue
	id string

	mu     sync.Mutex
	others map[string]time.Time // when they were heard last
	pinned []bool               // which partitions this process works
}

func newShare(q *Queue) *share {
	return &share{q: q, id: rand.Text(), others: map[string]time.Time{}, pinned: make([]bool, q.config.Partitions)}
}

// watch tells the others that this process is there, and listens to them, until ctx ends.
func (s *share) watch(ctx context.Context) {
	conn, subject := s.q.js.Conn(), s.q.config.Name+".workers"
	subscription, err := conn.Subscribe(subject, func(m *nats.Msg) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.others[string(m.Data)] = time.Now()
	})
	if err != nil {
		s.q.config.Logger.Error("smooch queue: the partitions are not shared", "error", err)
		return
	}
	defer func() { _ = subscription.Unsubscribe() }()
	for ctx.Err() == nil {
		_ = conn.Publish(subject, []byte(s.id)) // the next one may arrive
		pause(ctx, s.q.config.Lease/6)
	}
}

// update notes whether this process works a partition. It returns whether it is to leave it.
func (s *share) update(partition int, pinned bool) (leave bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	processes := 1
	for id, heard := range s.others {
		switch {
		case time.Since(heard) > s.q.config.Lease/2:
			delete(s.others, id)
		case id != s.id:
			processes++
		}
	}
	s.pinned[partition] = pinned
	held := 0
	for _, pinned := range s.pinned {
		if pinned {
			held++
		}
	}
	leave = pinned && held > (len(s.pinned)+processes-1)/processes
	s.pinned[partition] = pinned && !leave
	return leave
}
