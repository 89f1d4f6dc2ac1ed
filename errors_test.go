package smooch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestErrorClasses(t *testing.T) {
	classes := map[int]error{
		400: ErrBadRequest, 401: ErrUnauthorized, 402: ErrPaymentRequired, 403: ErrForbidden, 404: ErrNotFound,
		409: ErrConflict, 413: ErrTooLarge, 429: ErrRateLimited, 500: ErrServer, 501: ErrServer, 503: ErrServer,
	}
	for status, class := range classes {
		err := fmt.Errorf("wrapped: %w", &Error{StatusCode: status, Code: "some_code"})
		for _, other := range classes {
			assert.Equal(t, other == class, errors.Is(err, other), "%d is %v", status, other)
		}
		assert.ErrorIs(t, err, ErrorCode("some_code"))
		assert.NotErrorIs(t, err, ErrorCode("other_code"))
		assert.NotErrorIs(t, err, ErrOutcomeUnknown)
	}
	assert.NotErrorIs(t, &Error{StatusCode: 418}, ErrorCode(""), "no code is not the empty code")
}

// TestEveryErrorBody: the status survives whatever a server or a gateway sends.
func TestEveryErrorBody(t *testing.T) {
	tests := []struct {
		name, body  string
		code        ErrorCode
		description string
	}{
		{"envelope", `{"error":{"code":"unauthorized","description":"Authorization is required"}}`, CodeUnauthorized, "Authorization is required"},
		{"next generation", `{"errors":[{"code":"conflict","title":"User already exists"}]}`, "conflict", "User already exists"},
		{"delivery wording", `{"error":{"code":"x","message":"m"}}`, "x", "m"},
		{"code is a number", `{"error":{"code":4010,"description":"d"}}`, "4010", "d"},
		{"description is an object", `{"error":{"code":"x","description":{"a":1}}}`, "x", ""},
		{"error is text", `{"error":"nope"}`, "", "nope"},
		{"error is null", `{"error":null}`, "", ""},
		{"array", `[{"error":1}]`, "", ""},
		{"empty errors", `{"errors":[]}`, "", ""},
		{"html", `<html><body>502 Bad Gateway</body></html>`, "", ""},
		{"empty", ``, "", ""},
		{"truncated", `{"error":{"code":"unauth`, "", ""},
		{"null", `null`, "", ""},
		{"number", `17`, "", ""},
		{"deep", strings.Repeat(`{"error":`, 20000), "", ""},
	}
	for _, test := range tests {
		for _, status := range []int{400, 401, 403, 404, 429, 502} {
			t.Run(test.name+"/"+strconv.Itoa(status), func(t *testing.T) {
				t.Parallel()
				rec := newRecorder(t, reply(status, test.body))
				c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithRetryPolicy(RetryPolicy{MaxAttempts: 1}))
				var answered Response
				user, err := c.AppUsers.Get(t.Context(), "ida", WithResponse(&answered))
				assert.Nil(t, user)
				e, ok := errors.AsType[*Error](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, "GET /appusers/{userId}", e.Op)
				assert.Equal(t, status, e.StatusCode)
				assert.Equal(t, test.code, e.Code)
				assert.Equal(t, test.description, e.Description)
				assert.Equal(t, test.body[:min(len(test.body), 64<<10)], string(e.Body))
				assert.Equal(t, 1, e.Attempts)
				assert.NotNil(t, e.Header)
				assert.Equal(t, status == 401 || status == 403, e.Hint != "")
				assert.Equal(t, status, answered.StatusCode)
				assert.Equal(t, e.Body, answered.Body)
				assert.NotContains(t, err.Error(), "\n")
				assert.NotContains(t, err.Error(), "html")
			})
		}
	}
}

