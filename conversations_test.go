package smooch

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// history answers a conversation of n messages, one each 10 ms, as the service does.
func history(n int, links bool) http.HandlerFunc {
	received := func(i int) UnixTime { return UnixTime{time.UnixMilli(1500000000000 + int64(i)*10)} }
	return func(w http.ResponseWriter, r *http.Request) {
		from, to := max(0, n-100), n
		for i := range n {
			if before := r.URL.Query().Get("before"); before != "" && received(i).text() == before {
				from, to = max(0, i-100), i
			}
			if after := r.URL.Query().Get("after"); after != "" && received(i).text() == after {
				from, to = i+1, min(n, i+101)
			}
		}
		if r.URL.Query().Get("after") == "0" {
			from, to = 0, min(n, 100)
		}
		var messages []string
		for i := from; i < to; i++ {
			messages = append(messages, fmt.Sprintf(`{"_id":"%d","received":%s}`, i, received(i).text()))
		}
		previous, next := "", ""
		if links && from > 0 {
			previous = "https://evil.test/x?before=" + received(from).text()
		}
		if links && to < n {
			next = "https://evil.test/x?after=" + received(to-1).text()
		}
		reply(200, fmt.Sprintf(`{"conversation":{"_id":"c"},"messages":[%s],"previous":%q,"next":%q}`, strings.Join(messages, ","), previous, next))(w, r)
	}
}

// TestMessages: newest first or oldest first, across pages and within each.
func TestMessages(t *testing.T) {
	t.Parallel()
	for _, links := range []bool{true, false} {
		for _, n := range []int{0, 1, 99, 101, 200, 250} {
			t.Run(fmt.Sprintf("%d, links %t", n, links), func(t *testing.T) {
				t.Parallel()
				rec := newRecorder(t, history(n, links))
				c := newTestClient(t, rec.URL, AppJWT("k", "s"))
				backward := c.Conversations.Messages(t.Context(), "u", MessageListOptions{})
				for range 2 {
					want := n - 1
					for m, err := range backward {
						require.NoError(t, err)
						assert.Equal(t, strconv.Itoa(want), m.ID)
						want--
					}
					assert.Equal(t, -1, want)
				}
				read := 0
				for m, err := range c.Conversations.Messages(t.Context(), "u", MessageListOptions{OldestFirst: true}) {
					require.NoError(t, err)
					assert.Equal(t, strconv.Itoa(read), m.ID)
					read++
				}
				assert.Equal(t, n, read)
			})
		}
	}
}

func TestBreakingOutOfMessagesAsksForNothingMore(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, history(250, true))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	for _, err := range c.Conversations.Messages(t.Context(), "u", MessageListOptions{}) {
		require.NoError(t, err)
		break
	}
	assert.Len(t, rec.requests(), 1)
}

func TestMessagesThatDoNotAdvance(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, `{"messages":[{"_id":"1","received":1500000000}],"previous":"/x?before=1500000000","next":"/x?after=1500000000"}`))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	for _, options := range []MessageListOptions{{}, {After: time.Unix(1, 0)}, {OldestFirst: true}} {
		var last error
		n := 0
		for _, err := range c.Conversations.Messages(t.Context(), "u", options) {
			last = err
			if n++; n > 10 {
				t.Fatal("it goes on forever")
			}
		}
		assert.ErrorIs(t, last, errNoProgress)
	}
}

func TestCredentialOfAUserSpeaksAsTheUser(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(201, anything))
	c := newTestClient(t, rec.URL, AppUserJWT("k", "s", "u"))
	_, err := c.Conversations.PostMessage(t.Context(), "u", TextMessage("x"))
	require.NoError(t, err)
	assert.Contains(t, rec.last(t).body, `"role":"appUser"`)
}
