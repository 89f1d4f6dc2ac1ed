package smooch

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// UnixTime is a point in time that the API writes as Unix seconds with a decimal fraction, such as
// 1439220041.586, as in the members received and timestamp.
//
// It is decoded from the decimal text, so that no millisecond is lost to a float, and encoded with
// at most three decimals and without an exponent. A value that is not a number is decoded as the
// zero time, so that the rest of the resource can still be read. The zero time is encoded as null,
// and left out of requests.
//
//	smooch.UnixTime{Time: time.Now()}
//
// Source: REST reference, "Conversations".
type UnixTime struct{ time.Time }

// unixTimeLimit is the last second of the year 9999. A larger number is not taken for a time.
const unixTimeLimit = 253402300799

// MarshalJSON encodes the time as Unix seconds with at most three decimals, and the zero time as
// null.
func (t UnixTime) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.append(make([]byte, 0, 20)), nil
}

// UnmarshalJSON decodes a number, or a number in quotes. Anything else becomes the zero time and is
// not an error.
func (t *UnixTime) UnmarshalJSON(data []byte) error {
	text := bytes.Trim(data, `"`)
	digits, negative := bytes.CutPrefix(text, []byte("-"))
	seconds, nanos, ok := parseDecimal(digits)
	switch {
	case !ok:
		t.Time = parseExponent(string(text))
	case seconds > unixTimeLimit:
		t.Time = time.Time{}
	case negative:
		t.Time = time.Unix(-seconds, -nanos).UTC()
	default:
		t.Time = time.Unix(seconds, nanos).UTC()
	}
	return nil
}

// parseDecimal reads a number without a sign or an exponent and with at most 18 digits before the
// point, and reports whether text is one. Decimals after the ninth count for nothing.
func parseDecimal(text []byte) (seconds, nanos int64, ok bool) {
	i := 0
	for i < len(text) && i < 18 && text[i]-'0' <= 9 {
		seconds = seconds*10 + int64(text[i]-'0')
		i++
	}
	ok = i > 0
	if i < len(text) && text[i] == '.' {
		i++
		for unit := int64(1e8); i < len(text) && text[i]-'0' <= 9; unit /= 10 {
			nanos += unit * int64(text[i]-'0')
			i++
		}
	}
	return seconds, nanos, ok && i == len(text)
}

// text returns the time as MarshalJSON writes it.
func (t UnixTime) text() string { return string(t.append(nil)) }

// append appends the time to b in Unix seconds, rounded down to milliseconds.
func (t UnixTime) append(b []byte) []byte {
	ms := t.UnixMilli()
	if ms < 0 {
		b, ms = append(b, '-'), -ms
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	if ms %= 1000; ms != 0 {
		b = append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
		b = bytes.TrimRight(b, "0")
	}
	return b
}

// parseExponent reads a number that is not plain decimal text, such as 1.439220041586e9, to the
// millisecond. It returns the zero time if text is not a number or is out of range.
func parseExponent(text string) time.Time {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > unixTimeLimit {
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Round(f * 1000))).UTC()
}

// ISOTime is a point in time that the API writes in ISO 8601, as in the members signedUpAt,
// lastSeen and linkedAt.
//
// It is encoded in UTC with three decimals (2015-10-08T23:52:11.677Z), as the API asks for, and
// decoded with any number of decimals and any time zone; a time without a zone is read as UTC. A
// value that is not a time is decoded as the zero time, so that the rest of the resource can still
// be read. The zero time is encoded as null, and left out of requests.
//
// Source: REST reference, "App User".
type ISOTime struct{ time.Time }

// MarshalJSON encodes the time in UTC with three decimals, and the zero time as null.
func (t ISOTime) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(make([]byte, 0, 26), `"2006-01-02T15:04:05.000Z"`), nil
}

// UnmarshalJSON decodes ISO 8601 text. Anything else becomes the zero time and is not an error.
func (t *ISOTime) UnmarshalJSON(data []byte) error {
	text := string(bytes.Trim(data, `"`))
	t.Time = time.Time{}
	for _, layout := range isoLayouts {
		if parsed, err := time.Parse(layout, text); err == nil {
			t.Time = parsed
			break
		}
	}
	return nil
}

// isoLayouts are tried in this order. time.Parse also accepts a fraction after the seconds.
var isoLayouts = [...]string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", time.DateOnly}