func TestErrorText(t *testing.T) {
	rec := newRecorder(t, reply(401, `{"error":{"code":"unauthorized","description":"Authorization is required"}}`))
	c := newTestClient(t, rec.URL, AppToken("t0ken"))
	_, err := c.AppUsers.Get(t.Context(), "ida")
	assert.EqualError(t, err, "smooch: GET /appusers/{userId}: 401 unauthorized: Authorization is required; this call accepts an app token (v1); or a JWT of scope appUser, app, appMaker, account; or Basic (v1.1) with a key of: app, account, service account")

	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("failed", "err", err)
	assert.Contains(t, log.String(), `err.op="GET /appusers/{userId}" err.status=401 err.code=unauthorized`)
}

// TestNoSecretInErrorsAndLogs: a service that repeats all that it was sent, and failures on the way, with every kind of credential.
func TestNoSecretInErrorsAndLogs(t *testing.T) {
	const user, text, secret = "bob@example.com/7", "my card is 4242-x", "s3cr3tS3cr3t"
	hostile := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(400)
		fmt.Fprintf(w, `{"error":{"code":%q,"description":%q}}`, r.Header.Get("Authorization"), fmt.Sprint(r.Header, r.RequestURI, r.URL.Path, len(body)))
	}
	broken := func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(conn, "GARBAGE %s %s\r\n\r\n", r.Header.Get("Authorization"), r.RequestURI)
		conn.Close()
	}
	unreadable := reply(200, `{"message":{"text":"my card is 4242-x","_id":{}}} trailing`)
	auths := map[string]Auth{
		"jwt": AppJWT("key7", secret), "basic": BasicAuth("key7", secret), "bearer": BearerToken(secret), "app token": AppToken(secret),
		"own header": AuthFunc(func(_ context.Context, r *http.Request) error { r.Header.Set("X-Own", secret); return nil }),
	}
	for name, auth := range auths {
		for i, handler := range []http.HandlerFunc{hostile, broken, unreadable} {
			t.Run(name+strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				var log bytes.Buffer
				logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				rec := newRecorder(t, handler)
				c := newTestClient(t, rec.URL, auth, WithVersion(V1), WithLogger(logger), WithRetryPolicy(RetryPolicy{MaxAttempts: 1}))
				_, err := c.Conversations.PostMessage(t.Context(), user, TextMessage(text))
				require.Error(t, err)
				logger.Error("call", "err", err)
				sent := rec.last(t).header
				_, token, _ := strings.Cut(sent.Get("Authorization"), " ")
				all := fmt.Sprintf("%v %+v %s %v %+v %#v %v", err, err, log.String(), c, c, c, auth)
				if e, ok := errors.AsType[*Error](err); ok {
					e.Body, e.Description, e.Code = nil, "", "" // these hold what the service repeats, as it came
					all += fmt.Sprintf("%v %+v %#v %#v", *e, *e, *e, e)
				}
				all += fmt.Sprintf("%+v %#v", auth, auth)
				for _, hidden := range []string{secret, text, user, "bob@example.com", "bob%40", "4242-x", token} {
					if hidden != "" {
						assert.NotContains(t, all, hidden)
					}
				}
			})
		}
	}
}

func TestEmptyAndOddSuccesses(t *testing.T) {
	zero := map[string]string{"empty": ``, "null": `null`, "object": `{}`, "other members": `{"x":{"y":[1,2]}}`, "null member": `{"appUser":null}`, "empty array": `{"appUser":[]}`}
	for name, body := range zero {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t, newRecorder(t, reply(200, body)).URL, AppJWT("k", "s"))
			user, err := c.AppUsers.Get(t.Context(), "u")
			require.NoError(t, err)
			assert.Equal(t, &AppUser{}, user)
		})
	}
	c := newTestClient(t, newRecorder(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }).URL, AppJWT("k", "s"))
	assert.NoError(t, c.AppUsers.Delete(t.Context(), "u"))

	unreadable := map[string]string{
		"html": `<html>login</html>`, "truncated": `{"appUser":{"_id":"u"`, "array": `[{"_id":"u"}]`, "trailing": `{"appUser":{}}<html>`,
		"text": `"u"`, "wrong type": `{"appUser":"u"}`, "wrong member": `{"appUser":{"_id":{"a":1}}}`,
	}
	for name, body := range unreadable {
		t.Run(name, func(t *testing.T) {
			rec := newRecorder(t, reply(201, body))
			c := newTestClient(t, rec.URL, AppJWT("k", "s"))
			var answered Response
			user, err := c.AppUsers.Create(t.Context(), AppUserCreate{UserID: "u"}, WithResponse(&answered))
			assert.Nil(t, user)
			e, ok := errors.AsType[*DecodeError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, 201, e.StatusCode)
			assert.Equal(t, "POST /appusers", e.Op)
			assert.NotErrorIs(t, err, ErrOutcomeUnknown, "it was carried out")
			assert.Equal(t, body, string(answered.Body), "the bytes are within reach")
			assert.Len(t, rec.requests(), 1)
		})
	}
}

