package smooch

import (
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
)

// A writeTrace records whether a request can have reached the service.
type writeTrace struct {
	hooks    httptrace.ClientTrace
	supports atomic.Bool // the transport calls the hooks
	http2    atomic.Bool // the version of the connection
	wrote    atomic.Bool // the header has been written, and perhaps the body
}

func newWriteTrace(transport http.RoundTripper) *writeTrace {
	t := &writeTrace{}
	own, ok := transport.(*http.Transport)
	t.supports.Store(ok)
	if !ok {
		t.hooks.GetConn = func(string) { t.supports.Store(true) }
	}
	t.hooks.GotConn = func(info httptrace.GotConnInfo) {
		c, ok := info.Conn.(interface{ ConnectionState() tls.ConnectionState })
		t.http2.Store(ok && c.ConnectionState().NegotiatedProtocol == "h2")
	}
	if !ok || own.Protocols != nil && own.Protocols.UnencryptedHTTP2() {
		t.hooks.WroteHeaderField = func(name string, _ []string) {
			if strings.HasPrefix(name, ":") { // such as ":method", which only HTTP/2 has
				t.http2.Store(true)
			}
		}
	}
	t.hooks.WroteHeaders = func() { t.wrote.Store(true) }
	return t
}

// knowsUnwritten reports whether it is certain that the request was not written. That is false if
// the transport does not call the hooks.
func (t *writeTrace) knowsUnwritten() bool {
	return t != nil && t.supports.Load() && !t.wrote.Load()
}
