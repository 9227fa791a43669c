package service

// Counters are the counts of a service: the sizes of what it keeps, and its actions
// since it booted.
type Counters struct {
	Machines int // in the index
	Watchers int // that have not ended
	Pending  int // requests without a reply

	Refused         uint64 // requests rejected for want of room
	Expired         uint64 // calls rejected since their clients no longer awaited the reply
	WatchersRefused uint64 // watches rejected for want of room
	Published       uint64 // changes given to watchers
	CutOff          uint64 // watches cut off because their clients were slow
}

// Counters returns the present counts.
func (s *Service) Counters() Counters {
	return Counters{
		Machines: s.index.size, Watchers: len(s.hub.byTicket), Pending: s.requests.count(),
		Refused: s.requests.refused, Expired: s.expired, WatchersRefused: s.hub.refused, Published: s.hub.published, CutOff: s.hub.cutOff,
	}
}
