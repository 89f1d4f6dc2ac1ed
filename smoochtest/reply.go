package smoochtest

import (
	"maps"
	"net/http"
	"strconv"
	"time"
)

// reply is the answer to a call. A function that may refuse a call returns nil to let it pass.
type reply struct {
	status     int
	header     http.Header
	body       []byte
	bodyUnread bool // nobody has accepted the call, so nobody waits for the rest of its body
}

// withBodyUnread returns the answer to a call whose body is of no interest.
func (a *reply) withBodyUnread() *reply {
	a.bodyUnread = true
	return a
}

// jsonReply encodes the body at once, as it may share state that the server's lock guards.
func jsonReply(status int, body any) *reply {
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	return &reply{status: status, header: header, body: encode(body)}
}

func ok(body any) *reply      { return jsonReply(200, body) }
func created(body any) *reply { return jsonReply(201, body) }
func noBody() *reply          { return &reply{status: 200, header: http.Header{}} }

func refuse(status int, code, description string) *reply {
	return jsonReply(status, object{"error": object{"code": code, "description": description}})
}

func badRequest(description string) *reply { return refuse(400, "bad_request", description) }
func unauthorized() *reply                 { return refuse(401, "unauthorized", "Authorization is required") }
func forbidden() *reply                    { return refuse(403, "forbidden", "Invalid scope") }
func notFound(what string) *reply          { return notFoundAs(what + " not found") }
func notFoundAs(description string) *reply { return refuse(404, "not_found", description) }
func conflict(description string) *reply   { return refuse(409, "conflict", description) }
func tooLarge(what string) *reply          { return refuse(413, "request_too_large", what+" too large") }

func methodNotAllowed() *reply { return refuse(405, "method_not_allowed", "Method not allowed") }

func tooManyRequests(retryAfter time.Duration) *reply {
	answer := refuse(429, "too_many_requests", "Too many requests")
	answer.header.Set("Retry-After", wholeSeconds(retryAfter))
	return answer
}

// write sends the answer. If truncate is set, it sends only the first half of the body.
func (a *reply) write(w http.ResponseWriter, r *http.Request, truncate bool) {
	header := w.Header()
	maps.Copy(header, a.header)
	body := a.body
	if truncate {
		body = body[:len(body)/2]
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if a.bodyUnread && r.ContentLength != 0 {
		header.Set("Connection", "close") // else net/http waits for the body before it sends the answer
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // fails if the caller is gone, who needs no answer then
	}
}
