package smooch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bodyClient returns a client whose calls are all answered with body, from memory.
func bodyClient(t *testing.T, body string) *Client {
	return fakeClient(t, func(*http.Request) (*http.Response, error) { return answer(200, body), nil }, WithApp("a1"))
}

// TestAnswersThatTakeFarMoreMemory: a response whose values would take many times its length is not
// decoded, in whatever way it is asked for.
func TestAnswersThatTakeFarMoreMemory(t *testing.T) {
	const size = 6 << 20
	many := func(head, item, tail string) string { return head + strings.Repeat(item, size/len(item)) + tail }
	ctx := t.Context()
	tests := map[string]struct {
		body string
		call func(*Client) error
	}{
		"clients of a user":   {many(`{"appUser":{"_id":"u","clients":[`, `{},`, `{}]}}`), func(c *Client) error { return ignore(c.AppUsers.Get(ctx, "u")) }},
		"properties":          {many(`{"appUser":{"_id":"u","properties":{"a":[`, `{"":0},`, `{}]}}}`), func(c *Client) error { return ignore(c.AppUsers.Get(ctx, "u")) }},
		"page":                {many(`{"integrations":[`, `{},`, `{}]}`), func(c *Client) error { return ignore(c.Integrations.List(ctx, IntegrationListOptions{})) }},
		"actions of messages": {many(`{"messages":[`, `{"actions":[{},{}]},`, `{}]}`), func(c *Client) error { return ignore(c.Conversations.ListMessages(ctx, "u", MessageListOptions{})) }},
		"Do":                  {many(`[`, `{},`, `{}]`), func(c *Client) error { return c.Do(ctx, "GET", "/x", nil, &[]struct{ A [20]int }{}) }},
		"Do, anything":        {many(`[`, `[],`, `{}]`), func(c *Client) error { return c.Do(ctx, "GET", "/x", nil, new(any)) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := bodyClient(t, tt.body)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := tt.call(c)
			runtime.ReadMemStats(&after)
			_, ok := errors.AsType[*DecodeError](err)
			require.True(t, ok, "%v", err)
			assert.ErrorContains(t, err, "carried out with status 200, but the response cannot be read: its values would take far more memory than its text")
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4*size))
		})
	}
}

// TestLargeAnswers: no real response is refused, however many items it has.
func TestLargeAnswers(t *testing.T) {
	t.Parallel()
	const message = `{"_id":"55c8c1498590aa1900b9b9b1","authorId":"c7f6e6d6c3a637261bd9656f","role":"appMaker","type":"text","name":"Steve","text":"Which?","avatarUrl":"https://a.test/b.png","received":1439220041.586,"source":{"type":"api"},"actions":[{"_id":"1","type":"reply","text":"Yes","payload":"Y","metadata":{"a":"b"}},{"_id":"2","type":"link","text":"No","uri":"https://a.test"}],"items":[{"_id":"3","title":"T","actions":[{"_id":"4","type":"postback","text":"Buy","payload":"B"}]}],"metadata":{"lang":"en","n":1}},`
	const integration = `{"_id":"582dedf230e788746891281a","type":"line","status":"active","channelId":"1599999999"},`
	for _, n := range []int{100, 1000, 10_000} {
		t.Run(fmt.Sprint(n, " messages"), func(t *testing.T) {
			t.Parallel()
			c := bodyClient(t, `{"conversation":{"_id":"c"},"messages":[`+strings.Repeat(message, n)+`{"_id":"last"}]}`)
			page, err := c.Conversations.ListMessages(t.Context(), "u", MessageListOptions{})
			require.NoError(t, err)
			require.Len(t, page.Messages, n+1)
			assert.Equal(t, "3", page.Messages[n-1].Items[0].ID)
			assert.Equal(t, "last", page.Messages[n].ID)
		})
	}
	c := bodyClient(t, `{"integrations":[`+strings.Repeat(integration, 10_000)+`{"_id":"last","type":"apn"}]}`)
	page, err := c.Integrations.List(t.Context(), IntegrationListOptions{Offset: 7})
	require.NoError(t, err)
	require.Len(t, page.Items, 10_001)
	assert.Equal(t, "1599999999", page.Items[9_999].ChannelID)
	assert.Equal(t, 7, page.Offset, "as the response does not say it")
}

