package smooch

import (
	"context"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRefusedTokenIsRenewed: a service whose clock is ahead takes a token for expired.
func TestRefusedTokenIsRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		var refused string
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			sent++
			if sent == 1 {
				refused = r.Header.Get("Authorization")
				return answer(200, anything), nil
			}
			if r.Header.Get("Authorization") == refused {
				return answer(401, `{"error":{"code":"unauthorized"}}`), nil
			}
			return answer(200, anything), nil
		})
		_, err := c.AppUsers.Get(t.Context(), "u")
		require.NoError(t, err)
		time.Sleep(10 * time.Minute)
		_, err = c.Conversations.PostMessage(t.Context(), "u", TextMessage("hi"))
		require.NoError(t, err, "401 did nothing, so a message may be sent again")
		assert.Equal(t, 3, sent)

		_, err = c.AppUsers.Get(t.Context(), "u")
		require.NoError(t, err)
		assert.Equal(t, 4, sent, "the new token is kept")
	})
}

// TestCallIsRepeatedOnceAfter401, and only if there is another token to send.
func TestCallIsRepeatedOnceAfter401(t *testing.T) {
	t.Parallel()
	tokens := 0
	tests := []struct {
		name string
		auth Auth
		sent int
	}{
		{"JWT", AppJWT("k", "s"), 2},
		{"JWT without expiry, which is always the same", AppJWT("k", "s", WithoutExpiry()), 1},
		{"bearer token", BearerToken("t"), 1},
		{"Basic", BasicAuth("k", "s"), 1},
		{"app token", AppToken("t"), 1},
		{"function that has another token", AuthFunc(func(_ context.Context, r *http.Request) error {
			tokens++
			r.Header.Set("Authorization", "Bearer "+strings.Repeat("x", tokens))
			return nil
		}), 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				hc := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
					sent++
					time.Sleep(2 * time.Second) // a JWT's times are whole seconds
					return answer(401, ``), nil
				})}
				c := newTestClient(t, "http://127.0.0.1:1", test.auth, WithHTTPClient(hc), WithVersion(V1))
				_, err := c.AppUsers.Get(t.Context(), "u")
				assert.ErrorIs(t, err, ErrUnauthorized)
				assert.Equal(t, test.sent, sent)
			})
		})
	}
}

func TestAuthThatFailsSendsNothing(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, anything))
	broken := errors.New("the vault is sealed")
	c := newTestClient(t, rec.URL, AuthFunc(func(context.Context, *http.Request) error { return broken }))
	_, err := c.AppUsers.Get(t.Context(), "u")
	assert.ErrorIs(t, err, broken)
	assert.Empty(t, rec.requests())
}

// TestAuthThatChangesTheURL gets it unchanged at each attempt.
func TestAuthThatChangesTheURL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var queries []string
		hc := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			queries = append(queries, r.URL.RawQuery)
			return answer(500, ``), nil
		})}
		signing := AuthFunc(func(_ context.Context, r *http.Request) error { r.URL.RawQuery += "sig=x"; return nil })
		c := newTestClient(t, "http://127.0.0.1:1", signing, WithHTTPClient(hc), WithRetryPolicy(RetryPolicy{MaxAttempts: 2}))
		_, err := c.AppUsers.Get(t.Context(), "ida")
		assert.Error(t, err)
		assert.Equal(t, []string{"sig=x", "sig=x"}, queries)
	})
}

// TestRenewalsTakeNothingFromTheBudget: the token of a thousand calls at once is refused, and each
// is repeated with the next token, although the budget is a hundred.
func TestRenewalsTakeNothingFromTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signer := AppJWT("app_1", "s3cr3t")
		counting := &countingMethod{SigningMethod: signer.method}
		signer.method = counting
		old, err := signer.Token()
		require.NoError(t, err)
		hc := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Authorization") == "Bearer "+old {
				time.Sleep(2 * time.Second) // a JWT's times are whole seconds
				return answer(401, ``), nil
			}
			return answer(200, anything), nil
		})}
		c := newTestClient(t, "http://127.0.0.1:1", signer, WithHTTPClient(hc))
		var group sync.WaitGroup
		var failed atomic.Int32
		for range 1000 {
			group.Go(func() {
				if _, err := c.AppUsers.Get(t.Context(), "u"); err != nil {
					failed.Add(1)
				}
			})
		}
		group.Wait()
		assert.Zero(t, failed.Load())
		assert.EqualValues(t, 2, counting.signed.Load(), "the first of the refused calls signs for all")
	})
}

// TestRenewalsThatDoNotHelpUseUpTheBudget, so that a revoked key does not double every call for
// ever. With an empty budget the token is renewed for the calls to come, but no call is repeated.
func TestRenewalsThatDoNotHelpUseUpTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent, tokens, revoked := 0, map[string]bool{}, true
		c := fakeClient(t, func(r *http.Request) (*http.Response, error) {
			sent++
			token := r.Header.Get("Authorization")
			if known := tokens[token]; revoked || known {
				tokens[token] = true
				time.Sleep(2 * time.Second) // a JWT's times are whole seconds
				return answer(401, ``), nil
			}
			return answer(200, anything), nil
		})
		for range 1000 {
			_, err := c.AppUsers.Get(t.Context(), "u")
			assert.ErrorIs(t, err, ErrUnauthorized)
		}
		assert.Equal(t, 1000+100, sent)

		revoked = false
		_, err := c.AppUsers.Get(t.Context(), "u")
		assert.NoError(t, err, "the last refused call has renewed the token")
	})
}

// TestCookiesOfTheHTTPClient are sent with each attempt, beside one that the caller sets, and kept
// when they come with a response. A new cookie is not a new credential.
func TestCookiesOfTheHTTPClient(t *testing.T) {
	t.Parallel()
	var sent []string
	n := 0
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		n++
		sent = append(sent, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "node", Value: strconv.Itoa(n), Path: "/"})
		w.WriteHeader([]int{500, 500, 401}[n-1])
	})
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	c := newTestClient(t, rec.URL, BearerToken("t"), WithHTTPClient(&http.Client{Jar: jar}),
		WithRetryPolicy(RetryPolicy{MaxAttempts: 4, MinDelay: 1, MaxDelay: 1}))
	_, err = c.AppUsers.Get(t.Context(), "u", WithHeader("Cookie", "own=1"))
	assert.ErrorIs(t, err, ErrUnauthorized)
	assert.Equal(t, []string{"own=1", "own=1; node=1", "own=1; node=2"}, sent)
}

// TestHostWithoutItsEmptyPort: a colon at the end of the host is valid in a URL, but not in a Host.
func TestHostWithoutItsEmptyPort(t *testing.T) {
	t.Parallel()
	var host string
	hc := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		host = r.Host
		return answer(200, anything), nil
	})}
	c := newTestClient(t, "https://api.test:/path", AppJWT("k", "s"), WithHTTPClient(hc))
	_, err := c.AppUsers.Get(t.Context(), "u")
	require.NoError(t, err)
	assert.Equal(t, "api.test", host)
}
