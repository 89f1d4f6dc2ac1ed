package smoochtest_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

func basicAuth(id, secret string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(id, secret)
	return "Authorization: " + r.Header.Get("Authorization")
}

// TestCredentials runs its cases in order: once the user ida has used a JWT, the app token no
// longer reaches it.
func TestCredentials(t *testing.T) {
	t.Parallel()
	server, client := newServerWithUser(t)
	app, account := server.App(), server.Account()
	createUser(t, client, "bob")
	other, err := client.Apps.Create(t.Context(), smooch.AppCreate{Name: "Other"})
	require.NoError(t, err)

	sign := func(claims jwt.MapClaims) string { return signed(t, app.Key, claims) }
	later := time.Now().Add(time.Hour).Unix()
	appJWT := sign(jwt.MapClaims{"scope": "app", "exp": later})
	idaJWT := sign(jwt.MapClaims{"scope": "appUser", "userId": "ida", "exp": later})
	accountJWT := signed(t, account, jwt.MapClaims{"scope": "account", "iat": 1})
	makerJWT := signed(t, account, jwt.MapClaims{"scope": "appMaker"})
	forged := signed(t, smoochtest.Credentials{KeyID: app.Key.KeyID, Secret: "x"}, jwt.MapClaims{"scope": "app"})
	none := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"scope": "app"})
	none.Header["kid"] = app.Key.KeyID
	unsigned, err := none.SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)

	const ida = "/appusers/ida"
	prefix := "/v1.1/apps/" + app.ID
	tests := []struct {
		name, uri, credential string
		want                  int
	}{
		{"none", "/v1" + ida, "X: y", 401},
		{"app token", "/v1" + ida, "app-token: " + app.Token, 200},
		{"app token on v1.1", "/v1.1" + ida, "app-token: " + app.Token, 401},
		{"wrong app token", "/v1" + ida, "app-token: x", 401},
		{"app token for webhooks", "/v1/webhooks", "app-token: " + app.Token, 403},
		{"app JWT, short", "/v1" + ida, appJWT, 200},
		{"app JWT, prefixed", prefix + ida, appJWT, 200},
		{"app JWT, another app", "/v1.1/apps/" + other.ID + ida, appJWT, 403},
		{"app JWT for apps", "/v1/apps", appJWT, 403},
		{"app JWT for keys", "/v1/apps/" + app.ID + "/keys", appJWT, 403},
		{"appUser JWT, own", "/v1" + ida, idaJWT, 200},
		{"appUser JWT, other", "/v1/appusers/bob", idaJWT, 403},
		{"appUser JWT for webhooks", "/v1/webhooks", idaJWT, 403},
		{"app token after a JWT", "/v1" + ida, "app-token: " + app.Token, 401},
		{"userId is a number", "/v1" + ida, sign(jwt.MapClaims{"scope": "appUser", "userId": 7}), 401},
		{"expired", "/v1" + ida, sign(jwt.MapClaims{"scope": "app", "exp": 1}), 401},
		{"unsigned", "/v1" + ida, "Authorization: Bearer " + unsigned, 401},
		{"wrong secret", "/v1" + ida, forged, 401},
		{"account JWT of an app's key", "/v1/apps", sign(jwt.MapClaims{"scope": "account"}), 401},
		{"account", "/v1/apps", accountJWT, 200},
		{"appMaker", "/v1/apps", makerJWT, 200},
		{"account without the app's prefix", "/v1" + ida, accountJWT, 404},
		{"account with the app's prefix", prefix + ida, accountJWT, 200},
		{"Basic, app key", "/v1.1" + ida, basicAuth(app.Key.KeyID, app.Key.Secret), 200},
		{"Basic, account key", "/v1.1/apps", basicAuth(account.KeyID, account.Secret), 200},
		{"Basic on v1", "/v1" + ida, basicAuth(app.Key.KeyID, app.Key.Secret), 401},
		{"Basic, wrong", "/v1.1/apps", basicAuth(account.KeyID, "x"), 401},
		{"unknown app", "/v1.1/apps/nope" + ida, accountJWT, 404},
		{"path in another case", prefix + "/appUsers/ida/authCode", accountJWT, 200},
		{"an escaped slash stays within its segment", prefix + "/appusers/ida%2F..%2Fbob", accountJWT, 404},
		{"dots are not resolved", prefix + "/appusers/x/../ida", accountJWT, 404},
	}
	for _, test := range tests {
		status, answer := raw(t, server, "GET", test.uri, "", test.credential)
		assert.Equal(t, test.want, status, "%s: %v", test.name, answer)
	}
}

