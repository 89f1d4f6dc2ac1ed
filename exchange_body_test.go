package smooch

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pageOf returns a page of messages of about size bytes, each with the given text.
func pageOf(text string, size int) string {
	item := fmt.Sprintf(`{"_id":"%024d","text":%q}`, 0, text)
	return `{"messages":[` + item + strings.Repeat(","+item, max(size/(len(item)+1)-1, 0)) + `]}`
}

// TestBodiesOfAnySize: a body is read whole, whatever its size is, and whether that is known.
func TestBodiesOfAnySize(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, bufferSize / 8, bufferSize/8 + 1, bufferSize - 2, bufferSize - 1, bufferSize, bufferSize + 1, 5 * bufferSize} {
		body := pageOf("whole", size)
		body += strings.Repeat(" ", max(size-len(body), 0))
		want := strings.Count(body, "whole")
		for _, stated := range []int{-1, 0, len(body) - 1, len(body), len(body) + 1, bufferSize - 1} {
			c := fakeClient(t, func(*http.Request) (*http.Response, error) {
				resp := answer(200, body)
				resp.ContentLength = int64(stated)
				return resp, nil
			})
			page, err := c.Conversations.ListMessages(t.Context(), "u", MessageListOptions{})
			require.NoError(t, err)
			assert.Len(t, page.Messages, want, "%d, stated as %d", size, stated)
			assert.Equal(t, "whole", page.Messages[want-1].Text)
		}
	}
}

// seenReader keeps the memory that it is to read into.
type seenReader struct {
	io.Reader
	seen []byte
}

func (r *seenReader) Read(p []byte) (int, error) {
	if r.seen == nil {
		r.seen = p
	}
	return r.Reader.Read(p)
}

// TestBuffersAreCleared: what users wrote does not stay in a buffer, even if the body cannot be
// decoded. No other test may use the buffer meanwhile, so it does not run in parallel.
func TestBuffersAreCleared(t *testing.T) {
	for what, body := range map[string]string{
		"page": pageOf("secret", bufferSize/2), "not JSON": strings.Repeat("secret", bufferSize/10), "of another type": `{"messages":[` + strings.Repeat(`"secret",`, 2000) + `0]}`,
		"short": pageOf("secret", 100), "long": pageOf("secret", 2*bufferSize),
	} {
		reader := &seenReader{Reader: strings.NewReader(body)}
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, ContentLength: -1, Body: io.NopCloser(reader)}, nil
		})
		page, err := c.Conversations.ListMessages(t.Context(), "u", MessageListOptions{})
		require.Len(t, reader.seen, bufferSize, what)
		assert.NotContains(t, string(reader.seen), "secret", what)
		if err == nil {
			assert.Equal(t, "secret", page.Messages[len(page.Messages)-1].Text, what)
		}
	}
}

// TestBuffersAreNotShared: what a caller gets does not change when later calls use the buffer.
func TestBuffersAreNotShared(t *testing.T) {
	t.Parallel()
	c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
		return answer(200, pageOf(r.URL.Query().Get("text"), bufferSize/2)), nil
	})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 20 {
				text := fmt.Sprintf("text %d of caller %d", j, i)
				var kept Response
				page, err := c.Conversations.ListMessages(t.Context(), "u", MessageListOptions{}, WithQuery("text", text), WithResponse(&kept))
				assert.NoError(t, err)
				var raw struct {
					Messages []RawText `json:"messages"`
				}
				assert.NoError(t, c.Do(t.Context(), "GET", "/x", nil, &raw, WithQuery("text", text)))
				_, err = c.Conversations.ListMessages(t.Context(), "u", MessageListOptions{}, WithQuery("text", "another one"))
				assert.NoError(t, err)
				assert.Equal(t, text, page.Messages[0].Text)
				assert.True(t, bytes.Contains(raw.Messages[0], []byte(text)))
				assert.Equal(t, pageOf(text, bufferSize/2), string(kept.Body))
			}
		})
	}
	group.Wait()
}

// RawText is JSON that a caller's type copies, as encoding/json asks for.
type RawText []byte

func (r *RawText) UnmarshalJSON(data []byte) error { *r = bytes.Clone(data); return nil }

// TestBuffersSpareMemory: a page takes no memory for its body, unless the caller keeps it. It
// measures the memory of the whole process, so it does not run in parallel.
func TestBuffersSpareMemory(t *testing.T) {
	page := pageOf("x", bufferSize-100)
	c := fakeClient(t, func(*http.Request) (*http.Response, error) { return answer(200, page), nil })
	allocated := func(opts ...CallOption) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 50 {
			assert.NoError(t, c.Do(t.Context(), "GET", "/x", nil, nil, opts...))
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / 50
	}
	assert.Greater(t, allocated(WithResponse(&Response{})), allocated()+bufferSize/2)
}
