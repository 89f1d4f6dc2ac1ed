package smoochtest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// route is one call of the API. The routes of a subject are in its file, with their handlers: that
// is the place for a new call.
type route struct {
	method   string
	path     string // what follows the version and the app's prefix; {x} are arguments
	inApp    bool   // may have the prefix /apps/{appId}
	versions []string
	accepts  access
	handler  func(*call) *reply
}

// routes are all calls of the API.
var routes = slices.Concat(
	appRoutes, keyRoutes, serviceAccountRoutes,
	deviceRoutes, appUserRoutes, channelRoutes, stripeRoutes,
	conversationRoutes, messageRoutes, attachmentRoutes, notificationRoutes,
	menuRoutes, integrationRoutes, whatsAppRoutes, templateRoutes, webhookRoutes,
	deploymentRoutes, oauthRoutes,
)

// Values of route.inApp.
const (
	inApp = true
	noApp = false
)

// Values of route.versions. An unversioned call has no version in its path.
var (
	v1Only      = []string{"v1"}
	v11Only     = []string{"v1.1"}
	v1AndV11    = []string{"v1", "v1.1"}
	unversioned = []string{""}
)

// findRoute finds the route of a call by its method and path.
func findRoute(c *call, segments []string) *reply {
	if segments[0] == "v1" || segments[0] == "v1.1" {
		c.version, segments = segments[0], segments[1:]
	}
	otherMethod, browserMethods, elsewhere := false, []string(nil), (*route)(nil)
	for i := range routes {
		rt := &routes[i]
		params, matches := rt.match(segments)
		if !matches {
			continue
		}
		if !slices.Contains(rt.versions, c.version) {
			if rt.method == c.request.Method {
				elsewhere = rt
			}
			continue
		}
		if rt.method == c.request.Method {
			c.route, c.params = rt, params
			return nil
		}
		otherMethod = true
		if forBrowsers(rt) {
			browserMethods = append(browserMethods, rt.method)
		}
	}
	switch {
	case c.request.Method == http.MethodOptions && c.request.Header.Get("Origin") != "" && browserMethods != nil:
		return preflight(c.request, browserMethods)
	case otherMethod:
		return methodNotAllowed()
	case c.version == "":
		return notFoundAs("Route not found: its path does not begin with /v1.1 or /v1")
	case elsewhere != nil:
		only := cmp.Or(elsewhere.versions[0], "paths without a version")
		return notFoundAs("Route not found on " + c.version + ", only on " + only)
	}
	return notFound("Route")
}

// match compares a path without its version with the route's, and returns the path's arguments.
// The fixed words of a path are accepted in upper and lower case.
func (rt *route) match(segments []string) (params map[string]string, matches bool) {
	params = map[string]string{}
	if rt.inApp && len(segments) > 2 && strings.EqualFold(segments[0], "apps") {
		params["appId"], segments = segments[1], segments[2:]
	}
	words := strings.Split(strings.TrimPrefix(rt.path, "/"), "/")
	if len(words) != len(segments) {
		return nil, false
	}
	for i, word := range words {
		if name, isArgument := strings.CutPrefix(word, "{"); isArgument {
			if segments[i] == "" {
				return nil, false
			}
			params[strings.TrimSuffix(name, "}")] = segments[i]
		} else if !strings.EqualFold(word, segments[i]) {
			return nil, false
		}
	}
	return params, true
}