func TestTokensExpireOnTheServersClock(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	exp := time.Now().Add(time.Hour).Unix()
	token := signed(t, server.App().Key, jwt.MapClaims{"scope": "app", "exp": exp})
	status, _ := raw(t, server, "GET", "/v1/webhooks", "", token)
	assert.Equal(t, 200, status)
	server.Advance(2 * time.Hour)
	status, _ = raw(t, server, "GET", "/v1/webhooks", "", token)
	assert.Equal(t, 401, status)
}

func TestTokensThatHaveExpired(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	for exp, want := range map[any]int{0: 401, 1: 401, -1: 401, "x": 401, time.Now().Unix() + 3600: 200} {
		for _, version := range []string{"/v1", "/v1.1"} {
			token := signed(t, server.App().Key, jwt.MapClaims{"scope": "app", "exp": exp})
			status, _ := raw(t, server, "GET", version+"/webhooks", "", token)
			assert.Equal(t, want, status, "exp %v on %s", exp, version)
		}
	}
}

// TestBodiesOfStrangersAreNotRead sends the header of a large body and waits for the answer.
func TestBodiesOfStrangersAreNotRead(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	for token, want := range map[string]string{
		"Authorization: Bearer nonsense": "401",
		signed(t, server.App().Key, jwt.MapClaims{"scope": "appUser", "userId": "somebody"}): "403",
	} {
		for _, length := range []int{100, 1_000_000} {
			var dialer net.Dialer
			conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
			_, err = fmt.Fprintf(conn, "POST /v1.1/appusers/ida/messages HTTP/1.1\r\nHost: x\r\n%s\r\n"+
				"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n{", token, length)
			require.NoError(t, err)
			line, err := bufio.NewReader(conn).ReadString('\n')
			require.NoError(t, err)
			assert.Contains(t, line, want)
		}
	}
}

// TestRefusedCredentialsAreExplained: in the list of calls, not to the caller, as by the service.
func TestRefusedCredentialsAreExplained(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	c, app, account := newControls(t, server), server.App(), server.Account()
	for _, test := range []struct{ version, header, want string }{
		{"v1.1", "X: y", "there is none"},
		{"v1.1", "app-token: " + app.Token, "an app-token is for v1"},
		{"v1", "app-token: x", "no app has this app-token"},
		{"v1", basicAuth(app.Key.KeyID, app.Key.Secret), "Authorization is not Bearer"},
		{"v1.1", "Authorization: Token x", "Authorization is neither Bearer nor Basic"},
		{"v1.1", basicAuth(app.Key.KeyID, "x"), "the id or the secret of the key is wrong"},
		{"v1.1", "Authorization: Bearer x", "token is malformed"},
		{"v1.1", signed(t, smoochtest.Credentials{Secret: "x"}, jwt.MapClaims{}), "its header has no kid"},
		{"v1.1", signed(t, smoochtest.Credentials{KeyID: "k", Secret: "x"}, jwt.MapClaims{}), `there is no key "k", which kid in its header names`},
		{"v1.1", signed(t, smoochtest.Credentials{KeyID: app.Key.KeyID, Secret: "x"}, jwt.MapClaims{"scope": "app"}), "signature is invalid"},
		{"v1.1", signed(t, app.Key, jwt.MapClaims{"scope": "app", "exp": 1}), "token is expired"},
		{"v1.1", signed(t, app.Key, jwt.MapClaims{"scope": "app", "exp": 0}), "token is expired"},
		{"v1.1", signed(t, app.Key, jwt.MapClaims{}), `a key of an app signs tokens of the scopes app and appUser, not ""`},
		{"v1.1", signed(t, account, jwt.MapClaims{"scope": "app"}), `a key of an account signs tokens of the scope account, not "app"`},
		{"v1.1", signed(t, app.Key, jwt.MapClaims{"scope": "appUser"}), "a token of the scope appUser needs a userId"},
	} {
		status, answer := raw(t, server, "GET", "/"+test.version+"/apps/"+app.ID+"/webhooks", "", test.header)
		assert.Equal(t, 401, status, test.want)
		assert.Equal(t, "Authorization is required", at(answer, "error", "description"))
		calls := c.call(200, "GET", "calls?brief=true", "")["calls"].([]any)
		assert.Contains(t, at(calls[len(calls)-1], "refused"), test.want)
		assert.NotContains(t, at(calls[len(calls)-1], "refused"), "keyfunc")
	}
	raw(t, server, "GET", "/v1.1/apps/"+app.ID+"/webhooks", "", signed(t, app.Key, jwt.MapClaims{"scope": "app"}))
	calls := c.call(200, "GET", "calls?brief=true&status=200", "")["calls"].([]any)
	assert.NotContains(t, calls[0], "refused")
}
