package guarantee

// checkMonotonicRead checks that the local reads of one life of a node do not
// go back.
func (c *Checker) checkMonotonicRead(s *source, m *machine, o *Observation) {
	c.count(MonotonicReads, 1)
	last, found := s.reads[m]
	if !found {
		last = &Observation{}
		s.reads[m] = last
	}
	if found && o.Version < last.Version {
		before := *last
		pair := []Evidence{{Observation: &before}, {Observation: o}}
		c.violate(MonotonicReads, "went-back", m, pair, "%v, and later %v", pair[0], pair[1])
		return
	}
	*last = *o
}
