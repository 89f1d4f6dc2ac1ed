package smooch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hangingFile is a file of which one method hangs, from a position on, until it is released. It
// counts the calls that were made after that.
type hangingFile struct {
	*strings.Reader
	method   string
	at       int64 // the position from which Read hangs
	release  chan struct{}
	hung     atomic.Bool
	hanging  chan struct{} // closed when it hangs
	finished chan struct{} // closed when it no longer does
	closed   bool
	after    int // other calls since it hangs
}

func newHangingFile(method string, at int64) *hangingFile {
	content := strings.NewReader(strings.Repeat("x", hangingSize))
	return &hangingFile{
		Reader: content, method: method, at: at,
		release: make(chan struct{}), hanging: make(chan struct{}), finished: make(chan struct{}),
	}
}

const hangingSize = 300 << 10

func (f *hangingFile) hang(method string) {
	switch {
	case f.hung.Load() && method == "Close":
		f.closed = true
	case f.hung.Load():
		f.after++
	case f.method == method && f.Size()-int64(f.Reader.Len()) >= f.at:
		f.hung.Store(true)
		close(f.hanging)
		defer close(f.finished)
		<-f.release
	}
}

func (f *hangingFile) Read(b []byte) (int, error) {
	f.hang("Read")
	if left := f.at - (f.Size() - int64(f.Reader.Len())); f.method == "Read" && left > 0 {
		b = b[:min(int64(len(b)), left)]
	}
	return f.Reader.Read(b)
}

func (f *hangingFile) Seek(offset int64, whence int) (int64, error) {
	f.hang("Seek")
	return f.Reader.Seek(offset, whence)
}

func (f *hangingFile) Len() int { f.hang("Len"); return f.Reader.Len() }

func (f *hangingFile) Close() error { f.hang("Close"); return nil }

// TestUploadEndsInEveryPhase: whichever method of the caller hangs, the call ends with its context
// or its time-out, and calls nothing of a Source when that method returns.
func TestUploadEndsInEveryPhase(t *testing.T) {
	t.Parallel()
	const limit = 5 * time.Second
	phases := []struct {
		name string
		file func() *hangingFile
		with func(*hangingFile) Upload
	}{
		{"Open", func() *hangingFile { return newHangingFile("Open", 0) }, func(f *hangingFile) Upload {
			return Upload{Open: func() (io.ReadCloser, error) { f.hang("Open"); return f, nil }, Filename: "a.zip"}
		}},
		{"Seek", func() *hangingFile { return newHangingFile("Seek", 0) }, sourceOf},
		{"Len", func() *hangingFile { return newHangingFile("Len", 0) }, sourceOf},
		{"detecting the type", func() *hangingFile { return newHangingFile("Read", 0) }, func(f *hangingFile) Upload {
			return Upload{Source: f}
		}},
		{"detecting the type, without Seek", func() *hangingFile { return newHangingFile("Read", 100) }, func(f *hangingFile) Upload {
			return Upload{Source: onlyReader{f}}
		}},
		{"Read of the first byte", func() *hangingFile { return newHangingFile("Read", 0) }, sourceOf},
		{"Read in the middle", func() *hangingFile { return newHangingFile("Read", 150<<10) }, sourceOf},
		{"Read in the middle, without size", func() *hangingFile { return newHangingFile("Read", 150<<10) }, func(f *hangingFile) Upload {
			return Upload{Source: onlyReader{f}, Filename: "a.zip"}
		}},
		{"Read at the end", func() *hangingFile { return newHangingFile("Read", hangingSize) }, sourceOf},
		{"Read of an opened file", func() *hangingFile { return newHangingFile("Read", 100<<10) }, openOf},
		{"Close", func() *hangingFile { return newHangingFile("Close", 0) }, openOf},
	}
	ends := map[string]func(t *testing.T) (context.Context, time.Duration){
		"cancel": func(t *testing.T) (context.Context, time.Duration) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(limit, cancel)
			return ctx, time.Minute
		},
		"deadline": func(t *testing.T) (context.Context, time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			t.Cleanup(cancel)
			return ctx, time.Minute
		},
		"WithTimeout": func(t *testing.T) (context.Context, time.Duration) { return t.Context(), limit },
	}
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		for _, phase := range phases {
			for end, ending := range ends {
				t.Run(protocol+"/"+phase.name+"/"+end, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						hc := &http.Client{Transport: readingService(t, protocol)}
						ctx, timeout := ending(t)
						c := newTestClient(t, "http://127.0.0.1:1", AppJWT("k", "s"), WithHTTPClient(hc), WithTimeout(timeout))
						file := phase.file()
						upload := phase.with(file)
						began := time.Now()
						_, err := c.Attachments.Upload(ctx, upload, AttachmentOptions{})
						assert.Equal(t, limit, time.Since(began))
						want := context.DeadlineExceeded
						switch {
						case phase.name == "Close":
							want = nil // the service has answered
						case end == "cancel":
							want = context.Canceled
						}
						assert.ErrorIs(t, err, want)
						require.True(t, file.hung.Load())
						close(file.release)
						time.Sleep(time.Second) // until net/http has ended, too
						synctest.Wait()
						closed := upload.Open != nil && phase.name != "Close"
						assert.Equal(t, closed, file.closed, "what Open has returned is closed")
						assert.Zero(t, file.after, "nothing else is called")
					})
				})
			}
		}
	}
}

