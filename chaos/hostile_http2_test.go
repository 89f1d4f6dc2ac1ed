package chaos

import (
	"strings"
	"time"
)

// http2Servers fail in frames of HTTP/2.
func http2Servers() []hostileServer {
	good := func(v *visit, id uint32) { v.respond(id, "200", v.wanted()) }
	servers := []hostileServer{
		{name: "HTTP/2 done right", serve: http2Server{end: good}.serve, read: "ok"},
		{name: "HTTP/2 closes at once", serve: func(*visit) {}, read: "failed", post: "unknown|failed"},
		{name: "HTTP/2 is silent", serve: func(v *visit) { v.hang() }, read: "failed", post: "unknown"},
		{name: "HTTP/2 speaks HTTP/1.1", serve: func(v *visit) { v.answer("200 OK", jsonType, v.good()) }, read: "failed", post: "unknown|failed"},
		{name: "never answers a stream", serve: http2Server{}.serve, read: "failed", post: "unknown"},
		{name: "GOAWAY at once", serve: http2Server{greet: func(v *visit) {
			v.frame(frameGoAway, 0, 0, uint32Text(0)+uint32Text(0))
		}}.serve, read: "failed", post: "unknown|failed"},
		{name: "GOAWAY before the stream", serve: http2Server{end: func(v *visit, _ uint32) {
			v.frame(frameGoAway, 0, 0, uint32Text(0)+uint32Text(0))
		}}.serve, read: "failed", post: "unknown|failed"},
		{name: "GOAWAY after the stream, then closes", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameGoAway, 0, 0, uint32Text(id)+uint32Text(0))
			v.Close()
		}}.serve, read: "failed", post: "unknown"},
		{name: "GOAWAY that repeats the request", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameGoAway, 0, 0, uint32Text(id)+uint32Text(0xb)+v.sent+strings.Repeat("calm down ", 1000))
			v.Close()
		}}.serve, read: "failed", post: "unknown"},
		{name: "GOAWAY in the answer", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameGoAway, 0, 0, uint32Text(id)+uint32Text(0))
			good(v, id)
		}}.serve, read: "ok"},
		{name: "RST_STREAM", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameReset, 0, id, uint32Text(0x8))
		}}.serve, read: "failed", post: "unknown"},
		{name: "RST_STREAM, refused", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameReset, 0, id, uint32Text(0x7))
		}}.serve, read: "failed", post: "unknown|failed"},
		{name: "RST_STREAM before the body of the request", serve: http2Server{begin: func(v *visit, id uint32) {
			v.frame(frameReset, 0, id, uint32Text(0x2))
		}}.serve, read: "failed", post: "unknown"},
		{name: "RST_STREAM in the answer", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, flagEndHeaders, id, fields(":status", "200"))
			v.frame(frameData, 0, id, v.wanted()[:10])
			v.frame(frameReset, 0, id, uint32Text(0x8))
		}}.serve, read: "unreadable"},
		{name: "no window", serve: http2Server{settings: setting(settingInitialWindow, 0), end: good}.serve, read: "ok", post: "ok|unknown"},
		{name: "window is used up", serve: http2Server{settings: setting(settingInitialWindow, 100), end: good, keep: true}.serve, read: "ok", post: "ok|unknown"},
		{name: "window overflows", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameWindowUpdate, 0, 0, uint32Text(1<<31-1))
		}}.serve, read: "failed", post: "unknown"},
		{name: "no streams allowed", serve: http2Server{settings: setting(settingMaxStreams, 0), end: good}.serve, read: "ok|failed", post: "ok|failed|unknown"},
		{name: "endless CONTINUATION", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, 0, id, fields(":status", "200"))
			for v.frame(frameContinuation, 0, id, strings.Repeat(fields("x-more", "and more"), 500)) {
			}
		}}.serve, read: "failed", post: "unknown", large: true},
		{name: "header block that unfolds", serve: http2Server{end: func(v *visit, id uint32) {
			// One field of 4,000 bytes is put into the dynamic table and used 16,000 times.
			block := fields(":status", "200") + "\x40" + hpackString("x") + hpackString(strings.Repeat("A", 4000)) + strings.Repeat("\xbe", 10_000)
			v.frame(frameHeaders, flagEndHeaders|flagEndStream, id, block)
		}}.serve, read: "failed", post: "unknown", large: true},
		{name: "header block is noise", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, flagEndHeaders, id, "\xff\xff\xff\xff\xff\xff\xff")
		}}.serve, read: "failed", post: "unknown"},
		{name: "endless PING", serve: http2Server{end: func(v *visit, _ uint32) {
			for v.frame(framePing, 0, 0, "12345678") {
			}
		}}.serve, read: "failed", post: "unknown"},
		{name: "endless SETTINGS", serve: http2Server{end: func(v *visit, _ uint32) {
			for v.frame(frameSettings, 0, 0, "") {
			}
		}}.serve, read: "failed", post: "unknown"},
		{name: "endless empty DATA", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, flagEndHeaders, id, fields(":status", "200"))
			for v.frame(frameData, 0, id, "") {
			}
		}}.serve, read: "unreadable|failed", post: "unreadable"},
		{name: "DATA beyond the window", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, flagEndHeaders, id, fields(":status", "200"))
			for v.frame(frameData, 0, id, strings.Repeat(" ", 16<<10)) {
			}
		}}.serve, read: "unreadable|too large", large: true},
		{name: "DATA before HEADERS", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameData, flagEndStream, id, v.wanted())
		}}.serve, read: "failed", post: "unknown"},
		{name: "DATA that drips", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, flagEndHeaders, id, fields(":status", "200"))
			for v.frame(frameData, 0, id, " ") {
				time.Sleep(time.Second)
			}
		}}.serve, read: "unreadable|failed", post: "unreadable"},
		{name: "DATA longer than content-length", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, flagEndHeaders, id, fields(":status", "200", "content-length", "5"))
			v.frame(frameData, flagEndStream, id, v.wanted())
		}}.serve, read: "unreadable"},
		{name: "frame beyond the maximum size", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, flagEndHeaders, id, fields(":status", "200"))
			v.frame(frameData, flagEndStream, id, strings.Repeat(" ", 1<<20))
		}}.serve, read: "unreadable|failed", post: "unreadable|unknown"},
		{name: "answer without body", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, flagEndHeaders|flagEndStream, id, fields(":status", "200"))
		}}.serve, read: "unreadable"},
		{name: "answers before the body of the request", serve: http2Server{begin: func(v *visit, id uint32) {
			v.respond(id, "400", `{"error":{"code":"bad_request"}}`)
		}}.serve, read: "400"},
		{name: "endless 103 of HTTP/2", serve: http2Server{end: func(v *visit, id uint32) {
			for v.frame(frameHeaders, flagEndHeaders, id, fields(":status", "103", "link", "</a>; rel=preload")) {
			}
		}}.serve, read: "failed", post: "unknown"},
		{name: "no status of HTTP/2", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, flagEndHeaders|flagEndStream, id, fields("x", "y"))
		}}.serve, read: "failed", post: "unknown"},
		{name: "header name in capitals", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, flagEndHeaders|flagEndStream, id, fields(":status", "200", "X-Capital", "y"))
		}}.serve, read: "failed", post: "unknown"},
		{name: "PUSH_PROMISE", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(framePushPromise, flagEndHeaders, id, uint32Text(2)+fields(":method", "GET", ":path", "/", ":scheme", "https", ":authority", "a"))
		}}.serve, read: "failed", post: "unknown"},
		{name: "frames of unknown types", serve: http2Server{end: func(v *visit, id uint32) {
			for kind := byte(0xb); kind < 0x40; kind++ {
				v.frame(kind, 0xff, id, "what is this")
			}
			good(v, id)
		}}.serve, read: "ok"},
		{name: "gzip bomb over HTTP/2", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, flagEndHeaders, id, fields(":status", "200", "content-encoding", "gzip"))
			for data := bomb(); data != ""; data = data[min(len(data), 16<<10):] {
				v.frame(frameData, 0, id, data[:min(len(data), 16<<10)])
			}
			v.frame(frameData, flagEndStream, id, "")
		}}.serve, read: "too large|unreadable", large: true},
		{name: "307 to another host over HTTP/2", serve: http2Server{end: func(v *visit, id uint32) {
			v.frame(frameHeaders, flagEndHeaders|flagEndStream, id, fields(":status", "307", "location", v.trap+"/x"))
		}}.serve, read: "307"},
	}
	for _, status := range []string{"000", "099", "101", "600", "999", "abc", "20", "2000"} {
		servers = append(servers, hostileServer{name: "status " + status + " of HTTP/2", serve: http2Server{end: func(v *visit, id uint32) {
			v.respond(id, status, v.wanted())
		}}.serve, read: "failed", post: "unknown"})
	}
	for i := range servers {
		servers[i].http2 = true
	}
	return servers
}
