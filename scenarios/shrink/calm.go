package shrink

import (
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// calm makes the network quiet. If the failure needs what the network did, what
// the run has decided is written down instead; the lists are then rid of what
// does not matter.
func (s *search) calm() {
	for _, delay := range []netmodel.Duration{readable, s.plan.Heal.Delay} {
		quiet := clone(s.plan)
		quiet.Heal.Delay = delay
		quiet.Network = quiet.Heal.Calm()
		if s.try(quiet) {
			break
		}
	}
	if s.cfg.Pin == nil || s.spent || s.pinned && !stormy(s.plan) {
		return
	}
	if p := s.cfg.Pin(s.plan); p != nil && s.try(p) {
		s.pinned = true
		s.lists()
	}
}

// readable is the delay of a network whose traces are easy to follow.
const readable = netmodel.Millisecond

// stormy reports whether p leaves fates of messages to chance.
func stormy(p *scenarios.Plan) bool {
	return random(p.Network) || slices.ContainsFunc(p.Faults, func(f scenarios.Fault) bool {
		return f.Profile != nil && random(*f.Profile)
	})
}

func random(p netmodel.Profile) bool {
	return p != netmodel.Profile{Delay: netmodel.Delay{Kind: netmodel.Constant, Min: p.Delay.Min}}
}
