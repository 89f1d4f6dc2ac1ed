package smoochtest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

var controlLogRoutes = []controlRoute{
	{"GET", "calls", listLoggedCalls},
	{"GET", "calls/{id}", getLoggedCall},
	{"GET", "deliveries", listLoggedDeliveries},
	{"GET", "deliveries/{id}", getLoggedDelivery},
	{"POST", "deliveries/{id}/redeliver", redeliverLogged},
}

// bodyJSON returns a body of which data is kept.
func bodyJSON(data []byte, size int) object {
	o := object{"size": size, "truncated": len(data) < size}
	if utf8.Valid(data) {
		o["text"] = string(data)
	} else {
		o["base64"] = base64.StdEncoding.EncodeToString(data)
	}
	return o
}

func headerJSON(h http.Header) object {
	o := object{}
	for name, values := range h {
		o[name] = values
	}
	return o
}

func milli(d time.Duration) float64 { return math.Round(float64(d.Microseconds())) / 1000 }

func callJSON(l *loggedCall, brief bool) object {
	o := object{
		"id": l.id, "at": isoTime(l.at), "milliseconds": milli(l.took), "method": l.Method, "uri": l.URI,
		"operation": l.operation, "version": l.version, "scope": l.scope, "status": l.Status,
	}
	for name, id := range map[string]string{"appId": l.appID, "userId": l.userID} {
		if id != "" {
			o[name] = id
		}
	}
	if l.fault != 0 {
		o["fault"] = l.fault
	}
	if l.refused != nil {
		o["refused"] = l.refused.Error()
	}
	if brief {
		return o
	}
	o["request"] = object{"headers": headerJSON(l.Header), "body": bodyJSON(l.Body, l.bodySize)}
	if l.answer != nil {
		o["answer"] = object{"headers": headerJSON(l.answer.header), "body": bodyJSON(l.answer.body, l.answerSize)}
	}
	return o
}

// deliveryJSON returns a delivery. The caller holds deliveries.mu.
func deliveryJSON(d *delivery, brief bool) object {
	o := object{
		"id": d.id, "at": isoTime(d.at), "appId": d.appID, "webhookId": d.queue.webhookID, "target": d.target,
		"trigger": d.trigger, "version": d.version, "state": d.state,
	}
	if d.userID != "" {
		o["userId"] = d.userID
	}
	if d.state == deliveryRetrying {
		o["nextAttempt"] = isoTime(d.due)
	}
	attempts := []object{}
	for i, a := range d.attempts {
		made := object{
			"number": i + 1, "at": isoTime(a.at), "milliseconds": milli(a.took), "status": a.status,
		}
		if a.err != nil {
			made["error"] = a.err.Error()
		} else if !brief {
			made["headers"], made["body"] = headerJSON(a.header), bodyJSON(a.body, a.size)
		}
		attempts = append(attempts, made)
	}
	o["attempts"] = attempts
	if brief {
		return o
	}
	o["request"] = object{"headers": headerJSON(d.requestHeader(d.secret)), "body": bodyJSON(d.body, len(d.body))}
	other := "v1"
	if d.version == "v1" {
		other = "v1.1"
	}
	o["payloads"] = object{d.version: payloadJSON(d.body), other: payloadJSON(d.other)}
	return o
}

func payloadJSON(body []byte) any {
	if len(body) == 0 {
		return nil
	}
	return json.RawMessage(body)
}

// logQuery is what a caller asks of a log.
type logQuery struct {
	after, limit, count int
	brief               bool
	wait                time.Duration
	text                map[string]string // filters by name, those that are set
}

func (c *control) logQuery(filters ...string) (q logQuery, refusal *reply) {
	for _, p := range []struct {
		name                 string
		otherwise, low, high float64
		set                  func(float64)
	}{
		{"after", 0, 0, math.MaxInt32, func(n float64) { q.after = int(n) }},
		{"limit", 100, 1, 10_000, func(n float64) { q.limit = int(n) }},
		{"count", 1, 1, 10_000, func(n float64) { q.count = int(n) }},
		{"wait", 0, 0, 60, func(n float64) { q.wait = seconds(n) }},
	} {
		n, refusal := c.number(p.name, p.otherwise, p.low, p.high)
		if refusal != nil {
			return q, refusal
		}
		p.set(n)
	}
	q.text = map[string]string{}
	known := append([]string{"after", "limit", "count", "wait", "brief", "app", "user", "status"}, filters...)
	for name, values := range c.request.URL.Query() {
		switch {
		case !slices.Contains(known, name):
			return q, badRequest("there is no parameter " + name)
		case name == "brief":
			q.brief = values[0] != "" && values[0] != "false" && values[0] != "0"
		case values[0] != "":
			q.text[name] = values[0]
		}
	}
	return q, nil
}

// wantsUser reports whether the caller asks for entries about the user with an _id and a userId, or
// about all.
func (q logQuery) wantsUser(id, userID string) bool {
	wanted := q.text["user"]
	return wanted == "" || wanted == id || wanted == userID
}

