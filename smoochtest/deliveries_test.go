package smoochtest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

func TestDeliveriesAreRetried(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	tg := newTarget(t)
	subscribe(t, app, tg.URL, "message:appUser")
	sayAndGet := func(status int) {
		tg.setStatus(status)
		say(t, server, "hi")
		require.NoError(t, server.WaitDeliveries(t.Context()))
	}

	sayAndGet(503)
	for wait, retries := 10*time.Second, 1; retries <= 5; wait, retries = 2*wait, retries+1 {
		assert.Len(t, tg.take(), 1)
		server.Advance(wait - time.Second)
		assert.Empty(t, tg.take(), "not due yet")
		server.Advance(time.Second)
	}
	assert.Len(t, tg.take(), 1, "the fifth retry")
	server.Advance(time.Hour)
	assert.Empty(t, tg.take(), "and no more")
	for i, d := range server.DeliveryLog()[1:] { // the first is the HEAD request
		assert.Equal(t, i+1, d.Attempt)
		assert.Equal(t, 503, d.Status)
	}
	assert.Len(t, server.DeliveryLog(), 7)

	for _, final := range []int{400, 401, 403, 404, 406, 200, 204} {
		sayAndGet(final)
		server.Advance(time.Hour)
		assert.Len(t, tg.take(), 1, "%d is final", final)
	}
	sayAndGet(500)
	tg.setStatus(200)
	server.Advance(10 * time.Second)
	server.Advance(time.Hour)
	assert.Len(t, tg.take(), 2)
}

func TestFirstRetryIntervalIsAnOption(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t, smoochtest.WithWebhookRetryInterval(time.Minute))
	tg := newTarget(t)
	tg.setStatus(503)
	subscribe(t, app, tg.URL, "message:appUser")
	say(t, server, "hi")
	require.NoError(t, server.WaitDeliveries(t.Context()))
	server.Advance(59 * time.Second)
	assert.Len(t, tg.take(), 1)
	server.Advance(time.Second)
	assert.Len(t, tg.take(), 1)
}

// TestTargetsAreOnThisMachine: a test with a real target by mistake does not reach it. 0.0.0.0
// stands for another machine, as it leads here without being loopback.
func TestTargetsAreOnThisMachine(t *testing.T) {
	t.Parallel()
	tg := newTarget(t)
	elsewhere := fmt.Sprintf(`{"target":%q,"triggers":["*"]}`, strings.Replace(tg.URL, "127.0.0.1", "0.0.0.0", 1))
	api := newAPI(t, newServer(t))
	refusal := api.call(400, "POST", "/webhooks", elsewhere)
	assert.Contains(t, at(refusal, "error", "description"), "-allow-target 0.0.0.0")
	id := at(api.call(201, "POST", "/webhooks", `{"target":"http://127.0.0.1:1","triggers":["*"]}`), "webhook", "_id").(string)
	api.call(400, "PUT", "/webhooks/"+id, elsewhere)

	server := newServer(t, smoochtest.WithAllowedTargets("one.example", "0.0.0.0"))
	newAPI(t, server).call(201, "POST", "/webhooks", elsewhere)
	require.NoError(t, server.Emit(server.App().ID, "", "postback", nil))
	require.NoError(t, server.WaitDeliveries(t.Context()))
	assert.Len(t, tg.take(), 1)
}

// TestDeletedWebhookIsNotRetried deletes a webhook while a retry is under way.
func TestDeletedWebhookIsNotRetried(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server, app := newServerWithUser(t)
	var posts atomic.Int32
	retrying, deleted := make(chan struct{}), make(chan struct{})
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && posts.Add(1) == 2 {
			close(retrying)
			<-deleted
		}
		w.WriteHeader(503)
	}))
	t.Cleanup(target.Close)
	hook := subscribe(t, app, target.URL, "message:appUser")
	say(t, server, "hi")
	require.NoError(t, server.WaitDeliveries(ctx))
	advanced := make(chan struct{})
	go func() {
		server.Advance(time.Minute)
		close(advanced)
	}()
	<-retrying
	require.NoError(t, app.Webhooks.Delete(ctx, hook.ID))
	close(deleted)
	<-advanced
	server.Advance(time.Hour)
	assert.EqualValues(t, 2, posts.Load())
}

func TestWaitDeliveriesEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	answer := make(chan struct{})
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-answer }))
	t.Cleanup(target.Close)
	t.Cleanup(func() { close(answer) }) // before target.Close, which waits for the answer
	subscribe(t, app, target.URL, "message:appUser")
	say(t, server, "hi")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	assert.ErrorIs(t, server.WaitDeliveries(ctx), context.Canceled)
}

// TestWaitDeliveriesWaitsForTheCheckOfATarget creates a webhook whose target answers late.
func TestWaitDeliveriesWaitsForTheCheckOfATarget(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	var heads atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		time.Sleep(50 * time.Millisecond)
		heads.Add(1)
	}))
	t.Cleanup(target.Close)
	subscribe(t, server.Client(), target.URL, "postback")
	require.NoError(t, server.WaitDeliveries(t.Context()))
	assert.EqualValues(t, 1, heads.Load())
}

func TestRedeliver(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	tg, other := newTarget(t), newTarget(t)
	tg.setStatus(503)
	hook := subscribe(t, app, tg.URL, "message:appUser")
	say(t, server, "hi")
	require.NoError(t, server.WaitDeliveries(t.Context()))
	log := server.DeliveryLog()
	require.Len(t, log, 2)
	tg.setStatus(204)
	again, err := server.Redeliver(log[1].ID)
	require.NoError(t, err)
	assert.Equal(t, 204, again.Status)
	assert.Equal(t, 2, again.Attempt)
	assert.Equal(t, "message:appUser", again.Trigger)
	events := tg.take()
	require.Len(t, events, 2)
	assert.Equal(t, events[0], events[1])
	assert.Equal(t, []string{hook.Secret, hook.Secret}, tg.secrets)
	log = server.DeliveryLog()
	assert.Equal(t, again, log[2])
	assert.Equal(t, log[1].ID, log[2].ID, "they are attempts at the same delivery")
	assert.NotEqual(t, log[0].ID, log[1].ID)

	_, err = server.Redeliver(log[0].ID)
	require.NoError(t, err, "the request that checks the target")
	assert.Equal(t, 2, tg.heads)
	_, err = app.Webhooks.Update(t.Context(), hook.ID, smooch.WebhookUpdate{Target: other.URL})
	require.NoError(t, err)
	_, err = server.Redeliver(log[1].ID)
	require.NoError(t, err)
	assert.Len(t, other.take(), 1, "the target that the webhook has by now")
	_, err = server.Redeliver("nope")
	require.Error(t, err)
	require.NoError(t, app.Webhooks.Delete(t.Context(), hook.ID))
	_, err = server.Redeliver(log[1].ID)
	require.Error(t, err, "the webhook was deleted")
}

// TestRedirectsAreNotFollowed: a target that redirects has not taken the event.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	elsewhere := newTarget(t)
	redirects := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(redirects.Close)
	subscribe(t, app, redirects.URL, "message:appUser")
	say(t, server, "hi")
	require.NoError(t, server.WaitDeliveries(t.Context()))
	assert.Empty(t, elsewhere.take())
	log := server.DeliveryLog()
	assert.Equal(t, 307, log[len(log)-1].Status)
}
