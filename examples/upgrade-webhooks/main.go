// Command upgrade-webhooks replaces an app's v1 webhooks with v1.1 webhooks while messages arrive,
// without losing an event or handling one twice. It follows the five steps of Smooch's versioning
// guide.
//
//	go run ./examples/upgrade-webhooks
//
// The app, its users and their messages are on a fake Smooch service in this process.
//
// The guide's third step switches from v1 to v1.1 at one moment. An event whose v1 and v1.1 copies
// arrive on different sides of that moment would be lost or handled twice. This program therefore
// accepts both versions for a while. The receiver recognizes the two copies of an event by their
// key and handles it once. Both versions have to be accepted for as long as the service repeats a
// delivery, which is 15 minutes: if the handler fails for a v1 copy while only v1 is accepted, only
// that copy is delivered again, as the v1.1 copy is acknowledged and ignored.
//
// Delivery events are the exception: the keys of their two copies differ, as v1 does not say
// whether an event is the final one. The program handles each of them in one version only. The
// timestamp, which both copies have, decides: events from before a certain moment are handled in
// v1, later ones in v1.1.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// The real service repeats a failed delivery up to five times, within 15 minutes. The fake one does
// so after firstRetry, then after twice that time, and so on.
const (
	firstRetry  = 20 * time.Millisecond
	retryPeriod = firstRetry * (1 + 2 + 4 + 8 + 16)
)

// clockMargin is more than the clocks of the service and of this process may differ by. For the
// real service, a minute is enough.
const clockMargin = 100 * time.Millisecond

// postInterval is the time between two messages of a user. The fake service gives every message and
// event a millisecond of its own, so its clock would run ahead of this process with faster users.
const postInterval = 15 * time.Millisecond

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

	// An app in production has a v1 webhook, and code that handles its events.
	mux := http.NewServeMux()
	target := httptest.NewServer(mux)
	defer target.Close()
	old, err := v1.Webhooks.Create(ctx, smooch.WebhookCreate{Target: target.URL + "/smooch", Triggers: []smooch.Trigger{smooch.TriggerMessage, smooch.TriggerDeliverySuccess}})
	if err != nil {
		return err
	}
	receiver, err := smooch.NewWebhookReceiver([]string{old.Secret}, smooch.WithAcceptVersions(smooch.V1),
		smooch.WithReceiverLogger(slog.New(slog.DiscardHandler))) // the recorder fails on purpose
	if err != nil {
		return err
	}
	handled := &recorder{messages: map[string]smooch.Version{}, failures: map[string]int{}, deliveries: map[string]int{}}
	smooch.Handle(receiver, handled.record)
	smooch.Handle(receiver, handled.recordDelivery)
	mux.Handle("/smooch", receiver)

	traffic, err := startTraffic(ctx, service, v11)
	if err != nil {
		return err
	}
	awaitTraffic := func() { time.Sleep(200 * time.Millisecond) }
	awaitRetries := func() { time.Sleep(clockMargin + retryPeriod + 500*time.Millisecond) }
	awaitTraffic()
	report(1, "The code understands both versions, and only v1 is accepted.", handled)

	webhooks, err := v11.Webhooks.List(ctx)
	if err != nil {
		return err
	}
	var replaced []smooch.Webhook // v1 webhooks that are deleted in step 4
	for _, w := range webhooks {
		if w.Version != smooch.V1 {
			continue
		}
		replaced = append(replaced, w)
		successor, err := v11.Webhooks.Create(ctx, smooch.WebhookCreate{Target: w.Target, Triggers: smooch.UpgradeTriggers(w.Triggers)})
		if err != nil {
			return err
		}
		// Until its secret is added, deliveries of the new webhook are answered 401, and the service
		// does not repeat those. No event is lost, as the v1 webhook delivers the same ones.
		if err := receiver.AddSecret(successor.Secret); err != nil {
			return err
		}
		report(2, fmt.Sprintf("A v1.1 webhook for %v is created beside the v1 webhook for %v.", successor.Triggers, w.Triggers), handled)
	}
	awaitTraffic()

	handled.cutOver(time.Now().Add(clockMargin))
	receiver.AcceptVersions() // both
	awaitRetries()
	report(3, "Both versions are accepted.", handled)
	receiver.AcceptVersions(smooch.V1_1) // every event that needed its v1 copy has been handled
	awaitTraffic()
	report(3, "Only v1.1 is accepted.", handled)

	for _, w := range replaced {
		if err := v1.Webhooks.Delete(ctx, w.ID); err != nil {
			return err
		}
		receiver.RemoveSecret(w.Secret)
		report(4, "The v1 webhook and its secret are removed.", handled)
	}
	awaitTraffic()
	sent, err := traffic.stop()
	if err != nil {
		return err
	}
	if err := service.WaitDeliveries(ctx); err != nil {
		return err
	}
	awaitRetries()
	report(5, "The code for v1 can be removed.", handled)
	return handled.check(sent)
}

