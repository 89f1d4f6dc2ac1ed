package smooch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestSendTokenUnderFaults sends messages to a service of which three answers in ten are faults,
// and compares what the callers are told with what the service has carried out. A call that did not
// succeed is made again with WithSentSince, as for an event that is delivered again.
func TestSendTokenUnderFaults(t *testing.T) {
	t.Parallel()
	const callers = 32
	tests := []struct {
		attempts int           // MaxAttempts; 0: the default
		dateOff  time.Duration // how far the Date header is ahead of the clock that dates messages
		sends    int           // of each caller
		unknown  int           // at most so many of a thousand sends
	}{
		{0, 10 * time.Second, 100, 5},
		{10, 10 * time.Second, 25, 0},
		{10, -10 * time.Second, 25, 0},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.attempts, " attempts, Date off by ", test.dateOff), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &faultyService{
					dateOff:    test.dateOff,
					random:     rand.New(rand.NewPCG(9, uint64(test.attempts))),
					carriedOut: map[string]int{},
					history:    map[string][]stored{},
				}
				c := fakeClient(t, s.serve, WithRetryPolicy(RetryPolicy{MaxAttempts: test.attempts}), WithTimeout(2*time.Second))
				var tally sendTally
				var done sync.WaitGroup
				for caller := range callers {
					done.Go(func() {
						for n := range test.sends {
							user := fmt.Sprint("user", caller, "-", n/25) // whose history stays short
							s.send(t, c, &tally, user, fmt.Sprint(caller, "-", n))
						}
					})
				}
				done.Wait()
				time.Sleep(time.Minute) // until everything is carried out
				for token, times := range s.carriedOut {
					assert.Equal(t, 1, times, "message %s", token)
				}
				assert.Len(t, s.carriedOut, callers*test.sends, "no message is missing")
				assert.LessOrEqual(t, tally.unknown*1000, test.unknown*callers*test.sends)
				assert.Greater(t, s.faults, callers*test.sends/4)
				t.Logf("%d sends, %d faults: %d successes, %d unread, %d unknown, %d refused",
					callers*test.sends, s.faults, tally.succeeded, tally.unread, tally.unknown, tally.refused)
			})
		})
	}
}

// sendTally counts what the first calls for the messages returned.
type sendTally struct {
	mu                                  sync.Mutex
	succeeded, unread, unknown, refused int
}

// send sends one message until a call succeeds, and checks what the first call reports.
func (s *faultyService) send(t *testing.T, c *Client, tally *sendTally, user, token string) {
	began := time.Now()
	got, err := c.Conversations.PostMessage(t.Context(), user, TextMessage("Your code is 7."), WithSendToken(token))
	time.Sleep(10 * time.Second) // until it has been carried out and the history shows it
	s.mu.Lock()
	times := s.carriedOut[token]
	s.mu.Unlock()
	tally.mu.Lock()
	_, unread := errors.AsType[*DecodeError](err)
	switch {
	case err == nil:
		tally.succeeded++
		assert.Equal(t, 1, times, "a success")
		assert.Equal(t, token, got.Message.Metadata[sendTokenKey])
	case unread:
		tally.unread++
		assert.Equal(t, 1, times, "a success: %v", err)
	case errors.Is(err, ErrOutcomeUnknown):
		tally.unknown++
	default:
		tally.refused++
		assert.Zero(t, times, "a refusal: %v", err)
	}
	tally.mu.Unlock()
	for err != nil {
		_, err = c.Conversations.PostMessage(t.Context(), user, TextMessage("Your code is 7."), WithSendToken(token), WithSentSince(began))
		time.Sleep(10 * time.Second)
	}
}

// faultyService takes messages and shows the history, with faults in three of ten answers.
type faultyService struct {
	dateOff time.Duration

	mu         sync.Mutex
	random     *rand.Rand
	faults     int
	carriedOut map[string]int // by token
	history    map[string][]stored
}

func (s *faultyService) serve(r *http.Request) (*http.Response, error) {
	user := strings.Split(r.URL.Path, "/")[3]
	now := time.Now()
	date := "Date: " + now.Add(s.dateOff).UTC().Format(http.TimeFormat)
	s.mu.Lock()
	kind, late, lag := s.random.IntN(60), 50+s.random.IntN(251), s.random.IntN(2000)
	if kind < 18 {
		s.faults++
	}
	s.mu.Unlock()
	work := func() string { return s.page(r, user, now.Add(-time.Duration(lag)*time.Millisecond)) }
	status := 200
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		work, status = func() string { return s.carryOut(user, body) }, 201
	}
	failing := [...]int{500, 502, 503, 504}
	switch kind {
	case 0: // refused
		return nil, errDial
	case 1: // reset before reading
		return nil, errReset
	case 2: // reset after carrying out
		work()
		return nil, errReset
	case 3: // reset while answering
		work()
		broken := brokenAnswer()
		broken.StatusCode = status
		return broken, nil
	case 4, 5, 6, 7:
		return answer(failing[kind-4], `<html>`, date), nil
	case 8, 9, 10, 11:
		work()
		return answer(failing[kind-8], `<html>`, date), nil
	case 12:
		return answer(429, ``, date, "Retry-After: 1"), nil
	case 13:
		return answer(429, ``, date, "Retry-After: "+now.Add(s.dateOff+time.Second).UTC().Format(http.TimeFormat)), nil
	case 14:
		return answer(429, ``, date), nil
	case 15, 16: // longer than the timeout, and carried out or not
		<-r.Context().Done()
		if kind == 16 {
			work()
		}
		return nil, context.Cause(r.Context())
	case 17: // carried out late
		time.AfterFunc(time.Duration(late)*time.Millisecond, func() { work() })
		return nil, errReset
	}
	return answer(status, work(), date), nil
}

// carryOut puts a message into the history of the user and returns the response.
func (s *faultyService) carryOut(user string, body []byte) string {
	var m map[string]any
	_ = json.Unmarshal(body, &m)
	token := m["metadata"].(map[string]any)[sendTokenKey].(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carriedOut[token]++
	m["_id"], m["received"] = token, float64(time.Now().UnixMilli())/1000
	s.history[user] = append(s.history[user], stored{m, time.Now(), time.Now()})
	response, _ := json.Marshal(map[string]any{"message": m})
	return string(response)
}

// page returns the page of the user's history that r asks for, as it was at the time at.
func (s *faultyService) page(r *http.Request, user string, at time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	visible := inbox{}
	for _, m := range s.history[user] {
		if !m.received.After(at) {
			visible.kept = append(visible.kept, m)
		}
	}
	return visible.page(r)
}
