package guarantee

import (
	"time"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// addFinal records that a node holds a machine in the end, and checks that all
// nodes hold the same.
func (c *Checker) addFinal(s *source, m *machine, o *Observation) {
	c.count(Convergence, 1)
	by := Evidence{Observation: o}
	c.keep(by)
	if s.final == nil {
		s.final = o
		c.finalSources = append(c.finalSources, s)
	}
	if m.finals = append(m.finals, o); len(m.finals) == 1 {
		return
	}
	if first := m.finals[0]; first.Version != o.Version || first.State != o.State {
		c.violate(Convergence, "differ", m, []Evidence{{Observation: first}, by}, "%v, but %v", Evidence{Observation: first}, by)
	}
}

// checkConvergence checks that no node ends behind a version that was known to
// be chosen by then, and that every node holds every machine that has evidence.
func (c *Checker) checkConvergence(v *Result, m *machine, past []versionRecord) {
	for _, f := range m.finals {
		if l, found := firstBeyond(past, f.Version, f.Time); found {
			held := Evidence{Observation: f}
			v.violate("behind", m, []Evidence{l.firstKnown, held}, "%v, but %v", l.firstKnown, held)
		}
	}
	l, touched := firstBeyond(past, 0, history.MaxTime)
	if !touched && len(m.finals) == 0 {
		return
	}
	for _, s := range c.finalSources {
		if hasFinal(m.finals, s.final.Source) {
			continue
		}
		known := Evidence{}
		if touched {
			known = l.firstKnown
		} else {
			known.Observation = m.finals[0]
		}
		v.violate("missing", m, []Evidence{known, {Observation: s.final}},
			"%v, but %s, which has finals of other machines at %v, has none of it", known, s.final.Source, time.Duration(s.final.Time))
	}
}

func hasFinal(finals []*Observation, source string) bool {
	for _, f := range finals {
		if f.Source == source {
			return true
		}
	}
	return false
}