// fits reports whether values, by the names of filters, are those that the caller asks for.
func (q logQuery) fits(values map[string]string) bool {
	for name, value := range values {
		wanted := q.text[name]
		switch {
		case wanted == "":
		case name == "path":
			if !strings.Contains(value, wanted) {
				return false
			}
		case name == "status" && strings.HasSuffix(wanted, "xx"):
			if len(value) != 3 || value[:1] != wanted[:1] {
				return false
			}
		case name == "method":
			if !strings.EqualFold(value, wanted) {
				return false
			}
		case value != wanted:
			return false
		}
	}
	return true
}

// answerLog answers with the entries of a log that fit, waiting for them if the caller asks for it.
func answerLog[T interface{ entry() *logEntry }](
	c *control, name string, q logQuery, mu *sync.Mutex, log *recent[T],
	fits func(T) bool, toJSON func(v T, brief bool) object,
) *reply {
	deadline := time.NewTimer(q.wait)
	defer deadline.Stop()
	for over := false; ; {
		mu.Lock()
		found := []T{}
		for _, v := range log.all {
			if v.entry().id > q.after && fits(v) {
				found = append(found, v)
			}
		}
		if q.wait == 0 || len(found) >= q.count {
			all := []object{}
			for _, v := range found[max(0, len(found)-q.limit):] {
				all = append(all, toJSON(v, q.brief))
			}
			last := log.last
			mu.Unlock()
			return ok(object{name: all, "last": last})
		}
		changed := log.wait()
		mu.Unlock()
		if over {
			return refuse(408, "request_timeout", fmt.Sprintf(
				"after %v s there are %d of %d %s", q.wait.Seconds(), len(found), q.count, name))
		}
		select {
		case <-changed:
		case <-deadline.C:
			over = true
		case <-c.request.Context().Done():
			over = true
		case <-c.server.ctx.Done():
			over = true
		}
	}
}

func listLoggedCalls(c *control) *reply {
	q, refusal := c.logQuery("operation", "method", "path", "scope")
	if refusal != nil {
		return refusal
	}
	l := &c.server.requests
	return answerLog(c, "calls", q, &l.mu, &l.calls, func(e *loggedCall) bool {
		return e.finished && q.wantsUser(e.userID, e.ownUserID) && q.fits(map[string]string{
			"app": e.appID, "status": strconv.Itoa(e.Status), "operation": e.operation,
			"method": e.Method, "path": e.URI, "scope": e.scope,
		})
	}, callJSON)
}

func getLoggedCall(c *control) *reply {
	l := &c.server.requests
	l.mu.Lock()
	defer l.mu.Unlock()
	id, _ := strconv.Atoi(c.params["id"])
	e, found := l.calls.get(id)
	if !found || !e.finished {
		return notFound("Call")
	}
	return ok(object{"call": callJSON(e, false)})
}

func listLoggedDeliveries(c *control) *reply {
	q, refusal := c.logQuery("webhook", "trigger", "state")
	if refusal != nil {
		return refusal
	}
	states := []deliveryState{"", deliveryWaiting, deliveryRetrying, deliveryDone, deliveryFailed}
	if !slices.Contains(states, deliveryState(q.text["state"])) {
		return badRequest("state must be waiting, retrying, delivered or failed")
	}
	d := c.server.deliveries
	return answerLog(c, "deliveries", q, &d.mu, &d.kept, func(e *delivery) bool {
		status := ""
		if n := len(e.attempts); n > 0 {
			status = strconv.Itoa(e.attempts[n-1].status)
		}
		return q.wantsUser(e.userID, e.ownUserID) && q.fits(map[string]string{
			"app": e.appID, "status": status, "webhook": e.queue.webhookID,
			"trigger": e.trigger, "state": string(e.state),
		})
	}, deliveryJSON)
}

func getLoggedDelivery(c *control) *reply {
	d := c.server.deliveries
	d.mu.Lock()
	defer d.mu.Unlock()
	id, _ := strconv.Atoi(c.params["id"])
	e, found := d.kept.get(id)
	if !found {
		return notFound("Delivery")
	}
	return ok(object{"delivery": deliveryJSON(e, false)})
}

func redeliverLogged(c *control) *reply {
	_, err := c.server.Redeliver(c.params["id"])
	if errors.Is(err, errNoDelivery) {
		return notFound("Delivery")
	}
	if refusal := refusal(err); refusal != nil {
		return refusal
	}
	return getLoggedDelivery(c)
}

func (s *Server) logCall(l *loggedCall) {
	args := []any{"op", l.name(), "status", l.Status, "scope", l.scope, "ms", milli(l.took), "id", l.id}
	if l.refused != nil {
		args = append(args, "refused", l.refused.Error())
	}
	s.config.logger.Info("call", args...)
}

// name returns the operation of a call or, if there is none, what was called.
func (l *loggedCall) name() string {
	if l.operation == "" {
		path, _, _ := strings.Cut(l.URI, "?")
		return l.Method + " " + path
	}
	return l.operation
}

// logDelivery logs the last attempt of a delivery, if there was one.
func (s *Server) logDelivery(d *delivery) {
	n := len(d.attempts)
	if n == 0 {
		return
	}
	args := []any{
		"op", d.trigger, "status", d.attempts[n-1].status, "attempt", n, "state", string(d.state),
		"ms", milli(d.attempts[n-1].took), "id", d.id,
	}
	if err := d.attempts[n-1].err; err != nil {
		args = append(args, "error", err.Error())
	}
	s.config.logger.Info("delivery", args...)
}
