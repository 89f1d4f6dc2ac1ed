package smooch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// logged keeps the lines of a log.
type logged struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(line)
}

// option makes a receiver log to l.
func (l *logged) option() ReceiverOption {
	return WithReceiverLogger(slog.New(slog.NewJSONHandler(l, nil)))
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

// take returns the lines since the last call, without their times and what they have in common.
func (l *logged) take(t *testing.T) (lines []string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for dec := json.NewDecoder(&l.lines); ; {
		var line map[string]any
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			return lines
		} else if err != nil {
			t.Fatal(err)
		}
		delete(line, "time")
		line["msg"] = strings.TrimPrefix(line["msg"].(string), "smooch webhook: ")
		if stack, ok := line["stack"].(string); ok {
			assert.Contains(t, stack, "receiver_log_test.go")
			line["stack"] = "..."
		}
		lines = append(lines, strings.TrimPrefix(fmt.Sprint(line), "map"))
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		err    error
		kind   lineKind
		reason string
	}{
		{401, errWrongSecret, lineRefused, "wrong_secret"},
		{415, errCompressed, lineRefused, "encoding"},
		{413, ErrTooLarge, lineRefused, "too_large"},
		{503, io.ErrUnexpectedEOF, lineRefused, "body_unread"},
		{400, &DecodeError{Op: "webhook", Err: io.EOF}, lineRefused, "not_json"},
		{503, errNoSecret, lineNoSecret, ""},
		{503, &lookupError{text: "no", err: errWrongSecret}, lineLookup, ""},
	}
	for _, test := range tests {
		kind, reason, _ := refusal(test.status, test.err)
		assert.Equal(t, test.kind, kind, test.err)
		assert.Equal(t, test.reason, reason, test.err)
	}
}

// TestFailuresAreLogged, with the trigger and the hash of the key of the event.
func TestFailuresAreLogged(t *testing.T) {
	t.Parallel()
	const about = " trigger:message:appUser"
	body := messageBody("m1", "user-0001", V1_1)
	key := " key:" + hash([]byte(EventKey(parseEvent(t, body))))[:12]
	type none struct{ error } // whose Error method panics
	failing := func(at string) ReceiverOption {
		return WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(_ context.Context, call string) error {
			if call == at {
				return fmt.Errorf("%s of %s: the store is down", call, EventKey(parseEvent(t, body)))
			}
			return nil
		}})
	}
	tests := []struct {
		name     string
		function func() error
		opts     []ReceiverOption
		want     []string
	}{
		{"success", succeed, nil, nil},
		{"failure", func() error { return errors.New("the store is down") }, nil,
			[]string{"[dropped:false error:the store is down" + key + " level:ERROR msg:a function failed" + about + "]"}},
		{"failure that quotes the user", func() error { return errors.New("no order of user-0001") }, nil,
			[]string{"[dropped:false error:no order of [redacted]" + key + " level:ERROR msg:a function failed" + about + "]"}},
		{"permanent failure", func() error { return Permanent(errors.New("no such order")) }, nil,
			[]string{"[dropped:true error:no such order" + key + " level:ERROR msg:a function failed" + about + "]"}},
		{"error that cannot be printed", func() error { return none{} }, nil,
			[]string{"[dropped:false error:%!v(PANIC=Error method: runtime error: invalid memory address or nil pointer dereference)" + key + " level:ERROR msg:a function failed" + about + "]"}},
		{"panic", func() error { panic("boom") }, nil,
			[]string{"[dropped:false error:smooch: panic: boom" + key + " level:ERROR msg:a function failed stack:..." + about + "]"}},
		{"too slow", func() error { time.Sleep(time.Minute); return nil }, nil,
			[]string{"[error:smooch: the handler takes too long" + key + " level:ERROR msg:a function takes too long" + about + "]"}},
		{"claim", succeed, []ReceiverOption{failing("claim")},
			[]string{"[error:claim of [redacted]: the store is down" + key + " level:ERROR msg:an event could not be claimed" + about + "]"}},
		{"done", succeed, []ReceiverOption{failing("done")},
			[]string{"[error:done of [redacted]: the store is down" + key + " level:ERROR msg:the deduper did not record what became of an event" + about + "]"}},
		{"release", func() error { return errors.New("not yet") }, []ReceiverOption{failing("release")},
			[]string{
				"[dropped:false error:not yet" + key + " level:ERROR msg:a function failed" + about + "]",
				"[error:release of [redacted]: the store is down" + key + " level:ERROR msg:the deduper did not record what became of an event" + about + "]",
			}},
		{"in the background", func() error { return errors.New("not yet") }, []ReceiverOption{WithBackground(1, 1)},
			[]string{
				"[dropped:false error:not yet" + key + " level:ERROR msg:a function failed" + about + "]",
				"[dropped:false error:not yet" + key + " level:ERROR msg:a function failed" + about + "]",
				"[dropped:false error:not yet" + key + " level:ERROR msg:a function failed" + about + "]",
				"[attempts:3 error:not yet" + key + " level:ERROR msg:an event was given up" + about + "]",
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log logged
				r := newTestReceiver(t, append(test.opts, log.option())...)
				Handle(r, func(context.Context, *MessageEvent) error { return test.function() })
				deliver(t, r, body)
				require.NoError(t, r.Shutdown(t.Context()))
				assert.Equal(t, test.want, log.take(t))
			})
		})
	}
}

