package chaos

import "strings"

// body returns what answers requests with 200 and text, in which ENVELOPE stands for the member
// that holds the resource.
func body(text string) func(*visit) {
	return func(v *visit) {
		for v.request() {
			envelope := "appUser"
			if strings.Contains(v.good(), `"message"`) {
				envelope = "message"
			}
			v.answer("200 OK", jsonType, strings.ReplaceAll(text, "ENVELOPE", envelope))
		}
	}
}

// jsonServers answer with JSON that is none, or that is made to hurt.
func jsonServers() []hostileServer {
	return []hostileServer{
		{name: "null", serve: body(`null`), read: "unreadable"},
		{name: "an empty object", serve: body(`{}`), read: "unreadable"},
		{name: "an array", serve: body(`[]`), read: "unreadable"},
		{name: "a string", serve: body(`"ENVELOPE"`), read: "unreadable"},
		{name: "a number", serve: body(`42`), read: "unreadable"},
		{name: "true", serve: body(`true`), read: "unreadable"},
		{name: "white space", serve: body(" \r\n\t "), read: "unreadable"},
		{name: "wrong envelope", serve: body(`{"resource":{"_id":"a"}}`), read: "unreadable"},
		{name: "envelope in capitals", serve: body(`{"APPUSER":{"_id":"a"},"MESSAGE":{"_id":"a"}}`), read: "ok|unreadable"},
		{name: "envelope is null", serve: body(`{"ENVELOPE":null}`), read: "unreadable"},
		{name: "envelope is a string", serve: body(`{"ENVELOPE":"a"}`), read: "unreadable"},
		{name: "envelope is an array", serve: body(`{"ENVELOPE":[{"_id":"a"}]}`), read: "unreadable"},
		{name: "envelope is empty", serve: body(`{"ENVELOPE":{}}`), read: "unreadable"},
		{name: "id is null", serve: body(`{"ENVELOPE":{"_id":null}}`), read: "unreadable"},
		{name: "id is empty", serve: body(`{"ENVELOPE":{"_id":""}}`), read: "unreadable"},
		{name: "id is an object", serve: body(`{"ENVELOPE":{"_id":{"$oid":"a"}}}`), read: "unreadable"},
		{name: "null everywhere", serve: body(`{"ENVELOPE":{"_id":"a","userId":null,"role":null,"type":null,"text":null,"received":null,"properties":null,"metadata":null,"clients":null,"actions":null,"signedUpAt":null},"conversation":null}`), read: "ok"},
		{name: "an error as 200", serve: body(`{"error":{"code":"bad_request","description":"no"}}`), read: "unreadable"},
		{name: "NaN", serve: body(`{"ENVELOPE":{"_id":"a","received":NaN}}`), read: "unreadable"},
		{name: "comments and trailing commas", serve: body(`{"ENVELOPE":{"_id":"a",},} /* done */`), read: "unreadable"},
		{name: "byte order mark", serve: body("\ufeff" + `{"ENVELOPE":{"_id":"a"}}`), read: "ok|unreadable"},
		{name: "invalid UTF-8", serve: body("{\"ENVELOPE\":{\"_id\":\"a\",\"name\":\"\xff\xfe\xc0\x80\"}}"), read: "ok|unreadable"},
		{name: "lone surrogates", serve: body(`{"ENVELOPE":{"_id":"a","name":"\ud800 \udfff"}}`), read: "ok"},
		{name: "control characters", serve: body("{\"ENVELOPE\":{\"_id\":\"a\",\"name\":\"\x00\x07\"}}"), read: "unreadable"},
		{name: "duplicate members", serve: body(`{"ENVELOPE":{"_id":"a","_id":"b"},"ENVELOPE":{"_id":"c"}}`), read: "ok|unreadable"},
		{name: "text behind the value", serve: body(`{"ENVELOPE":{"_id":"a"}} and more`), read: "unreadable"},
		{name: "two values", serve: body(`{"ENVELOPE":{"_id":"a"}}{"ENVELOPE":{"_id":"b"}}`), read: "unreadable"},
		{name: "breaks off", serve: body(`{"ENVELOPE":{"_id":"a","name":"I`), read: "unreadable"},
		{name: "number with a huge exponent", serve: body(`{"ENVELOPE":{"_id":"a","received":1e999999999}}`), read: "ok|unreadable"},
		{name: "number of 1 MiB", serve: body(`{"ENVELOPE":{"_id":"a","received":` + strings.Repeat("9", 1<<20) + `,"mediaSize":` + strings.Repeat("9", 1<<20) + `}}`), read: "ok|unreadable", large: true},
		{name: "property of 1 MiB of digits", serve: body(`{"ENVELOPE":{"_id":"a","properties":{"n":` + strings.Repeat("9", 1<<20) + `},"metadata":{"n":1e400}}}`), read: "ok|unreadable", large: true},
		{name: "arrays nested a million deep", serve: body(strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000)), read: "unreadable", large: true},
		{name: "objects nested a million deep", serve: body(`{"ENVELOPE":{"_id":"a","x":` + strings.Repeat(`{"a":`, 1_000_000) + "1" + strings.Repeat("}", 1_000_000) + "}}"), read: "ok|unreadable", large: true},
		{name: "properties nested 9,000 deep", serve: body(`{"ENVELOPE":{"_id":"a","properties":` + strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000) + "}}"), read: "ok|unreadable"},
		{name: "open brackets only", serve: body(strings.Repeat(`[{"a":`, 1_000_000)), read: "unreadable", large: true},
		{name: "string of 10 MB", serve: body(`{"ENVELOPE":{"_id":"a","text":"` + strings.Repeat("A", 10_000_000) + `"}}`), read: "ok", large: true},
		{name: "10 MB of escapes", serve: body(`{"ENVELOPE":{"_id":"a","name":"` + strings.Repeat(`\u0041`, 1_700_000) + `"}}`), read: "ok", large: true},
		{name: "a million unknown members", serve: body(`{"ENVELOPE":{"_id":"a",` + strings.Repeat(`"x":0,`, 1_000_000) + `"y":1}}`), read: "ok", large: true},
		{name: "200,000 empty objects", serve: body(`{"ENVELOPE":{"_id":"a","clients":[` + strings.Repeat(`{},`, 100_000) + `{}],"actions":[` + strings.Repeat(`{},`, 100_000) + `{}]}}`), read: "unreadable", large: true},
		{name: "a million brackets in an error", serve: answers(func(v *visit) {
			v.answer("400 Bad Request", jsonType, `{"error":`+strings.Repeat("[", 1_000_000))
		}), read: "400"},
		{name: "error with a description of 10 MB", serve: answers(func(v *visit) {
			v.answer("400 Bad Request", jsonType, `{"error":{"code":"bad_request","description":"`+strings.Repeat("A", 10_000_000)+`"}}`)
		}), read: "400", large: true},
		{name: "error with lines and colors", serve: answers(func(v *visit) {
			v.answer("400 Bad Request", jsonType, `{"error":{"code":"bad\r\nrequest","description":"\u001b[31mred\r\nlevel=INFO msg=forged\u2028next"}}`)
		}), read: "400"},
	}
}
