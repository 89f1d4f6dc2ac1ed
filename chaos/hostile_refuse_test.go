package chaos

import (
	"encoding/json"
	"strings"
)

// refusingServers answer with a status that is not 2xx.
func refusingServers() []hostileServer {
	return []hostileServer{
		{name: "redirect to itself", serve: answers(func(v *visit) {
			v.answer("302 Found", "Location: "+v.req.URL.String()+"\r\n", "")
		}), read: "302"},
		{name: "301 to another host", serve: redirects("301 Moved Permanently"), read: "301"},
		{name: "302 to another host", serve: redirects("302 Found"), read: "302"},
		{name: "303 to another host", serve: redirects("303 See Other"), read: "303"},
		{name: "307 to another host", serve: redirects("307 Temporary Redirect"), read: "307"},
		{name: "308 to another host", serve: redirects("308 Permanent Redirect"), read: "308"},
		{name: "300 with choices", serve: redirects("300 Multiple Choices"), read: "300"},
		{name: "Location with a header in it", serve: replies("302 Found", "Location: /x%0d%0aX-Injected:%201\r\n"), read: "302"},
		{name: "Location of 1 MiB", serve: replies("302 Found", "Location: /"+strings.Repeat("A", 1<<20)+"\r\n"), read: "302"},
		{name: "Location javascript:", serve: replies("302 Found", "Location: javascript:alert(1)\r\n"), read: "302"},
		{name: "Location that is no URL", serve: replies("302 Found", "Location: http://[::1\r\n"), read: "302"},
		{name: "redirect without Location", serve: replies("302 Found", ""), read: "302"},
		{name: "other service by Alt-Svc and Refresh", serve: answers(func(v *visit) {
			v.answer("200 OK", "Alt-Svc: h2=\""+strings.TrimPrefix(v.trap, "http://")+"\"\r\nRefresh: 0; url="+v.trap+"\r\n", v.good())
		}), read: "ok"},
		{name: "304", serve: replies("304 Not Modified", ""), read: "304"},
		{name: "305 Use Proxy", serve: redirects("305 Use Proxy"), read: "305"},
		{name: "401 for ever", serve: replies("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n"), read: "401"},
		{name: "407", serve: replies("407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"x\"\r\n"), read: "407"},
		{name: "408", serve: replies("408 Request Timeout", "Connection: close\r\n"), read: "408"},
		{name: "421", serve: replies("421 Misdirected Request", ""), read: "421"},
		{name: "501", serve: replies("501 Not Implemented", ""), read: "501"},
		{name: "599", serve: replies("599 Odd", ""), read: "599", post: "unknown"},
		{name: "429, Retry-After for 292 years", serve: replies("429 Slow", "Retry-After: 9223372036\r\n"), read: "429"},
		{name: "429, Retry-After beyond 64 bits", serve: replies("429 Slow", "Retry-After: 99999999999999999999\r\n"), read: "429"},
		{name: "429, Retry-After 1e308", serve: replies("429 Slow", "Retry-After: 1e308\r\n"), read: "429"},
		{name: "429, Retry-After negative", serve: replies("429 Slow", "Retry-After: -5\r\n"), read: "429"},
		{name: "429, Retry-After NaN", serve: replies("429 Slow", "Retry-After: NaN\r\n"), read: "429"},
		{name: "429, Retry-After infinite", serve: replies("429 Slow", "Retry-After: Inf\r\n"), read: "429"},
		{name: "429, Retry-After in 9999", serve: replies("429 Slow", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n"), read: "429"},
		{name: "429, Retry-After in 1970", serve: replies("429 Slow", "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n"), read: "429"},
		{name: "429, Date is noise", serve: replies("429 Slow", "Date: yesterday\r\nRetry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n"), read: "429"},
		{name: "429, Date of the year 1", serve: replies("429 Slow", "Date: Mon, 01 Jan 0001 00:00:00 GMT\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n"), read: "429"},
		{name: "429, 1,000 times Retry-After", serve: replies("429 Slow", strings.Repeat("Retry-After: 0\r\n", 1000)), read: "429"},
		{name: "503, Retry-After for 292 years", serve: replies("503 Down", "Retry-After: 9223372036\r\n"), read: "503", post: "unknown"},
		{name: "503, Retry-After is noise", serve: replies("503 Down", "Retry-After: soon\r\n"), read: "503", post: "unknown"},
		{name: "repeats the request in the description", serve: repeats("400 Bad Request", `{"error":{"code":"bad_request","description":TEXT}}`), read: "400"},
		{name: "repeats the credential in the code", serve: answers(func(v *visit) {
			v.answer("422 Odd", jsonType, `{"error":{"code":"`+v.req.Header.Get("Authorization")+`"}}`)
		}), read: "422"},
		{name: "repeats the request in errors[].title", serve: repeats("400 Bad Request", `{"errors":[{"code":"a","title":TEXT}]}`), read: "400"},
		{name: "repeats the request as error", serve: repeats("400 Bad Request", `{"error":TEXT}`), read: "400"},
		{name: "repeats the request in a 401", serve: repeats("401 Unauthorized", `{"error":{"code":"unauthorized","description":TEXT}}`), read: "401"},
		{name: "repeats the request in a 503", serve: repeats("503 Down", `{"error":{"code":"down","description":TEXT}}`), read: "503", post: "unknown"},
		{name: "repeats the request as HTML", serve: repeats("502 Bad Gateway", `<html>TEXT</html>`), read: "502", post: "unknown"},
		{name: "repeats the request in a 200", serve: repeats("200 OK", `{"appUser":TEXT,"message":TEXT}`), read: "unreadable"},
		{name: "repeats the request as 200", serve: repeats("200 OK", `TEXT`), read: "unreadable"},
		{name: "repeats the request in the status", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 " + strings.ReplaceAll(v.seen(), "\n", " ") + "\r\n\r\n")
		}), read: "failed", post: "unknown"},
		{name: "repeats the request in the reason", serve: answers(func(v *visit) {
			v.answer("400 "+strings.ReplaceAll(v.seen(), "\n", " "), "", "")
		}), read: "400"},
		{name: "repeats the request in a broken header", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 200 OK\r\n" + strings.ReplaceAll(v.seen(), ":", "") + "\r\n\r\n")
		}), read: "failed", post: "unknown"},
		{name: "repeats the request in the length", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 200 OK\r\nContent-Length: " + strings.ReplaceAll(v.seen(), "\n", " ") + "\r\n\r\n")
		}), read: "failed", post: "unknown"},
		{name: "repeats the request in a chunk", serve: answers(func(v *visit) {
			v.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.ReplaceAll(v.seen(), "\n", " ") + "\r\n\r\n")
		}), read: "unreadable"},
	}
}

// seen returns everything that the last request told the server.
func (v *visit) seen() string {
	return strings.Join([]string{v.req.Header.Get("Authorization"), v.req.URL.String(), v.req.URL.Path, v.req.URL.Query().Get("q"), v.sent[:min(len(v.sent), 1000)]}, "\n")
}

// repeats returns what answers requests with text, in which TEXT stands for what they said, as
// JSON.
func repeats(status, text string) func(*visit) {
	return func(v *visit) {
		for v.request() {
			seen, _ := json.Marshal(v.seen())
			v.answer(status, jsonType, strings.ReplaceAll(text, "TEXT", string(seen)))
		}
	}
}

// redirects returns what redirects requests to another host.
func redirects(status string) func(*visit) {
	return func(v *visit) {
		for v.request() {
			v.answer(status, "Location: "+v.trap+"/v1.1/elsewhere\r\n", "")
		}
	}
}
