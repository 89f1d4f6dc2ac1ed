package smoochtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxKeptEvents    = 2000
	eventsKeepAlive  = 15 * time.Second
	maxWaitingEvents = 1000 // of one reader
)

// feed is the stream of what happens in the server. Its events are those of control.json. While
// nobody has ever read it, it costs nothing.
type feed struct {
	epoch string // tells the events of one process from those of the next

	mu      sync.Mutex
	used    bool
	last    int // the number of the newest event
	kept    []feedEvent
	readers map[*feedReader]bool
}

type feedEvent struct {
	number int
	name   string
	data   []byte
}

type feedReader struct {
	events chan feedEvent // closed when the reader is too slow
}

// tell adds an event. data is called only if somebody reads the feed, and at once.
func (f *feed) tell(name string, data func() object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.used {
		return
	}
	f.last++
	e := feedEvent{f.last, name, encode(data())}
	if len(f.kept) >= maxKeptEvents {
		f.kept[0], f.kept = feedEvent{}, f.kept[1:]
	}
	f.kept = append(f.kept, e)
	for r := range f.readers {
		select {
		case r.events <- e:
		default:
			close(r.events) // it is too slow
			delete(f.readers, r)
		}
	}
}

// read adds a reader. from is the number of the event after which its events begin: after, or the
// newest one if after is negative or what came after it is no longer kept. missed are those events
// that the reader does not get by itself.
func (f *feed) read(after int) (r *feedReader, missed []feedEvent, from int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers == nil {
		f.readers = map[*feedReader]bool{}
	}
	f.used = true
	r = &feedReader{events: make(chan feedEvent, maxWaitingEvents)}
	f.readers[r] = true
	first := f.last - len(f.kept) + 1
	if after < 0 || after > f.last || after < first-1 {
		return r, nil, f.last
	}
	return r, slices.Clone(f.kept[after-first+1:]), after
}

func (f *feed) leave(r *feedReader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.readers, r)
}

// serveEvents streams what happens until the caller or the server is gone.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	s.startLooking()
	id := r.Header.Get("Last-Event-ID")
	after := -1
	if epoch, number, found := strings.Cut(id, "-"); found && epoch == s.controls.feed.epoch {
		if n, err := strconv.Atoi(number); err == nil {
			after = n
		}
	}
	reader, missed, from := s.controls.feed.read(after)
	defer s.controls.feed.leave(reader)
	first := []feedEvent{{from, "hello", encode(object{"clock": s.clockJSON()})}}
	if id != "" && from != after { // what the reader has missed is lost
		first = append(first, feedEvent{from, "reset", encode(object{})})
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	send := func(e feedEvent) error {
		_, err := fmt.Fprintf(w, "id: %s-%d\nevent: %s\ndata: %s\n\n", s.controls.feed.epoch, e.number, e.name, e.data)
		return err
	}
	for _, e := range append(first, missed...) {
		if send(e) != nil {
			return
		}
	}
	keepAlive := time.NewTicker(eventsKeepAlive)
	defer keepAlive.Stop()
	for out.Flush() == nil {
		select {
		case e, more := <-reader.events:
			if !more || send(e) != nil { // it was too slow: when it comes back it is told what it missed
				return
			}
		case <-keepAlive.C:
			if _, err := fmt.Fprint(w, ": still here\n\n"); err != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// The functions below tell the feed and the log of the server what has happened. What has become of
// apps and users is told by look.

func (s *Server) tellCall(entry *loggedCall) {
	s.logCall(entry)
	s.controls.feed.tell("call", func() object { return object{"call": callJSON(entry, true)} })
}

func (s *Server) tellDelivery(e *delivery) {
	s.logDelivery(e)
	s.controls.feed.tell("delivery", func() object { return object{"delivery": deliveryJSON(e, true)} })
}

func (s *Server) tellFault(f *activeFault) {
	s.controls.feed.tell("fault", func() object { return object{"fault": faultJSON(*f)} })
}

func (s *Server) tellFaultLifted(f *activeFault) {
	s.controls.feed.tell("fault-lifted", func() object { return object{"faultId": f.id} })
}

func (s *Server) tellClock() {
	s.controls.feed.tell("clock", func() object { return object{"clock": s.clockJSON()} })
}

func (s *Server) tellReset() {
	s.controls.feed.tell("reset", func() object { return object{} })
}

func (a *app) tellActivity(u *user, role, kind string) {
	a.server.controls.feed.tell("activity", func() object {
		return object{"activity": object{
			"appId": a.id, "userId": u.id, "role": role, "type": kind, "at": isoTime(a.server.clock.now()),
		}}
	})
}
