package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/require"
)

// quiet is the option of a receiver that logs nothing.
func quiet() smooch.ReceiverOption {
	return smooch.WithReceiverLogger(slog.New(slog.DiscardHandler))
}

// TestChaosOddEvents delivers every event of testdata with each of its members replaced by a value
// of another type, to receivers that have a function for the type of the event and for nothing
// else. What is acknowledged without a call of the function is lost for good.
func TestChaosOddEvents(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/webhooks/*/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	tries := 0
	var lost []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		event, err := smooch.ParseEvent(data)
		require.NoError(t, err, file)
		if _, unknown := event.(*smooch.UnknownEvent); unknown {
			continue
		}
		var value any
		require.NoError(t, json.Unmarshal(data, &value))
		for path, mutate := range members(value, "") {
			if path == ".trigger" { // it says what the event is
				continue
			}
			for _, odd := range []string{`null`, `true`, `-1.5e3`, `"odd"`, `[]`, `[1]`, `{}`, `{"a":[null]}`} {
				body := mutate(json.RawMessage(odd))
				tries++
				status, called := deliverTo(t, event, body)
				if status < 300 && !called {
					lost = append(lost, fmt.Sprintf("%s %s=%s", filepath.Base(file), path, odd))
				}
			}
		}
	}
	slices.Sort(lost)
	t.Log(strings.Join(lost[:min(len(lost), 20)], "\n"))
	record(t, result{"delivery: members of other types", tries, "0 acknowledged and lost", fmt.Sprintf("%d lost", len(lost)), len(lost) == 0})
}

// members returns a function for each member and element in value, by its path. It returns the
// whole value, encoded, with another value in that place.
func members(value any, path string) map[string]func(json.RawMessage) []byte {
	all := map[string]func(json.RawMessage) []byte{}
	root := value
	var walk func(value any, path string)
	walk = func(value any, path string) {
		switch value := value.(type) {
		case map[string]any:
			for name, member := range value {
				all[path+"."+name] = func(odd json.RawMessage) []byte {
					value[name] = odd
					defer func() { value[name] = member }()
					data, _ := json.Marshal(root)
					return data
				}
				walk(member, path+"."+name)
			}
		case []any:
			for i, element := range value {
				all[fmt.Sprintf("%s[%d]", path, i)] = func(odd json.RawMessage) []byte {
					value[i] = odd
					defer func() { value[i] = element }()
					data, _ := json.Marshal(root)
					return data
				}
				walk(element, fmt.Sprintf("%s[%d]", path, i))
			}
		}
	}
	walk(value, path)
	return all
}

// deliverTo delivers body to a new receiver with a function for the type of event.
func deliverTo(t *testing.T, event smooch.Event, body []byte) (status int, called bool) {
	receiver, err := smooch.NewWebhookReceiver([]string{webhookSecret}, quiet())
	require.NoError(t, err)
	handle := func(smooch.Event) { called = true }
	switch event.(type) {
	case *smooch.MessageEvent:
		smooch.Handle(receiver, func(_ context.Context, e *smooch.MessageEvent) error { handle(e); return nil })
	case *smooch.PostbackEvent:
		smooch.Handle(receiver, func(_ context.Context, e *smooch.PostbackEvent) error { handle(e); return nil })
	case *smooch.ConversationEvent:
		smooch.Handle(receiver, func(_ context.Context, e *smooch.ConversationEvent) error { handle(e); return nil })
	case *smooch.DeliveryEvent:
		smooch.Handle(receiver, func(_ context.Context, e *smooch.DeliveryEvent) error { handle(e); return nil })
	case *smooch.MergeEvent:
		smooch.Handle(receiver, func(_ context.Context, e *smooch.MergeEvent) error { handle(e); return nil })
	case *smooch.PaymentEvent:
		smooch.Handle(receiver, func(_ context.Context, e *smooch.PaymentEvent) error { handle(e); return nil })
	case *smooch.LinkEvent:
		smooch.Handle(receiver, func(_ context.Context, e *smooch.LinkEvent) error { handle(e); return nil })
	case *smooch.TypingEvent:
		smooch.Handle(receiver, func(_ context.Context, e *smooch.TypingEvent) error { handle(e); return nil })
	case *smooch.ClientEvent:
		smooch.Handle(receiver, func(_ context.Context, e *smooch.ClientEvent) error { handle(e); return nil })
	case *smooch.AppUserDeleteEvent:
		smooch.Handle(receiver, func(_ context.Context, e *smooch.AppUserDeleteEvent) error { handle(e); return nil })
	case *smooch.NotificationEvent:
		smooch.Handle(receiver, func(_ context.Context, e *smooch.NotificationEvent) error { handle(e); return nil })
	default:
		t.Fatalf("no function for %v", reflect.TypeOf(event))
	}
	status = deliverBody(t.Context(), receiver, body)
	return status, called
}

func deliverBody(ctx context.Context, receiver http.Handler, body []byte) (status int) {
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/smooch", bytes.NewReader(body))
	req.Header.Set("X-API-Key", webhookSecret)
	w := httptest.NewRecorder()
	receiver.ServeHTTP(w, req)
	return w.Code
}

// hurting are bodies that are expensive to decode: what they begin with, what is repeated until
// they have 1 MiB, and what they end with.
var hurting = map[string][3]string{
	"empty objects":          {`{"trigger":"message:appUser","messages":[{}`, `,{}`, `]}`},
	"empty clients":          {`{"trigger":"message:appUser","appUser":{"clients":[{}`, `,{}`, `]},"messages":[]}`},
	"empty actions":          {hurtingMessage + `,"actions":[{}`, `,{}`, `]}]}`},
	"items with actions":     {hurtingMessage + `,"items":[{}`, `,{"actions":[{},{}]}`, `]}]}`},
	"nulls":                  {`{"trigger":"message:appUser","messages":[null`, `,null`, `]}`},
	"numbers as messages":    {`{"trigger":"message:appUser","messages":[1`, `,1`, `]}`},
	"members of wrong types": {hurtingMessage, `,"text":1`, `}]}`},
	"small metadata":         {hurtingMessage + `,"metadata":{"a":1`, `,"b":2`, `}}]}`},
	"nested objects":         {hurtingMessage + `,"metadata":`, `{"a":`, ``},
	"nested arrays":          {`{"trigger":"message:appUser","x":`, `[`, ``},
	"nested and closed":      {hurtingMessage + `,"x":` + strings.Repeat(`{"a":`, 9000) + `1` + strings.Repeat(`}`, 9000), ` `, `}]}`},
	"escapes":                {hurtingMessage + `,"text":"`, `\u0041`, `"}]}`},
	"digits":                 {hurtingMessage + `,"received":`, `9`, `}]}`},
	"postbacks":              {`{"trigger":"postback","postbacks":[{}`, `,{}`, `]}`},
	"discarded users":        {`{"trigger":"merge:appUser","surviving":{"_id":"a"},"discarded":[{}`, `,{}`, `]}`},
	"unknown trigger":        {`{"trigger":"new:event","x":[{}`, `,{}`, `]}`},
}

const hurtingMessage = `{"trigger":"message:appUser","appUser":{"_id":"u1"},"messages":[{"_id":"m1","role":"appUser"`

// decodeHurting is the role of a process that receives a body of hurting.
func decodeHurting(args json.RawMessage, out *json.Encoder) error {
	var name string
	if err := json.Unmarshal(args, &name); err != nil {
		return err
	}
	receiver, err := smooch.NewWebhookReceiver([]string{webhookSecret}, quiet())
	if err != nil {
		return err
	}
	smooch.Handle(receiver, func(context.Context, smooch.Event) error { return nil })
	text := hurting[name]
	body := []byte(text[0] + strings.Repeat(text[1], (1<<20-len(text[0])-len(text[2]))/len(text[1])) + text[2])
	began := time.Now()
	deliverBody(context.Background(), receiver, body)
	return out.Encode(hostileResult{Took: time.Since(began), Peak: peakMemory()})
}

// TestChaosHurtingEvents delivers bodies that are expensive to decode to a process each.
func TestChaosHurtingEvents(t *testing.T) {
	heavy(t)
	const most, memory = 500 * time.Millisecond, 200
	var worst hostileResult
	for name := range hurting {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		best := hostileResult{Took: time.Hour}
		for range 5 { // a busy machine delays everything
			p, err := startChild(ctx, "hurt", name)
			require.NoError(t, err)
			var r hostileResult
			require.NoError(t, p.result(&r), name)
			p.end()
			if r.Took < best.Took {
				best = r
			}
			if best.Took <= most {
				break
			}
		}
		cancel()
		t.Logf("%s: %v, %d MiB", name, millis(best.Took), best.Peak)
		worst.Took, worst.Peak = max(worst.Took, best.Took), max(worst.Peak, best.Peak)
	}
	record(t, result{
		"delivery: 1 MiB of JSON made to hurt", len(hurting), fmt.Sprintf("%v, %d MiB", most, memory),
		fmt.Sprintf("%v, %d MiB", millis(worst.Took), worst.Peak), worst.Took <= most && worst.Peak <= memory || raceEnabled(),
	})
}

// TestChaosOddRequests sends a receiver requests that are none, or that take for ever.
func TestChaosOddRequests(t *testing.T) {
	t.Parallel()
	receiver, err := smooch.NewWebhookReceiver([]string{webhookSecret}, quiet(), smooch.WithHandlerTimeout(500*time.Millisecond))
	require.NoError(t, err)
	smooch.Handle(receiver, func(context.Context, smooch.Event) error { return nil })
	server := httptest.NewServer(receiver)
	t.Cleanup(server.Close)
	const head = "POST /smooch HTTP/1.1\r\nHost: a\r\nX-API-Key: " + webhookSecret + "\r\n"
	tests := []struct {
		name, request, drip string
		status              string // of the answer; alternatives separated by |
	}{
		{"body that drips", head + "Content-Length: 1000\r\n\r\n{", " ", "503|408|400|closed"},
		{"chunks that drip", head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", "503|408|400|closed"},
		{"body that never comes", head + "Content-Length: 1000\r\n\r\n", "", "503|408|400|closed"},
		{"gzip", head + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "", "415"},
		{"br", head + "Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}", "", "415"},
		{"two secrets", head + "X-API-Key: other\r\nContent-Length: 2\r\n\r\n{}", "", "401"},
		{"empty secret", "POST / HTTP/1.1\r\nHost: a\r\nX-API-Key:\r\nContent-Length: 2\r\n\r\n{}", "", "401"},
		{"no secret, and a body that never comes", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", "", "401"},
		{"body over the limit", head + "Content-Length: 2000000\r\n\r\n" + strings.Repeat(" ", 2_000_000), "", "413|closed"},
		{"no JSON", head + "Content-Length: 3\r\n\r\nabc", "", "400"},
		{"an array", head + "Content-Length: 2\r\n\r\n[]", "", "400"},
		{"HEAD", "HEAD /smooch HTTP/1.1\r\nHost: a\r\n\r\n", "", "200"},
		{"DELETE", "DELETE /smooch HTTP/1.1\r\nHost: a\r\n\r\n", "", "405"},
	}
	var bad []string
	var worst time.Duration
	var dialer net.Dialer
	for _, test := range tests {
		conn, err := dialer.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
		began := time.Now()
		answered := make(chan string, 1)
		go func() {
			answer, err := io.ReadAll(io.LimitReader(conn, 12))
			switch {
			case len(answer) == 12:
				answered <- string(answer[9:])
			case os.IsTimeout(err):
				answered <- "no answer"
			default:
				answered <- "closed"
			}
		}()
		_, _ = io.WriteString(conn, test.request)
		var status string
		for status == "" {
			select {
			case status = <-answered:
			case <-time.After(50 * time.Millisecond):
				if test.drip != "" {
					_, _ = io.WriteString(conn, test.drip)
				}
			}
		}
		conn.Close()
		worst = max(worst, time.Since(began))
		if !oneOf(test.status, status) {
			bad = append(bad, fmt.Sprintf("%s: %s", test.name, status))
		}
	}
	record(t, result{
		"delivery: odd requests", len(tests), "right status, 2s with a timeout of 500ms",
		strings.Join(append([]string{millis(worst).String()}, bad...), "; wrong: "), len(bad) == 0 && (worst < 2*time.Second || raceEnabled()),
	})
}
