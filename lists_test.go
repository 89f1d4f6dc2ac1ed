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

// appPages answers apps by limit and offset out of n.
func appPages(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		limit := 25
		if text := r.URL.Query().Get("limit"); text != "" {
			limit, _ = strconv.Atoi(text)
		}
		var apps []string
		for i := offset; i < min(offset+limit, n); i++ {
			apps = append(apps, fmt.Sprintf(`{"_id":"%d"}`, i))
		}
		reply(200, fmt.Sprintf(`{"apps":[%s],"hasMore":%t,"offset":%d}`, strings.Join(apps, ","), offset+limit < n, offset))(w, r)
	}
}

func TestAll(t *testing.T) {
	rec := newRecorder(t, appPages(60))
	c := newTestClient(t, rec.URL, AccountJWT("k", "s"))
	all := c.Apps.All(t.Context(), AppListOptions{Offset: 3})
	for range 2 { // ranging twice gives the list twice
		n := 3
		for app, err := range all {
			require.NoError(t, err)
			assert.Equal(t, strconv.Itoa(n), app.ID)
			n++
		}
		assert.Equal(t, 60, n)
	}
	assert.Len(t, rec.requests(), 2*3)

	before := len(rec.requests())
	for range all {
		break
	}
	assert.Len(t, rec.requests(), before+1, "breaking out asks for nothing more")

	p, err := c.Apps.List(t.Context(), AppListOptions{Limit: 10, Offset: 50})
	require.NoError(t, err)
	assert.Equal(t, 10, len(p.Items))
	assert.Equal(t, 50, p.Offset)
	assert.False(t, p.HasMore)
}

func TestListsThatMisbehave(t *testing.T) {
	count := func(body func(offset int) string) (items, requests int, failure error) {
		rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
			offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
			reply(200, body(offset))(w, r)
		})
		for _, err := range newTestClient(t, rec.URL, AccountJWT("k", "s")).Apps.All(t.Context(), AppListOptions{}) {
			if err != nil {
				failure = err
				break
			}
			items++
		}
		return items, len(rec.requests()), failure
	}
	items, requests, err := count(func(int) string { return `{"apps":[],"hasMore":true,"offset":0}` })
	assert.NoError(t, err)
	assert.Zero(t, items)
	assert.Equal(t, 1, requests, "an empty page ends")

	_, requests, err = count(func(int) string { return `{"apps":[{"_id":"1"}],"hasMore":true,"offset":0}` })
	assert.Error(t, err, "the same page for ever")
	assert.Equal(t, 2, requests)

	items, requests, err = count(func(offset int) string {
		return fmt.Sprintf(`{"apps":[{"_id":"1"},{"_id":"2"}],"hasMore":%t}`, offset < 4)
	})
	assert.NoError(t, err, "a service that does not echo the offset")
	assert.Equal(t, 6, items)
	assert.Equal(t, 3, requests)

	items, _, err = count(func(int) string { return `{"apps":[{"_id":"1"}]}` })
	assert.NoError(t, err, "without hasMore it is the last page")
	assert.Equal(t, 1, items)

	items, _, err = count(func(offset int) string {
		if offset > 0 {
			return `{"apps":`
		}
		return `{"apps":[{"_id":"1"}],"hasMore":true,"offset":0}`
	})
	assert.Error(t, err)
	assert.Equal(t, 1, items)
}

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

func TestMessages(t *testing.T) {
	for _, links := range []bool{true, false} {
		for _, n := range []int{0, 1, 99, 101, 200, 250} {
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
				assert.Equal(t, -1, want, "newest to oldest, across pages and within each")
			}
			want := 0
			for m, err := range c.Conversations.Messages(t.Context(), "u", MessageListOptions{OldestFirst: true}) {
				require.NoError(t, err)
				assert.Equal(t, strconv.Itoa(want), m.ID)
				want++
			}
			assert.Equal(t, n, want, "oldest to newest")
		}
	}
	rec := newRecorder(t, history(250, true))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	for range c.Conversations.Messages(t.Context(), "u", MessageListOptions{}) {
		break
	}
	assert.Len(t, rec.requests(), 1)
}

func TestMessagesThatDoNotAdvance(t *testing.T) {
	rec := newRecorder(t, reply(200, `{"messages":[{"_id":"1","received":1500000000}],"previous":"/x?before=1500000000","next":"/x?after=1500000000"}`))
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	for _, options := range []MessageListOptions{{}, {After: time.Unix(1, 0)}, {OldestFirst: true}} {
		var last error
		n := 0
		for _, err := range c.Conversations.Messages(t.Context(), "u", options) {
			last = err
			if n++; n > 10 {
				t.Fatal("it goes on for ever")
			}
		}
		assert.ErrorIs(t, last, errNoProgress)
	}
	for _, options := range []MessageListOptions{{Before: at.Time, After: at.Time}, {Before: at.Time, OldestFirst: true}, {After: at.Time, OldestFirst: true}} {
		_, err := c.Conversations.ListMessages(t.Context(), "u", options)
		assert.ErrorIs(t, err, ErrInvalidArgument, "they exclude each other")
	}
}
