package chaos

import (
	"fmt"
	"strings"
)

const jsonType = "Content-Type: application/json\r\n"

// headServers fail before the body.
func headServers() []hostileServer {
	return []hostileServer{
		{name: "never reads", serve: func(v *visit) { <-v.end }, read: "failed", post: "unknown"},
		{name: "never answers", serve: answers((*visit).hang), read: "failed", post: "unknown"},
		{name: "closes at once", serve: func(*visit) {}, read: "failed", post: "unknown|failed"},
		{name: "resets at once", serve: func(v *visit) { reset(v.Conn) }, read: "failed", post: "unknown|failed"},
		{name: "closes after the request", serve: says(""), read: "failed", post: "unknown"},
		{name: "resets after the request", serve: answers(func(v *visit) { reset(v.Conn) }), read: "failed", post: "unknown"},
		{name: "no status line", serve: says("Welcome\r\n\r\n"), read: "failed", post: "unknown"},
		{name: "binary noise", serve: says("\x00\x01\x02\xff\xfe\r\n\r\n\x16\x03\x01"), read: "failed", post: "unknown"},
		{name: "a TLS alert", serve: says("\x15\x03\x01\x00\x02\x02\x46"), read: "failed", post: "unknown"},
		{name: "an SSH banner", serve: says("SSH-2.0-OpenSSH_9.6\r\n"), read: "failed", post: "unknown"},
		{name: "HTTP/9.9", serve: says("HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}"), read: "failed|unreadable", post: "unknown|unreadable"},
		{name: "half a status line", serve: says("HTTP/1.1 20"), read: "failed", post: "unknown"},
		{name: "status 000", serve: replies("000 Nothing", jsonType), read: "failed", post: "unknown"},
		{name: "status 099", serve: replies("099 Less", jsonType), read: "failed", post: "unknown"},
		{name: "status 199", serve: answers(func(v *visit) { v.send("HTTP/1.1 199 Odd\r\n\r\n") }), read: "failed", post: "unknown"},
		{name: "status 600", serve: replies("600 More", jsonType), read: "failed", post: "unknown"},
		{name: "status 999", serve: replies("999 Go away", jsonType), read: "failed", post: "unknown"},
		{name: "status of four digits", serve: replies("2000 OK", jsonType), read: "failed", post: "unknown"},
		{name: "status of one digit", serve: replies("2 OK", jsonType), read: "failed", post: "unknown"},
		{name: "status -20", serve: replies("-20 OK", jsonType), read: "failed", post: "unknown"},
		{name: "status is a word", serve: replies("abc OK", jsonType), read: "failed", post: "unknown"},
		{name: "reason of 1 MiB", serve: replies("200 "+strings.Repeat("A", 1<<20), jsonType), read: "ok|failed", post: "ok|unknown"},
		{name: "endless status line", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 200 ")
			v.forever("A")
		}), read: "failed", post: "unknown", large: true},
		{name: "endless header line", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 200 OK\r\nX-Long: ")
			v.forever("A")
		}), read: "failed", post: "unknown", large: true},
		{name: "endless header", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 200 OK\r\n")
			v.forever("X-More: and more\r\n")
		}), read: "failed", post: "unknown", large: true},
		{name: "header of 5,000 cookies", serve: replies("200 OK", jsonType+strings.Repeat("Set-Cookie: a="+strings.Repeat("b", 100)+"\r\n", 5000)), read: "ok", large: true},
		{name: "header without colon", serve: replies("200 OK", "NoColonHere\r\n"), read: "failed", post: "unknown"},
		{name: "header with a NUL byte", serve: replies("200 OK", "X-Nul: a\x00b\r\n"), read: "ok|failed", post: "ok|unknown"},
		{name: "header name with a space", serve: replies("200 OK", "X Space: a\r\n"), read: "ok|failed", post: "ok|unknown"},
		{name: "folded header", serve: replies("200 OK", "X-Folded: a\r\n b\r\n\tc\r\n"), read: "ok|failed", post: "ok|unknown"},
		{name: "bare line feeds", serve: answers(func(v *visit) {
			v.send(fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\n\n%s", len(v.good()), v.good()))
		}), read: "ok"},
		{name: "header that drips", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 200 OK\r\n")
			v.drip("X-Drip: 1\r\n")
		}), read: "failed", post: "unknown"},
		{name: "endless 100", serve: answers(func(v *visit) { v.forever("HTTP/1.1 100 Continue\r\n\r\n") }), read: "failed", post: "unknown", large: true},
		{name: "endless 103", serve: answers(func(v *visit) {
			v.forever("HTTP/1.1 103 Early Hints\r\nLink: <https://media.test/a.css>; rel=preload\r\n\r\n")
		}), read: "failed", post: "unknown", large: true},
		{name: "some 1xx before the answer", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n")
			v.answer("200 OK", jsonType, v.good())
		}), read: "ok"},
		{name: "101 and silence", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			v.hang()
		}), read: "failed", post: "unknown"},
		{name: "101 and endless bytes", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
			v.forever("bytes")
		}), read: "failed", post: "unknown", large: true},
		{name: "101 and a good answer", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 101 Switching Protocols\r\n\r\n")
			v.answer("200 OK", jsonType, v.good())
		}), read: "failed", post: "unknown"},
		{name: "answers before the request", serve: func(v *visit) {
			v.answer("200 OK", jsonType, v.good())
			v.hang()
		}, read: "ok|failed|unreadable", post: "ok|failed|unknown|unreadable"},
		{name: "refuses before the request", serve: func(v *visit) {
			v.answer("400 Bad Request", jsonType+"Connection: close\r\n", `{"error":{"code":"bad_request"}}`)
		}, read: "400|failed", post: "400|failed|unknown"},
	}
}
