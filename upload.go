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

// Upload is a file to send. It streams: memory stays the same whatever its size.
//
// Content-Length is sent when the size is known. A Source that can be sought is repeated,
// where a repeat is allowed, from where it stood; so is a file given by Open. Any other Source is sent once,
// even after a 429. Source is not closed.
//
// To show progress, count in a Source of your own that reads from the file.
type Upload struct {
	Source io.Reader                     // what to send; or
	Open   func() (io.ReadCloser, error) // opens what to send, anew for each attempt

	Filename    string // default: the base name of an *os.File, else "upload" with an ending that fits
	ContentType string // default: by the file name's ending, else by the first 512 bytes
	Size        int64  // bytes; 0: found out from a Source that can be sought or has Len
}

// A fileBody is a request body of a file with form fields. Only what surrounds the file is in memory.
type fileBody struct {
	upload Upload
	form   *multipart.Writer
	head   []byte // up to the file
	tail   []byte // from its end
	fields []lenient.Field

	prefix       []byte    // what was read of a Source to tell its type
	seeker       io.Seeker // nil: it cannot be sent again
	start        int64     // where the seeker stood
	size         int64     // of the file, -1: unknown
	inUse        *source   // of the current attempt
	startTimeout func()    // starts the time of the current attempt, unless it runs
	spent        bool      // a Source that cannot be sought has been read from
	abandoned    bool      // a read of Source did not end with its attempt
}

func newFileBody(op string, u Upload, fields any) (*fileBody, error) {
	if (u.Source == nil) == (u.Open == nil) {
		return nil, argumentError(op, "upload", "has not exactly one of Source and Open")
	}
	p := &fileBody{upload: u, size: -1}
	if err := p.measure(); err != nil {
		return nil, argumentError(op, "upload", "cannot be read: "+safeText(err))
	}
	var err error
	if p.fields, err = lenient.Fields(fields); err != nil {
		return nil, argumentError(op, "form", "cannot be encoded: "+safeText(err))
	}
	if strings.ContainsFunc(p.upload.ContentType, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, argumentError(op, "upload", "has a ContentType that is not one line of ASCII")
	}
	return p, p.frame()
}

var (
	errAtEnd   = errors.New("it stands at its end: was it sent before?")
	errNoFile  = errors.New("the function Open gave neither a file nor an error")
	errNotSize = errors.New("it has not the Size that was given, or has changed")
)

// measure finds out where the source stands, its size, name and type.
func (p *fileBody) measure() error {
	u := &p.upload
	if s, ok := u.Source.(io.Seeker); ok {
		if start, err := s.Seek(0, io.SeekCurrent); err == nil {
			p.seeker, p.start = s, start
		}
	}
	if file, ok := u.Source.(*os.File); ok && file != nil && u.Filename == "" {
		u.Filename = file.Name()
	}
	u.Filename = baseName(u.Filename)
	if err := p.measureSize(); err != nil {
		return err
	}
	if p.start > 0 && p.size == 0 {
		return errAtEnd
	}
	if u.ContentType == "" {
		u.ContentType = mime.TypeByExtension(filepath.Ext(u.Filename))
	}
	if u.ContentType == "" {
		if err := p.sniff(); err != nil {
			return err
		}
	}
	if u.Filename == "" {
		u.Filename = "upload" + extension(u.ContentType)
	}
	return nil
}

func (p *fileBody) measureSize() error {
	sized, hasLen := p.upload.Source.(interface{ Len() int })
	switch {
	case p.upload.Size > 0:
		p.size = p.upload.Size
	case hasLen:
		p.size = int64(sized.Len())
	case p.seeker != nil && isRegular(p.upload.Source):
		end, err := p.seeker.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		p.size = max(end-p.start, 0)
		_, err = p.seeker.Seek(p.start, io.SeekStart)
		return err
	}
	return nil
}

// isRegular is false for devices and the like, whose end says nothing of their size.
func isRegular(r io.Reader) bool {
	file, ok := r.(*os.File)
	if !ok {
		return true
	}
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}