// TestMalformedMembersAreLogged by their paths, even if no function is registered for the event.
func TestMalformedMembersAreLogged(t *testing.T) {
	t.Parallel()
	var log logged
	r := newTestReceiver(t, log.option())
	body := `{"trigger":"message:appUser","appUser":{"_id":"u1","userId":123456789},"messages":[{"_id":"m1","text":42}],"events":[]}`
	assert.Equal(t, 200, deliver(t, r, body))
	assert.Equal(t, []string{"[level:WARN malformed:[appUser.userId messages[0].text] " +
		"msg:an event has members of other types than documented trigger:message:appUser]"}, log.take(t))
}

// TestCopiesDoNotLogAFailureAgain: it is one call of the function.
func TestCopiesDoNotLogAFailureAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logged
		r := newTestReceiver(t, log.option())
		Handle(r, func(context.Context, *MessageEvent) error {
			time.Sleep(time.Second)
			return errors.New("not yet")
		})
		var copies sync.WaitGroup
		for range 10 {
			copies.Go(func() { deliver(t, r, messageBody("m1", "u1", V1_1)) })
		}
		copies.Wait()
		assert.Len(t, log.take(t), 1)
	})
}

// TestReleaseAfterAMinuteIsLogged: it runs when the event has been handled long since.
func TestReleaseAfterAMinuteIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logged
		r := newTestReceiver(t, log.option(), WithDeduper(&hookedDeduper{NewMemoryDeduper(10), func(_ context.Context, call string) error {
			if call == "release" {
				return errors.New("the store is down")
			}
			return nil
		}}))
		Handle(r, func(context.Context, *PostbackEvent) error { return nil })
		assert.Equal(t, 200, deliver(t, r, untimedPostback))
		assert.Empty(t, log.take(t))
		time.Sleep(time.Minute)
		synctest.Wait()
		lines := log.take(t)
		require.Len(t, lines, 1)
		assert.Contains(t, lines[0], "key:"+hash([]byte(EventKey(parseEvent(t, untimedPostback))))[:12])
		assert.Contains(t, lines[0], "trigger:postback")
	})
}

// TestRefusalsAreLoggedOnceAMinute, whatever their reasons, and none is lost from the count.
func TestRefusalsAreLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logged
		r := newTestReceiver(t, log.option(), WithMaxBody(100))
		assert.Equal(t, 401, deliverWith(t, r, "guess", strings.NewReader(`{}`)))
		assert.Equal(t, []string{"[count:1 level:WARN msg:deliveries were refused reasons:map[wrong_secret:1]]"}, log.take(t))
		for range 1000 {
			deliverWith(t, r, "guess", strings.NewReader(`{}`))
		}
		deliver(t, r, "<xml>")
		deliver(t, r, strings.Repeat(" ", 101))
		deliverWith(t, r, testSecret, iotest.ErrReader(io.ErrUnexpectedEOF))
		require.NoError(t, r.Shutdown(t.Context()))
		Handle(r, func(context.Context, *PostbackEvent) error { return nil })
		deliver(t, r, untimedPostback)
		time.Sleep(59 * time.Second)
		assert.Empty(t, log.take(t))
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"[count:1004 level:WARN msg:deliveries were refused " +
			"reasons:map[body_unread:1 not_json:1 shutting_down:1 too_large:1 wrong_secret:1000]]"}, log.take(t))
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Empty(t, log.take(t))
		deliver(t, r, "<xml>")
		assert.Equal(t, []string{"[count:1 level:WARN msg:deliveries were refused reasons:map[not_json:1]]"}, log.take(t), "at once")
	})
}

