package smooch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// uploads returns a server that answers uploads with the statuses in turn, and a client of it.
func uploads(t *testing.T, statuses ...int) (*recorder, *Client) {
	t.Helper()
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
	t.Parallel()
	path := filepath.Join(t.TempDir(), "photo.png")
	require.NoError(t, os.WriteFile(path, []byte("skipped-content"), 0o600))
	file, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	_, err = file.Seek(8, io.SeekStart)
	require.NoError(t, err)
	tests := []struct {
		name    string
		upload  Upload
		repeats bool
		sized   bool
	}{
		{"a file that was read from", Upload{Source: file}, true, true},
		{"bytes", Upload{Source: bytes.NewReader([]byte("content"))}, true, true},
		{"a function", Upload{Open: func() (io.ReadCloser, error) { return os.Open(path) }, Filename: "x.png"}, true, false},
		{"a reader", Upload{Source: onlyReader{strings.NewReader("content")}}, false, false},
		{"a buffer", Upload{Source: bytes.NewBufferString("content")}, false, true},
		{"a reader of known size", Upload{Source: onlyReader{strings.NewReader("content")}, Size: 7}, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
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
				assert.NotContains(t, requests[0].body, "skipped", "it is sent from where it stood")
				_, err = file.Seek(0, io.SeekCurrent)
				assert.NoError(t, err, "the caller's file is not closed")
			}
			assert.Equal(t, test.sized, requests[0].header.Get("Content-Length") != "", "%v", requests[0].header)
		})
	}
}

func TestUploadIsSentOnceIfItMayDoTheWorkTwice(t *testing.T) {
	t.Parallel()
	rec, c := uploads(t, 502)
	_, err := c.Attachments.Upload(t.Context(), Upload{Source: strings.NewReader("x")}, AttachmentOptions{})
	assert.ErrorIs(t, err, ErrOutcomeUnknown)
	assert.Len(t, rec.requests(), 1)
	_, err = c.Integrations.UploadProfilePhoto(t.Context(), "i", Upload{Source: strings.NewReader("x")})
	assert.ErrorIs(t, err, ErrServer)
	assert.NotErrorIs(t, err, ErrOutcomeUnknown)
	assert.Len(t, rec.requests(), 1+3, "replacing the photo is safe to repeat")
}

func TestUploadChecksItsArguments(t *testing.T) {
	t.Parallel()
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

// TestUploadOfAnotherSize breaks off before the form ends, so that no service takes the file for
// whole.
func TestUploadOfAnotherSize(t *testing.T) {
	t.Parallel()
	const content = "0123456789"
	for _, size := range []int64{1, 9, 11, 100 << 10} {
		for name, u := range map[string]Upload{
			"reader":                      {Source: onlyReader{strings.NewReader(content)}},
			"seeker":                      {Source: strings.NewReader(content)},
			"reader with EOF in the data": {Source: onlyReader{iotest.DataErrReader(strings.NewReader(content))}, Filename: "a.png"},
			"reader of single bytes":      {Source: onlyReader{iotest.OneByteReader(strings.NewReader(content))}, Filename: "a.png"},
			"function":                    {Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }},
		} {
			u.Size = size
			t.Run(fmt.Sprintf("%s, %d", name, size), func(t *testing.T) {
				t.Parallel()
				whole := make(chan bool, 1)
				rec := newRecorder(t, reply(201, anything))
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
			})
		}
	}
}

// TestUploadWhoseSourceFails: the error is that of the source, and not an unknown outcome.
func TestUploadWhoseSourceFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	rec := newRecorder(t, reply(201, anything))
	rec.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	source := io.MultiReader(strings.NewReader(strings.Repeat("x", 100<<10)), iotest.ErrReader(broken))
	_, err := c.Attachments.Upload(t.Context(), Upload{Source: source, Filename: "a.png"}, AttachmentOptions{})
	assert.ErrorIs(t, err, broken)
	assert.NotErrorIs(t, err, ErrOutcomeUnknown)
	assert.ErrorContains(t, err, "reading the upload")
}