// sniff tells the content type from the first bytes, which are not lost.
func (p *fileBody) sniff() error {
	r := p.upload.Source
	if p.upload.Open != nil {
		file, err := p.open()
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
	p.upload.ContentType = http.DetectContentType(first[:n])
	switch {
	case p.seeker != nil:
		_, err := p.seeker.Seek(p.start, io.SeekStart)
		return err
	case p.upload.Open == nil:
		p.prefix = first[:n]
	}
	return nil
}

func (p *fileBody) open() (io.ReadCloser, error) {
	file, err := p.upload.Open()
	if err == nil && file == nil {
		err = errNoFile
	}
	return file, err
}

// baseName keeps the directories of the caller's machine to itself.
func baseName(name string) string {
	return name[strings.LastIndexAny(name, `/\`)+1:]
}

// extension is a file name's ending for a content type; the service looks at it.
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

// add adds further form fields. They replace those of the same name.
func (p *fileBody) add(op string, extra map[string]any) error {
	if len(extra) == 0 {
		return nil
	}
	fields, err := lenient.Fields(extra)
	if err != nil {
		return argumentError(op, "field", "cannot be encoded: "+safeText(err))
	}
	for _, field := range p.fields {
		if _, replaced := extra[field.Name]; !replaced {
			fields = append(fields, field)
		}
	}
	p.fields = fields
	return p.frame()
}

// frame writes what surrounds the file: its part's header, then the form fields.
func (p *fileBody) frame() error {
	var buf bytes.Buffer
	p.form = multipart.NewWriter(&buf)
	header := textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition("source", p.upload.Filename)},
		"Content-Type":        {p.upload.ContentType},
	}
	if _, err := p.form.CreatePart(header); err != nil {
		return err
	}
	p.head = bytes.Clone(buf.Bytes())
	buf.Reset()
	for _, field := range p.fields {
		if err := p.form.WriteField(field.Name, field.Value); err != nil {
			return err
		}
	}
	if err := p.form.Close(); err != nil {
		return err
	}
	p.tail = buf.Bytes()
	return nil
}

func (p *fileBody) contentType() string { return p.form.FormDataContentType() }

// repeatable reports whether the file can be sent again.
func (p *fileBody) repeatable() bool {
	return p.upload.Open != nil || !p.abandoned && (p.seeker != nil || !p.spent)
}

// withTimeout returns a context for one attempt, whose time starts when the body has been sent.
func (p *fileBody) withTimeout(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	var timer atomic.Pointer[time.Timer]
	var once sync.Once
	p.startTimeout = func() { once.Do(func() { timer.Store(time.AfterFunc(limit, cancel)) }) }
	return ctx, func() {
		if t := timer.Load(); t != nil {
			t.Stop()
		}
		cancel()
	}
}

// attach gives r the body, for one attempt.
func (p *fileBody) attach(r *http.Request) error {
	src := &source{turn: make(chan struct{}, 1), sized: p.size >= 0, left: p.size}
	switch {
	case p.upload.Open != nil:
		file, err := p.open()
		if err != nil {
			return err
		}
		src.r, src.close = file, file.Close
	case p.seeker != nil:
		if _, err := p.seeker.Seek(p.start, io.SeekStart); err != nil {
			return err
		}
		src.r = p.upload.Source
	default:
		src.r = io.MultiReader(bytes.NewReader(p.prefix), p.upload.Source)
	}
	p.inUse = src
	end := &endReader{r: bytes.NewReader(p.tail), reached: p.startTimeout}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(p.head), src, end), src}
	r.ContentLength = -1
	if p.size >= 0 {
		r.ContentLength = int64(len(p.head)) + p.size + int64(len(p.tail))
	}
	return nil
}

// release ends the attempt's use of the caller's reader. It waits for a read that is under way, while
// ctx lasts.
func (p *fileBody) release(ctx context.Context) {
	p.abandoned = p.abandoned || !p.inUse.revoke(ctx)
	p.spent = p.spent || p.inUse.touched.Load()
}

// failure is the error that the caller's reader gave, if it gave one.
func (p *fileBody) failure() error {
	if p.inUse == nil {
		return nil
	}
	if err := p.inUse.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// source is the caller's reader, lent to one attempt. A transport may go on reading
// after it has answered; what it reads after revoke is an error, so that the reader is the
// caller's again.
type source struct {
	r       io.Reader
	sized   bool
	left    int64 // bytes to come, if sized
	close   func() error
	turn    chan struct{} // held while r is read, and for good once revoked
	revoked atomic.Bool
	touched atomic.Bool
	failed  atomic.Pointer[error]
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
		// The form ends behind the file whatever its length, and a service may take it for whole: so it must break off before.
		if s.left -= int64(n); s.left < 0 || s.left > 0 && err == io.EOF {
			n, err = 0, errNotSize
		}
	}
	if err != nil && err != io.EOF {
		s.failed.Store(&err)
	}
	return n, err
}

// Close is the transport's; the caller's reader stays open.
func (s *source) Close() error { return nil }

// revoke waits for a read that is under way, unless the context ends first.
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

// endReader tells when the last of a body has been read.
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
