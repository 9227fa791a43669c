package service

import "time"

// DrainedAt returns the local time from which on the node may stop without harm after a
// Drain: no call or listing is without its outcome, and the other nodes ask nothing of
// it (node.Node.HandedOverAt). It is Never as long as something is under way, and before
// a Drain. It is valid until the next step.
func (s *Service) DrainedAt() time.Duration {
	switch {
	case s.stopped:
		return s.now
	case !s.draining || s.requests.count() > 0 || len(s.listings) > 0:
		return Never
	}
	return max(s.now, s.node.HandedOverAt())
}
