package smooch

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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

func TestLookalikes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		ago   time.Duration // how long before the send the same text arrived without a token
		in    inbox
		posts int
		err   error
	}{
		{"long before", 4 * time.Second, inbox{drop: []bool{true}}, 2, nil},
		{"just before", time.Second, inbox{drop: []bool{true}}, 1, ErrOutcomeUnknown},
		{"afterwards", -6 * time.Second, inbox{drop: []bool{true, true}}, 2, ErrOutcomeUnknown},
		{"and then the message itself", time.Second, inbox{lose: []bool{true}, late: time.Second}, 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				in := test.in
				c := fakeClient(t, in.serve)
				began := time.Now()
				at := began.Add(-test.ago)
				in.keep(map[string]any{"_id": "other", "role": "appMaker", "text": "Hello!"}, at, at)
				_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("Hello!"), WithSendToken("order-7"))
				assert.Equal(t, test.posts, in.posts)
				assert.ErrorIs(t, err, test.err)
				assert.LessOrEqual(t, time.Since(began), 2*confirmInterval, "two searches are enough")
			})
		})
	}
}

// TestLookalikeIsRemembered: a history that lags may show it once only.
func TestLookalikeIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := inbox{lose: []bool{true}, stripped: true}
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			if in.looks == 1 {
				in.kept = nil
			}
			return in.serve(r)
		})
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"), WithSendToken("t"))
		assert.ErrorIs(t, err, ErrOutcomeUnknown)
		assert.Equal(t, 1, in.posts)
	})
}

// TestMetadataIsJudgedForEachCall: one that was dropped does not keep later calls from settling.
func TestMetadataIsJudgedForEachCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := inbox{stripped: true, drop: []bool{false, true}}
		c := fakeClient(t, in.serve)
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("one"), WithSendToken("1"))
		require.NoError(t, err)
		in.stripped = false
		_, err = c.Conversations.PostMessage(t.Context(), "ida", TextMessage("two"), WithSendToken("2"))
		require.NoError(t, err)
		assert.Equal(t, 3, in.posts)
	})
}

// TestSearchReadsAllPages: the message is found wherever the edge of a page falls, although the
// service leaves out what arrived in the millisecond of the edge.
func TestSearchReadsAllPages(t *testing.T) {
	t.Parallel()
	for _, newer := range []int{0, 1, 98, 99, 100, 101, 250} {
		for _, links := range []bool{false, true} {
			t.Run(fmt.Sprint(newer, links), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					in := inbox{links: links}
					in.fill(150, -time.Second)
					at := time.Now()
					in.keep(map[string]any{"_id": "m", "metadata": map[string]any{sendTokenKey: "t"}}, at, at)
					for i := range newer { // ten in a millisecond, the first of them in that of the message
						at := at.Add(time.Duration(i/10) * time.Millisecond)
						in.keep(map[string]any{"_id": fmt.Sprint("n", i)}, at, at)
					}
					time.Sleep(time.Minute)
					c := fakeClient(t, in.serve)
					found, err := c.Conversations.FindSent(t.Context(), "ida", "t", at)
					require.NoError(t, err)
					assert.Equal(t, "m", found.ID)
					_, err = c.Conversations.FindSent(t.Context(), "ida", "another", at)
					assert.ErrorIs(t, err, ErrNotFound, "and the search ends")
				})
			})
		}
	}
}

// TestSearchEndsBeforeOlderPages: what arrived long before the send is not read.
func TestSearchEndsBeforeOlderPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := inbox{}
		in.fill(5*fullPage, -2*tokenMargin)
		in.fill(fullPage/2, -time.Second)
		_, err := fakeClient(t, in.serve).Conversations.FindSent(t.Context(), "ida", "t", time.Now())
		assert.ErrorIs(t, err, ErrNotFound)
		assert.Equal(t, 1, in.looks)
	})
}

// TestSearchTakesNothingFromTheBudget: an outage that has used it up does not keep sends unknown.
func TestSearchTakesNothingFromTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := inbox{lose: []bool{true}, reads: []int{503, 503}}
		c := fakeClient(t, in.serve, WithRetryPolicy(RetryPolicy{Budget: 1}))
		began := time.Now()
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"), WithSendToken("t"))
		require.NoError(t, err)
		assert.Less(t, time.Since(began), confirmInterval, "the first search finds it")
	})
}

