package smooch

import (
	"reflect"
	"time"

	"github.com/smooch/smooch-go/internal/fastjson"
	"github.com/smooch/smooch-go/internal/lenient"
)

// fast decodes the JSON that the service usually writes, into any type. What it gives up on is
// decoded by package lenient, from the start. It decodes types with an UnmarshalJSON method of
// their own only if they are listed here, and the times only where that method returns a time.
var fast = fastjson.NewTable(
	fastjson.With(func(t *UnixTime, data []byte) bool {
		return t.UnmarshalJSON(data) == nil && isTime(t.Time, data)
	}),
	fastjson.With(func(t *ISOTime, data []byte) bool {
		return t.UnmarshalJSON(data) == nil && isTime(t.Time, data)
	}),
	fastjson.Noting("uri", func(a *Action) { a.emptyURI = a.URI == "" }),
)

// isTime reports whether data was decoded to t, or says that there is no time.
func isTime(t time.Time, data []byte) bool {
	return !t.IsZero() || string(data) == "null" || string(data) == `""`
}

// decodeFast decodes the body of a response into out, as [call] does, and reports whether it did.
// If not, out is as it was. out must be zero, as [decode] makes it; members may not be.
func decodeFast(r *request, body []byte, out any) bool {
	if members, ok := out.(lenient.Members); ok {
		var few [3]fastjson.Member
		list := few[:0]
		for name, target := range members {
			if !reflect.ValueOf(target).Elem().IsZero() {
				return false
			}
			list = append(list, fastjson.Member{Name: name, Target: target})
		}
		return fast.Members(body, list...)
	}
	if r.answer != "" {
		return fast.Members(body, fastjson.Member{Name: r.answer, Target: out})
	}
	return fast.Unmarshal(body, out)
}
