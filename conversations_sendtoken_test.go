package smooch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inbox is a service that takes messages and loses some.
type inbox struct {
	skew     time.Duration        // how far its clock is ahead
	stripped bool                 // it keeps no metadata
	lose     []bool               // of each post: whether its answer is lost
	drop     []bool               // of each post: whether it is lost before it is carried out
	late     time.Duration        // until a message whose answer is lost is in the history
	reads    []int                // statuses of the history's first answers; 0: 200
	rewrite  func(map[string]any) // what it changes in a message
	kept     []stored
	posts    int
}

type stored struct {
	message map[string]any
	visible time.Time
}

func (in *inbox) serve(r *http.Request) (*http.Response, error) {
	date := "Date: " + time.Now().Add(in.skew).UTC().Format(http.TimeFormat)
	if r.Method == http.MethodGet {
		if len(in.reads) > 0 {
			status := in.reads[0]
			in.reads = in.reads[1:]
			if status != 0 {
				return answer(status, ``, date), nil
			}
		}
		messages := []map[string]any{}
		for _, m := range in.kept {
			if !time.Now().Before(m.visible) {
				messages = append(messages, m.message)
			}
		}
		body, _ := json.Marshal(map[string]any{"messages": messages})
		return answer(200, string(body), date), nil
	}
	n := in.posts
	in.posts++
	if n < len(in.drop) && in.drop[n] {
		return nil, errReset
	}
	var m map[string]any
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &m)
	m["_id"] = fmt.Sprint("m", n)
	m["received"] = float64(time.Now().Add(in.skew).UnixMilli()) / 1000
	if in.stripped {
		delete(m, "metadata")
	}
	if in.rewrite != nil {
		in.rewrite(m)
	}
	visible := time.Now()
	if n < len(in.lose) && in.lose[n] {
		visible = visible.Add(in.late)
	}
	in.kept = append(in.kept, stored{m, visible})
	if n < len(in.lose) && in.lose[n] {
		return nil, errReset
	}
	out, _ := json.Marshal(map[string]any{"message": m})
	return answer(201, string(out), date), nil
}

func TestSendToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		in    inbox
		posts int
		kept  int
		err   error // nil: it succeeds
	}{
		{"no failure", inbox{}, 1, 1, nil},
		{"the answer is lost", inbox{lose: []bool{true}}, 1, 1, nil},
		{"the message is lost", inbox{drop: []bool{true}}, 2, 1, nil},
		{"lost twice", inbox{drop: []bool{true, true}}, 3, 1, nil},
		{"it is in the history late", inbox{lose: []bool{true}, late: 3 * time.Second}, 1, 1, nil},
		{"the history fails for a while", inbox{lose: []bool{true}, reads: []int{503, 503, 503, 429, 0}}, 1, 1, nil},
		{"the history may not be read", inbox{lose: []bool{true}, reads: []int{403}}, 1, 1, ErrOutcomeUnknown},
		{"no conversation yet", inbox{drop: []bool{true}, reads: []int{404, 404}}, 2, 1, nil},
		{"no metadata is kept", inbox{lose: []bool{true}, stripped: true}, 1, 1, ErrOutcomeUnknown},
		{"its clock is ahead", inbox{lose: []bool{true}, skew: time.Hour}, 1, 1, nil},
		{"its clock is behind", inbox{lose: []bool{true}, skew: -time.Hour}, 1, 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				in := test.in
				c := fakeClient(t, in.serve, WithRetryPolicy(RetryPolicy{MaxAttempts: 2}))
				message := TextMessage("Noon it is.")
				message.Metadata = map[string]any{"order": 7}
				got, err := c.Conversations.PostMessage(t.Context(), "ida", message, WithSendToken("order-7"))
				assert.Equal(t, test.posts, in.posts)
				assert.Len(t, in.kept, test.kept)
				assert.Equal(t, map[string]any{"order": 7}, message.Metadata, "the caller's map is not changed")
				if test.err != nil {
					assert.ErrorIs(t, err, test.err)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, "Noon it is.", got.Message.Text)
			})
		})
	}
}

