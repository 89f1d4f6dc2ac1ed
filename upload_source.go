package smooch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// A source reads the caller's file for one attempt. All methods of the caller are called on one
// goroutine, which fills buffers of its own. So the attempt can end while a method of the caller is
// running: the goroutine then stays with it, calls nothing but Close afterwards, and ends. There
// are two buffers, so that one is filled while the other is sent.
//
// net/http waits for a Read of a request's body. That is the source's own Read, which returns when
// the attempt's context ends.
type source struct {
	ctx    context.Context // of the attempt
	upload Upload
	facts  fileFacts // complete once start has returned nil
	opened bool      // facts are known from an earlier attempt
	idle   *idleTimer

	free    chan []byte           // buffers to fill
	results chan readResult       // has room for all buffers, so that sending never blocks
	over    chan struct{}         // closed when the attempt no longer needs the file
	ended   chan struct{}         // closed when the goroutine has ended
	busy    atomic.Bool           // a method of the caller may be running
	touched atomic.Bool           // the file has been read for more than its type
	failed  atomic.Pointer[error] // the error of the caller's reader

	// Used by the goroutine only.
	r     io.Reader
	close func() error // nil: the caller closes the reader
	left  int64        // bytes to come, if the size is known

	// Used by Read only.
	reading bool      // the transport has read, so that the goroutine has buffers
	buf     []byte    // the buffer that pending is part of
	pending []byte    // part of the file that has been read and not taken
	err     error     // what Read returns after it
	taken   time.Time // when Read last returned
}

// A readResult is what the goroutine of a source has read, and the error that follows it.
type readResult struct {
	data []byte
	err  error
}

var (
	errAtEnd    = errors.New("its position is at its end; was it sent before?")
	errNoFile   = fmt.Errorf("%w: the function Open returned neither a file nor an error", ErrInvalidArgument)
	errNotSize  = errors.New("its length is not the given Size, or has changed")
	errBadCount = errors.New("its Read returned an impossible count")
	errExited   = errors.New("it ended its goroutine")
	errRevoked  = errors.New("the attempt is over")
)

const (
	sourceBuffer = 64 << 10
	slowTake     = 4 << 10 // bytes for a transport that is slow, which is what net/http writes at once
	emptyReads   = 100     // how often in a row a reader may return 0 and no error, as in bufio
)

// newSource returns the source for an attempt. facts is nil if the file has not been opened yet.
func newSource(ctx context.Context, u Upload, facts *fileFacts, idle *idleTimer) *source {
	s := &source{
		ctx: ctx, upload: u, idle: idle,
		free: make(chan []byte, 2), results: make(chan readResult, 2),
		over: make(chan struct{}), ended: make(chan struct{}),
	}
	if facts != nil {
		s.facts, s.opened = *facts, true
	}
	return s
}

// start starts the goroutine and returns when the file is open or ctx has ended.
func (s *source) start() error {
	go s.serve()
	s.await()
	return s.err
}

// await waits for the next result, but no longer than the attempt lasts.
func (s *source) await() {
	select {
	case r := <-s.results:
		s.buf, s.pending, s.err = r.data, r.data, r.err
		//nolint:errorlint // an error that wraps io.EOF is not the end of the file, see io.Reader
		if r.err != nil && r.err != io.EOF {
			s.failed.Store(&r.err)
		}
	case <-s.ctx.Done():
		s.err = s.ctx.Err()
	}
}

// Read is called by the transport.
func (s *source) Read(b []byte) (int, error) {
	if time.Since(s.taken) > s.idle.limit/16 {
		b = b[:min(len(b), slowTake)] // so that a slow connection is seen to move
	}
	if len(s.pending) == 0 && s.err == nil {
		if !s.reading {
			s.reading = true
			s.free <- s.newBuffer()
			s.buf = s.newBuffer()
		}
		s.free <- s.buf[:cap(s.buf)]
		s.await()
	}
	n := copy(b, s.pending)
	s.pending, s.taken = s.pending[n:], time.Now()
	if n == 0 {
		return 0, s.err
	}
	s.idle.moved()
	return n, nil
}

// newBuffer returns a buffer, which is not larger than needed to read the file and find its end.
func (s *source) newBuffer() []byte {
	if s.facts.size >= 0 && s.facts.size < sourceBuffer {
		return make([]byte, s.facts.size+1)
	}
	return make([]byte, sourceBuffer)
}

// revoke ends the use of the file. It waits for a method of the caller that is running, unless ctx
// ends first, and reports whether none is running any more.
func (s *source) revoke(ctx context.Context) bool {
	close(s.over)
	select {
	case <-s.ended:
		return true
	case <-ctx.Done():
		return !s.busy.Load()
	}
}

// serve is the goroutine: it opens the file, reads it as far as it is asked to, and closes it.
func (s *source) serve() {
	defer close(s.ended)
	defer func() {
		defer func() { _ = recover() }() // a panic in Close would end the process
		if s.close != nil {
			_ = s.close() // it was read only
		}
	}()
	for more := s.do(s.open, nil); more; {
		select {
		case buf := <-s.free:
			more = s.do(s.next, buf)
		case <-s.over:
			return
		}
	}
	<-s.over
}

