package smoochtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

func TestRequestsAreInTheOrderOfArrival(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	app := server.Client()
	server.Fail(smoochtest.Fault{Path: "/first", Delay: 100 * time.Millisecond, Status: 404})
	done := make(chan error)
	go func() {
		_, err := app.AppUsers.Get(t.Context(), "first")
		done <- err
	}()
	waitForCall(t, server, "/first")
	createUser(t, app, "second")
	assert.ErrorIs(t, <-done, smooch.ErrNotFound)
	got := server.Requests()
	require.Len(t, got, 2)
	assert.Equal(t, []int{404, 201}, []int{got[0].Status, got[1].Status})
	assert.Contains(t, string(got[1].Body), "second")
}

// TestBodiesThatNobodyReadsAreLogged: a call that takes no body shows by mistake what it was sent.
func TestBodiesThatNobodyReadsAreLogged(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	api := newAPI(t, server)
	api.call(404, "DELETE", "/templates/nope", `{"a":1}`)
	server.Fail(smoochtest.Fault{Status: 503})
	api.call(503, "POST", "/templates", `{"b":2}`)
	got := server.Requests()
	assert.Equal(t, `{"a":1}`, string(got[0].Body))
	assert.Equal(t, `{"b":2}`, string(got[1].Body))
}
