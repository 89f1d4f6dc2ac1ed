package smoochtest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// TestTenThousandCalls makes calls from many clients at once: none is lost, none is done twice.
func TestTenThousandCalls(t *testing.T) {
	t.Parallel()
	_, app := newServerWithUser(t)
	calls := 10_000
	if testing.Short() {
		calls = 500
	}
	var group sync.WaitGroup
	var posted atomic.Int32
	for client := range 50 {
		group.Go(func() {
			for i := range calls / 50 {
				var err error
				if i%4 == 0 {
					message := smooch.TextMessage(fmt.Sprint(client, "-", i))
					_, err = app.Conversations.PostMessage(t.Context(), "ida", message)
					posted.Add(1)
				} else {
					_, err = app.AppUsers.Get(t.Context(), "ida")
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	seen := map[string]bool{}
	for m, err := range app.Conversations.Messages(t.Context(), "ida", smooch.MessageListOptions{}) {
		require.NoError(t, err)
		assert.False(t, seen[m.Text], m.Text)
		seen[m.Text] = true
	}
	assert.Len(t, seen, int(posted.Load()))
}

// TestCloseCutsDeliveriesOff checks that a target that hangs does not delay a test, and that
// nothing is left running.
func TestCloseCutsDeliveriesOff(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server, app := newServerWithUser(t)
	var hangs atomic.Bool
	reached := make(chan struct{}, 10)
	ended := make(chan error, 10)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !hangs.Load() {
			w.WriteHeader(503)
			return
		}
		// Until the body is read, the target does not notice that the server is gone.
		_, _ = io.Copy(io.Discard, r.Body)
		reached <- struct{}{}
		<-r.Context().Done()
		ended <- r.Context().Err()
	}))
	defer target.Close()
	subscribe(t, app, target.URL, "message:appUser")
	say(t, server, "this one will be retried")
	require.NoError(t, server.WaitDeliveries(ctx))
	hangs.Store(true)
	say(t, server, "this one hangs")
	<-reached
	advanced := make(chan struct{})
	go func() {
		server.Advance(time.Minute)
		close(advanced)
	}()
	<-reached // by the retry
	say(t, server, "this one is queued")

	server.Close()
	<-advanced
	assert.Error(t, <-ended)
	assert.Error(t, <-ended)
	log := server.DeliveryLog()
	for _, d := range log[len(log)-2:] {
		assert.ErrorIs(t, d.Err, context.Canceled, "it did not wait for the delivery's time-out")
	}
	say(t, server, "this one is not delivered")
	require.NoError(t, server.WaitDeliveries(ctx), "there is nothing to wait for")
}

// TestCloseDoesNotWaitForDelays matters because tests of time-outs use long delays.
func TestCloseDoesNotWaitForDelays(t *testing.T) {
	t.Parallel()
	server := smoochtest.NewServer()
	server.Fail(smoochtest.Fault{Delay: time.Hour})
	app := server.Client()
	ended := make(chan error)
	go func() {
		_, err := app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("hi"))
		ended <- err
	}()
	waitForCall(t, server, "/messages")
	server.Close()
	assert.Error(t, <-ended)
}

func TestAddressIsAnOption(t *testing.T) {
	t.Parallel()
	server := newServer(t, smoochtest.WithAddr("localhost:0"))
	_, err := server.Client().Webhooks.List(t.Context())
	assert.NoError(t, err)
	address := server.URL[len("http://"):]
	assert.Panics(t, func() { smoochtest.NewServer(smoochtest.WithAddr(address)) }, "it is taken")
}

func TestSendKeepsTheCallersMaps(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	message := map[string]any{"type": "carousel", "items": []any{map[string]any{"title": "a"}}}
	before := fmt.Sprint(message)
	_, err := server.Send(server.App().ID, "ida", message)
	require.NoError(t, err)
	assert.Equal(t, before, fmt.Sprint(message))
	_, err = server.Send(server.App().ID, "ida", map[string]any{"text": func() {}})
	assert.Error(t, err)
}

func TestControlsNeedAnAppAndAUser(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	app := server.App().ID
	_, err := server.Say(app, "bob", "hi")
	assert.Error(t, err)
	_, err = server.Say("nope", "ida", "hi")
	assert.Error(t, err)
	assert.Error(t, server.Emit(app, "bob", "postback", nil))
	assert.Error(t, server.Emit("nope", "", "postback", nil))
	assert.NoError(t, server.Emit(app, "", "postback", nil))
}