// A slowValue takes its time to be decoded.
type slowValue struct{ Text string }

func (v *slowValue) UnmarshalJSON(data []byte) error {
	time.Sleep(time.Minute) // as nothing can interrupt it
	v.Text = "decoded"
	return nil
}

// TestContextEndsWhileDecoding: the call returns at once, and what is decoded later is not written
// to its result.
func TestContextEndsWhileDecoding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := bodyClient(t, `{"value":1,"fill":"`+strings.Repeat("x", largeBody)+`"}`)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		out := struct {
			Value slowValue `json:"value"`
			Fill  string    `json:"fill"`
		}{Fill: "before"}
		var r Response
		began := time.Now()
		err := c.Do(ctx, "POST", "/x", nil, &out, WithResponse(&r))
		assert.Equal(t, time.Second, time.Since(began))
		e, ok := errors.AsType[*DecodeError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, 200, e.StatusCode)
		assert.ErrorIs(t, err, context.Canceled)
		assert.NotErrorIs(t, err, ErrOutcomeUnknown, "it was carried out")
		assert.Equal(t, 200, r.StatusCode)
		out.Fill = "written" // the race detector sees a decoder that still writes here
		time.Sleep(2 * time.Minute)
		assert.Equal(t, "written", out.Fill)
		assert.Empty(t, out.Value.Text)
	})
}

// TestLargeAnswersAreDecodedLikeSmallOnes: into a zero value, and with what is left of it after an
// error or a panic.
func TestLargeAnswersAreDecodedLikeSmallOnes(t *testing.T) {
	t.Parallel()
	type target struct {
		A, B string
		M    map[string]int
	}
	for _, size := range []int{0, largeBody} {
		fill := `"fill":"` + strings.Repeat("x", size) + `"`
		before := map[string]int{"before": 1}
		out := target{A: "before", B: "before", M: before}
		require.NoError(t, bodyClient(t, `{"a":"a","m":{"after":2},`+fill+`}`).Do(t.Context(), "GET", "/x", nil, &out))
		assert.Equal(t, target{A: "a", M: map[string]int{"after": 2}}, out)
		assert.Equal(t, map[string]int{"before": 1}, before)

		c := bodyClient(t, `{"a":"a","b":[1],`+fill+`}`)
		require.Error(t, c.Do(t.Context(), "GET", "/x", nil, &out))
		assert.Equal(t, target{A: "a"}, out)

		c = bodyClient(t, `[1,`+`{`+fill+`}]`)
		assert.PanicsWithValue(t, "no", func() { _ = c.Do(t.Context(), "GET", "/x", nil, &[]panicking{}) })

		text := strings.Repeat("x", size)
		user, err := bodyClient(t, `{"appUser":{"_id":"u","givenName":"`+text+`"}}`).AppUsers.Get(t.Context(), "u")
		require.NoError(t, err)
		assert.Equal(t, text, user.GivenName)
	}
}

type panicking struct{}

func (*panicking) UnmarshalJSON([]byte) error { panic("no") }

// TestBodiesGrowToTheLimit: the buffer of a body is never larger than the limit.
func TestBodiesGrowToTheLimit(t *testing.T) {
	t.Parallel()
	const limit = 5 << 20
	for _, size := range []int64{-1, 0, 3 << 20, limit, 1 << 40} {
		body, err := readUpTo(zeros{}, size, limit)
		require.NoError(t, err)
		assert.Len(t, body, limit+1)
		assert.LessOrEqual(t, cap(body), limit+16<<10)
	}
}
