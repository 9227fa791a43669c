package checker

import "math"

// rivalry is how a scout loses little where it does not help. Once pilots that lead it
// have worked for longer than they do where it helps, one that judges the history without
// a scout goes on as well, from the beginning, and works more than they do. If it comes
// half as far as the scout, the scout gives up.
type rivalry struct {
	rival *pilot // nil as long as it is not needed
	work  int    // of leaders so far
	free  int    // work of leaders for which the rival need not work
}

const (
	freeWork   = 2 // configurations for each operation, where a pilot alone takes 10 to 200
	rivalShare = 2 // how much more the rival works than leaders
)

// overtaken has the rival work for the work of leaders. It reports whether the scout
// does not help.
func (s *scout) overtaken() bool {
	if s.work <= s.free {
		return false
	}
	if s.rival == nil {
		s.rival = newPilot(s.ctx, s.machine, s.ops, s.memory)
	}
	s.rival.allowed = rivalShare * s.work
	s.rival.runTo(math.MaxInt)
	return s.rival.done || 2*s.rival.events.index() > s.until
}

// leadOn has a leader go on to an event. It reports false if it took too much work.
func (s *scout) leadOn(p *pilot, end int) bool {
	before, most := p.work(), max(1, s.free-s.work, s.free/4)
	if s.rival != nil {
		most = max(most, s.rival.work()/rivalShare)
	}
	p.allowed = before + most
	p.runTo(end)
	s.work += p.work() - before
	return p.done || p.trouble == 0
}
