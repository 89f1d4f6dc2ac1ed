package smooch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// watcher keeps what its hook was told.
type watcher struct {
	mu       sync.Mutex
	order    []string
	calls    []CallInfo
	results  []CallResult
	attempts []AttemptInfo
	ends     []AttemptResult
}

func (w *watcher) note(line string, add func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.order = append(w.order, line)
	add()
}

// option returns the hook, whose lines begin with name.
func (w *watcher) option(name string) Option {
	return WithHook(Hook{
		Call: func(_ context.Context, info CallInfo) (context.Context, func(CallResult)) {
			w.note(name+" call "+info.Operation, func() { w.calls = append(w.calls, info) })
			return nil, func(result CallResult) {
				w.note(name+" called", func() { w.results = append(w.results, result) })
			}
		},
		Attempt: func(_ context.Context, info AttemptInfo) (context.Context, func(AttemptResult)) {
			w.note(fmt.Sprint(name, " attempt ", info.Number), func() { w.attempts = append(w.attempts, info) })
			return nil, func(result AttemptResult) {
				w.note(name+" attempted", func() { w.ends = append(w.ends, result) })
			}
		},
	})
}

func TestHookIsToldOfACall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w watcher
		c := fakeClient(t, func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return answer(200, anything), nil
		}, w.option("a"), WithApp("a1"))
		_, err := c.AppUsers.Get(t.Context(), "bob")
		require.NoError(t, err)
		assert.Equal(t, []string{"a call appusers.get", "a attempt 1", "a attempted", "a called"}, w.order)
		info := CallInfo{"appusers.get", "GET", "/appusers/{userId}", V1_1, "a1", "http://127.0.0.1:1"}
		assert.Equal(t, []CallInfo{info}, w.calls)
		assert.Equal(t, []AttemptInfo{{CallInfo: info, Number: 1, Header: http.Header{}}}, w.attempts)
		assert.Equal(t, []AttemptResult{{StatusCode: 200, Duration: time.Second}}, w.ends)
		assert.Equal(t, []CallResult{{StatusCode: 200, Attempts: 1, Duration: time.Second}}, w.results)
	})
}

// TestHookIsToldOfEveryKindOfCall: nothing goes round it.
func TestHookIsToldOfEveryKindOfCall(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("offset") == "1":
			_, _ = io.WriteString(w, `{"apps":[{"_id":"2"}],"offset":1}`)
		case strings.HasSuffix(r.URL.Path, "/apps"):
			_, _ = io.WriteString(w, `{"apps":[{"_id":"1"}],"hasMore":true,"offset":0}`)
		default:
			_, _ = io.WriteString(w, `{"mediaUrl":"https://m.test/x","access_token":"t","token_type":"Bearer"}`)
		}
	})
	tests := map[string]struct {
		make func(ctx context.Context, c *Client) error
		want []CallInfo
	}{
		"pages": {func(ctx context.Context, c *Client) error {
			for _, err := range c.Apps.All(ctx, AppListOptions{Limit: 1}) {
				if err != nil {
					return err
				}
			}
			return nil
		}, []CallInfo{{"apps.list", "GET", "/apps", V1_1, "", rec.URL}, {"apps.list", "GET", "/apps", V1_1, "", rec.URL}}},
		"upload": {func(ctx context.Context, c *Client) error {
			_, err := c.ForApp("a2").Attachments.Upload(ctx, Upload{Source: strings.NewReader("x"), Filename: "x.txt"}, AttachmentOptions{Access: AttachmentAccessPublic})
			return err
		}, []CallInfo{{"attachments.upload", "POST", "/attachments", V1_1, "a2", rec.URL}}},
		"Do": {func(ctx context.Context, c *Client) error {
			return c.ForVersion(V1).Do(ctx, "DELETE", "/apps/bob", nil, nil)
		}, []CallInfo{{"do", "DELETE", "(path given to Do)", V1, "", rec.URL}}},
		"OAuth": {func(ctx context.Context, c *Client) error {
			_, err := c.OAuth.Exchange(ctx, OAuthExchange{ClientID: "id", ClientSecret: "secret", Code: "code"})
			return err
		}, []CallInfo{{"oauth.token", "POST", "/oauth/token", "", "", rec.URL}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w watcher
			c := newTestClient(t, rec.URL, AppJWT("k", "s"), w.option("a"))
			require.NoError(t, test.make(t.Context(), c))
			assert.Equal(t, test.want, w.calls)
			assert.Len(t, w.attempts, len(test.want))
			assert.Len(t, w.ends, len(test.want))
			assert.Len(t, w.results, len(test.want))
		})
	}
}