// TestLinesWithACount: each line has a minute of its own.
func TestLinesWithACount(t *testing.T) {
	t.Parallel()
	nextVersion := `{"app":{"id":"a"},"webhook":{"id":"w","version":"v2"},"events":[{"type":"conversation:message"}]}`
	tests := []struct {
		name string
		body string
		want string // "" if nothing is logged
	}{
		{"next version", nextVersion, "[count:%d level:WARN msg:a webhook of the next API version points here, and its events are unknown]"},
		{"a trigger and events", `{"trigger":"poll:closed","events":[]}`, ""},
		{"neither", `{}`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log logged
				r := newTestReceiver(t, log.option())
				for range 3 {
					assert.Equal(t, 200, deliver(t, r, test.body))
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				var want []string
				if test.want != "" {
					want = []string{fmt.Sprintf(test.want, 1), fmt.Sprintf(test.want, 2)}
				}
				assert.Equal(t, want, log.take(t))
			})
		})
	}
	t.Run("no secret", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var log logged
			r, err := NewWebhookReceiver(nil, log.option())
			require.NoError(t, err)
			deliver(t, r, `{}`)
			deliver(t, r, `{}`)
			assert.Equal(t, []string{"[count:1 level:ERROR msg:deliveries arrive, but the receiver has no secret yet]"}, log.take(t))
		})
	})
	t.Run("lookup", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var log logged
			r := newTestReceiver(t, log.option(), WithSecretLookup(func(_ context.Context, secret string) (bool, error) {
				return false, fmt.Errorf("GET /secrets/%s: the store is down", secret)
			}))
			deliverWith(t, r, "new", strings.NewReader(`{}`))
			assert.Equal(t, []string{"[count:1 error:smooch: the lookup of a secret failed: GET /secrets/[redacted]: the store is down " +
				"level:ERROR msg:the lookup of a secret failed]"}, log.take(t))
		})
	})
	t.Run("full queue", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var log logged
			r := newTestReceiver(t, log.option(), WithBackground(1, 1))
			Handle(r, func(context.Context, *MessageEvent) error { time.Sleep(time.Second); return nil })
			for i := range 10 {
				deliver(t, r, messageBody(fmt.Sprint(i), "u1", V1_1))
			}
			assert.Equal(t, []string{"[count:1 level:WARN msg:the queue is full]"}, log.take(t))
			require.NoError(t, r.Shutdown(t.Context()))
		})
	})
}

// TestLogHasNoSecrets, ids of users, or texts of bodies, in whatever way a delivery fails.
func TestLogHasNoSecrets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logged
		r := newTestReceiver(t, log.option(), WithMaxBody(2000))
		Handle(r, func(_ context.Context, e Event) error {
			return fmt.Errorf("cannot handle the event %s of %s, %s", EventKey(e), e.Header().AppUser.ID, e.Header().AppUser.UserID)
		})
		body := `{"trigger":"message:appUser","appUser":{"_id":"marked-id","userId":"marked-user"},"messages":[{"_id":"marked-message","text":"marked text"}]}`
		for _, body := range []string{
			body, body[:len(body)-1], "marked-text", `"marked"`, `{"trigger":"marked`, `{"marked":1}`,
			strings.Repeat("marked", 1000),
			`{"events":["marked"]}`,
			strings.Replace(body, "message:appUser", "typing:appUser", 1),
		} {
			deliver(t, r, body)
			deliverWith(t, r, "marked-secret", strings.NewReader(body))
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		assert.NotEmpty(t, log.text())
		assert.NotContains(t, log.text(), "marked")
		assert.NotContains(t, log.text(), testSecret)
	})
}

// TestLoggerThatPanics on a goroutine of the receiver does not end the process.
func TestLoggerThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newTestReceiver(t, WithReceiverLogger(slog.New(slog.NewTextHandler(panickingWriter{}, nil))))
		Handle(r, func(context.Context, *MessageEvent) error { return errors.New("not yet") })
		assert.Equal(t, 503, deliver(t, r, messageBody("m1", "u1", V1_1)))
		assert.Equal(t, 400, deliver(t, r, ""))
		assert.Equal(t, 400, deliver(t, r, ""))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

type panickingWriter struct{}

func (panickingWriter) Write([]byte) (int, error) { panic("no disk") }

// TestReceiverLogsToTheDefault as it is when something is logged, not when the receiver was made.
// It is not parallel, as the default belongs to the process.
func TestReceiverLogsToTheDefault(t *testing.T) {
	r, err := NewWebhookReceiver([]string{testSecret})
	require.NoError(t, err)
	before := slog.Default()
	defer slog.SetDefault(before)
	var log logged
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	assert.Equal(t, http.StatusBadRequest, deliver(t, r, "<xml>"))
	assert.Contains(t, log.text(), "not_json")
}

// TestLogHasNoIDsOfOtherUsers that an event names beside its own.
func TestLogHasNoIDsOfOtherUsers(t *testing.T) {
	t.Parallel()
	var log logged
	r := newTestReceiver(t, log.option())
	Handle(r, func(_ context.Context, e *MergeEvent) error {
		return fmt.Errorf("cannot merge %s into %s", e.Discarded[0].ID, e.Surviving.UserID)
	})
	Handle(r, func(_ context.Context, e *NotificationEvent) error {
		return fmt.Errorf("matched %s", e.MatchResult.AppUser.ID)
	})
	deliver(t, r, `{"trigger":"merge:appUser","version":"v1.1","surviving":{"_id":"survivor01","userId":"steveb@channel5.com"},"discarded":[{"_id":"discarded02"}]}`)
	deliver(t, r, `{"trigger":"notification:delivery:channel","version":"v1.1","notification":{"_id":"n1"},"matchResult":{"appUser":{"_id":"matched003"}}}`)
	text := log.text()
	assert.Contains(t, text, "cannot merge [redacted] into [redacted]")
	assert.Contains(t, text, "matched [redacted]")

	deliver(t, r, `{"trigger":"notification:delivery:channel","version":"v1.1","notification":{"_id":"n2"},"matchResult":{"appUser":{"_id":"match"}}}`)
	assert.Contains(t, log.text(), "matched match", "five bytes can be part of any word")
}
