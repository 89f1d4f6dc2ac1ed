package smooch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNoSecretInErrorsAndLogs posts a message with each kind of credential to services that fail.
func TestNoSecretInErrorsAndLogs(t *testing.T) {
	t.Parallel()
	const user, text, secret = "bob@example.com/7", "my card is 4242-x", "s3cr3tS3cr3t"
	services := map[string]http.HandlerFunc{
		"repeats all that it was sent": func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"error":{"code":%q,"description":%q}}`, r.Header.Get("Authorization"), fmt.Sprint(r.Header, r.RequestURI, r.URL.Path, len(body)))
		},
		"does not speak HTTP": func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprintf(conn, "GARBAGE %s %s\r\n\r\n", r.Header.Get("Authorization"), r.RequestURI)
			conn.Close()
		},
		"cannot be read": reply(200, `{"message":{"text":"my card is 4242-x","_id":{}}} trailing`),
	}
	auths := map[string]Auth{
		"JWT":       AppJWT("key7", secret),
		"Basic":     BasicAuth("key7", secret),
		"bearer":    BearerToken(secret),
		"app token": AppToken(secret),
		"own header": AuthFunc(func(_ context.Context, r *http.Request) error {
			r.Header.Set("X-Own", secret)
			return nil
		}),
	}
	for kind, auth := range auths {
		for name, service := range services {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				var log bytes.Buffer
				logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				rec := newRecorder(t, service)
				c := newTestClient(t, rec.URL, auth, WithVersion(V1), WithLogger(logger), WithRetryPolicy(RetryPolicy{MaxAttempts: 1}))
				_, err := c.Conversations.PostMessage(t.Context(), user, TextMessage(text))
				require.Error(t, err)
				logger.Error("call", "err", err)
				_, token, _ := strings.Cut(rec.last(t).header.Get("Authorization"), " ")
				all := fmt.Sprintf("%v %+v %s %v %+v %#v %v %+v %#v", err, err, log.String(), c, c, c, auth, auth, auth)
				if e, ok := errors.AsType[*Error](err); ok {
					e.Body, e.Description, e.Code = nil, "", "" // these have what the service repeats, as it came
					all += fmt.Sprintf("%v %+v %#v %#v", *e, *e, *e, e)
				}
				for _, hidden := range []string{secret, text, user, "bob@example.com", "bob%40", "4242-x", token} {
					if hidden != "" {
						assert.NotContains(t, all, hidden)
					}
				}
			})
		}
	}
}

func TestErrorsRedactWhatTheServiceRepeats(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(400)
		fmt.Fprintf(w, `{"error":{"code":"bad_request","description":%q}}`, r.RequestURI+" "+string(body)+" steveb@channel5.com")
	})
	c := newTestClient(t, rec.URL, AccountJWT("act_1", "s"))
	_, err := c.OAuth.Exchange(t.Context(), OAuthExchange{Code: "0a1b2c", ClientID: "id", ClientSecret: "s3cr3t"})
	assert.ErrorContains(t, err, "[redacted]")
	assertNoSecret(t, err, "s3cr3t")
	assertNoSecret(t, err, "0a1b2c")

	err = c.Do(t.Context(), "GET", "/appusers/steveb%40channel5.com/foo", nil, nil)
	assert.ErrorContains(t, err, "[redacted]")
	assertNoSecret(t, err, "steveb")
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	var key Key
	require.NoError(t, json.Unmarshal([]byte(`{"_id":"app_1","secret":"s3cr3t"}`), &key))
	for _, v := range []any{
		AppJWT("k", "s3cr3t"), AppUserJWT("k", "s3cr3t", "u"), AppToken("s3cr3t"), key, &key,
		Webhook{Secret: "s3cr3t"}, OAuthToken{AccessToken: "s3cr3t"},
	} {
		assertNoSecret(t, v, "s3cr3t")
	}
}
