package smooch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inbox is a service that takes messages and loses some.
type inbox struct {
	skew     time.Duration        // how far its clock is ahead
	dated    time.Duration        // how far the clock that dates messages is ahead of that
	stripped bool                 // it keeps no metadata
	links    bool                 // each page has a link to older messages, even if there are none
	lose     []bool               // of each post: whether its answer is lost
	drop     []bool               // of each post: whether it is lost before it is carried out
	refuse   []int                // of each post: the status that refuses it; 0: none
	late     time.Duration        // until a message whose answer is lost is in the history
	reads    []int                // statuses of the history's first answers; 0: 200
	rewrite  func(map[string]any) // what it changes in a message
	kept     []stored
	posts    int
	looks    int // at the history
}

type stored struct {
	message  map[string]any
	received time.Time
	visible  time.Time
}

func (in *inbox) serve(r *http.Request) (*http.Response, error) {
	date := "Date: " + time.Now().Add(in.skew).UTC().Format(http.TimeFormat)
	if r.Method == http.MethodGet {
		in.looks++
		if len(in.reads) > 0 {
			status := in.reads[0]
			in.reads = in.reads[1:]
			if status != 0 {
				return answer(status, ``, date), nil
			}
		}
		return answer(200, in.page(r), date), nil
	}
	n := in.posts
	in.posts++
	if n < len(in.drop) && in.drop[n] {
		return nil, errReset
	}
	if n < len(in.refuse) && in.refuse[n] != 0 {
		refusal := answer(in.refuse[n], ``, date)
		if in.refuse[n] == http.StatusTooManyRequests {
			refusal.Header.Set("Retry-After", "10")
		}
		return refusal, nil
	}
	var m map[string]any
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &m)
	m["_id"] = fmt.Sprint("m", n)
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
	in.keep(m, time.Now(), visible)
	if n < len(in.lose) && in.lose[n] {
		return nil, errReset
	}
	out, _ := json.Marshal(map[string]any{"message": m})
	return answer(201, string(out), date), nil
}

// keep puts a message into the history, which shows it from visible on. received is by our clock.
func (in *inbox) keep(m map[string]any, received, visible time.Time) {
	received = received.Add(in.skew + in.dated)
	m["received"] = float64(received.UnixMilli()) / 1000
	in.kept = append(in.kept, stored{m, received, visible})
}

// page returns the page of the history that r asks for, at most 100 messages.
func (in *inbox) page(r *http.Request) string {
	var before UnixTime
	_ = before.UnmarshalJSON([]byte(r.URL.Query().Get("before")))
	messages := []map[string]any{}
	for _, m := range in.kept {
		if !time.Now().Before(m.visible) && (before.IsZero() || m.received.UnixMilli() < before.UnixMilli()) {
			messages = append(messages, m.message)
		}
	}
	page := map[string]any{"messages": messages[max(len(messages)-fullPage, 0):]}
	if in.links {
		page["previous"] = "/older"
	}
	body, _ := json.Marshal(page)
	return string(body)
}

func TestSendToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		in    inbox
		posts int
		kept  int
		errs  []error // nil: it succeeds
	}{
		{"no failure", inbox{}, 1, 1, nil},
		{"the answer is lost", inbox{lose: []bool{true}}, 1, 1, nil},
		{"the answer is lost, and the history refused", inbox{lose: []bool{true}, reads: []int{429, 429, 429, 429}}, 1, 1, nil},
		{"the message is lost", inbox{drop: []bool{true}}, 2, 1, nil},
		{"lost twice", inbox{drop: []bool{true, true}}, 3, 1, nil},
		{"lost as often as it may be sent", inbox{drop: []bool{true, true, true}}, 3, 0, []error{ErrOutcomeUnknown, errReset}},
		{"the last answer is lost", inbox{drop: []bool{true, true}, lose: []bool{false, false, true}}, 3, 1, nil},
		{"it fails for long", inbox{refuse: []int{503, 503, 503, 503}}, 3, 0, []error{ErrOutcomeUnknown, ErrServer}},
		{"refusals do not count", inbox{refuse: []int{429, 503, 429, 429, 503, 429, 0}}, 7, 1, nil},
		{"it is refused", inbox{refuse: []int{402}}, 1, 0, []error{ErrPaymentRequired}},
		{"it is refused after it was lost", inbox{drop: []bool{true}, refuse: []int{0, 402}}, 2, 0, []error{ErrOutcomeUnknown, ErrPaymentRequired, errReset}},
		{"it is refused, but there late", inbox{lose: []bool{true}, late: time.Minute, refuse: []int{0, 402}}, 2, 1, []error{ErrOutcomeUnknown, ErrPaymentRequired, errReset}},
		{"it is limited after it was lost", inbox{drop: []bool{true}, refuse: []int{0, 429, 429, 429}}, 4, 0, []error{ErrOutcomeUnknown, ErrRateLimited, errReset}},
		{"it is in the history late", inbox{lose: []bool{true}, late: 3 * time.Second}, 1, 1, nil},
		{"the history fails for a while", inbox{lose: []bool{true}, reads: []int{503, 503, 503, 503, 429, 0}}, 1, 1, nil},
		{"the history may not be read", inbox{lose: []bool{true}, reads: []int{403}}, 1, 1, []error{ErrOutcomeUnknown, errReset}},
		{"no conversation yet", inbox{drop: []bool{true}, reads: []int{404, 404}}, 2, 1, nil},
		{"no metadata is kept", inbox{lose: []bool{true}, stripped: true}, 1, 1, []error{ErrOutcomeUnknown}},
		{"its clock is ahead", inbox{lose: []bool{true}, skew: time.Hour}, 1, 1, nil},
		{"its clock is behind", inbox{lose: []bool{true}, skew: -time.Hour}, 1, 1, nil},
		{"messages are dated by a clock behind", inbox{lose: []bool{true}, dated: -9 * time.Minute}, 1, 1, nil},
		{"messages are dated by a clock ahead", inbox{lose: []bool{true}, dated: time.Hour}, 1, 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				in := test.in
				c := fakeClient(t, in.serve, WithRetryPolicy(RetryPolicy{MaxAttempts: 3}))
				in.fill(2*fullPage, -time.Second) // so that the message is not on the only page
				message := TextMessage("Noon it is.")
				message.Metadata = map[string]any{"order": 7}
				got, err := c.Conversations.PostMessage(t.Context(), "ida", message, WithSendToken("order-7"))
				assert.Equal(t, test.posts, in.posts)
				assert.Len(t, in.kept, 2*fullPage+test.kept)
				assert.Equal(t, map[string]any{"order": 7}, message.Metadata, "the caller's map is not changed")
				assert.Equal(t, slices.Contains(test.errs, ErrOutcomeUnknown), errors.Is(err, ErrOutcomeUnknown))
				for _, target := range test.errs {
					assert.ErrorIs(t, err, target)
				}
				if test.errs == nil {
					require.NoError(t, err)
					assert.Equal(t, "Noon it is.", got.Message.Text)
				}
			})
		})
	}
}

// fill puts n messages of the user into the history, the newest of them at after from now.
func (in *inbox) fill(n int, after time.Duration) {
	for i := range n {
		at := time.Now().Add(after - time.Duration(n-1-i)*time.Millisecond)
		in.keep(map[string]any{"_id": fmt.Sprint("h", i), "role": "appUser", "text": "Hm."}, at, at)
	}
}

// TestRepeatThatIsCarriedOut: a response that cannot be read says that the message was sent.
func TestRepeatThatIsCarriedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := inbox{drop: []bool{true}}
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			if in.posts == 1 && r.Method == http.MethodPost {
				return brokenAnswer(), nil
			}
			return in.serve(r)
		})
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"), WithSendToken("t"))
		_, carriedOut := errors.AsType[*DecodeError](err)
		assert.True(t, carriedOut, "%v", err)
		assert.NotErrorIs(t, err, ErrOutcomeUnknown)
	})
}

// TestTextOfAnOutcomeThatStaysUnknown says what happened, in order.
func TestTextOfAnOutcomeThatStaysUnknown(t *testing.T) {
	t.Parallel()
	for text, in := range map[string]inbox{
		"503 Service Unavailable; the repeat failed: 402 Payment Required":  {refuse: []int{503, 402}},
		"connection reset by peer; the repeat failed: 402 Payment Required": {drop: []bool{true}, refuse: []int{0, 402}},
		"connection reset by peer; the search for it ended: 403 Forbidden":  {lose: []bool{true}, reads: []int{403}},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := fakeClient(t, in.serve)
				_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"), WithSendToken("t"))
				assert.ErrorContains(t, err, "smooch: POST /appusers/{userId}/messages: outcome unknown, it may have been carried out: "+text)
			})
		})
	}
}

func TestSendTokenWithoutRetry(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		in   inbox
		err  error
	}{
		{"there", inbox{lose: []bool{true}, late: time.Second, reads: []int{503}}, nil},
		{"lost", inbox{drop: []bool{true}}, ErrOutcomeUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				in := test.in
				c := fakeClient(t, in.serve)
				_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"), WithSendToken("t"), WithoutRetry())
				assert.ErrorIs(t, err, test.err)
				assert.Equal(t, 1, in.posts)
			})
		})
	}
}