// readingService returns net/http's transport, for a protocol, to a server in memory that reads
// what is sent.
func readingService(t *testing.T, protocol string) http.RoundTripper {
	t.Helper()
	var protocols http.Protocols
	protocols.SetHTTP1(protocol == "HTTP/1.1")
	protocols.SetUnencryptedHTTP2(protocol == "HTTP/2.0")
	listener := &pipeListener{accepted: make(chan net.Conn)}
	server := &http.Server{Protocols: &protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, protocol, r.Proto)
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			reply(201, `{"mediaUrl":"https://m.test/x","mediaType":"application/zip"}`)(w, r)
		}
	})}
	go func() { _ = server.Serve(listener) }()
	transport := &http.Transport{Protocols: &protocols, DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, service := net.Pipe()
		listener.accepted <- service
		return client, nil
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		assert.NoError(t, server.Close())
	})
	return transport
}

func sourceOf(f *hangingFile) Upload { return Upload{Source: f, Filename: "a.zip"} }

func openOf(f *hangingFile) Upload {
	return Upload{Open: func() (io.ReadCloser, error) { return f, nil }, Filename: "a.zip"}
}

// TestIdleUploadEnds: an attempt in which no byte moves for the time-out ends, whichever side has
// stopped, and a slow one does not.
func TestIdleUploadEnds(t *testing.T) {
	t.Parallel()
	const timeout = 30 * time.Second
	tests := []struct {
		name    string
		source  io.Reader
		service func(r io.Reader)
		took    time.Duration // 0: as long as it takes, without an error
	}{
		{"the source stops", &slowReader{left: 10, pause: timeout + time.Second}, readAll, timeout},
		{"the source is slow", &slowReader{left: 100, pause: timeout - time.Second}, readAll, 0},
		{"the service stops", &watchedReader{left: 1 << 20}, func(r io.Reader) {
			_, _ = io.CopyN(io.Discard, r, 8<<10)
			time.Sleep(10 * timeout)
		}, timeout},
		{"the service is slow", &watchedReader{left: 200 << 10}, func(r io.Reader) {
			for b := make([]byte, 4<<10); ; time.Sleep(timeout / 3) {
				if _, err := r.Read(b); err != nil {
					return
				}
			}
		}, 0},
	}
	for _, test := range tests {
		for name, filename := range map[string]string{"": "a.png", ", and the type is detected": ""} {
			t.Run(test.name+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					transport := pipeTransport(t, func(w http.ResponseWriter, r *http.Request) {
						test.service(r.Body)
						reply(201, `{"mediaUrl":"https://m.test/x"}`)(w, r)
					})
					c := newTestClient(t, "http://127.0.0.1:1", AppJWT("k", "s"), WithHTTPClient(&http.Client{Transport: transport}), WithTimeout(timeout))
					defer time.Sleep(20 * timeout) // the bubble ends with its goroutines
					source := copyOf(test.source)
					began := time.Now()
					_, err := c.Attachments.Upload(t.Context(), Upload{Source: source, Filename: filename}, AttachmentOptions{})
					if test.took == 0 {
						assert.NoError(t, err)
						assert.Greater(t, time.Since(began), 10*timeout)
						return
					}
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					assert.ErrorContains(t, err, "no byte of the upload was read or sent within 30s")
					assert.InDelta(t, test.took.Seconds(), time.Since(began).Seconds(), 1)
				})
			})
		}
	}
}

func readAll(r io.Reader) { _, _ = io.Copy(io.Discard, r) }

// copyOf returns a reader as it was at first, as each run of a test reads one.
func copyOf(r io.Reader) io.Reader {
	switch r := r.(type) {
	case *slowReader:
		return &slowReader{r.left, r.pause}
	case *watchedReader:
		return &watchedReader{left: r.left}
	}
	return r
}

