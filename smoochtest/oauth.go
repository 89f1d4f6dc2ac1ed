package smoochtest

import (
	"net/http"
	"net/url"
	"slices"
)

var oauthRoutes = []route{
	{"GET", "/oauth/authorize", noApp, unversioned, forNone, authorizeOAuth},
	{"POST", "/oauth/token", noApp, unversioned, forNone, exchangeOAuthCode},
	{"DELETE", "/oauth/authorization", noApp, unversioned, forIntegration, revokeOAuth},
}

// authorizeOAuth answers as if the owner of the first app had logged in and agreed at once.
func authorizeOAuth(c *call) *reply {
	apps := c.server.apps
	target, err := url.Parse(c.query("redirect_uri"))
	if c.query("client_id") == "" || c.query("response_type") != "code" || err != nil || len(apps) == 0 {
		return badRequest("client_id and response_type=code are required")
	}
	apps[0].oauthCode = c.server.random.hex(24)
	params := target.Query()
	params.Set("code", apps[0].oauthCode)
	if state := c.query("state"); state != "" {
		params.Set("state", state)
	}
	target.RawQuery = params.Encode()
	return &reply{status: 302, header: http.Header{"Location": {target.String()}}}
}

func exchangeOAuthCode(c *call) *reply {
	if c.text("grant_type") != "authorization_code" || c.text("client_id") == "" || c.text("client_secret") == "" {
		return badRequest("grant_type, client_id and client_secret are required")
	}
	code := c.text("code")
	for _, a := range c.server.apps {
		if code != "" && a.oauthCode == code {
			a.oauthCode = ""
			token := c.server.random.hex(40)
			c.server.accessTokens[token] = a
			return ok(object{"access_token": token, "token_type": "Bearer"})
		}
	}
	return unauthorized()
}

func revokeOAuth(c *call) *reply {
	token := c.bearerToken()
	for _, h := range slices.Clone(c.cred.app.webhooks) {
		if h.accessToken == token {
			h.remove()
		}
	}
	delete(c.server.accessTokens, token)
	return ok(object{})
}