// TestHookIsToldWhatSendsNothing: such a call has a beginning and an end, too.
func TestHookIsToldWhatSendsNothing(t *testing.T) {
	t.Parallel()
	var w watcher
	auth := AuthFunc(func(context.Context, *http.Request) error { return errors.New("no key") })
	c := newTestClient(t, "http://127.0.0.1:1", auth, w.option("a"))
	_, err := c.AppUsers.Get(t.Context(), "..")
	require.ErrorIs(t, err, ErrInvalidArgument)
	_, unauthorized := c.AppUsers.Get(t.Context(), "bob")
	require.ErrorContains(t, unauthorized, "no key")
	assert.Equal(t, []string{"a call appusers.get", "a called", "a call appusers.get", "a attempt 1", "a attempted", "a called"}, w.order)
	assert.Equal(t, err, w.results[0].Err)
	assert.Equal(t, unauthorized, w.results[1].Err)
	assert.Zero(t, w.results[1].Attempts)
	assert.ErrorContains(t, w.ends[0].Err, "no key")

	_, err = c.AppUsers.Get(nil, "bob") //nolint:staticcheck // a nil context is what is tested
	require.ErrorIs(t, err, ErrInvalidArgument)
	assert.Len(t, w.order, 6, "a hook gets no nil context")
}

func TestHooksNest(t *testing.T) {
	t.Parallel()
	type key struct{}
	add := func(name string) Option {
		extend := func(ctx context.Context) context.Context {
			before, _ := ctx.Value(key{}).(string)
			return context.WithValue(ctx, key{}, before+name)
		}
		return WithHook(Hook{
			Call: func(ctx context.Context, _ CallInfo) (context.Context, func(CallResult)) { return extend(ctx), nil },
			Attempt: func(ctx context.Context, _ AttemptInfo) (context.Context, func(AttemptResult)) {
				return extend(ctx), nil
			},
		})
	}
	for class, operation := range map[string]string{"safe": "appusers.get", "unsafe": "appusers.create"} {
		t.Run(class, func(t *testing.T) {
			t.Parallel()
			var w watcher
			sent := 0
			c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
				assert.Equal(t, "abab", r.Context().Value(key{}), "each attempt has the context of the call, and its own")
				if sent++; sent == 1 {
					return answer(429, ""), nil
				}
				return answer(200, anything), nil
			}, add("a"), add("b"), w.option("outer"), w.option("inner"), WithLimiter(limiterFunc(func(ctx context.Context) error {
				assert.Equal(t, "ab", ctx.Value(key{}))
				return nil
			})), WithRetryPolicy(RetryPolicy{MinDelay: 1}))
			require.NoError(t, callOfClass[class](t.Context(), c))
			assert.Equal(t, []string{
				"outer call " + operation, "inner call " + operation,
				"outer attempt 1", "inner attempt 1", "inner attempted", "outer attempted",
				"outer attempt 2", "inner attempt 2", "inner attempted", "outer attempted",
				"inner called", "outer called",
			}, w.order)
		})
	}
}

type limiterFunc func(context.Context) error

func (f limiterFunc) Wait(ctx context.Context) error { return f(ctx) }

// TestHookAddsHeaders, but changes none, over HTTP.
func TestHookAddsHeaders(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(201, `{"appUser":{"_id":"1"}}`))
	add := func(lines map[string]string) Option {
		return WithHook(Hook{Attempt: func(_ context.Context, info AttemptInfo) (context.Context, func(AttemptResult)) {
			for name, value := range lines {
				info.Header[name] = []string{value}
			}
			return nil, nil
		}})
	}
	lines := map[string]string{
		"traceparent": "00-1-2-01", "Authorization": "Bearer evil", "content-type": "text/plain", "User-Agent": "evil", "Accept": "evil",
		"Idempotency-Key": "1", "x-idempotency-key": "1", "Cookie": "a=b", "Accept-Encoding": "br", "Content-Length": "1", "Host": "evil.test",
		"Connection": "close", "Te": "trailers", "X-Mine": "evil", "no name": "x", "X-Break": "a\r\nEvil: 1",
	}
	for _, auth := range []Auth{AppJWT("k", "s"), NoAuth()} {
		c := newTestClient(t, rec.URL, auth, WithApp("a1"), add(lines), add(map[string]string{"Tracestate": "a=1"}))
		_, err := c.AppUsers.Create(t.Context(), AppUserCreate{UserID: "bob"}, WithHeader("X-Mine", "mine"))
		require.NoError(t, err)
		got := rec.last(t).header
		assert.Equal(t, "00-1-2-01", got.Get("Traceparent"))
		assert.Equal(t, "a=1", got.Get("Tracestate"))
		assert.Equal(t, "mine", got.Get("X-Mine"))
		assert.Equal(t, "application/json", got.Get("Content-Type"))
		for name, values := range got {
			assert.NotContains(t, values[0], "evil", name)
		}
		for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key", "Cookie", "Connection", "Te", "X-Break", "Evil"} {
			assert.Empty(t, got[name], name)
		}
		assert.Equal(t, "gzip", got.Get("Accept-Encoding"))
	}
}

