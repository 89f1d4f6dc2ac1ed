package smoochtest

import (
	"net/http"
	"strings"
)

// Pages of other sites may make the calls of a user's device and read their answers. They may not
// make those of a business, whose credentials stay on its servers.

// forBrowsers reports whether pages of other sites may make the calls of a route.
func forBrowsers(rt *route) bool {
	return rt.accepts == forUser || rt.accepts == forUserJWT || rt.accepts == forMediaToken
}

// withCORS lets the page that makes a call read the answer, unless it has a credential that pages
// must not have.
func withCORS(c *call, answer *reply) *reply {
	origin := c.request.Header.Get("Origin")
	if origin == "" || !forBrowsers(c.route) || c.cred.scope == scopeApp || c.cred.scope == scopeAccount {
		return answer
	}
	allowOrigin(answer, origin)
	answer.header.Set("Access-Control-Expose-Headers", "Retry-After")
	return answer
}

func allowOrigin(answer *reply, origin string) {
	answer.header.Set("Access-Control-Allow-Origin", origin)
	answer.header.Set("Access-Control-Allow-Credentials", "true") // for the media token's cookie
	answer.header.Add("Vary", "Origin")
}

// preflight answers a browser that asks whether a page may make the calls of a path.
func preflight(r *http.Request, methods []string) *reply {
	answer := &reply{status: http.StatusNoContent, header: http.Header{"Allow": {strings.Join(methods, ", ")}}}
	allowOrigin(answer, r.Header.Get("Origin"))
	answer.header.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
	if names := r.Header.Get("Access-Control-Request-Headers"); names != "" {
		answer.header.Set("Access-Control-Allow-Headers", names)
	}
	return answer
}
