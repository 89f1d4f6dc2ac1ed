package chaos

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"sync"
)

// ok200 begins a response whose length follows.
const ok200 = "HTTP/1.1 200 OK\r\n" + jsonType

// bodyServers fail with the length of the body or in the body.
func bodyServers() []hostileServer {
	return []hostileServer{
		{name: "Content-Length of 4 EiB, then closes", serve: says(ok200 + "Content-Length: 4611686018427387904\r\n\r\n{\"appUser\""), read: "unreadable"},
		{name: "Content-Length of 4 EiB, then silence", serve: answers(func(v *visit) {
			v.send(ok200 + "Content-Length: 4611686018427387904\r\n\r\n{\"appUser\"")
			v.hang()
		}), read: "unreadable"},
		{name: "Content-Length beyond 64 bits", serve: says(ok200 + "Content-Length: 99999999999999999999\r\n\r\n{}"), read: "failed", post: "unknown"},
		{name: "Content-Length negative", serve: says(ok200 + "Content-Length: -1\r\n\r\n{}"), read: "failed", post: "unknown"},
		{name: "Content-Length is a word", serve: says(ok200 + "Content-Length: much\r\n\r\n{}"), read: "failed", post: "unknown"},
		{name: "two lengths", serve: says(ok200 + "Content-Length: 2\r\nContent-Length: 20\r\n\r\n{}"), read: "failed", post: "unknown"},
		{name: "two lengths in one line", serve: says(ok200 + "Content-Length: 2, 20\r\n\r\n{}"), read: "failed", post: "unknown"},
		{name: "length and chunks", serve: answers(func(v *visit) {
			v.send(fmt.Sprintf("%sContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", ok200, len(v.good()), v.good()))
		}), read: "ok|failed", post: "ok|unknown"},
		{name: "body longer than its length", serve: answers(func(v *visit) { v.send(ok200 + "Content-Length: 5\r\n\r\n" + v.good()) }), read: "unreadable"},
		{name: "body shorter than its length", serve: answers(func(v *visit) { v.send(ok200 + "Content-Length: 500\r\n\r\n" + v.good()) }), read: "unreadable"},
		{name: "length 0 before a body", serve: answers(func(v *visit) { v.send(ok200 + "Content-Length: 0\r\n\r\n" + v.good()) }), read: "unreadable"},
		{name: "chunk sizes are noise", serve: says(ok200 + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"), read: "unreadable"},
		{name: "chunk of 2^64 bytes", serve: says(ok200 + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n{}"), read: "unreadable"},
		{name: "chunk of negative size", serve: says(ok200 + "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n"), read: "unreadable"},
		{name: "last chunk is missing", serve: answers(func(v *visit) {
			v.send(fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", ok200, len(v.good()), v.good()))
		}), read: "unreadable"},
		{name: "endless chunks", serve: answers(func(v *visit) {
			v.send(ok200 + "Transfer-Encoding: chunked\r\n\r\n")
			v.forever("1000\r\n" + strings.Repeat(" ", 0x1000) + "\r\n")
		}), read: "too large", large: true},
		{name: "endless chunks of one byte", serve: answers(func(v *visit) {
			v.send(ok200 + "Transfer-Encoding: chunked\r\n\r\n")
			v.forever("1\r\n \r\n")
		}), read: "unreadable|too large"},
		{name: "endless chunk extension", serve: answers(func(v *visit) {
			v.send(ok200 + "Transfer-Encoding: chunked\r\n\r\n2;x=")
			v.forever("A")
		}), read: "unreadable"},
		{name: "endless trailer", serve: answers(func(v *visit) {
			v.send(ok200 + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
			v.forever("X-Trailer: more\r\n")
		}), read: "unreadable", large: true},
		{name: "endless body", serve: answers(func(v *visit) {
			v.send(ok200 + "\r\n")
			v.forever(" ")
		}), read: "too large", large: true},
		{name: "endless string", serve: answers(func(v *visit) {
			v.send(ok200 + "\r\n{\"appUser\":{\"_id\":\"")
			v.forever("A")
		}), read: "too large", large: true},
		{name: "endless body of a 404", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 404 Not Found\r\n\r\n")
			v.forever("no such user ")
		}), read: "404"},
		{name: "endless body of a 500", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 500 Internal Server Error\r\n\r\n")
			v.forever("broken ")
		}), read: "500", post: "unknown"},
		{name: "body that drips", serve: answers(func(v *visit) {
			v.send(ok200 + "Content-Length: 1000\r\n\r\n")
			v.drip("{\"appUser\":")
		}), read: "unreadable"},
		{name: "body of a 400 that drips", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 1000\r\n\r\n")
			v.drip("{\"error\":")
		}), read: "400"},
		{name: "body never begins", serve: answers(func(v *visit) {
			v.send(ok200 + "Content-Length: 100\r\n\r\n")
			v.hang()
		}), read: "unreadable"},
		{name: "reset in the body", serve: answers(func(v *visit) {
			v.send(ok200 + "Content-Length: 100\r\n\r\n{\"appUser\"")
			reset(v.Conn)
		}), read: "unreadable|failed", post: "unreadable|unknown"},
		{name: "204 with a body", serve: replies("204 No Content", jsonType), read: "unreadable"},
		{name: "empty 200", serve: says(ok200 + "Content-Length: 0\r\n\r\n"), read: "unreadable"},
		{name: "empty 202 without length", serve: says("HTTP/1.1 202 Accepted\r\n\r\n"), read: "unreadable"},
		{name: "205 with a body", serve: replies("205 Reset Content", jsonType), read: "ok|unreadable"},
		{name: "206 with half a body", serve: answers(func(v *visit) {
			v.answer("206 Partial Content", jsonType+"Content-Range: bytes 0-9/100\r\n", v.good()[:10])
		}), read: "unreadable"},
		{name: "a second answer behind the first", serve: answers(func(v *visit) {
			v.answer("200 OK", jsonType, v.good())
			v.answer("200 OK", jsonType, `{"appUser":{"_id":"stale"},"message":{"_id":"stale"}}`)
			for v.request() {
				v.answer("200 OK", jsonType, v.good())
			}
		}), read: "ok"},
		{name: "HTML page as 200", serve: says("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!doctype html><title>Sign in</title>"), read: "unreadable"},
		{name: "HTML page as 502", serve: says("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html><h1>502</h1></html>"), read: "502", post: "unknown"},
	}
}

