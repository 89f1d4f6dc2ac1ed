package smooch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// uploads is a server that answers an upload with the statuses in turn, having read it.
func uploads(t *testing.T, statuses ...int) (*recorder, *Client) {
	n := 0
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		status := statuses[min(n, len(statuses)-1)]
		n++
		reply(status, `{"mediaUrl":"https://m.test/x","mediaType":"image/png"}`)(w, r)
	})
	return rec, newTestClient(t, rec.URL, AppJWT("k", "s"), WithRetryPolicy(RetryPolicy{MinDelay: time.Millisecond, MaxDelay: time.Millisecond}))
}

// onlyReader hides everything but Read.
type onlyReader struct{ io.Reader }

func TestUploadsAreRepeatedWhereTheyCanBe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "photo.png")
	require.NoError(t, os.WriteFile(path, []byte("skipped-content"), 0o600))
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	_, err = file.Seek(8, io.SeekStart)
	require.NoError(t, err)
	opened := 0
	tests := []struct {
		name    string
		upload  Upload
		repeats bool
		sized   bool
	}{
		{"a file that was read from", Upload{Source: file}, true, true},
		{"bytes", Upload{Source: bytes.NewReader([]byte("content"))}, true, true},
		{"a function", Upload{Open: func() (io.ReadCloser, error) { opened++; return os.Open(path) }, Filename: "x.png"}, true, false},
		{"a reader", Upload{Source: onlyReader{strings.NewReader("content")}}, false, false},
		{"a buffer", Upload{Source: bytes.NewBufferString("content")}, false, true},
		{"a reader of known size", Upload{Source: onlyReader{strings.NewReader("content")}, Size: 7}, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rec, c := uploads(t, 429, 201)
			_, err := c.Attachments.Upload(t.Context(), test.upload, AttachmentOptions{})
			requests := rec.requests()
			if test.repeats {
				require.NoError(t, err)
				require.Len(t, requests, 2)
				assert.Equal(t, requests[0].body, requests[1].body)
			} else {
				assert.ErrorIs(t, err, ErrRateLimited)
				require.Len(t, requests, 1)
			}
			assert.Contains(t, requests[0].body, "content")
			if test.upload.Source == file {
				assert.NotContains(t, requests[0].body, "skipped", "from where the file stood")
			}
			assert.Equal(t, test.sized, requests[0].header.Get("Content-Length") != "", "%v", requests[0].header)
		})
	}
	_, err = file.Seek(0, io.SeekCurrent)
	assert.NoError(t, err, "the caller's file is not closed")
	assert.Positive(t, opened)
}

func TestUploadIsSentOnceWhenItMayDoTheWorkTwice(t *testing.T) {
	rec, c := uploads(t, 502)
	_, err := c.Attachments.Upload(t.Context(), Upload{Source: strings.NewReader("x")}, AttachmentOptions{})
	assert.ErrorIs(t, err, ErrOutcomeUnknown)
	assert.Len(t, rec.requests(), 1)
	_, err = c.Integrations.UploadProfilePhoto(t.Context(), "i", Upload{Source: strings.NewReader("x")})
	assert.ErrorIs(t, err, ErrServer)
	assert.NotErrorIs(t, err, ErrOutcomeUnknown)
	assert.Len(t, rec.requests(), 1+3, "replacing the photo is safe to repeat")
}

func TestUploadArguments(t *testing.T) {
	rec, c := uploads(t, 201)
	broken := errors.New("the disk is gone")
	spent := strings.NewReader("x")
	_, _ = io.Copy(io.Discard, spent)
	for _, u := range []Upload{
		{},
		{Source: (*os.File)(nil)},
		{Source: spent},
		{Open: func() (io.ReadCloser, error) { return nil, nil }},
		{Source: strings.NewReader("x"), Open: func() (io.ReadCloser, error) { return nil, broken }},
		{Source: strings.NewReader("x"), ContentType: "image/png\r\nX: 1"},
	} {
		_, err := c.Attachments.Upload(t.Context(), u, AttachmentOptions{})
		assert.ErrorIs(t, err, ErrInvalidArgument)
	}
	_, err := c.Attachments.Upload(t.Context(), Upload{Open: func() (io.ReadCloser, error) { return nil, broken }, Filename: "a.png"}, AttachmentOptions{})
	assert.ErrorIs(t, err, broken)
	_, err = c.Attachments.Upload(t.Context(), Upload{Open: func() (io.ReadCloser, error) { return nil, nil }, Filename: "a.png"}, AttachmentOptions{})
	assert.ErrorIs(t, err, errNoFile)
	assert.Empty(t, rec.requests(), "nothing is sent")
}

