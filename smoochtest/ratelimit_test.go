package smoochtest_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

func TestRateLimit(t *testing.T) {
	t.Parallel()
	server := newServer(t, smoochtest.WithRateLimit(2, time.Hour))
	token := signed(t, server.App().Key, jwt.MapClaims{"scope": "app"})
	for _, want := range []int{200, 200, 429, 429} {
		status, _ := raw(t, server, "GET", "/v1/webhooks", "", token)
		assert.Equal(t, want, status)
	}
	refused := newControls(t, server).call(200, "GET", "calls?status=429&operation=GET+/webhooks&scope=app", "")
	assert.Len(t, refused["calls"], 2)
	server.Advance(time.Hour)
	status, _ := raw(t, server, "GET", "/v1/webhooks", "", token)
	assert.Equal(t, 200, status)
}

// TestClientKeepsToTheRateLimit makes more calls at once than the server accepts in a second: the
// client gets all of them through, without asking too often. The wait is in fake time.
func TestClientKeepsToTheRateLimit(t *testing.T) {
	t.Parallel()
	server := newServer(t, smoochtest.WithRateLimit(20, time.Second))
	synctest.Test(t, func(t *testing.T) {
		app := server.Client(smooch.WithHTTPClient(&http.Client{Transport: inProcess{server}}))
		var group sync.WaitGroup
		var failed atomic.Int32
		for range 60 {
			group.Go(func() {
				if _, err := app.Webhooks.List(t.Context()); err != nil {
					failed.Add(1)
				}
			})
		}
		group.Wait()
		assert.Zero(t, failed.Load())
	})
	refused := 0
	for _, r := range server.Requests() {
		if r.Status == 429 {
			refused++
		}
	}
	assert.Positive(t, refused)
	assert.Less(t, refused, 60)
}
