package smoochtest

// RouteCount is the number of calls that the server has.
var RouteCount = len(routes)

// ControlRoutes are the calls under /_sandbox/, such as "GET /_sandbox/health".
var ControlRoutes = func() []string {
	all := []string{"GET " + controlPrefix + "events"}
	for _, rt := range controlRoutes {
		all = append(all, rt.method+" "+controlPrefix+rt.path)
	}
	return all
}()
