package smooch

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const testSecret = "8564b3e6a8b20a4bdb68"

func newTestReceiver(t *testing.T, opts ...ReceiverOption) *WebhookReceiver {
	t.Helper()
	quiet := WithReceiverLogger(slog.New(slog.DiscardHandler))
	r, err := NewWebhookReceiver([]string{testSecret}, append([]ReceiverOption{quiet}, opts...)...)
	require.NoError(t, err)
	return r
}

// deliver delivers a body to a receiver and returns the status of the answer.
func deliver(t testing.TB, receiver http.Handler, body string) int {
	return deliverWith(t, receiver, testSecret, strings.NewReader(body))
}

// deliverWith is deliver with another secret, "" for none.
func deliverWith(t testing.TB, receiver http.Handler, secret string, body io.Reader) int {
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/smooch", body)
	if secret != "" {
		req.Header.Set("X-API-Key", secret)
	}
	w := httptest.NewRecorder()
	receiver.ServeHTTP(w, req)
	return w.Code
}

// messageBody is the body of a delivery of one message.
func messageBody(id, user string, version Version) string {
	return fmt.Sprintf(`{"trigger":"message:appUser","app":{"_id":"a1"},"appUser":{"_id":%q},"messages":[{"_id":%q,"role":"appUser","text":"hi"}],"version":%q}`, user, id, version)
}

// untimedPostback is a postback without a timestamp: its key is that of the next tap, too.
const untimedPostback = `{"trigger":"postback","appUser":{"_id":"u1"},"postbacks":[{"action":{"_id":"p1"}}]}`

// observed keeps what a hook was told of ends.
type observed struct {
	mu         sync.Mutex
	deliveries []DeliveryResult
	handlings  []HandlingResult
}

func (o *observed) option() ReceiverOption {
	return WithDeliveryHook(DeliveryHook{
		Delivery: func(context.Context, DeliveryInfo) (context.Context, func(DeliveryResult)) {
			return nil, func(d DeliveryResult) {
				o.mu.Lock()
				defer o.mu.Unlock()
				o.deliveries = append(o.deliveries, d)
			}
		},
		Handling: func(context.Context, HandlingInfo) (context.Context, func(HandlingResult)) {
			return nil, func(h HandlingResult) {
				o.mu.Lock()
				defer o.mu.Unlock()
				o.handlings = append(o.handlings, h)
			}
		},
	})
}

// all are the deliveries.
func (o *observed) all() []DeliveryResult {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.deliveries)
}

// last is the last delivery.
func (o *observed) last(t *testing.T) DeliveryResult {
	t.Helper()
	all := o.all()
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

// handled are the handlings whose functions have run.
func (o *observed) handled() []HandlingResult {
	return slices.DeleteFunc(o.handlingsTold(), func(h HandlingResult) bool { return !h.Handled })
}

func (o *observed) handlingsTold() []HandlingResult {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.handlings)
}

// hookedDeduper calls before, with "claim", "extend", "done" or "release", ahead of each call of
// the deduper inside, which it does not call after an error.
type hookedDeduper struct {
	Deduper
	before func(ctx context.Context, call string) error
}

func (d *hookedDeduper) Claim(ctx context.Context, key string, lease time.Duration) (Claim, error) {
	if err := d.before(ctx, "claim"); err != nil {
		return Claim{}, err
	}
	return d.Deduper.Claim(ctx, key, lease)
}

func (d *hookedDeduper) Extend(ctx context.Context, key, token string, lease time.Duration) error {
	if err := d.before(ctx, "extend"); err != nil {
		return err
	}
	return d.Deduper.Extend(ctx, key, token, lease)
}

func (d *hookedDeduper) Done(ctx context.Context, key, token string) error {
	if err := d.before(ctx, "done"); err != nil {
		return err
	}
	return d.Deduper.Done(ctx, key, token)
}

func (d *hookedDeduper) Release(ctx context.Context, key, token string) error {
	if err := d.before(ctx, "release"); err != nil {
		return err
	}
	return d.Deduper.Release(ctx, key, token)
}

// claim claims a key and returns the token.
func claim(t *testing.T, d Deduper, key string, lease time.Duration, want ClaimState) (token string) {
	t.Helper()
	c, err := d.Claim(t.Context(), key, lease)
	require.NoError(t, err)
	require.Equal(t, want, c.State)
	return c.Token
}

// queuedMessage is a message as a receiver puts it into a queue.
func queuedMessage(id string) QueuedEvent {
	return QueuedEvent{Key: "message:appUser|" + id, Order: "u1", Received: time.Now(), Body: []byte(messageBody(id, "u1", V1_1))}
}
