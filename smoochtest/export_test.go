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

// SetLogRoom sets how many bytes of bodies the log of calls keeps.
func (s *Server) SetLogRoom(bytes int) {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	s.requests.calls.room = bytes
}

// FeedReaders returns the number of the readers of /_sandbox/events that the server keeps events
// for.
func (s *Server) FeedReaders() int {
	s.controls.feed.mu.Lock()
	defer s.controls.feed.mu.Unlock()
	return len(s.controls.feed.readers)
}
