package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/require"
)

// content is what the readers would read if they were not hostile.
var content = bytes.Repeat([]byte("content "), 20_000)

// A hostileReader is an upload whose reader does what no reader should.
type hostileReader struct {
	name   string
	upload func() smooch.Upload
	want   string // the classes of errors, see classOf, that the call may return
	early  bool   // it hangs before there is an attempt that the timeout could end
}

// A readerFunc is a reader made of a function that is told how many bytes were read before.
type readerFunc struct {
	read func(b []byte, before int) (int, error)
	n    int
}

func (r *readerFunc) Read(b []byte) (int, error) {
	n, err := r.read(b, r.n)
	r.n += max(n, 0)
	return n, err
}

// reads returns an upload whose type is known, from a reader made of a function.
func reads(read func(b []byte, before int) (int, error)) func() smooch.Upload {
	return func() smooch.Upload { return smooch.Upload{Source: &readerFunc{read: read}, Filename: "a.png"} }
}

// after reads the content up to a position, and from there on calls read.
func after(position int, read func([]byte) (int, error)) func([]byte, int) (int, error) {
	return func(b []byte, before int) (int, error) {
		if before < position {
			return copy(b, content[before:position]), nil
		}
		return read(b)
	}
}

func hang([]byte) (int, error)      { select {} }
func panics([]byte) (int, error)    { panic("the reader panics") }
func goexit([]byte) (int, error)    { runtime.Goexit(); return 0, nil }
func tooMuch(b []byte) (int, error) { return len(b) + 1, nil }
func negative([]byte) (int, error)  { return -1, nil }
func nothing([]byte) (int, error)   { return 0, nil }
func fails([]byte) (int, error)     { return 0, errors.New("the disk is gone") }
func ends([]byte) (int, error)      { return 0, io.EOF }

func untyped(read func([]byte) (int, error)) func() smooch.Upload {
	return func() smooch.Upload { return smooch.Upload{Source: &readerFunc{read: after(0, read)}} }
}

func sizedUpload(length int, size int64) func() smooch.Upload {
	return func() smooch.Upload {
		return smooch.Upload{Source: &readerFunc{read: after(length, ends)}, Filename: "a.png", Size: size}
	}
}

func opens(open func() (io.ReadCloser, error)) func() smooch.Upload {
	return func() smooch.Upload { return smooch.Upload{Open: open, Filename: "a.png"} }
}

// A closer is the content, with another Close.
type closer struct {
	io.Reader
	close func() error
}

func (c closer) Close() error { return c.close() }

// A seeker is the content, with another Seek.
type seeker struct {
	io.Reader
	seek func(offset int64, whence int) (int64, error)
}

func (s seeker) Seek(offset int64, whence int) (int64, error) { return s.seek(offset, whence) }

func seeks(seek func(int64, int) (int64, error)) func() smooch.Upload {
	return func() smooch.Upload {
		return smooch.Upload{Source: seeker{bytes.NewReader(content), seek}, Filename: "a.png"}
	}
}

// A lengthReader is the content, with another Len.
type lengthReader struct {
	io.Reader
	length func() int
}

func (s lengthReader) Len() int { return s.length() }

