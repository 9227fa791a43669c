package service

// Use is the number of things that a service keeps, of each kind.
type Use struct {
	Requests int // without a reply, those of the service itself included
	Listings int // in progress
	Watches  int // that have not ended
	Watched  int // watches of prefixes, and machines that are watched by themselves
	Timers   int // of the node
	Stale    int // timers that were replaced and are not due yet, at most as many and 64 more
}

// Use returns the present use. It changes nothing.
func (s *Service) Use() Use {
	return Use{
		Requests: max(s.requests.count(), len(s.requests.byTicket)), Listings: len(s.listings), Watches: len(s.hub.byTicket),
		Watched: len(s.hub.prefixes) + len(s.hub.keys), Timers: len(s.timers.last), Stale: len(s.timers.heap) - len(s.timers.last),
	}
}