// TestSearchOfPagesThatDoNotAdvance: the outcome stays unknown, as the message could be further on.
func TestSearchOfPagesThatDoNotAdvance(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*inbox, *http.Request){
		"the query is ignored": func(_ *inbox, r *http.Request) { r.URL.RawQuery = "" },
		"messages have no time": func(in *inbox, _ *http.Request) {
			for _, m := range in.kept {
				delete(m.message, "received")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				in := inbox{drop: []bool{true}}
				c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
					change(&in, r)
					return in.serve(r)
				})
				in.fill(fullPage, -time.Second)
				_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"), WithSendToken("t"))
				assert.ErrorIs(t, err, ErrOutcomeUnknown)
				assert.Equal(t, 1, in.posts)
			})
		})
	}
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
		time.Sleep(time.Hour) // until another process searches
		var response Response
		found, err := c.Conversations.FindSent(t.Context(), "ida", "order-7", since, WithResponse(&response))
		require.NoError(t, err)
		assert.Equal(t, "m0", found.ID)
		assert.Equal(t, 200, response.StatusCode)
		_, err = c.Conversations.FindSent(t.Context(), "ida", "order-8", since)
		assert.ErrorIs(t, err, ErrNotFound)
		_, err = c.Conversations.FindSent(t.Context(), "ida", "order-7", time.Now())
		assert.ErrorIs(t, err, ErrNotFound, "long before since")
	})
}

// TestHistoryWithoutMessages: a response that lacks the list does not say that it is empty.
func TestHistoryWithoutMessages(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `{}`, `null`, `{"messages":null}`, `{"conversation":{"_id":"c"}}`, `[]`, `<html>`} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				in := inbox{drop: []bool{true}}
				c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodGet {
						return answer(200, body), nil
					}
					return in.serve(r)
				})
				_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("x"), WithSendToken("t"))
				assert.ErrorIs(t, err, ErrOutcomeUnknown)
				assert.Equal(t, 1, in.posts)
			})
		})
	}
}

// TestAbsurdDateIsNotBelieved: by a Date header of long ago the whole history would be read.
func TestAbsurdDateIsNotBelieved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := inbox{}
		in.fill(5*fullPage, -maxSkew-2*tokenMargin)
		in.fill(fullPage/2, -time.Second)
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			response, err := in.serve(r)
			response.Header.Set("Date", "Thu, 01 Jan 1970 00:00:00 GMT")
			return response, err
		})
		_, err := c.Conversations.FindSent(t.Context(), "ida", "t", time.Now())
		assert.ErrorIs(t, err, ErrNotFound)
		assert.Equal(t, 1, in.looks)
	})
}

// TestDateOfTheYearOne: what is added to a difference of 2,000 years must not overflow.
func TestDateOfTheYearOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		posts, stored := 0, ""
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			const date = "Date: Mon, 01 Jan 0001 00:00:00 GMT"
			if r.Method == http.MethodPost {
				posts++
				stored = fmt.Sprintf(`{"_id":"m1","role":"appMaker","type":"text","text":"hi","received":%d,"metadata":{"sdkSendToken":"token"}}`, time.Now().Unix())
				return answer(503, "", date), nil
			}
			return answer(200, `{"messages":[`+stored+`]}`, date), nil
		})
		_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("hi"), WithSendToken("token"))
		assert.NoError(t, err)
		assert.Equal(t, 1, posts)
	})
}

// TestLookalikeUnderAnotherClock: where the service keeps no metadata, a message that may be the
// one sent is found though the Date header is ahead of the clock behind received.
func TestLookalikeUnderAnotherClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-10 * time.Second, 0, 10 * time.Second} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				posts, stored := 0, ""
				c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
					date := "Date: " + time.Now().Add(ahead).UTC().Format(http.TimeFormat)
					if r.Method == http.MethodPost {
						posts++
						stored = fmt.Sprintf(`{"_id":"m1","role":"appMaker","type":"text","text":"hi","received":%d}`, time.Now().Unix())
						return answer(503, "", date), nil
					}
					return answer(200, `{"messages":[`+stored+`]}`, date), nil
				})
				_, err := c.Conversations.PostMessage(t.Context(), "ida", TextMessage("hi"), WithSendToken("token"))
				assert.ErrorIs(t, err, ErrOutcomeUnknown)
				assert.Equal(t, 1, posts)
			})
		})
	}
}