func hostileReaders() []hostileReader {
	const all, half = 160_000, 80_000
	return []hostileReader{
		{name: "reads the content", upload: reads(after(all, ends)), want: "ok"},
		{name: "one byte at a time", upload: reads(func(b []byte, before int) (int, error) {
			return copy(b[:min(1, len(b))], content[before:min(before+1, 2000)]), endAfter(before, 2000)
		}), want: "ok"},
		{name: "data together with EOF", upload: reads(func(b []byte, before int) (int, error) {
			n := copy(b, content[before:])
			return n, endAfter(before+n, all)
		}), want: "ok"},
		{name: "some empty reads", upload: reads(func(b []byte, before int) (int, error) {
			if time.Now().UnixNano()%2 == 0 {
				return 0, nil
			}
			return after(all, ends)(b, before)
		}), want: "ok"},
		{name: "empty", upload: reads(after(0, ends)), want: "ok"},
		{name: "hangs", upload: reads(after(0, hang)), want: "failed|unknown"},
		{name: "hangs in the middle", upload: reads(after(half, hang)), want: "failed|unknown"},
		{name: "hangs at the end", upload: reads(after(all, hang)), want: "failed|unknown"},
		{name: "hangs while its type is detected", upload: untyped(hang), want: "failed", early: true},
		{name: "panics", upload: reads(after(0, panics)), want: "failed"},
		{name: "panics in the middle", upload: reads(after(half, panics)), want: "failed"},
		{name: "panics while its type is detected", upload: untyped(panics), want: "failed"},
		{name: "ends its goroutine", upload: reads(after(half, goexit)), want: "failed|unknown"},
		{name: "returns more than the buffer holds", upload: reads(after(half, tooMuch)), want: "failed"},
		{name: "more than the buffer, for the type", upload: untyped(tooMuch), want: "failed"},
		{name: "returns a negative number", upload: reads(after(half, negative)), want: "failed"},
		{name: "a negative number for the type", upload: untyped(negative), want: "failed"},
		{name: "nothing and no error for ever", upload: reads(after(half, nothing)), want: "failed|unknown"},
		{name: "nothing for ever, for the type", upload: untyped(nothing), want: "failed", early: true},
		{name: "fails in the middle", upload: reads(after(half, fails)), want: "failed"},
		{name: "fails at once", upload: reads(after(0, fails)), want: "failed"},
		{name: "as long as Size says", upload: sizedUpload(all, all), want: "ok"},
		{name: "shorter than Size", upload: sizedUpload(half, all), want: "failed"},
		{name: "longer than Size", upload: sizedUpload(all, half), want: "failed"},
		{name: "Size is negative", upload: sizedUpload(all, -5), want: "ok|failed"},
		{name: "Len is too large", upload: func() smooch.Upload {
			return smooch.Upload{Source: lengthReader{bytes.NewReader(content), func() int { return 2 * all }}, Filename: "a.png"}
		}, want: "failed"},
		{name: "Len is negative", upload: func() smooch.Upload {
			return smooch.Upload{Source: lengthReader{bytes.NewReader(content), func() int { return -1 }}, Filename: "a.png"}
		}, want: "ok|failed"},
		{name: "Len panics", upload: func() smooch.Upload {
			return smooch.Upload{Source: lengthReader{bytes.NewReader(content), func() int { panic("no length") }}, Filename: "a.png"}
		}, want: "failed"},
		{name: "Seek fails", upload: seeks(func(int64, int) (int64, error) { return 0, errors.New("a pipe") }), want: "ok|failed"},
		{name: "Seek lies", upload: seeks(func(int64, int) (int64, error) { return 1 << 40, nil }), want: "failed"},
		{name: "Seek panics", upload: seeks(func(int64, int) (int64, error) { panic("no position") }), want: "failed"},
		{name: "Seek hangs", upload: seeks(func(int64, int) (int64, error) { select {} }), want: "failed", early: true},
		{name: "Open fails", upload: opens(func() (io.ReadCloser, error) { return nil, errors.New("no such file") }), want: "failed"},
		{name: "Open returns nothing", upload: opens(func() (io.ReadCloser, error) { return nil, nil }), want: "failed"},
		{name: "Open panics", upload: opens(func() (io.ReadCloser, error) { panic("no file") }), want: "failed"},
		{name: "Open hangs", upload: opens(func() (io.ReadCloser, error) { select {} }), want: "failed", early: true},
		{name: "what was opened hangs", upload: opens(func() (io.ReadCloser, error) {
			return io.NopCloser(&readerFunc{read: after(half, hang)}), nil
		}), want: "failed|unknown"},
		{name: "Close fails", upload: closes(func() error { return errors.New("not closed") }), want: "ok"},
		{name: "Close panics", upload: closes(func() error { panic("not closed") }), want: "ok|failed|unknown"},
		{name: "Close hangs", upload: closes(func() error { select {} }), want: "ok|failed|unknown"},
	}
}

func closes(f func() error) func() smooch.Upload {
	return opens(func() (io.ReadCloser, error) { return closer{bytes.NewReader(content), f}, nil })
}

func endAfter(position, end int) error {
	if position >= end {
		return io.EOF
	}
	return nil
}

// A readerCall is the argument of a child process that uploads from a hostile reader.
type readerCall struct {
	hostileCall
	Reader string
}