// TestUploadOfAnotherSize breaks off before the form ends, so that no service takes it for whole.
func TestUploadOfAnotherSize(t *testing.T) {
	const content = "0123456789"
	for _, size := range []int64{1, 9, 11, 100 << 10} {
		for _, u := range []Upload{
			{Source: onlyReader{strings.NewReader(content)}, Size: size},
			{Source: strings.NewReader(content), Size: size},
			{Source: onlyReader{iotest.DataErrReader(strings.NewReader(content))}, Size: size, Filename: "a.png"},
			{Source: onlyReader{iotest.OneByteReader(strings.NewReader(content))}, Size: size, Filename: "a.png"},
			{Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }, Size: size},
		} {
			whole := make(chan bool, 1)
			rec := newRecorder(t, reply(201, `{}`))
			rec.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				whole <- r.ParseMultipartForm(1<<20) == nil
			})
			c := newTestClient(t, rec.URL, AppJWT("k", "s"))
			_, err := c.Attachments.Upload(t.Context(), u, AttachmentOptions{})
			assert.ErrorIs(t, err, errNotSize)
			assert.NotErrorIs(t, err, ErrOutcomeUnknown)
			rec.Close() // waits for the handler
			select {
			case complete := <-whole:
				assert.False(t, complete)
			default: // the connection was cut before the handler ran
			}
		}
	}
}

// TestReaderThatFails: its error is reported as what it is, and not as an unknown outcome.
func TestReaderThatFails(t *testing.T) {
	broken := errors.New("the disk is gone")
	rec := newRecorder(t, reply(201, `{}`))
	rec.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	source := io.MultiReader(strings.NewReader(strings.Repeat("x", 100<<10)), iotest.ErrReader(broken))
	_, err := c.Attachments.Upload(t.Context(), Upload{Source: source, Filename: "a.png"}, AttachmentOptions{})
	assert.ErrorIs(t, err, broken)
	assert.NotErrorIs(t, err, ErrOutcomeUnknown)
	assert.ErrorContains(t, err, "reading the upload")
}

// TestEarlyAnswerGivesTheReaderBack: a service that answers before it has read all; the reader is not read any more after the call.
func TestEarlyAnswerGivesTheReaderBack(t *testing.T) {
	rec := newRecorder(t, reply(413, `{}`))
	rec.Config.Handler = http.HandlerFunc(reply(413, `{"error":{"code":"too_large"}}`))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	source := &watchedReader{left: 64 << 20}
	_, err := c.Attachments.Upload(t.Context(), Upload{Source: source, Filename: "a.png"}, AttachmentOptions{})
	require.Error(t, err)
	after := source.reads.Load()
	time.Sleep(20 * time.Millisecond)
	assert.Equal(t, after, source.reads.Load())
}

// stalledReader blocks in Read until it is released, and tells that it does.
type stalledReader struct {
	io.Seeker
	reading, release chan struct{}
}

func (r *stalledReader) Read([]byte) (int, error) {
	close(r.reading)
	<-r.release
	return 0, io.ErrUnexpectedEOF
}

// TestStalledSourceEndsWithTheTimeout: the answer is there, and a read that does not end is not waited for.
func TestStalledSourceEndsWithTheTimeout(t *testing.T) {
	for _, seeker := range []io.Seeker{nil, strings.NewReader("x")} {
		stalled := &stalledReader{seeker, make(chan struct{}), make(chan struct{})}
		t.Cleanup(func() { close(stalled.release) })
		var source io.Reader = stalled
		if seeker == nil {
			source = onlyReader{stalled}
		}
		var sent atomic.Int32
		rec := newRecorder(t, nil)
		rec.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent.Add(1)
			<-stalled.reading
			reply(401, `{"error":{"code":"unauthorized"}}`)(w, r)
		})
		tokens := 0
		c := newTestClient(t, rec.URL, AuthFunc(func(_ context.Context, r *http.Request) error {
			tokens++
			r.Header.Set("Authorization", fmt.Sprint("Bearer ", tokens))
			return nil
		}), WithTimeout(100*time.Millisecond))
		_, err := c.Attachments.Upload(t.Context(), Upload{Source: source, Filename: "a.png", Size: 1 << 20}, AttachmentOptions{})
		assert.ErrorIs(t, err, ErrUnauthorized)
		assert.EqualValues(t, 1, sent.Load(), "a reader that is still being read is not sent again")
	}
}

