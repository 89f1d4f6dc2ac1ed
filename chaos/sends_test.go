package chaos

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
)

const callers = 32

// A sendRun posts messages through a service that fails 30 % of the requests.
type sendRun struct {
	name        string
	sends       int
	policy      smooch.RetryPolicy
	token       bool
	loses       bool // the service does not keep metadata
	restarts    bool // the process dies while it sends, and another one sends the message again
	mostUnknown int  // -1: any number
	bound       string
}

// A tally counts what became of messages.
type tally struct {
	sends, twice, wrong int
	said                [3]int // by what the client said
}

func TestChaosSends(t *testing.T) { //nolint:tparallel // the outer t.Run waits for all
	t.Parallel()
	small := sized(1, 0) // at small size, one unlucky message more
	runs := []sendRun{
		{name: "send: without a token", sends: sized(2000, 40_000), mostUnknown: -1, bound: "0 twice, 0 wrong"},
		{
			name: "send with a token: MaxAttempts 10", sends: sized(480, 20_000), token: true,
			policy: smooch.RetryPolicy{MaxAttempts: 10}, bound: "0 twice, 0 wrong, 0 unknown",
		},
		{
			name: "send with a token: default policy", sends: sized(480, 20_000), token: true,
			mostUnknown: sized(480, 20_000)/200 + small, bound: "0 twice, 0 wrong, unknown at most 1 in 200",
		},
		{
			name: "send with a token: service drops metadata", sends: sized(200, 2000), token: true, loses: true,
			mostUnknown: -1, bound: "0 twice, 0 wrong",
		},
		{
			name: "send with a token: again by a new process", sends: sized(96, 2000), token: true, restarts: true,
			mostUnknown: -1, bound: "0 twice, 0 wrong",
		},
	}
	byFault := [faultCount]tally{}
	var mu sync.Mutex
	t.Run("runs", func(t *testing.T) {
		for _, run := range runs {
			t.Run(run.name, func(t *testing.T) {
				t.Parallel()
				total := run.do(t, func(faults faultSet, one tally) {
					mu.Lock()
					defer mu.Unlock()
					for f := noFault + 1; f < faultCount; f++ {
						if faults.has(f) {
							byFault[f].add(one)
						}
					}
				})
				record(t, result{
					run.name, total.sends, run.bound, total.String(),
					total.twice == 0 && total.wrong == 0 && (run.mostUnknown < 0 || total.said[saidUnknown] <= run.mostUnknown),
				})
			})
		}
	})
	for f := noFault + 1; f < faultCount; f++ {
		n := byFault[f]
		record(t, result{"send: " + f.String(), n.sends, "0 twice, 0 wrong", n.String(), n.sends > 0 && n.twice == 0 && n.wrong == 0})
	}
}

// do posts all messages, and calls each with what became of every one.
func (run sendRun) do(t *testing.T, each func(faultSet, tally)) tally {
	s := newService(t)
	s.keepsMetadata = !run.loses
	clients := make([]*smooch.Client, callers/4)
	for i := range clients {
		clients[i] = s.client(t, run.policy).ForApp("a1")
	}
	reports := make([]said, run.sends)
	problems := make([]string, run.sends)
	var next atomic.Int64
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= run.sends {
					return
				}
				reports[i], problems[i] = run.send(t.Context(), clients[caller%len(clients)], i)
				progress(run.name, i, run.sends)
			}
		})
	}
	group.Wait()
	progress(run.name, run.sends, run.sends)
	s.late.Wait()
	time.Sleep(stallTime) // until what was stored after the timeout is there
	s.mu.Lock()
	defer s.mu.Unlock()
	var total tally
	for i, report := range reports {
		text := textOf(i)
		one := tally{sends: 1}
		one.said[report]++
		stored := s.stored[text]
		if stored > 1 {
			one.twice++
		}
		if report == saidOK && stored == 0 || report == saidFailed && stored > 0 || problems[i] != "" {
			one.wrong++
		}
		if one.twice+one.wrong > 0 {
			t.Logf("%s: %q stored %d times, posted %d times, reported as %d %s, met %s",
				run.name, text, stored, s.posts[text], report, problems[i], s.met[text])
		}
		total.add(one)
		each(s.met[text], one)
	}
	return total
}

func textOf(i int) string { return fmt.Sprintf("message %d", i) }

// send posts message i. problem says what is wrong with the answer, if anything.
func (run sendRun) send(ctx context.Context, client *smooch.Client, i int) (report said, problem string) {
	text, began := textOf(i), time.Now()
	var opts []smooch.CallOption
	if run.token {
		opts = append(opts, smooch.WithSendToken(smooch.NewSendToken()))
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, textKey{}, text), 5*time.Minute)
	defer cancel()
	post := func(ctx context.Context) error {
		answer, err := client.Conversations.PostMessage(ctx, fmt.Sprintf("user-%d", i/10), smooch.TextMessage(text), opts...)
		if err == nil && (answer.Message.Text != text || answer.Message.ID == "") {
			problem = "with another message"
		}
		return err
	}
	if !run.restarts {
		return saidOf(post(ctx)), problem
	}
	short, died := context.WithTimeout(ctx, time.Duration(random("death", i).IntN(100))*time.Millisecond)
	defer died()
	_ = post(short)
	time.Sleep(2500 * time.Millisecond) // longer than the history lags
	opts = append(opts, smooch.WithSentSince(began))
	if saidOf(post(ctx)) == saidOK {
		return saidOK, problem
	}
	return saidUnknown, problem // another call may have sent it, even if this one has not
}

func (n *tally) add(one tally) {
	n.sends += one.sends
	n.twice += one.twice
	n.wrong += one.wrong
	for i := range n.said {
		n.said[i] += one.said[i]
	}
}

func (n tally) String() string {
	return fmt.Sprintf("%d twice, %d wrong, %d unknown, %d failed", n.twice, n.wrong, n.said[saidUnknown], n.said[saidFailed])
}

func (s faultSet) String() string {
	var names []string
	for f := noFault + 1; f < faultCount; f++ {
		if s.has(f) {
			names = append(names, f.String())
		}
	}
	return strings.Join(names, "; ")
}