// encodingServers compress, or say that they do.
func encodingServers() []hostileServer {
	return []hostileServer{
		{name: "gzip bomb of 1 GiB", serve: answers(func(v *visit) { v.answer("200 OK", gzipped, bomb()) }), read: "too large", large: true},
		{name: "gzip bomb as 500", serve: answers(func(v *visit) { v.answer("500 Broken", gzipped, bomb()) }), read: "500", post: "unknown"},
		{name: "gzip bomb of JSON", serve: answers(func(v *visit) {
			v.answer("200 OK", gzipped, pack(`{"appUser":{"_id":"`+strings.Repeat("A", 20<<20)+`"},"message":{"_id":"m"}}`))
		}), read: "ok", large: true},
		{name: "gzip that breaks off", serve: answers(func(v *visit) { v.answer("200 OK", gzipped, pack(v.good())[:40]) }), read: "unreadable"},
		{name: "gzip with a wrong checksum", serve: answers(func(v *visit) {
			data := []byte(pack(v.good()))
			data[len(data)-6] ^= 1
			v.answer("200 OK", gzipped, string(data))
		}), read: "unreadable"},
		{name: "gzip of gzip", serve: answers(func(v *visit) { v.answer("200 OK", gzipped, pack(pack(v.good()))) }), read: "unreadable"},
		{name: "gzip, twice in the label", serve: answers(func(v *visit) {
			v.answer("200 OK", "Content-Encoding: gzip, gzip\r\n", pack(pack(v.good())))
		}), read: "unreadable"},
		{name: "gzip in the label only", serve: replies("200 OK", gzipped), read: "unreadable"},
		{name: "gzip without the label", serve: answers(func(v *visit) { v.answer("200 OK", jsonType, pack(v.good())) }), read: "unreadable"},
		{name: "gzip with an endless name", serve: answers(func(v *visit) {
			v.send(ok200 + gzipped + "\r\n\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff")
			v.forever("A")
		}), read: "unreadable"},
		{name: "endless empty gzip members", serve: answers(func(v *visit) {
			v.send(ok200 + gzipped + "\r\n")
			v.forever(pack(""))
		}), read: "unreadable"},
		{name: "empty gzip", serve: answers(func(v *visit) { v.answer("200 OK", gzipped, "") }), read: "unreadable"},
		{name: "deflate", serve: answers(func(v *visit) { v.answer("200 OK", "Content-Encoding: deflate\r\n", deflated(v.good())) }), read: "unreadable"},
		{name: "deflate in the label only", serve: replies("200 OK", "Content-Encoding: deflate\r\n"), read: "ok|unreadable"},
		{name: "br", serve: answers(func(v *visit) { v.answer("200 OK", "Content-Encoding: br\r\n", "\x0b\x02\x80{}\x03") }), read: "unreadable"},
		{name: "Transfer-Encoding: gzip", serve: answers(func(v *visit) {
			v.send(ok200 + "Transfer-Encoding: gzip\r\n\r\n" + pack(v.good()))
		}), read: "failed|unreadable", post: "unknown|unreadable"},
		{name: "UTF-16", serve: answers(func(v *visit) {
			v.answer("200 OK", "Content-Type: application/json; charset=utf-16\r\n", "\xff\xfe"+strings.Join(strings.Split(v.good(), ""), "\x00")+"\x00")
		}), read: "unreadable"},
	}
}

const gzipped = "Content-Encoding: gzip\r\n"

func pack(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	w.Close()
	return b.String()
}

func deflated(text string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed)
	_, _ = io.WriteString(w, text)
	w.Close()
	return b.String()
}

// bomb returns 1 GiB of zeros as gzip, which takes 1 MiB. The format allows several members in a
// row, so that only 16 MiB need to be compressed.
var bomb = sync.OnceValue(func() string { return strings.Repeat(pack(strings.Repeat("\x00", 16<<20)), 64) })
