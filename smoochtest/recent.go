package smoochtest

// maxLogBytes is how many bytes of bodies a log keeps.
const maxLogBytes = 64 << 20

// recent is a log of which only the end is kept. The caller guards it.
type recent[T interface{ entry() *logEntry }] struct {
	limit   int
	room    int // how many bytes of bodies are kept
	all     []T // oldest first, with consecutive numbers
	last    int // the number of the newest entry
	bytes   int // of the bodies in all
	changed chan struct{}
}

// logEntry is embedded in what a recent holds.
type logEntry struct {
	id        int // 1 is the first
	bytes     int // of its bodies
	dropped   bool
	userID    string // the _id of the user that it is about, or ""
	ownUserID string // that user's userId, or ""
}

func (e *logEntry) entry() *logEntry { return e }

// add appends an entry and numbers it.
func (l *recent[T]) add(v T) {
	l.last++
	v.entry().id = l.last
	l.all = append(l.all, v)
	l.update(v, 0)
}

// update is called when an entry has changed and its bodies have grown by some bytes.
func (l *recent[T]) update(v T, grown int) {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	if v.entry().dropped {
		return
	}
	v.entry().bytes += grown
	l.bytes += grown
	for len(l.all) > l.limit || l.bytes > l.room && len(l.all) > 1 {
		oldest := l.all[0].entry()
		oldest.dropped = true
		l.bytes -= oldest.bytes
		var none T
		l.all[0], l.all = none, l.all[1:]
	}
}

// get returns the entry with a number, if it is still kept.
func (l *recent[T]) get(id int) (v T, found bool) {
	i := id - l.last + len(l.all) - 1
	if i < 0 || i >= len(l.all) {
		return v, false
	}
	return l.all[i], true
}

// wait returns a channel that is closed at the next change.
func (l *recent[T]) wait() <-chan struct{} {
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed
}

// clear drops all entries. Numbers go on.
func (l *recent[T]) clear() {
	for _, v := range l.all {
		v.entry().dropped = true
	}
	l.all, l.bytes = nil, 0
}