func TestBodiesThatBreakOff(t *testing.T) {
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "500")
		_, _ = io.WriteString(w, `{"message":{`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	rec := newRecorder(t, cut)
	c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithRetryPolicy(RetryPolicy{MinDelay: time.Millisecond}))
	_, err := c.Conversations.PostMessage(t.Context(), "u", TextMessage("hi"))
	_, ok := errors.AsType[*DecodeError](err)
	assert.True(t, ok, "%v", err)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.NotErrorIs(t, err, ErrOutcomeUnknown)
	assert.Len(t, rec.requests(), 1)

	_, err = c.AppUsers.Get(t.Context(), "u")
	_, ok = errors.AsType[*DecodeError](err)
	assert.True(t, ok, "%v", err)
	assert.Len(t, rec.requests(), 1+3, "reading is repeated")
}

func TestResponsesAreBounded(t *testing.T) {
	endless := func(status int, zipped bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			out := io.Writer(w)
			if zipped {
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				defer z.Close()
				out = z
			}
			w.WriteHeader(status)
			chunk := bytes.Repeat([]byte("a"), 1<<20)
			for range 40 {
				if _, err := out.Write(chunk); err != nil {
					return
				}
			}
		}
	}
	for _, zipped := range []bool{false, true} {
		for _, status := range []int{200, 400} {
			c := newTestClient(t, newRecorder(t, endless(status, zipped)).URL, AppJWT("k", "s"), WithMaxResponse(1<<20))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.AppUsers.Create(t.Context(), AppUserCreate{UserID: "u"})
			runtime.ReadMemStats(&after)
			require.Error(t, err)
			if status == 200 {
				assert.ErrorIs(t, err, ErrResponseTooLarge)
				assert.NotErrorIs(t, err, ErrOutcomeUnknown)
			} else {
				e, _ := errors.AsType[*Error](err)
				require.NotNil(t, e)
				assert.Len(t, e.Body, 64<<10)
			}
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20), "of 40 MiB")
		}
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	remotes := map[string]bool{}
	long := `{"error":{"description":"` + strings.Repeat("x", 100<<10) + `"}}`
	statuses := []int{404, 500, 200, 413, 503}
	n := 0
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		remotes[r.RemoteAddr] = true
		n++
		reply(statuses[n%len(statuses)], long)(w, r)
	})
	c := newTestClient(t, rec.URL, AppJWT("k", "s"), WithRetryPolicy(RetryPolicy{MinDelay: time.Millisecond, MaxDelay: time.Millisecond}))
	for range 20 {
		_, _ = c.AppUsers.Get(t.Context(), "u") // whatever the status, the connection stays
	}
	assert.Len(t, remotes, 1)
}

// TestBurstsKeepTheirConnections: 64 calls at once, twice; the second time nobody dials.
func TestBurstsKeepTheirConnections(t *testing.T) {
	var dialled, waiting atomic.Int32
	all := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if waiting.Add(1) == 64 {
			close(all)
		}
		<-all // all 64 are open at once
		reply(200, `{}`)(w, r)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			dialled.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := newTestClient(t, server.URL, AppJWT("k", "s"))
	for range 2 {
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				_, err := c.AppUsers.Get(t.Context(), "u")
				assert.NoError(t, err)
			})
		}
		group.Wait()
	}
	assert.LessOrEqual(t, dialled.Load(), int32(64+2))
}
