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

// observed keeps what an observer was told.
type observed struct {
	mu         sync.Mutex
	deliveries []Delivery
}

func (o *observed) observe(d Delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.deliveries = append(o.deliveries, d)
}

func (o *observed) all() []Delivery {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.deliveries)
}

// last is the delivery that the observer was told of last.
func (o *observed) last(t *testing.T) Delivery {
	t.Helper()
	all := o.all()
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

// handled is the one delivery whose function has run. In the background the observer may be told of
// it before it is told of the answer.
func (o *observed) handled(t *testing.T) Delivery {
	t.Helper()
	unhandled := func(d Delivery) bool { return !d.Handled }
	handled := slices.DeleteFunc(o.all(), unhandled)
	require.Len(t, handled, 1)
	return handled[0]
}

// hookedDeduper calls before, with "claim", "done" or "release", ahead of each call of the deduper
// inside, which it does not call after an error.
type hookedDeduper struct {
	Deduper
	before func(ctx context.Context, call string) error
}

func (d *hookedDeduper) Claim(ctx context.Context, key string, lease time.Duration) (Claim, error) {
	if err := d.before(ctx, "claim"); err != nil {
		return ClaimBusy, err
	}
	return d.Deduper.Claim(ctx, key, lease)
}

func (d *hookedDeduper) Done(ctx context.Context, key string) error {
	if err := d.before(ctx, "done"); err != nil {
		return err
	}
	return d.Deduper.Done(ctx, key)
}

func (d *hookedDeduper) Release(ctx context.Context, key string) error {
	if err := d.before(ctx, "release"); err != nil {
		return err
	}
	return d.Deduper.Release(ctx, key)
}
