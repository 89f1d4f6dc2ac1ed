package smooch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smooch/smooch-go/internal/lenient"
)

// Upload is a file to send, given by exactly one of Source and Open. It is streamed, so that it
// takes the same memory whatever its size.
//
// If the size is known, it is sent as Content-Length. A Source that is an [io.Seeker] is sent from
// its current position; if the call is repeated, it is sent from there again, and Open is called
// again. Any other Source is sent only once, even after a 429. Source is not closed; what Open
// returns is.
//
// To show progress, pass a Source that counts what is read from it.
type Upload struct {
	Source io.Reader                     // the content
	Open   func() (io.ReadCloser, error) // returns the content, for each attempt anew

	Filename    string // default: the base name of an *os.File, else "upload" with an extension
	ContentType string // default: by the extension of Filename, else by the first 512 bytes
	Size        int64  // bytes; 0: determined from a Source that can seek or has a method Len
}

// A fileBody is the body of a request: a form with a file and other fields. Only what surrounds the
// file is kept in memory.
type fileBody struct {
	upload Upload
	form   *multipart.Writer
	head   []byte // the form up to the file
	tail   []byte // the form after the file
	fields []lenient.Field

	prefix       []byte    // what was read from Source to detect its type
	seeker       io.Seeker // Source, if it can seek; else nil
	start        int64     // the position of seeker at which the file begins
	size         int64     // of the file; -1: unknown
	inUse        *source   // the file of the current attempt
	startTimeout func()    // starts the time of the current attempt, unless that has been done
	spent        bool      // Source has been read from
	abandoned    bool      // a read of Source was still under way at the end of its attempt
}

func newFileBody(op string, u Upload, fields any) (*fileBody, error) {
	if (u.Source == nil) == (u.Open == nil) {
		return nil, argumentError(op, "upload", "must have exactly one of Source and Open")
	}
	b := &fileBody{upload: u, size: -1}
	if err := b.measure(); err != nil {
		return nil, argumentError(op, "upload", "cannot be read: "+safeText(err))
	}
	var err error
	if b.fields, err = lenient.Fields(fields); err != nil {
		return nil, argumentError(op, "form", "cannot be encoded: "+safeText(err))
	}
	if strings.ContainsFunc(b.upload.ContentType, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, argumentError(op, "upload", "has a ContentType that is not printable ASCII")
	}
	return b, b.frame()
}

var (
	errAtEnd   = errors.New("its position is at its end; was it sent before?")
	errNoFile  = errors.New("the function Open returned neither a file nor an error")
	errNotSize = errors.New("its length is not the given Size, or has changed")
)

// measure determines the position of the source and the size, name and type of the file.
func (b *fileBody) measure() error {
	u := &b.upload
	if s, ok := u.Source.(io.Seeker); ok {
		if start, err := s.Seek(0, io.SeekCurrent); err == nil {
			b.seeker, b.start = s, start
		}
	}
	if file, ok := u.Source.(*os.File); ok && file != nil && u.Filename == "" {
		u.Filename = file.Name()
	}
	u.Filename = baseName(u.Filename)
	if err := b.measureSize(); err != nil {
		return err
	}
	if b.start > 0 && b.size == 0 {
		return errAtEnd
	}
	if u.ContentType == "" {
		u.ContentType = mime.TypeByExtension(filepath.Ext(u.Filename))
	}
	if u.ContentType == "" {
		if err := b.sniff(); err != nil {
			return err
		}
	}
	if u.Filename == "" {
		u.Filename = "upload" + extension(u.ContentType)
	}
	return nil
}

