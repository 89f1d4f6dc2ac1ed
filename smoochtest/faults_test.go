package smoochtest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// impatient makes a client repeat calls almost at once.
var impatient = smooch.WithRetryPolicy(
	smooch.RetryPolicy{MinDelay: time.Millisecond, MaxDelay: time.Millisecond})

// storedMessages counts the messages of the user ida.
func storedMessages(t *testing.T, client *smooch.Client) int {
	t.Helper()
	page, err := client.Conversations.ListMessages(t.Context(), "ida", smooch.MessageListOptions{})
	if err != nil {
		require.ErrorIs(t, err, smooch.ErrNotFound)
		return 0
	}
	return len(page.Messages)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	unknown := []error{smooch.ErrOutcomeUnknown}
	tests := []struct {
		name   string
		fault  smoochtest.Fault
		want   []error
		stored int // messages after the call
	}{
		{"connection cut before", smoochtest.Fault{Cut: smoochtest.CutBefore}, unknown, 0},
		{"connection cut after", smoochtest.Fault{Cut: smoochtest.CutAfter}, unknown, 1},
		{
			"page of a gateway", smoochtest.Fault{Status: 502, Body: "<html>Bad Gateway</html>"},
			[]error{smooch.ErrServer, smooch.ErrOutcomeUnknown}, 0,
		},
		{"refused", smoochtest.Fault{Status: 401}, []error{smooch.ErrUnauthorized, smooch.CodeUnauthorized}, 0},
		{"not found", smoochtest.Fault{Status: 404}, []error{smooch.ErrNotFound, smooch.ErrorCode("not_found")}, 0},
		{"overloaded", smoochtest.Fault{Status: 503}, []error{smooch.ErrServer, smooch.CodeUnhandledError}, 0},
		{"too many", smoochtest.Fault{Status: 429, Method: "POST", Times: -1}, []error{smooch.ErrRateLimited, smooch.ErrorCode("too_many_requests")}, 0},
		{"another method", smoochtest.Fault{Method: "PUT", Status: 502}, nil, 1},
		{"another path", smoochtest.Fault{Path: "/nope", Status: 502}, nil, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			app := server.Client(impatient)
			createUser(t, app, "ida")
			server.Fail(test.fault)
			_, err := app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("x"))
			if len(test.want) == 0 {
				assert.NoError(t, err)
			}
			for _, want := range test.want {
				assert.ErrorIs(t, err, want)
			}
			assert.Equal(t, test.stored, storedMessages(t, server.Client()))
		})
	}
}

func TestTruncatedAnswer(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	server.Fail(smoochtest.Fault{Method: "POST", Path: "/messages", Truncate: true})
	_, err := app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("x"))
	_, isDecodeError := errors.AsType[*smooch.DecodeError](err)
	assert.True(t, isDecodeError, "%v", err)
	assert.Equal(t, 1, storedMessages(t, app))
}

// TestRetryAfterOfAFault waits in fake time.
func TestRetryAfterOfAFault(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	server.Fail(smoochtest.Fault{Path: "/messages", Status: 429, RetryAfter: time.Second})
	synctest.Test(t, func(t *testing.T) {
		app := server.Client(impatient, smooch.WithHTTPClient(&http.Client{Transport: inProcess{server}}))
		began := time.Now()
		_, err := app.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("x"))
		assert.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(began), time.Second)
	})
	assert.Equal(t, 1, storedMessages(t, app))
}

func TestDelay(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	server.Fail(smoochtest.Fault{Path: "/messages", Delay: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("x"))
		ended <- err
	}()
	waitForCall(t, server, "/messages")
	cancel()
	err := <-ended
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, smooch.ErrOutcomeUnknown)
}

func TestDeleteIsRepeatedAfterAFault(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	app := server.Client(impatient)
	createUser(t, app, "ida")
	server.Fail(smoochtest.Fault{Method: "DELETE", Cut: smoochtest.CutAfter})
	assert.NoError(t, app.AppUsers.Delete(t.Context(), "ida"), "the repeat finds no user: the first attempt deleted it")
	assert.ErrorIs(t, app.AppUsers.Delete(t.Context(), "ida"), smooch.ErrNotFound)
}

func TestTimesOfAFault(t *testing.T) {
	t.Parallel()
	for times, want := range map[int][]int{0: {503, 200, 200}, 2: {503, 503, 200}, -1: {503, 503, 503}} {
		server := newServer(t)
		token := signed(t, server.App().Key, jwt.MapClaims{"scope": "app"})
		server.Fail(smoochtest.Fault{Times: times, Status: 503})
		var got []int
		for range want {
			status, _ := raw(t, server, "GET", "/v1/webhooks", "", token)
			got = append(got, status)
		}
		assert.Equal(t, want, got, "times %d", times)
	}
}

func TestFaultsAreLifted(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	token := signed(t, server.App().Key, jwt.MapClaims{"scope": "app"})
	get := func() int {
		status, _ := raw(t, server, "GET", "/v1/webhooks", "", token)
		return status
	}
	lift := server.Fail(smoochtest.Fault{Times: -1, Status: 503})
	server.Fail(smoochtest.Fault{Times: 3, Status: 502})
	assert.Equal(t, 503, get())
	lift()
	lift()
	assert.Equal(t, 502, get())
	assert.Equal(t, []smoochtest.Fault{{Times: 2, Status: 502}}, server.Faults())
	assert.Equal(t, 502, get())
	assert.Equal(t, 502, get())
	assert.Empty(t, server.Faults())
	assert.Equal(t, 200, get())
}

// TestRefusedCallHasNoEffect: a user who comes with a JWT needs it from then on, but not if the
// call was not carried out.
func TestRefusedCallHasNoEffect(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	token := signed(t, server.App().Key, jwt.MapClaims{"scope": "appUser", "userId": "ida"})
	for _, want := range []int{429, 200} {
		if want == 429 {
			server.Fail(smoochtest.Fault{Status: 429})
		}
		status, _ := raw(t, server, "GET", "/v1/appusers/ida", "", token)
		require.Equal(t, want, status)
		status, _ = raw(t, server, "GET", "/v1/appusers/ida", "", "app-token: "+server.App().Token)
		assert.Equal(t, want == 429, status == 200)
	}
}
