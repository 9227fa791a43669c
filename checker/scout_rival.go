package checker

import "math"

// rivalry is how a scout loses little where it does not help. Once pilots that lead it
// have worked for longer than they do where it helps, one that judges the history without
// a scout goes on as well, from the beginning, and works a quarter as much as they do. The
// scout gives up if its leaders take more than a share of the work that the rival is
// expected to need, and the rival has come an eighth as far.
type rivalry struct {
	rival *pilot // nil as long as it is not needed
	work  int    // of leaders so far
	free  int    // work of leaders for which the rival need not work
}

const (
	freeWork    = 2 // configurations for each operation, where a pilot alone takes 10 to 200
	leaderShare = 8 // of the work of the rival: an eighth
	rivalShare  = 4 // of the work of leaders: a quarter
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
	s.rival.allowed = max(1, s.work/rivalShare)
	s.rival.runTo(math.MaxInt)
	return s.rival.done || 2*rivalShare*s.rival.events.index() > s.until && s.work > s.expected()/leaderShare
}

// expected returns the work that the rival is going to need, going by its work so far.
func (s *scout) expected() int {
	if s.rival == nil {
		return 0
	}
	return int(float64(s.rival.work()) * float64(2*len(s.ops)) / float64(1+s.rival.events.index()))
}

// leadOn has a leader go on to an event. It reports false if it took too much work.
func (s *scout) leadOn(p *pilot, end int) bool {
	before := p.work()
	p.allowed = before + max(1, s.free-s.work, s.free/4, s.expected()/leaderShare-s.work)
	p.runTo(end)
	s.work += p.work() - before
	return p.done || p.trouble == 0
}
