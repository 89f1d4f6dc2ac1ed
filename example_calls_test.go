package smooch_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

func ExampleNewClient() {
	client, err := smooch.NewClient(smooch.AppJWT("app_5723a347f82ba0516cb4ea34", "s3cr3t"),
		smooch.WithRegion(smooch.EU),
		smooch.WithTimeout(10*time.Second), // of each attempt; the context limits the call
		smooch.WithUserAgent("acme-bot/1.4"))
	fmt.Println(client, err)

	secret := "" // as of an environment variable that is not set
	_, err = smooch.NewClient(smooch.AppJWT("app_5723a347f82ba0516cb4ea34", secret))
	fmt.Println(errors.Is(err, smooch.ErrInvalidArgument))
	// Output:
	// smooch.Client(v1.1) <nil>
	// true
}

// A copy of a client that speaks the other version.
func ExampleClient_ForVersion() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	event := smooch.EventTrack{Name: "opened"} // a call that only v1 has
	_, err := app.AppUsers.TrackEvent(ctx, "ida", event)
	fmt.Println(errors.Is(err, smooch.ErrUnsupportedVersion))
	_, err = app.ForVersion(smooch.V1).AppUsers.TrackEvent(ctx, "ida", event)
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// A call that the SDK has no method for.
func ExampleClient_Do() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	userID := "ida"

	var answer struct {
		AppUser struct {
			GivenName string `json:"givenName"`
		} `json:"appUser"`
	}
	body := map[string]string{"givenName": "Ida"}
	err := app.Do(ctx, http.MethodPut, "/appusers/"+url.PathEscape(userID), body, &answer)
	fmt.Println(answer.AppUser.GivenName, err)
	// Output: Ida <nil>
}

// What a method does not return: status, headers, the whole body, and how often it was tried.
func ExampleResponse() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()

	var response smooch.Response
	_, err := app.AppUsers.Get(ctx, "ida", smooch.WithResponse(&response))
	fmt.Println(response.StatusCode, response.Attempts, len(response.Body) > 0, err)
	fmt.Println(response) // leaves out what users wrote
	// Output:
	// 200 1 true <nil>
	// smooch.Response(200)
}

// What may be repeated is, and what might double something is not.
func ExampleRetryPolicy() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()
	app := server.Client(smooch.WithRetryPolicy(smooch.RetryPolicy{MaxAttempts: 4, MinDelay: time.Millisecond}))
	server.Fail(smoochtest.Fault{Status: http.StatusServiceUnavailable, Times: 3})

	var response smooch.Response
	user, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida"}, smooch.WithResponse(&response))
	fmt.Println(user, response.Attempts, errors.Is(err, smooch.ErrOutcomeUnknown))

	list, err := app.Webhooks.List(ctx, smooch.WithResponse(&response))
	fmt.Println(len(list), response.Attempts, err)
	// Output:
	// <nil> 1 true
	// 0 3 <nil>
}

// evenly lets one attempt through at each tick. It does what [*rate.Limiter] does, without bursts.
//
// [*rate.Limiter]: https://pkg.go.dev/golang.org/x/time/rate#Limiter
type evenly struct{ *time.Ticker }

func (l evenly) Wait(ctx context.Context) error {
	select {
	case <-l.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A limiter keeps a client below a rate; after a 429, the client slows down without one.
func ExampleLimiter() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()

	limiter := evenly{time.NewTicker(5 * time.Millisecond)}
	defer limiter.Stop()
	app := server.Client(smooch.WithLimiter(limiter))
	began := time.Now()
	for range 3 {
		if _, err := app.Menu.Get(ctx); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(time.Since(began) >= 10*time.Millisecond)
	// Output: true
}

// One record for each attempt, with neither ids nor bodies.
func ExampleWithLogger() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()

	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { // so that the output is the same each time
			if slices.Contains([]string{slog.MessageKey, "op", "status"}, a.Key) {
				return a
			}
			return slog.Attr{}
		},
	}))
	_, err := server.Client(smooch.WithLogger(logger)).AppUsers.Get(ctx, "steveb@channel5.com")
	fmt.Println(errors.Is(err, smooch.ErrNotFound))
	// Output:
	// msg="smooch attempt" op="GET /appusers/{userId}" status=404
	// true
}

// Decide on the code or on the class of an error, never on its description, which may change.
func ExampleErrorCode() {
	ctx := context.Background()
	server := smoochtest.NewServer()
	defer server.Close()

	client, err := smooch.NewClient(smooch.AppJWT("app_unknown", "s3cr3t"), smooch.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.AppUsers.Get(ctx, "ida")
	fmt.Println(errors.Is(err, smooch.CodeUnauthorized), errors.Is(err, smooch.ErrUnauthorized))
	// Output: true true
}

// The answer to a send is lost. It can have been carried out, so the SDK does not repeat it.
func ExampleError_outcomeUnknown() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	server.Fail(smoochtest.Fault{Method: "POST", Status: http.StatusBadGateway})

	_, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Noon it is."))
	e, _ := errors.AsType[*smooch.Error](err) // the cause is in the same chain
	fmt.Println(errors.Is(err, smooch.ErrOutcomeUnknown), e.StatusCode)
	// Output: true 502
}

// The service asks to wait for longer than the client does by itself.
func ExampleError_rateLimited() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	server.Fail(smoochtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 2 * time.Minute})

	_, err := app.AppUsers.Get(ctx, "ida")
	if e, ok := errors.AsType[*smooch.Error](err); ok && errors.Is(err, smooch.ErrRateLimited) {
		fmt.Println("again after", e.RetryAfter)
	}
	// Output: again after 2m0s
}

// The message was posted, though its answer broke off: posting it again would double it.
func ExampleDecodeError() {
	ctx := context.Background()
	app, server := start(ctx)
	defer server.Close()
	server.Fail(smoochtest.Fault{Method: "POST", Truncate: true})

	_, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("Noon it is."))
	_, carriedOut := errors.AsType[*smooch.DecodeError](err)
	fmt.Println(carriedOut)
	history, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(history.Messages))
	// Output:
	// true
	// 2
}
