package smooch

import (
	"crypto/tls"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestJudge is the table in RetryPolicy's comment, over every call of the API.
func TestJudge(t *testing.T) {
	t.Parallel()
	changesNothing := map[repeatClass]bool{
		unsafe: false, traceable: false,
		idempotent: true, removing: true, unlinking: true, safe: true,
	}
	status := func(code int, retryAfter ...string) attempt {
		return attempt{status: code, written: true, header: http.Header{"Retry-After": retryAfter}}
	}
	success := func(err error) attempt {
		return attempt{status: 200, ok: true, written: true, err: err}
	}
	asking := func(v verdict) verdict {
		v.asked = 7 * time.Second
		return v
	}
	var (
		no      = verdict{}
		again   = verdict{again: true}
		refused = verdict{again: true, refused: true}
		renew   = verdict{again: true, renew: true}
		lost    = verdict{again: true, lost: true}
		unknown = verdict{lost: true, unknown: true}
		done    = verdict{lost: true}
	)
	tests := []struct {
		name    string
		attempt attempt
		noHarm  verdict // if a repeat changes nothing
		harm    verdict // if it may do the work twice
	}{
		{"200", success(nil), no, no},
		{"429", status(429), refused, refused},
		{"429 with Retry-After", status(429, "7"), asking(refused), asking(refused)},
		{"no connection", attempt{err: errDial}, again, again},
		{"connection lost before a byte was written", attempt{err: errReset}, again, again},
		{"connection lost", attempt{err: errReset, written: true}, lost, unknown},
		{"time-out", attempt{err: errTimeout{"no response", time.Second}, written: true}, lost, unknown},
		{"500", status(500), lost, unknown},
		{"503 with Retry-After", status(503, "7"), asking(lost), asking(unknown)},
		{"599", status(599), lost, unknown},
		{"501", status(501), no, no},
		{"2xx, then the body breaks off", success(io.ErrUnexpectedEOF), lost, done},
		{"2xx, and the body is too large", success(ErrResponseTooLarge), done, done},
		{"401", status(401), renew, renew},
		{"302", status(302), no, no},
		{"400", status(400), no, no},
		{"403", status(403), no, no},
		{"404", status(404), no, no},
		{"413 with Retry-After", status(413, "7"), no, no},
		{"certificate", attempt{err: &tls.CertificateVerificationError{}}, no, no},
		{"not TLS", attempt{err: tls.RecordHeaderError{}}, no, no},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, op := range operations {
				want := test.harm
				if changesNothing[op.repeat] {
					want = test.noHarm
				}
				assert.Equal(t, want, judge(op, test.attempt), op)
			}
		})
	}
	t.Run("409", func(t *testing.T) {
		t.Parallel()
		for _, op := range operations {
			want := no
			if op.method == http.MethodPut || op.method == http.MethodDelete {
				want = lost
			}
			assert.Equal(t, want, judge(op, status(409)), op)
		}
	})
}

func TestBackoffHasFullJitter(t *testing.T) {
	t.Parallel()
	p := RetryPolicy{}.withDefaults()
	for attempt, most := range map[int]time.Duration{
		1:  500 * time.Millisecond,
		2:  time.Second,
		4:  4 * time.Second,
		7:  20 * time.Second,
		90: 20 * time.Second,
	} {
		least, longest := time.Hour, time.Duration(0)
		for range 2000 {
			d := p.backoff(attempt)
			least, longest = min(least, d), max(longest, d)
		}
		assert.LessOrEqual(t, longest, most)
		assert.Greater(t, longest, most*9/10)
		assert.Less(t, least, most/10)
	}
}

func TestRetryAfterInSeconds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"":            0,
		"3":           3 * time.Second,
		" 5 ":         5 * time.Second,
		"1.5":         1500 * time.Millisecond,
		"0":           0,
		"-5":          0,
		"NaN":         0,
		"soon":        0,
		"86400":       24 * time.Hour,
		"1e300":       1<<62 - 1,
		"99999999999": 1<<62 - 1,
	} {
		assert.Equal(t, want, retryAfter(http.Header{"Retry-After": {text}}), text)
	}
	assert.Greater(t, retryAfter(http.Header{"Retry-After": {"9223372037"}}), 24*time.Hour, "must not overflow to no wait")
}

func TestRetryAfterAsADate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		for _, layout := range []string{http.TimeFormat, time.RFC850, time.ANSIC} {
			text := now.Add(30 * time.Second).In(time.FixedZone("GMT", 0)).Format(layout)
			assert.Equal(t, 30*time.Second, retryAfter(http.Header{"Retry-After": {text}}), text)
		}
		past := http.Header{"Retry-After": {now.Add(-time.Minute).Format(http.TimeFormat)}}
		assert.Zero(t, retryAfter(past))
		skewed := http.Header{
			"Retry-After": {now.Add(time.Hour + 10*time.Second).Format(http.TimeFormat)},
			"Date":        {now.Add(time.Hour).Format(http.TimeFormat)},
		}
		assert.Equal(t, 10*time.Second, retryAfter(skewed), "the service's clock counts")
	})
}
