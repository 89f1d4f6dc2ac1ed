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
