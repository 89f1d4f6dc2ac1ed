package smoochtest

// RouteCount is the number of calls that the server has.
var RouteCount = len(routes)