// TestHostileReaders: what a reader must not do is an error of the call, in each method and while
// the type is detected too.
func TestHostileReaders(t *testing.T) {
	t.Parallel()
	readers := map[string]struct {
		read func([]byte) (int, error)
		text string
	}{
		"panics":               {func([]byte) (int, error) { panic("boom") }, "it panicked: boom"},
		"panics with an error": {func([]byte) (int, error) { panic(io.ErrClosedPipe) }, "it panicked: io: read/write on closed pipe"},
		"ends its goroutine":   {func([]byte) (int, error) { runtime.Goexit(); return 0, nil }, errExited.Error()},
		"too many bytes":       {func(b []byte) (int, error) { return len(b) + 1, nil }, errBadCount.Error()},
		"fewer than none":      {func([]byte) (int, error) { return -1, nil }, errBadCount.Error()},
		"nothing, for ever":    {func([]byte) (int, error) { return 0, nil }, io.ErrNoProgress.Error()},
		"breaks off":           {func([]byte) (int, error) { return 0, fmt.Errorf("store: %w", io.EOF) }, "store: EOF"},
	}
	rec := newRecorder(t, reply(201, `{}`))
	rec.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { readAll(r.Body) })
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	for name, reader := range readers {
		first := strings.NewReader(strings.Repeat("x", 200<<10))
		uploads := map[string]Upload{
			"at once":         {Source: readerFunc(reader.read), Filename: "a.zip"},
			"for the type":    {Source: readerFunc(reader.read)},
			"in the middle":   {Source: io.MultiReader(first, readerFunc(reader.read)), Filename: "a.zip"},
			"where it is big": {Source: readerFunc(reader.read), Filename: "a.zip", Size: 1 << 40},
		}
		for where, upload := range uploads {
			t.Run(name+"/"+where, func(t *testing.T) {
				t.Parallel()
				_, err := c.Attachments.Upload(t.Context(), upload, AttachmentOptions{})
				assert.ErrorContains(t, err, reader.text)
				assert.NotErrorIs(t, err, ErrOutcomeUnknown)
				if reader.text == io.ErrNoProgress.Error() {
					assert.ErrorIs(t, err, io.ErrNoProgress)
				}
			})
		}
	}
	panics := map[string]Upload{
		"Open": {Open: func() (io.ReadCloser, error) { panic("boom") }},
		"Seek": {Source: panickingSeeker{strings.NewReader("x")}},
		"Len":  {Source: (*bytes.Buffer)(nil)},
	}
	for name, upload := range panics {
		t.Run(name+" panics", func(t *testing.T) {
			t.Parallel()
			_, err := c.Attachments.Upload(t.Context(), upload, AttachmentOptions{})
			assert.ErrorContains(t, err, "it panicked")
		})
	}
	t.Run("Close panics", func(t *testing.T) {
		t.Parallel()
		_, c := uploads(t, 201)
		closing := struct {
			io.Reader
			panickingCloser
		}{Reader: strings.NewReader("x")}
		_, err := c.Attachments.Upload(t.Context(), Upload{Open: func() (io.ReadCloser, error) { return closing, nil }}, AttachmentOptions{})
		assert.NoError(t, err)
	})
	t.Run("a few empty reads are allowed", func(t *testing.T) {
		t.Parallel()
		rec, c := uploads(t, 201)
		n := 0
		source := readerFunc(func(b []byte) (int, error) {
			if n++; n%50 != 0 {
				return 0, nil
			} else if n > 200 {
				return 0, io.EOF
			}
			return copy(b, "part,"), nil
		})
		_, err := c.Attachments.Upload(t.Context(), Upload{Source: source, Filename: "a.zip"}, AttachmentOptions{})
		require.NoError(t, err)
		assert.Contains(t, rec.last(t).body, "part,part,part,part,\r\n")
	})
}

type panickingSeeker struct{ *strings.Reader }

func (panickingSeeker) Seek(int64, int) (int64, error) { panic("boom") }

type panickingCloser struct{}

func (panickingCloser) Close() error { panic("boom") }