// TestContextEndsWhileTheOutcomeIsUnknown: in every phase the call returns at that moment, and its
// error says that the message may have been sent.
func TestContextEndsWhileTheOutcomeIsUnknown(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		after time.Duration
		hangs func(in *inbox, r *http.Request) bool
		errs  []error
	}{
		{"before it is sent", 0, nil, []error{context.Canceled}},
		{"while it is sent", time.Second, func(in *inbox, r *http.Request) bool { return in.posts == 0 }, []error{ErrOutcomeUnknown, context.Canceled}},
		{"in the first search", time.Second, func(in *inbox, r *http.Request) bool { return in.posts == 1 }, []error{ErrOutcomeUnknown, context.Canceled, errReset}},
		{"between the searches", time.Second, nil, []error{ErrOutcomeUnknown, context.Canceled, errReset}},
		{"in the second search", 6 * time.Second, func(in *inbox, r *http.Request) bool { return in.looks == 1 }, []error{ErrOutcomeUnknown, context.Canceled, errReset}},
		{"while it is sent again", 6 * time.Second, func(in *inbox, r *http.Request) bool { return in.looks == 2 }, []error{ErrOutcomeUnknown, context.Canceled}},
		{"before it is sent again", 6 * time.Second, func(in *inbox, r *http.Request) bool {
			if in.looks == 2 {
				in.refuse = []int{0, 429, 429}
			}
			return false
		}, []error{ErrOutcomeUnknown, context.Canceled, ErrRateLimited}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				in := inbox{drop: []bool{true}}
				c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
					if test.hangs != nil && test.hangs(&in, r) {
						<-r.Context().Done()
						return nil, r.Context().Err()
					}
					return in.serve(r)
				})
				ctx, cancel := context.WithCancel(t.Context())
				began := time.Now()
				time.AfterFunc(test.after, cancel)
				synctest.Wait()
				_, err := c.Conversations.PostMessage(ctx, "ida", TextMessage("x"), WithSendToken("t"))
				assert.Equal(t, test.after, time.Since(began))
				for _, target := range test.errs {
					assert.ErrorIs(t, err, target)
				}
				assert.Equal(t, slices.Contains(test.errs, ErrOutcomeUnknown), errors.Is(err, ErrOutcomeUnknown))
			})
		})
	}
}

func TestWithSentSince(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		before bool          // an earlier call has sent it, at the beginning
		since  time.Duration // t, from then on; the call is made after an hour
		in     inbox
		posts  int // of both calls
		looks  int
		err    error
	}{
		{"not sent", false, 0, inbox{}, 1, 1, nil},
		{"sent at t", true, 0, inbox{}, 1, 1, nil},
		{"sent later than t", true, -time.Hour, inbox{}, 1, 1, nil},
		{"sent a little before t, by another clock", true, 9 * time.Minute, inbox{}, 1, 1, nil},
		{"sent long before t", true, 11 * time.Minute, inbox{}, 2, 1, nil},
		{"the service's clock is ahead", true, 0, inbox{skew: time.Hour}, 1, 1, nil},
		{"t is by the service's clock, which is ahead", true, time.Hour, inbox{skew: time.Hour}, 1, 1, nil},
		{"the service's clock is behind", true, 0, inbox{skew: -time.Hour}, 1, 1, nil},
		{"t is by the service's clock, which is behind", true, -time.Hour, inbox{skew: -time.Hour}, 1, 1, nil},
		{"no conversation yet", false, 0, inbox{reads: []int{404}}, 1, 1, nil},
		{"the history may not be read", false, 0, inbox{reads: []int{403}}, 0, 1, ErrForbidden},
		{"the history cannot be read for a moment", true, 0, inbox{reads: []int{503}}, 1, 2, nil},
		{"not sent, and the answer is lost", false, 0, inbox{lose: []bool{true}}, 1, 2, nil},
		{"not sent, and lost", false, 0, inbox{drop: []bool{true}}, 2, 3, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				in := test.in
				c := fakeClient(t, in.serve)
				began := time.Now()
				if test.before {
					_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"), WithSendToken("t"))
					require.NoError(t, err)
				}
				time.Sleep(time.Hour)
				var response Response
				got, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"),
					WithSendToken("t"), WithSentSince(began.Add(test.since)), WithResponse(&response))
				assert.ErrorIs(t, err, test.err)
				assert.NotErrorIs(t, err, ErrOutcomeUnknown)
				assert.Equal(t, test.posts, in.posts)
				assert.Equal(t, test.looks, in.looks)
				assert.NotZero(t, response.Attempts)
				if err == nil {
					assert.Equal(t, "x", got.Message.Text)
				}
			})
		})
	}
}