// TestHeaderOfAHookIsNoCredential: it differs in every attempt, but a 401 is not repeated for that.
func TestHeaderOfAHookIsNoCredential(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(401, ""))
	auth := AuthFunc(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer fixed")
		return nil
	})
	c := newTestClient(t, rec.URL, auth, WithHook(Hook{Attempt: func(_ context.Context, info AttemptInfo) (context.Context, func(AttemptResult)) {
		info.Header.Set("Traceparent", NewSendToken())
		return nil, nil
	}}))
	_, err := c.AppUsers.Get(t.Context(), "bob")
	require.ErrorIs(t, err, ErrUnauthorized)
	assert.Len(t, rec.requests(), 1)
	assert.NotEmpty(t, rec.last(t).header.Get("Traceparent"))
}

// TestHookIsToldTheWaits and their reasons, exactly.
func TestHookIsToldTheWaits(t *testing.T) {
	t.Parallel()
	const second = time.Second
	tests := map[string]struct {
		answers []string      // status and header; then 200
		ends    time.Duration // of the context; 0: never
		want    Waits
		before  []Waits // each attempt
		status  int
	}{
		"limiter": {nil, 0, Waits{Limiter: second}, []Waits{{Limiter: second}}, 200},
		"pause": {[]string{"429 Retry-After: 7"}, 0,
			Waits{Limiter: 2 * second, Pause: 7 * second}, []Waits{{Limiter: second}, {Limiter: second, Pause: 7 * second}}, 200},
		"backoff": {[]string{"503 Retry-After: 4"}, 0,
			Waits{Limiter: 2 * second, Backoff: 4 * second}, []Waits{{Limiter: second}, {Limiter: second, Backoff: 4 * second}}, 200},
		"all three": {[]string{"503 Retry-After: 4", "429 Retry-After: 7"}, 0,
			Waits{Limiter: 3 * second, Pause: 7 * second, Backoff: 4 * second},
			[]Waits{{Limiter: second}, {Limiter: second, Backoff: 4 * second}, {Limiter: second, Pause: 7 * second}}, 200},
		"backoff that the context ends": {[]string{"503 Retry-After: 4"}, 3 * second,
			Waits{Limiter: second, Backoff: 2 * second}, []Waits{{Limiter: second}}, 503},
		"pause that the context ends": {[]string{"429 Retry-After: 7"}, 3 * second,
			Waits{Limiter: second, Pause: 2 * second}, []Waits{{Limiter: second}}, 429},
		"limiter that the context ends": {nil, second / 2, Waits{Limiter: second / 2}, nil, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var w watcher
				sent := 0
				c := fakeClient(t, func(*http.Request) (*http.Response, error) {
					if sent++; sent <= len(test.answers) {
						status, header, _ := strings.Cut(test.answers[sent-1], " ")
						code, err := strconv.Atoi(status)
						return answer(code, "", header), err
					}
					return answer(200, anything), nil
				}, w.option("a"), WithRetryPolicy(RetryPolicy{MinDelay: 1}), WithLimiter(limiterFunc(func(ctx context.Context) error {
					select {
					case <-ctx.Done():
						return ctx.Err()
					case <-time.After(second):
						return nil
					}
				})))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.ends > 0 { // without a deadline, which would keep the call from waiting at all
					time.AfterFunc(test.ends, cancel)
				}
				_, err := c.AppUsers.Get(ctx, "bob")
				assert.Equal(t, test.ends > 0, err != nil, "%v", err)
				result := w.results[0]
				assert.Equal(t, test.want, result.Waited)
				assert.Equal(t, test.want.Limiter+test.want.Pause+test.want.Backoff, result.Duration.Truncate(time.Millisecond))
				assert.Equal(t, test.status, result.StatusCode)
				assert.Equal(t, len(test.before), result.Attempts)
				var before []Waits
				for _, info := range w.attempts {
					before = append(before, info.Waited)
				}
				assert.Equal(t, test.before, before)
			})
		})
	}
}

