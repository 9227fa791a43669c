package shrink

import (
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// simplifyNetwork removes faults and chance from the network. If the failure needs
// them, it writes down the choices of the run as overrides instead; then the lists
// shrink further.
func (s *search) simplifyNetwork() {
	for _, delay := range []netmodel.Duration{readableDelay, s.plan.Heal.Delay} {
		quiet := clone(s.plan)
		quiet.Heal.Delay = delay
		quiet.Network = quiet.Heal.Network()
		if s.try(quiet) {
			break
		}
	}
	if s.cfg.Pin == nil || s.exhausted || s.pinned && !hasRandomFates(s.plan) {
		return
	}
	if p := s.cfg.Pin(s.plan); p != nil && s.try(p) {
		s.pinned = true
		s.shrinkLists()
	}
}

// readableDelay is the delay of a network whose traces are easy to follow.
const readableDelay = netmodel.Millisecond

// hasRandomFates reports whether p leaves fates of messages to chance.
func hasRandomFates(p *scenarios.Plan) bool {
	return isRandom(p.Network) || slices.ContainsFunc(p.Faults, func(f scenarios.Fault) bool {
		return f.Profile != nil && isRandom(*f.Profile)
	})
}

func isRandom(p netmodel.Profile) bool {
	return p != netmodel.Profile{Delay: netmodel.Delay{Kind: netmodel.Constant, Min: p.Delay.Min}}
}