// TestSearchThatFailsBeforeTheSend: its error must not read as if the message had been sent.
func TestSearchThatFailsBeforeTheSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		posts := 0
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				posts++
			}
			return answer(200, `<html>`), nil
		})
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"), WithSendToken("t"), WithSentSince(time.Now()))
		assert.ErrorContains(t, err, "smooch: POST /appusers/{userId}/messages: not sent, as the search for an earlier one failed: ")
		_, carriedOut := errors.AsType[*DecodeError](err)
		assert.False(t, carriedOut)
		assert.Zero(t, posts)
	})
}

// TestSendTokenProblem: a token that could come back as another text is refused.
func TestSendTokenProblem(t *testing.T) {
	t.Parallel()
	raw := [16]byte{0xc3, 0x28, 0xff, 0x9c} // a UUID is as good as random
	for token, problem := range map[string]string{
		NewSendToken():                                "",
		"6f1f9ca1-4a3b-4d5e-8f6a-7b8c9d0e1f2a":        "",
		"answer to bob@example.com, \"état\" 7 ✓":     "",
		strings.Repeat("a", maxSendToken):             "",
		strings.Repeat("a", maxSendToken+1):           "longer",
		"":                                            "empty",
		string(raw[:]):                                "UTF-8",
		strings.ToValidUTF8(string(raw[:]), "\ufffd"): "UTF-8",
		"a\x00b":      "printable",
		"a\nb":        "printable",
		"a\ufeffb":    "printable",
		"a\u202eb":    "printable",
		"\ue000":      "printable",
		"a ":          "space",
		" a":          "space",
		"\u00a0a":     "printable",
		"a\u2028b":    "printable",
		"\x7f":        "printable",
		"tab\there":   "printable",
		"\ufdd0":      "printable",
		"a\u200bb":    "printable",
		"\u3000wide":  "printable",
		"e\u0301":     "", // a mark is printable; its letter and it are one character
		"\U0001f600a": "",
	} {
		got := sendTokenProblem(token)
		assert.Equal(t, problem == "", got == "", "%q: %s", token, got)
		assert.Contains(t, got, problem, "%q", token)
	}
}

func TestNewSendToken(t *testing.T) {
	t.Parallel()
	first, second := NewSendToken(), NewSendToken()
	assert.Regexp(t, "^[0-9A-Z]{26}$", first)
	assert.NotEqual(t, first, second)
}

func TestSendTokenChecksItsArguments(t *testing.T) {
	t.Parallel()
	c := fakeClient(t, func(*http.Request) (*http.Response, error) {
		t.Error("nothing is to be sent")
		return nil, errDial
	})
	post := func(message MessagePost, opts ...CallOption) error {
		return ignore(c.Conversations.PostMessage(t.Context(), "ida", message, opts...))
	}
	text, token, since := TextMessage("x"), WithSendToken("t"), WithSentSince(time.Now())
	var noContext context.Context
	for name, err := range map[string]error{
		"empty, to find":         ignore(c.Conversations.FindSent(t.Context(), "ida", "", time.Now())),
		"not UTF-8, to find":     ignore(c.Conversations.FindSent(t.Context(), "ida", "\xff", time.Now())),
		"empty":                  post(text, WithSendToken("")),
		"not UTF-8":              post(text, WithSendToken("\xff")),
		"replaced by a field":    post(text, token, WithField("metadata", map[string]any{"a": 1})),
		"since without a token":  post(text, since),
		"since zero":             post(text, token, WithSentSince(time.Time{})),
		"since of another call":  ignore(c.AppUsers.Get(t.Context(), "ida", since)),
		"both of another call":   ignore(c.AppUsers.Get(t.Context(), "ida", token, since)),
		"since of a deletion":    c.Conversations.DeleteMessages(t.Context(), "ida", since),
		"since of FindSent":      ignore(c.Conversations.FindSent(t.Context(), "ida", "t", time.Now(), since)),
		"an image with a token":  ignore(c.Conversations.UploadImage(t.Context(), "ida", Upload{}, text, token, since)),
		"do":                     c.Do(t.Context(), "POST", "/appusers/ida/messages", text, nil, token),
		"no content, since":      post(MessagePost{}, token, since),
		"no user, since":         ignore(c.Conversations.PostMessage(t.Context(), "", text, token, since)),
		"a bad header, since":    post(text, token, since, WithHeader("a b", "c")),
		"no context":             ignore(c.Conversations.PostMessage(noContext, "ida", text, token)),
		"no context, with since": ignore(c.Conversations.PostMessage(noContext, "ida", text, token, since)),
	} {
		assert.ErrorIs(t, err, ErrInvalidArgument, name)
	}
}
