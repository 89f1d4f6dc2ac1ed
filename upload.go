package smooch

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/smooch/smooch-go/internal/lenient"
)

// Upload is a file to send, given by exactly one of Source and Open. It is streamed, so that it
// takes the same memory whatever its size.
//
// If the size is known, it is sent as Content-Length. Source is sent from its current position on;
// if it is an [io.Seeker] and the call is repeated, it is sent from there again, and Open is called
// again. Any other Source is sent only once, even after a 429. Source is not closed; what Open
// returns is.
//
// Open and the methods of Source run on a goroutine of the call. If the call's context or an
// attempt ends while one of them is running, the call does not wait for it. It calls nothing of
// Source afterwards, and does not send it again; what Open has returned is closed as soon as the
// method returns. So after an error that matches [context.Canceled] or [context.DeadlineExceeded],
// do not use Source, or the memory that it reads from, until you know that its method has returned.
// A panic in one of them is an error of the call. A call that has its answer waits for a Close that
// does not return, though no longer than [WithTimeout].
//
// To show progress, pass a Source that counts what is read from it.
type Upload struct {
	Source io.Reader                     // the content, from where it stands now
	Open   func() (io.ReadCloser, error) // returns the content, for each attempt anew

	Filename    string // default: the base name of an *os.File, else "upload" with an extension
	ContentType string // default: by the extension of Filename, else by the first 512 bytes
	Size        int64  // bytes; 0: determined from a Source that can seek or has a method Len
}

// A fileBody is the body of a request: a form with a file and other fields. Only what surrounds the
// file is kept in memory.
type fileBody struct {
	upload   Upload
	boundary string // of the parts of the form
	fields   []lenient.Field

	facts     *fileFacts // nil: the file has not been opened yet
	head      []byte     // the form up to the file
	tail      []byte     // the form after the file
	inUse     *source    // the file of the current attempt
	idle      *idleTimer // of the current attempt
	spent     bool       // Source has been read from
	abandoned bool       // a method of Source was still running at the end of its attempt
}

// fileFacts is what is known of a file once it has been opened for the first time.
type fileFacts struct {
	contentType string
	size        int64     // -1: unknown
	seeker      io.Seeker // Source, if it can seek; else nil
	start       int64     // the position of seeker at which the file begins
	prefix      []byte    // what was read from a Source that cannot seek, to detect its type
}

// newFileBody returns the body for an upload. It calls no method of Source, as that may take long;
// the attempt does.
func newFileBody(op string, u Upload, fields any) (*fileBody, error) {
	if (u.Source == nil) == (u.Open == nil) {
		return nil, argumentError(op, "upload", "must have exactly one of Source and Open")
	}
	if file, ok := u.Source.(*os.File); ok && file != nil && u.Filename == "" {
		u.Filename = file.Name()
	}
	u.Filename = baseName(u.Filename)
	if u.ContentType == "" {
		u.ContentType = mime.TypeByExtension(filepath.Ext(u.Filename))
	}
	if strings.ContainsFunc(u.ContentType, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, argumentError(op, "upload", "has a ContentType that is not printable ASCII")
	}
	b := &fileBody{upload: u, boundary: multipart.NewWriter(nil).Boundary()}
	var err error
	if b.fields, err = lenient.Fields(fields); err != nil {
		return nil, argumentError(op, "form", "cannot be encoded: "+safeText(err))
	}
	return b, nil
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
	return nil
}

// frame encodes what surrounds the file: the header of its part before it, the other fields after
// it.
func (b *fileBody) frame() error {
	var buf bytes.Buffer
	form := multipart.NewWriter(&buf)
	if err := form.SetBoundary(b.boundary); err != nil {
		return err
	}
	name := cmp.Or(b.upload.Filename, "upload"+extension(b.facts.contentType))
	header := textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition("source", name)},
		"Content-Type":        {b.facts.contentType},
	}
	if _, err := form.CreatePart(header); err != nil {
		return err
	}
	b.head = bytes.Clone(buf.Bytes())
	buf.Reset()
	for _, field := range b.fields {
		if err := form.WriteField(field.Name, field.Value); err != nil {
			return err
		}
	}
	if err := form.Close(); err != nil {
		return err
	}
	b.tail = buf.Bytes()
	return nil
}

func (b *fileBody) contentType() string { return "multipart/form-data; boundary=" + b.boundary }

// repeatable reports whether the file can be sent again.
func (b *fileBody) repeatable() bool {
	seekable := b.facts != nil && b.facts.seeker != nil
	return b.upload.Open != nil || !b.abandoned && (seekable || !b.spent)
}

// withTimeout returns a context for one attempt. It ends when no byte has moved for the time limit,
// or when the whole body was sent that long ago.
func (b *fileBody) withTimeout(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	b.idle = newIdleTimer(limit, cancel)
	return ctx, func() {
		b.idle.stop()
		cancel()
	}
}

// attach opens the file and sets the body of r, for one attempt.
func (b *fileBody) attach(r *http.Request) error {
	b.inUse = newSource(r.Context(), b.upload, b.facts, b.idle)
	if err := b.inUse.start(); err != nil {
		b.release(r.Context())
		return err
	}
	if b.facts == nil {
		b.facts = &b.inUse.facts
		if err := b.frame(); err != nil {
			b.release(r.Context())
			return err
		}
	}
	end := &endReader{r: bytes.NewReader(b.tail), reached: b.idle.last}
	body := io.MultiReader(bytes.NewReader(b.head), b.inUse, end)
	r.Body = io.NopCloser(body) // release ends the use of the file
	r.ContentLength = -1
	if size := b.facts.size; size >= 0 {
		r.ContentLength = int64(len(b.head)) + size + int64(len(b.tail))
	}
	return nil
}

// release ends the attempt's use of the caller's reader. It waits for a method that is running,
// unless ctx ends first.
func (b *fileBody) release(ctx context.Context) {
	b.abandoned = !b.inUse.revoke(ctx) || b.abandoned
	b.spent = b.spent || b.inUse.touched.Load()
}

// failure returns the error of the caller's reader in the current attempt; nil if there was none.
func (b *fileBody) failure() error {
	if err := b.inUse.failed.Load(); err != nil {
		return *err
	}
	return nil
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