// TestHookIsToldOfARenewal as an attempt of the same call.
func TestHookIsToldOfARenewal(t *testing.T) {
	t.Parallel()
	var w watcher
	tokens := 0
	auth := AuthFunc(func(_ context.Context, r *http.Request) error {
		tokens++
		r.Header.Set("Authorization", fmt.Sprint("Bearer ", tokens))
		return nil
	})
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer 1" {
			w.WriteHeader(401)
			return
		}
		_, _ = io.WriteString(w, anything)
	})
	c := newTestClient(t, rec.URL, auth, w.option("a"))
	_, err := c.AppUsers.Get(t.Context(), "bob")
	require.NoError(t, err)
	assert.Equal(t, []string{"a call appusers.get", "a attempt 1", "a attempted", "a attempt 2", "a attempted", "a called"}, w.order)
	assert.Equal(t, 401, w.ends[0].StatusCode)
	assert.Equal(t, 200, w.results[0].StatusCode)
	assert.Equal(t, 2, w.results[0].Attempts)
}

// TestHookIsToldOfASettledSend as one call: both sends are its attempts, and the searches calls
// inside it.
func TestHookIsToldOfASettledSend(t *testing.T) {
	t.Parallel()
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		var w watcher
		var log bytes.Buffer
		posts := 0
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			switch {
			case r.Method == "GET":
				assert.Equal(t, "messages.create", r.Context().Value(key{}))
				return answer(200, `{"messages":[]}`), nil
			case posts == 0:
				posts++
				return nil, errReset
			}
			return answer(201, `{"message":{"_id":"m1"}}`), nil
		}, w.option("a"), WithHook(Hook{Call: func(ctx context.Context, info CallInfo) (context.Context, func(CallResult)) {
			if info.Operation == "messages.create" {
				ctx = context.WithValue(ctx, key{}, info.Operation)
			}
			return ctx, nil
		}}), WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		_, err := c.Conversations.PostMessage(t.Context(), "bob", TextMessage("hi"), WithSendToken("t"))
		require.NoError(t, err)
		assert.Equal(t, []string{
			"a call messages.create", "a attempt 1", "a attempted",
			"a call messages.list", "a attempt 1", "a attempted", "a called",
			"a call messages.list", "a attempt 1", "a attempted", "a called",
			"a attempt 2", "a attempted", "a called",
		}, w.order)
		assert.Equal(t, CallResult{StatusCode: 201, Attempts: 2, Duration: confirmInterval, Waited: Waits{Backoff: confirmInterval}}, w.results[2])
		assert.Equal(t, Waits{Backoff: confirmInterval}, w.attempts[3].Waited)
		assert.Empty(t, log.String(), "the call has succeeded")
	})
}

// TestHooksOfConcurrentCalls share nothing: the race detector watches, and so does each count.
func TestHooksOfConcurrentCalls(t *testing.T) {
	t.Parallel()
	type key struct{}
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Try") == "1" {
			w.WriteHeader(503)
			return
		}
		_, _ = io.WriteString(w, anything)
	})
	var w watcher
	c := newTestClient(t, rec.URL, AppJWT("k", "s"), w.option("a"), WithRetryPolicy(RetryPolicy{MinDelay: 1, Budget: 1000}), WithHook(Hook{
		Call: func(ctx context.Context, _ CallInfo) (context.Context, func(CallResult)) {
			count := 0
			return context.WithValue(ctx, key{}, &count), func(result CallResult) {
				assert.Equal(t, 2, count)
				assert.Equal(t, 2, result.Attempts)
			}
		},
		Attempt: func(ctx context.Context, info AttemptInfo) (context.Context, func(AttemptResult)) {
			*ctx.Value(key{}).(*int)++
			info.Header.Set("Try", fmt.Sprint(info.Number))
			return nil, nil
		},
	}))
	const calls = 100
	var group sync.WaitGroup
	for range calls {
		group.Go(func() {
			_, err := c.AppUsers.Get(t.Context(), "bob")
			assert.NoError(t, err)
		})
	}
	group.Wait()
	assert.Len(t, w.results, calls)
	assert.Len(t, w.ends, 2*calls)
}