// callWithReader is the role of a process that uploads from a hostile reader twice: with a context
// that ends, and with a timeout.
func callWithReader(args json.RawMessage, out *json.Encoder) error {
	var call readerCall
	if err := json.Unmarshal(args, &call); err != nil {
		return err
	}
	time.AfterFunc(10*time.Second, func() {
		fmt.Fprintln(os.Stderr, "a call did not return")
		os.Exit(1)
	})
	var reader hostileReader
	for _, r := range hostileReaders() {
		if r.name == call.Reader {
			reader = r
		}
	}
	var w watcher
	var r hostileResult
	upload := func(ctx context.Context, opts ...smooch.Option) error {
		client, err := call.client(&w, opts...)
		if err != nil {
			return err
		}
		attachment, err := client.Attachments.Upload(ctx, reader.upload(), smooch.AttachmentOptions{})
		w.returned(attachment)
		r.Texts = append(r.Texts, fmt.Sprint(err))
		return err
	}
	within := usualLimits
	if reader.want == "ok" { // on a busy machine it may take its time
		within = limits{Timeout: 5 * time.Second, Context: 5 * time.Second}
	}
	var err error
	r.Overrun, err = overrun(within.Context, func(ctx context.Context) error { return upload(ctx) })
	r.Read = w.class(err)
	r.Post = r.Read
	if !reader.early {
		began := time.Now()
		r.Post = w.class(upload(context.Background(), smooch.WithTimeout(within.Timeout)))
		r.Took = time.Since(began)
	}
	time.Sleep(50 * time.Millisecond) // what is left behind may panic
	r.Peak, r.Leaks = peakMemory(), w.leaks()
	return out.Encode(r)
}

// TestChaosHostileReaders uploads from hostile readers, over HTTP/1.1 and HTTP/2.
func TestChaosHostileReaders(t *testing.T) {
	heavy(t)
	readers := hostileReaders()
	slots := make(chan struct{}, 6)
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var bad []string
			var took, late time.Duration
			done := 0
			t.Run("readers", func(t *testing.T) {
				for _, reader := range readers {
					t.Run(reader.name, func(t *testing.T) {
						t.Parallel()
						slots <- struct{}{}
						defer func() { <-slots }()
						r, problems := reader.attack(t, protocol == "HTTP/2")
						t.Logf("%s and %s, %v, %v after the context\n%s", r.Read, r.Post, millis(r.Took), millis(r.Overrun), strings.Join(r.Texts, "\n"))
						mu.Lock()
						defer mu.Unlock()
						done++
						progress("hostile readers over "+protocol, done, len(readers))
						took, late = max(took, r.Took), max(late, r.Overrun)
						if len(problems) > 0 {
							bad = append(bad, reader.name)
							t.Error(strings.Join(problems, "\n"))
						}
					})
				}
			})
			measured := fmt.Sprintf("%v, %v late", millis(took), millis(late))
			if len(bad) > 0 {
				measured += "; wrong: " + strings.Join(bad, ", ")
			}
			record(t, result{
				"hostile reader: " + protocol, len(readers), fmt.Sprintf("right error, no wrong report, %v, %v late", usualLimits.Most, mostOverrun),
				measured, len(bad) == 0,
			})
		})
	}
}

// attack uploads from the reader in a child process.
func (h hostileReader) attack(t *testing.T, http2 bool) (r hostileResult, problems complaints) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var complete atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := req.ParseMultipartForm(1 << 20); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		complete.Add(1)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"mediaUrl":"https://media.test/1"}`)
	}))
	call := readerCall{Reader: h.name}
	if http2 {
		server.EnableHTTP2 = true
		server.StartTLS()
		call.CA = server.Certificate().Raw
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	call.URL = server.URL
	p, err := startChild(ctx, "upload", call)
	require.NoError(t, err)
	defer p.end()
	if err := p.result(&r); err != nil {
		return r, complaints{err.Error()}
	}
	slow := time.Duration(1)
	if raceEnabled() {
		slow = 10
	}
	said := 0 // that it was carried out
	for _, class := range []string{r.Read, r.Post} {
		problems.add(!oneOf(h.want, class), "%s, want %s", class, h.want)
		if class == "ok" {
			said++
		}
	}
	if h.early {
		said /= 2
	}
	problems.add(!strings.Contains(h.want, "unknown") && int(complete.Load()) != said, "%d uploads complete, %d reported", complete.Load(), said)
	problems.add(r.Took > slow*usualLimits.Most, "a call took %v", r.Took)
	problems.add(r.Overrun > slow*mostOverrun, "returned %v after its context", r.Overrun)
	problems.add(len(r.Leaks) > 0, "secrets in %s", strings.Join(r.Leaks, "; "))
	return r, problems
}