// TestAbandonedSourceIsNotSentAgain, while Open is called again.
func TestAbandonedSourceIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		again bool
	}{{"Source", false}, {"Open", true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var sent atomic.Int32
				transport := pipeTransport(t, func(w http.ResponseWriter, r *http.Request) {
					sent.Add(1)
					readAll(r.Body)
					reply(200, `{"photoUrl":"https://m.test/p"}`)(w, r)
				})
				c := newTestClient(t, "http://127.0.0.1:1", AppJWT("k", "s"), WithHTTPClient(&http.Client{Transport: transport}), WithTimeout(10*time.Second))
				stalled := newHangingFile("Read", 100<<10)
				upload := sourceOf(stalled)
				if test.again {
					files := []io.ReadCloser{stalled, io.NopCloser(strings.NewReader("x"))}
					upload = Upload{Filename: "a.zip", Open: func() (io.ReadCloser, error) {
						file := files[0]
						files = files[1:]
						return file, nil
					}}
				}
				_, err := c.Integrations.UploadProfilePhoto(t.Context(), "i", upload)
				if test.again {
					assert.NoError(t, err)
					assert.EqualValues(t, 2, sent.Load())
				} else {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					assert.EqualValues(t, 1, sent.Load())
				}
				close(stalled.release)
			})
		})
	}
}

// TestSourceOfAStalledServiceIsSentAgain: the service hangs, and not the source.
func TestSourceOfAStalledServiceIsSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int32
		transport := pipeTransport(t, func(w http.ResponseWriter, r *http.Request) {
			if sent.Add(1) == 1 {
				time.Sleep(time.Hour)
				return
			}
			readAll(r.Body)
			reply(200, `{"photoUrl":"https://m.test/p"}`)(w, r)
		})
		c := newTestClient(t, "http://127.0.0.1:1", AppJWT("k", "s"), WithHTTPClient(&http.Client{Transport: transport}))
		_, err := c.Integrations.UploadProfilePhoto(t.Context(), "i", Upload{Source: strings.NewReader(strings.Repeat("x", 1<<20)), Filename: "a.zip"})
		require.NoError(t, err)
		assert.EqualValues(t, 2, sent.Load())
		time.Sleep(time.Hour) // the bubble ends with its goroutines
	})
}

// TestSourceThatWasNotReadIsSentAgain, with the bytes by which its type was detected.
func TestSourceThatWasNotReadIsSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent, body := 0, ""
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			if sent++; sent == 1 {
				return nil, errDial
			}
			data, err := io.ReadAll(r.Body)
			body = string(data)
			return answer(201, `{"mediaUrl":"https://m.test/x"}`), err
		})
		content := strings.Repeat("content ", 200)
		_, err := c.Attachments.Upload(t.Context(), Upload{Source: onlyReader{strings.NewReader(content)}}, AttachmentOptions{})
		require.NoError(t, err)
		assert.Contains(t, body, "\r\n\r\n"+content+"\r\n")
	})
}

// TestUploadLeavesNoGoroutine: an attempt has one while a method of the caller runs, and none
// afterwards. It counts the goroutines of the process, so it does not run in parallel.
func TestUploadLeavesNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 20
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return nil, err
			}
			return answer(201, `{"mediaUrl":"https://m.test/x"}`), nil
		})
		running := func() int {
			synctest.Wait()
			return sourceGoroutines()
		}
		var files []*hangingFile
		for i := range n {
			file := newHangingFile("Read", int64(i%2)*100<<10)
			files = append(files, file)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-file.hanging; cancel() }()
			_, err := c.Attachments.Upload(ctx, sourceOf(file), AttachmentOptions{})
			require.ErrorIs(t, err, context.Canceled)
		}
		assert.Equal(t, n, running(), "each is left to its Read")
		for _, file := range files {
			close(file.release)
		}
		assert.Zero(t, running())
		for _, upload := range []Upload{
			{Source: strings.NewReader("x")},
			{Source: iotest.ErrReader(errors.New("the disk is gone"))},
			{Open: func() (io.ReadCloser, error) { return nil, errors.New("there is no file") }},
			{Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil }},
		} {
			_, _ = c.Attachments.Upload(t.Context(), upload, AttachmentOptions{})
		}
		assert.Zero(t, running())
	})
}

// sourceGoroutines returns how many goroutines run a source.
func sourceGoroutines() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "smooch-go.(*source).serve(")
}

// TestRefusedUploadLeavesTheResponse as it is, like any other argument.
func TestRefusedUploadLeavesTheResponse(t *testing.T) {
	t.Parallel()
	_, c := uploads(t, 201)
	answered := Response{StatusCode: 7}
	_, err := c.Attachments.Upload(t.Context(), Upload{Source: iotest.ErrReader(errors.New("the disk is gone"))}, AttachmentOptions{}, WithResponse(&answered))
	assert.ErrorIs(t, err, ErrInvalidArgument)
	assert.Equal(t, fmt.Sprint(Response{StatusCode: 7}), fmt.Sprint(answered))
}
