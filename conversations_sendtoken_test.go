package smooch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inbox is a service that takes messages and loses answers.
type inbox struct {
	skew     time.Duration // of its clock
	stripped bool          // it keeps no metadata
	lose     []bool        // of each post: whether its answer is lost
	drop     []bool        // of each post: whether it is lost before it is carried out
	late     time.Duration // when a message whose answer is lost shows in the history
	reads    []int         // statuses of the history's answers, 0: 200
	rewrite  func(map[string]any)
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
		{"it shows late", inbox{lose: []bool{true}, late: 3 * time.Second}, 1, 1, nil},
		{"the history fails for a while", inbox{lose: []bool{true}, reads: []int{503, 503, 503, 429, 0}}, 1, 1, nil},
		{"the history may not be read", inbox{lose: []bool{true}, reads: []int{403}}, 1, 1, ErrOutcomeUnknown},
		{"no conversation yet", inbox{drop: []bool{true}, reads: []int{404, 404}}, 2, 1, nil},
		{"no metadata is kept", inbox{lose: []bool{true}, stripped: true}, 1, 1, ErrOutcomeUnknown},
		{"its clock is ahead", inbox{lose: []bool{true}, skew: time.Hour}, 1, 1, nil},
		{"its clock is behind", inbox{lose: []bool{true}, skew: -time.Hour}, 1, 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
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

func TestSendTokenEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := inbox{lose: []bool{true}, late: time.Hour, reads: []int{503}}
		dead := func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return answer(503, ``), nil
			}
			return in.serve(r)
		}
		c := fakeClient(t, dead)
		began := time.Now()
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"), WithSendToken("t"))
		assert.ErrorIs(t, err, ErrOutcomeUnknown)
		assert.ErrorIs(t, err, errReset)
		assert.LessOrEqual(t, time.Since(began), confirmTimeout+time.Second)
		assert.Equal(t, 1, in.posts)

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		in.lose = []bool{false, true}
		began = time.Now()
		_, err = c.Conversations.PostMessage(ctx, "ida", TextMessage("x"), WithSendToken("t2"))
		assert.ErrorIs(t, err, ErrOutcomeUnknown)
		assert.Equal(t, 3*time.Second, time.Since(began))
	})
}

// TestSendTokenOfWhatTheServiceRewrites: it writes captions of its own, and makes other things of shorthand.
func TestSendTokenOfWhatTheServiceRewrites(t *testing.T) {
	for name, message := range map[string]MessagePost{
		"image":     ImageMessage("https://x.test/a.png"),
		"location":  LocationMessage(1, 2),
		"carousel":  CarouselMessage(MessageItem{Title: "a"}),
		"shorthand": TextMessage("Now? %[Yes](reply:YES)"),
		"template":  TextMessage("%((template: hours))%"),
		"padded":    TextMessage(" Noon it is. "),
	} {
		t.Run(name, func(t *testing.T) {
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
	synctest.Test(t, func(t *testing.T) {
		in := inbox{drop: []bool{false, true}}
		c := fakeClient(t, in.serve, WithRetryPolicy(RetryPolicy{MaxAttempts: 2}))
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("Hello!"))
		require.NoError(t, err)
		_, err = c.Conversations.PostMessage(t.Context(), "ida", TextMessage("Noon it is!"), WithSendToken("order-7"))
		assert.NoError(t, err, "another text is another message")
		assert.Len(t, in.kept, 2)
	})
}

func TestServiceThatDropsMetadataIsRemembered(t *testing.T) {
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
	synctest.Test(t, func(t *testing.T) {
		in := inbox{lose: []bool{true}, skew: -time.Hour}
		c := fakeClient(t, in.serve)
		since := time.Now()
		m := TextMessage("x")
		m.Metadata = map[string]any{sendTokenKey: "order-7"}
		_, err := c.Conversations.PostMessage(t.Context(), "ida", m)
		require.ErrorIs(t, err, ErrOutcomeUnknown)
		time.Sleep(time.Minute) // the process starts anew
		found, err := c.Conversations.FindSent(t.Context(), "ida", "order-7", since)
		require.NoError(t, err)
		assert.Equal(t, "m0", found.ID)
		_, err = c.Conversations.FindSent(t.Context(), "ida", "order-8", since)
		assert.ErrorIs(t, err, ErrNotFound)
		_, err = c.Conversations.FindSent(t.Context(), "ida", "order-7", time.Now())
		assert.ErrorIs(t, err, ErrNotFound, "before since")
		_, err = c.Conversations.FindSent(t.Context(), "ida", "", since)
		assert.ErrorIs(t, err, ErrInvalidArgument)
		_, err = c.Conversations.PostMessage(t.Context(), "ida", m, WithSendToken("t"), WithField("metadata", map[string]any{"a": 1}))
		assert.ErrorIs(t, err, ErrInvalidArgument, "it would go out without its token")
		_, err = c.Conversations.PostMessage(t.Context(), "ida", m, WithSendToken(""))
		assert.True(t, errors.Is(err, ErrInvalidArgument))
	})
}