// TestSearchForASendTokenEnds: with the context, or after two minutes if it has no deadline.
func TestSearchForASendTokenEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		within time.Duration // 0: the context has no deadline
		least  time.Duration
		most   time.Duration
	}{
		{"no deadline", 0, confirmTimeout - confirmInterval, confirmTimeout},
		{"deadline", 3 * time.Second, 3 * time.Second, 3 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.within > 0 {
					bounded, cancel := context.WithTimeout(ctx, test.within)
					defer cancel()
					ctx = bounded
				}
				in := inbox{lose: []bool{true}}
				c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodGet {
						return answer(503, ``), nil
					}
					return in.serve(r)
				})
				began := time.Now()
				_, err := c.Conversations.PostMessage(ctx, "ida", TextMessage("x"), WithSendToken("t"))
				assert.ErrorIs(t, err, ErrOutcomeUnknown)
				assert.ErrorIs(t, err, errReset)
				assert.GreaterOrEqual(t, time.Since(began), test.least)
				assert.LessOrEqual(t, time.Since(began), test.most)
				assert.Equal(t, 1, in.posts)
			})
		})
	}
}

// TestSendTokenOfWhatTheServiceRewrites: a service that drops metadata and changes the text leaves
// nothing to tell the message by.
func TestSendTokenOfWhatTheServiceRewrites(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]MessagePost{
		"image":     ImageMessage("https://x.test/a.png"),
		"location":  LocationMessage(1, 2),
		"carousel":  CarouselMessage(MessageItem{Title: "a"}),
		"shorthand": TextMessage("Now? %[Yes](reply:YES)"),
		"template":  TextMessage("%((template: hours))%"),
		"padded":    TextMessage(" Noon it is. "),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				in := inbox{lose: []bool{true}, stripped: true, rewrite: func(m map[string]any) {
					switch text, _ := m["text"].(string); {
					case text == "":
						m["text"] = "as the service describes it"
					case name == "padded":
						m["text"] = "Noon it is."
					default:
						m["text"], m["type"] = "We open at 9.", "image"
					}
				}}
				c := fakeClient(t, in.serve, WithRetryPolicy(RetryPolicy{MaxAttempts: 2}))
				_, err := c.Conversations.PostMessage(t.Context(), "ida", message, WithSendToken("order-7"))
				assert.ErrorIs(t, err, ErrOutcomeUnknown)
				assert.Equal(t, 1, in.posts)
			})
		})
	}
}

func TestSendTokenTellsMessagesByTheirText(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := inbox{drop: []bool{false, true}}
		c := fakeClient(t, in.serve, WithRetryPolicy(RetryPolicy{MaxAttempts: 2}))
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("Hello!"))
		require.NoError(t, err)
		_, err = c.Conversations.PostMessage(t.Context(), "ida", TextMessage("Noon it is!"), WithSendToken("order-7"))
		assert.NoError(t, err)
		assert.Len(t, in.kept, 2)
	})
}

func TestServiceThatDropsMetadataIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := inbox{stripped: true, drop: []bool{false, true}}
		c := fakeClient(t, in.serve)
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("one"), WithSendToken("1"))
		require.NoError(t, err)
		_, err = c.Conversations.PostMessage(t.Context(), "ida", TextMessage("two"), WithSendToken("2"))
		assert.ErrorIs(t, err, ErrOutcomeUnknown)
		assert.Equal(t, 2, in.posts, "nothing is sent again")
	})
}

func TestFindSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := inbox{lose: []bool{true}, skew: -time.Hour}
		c := fakeClient(t, in.serve)
		since := time.Now()
		m := TextMessage("x")
		m.Metadata = map[string]any{sendTokenKey: "order-7"}
		_, err := c.Conversations.PostMessage(t.Context(), "ida", m)
		require.ErrorIs(t, err, ErrOutcomeUnknown)
		time.Sleep(time.Minute) // until another process searches
		found, err := c.Conversations.FindSent(t.Context(), "ida", "order-7", since)
		require.NoError(t, err)
		assert.Equal(t, "m0", found.ID)
		_, err = c.Conversations.FindSent(t.Context(), "ida", "order-8", since)
		assert.ErrorIs(t, err, ErrNotFound)
		_, err = c.Conversations.FindSent(t.Context(), "ida", "order-7", time.Now())
		assert.ErrorIs(t, err, ErrNotFound, "before since")
	})
}

func TestSendTokenChecksItsArguments(t *testing.T) {
	t.Parallel()
	c := fakeClient(t, func(*http.Request) (*http.Response, error) {
		t.Error("nothing is to be sent")
		return nil, errDial
	})
	_, err := c.Conversations.FindSent(t.Context(), "ida", "", time.Now())
	assert.ErrorIs(t, err, ErrInvalidArgument)
	_, err = c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"), WithSendToken(""))
	assert.ErrorIs(t, err, ErrInvalidArgument)
	_, err = c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"), WithSendToken("t"), WithField("metadata", map[string]any{"a": 1}))
	assert.ErrorIs(t, err, ErrInvalidArgument, "the field would replace the token")
}