func (b *fileBody) measureSize() error {
	sized, hasLen := b.upload.Source.(interface{ Len() int })
	switch {
	case b.upload.Size > 0:
		b.size = b.upload.Size
	case hasLen:
		b.size = int64(sized.Len())
	case b.seeker != nil && isRegular(b.upload.Source):
		end, err := b.seeker.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		b.size = max(end-b.start, 0)
		_, err = b.seeker.Seek(b.start, io.SeekStart)
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

// sniff detects the content type by the first bytes of the file, which are sent nevertheless.
func (b *fileBody) sniff() error {
	r := b.upload.Source
	if b.upload.Open != nil {
		file, err := b.open()
		if err != nil {
			return err
		}
		defer file.Close()
		r = file
	}
	first := make([]byte, 512)
	n, err := io.ReadFull(r, first)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	b.upload.ContentType = http.DetectContentType(first[:n])
	switch {
	case b.seeker != nil:
		_, err := b.seeker.Seek(b.start, io.SeekStart)
		return err
	case b.upload.Open == nil:
		b.prefix = first[:n]
	}
	return nil
}

func (b *fileBody) open() (io.ReadCloser, error) {
	file, err := b.upload.Open()
	if err == nil && file == nil {
		err = errNoFile
	}
	return file, err
}

// baseName returns the last element of a path of any system, as directories must not be sent.
func baseName(name string) string {
	return name[strings.LastIndexAny(name, `/\`)+1:]
}

// extension returns the extension of a file name for a content type, as the service checks it.
func extension(contentType string) string {
	kind, _, _ := mime.ParseMediaType(contentType)
	switch kind {
	case "image/jpeg":
		return ".jpg"
	case "image/png", "image/gif", "image/webp", "image/bmp", "application/pdf", "application/zip", "video/mp4", "video/webm":
		return "." + kind[strings.Index(kind, "/")+1:]
	case "audio/mpeg":
		return ".mp3"
	case "text/plain":
		return ".txt"
	}
	return ""
}

// add adds form fields. They replace those of the same name.
func (b *fileBody) add(op string, extra map[string]any) error {
	if len(extra) == 0 {
		return nil
	}
	fields, err := lenient.Fields(extra)
	if err != nil {
		return argumentError(op, "field", "cannot be encoded: "+safeText(err))
	}
	for _, field := range b.fields {
		if _, replaced := extra[field.Name]; !replaced {
			fields = append(fields, field)
		}
	}
	b.fields = fields
	return b.frame()
}

// frame encodes what surrounds the file: the header of its part before it, the other fields behind.
func (b *fileBody) frame() error {
	var buf bytes.Buffer
	b.form = multipart.NewWriter(&buf)
	header := textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition("source", b.upload.Filename)},
		"Content-Type":        {b.upload.ContentType},
	}
	if _, err := b.form.CreatePart(header); err != nil {
		return err
	}
	b.head = bytes.Clone(buf.Bytes())
	buf.Reset()
	for _, field := range b.fields {
		if err := b.form.WriteField(field.Name, field.Value); err != nil {
			return err
		}
	}
	if err := b.form.Close(); err != nil {
		return err
	}
	b.tail = buf.Bytes()
	return nil
}

func (b *fileBody) contentType() string { return b.form.FormDataContentType() }

// repeatable reports whether the file can be sent again.
func (b *fileBody) repeatable() bool {
	return b.upload.Open != nil || !b.abandoned && (b.seeker != nil || !b.spent)
}

// withTimeout returns a context for one attempt. It ends when limit has passed since startTimeout
// was called, which is when the body has been sent.
func (b *fileBody) withTimeout(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	var timer atomic.Pointer[time.Timer]
	var once sync.Once
	b.startTimeout = func() { once.Do(func() { timer.Store(time.AfterFunc(limit, cancel)) }) }
	return ctx, func() {
		if t := timer.Load(); t != nil {
			t.Stop()
		}
		cancel()
	}
}

// attach sets the body of r, for one attempt.
func (b *fileBody) attach(r *http.Request) error {
	src := &source{turn: make(chan struct{}, 1), sized: b.size >= 0, left: b.size}
	switch {
	case b.upload.Open != nil:
		file, err := b.open()
		if err != nil {
			return err
		}
		src.r, src.close = file, file.Close
	case b.seeker != nil:
		if _, err := b.seeker.Seek(b.start, io.SeekStart); err != nil {
			return err
		}
		src.r = b.upload.Source
	default:
		src.r = io.MultiReader(bytes.NewReader(b.prefix), b.upload.Source)
	}
	b.inUse = src
	end := &endReader{r: bytes.NewReader(b.tail), reached: b.startTimeout}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(b.head), src, end), src}
	r.ContentLength = -1
	if b.size >= 0 {
		r.ContentLength = int64(len(b.head)) + b.size + int64(len(b.tail))
	}
	return nil
}

// release ends the attempt's use of the caller's reader. It waits for a read that is under way,
// unless ctx ends first.
func (b *fileBody) release(ctx context.Context) {
	b.abandoned = b.abandoned || !b.inUse.revoke(ctx)
	b.spent = b.spent || b.inUse.touched.Load()
}

// failure returns the error of the caller's reader in the current attempt; nil if there was none.
func (b *fileBody) failure() error {
	if b.inUse == nil {
		return nil
	}
	if err := b.inUse.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// A source reads the caller's reader for one attempt. A transport may go on reading after it has
// returned a response. After revoke it gets an error, and the caller may use the reader again.
type source struct {
	r       io.Reader
	sized   bool          // the size is known
	left    int64         // bytes to come, if sized
	close   func() error  // nil: the caller closes the reader
	turn    chan struct{} // a mutex around r.Read; a channel, so that a context can end the wait
	revoked atomic.Bool
	touched atomic.Bool           // r has been read from
	failed  atomic.Pointer[error] // the error of r
}

var errRevoked = errors.New("the attempt is over")

func (s *source) Read(b []byte) (int, error) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.revoked.Load() {
		return 0, errRevoked
	}
	s.touched.Store(true)
	n, err := s.r.Read(b)
	if s.sized {
		// With a wrong length the form would still be complete, and the service might accept it. So the
		// body must break off here.
		if s.left -= int64(n); s.left < 0 || s.left > 0 && err == io.EOF {
			n, err = 0, errNotSize
		}
	}
	if err != nil && err != io.EOF {
		s.failed.Store(&err)
	}
	return n, err
}

// Close does nothing: the transport calls it, while the reader is closed by revoke or the caller.
func (s *source) Close() error { return nil }

// revoke makes all further reads fail. It waits for a read that is under way, unless ctx ends
// first, and reports whether that read has ended.
func (s *source) revoke(ctx context.Context) (ended bool) {
	s.revoked.Store(true)
	select {
	case s.turn <- struct{}{}:
		<-s.turn
		ended = true
	case <-ctx.Done():
	}
	if s.close != nil {
		_ = s.close() // it was read only
	}
	return ended
}

// An endReader is the end of a body. It calls reached when all of it has been read.
type endReader struct {
	r       *bytes.Reader
	reached func()
}

func (e *endReader) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	if e.r.Len() == 0 && e.reached != nil {
		e.reached()
		e.reached = nil
	}
	return n, err
}
