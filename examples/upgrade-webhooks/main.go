// Command upgrade-webhooks moves an app's webhooks from v1 to v1.1 without losing an event or handling one twice, in
// the five steps of the versioning guide, under traffic.
//
//	go run ./examples/upgrade-webhooks
//
// It plays the traffic on a Smooch of its own. The guide's third step switches from the old version to the new one at a
// moment. Events whose two copies fall on different sides of that moment would then be lost or handled twice, so here
// both versions are accepted in between: the receiver knows the copies of one fact by their key. That lasts as long as
// the service tries again (15 minutes): what the code failed to handle by v1 comes by v1 once more, while its copy has
// long been acknowledged and forgotten.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// The service tries five times more: 15 minutes in all. Here the first wait is shorter, and each doubles the last.
const (
	firstRetry = 20 * time.Millisecond
	retries    = firstRetry * (1 + 2 + 4 + 8 + 16)
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "upgrade-webhooks:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	service := smoochtest.NewServer(smoochtest.WithWebhookRetryInterval(firstRetry))
	defer service.Close()
	v11 := service.Client()
	v1 := v11.ForVersion(smooch.V1)

	// What an app in production has: a v1 webhook, and code that handles its events.
	mux := http.NewServeMux()
	target := httptest.NewServer(mux)
	defer target.Close()
	old, err := v1.Webhooks.Create(ctx, smooch.WebhookCreate{Target: target.URL + "/smooch", Triggers: []smooch.Trigger{smooch.TriggerMessage}})
	if err != nil {
		return err
	}
	receiver, err := smooch.NewWebhookReceiver([]string{old.Secret}, smooch.WithAcceptVersions(smooch.V1))
	if err != nil {
		return err
	}
	handled := &ledger{messages: map[string]smooch.Version{}, failed: map[string]int{}}
	smooch.Handle(receiver, handled.message)
	mux.Handle("/smooch", receiver)

	traffic, err := startTraffic(ctx, service, v11)
	if err != nil {
		return err
	}
	pause := func() { time.Sleep(200 * time.Millisecond) }
	settle := func() { time.Sleep(retries + 500*time.Millisecond) }
	pause()
	step(1, "the code understands both versions and handles v1; %d messages so far", handled.count())

	webhooks, err := v11.Webhooks.List(ctx)
	if err != nil {
		return err
	}
	var upgraded []smooch.Webhook // those that are to go at the end
	for _, w := range webhooks {
		if w.Version != smooch.V1 {
			continue
		}
		upgraded = append(upgraded, w)
		next, err := v11.Webhooks.Create(ctx, smooch.WebhookCreate{Target: w.Target, Triggers: smooch.UpgradeTriggers(w.Triggers)})
		if err != nil {
			return err
		}
		// The service tries again what was refused before the secret was known, unless it
		// was answered 401; so add the secret at once. What falls in between comes by v1.
		if err := receiver.AddSecret(next.Secret); err != nil {
			return err
		}
		step(2, "created the v1.1 webhook %s beside the v1 webhook %s: %v becomes %v", next.ID, w.ID, w.Triggers, next.Triggers)
	}
	pause()

	receiver.AcceptVersions() // both: copies are handled once
	settle()
	step(3, "both versions are accepted; %d messages so far, %v", handled.count(), handled.byVersion())
	receiver.AcceptVersions(smooch.V1_1) // all that v1 alone brought has been handled
	pause()
	step(3, "only v1.1 is accepted; %d messages so far, %v", handled.count(), handled.byVersion())

	for _, w := range upgraded {
		if err := v1.Webhooks.Delete(ctx, w.ID); err != nil {
			return err
		}
		receiver.RemoveSecret(w.Secret)
		step(4, "removed the v1 webhook %s and its secret", w.ID)
	}
	pause()
	sent, err := traffic.stop()
	if err != nil {
		return err
	}
	if err := service.WaitDeliveries(ctx); err != nil {
		return err
	}
	settle()
	step(5, "code for v1 may go; %d messages were sent, %d handled (%d after failures), %v", len(sent), handled.count(), len(handled.failed), handled.byVersion())
	return handled.check(sent)
}

func step(n int, format string, args ...any) {
	fmt.Printf("Step %d  %s\n", n, fmt.Sprintf(format, args...))
}

// ledger is what the app has handled.
type ledger struct {
	mu       sync.Mutex
	messages map[string]smooch.Version
	failed   map[string]int // messages that could not be handled at first
	calls    int
	twice    int
}

var errBusy = errors.New("the ledger is busy")

func (l *ledger) message(_ context.Context, e *smooch.MessageEvent) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range e.Messages {
		l.calls++
		if n := l.failed[m.ID]; n == 0 && l.calls%16 == 0 || n > 0 && n < 3 {
			l.failed[m.ID]++ // one message in sixteen, three times
			return errBusy
		}
		if _, again := l.messages[m.ID]; again {
			l.twice++
		}
		l.messages[m.ID] = e.Version
	}
	return nil
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.messages)
}

func (l *ledger) byVersion() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := map[smooch.Version]int{}
	for _, v := range l.messages {
		n[v]++
	}
	return fmt.Sprintf("%d by v1 and %d by v1.1", n[smooch.V1], n[smooch.V1_1])
}

func (l *ledger) check(sent []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	lost := 0
	for _, id := range sent {
		if _, ok := l.messages[id]; !ok {
			lost++
		}
	}
	if lost > 0 || l.twice > 0 {
		return fmt.Errorf("%d messages were lost and %d handled twice", lost, l.twice)
	}
	fmt.Println("Nothing was lost and nothing handled twice.")
	return nil
}

// traffic is four people who write all the time.
type traffic struct {
	quit chan struct{}
	done sync.WaitGroup
	mu   sync.Mutex
	sent []string
	err  error
}

func startTraffic(ctx context.Context, service *smoochtest.Server, app *smooch.Client) (*traffic, error) {
	t := &traffic{quit: make(chan struct{})}
	for i := range 4 {
		user, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "user-" + strconv.Itoa(i)})
		if err != nil {
			return nil, err
		}
		t.done.Go(func() { t.write(service, user.UserID) })
	}
	return t, nil
}

func (t *traffic) write(service *smoochtest.Server, userID string) {
	for {
		select {
		case <-t.quit:
			return
		case <-time.After(3 * time.Millisecond):
		}
		id, err := service.Say(service.App().ID, userID, "Are you there?")
		t.mu.Lock()
		t.sent, t.err = append(t.sent, id), errors.Join(t.err, err)
		t.mu.Unlock()
	}
}

func (t *traffic) stop() (sent []string, err error) {
	close(t.quit)
	t.done.Wait()
	return t.sent, t.err
}
