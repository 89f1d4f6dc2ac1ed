package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/examples/internal/service"
)

// TestIssueToken: a token is for the user of the session only, whatever the request says, and no
// page of another site gets one.
func TestIssueToken(t *testing.T) {
	s, err := service.ForApp(t.Context(), "")
	require.NoError(t, err)
	defer s.Close()
	b, err := newBackend(s)
	require.NoError(t, err)
	site := httptest.NewServer(b.handler())
	defer site.Close()
	call := func(path, form string, header http.Header) (status int, answer http.Header, body []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, site.URL+path, strings.NewReader(form))
		require.NoError(t, err)
		req.Header = header
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err = io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, resp.Header, body
	}
	status, _, _ := call("/login", "name=+", http.Header{})
	assert.Equal(t, http.StatusBadRequest, status)
	status, header, _ := call("/login", "name=Ida+%2B+co", http.Header{})
	require.Equal(t, http.StatusNoContent, status)
	cookie := header.Get("Set-Cookie")
	assert.Contains(t, cookie, "HttpOnly")
	session, _, _ := strings.Cut(cookie, ";")

	status, _, _ = call("/smooch-token", "", http.Header{})
	assert.Equal(t, http.StatusUnauthorized, status)
	status, _, _ = call("/smooch-token", "", http.Header{"Cookie": {"session=x"}})
	assert.Equal(t, http.StatusUnauthorized, status)
	foreign := http.Header{"Cookie": {session}, "Origin": {"https://evil.test"}, "Sec-Fetch-Site": {"cross-site"}}
	status, _, _ = call("/smooch-token", "", foreign)
	assert.Equal(t, http.StatusForbidden, status)

	status, header, body := call("/smooch-token", "userId=web-Bob", http.Header{"Cookie": {session}})
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, "no-store", header.Get("Cache-Control"))
	var issued tokenResponse
	require.NoError(t, json.Unmarshal(body, &issued))
	claims, err := smooch.VerifyJWT(issued.Token, func(string) (string, error) { return s.Secret, nil })
	require.NoError(t, err)
	assert.Equal(t, smooch.ScopeAppUser, claims.Scope)
	assert.Equal(t, "web-Ida + co", claims.UserID)
	assert.Equal(t, s.KeyID, claims.KeyID)
	assert.WithinDuration(t, time.Now().Add(tokenTTL), claims.ExpiresAt, 5*time.Second)
}
