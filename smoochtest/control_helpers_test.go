package smoochtest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/smoochtest"
)

// controls drives a server over HTTP, as a client in any language does. It compares every answer
// with the document that the server has of its controls.
type controls struct {
	t        *testing.T
	server   *smoochtest.Server
	document map[string]any
}

func newControls(t *testing.T, server *smoochtest.Server) controls {
	c := controls{t, server, nil}
	_, data := c.send("GET", "", "")
	require.NoError(t, json.Unmarshal(data, &c.document))
	return c
}

// send sends a request to a path, under /_sandbox/ if it does not begin with a slash. The headers
// are lines such as "Origin: x".
func (c controls) send(method, path, body string, headers ...string) (status int, answer []byte) {
	c.t.Helper()
	if !strings.HasPrefix(path, "/") {
		path = "/_sandbox/" + path
	}
	// An answer may be a stream by mistake.
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.server.URL+path, strings.NewReader(body))
	require.NoError(c.t, err)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if req.Header.Set(name, value); name == "Host" {
			req.Host = value
		}
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	require.NoError(c.t, err, "%s %s: %d, and then", method, path, resp.StatusCode)
	return resp.StatusCode, answer
}

// call checks the status of the answer, compares it with the document and returns its JSON. {} in
// paths of the document stands for anything.
func (c controls) call(status int, method, path, body string) map[string]any {
	c.t.Helper()
	got, data := c.send(method, path, body)
	require.Equal(c.t, status, got, "%s %s %s: %s", method, path, body, data)
	var answer map[string]any
	require.NoError(c.t, json.Unmarshal(data, &answer))
	path, _, _ = strings.Cut(path, "?")
	for name, operations := range c.document["paths"].(map[string]any) {
		operation := at(operations, strings.ToLower(method))
		if operation == nil || !pathFits(name, "/_sandbox/"+path) {
			continue
		}
		if schema := at(operation, "requestBody", "content", "application/json", "schema"); schema != nil && status < 300 && body != "" {
			var sent any
			require.NoError(c.t, json.Unmarshal([]byte(body), &sent))
			c.fits(schema, sent, "what was sent")
		}
		response := at(operation, "responses", fmt.Sprint(status))
		if response == nil {
			response = at(c.resolve(at(operation, "responses", "default")))
		}
		c.fits(at(response, "content", "application/json", "schema"), answer, "the answer")
		return answer
	}
	c.t.Fatalf("the document lacks %s %s", method, path)
	return nil
}

func pathFits(pattern, path string) bool {
	words, segments := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(words) != len(segments) {
		return false
	}
	for i, word := range words {
		if !strings.HasPrefix(word, "{") && word != segments[i] {
			return false
		}
	}
	return true
}

// resolve follows a $ref of the document.
func (c controls) resolve(schema any) any {
	ref, isRef := at(schema, "$ref").(string)
	if !isRef {
		return schema
	}
	resolved := at(c.document, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	require.NotNil(c.t, resolved, ref)
	return resolved
}

// fits checks a value against a schema of the document. Members that the schema does not name are
// wrong, unless it allows them.
func (c controls) fits(schema, value any, where string) {
	c.t.Helper()
	s, isSchema := c.resolve(schema).(map[string]any)
	require.True(c.t, isSchema, "%s has no schema", where)
	if parts, isUnion := s["allOf"].([]any); isUnion {
		all := map[string]any{}
		for _, part := range parts {
			maps.Copy(all, at(c.resolve(part), "properties").(map[string]any))
		}
		s = map[string]any{"type": "object", "properties": all, "required": at(c.resolve(parts[1]), "required")}
	}
	types, several := s["type"].([]any)
	if !several {
		types = []any{s["type"]}
	}
	if !assert.Contains(c.t, types, typeOf(value, types), "%s: %v", where, value) {
		return
	}
	if allowed, limited := s["enum"].([]any); limited {
		assert.Contains(c.t, allowed, value, where)
	}
	switch v := value.(type) {
	case string:
		if s["format"] == "date-time" {
			_, err := time.Parse(time.RFC3339, v)
			assert.NoError(c.t, err, where)
		}
	case []any:
		for i, item := range v {
			c.fits(s["items"], item, fmt.Sprintf("%s[%d]", where, i))
		}
	case map[string]any:
		required, _ := s["required"].([]any)
		for _, name := range required {
			assert.Contains(c.t, v, name, where)
		}
		for name, member := range v {
			property := at(s["properties"], name)
			switch additional := s["additionalProperties"].(type) {
			case nil:
				if !assert.NotNil(c.t, property, "%s has the unknown member %s", where, name) {
					continue
				}
			case map[string]any:
				if property == nil {
					property = additional
				}
			}
			if property != nil {
				c.fits(property, member, where+"."+name)
			}
		}
	}
}

// typeOf returns the type of a JSON value as schemas name it.
func typeOf(value any, wanted []any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case float64:
		if slices.Contains(wanted, any("integer")) && v == float64(int(v)) {
			return "integer"
		}
		return "number"
	default:
		return "object"
	}
}

// feedEvent is an event of the stream at /_sandbox/events.
type feedEvent struct {
	id, name string
	data     map[string]any
}

// feed reads the stream of events.
type feed struct {
	c      controls
	mu     sync.Mutex
	events []feedEvent
	ended  chan struct{}
	stop   func() error
}

// watch opens the stream and returns when its first event is there.
func (c controls) watch(lastID string) *feed {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), "GET", c.server.URL+"/_sandbox/events", nil)
	require.NoError(c.t, err)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(c.t, err)
	require.Equal(c.t, "text/event-stream", resp.Header.Get("Content-Type"))
	f := &feed{c: c, ended: make(chan struct{}), stop: resp.Body.Close}
	c.t.Cleanup(func() { _ = resp.Body.Close() })
	go func() {
		defer close(f.ended)
		var e feedEvent
		data := "" // of e; the last line of a stream that is cut is not whole
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				data = value
			case "":
				if err := json.Unmarshal([]byte(data), &e.data); e.name != "" && err != nil {
					c.t.Error(err)
				}
				f.mu.Lock()
				if e.name != "" { // not a comment
					f.events = append(f.events, e)
				}
				f.mu.Unlock()
				e = feedEvent{}
			}
		}
	}()
	require.Equal(c.t, "hello", f.next("hello").name)
	return f
}

// next waits for the next event with the name and drops those before it.
func (f *feed) next(name string) feedEvent {
	f.c.t.Helper()
	var found feedEvent
	require.Eventually(f.c.t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for i, e := range f.events {
			if e.name == name {
				found, f.events = e, f.events[i+1:]
				return true
			}
		}
		return false
	}, 30*time.Second, time.Millisecond, "no event %s; there are %v", name, f.names())
	return found
}

// names returns the names of the events that were not asked for yet.
func (f *feed) names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, e := range f.events {
		all = append(all, e.name)
	}
	return all
}

func decode(text string, to any) error { return json.Unmarshal([]byte(text), to) }

// encode returns JSON whose members are in the order of their names.
func encode(t *testing.T, value any) string {
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return string(data)
}