// do sends what f returns, and reports whether there was no error. If f panics or ends the
// goroutine, that is its error.
func (s *source) do(f func([]byte) ([]byte, error), buf []byte) (ok bool) {
	s.busy.Store(true)
	r := readResult{err: errExited}
	defer func() {
		if value := recover(); value != nil {
			r = readResult{err: fmt.Errorf("it panicked: %v", value)}
		}
		s.busy.Store(false)
		s.results <- r
	}()
	r.data, r.err = f(buf)
	return r.err == nil
}

// open opens the file and determines its facts, if they are not known. It returns what it has read
// of the file.
func (s *source) open([]byte) ([]byte, error) {
	s.r = s.upload.Source
	if s.upload.Open != nil {
		file, err := s.upload.Open()
		switch {
		case err != nil:
			return nil, err
		case file == nil:
			return nil, errNoFile
		}
		s.r, s.close = file, file.Close
	}
	prefix := s.facts.prefix
	var err error
	switch {
	case !s.opened:
		if prefix, err = s.measure(); err != nil {
			err = fmt.Errorf("%w: %w", ErrInvalidArgument, err)
		}
	case s.facts.seeker != nil:
		_, err = s.seek(s.facts.start, io.SeekStart)
	}
	s.left = s.facts.size - int64(len(prefix))
	return prefix, err
}

// measure determines the facts of the file. It returns what it has read of the file.
func (s *source) measure() ([]byte, error) {
	if seeker, ok := s.upload.Source.(io.Seeker); ok {
		s.facts.seeker = seeker
		start, err := s.seek(0, io.SeekCurrent)
		if s.facts.start = start; err != nil {
			s.facts.seeker = nil
		}
	}
	if err := s.measureSize(); err != nil {
		return nil, err
	}
	if s.facts.start > 0 && s.facts.size == 0 {
		return nil, errAtEnd
	}
	if s.facts.contentType = s.upload.ContentType; s.facts.contentType != "" {
		return nil, nil
	}
	prefix := make([]byte, 512)
	n, err := io.ReadFull(readerFunc(s.read), prefix)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	prefix = prefix[:n]
	s.facts.contentType = http.DetectContentType(prefix)
	if s.facts.seeker == nil && s.close == nil {
		s.facts.prefix = prefix
	}
	return prefix, nil
}

func (s *source) measureSize() error {
	s.facts.size = -1
	sized, hasLen := s.upload.Source.(interface{ Len() int })
	switch {
	case s.upload.Size > 0:
		s.facts.size = s.upload.Size
	case s.isOver():
		return errRevoked
	case hasLen:
		s.facts.size = max(int64(sized.Len()), -1)
	case s.facts.seeker != nil && isRegular(s.upload.Source):
		end, err := s.seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		s.facts.size = max(end-s.facts.start, 0)
		_, err = s.seek(s.facts.start, io.SeekStart)
		return err
	}
	return nil
}

// isRegular reports whether seeking to the end tells the size of r, which it does not for a device.
func isRegular(r io.Reader) bool {
	file, ok := r.(*os.File)
	if !ok {
		return true
	}
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}

// next reads the next part of the file into buf.
func (s *source) next(buf []byte) ([]byte, error) {
	s.touched.Store(true)
	n, err := s.read(buf)
	if s.facts.size >= 0 {
		// With a wrong length the form would still be complete, and the service might accept it. So the
		// body must break off here.
		//nolint:errorlint // an error that wraps io.EOF is not the end of the file, see io.Reader
		if s.left -= int64(n); s.left < 0 || s.left > 0 && err == io.EOF {
			return nil, errNotSize
		}
	}
	return buf[:n], err
}

// read calls Read of the file until it returns something.
func (s *source) read(b []byte) (int, error) {
	for range emptyReads {
		if s.isOver() {
			return 0, errRevoked
		}
		n, err := s.r.Read(b)
		switch {
		case n < 0 || n > len(b):
			return 0, errBadCount
		case n > 0:
			s.idle.moved()
			return n, err
		case err != nil:
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

// seek calls Seek of the file.
func (s *source) seek(offset int64, whence int) (int64, error) {
	if s.isOver() {
		return 0, errRevoked
	}
	return s.facts.seeker.Seek(offset, whence)
}

// isOver reports whether the attempt no longer needs the file, so that nothing of the caller may be
// called.
func (s *source) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// An idleTimer ends an attempt in which no byte has moved for the time limit.
type idleTimer struct {
	limit time.Duration
	timer *time.Timer
	fixed atomic.Bool // the timer is no longer set back
}

func newIdleTimer(limit time.Duration, end func()) *idleTimer {
	return &idleTimer{limit: limit, timer: time.AfterFunc(limit, end)}
}

// moved sets the timer back, as a byte has moved.
func (t *idleTimer) moved() {
	if !t.fixed.Load() {
		t.timer.Reset(t.limit)
	}
}

// last sets the timer back for the last time: what remains is the response.
func (t *idleTimer) last() {
	if t.fixed.CompareAndSwap(false, true) {
		t.timer.Reset(t.limit)
	}
}

func (t *idleTimer) stop() {
	t.fixed.Store(true)
	t.timer.Stop()
}