// TestEarlyAnswerEndsTheUseOfTheSource: a service may answer before it has read everything, and a
// transport go on reading. After the call the source is the caller's again.
func TestEarlyAnswerEndsTheUseOfTheSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			go func() { _, _ = io.Copy(io.Discard, r.Body) }()
			time.Sleep(100 * time.Millisecond)
			return answer(413, `{"error":{"code":"too_large"}}`), nil
		})
		source := &slowReader{left: 1000, pause: 3 * time.Millisecond}
		_, err := c.Attachments.Upload(t.Context(), Upload{Source: source, Filename: "a.png"}, AttachmentOptions{})
		assert.ErrorIs(t, err, ErrTooLarge)
		left := source.left
		assert.Equal(t, 1000-34, left, "the read that was under way has ended")
		time.Sleep(time.Second)
		assert.Equal(t, left, source.left)
	})
}

// stalledReader blocks in Read until it is released, and reports that it does.
type stalledReader struct {
	io.Seeker
	reading, release chan struct{}
}

func (r *stalledReader) Read([]byte) (int, error) {
	close(r.reading)
	<-r.release
	return 0, io.ErrUnexpectedEOF
}

// TestSourceThatBlocksEndsWithTheTimeout: the service has answered, and the call does not wait any
// longer for a Read that does not return. Nor does it send again what is still being read.
func TestSourceThatBlocksEndsWithTheTimeout(t *testing.T) {
	t.Parallel()
	for _, seeker := range []io.Seeker{nil, strings.NewReader("x")} {
		t.Run(fmt.Sprintf("%T", seeker), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				stalled := &stalledReader{seeker, make(chan struct{}), make(chan struct{})}
				defer close(stalled.release)
				var source io.Reader = stalled
				if seeker == nil {
					source = onlyReader{stalled}
				}
				sent, tokens := 0, 0
				transport := pipeTransport(t, func(w http.ResponseWriter, r *http.Request) {
					sent++
					_, _ = r.Body.Read(make([]byte, 1))
					<-stalled.reading
					reply(401, `{"error":{"code":"unauthorized"}}`)(w, r)
				})
				c := newTestClient(t, "http://127.0.0.1:1", AuthFunc(func(_ context.Context, r *http.Request) error {
					tokens++
					r.Header.Set("Authorization", fmt.Sprint("Bearer ", tokens))
					return nil
				}), WithHTTPClient(&http.Client{Transport: transport}), WithTimeout(10*time.Second))
				began := time.Now()
				_, err := c.Attachments.Upload(t.Context(), Upload{Source: source, Filename: "a.png", Size: 1 << 20}, AttachmentOptions{})
				assert.ErrorIs(t, err, ErrUnauthorized)
				assert.Equal(t, 10*time.Second, time.Since(began))
				assert.Equal(t, 1, sent)
			})
		})
	}
}

// TestTimeoutOfAnUpload starts when the body has been sent.
func TestTimeoutOfAnUpload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport := pipeTransport(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if strings.HasSuffix(r.URL.RawQuery, "for=message") {
				<-r.Context().Done()
			}
			reply(201, anything)(w, r)
		})
		c := newTestClient(t, "http://127.0.0.1:1", AppJWT("k", "s"), WithHTTPClient(&http.Client{Transport: transport}))
		began := time.Now()
		slow := &slowReader{left: 60, pause: 10 * time.Second}
		_, err := c.Attachments.Upload(t.Context(), Upload{Source: slow, Filename: "a.png"}, AttachmentOptions{})
		require.NoError(t, err)
		assert.Equal(t, 10*time.Minute, time.Since(began))

		began = time.Now()
		slow = &slowReader{left: 60, pause: 10 * time.Second}
		_, err = c.Attachments.Upload(t.Context(), Upload{Source: slow, Filename: "a.png"}, AttachmentOptions{For: "message"})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, err, ErrOutcomeUnknown)
		assert.Equal(t, 10*time.Minute+30*time.Second, time.Since(began))
	})
}

// slowReader pauses before each of its bytes.
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

