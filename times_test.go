package smooch

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUnixTimeIsExact: for each millisecond of a second, where a float is one too low for about
// half of them.
func TestUnixTimeIsExact(t *testing.T) {
	t.Parallel()
	for ms := range int64(1000) {
		want := time.UnixMilli(1444348338000 + ms)
		text, err := json.Marshal(UnixTime{want})
		require.NoError(t, err)
		var got UnixTime
		require.NoError(t, json.Unmarshal(text, &got))
		assert.True(t, want.Equal(got.Time), "%s", text)
	}
}

func TestReadUnixTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"1444348338.704":      time.UnixMilli(1444348338704),
		"1439220041.586":      time.UnixMilli(1439220041586),
		"1439220041.001":      time.UnixMilli(1439220041001),
		"1439220041":          time.Unix(1439220041, 0),
		"1439220041.5860000":  time.UnixMilli(1439220041586),
		"1439220041.58612345": time.Unix(1439220041, 586123450),
		"1.439220041586e9":    time.UnixMilli(1439220041586),
		"1439220041586E-3":    time.UnixMilli(1439220041586),
		`"1439220041.586"`:    time.UnixMilli(1439220041586),
		"0":                   time.Unix(0, 0),
		"-1.5":                time.UnixMilli(-1500),
		"null":                {},
		`""`:                  {},
		`"soon"`:              {},
		"{}":                  {},
		"[1]":                 {},
		"true":                {},
		"1e300":               {},
		"-1e300":              {},
		"1e999999999":         {},
		"99999999999999999":   {},
		"1.5.5":               {},
	} {
		got := UnixTime{time.Unix(5, 0)}
		require.NoError(t, got.UnmarshalJSON([]byte(text)), text)
		assert.True(t, want.Equal(got.Time), "%s: %v", text, got)
	}
}

func TestWriteUnixTime(t *testing.T) {
	t.Parallel()
	for want, at := range map[string]time.Time{
		"1439220041.586": time.UnixMilli(1439220041586),
		"1439220041.5":   time.UnixMilli(1439220041500),
		"1439220041.001": time.UnixMilli(1439220041001),
		"1439220041":     time.Unix(1439220041, 999),
		"-1.5":           time.UnixMilli(-1500),
		"0":              time.Unix(0, 0),
		"null":           {},
	} {
		got, err := json.Marshal(UnixTime{at})
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}

func TestReadISOTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		`"2015-10-08T23:52:11.677Z"`:      time.Date(2015, 10, 8, 23, 52, 11, 677e6, time.UTC),
		`"2015-10-08T23:52:11Z"`:          time.Date(2015, 10, 8, 23, 52, 11, 0, time.UTC),
		`"2015-10-08T20:52:11.6-03:00"`:   time.Date(2015, 10, 8, 23, 52, 11, 600e6, time.UTC),
		`"2015-10-08T20:52:11-0300"`:      time.Date(2015, 10, 8, 23, 52, 11, 0, time.UTC),
		`"2015-10-08T23:52:11.677123456"`: time.Date(2015, 10, 8, 23, 52, 11, 677123456, time.UTC),
		`"2015-10-08"`:                    time.Date(2015, 10, 8, 0, 0, 0, 0, time.UTC),
		`""`:                              {},
		`"yesterday"`:                     {},
		`null`:                            {},
		`17`:                              {},
		`{"a":1}`:                         {},
	} {
		var got ISOTime
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.True(t, want.Equal(got.Time), "%s: %v", text, got)
	}
}

func TestWriteISOTime(t *testing.T) {
	t.Parallel()
	for want, at := range map[string]time.Time{
		`"2016-01-01T12:00:00.000Z"`: time.Date(2016, 1, 1, 12, 0, 0, 0, time.UTC),
		`"2016-01-01T12:00:00.120Z"`: time.Date(2016, 1, 1, 14, 0, 0, 120e6, time.FixedZone("", 7200)),
		`null`:                       {},
	} {
		got, err := json.Marshal(ISOTime{at})
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}