// report prints what a step has done, and what has been handled so far.
func report(step int, what string, handled *recorder) {
	fmt.Printf("Step %d: %s\n        %s\n", step, what, handled)
}

// recorder is the app's code for messages. It records each one with the version that brought it,
// and fails now and then, so that the service repeats a delivery.
type recorder struct {
	mu       sync.Mutex
	messages map[string]smooch.Version // by message id
	failures map[string]int            // by message id
	calls    int
	twice    int // messages that were handled again

	deliveries map[string]int // how often each was handled, by message id
	cutover    time.Time      // deliveries from then on are handled in v1.1; zero: none is
}

var errUnavailable = errors.New("the recorder is unavailable")

func (r *recorder) record(_ context.Context, e *smooch.MessageEvent) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range e.Messages {
		r.calls++
		if n := r.failures[m.ID]; n == 0 && r.calls%16 == 0 || n > 0 && n < 3 {
			r.failures[m.ID]++ // every sixteenth call is the first of three failures of a message
			return errUnavailable
		}
		if _, handled := r.messages[m.ID]; handled {
			r.twice++
		}
		r.messages[m.ID] = e.Version
	}
	return nil
}

// cutOver makes recordDelivery handle deliveries from then on in v1.1.
func (r *recorder) cutOver(then time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cutover = then
}

// recordDelivery handles one of the two copies of a delivery event and ignores the other.
func (r *recorder) recordDelivery(_ context.Context, e *smooch.DeliveryEvent) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	version := smooch.V1
	if !r.cutover.IsZero() && !e.Timestamp.Before(r.cutover) {
		version = smooch.V1_1
	}
	if e.Version != version {
		return nil
	}
	for _, m := range e.Messages {
		r.deliveries[m.ID]++
	}
	return nil
}

// String counts the messages that have been handled.
func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := map[smooch.Version]int{}
	for _, v := range r.messages {
		n[v]++
	}
	return fmt.Sprintf("Handled %5d messages: %5d from v1 and %5d from v1.1.", len(r.messages), n[smooch.V1], n[smooch.V1_1])
}

// check returns an error unless each message in sent, and the delivery of its answer, has been
// handled exactly once.
func (r *recorder) check(sent []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := 0
	for _, id := range sent {
		if _, ok := r.messages[id]; !ok {
			lost++
		}
		if n := r.deliveries[answerID(id)]; n != 1 {
			return fmt.Errorf("a delivery was handled %d times", n)
		}
	}
	if lost > 0 || r.twice > 0 {
		return fmt.Errorf("%d messages were lost and %d were handled twice", lost, r.twice)
	}
	fmt.Printf("All %d messages that were sent, and the deliveries of their answers, have been handled once, %d messages after failures.\n", len(sent), len(r.failures))
	return nil
}

// traffic is the messages of four users, posted until it is stopped.
type traffic struct {
	quit chan struct{}
	done sync.WaitGroup
	mu   sync.Mutex
	sent []string
	err  error
}

// startTraffic creates the users and starts to post.
func startTraffic(ctx context.Context, service *smoochtest.Server, app *smooch.Client) (*traffic, error) {
	t := &traffic{quit: make(chan struct{})}
	for i := range 4 {
		user, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "user-" + strconv.Itoa(i)})
		if err != nil {
			return nil, err
		}
		t.done.Go(func() { t.post(service, user.UserID) })
	}
	return t, nil
}

// answerID returns the id of the answer to a message.
func answerID(messageID string) string { return "answer-" + messageID }

// post posts messages as one user, and reports that their answers were delivered.
func (t *traffic) post(service *smoochtest.Server, userID string) {
	for {
		select {
		case <-t.quit:
			return
		case <-time.After(postInterval):
		}
		app := service.App().ID
		id, err := service.Say(app, userID, "Are you there?")
		if err == nil {
			err = service.Emit(app, userID, string(smooch.TriggerMessageDeliveryChannel), map[string]any{
				"message": map[string]any{"_id": answerID(id)}, "destination": map[string]any{"type": "telegram"}, "isFinalEvent": true,
			})
		}
		t.mu.Lock()
		t.sent, t.err = append(t.sent, id), errors.Join(t.err, err)
		t.mu.Unlock()
	}
}

// stop returns the ids of the messages that were sent.
func (t *traffic) stop() (sent []string, err error) {
	close(t.quit)
	t.done.Wait()
	return t.sent, t.err
}
