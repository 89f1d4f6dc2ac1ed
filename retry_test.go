package smooch

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

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
