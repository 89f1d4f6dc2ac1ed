package smooch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnswersThatBreakOff(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "500")
		_, _ = io.WriteString(w, `{"message":{`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithRetryPolicy(RetryPolicy{MinDelay: time.Millisecond}))
	_, err := c.Conversations.PostMessage(t.Context(), "u", TextMessage("hi"))
	_, ok := errors.AsType[*DecodeError](err)
	assert.True(t, ok, "%v", err)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.NotErrorIs(t, err, ErrOutcomeUnknown)
	assert.Len(t, rec.requests(), 1)

	_, err = c.AppUsers.Get(t.Context(), "u")
	_, ok = errors.AsType[*DecodeError](err)
	assert.True(t, ok, "%v", err)
	assert.Len(t, rec.requests(), 1+3, "a call that only reads is repeated")
}

// TestAnswersAreBounded measures the memory of the whole process, so it does not run in parallel.
func TestAnswersAreBounded(t *testing.T) {
	endless := func(status int, zipped bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			out := io.Writer(w)
			if zipped {
				w.Header().Set("Content-Encoding", "gzip")
				z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
				defer z.Close()
				out = z
			}
			w.WriteHeader(status)
			chunk := bytes.Repeat([]byte("a"), 1<<20)
			for range 40 {
				if _, err := out.Write(chunk); err != nil {
					return
				}
			}
		}
	}
	for _, zipped := range []bool{false, true} {
		for _, status := range []int{200, 400} {
			t.Run(fmt.Sprintf("%d, zipped %t", status, zipped), func(t *testing.T) {
				c := newTestClient(t, newRecorder(t, endless(status, zipped)).URL, AppJWT("k", "s"), WithMaxResponse(1<<20))
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, err := c.AppUsers.Create(t.Context(), AppUserCreate{UserID: "u"})
				runtime.ReadMemStats(&after)
				require.Error(t, err)
				if status == 200 {
					assert.ErrorIs(t, err, ErrResponseTooLarge)
					assert.NotErrorIs(t, err, ErrOutcomeUnknown)
				} else {
					e, _ := errors.AsType[*Error](err)
					require.NotNil(t, e)
					assert.Len(t, e.Body, 64<<10)
				}
				assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20), "of 40 MiB")
			})
		}
	}
}

func TestLargestPossibleMaxResponse(t *testing.T) {
	t.Parallel()
	c := fakeClient(t, func(*http.Request) (*http.Response, error) {
		return answer(200, `{"app":{"_id":"a1"}}`), nil
	}, WithMaxResponse(math.MaxInt64))
	app, err := c.Apps.Get(t.Context(), "a1")
	require.NoError(t, err)
	assert.Equal(t, "a1", app.ID)
}

// TestConnectionsAreUsedAgain: whatever the status, and even if only part of the body is kept.
func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	remotes := map[string]bool{}
	long := `{"error":{"description":"` + strings.Repeat("x", 100<<10) + `"}}`
	statuses := []int{404, 500, 200, 413, 503}
	n := 0
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		remotes[r.RemoteAddr] = true
		n++
		reply(statuses[n%len(statuses)], long)(w, r)
	})
	c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithRetryPolicy(RetryPolicy{MinDelay: time.Millisecond, MaxDelay: time.Millisecond}))
	for range 20 {
		_, _ = c.AppUsers.Get(t.Context(), "u") // most fail
	}
	assert.Greater(t, n, 20)
	assert.Len(t, remotes, 1)
}