func TestUploadsOnTheWire(t *testing.T) {
	t.Parallel()
	type form struct {
		uri, method, filename, kind, data string
		fields                            map[string]string
	}
	var got form
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		got = form{uri: r.RequestURI, method: r.Method, fields: map[string]string{}}
		kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "multipart/form-data" {
			t.Errorf("content type %q", r.Header.Get("Content-Type"))
		}
		reader := multipart.NewReader(r.Body, params["boundary"])
		for {
			part, err := reader.NextPart()
			if err != nil {
				break
			}
			data, _ := io.ReadAll(part)
			if part.FormName() == "source" {
				got.filename, got.kind, got.data = part.FileName(), part.Header.Get("Content-Type"), string(data)
			} else {
				got.fields[part.FormName()] = string(data)
			}
		}
		reply(201, `{"mediaUrl":"https://m.test/x","mediaType":"image/png","message":{"_id":"m"},"photoUrl":"https://m.test/p"}`)(w, r)
	})
	c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithApp("a1"))
	_, err := c.ForVersion(V1).Conversations.UploadImage(t.Context(), "u",
		Upload{Source: strings.NewReader("\x89PNG\r\n\x1a\n"), Filename: "/home/ida/secret/shot.png"},
		MessagePost{Role: RoleAppUser, Name: "Steve", Metadata: map[string]any{"a": 1}})
	require.NoError(t, err)
	assert.Equal(t, form{"/v1/apps/a1/appusers/u/conversation/images", "POST", "shot.png", "image/png", "\x89PNG\r\n\x1a\n",
		map[string]string{"role": "appUser", "name": "Steve", "metadata": `{"a":1}`}}, got)

	assert.NotContains(t, rec.last(t).body, "secret", "the directories of the caller's machine are not sent")

	_, err = c.Conversations.UploadImage(t.Context(), "u", Upload{Source: strings.NewReader("\xff\xd8\xff\xe0")}, MessagePost{}, WithField("caption", "x"))
	require.NoError(t, err)
	assert.Equal(t, form{"/v1.1/apps/a1/appusers/u/images", "POST", "upload.jpg", "image/jpeg", "\xff\xd8\xff\xe0", map[string]string{"role": "appMaker", "caption": "x"}}, got)

	file, err := c.Attachments.Upload(t.Context(), Upload{Source: strings.NewReader("%PDF-1.7"), ContentType: "application/pdf", Filename: `a"b.pdf`}, AttachmentOptions{For: "message", UserID: "u&1"})
	require.NoError(t, err)
	assert.Equal(t, "https://m.test/x", file.MediaURL)
	assert.Equal(t, form{"/v1.1/apps/a1/attachments?access=public&for=message&userId=u%261", "POST", `a"b.pdf`, "application/pdf", "%PDF-1.7", map[string]string{}}, got)

	photo, err := c.Integrations.UploadProfilePhoto(t.Context(), "i", Upload{Source: strings.NewReader("GIF89a")})
	require.NoError(t, err)
	assert.Equal(t, "https://m.test/p", photo.PhotoURL)
	assert.Equal(t, form{"/v1.1/apps/a1/integrations/i/profile/photo", "PUT", "upload.gif", "image/gif", "GIF89a", map[string]string{}}, got)
}

// TestTimeoutOfAnEarlyAnswer: the service answers, and its answer does not end while it goes on
// reading the file. That does not set the time-out back.
func TestTimeoutOfAnEarlyAnswer(t *testing.T) {
	t.Parallel()
	const timeout = 30 * time.Second
	synctest.Test(t, func(t *testing.T) {
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			go func() {
				for err := error(nil); err == nil; time.Sleep(timeout / 3) {
					_, err = r.Body.Read(make([]byte, 4<<10))
				}
			}()
			return &http.Response{StatusCode: 201, Body: stuckBody{r.Context()}}, nil
		}, WithTimeout(timeout))
		began := time.Now()
		_, err := c.Attachments.Upload(t.Context(), Upload{Source: &watchedReader{left: 1 << 20}, Filename: "a.zip"}, AttachmentOptions{})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, timeout, time.Since(began))
		time.Sleep(20 * timeout) // the bubble ends with its goroutines
	})
}

// TestSizeOfADevice: seeking to its end says 0, which is not what it holds.
func TestSizeOfADevice(t *testing.T) {
	t.Parallel()
	device, err := os.Open("/dev/zero")
	if err != nil {
		t.Skip("there is no /dev/zero")
	}
	t.Cleanup(func() { _ = device.Close() })
	sent := 0
	c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
		assert.EqualValues(t, -1, r.ContentLength)
		sent, err = io.ReadFull(r.Body, make([]byte, 1<<20))
		return answer(201, `{"mediaUrl":"https://m.test/x"}`), err
	})
	_, err = c.Attachments.Upload(t.Context(), Upload{Source: device, Filename: "a.zip"}, AttachmentOptions{})
	require.NoError(t, err)
	assert.Equal(t, 1<<20, sent)
}