func TestRevokedSourceIsNotRead(t *testing.T) {
	reader := &watchedReader{left: 10}
	src := &source{r: reader, turn: make(chan struct{}, 1)}
	_, err := src.Read(make([]byte, 4))
	require.NoError(t, err)
	src.revoke(t.Context())
	_, err = src.Read(make([]byte, 4))
	assert.ErrorIs(t, err, errRevoked)
	assert.EqualValues(t, 1, reader.reads.Load())
}

type watchedReader struct {
	left  int
	reads atomic.Int64
}

func (r *watchedReader) Read(b []byte) (int, error) {
	r.reads.Add(1)
	n := min(len(b), r.left)
	if n == 0 {
		return 0, io.EOF
	}
	r.left -= n
	return n, nil
}

// TestSlowUploadIsNotTimedOut: the time-out starts when the body has been sent.
func TestSlowUploadIsNotTimedOut(t *testing.T) {
	rec, _ := uploads(t, 201)
	c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithTimeout(500*time.Millisecond))
	slow := iotest.OneByteReader(&slowReader{left: 30, pause: 25 * time.Millisecond})
	_, err := c.Attachments.Upload(t.Context(), Upload{Source: slow, Filename: "a.png"}, AttachmentOptions{})
	require.NoError(t, err)

	rec.answer = func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(5 * time.Second):
		}
	}
	began := time.Now()
	_, err = c.Attachments.Upload(t.Context(), Upload{Source: strings.NewReader("x"), Filename: "a.png"}, AttachmentOptions{})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorIs(t, err, ErrOutcomeUnknown)
	assert.Less(t, time.Since(began), 3*time.Second)
}

type slowReader struct {
	left  int
	pause time.Duration
}

func (r *slowReader) Read(b []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(r.pause)
	r.left--
	b[0] = 'x'
	return 1, nil
}

// TestUploadChild is run by BenchmarkUploadMemory in a process of its own: it uploads as many
// bytes as it is told and prints the most memory that the process ever had, in KiB.
func TestUploadChild(t *testing.T) {
	url := os.Getenv("SMOOCH_UPLOAD_TO")
	if url == "" {
		t.Skip("for BenchmarkUploadMemory")
	}
	var size int64
	_, err := fmt.Sscan(os.Getenv("SMOOCH_UPLOAD_SIZE"), &size)
	require.NoError(t, err)
	c := newTestClient(t, url, AppJWT("k", "s"))
	_, err = c.Attachments.Upload(t.Context(), Upload{Source: onlyReader{io.LimitReader(zeros{}, size)}, Filename: "a.zip"}, AttachmentOptions{})
	require.NoError(t, err)
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	fmt.Printf("peak %d\n", usage.Maxrss)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// BenchmarkUploadMemory reports by how much uploading 1 GiB raises the peak memory of a fresh process above that of one small upload.
func BenchmarkUploadMemory(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("Maxrss has other units elsewhere")
	}
	server := newDiscardServer(b)
	peak := func(size int64) int64 {
		cmd := osexec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestUploadChild$", "-test.v")
		cmd.Env = append(os.Environ(), "SMOOCH_UPLOAD_TO="+server, fmt.Sprint("SMOOCH_UPLOAD_SIZE=", size))
		out, err := cmd.CombinedOutput()
		require.NoError(b, err, "%s", out)
		var kib int64
		_, after, _ := strings.Cut(string(out), "peak ")
		_, err = fmt.Sscan(after, &kib)
		require.NoError(b, err, "%s", out)
		return kib
	}
	for b.Loop() {
		small := peak(1 << 10)
		b.ReportMetric(float64(peak(1<<30)-small)/1024, "MiB-above")
	}
}
