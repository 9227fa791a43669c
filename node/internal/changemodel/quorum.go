package changemodel

// those returns the nodes with a property.
func (m *model) those(has func(n int) bool) (s Nodes) {
	for _, i := range m.nodes {
		if has(i) {
			s |= 1 << i
		}
	}
	return s
}

// majority reports whether s has a majority of members. If a rule on votes is left
// out, a learner or a removed node counts for a member that is silent.
func (m *model) majority(s, members Nodes) bool {
	if !m.holds(MembersVote) && members == m.Old || !m.holds(RemovedDoNotVote) && members == m.New {
		return 2*s.size() > members.size()
	}
	return s.majority(members)
}

// promises reports whether the nodes s are enough to promise in configuration c.
// abandons: for a round that abandons the change.
func (m *model) promises(c Config, s Nodes, abandons bool) bool {
	switch {
	case c != Joint:
		return m.majority(s, m.members(c))
	case abandons && !m.holds(AbandonByMajority):
		return s&m.Old != 0
	case abandons:
		return m.majority(s, m.Old)
	case !m.holds(BothPromise):
		return m.majority(s, m.Old) || m.majority(s, m.New)
	}
	return m.majority(s, m.Old) && m.majority(s, m.New)
}

// accepts reports whether the nodes s are enough to choose a value of a register in
// configuration c.
func (m *model) accepts(c Config, s Nodes, register int, value uint8) bool {
	if c != Joint {
		return m.majority(s, m.members(c))
	}
	switch {
	case register == configuration && Config(value) == Back:
		return m.promises(c, s, true)
	case register == configuration && Config(value) == After && !m.holds(BothChooseAfter):
		return m.majority(s, m.New)
	case !m.holds(OldAcceptJointly):
		return m.majority(s, m.New)
	case !m.holds(NewAcceptJointly):
		return m.majority(s, m.Old)
	}
	return m.majority(s, m.Old) && m.majority(s, m.New)
}

// reads reports whether the nodes s are enough for a read in configuration c.
func (m *model) reads(c Config, s Nodes) bool {
	if c == Joint && !m.holds(ReadBoth) {
		return m.majority(s, m.New)
	}
	return m.promises(c, s, false)
}

// chosen reports whether the value of a ballot is chosen.
func (m *model) chosen(s *state, register, ballot int) bool {
	if s.sent[register][ballot] == 0 || register == configuration && m.AtOnce {
		return s.sent[register][ballot] != 0
	}
	accepted := m.those(func(i int) bool { return s.nodes[i].accepted[register]>>ballot&1 != 0 })
	return m.accepts(m.rounds[register][ballot].Config, accepted, register, s.sent[register][ballot]-1)
}

// chosenConfig reports whether a configuration is chosen.
func (m *model) chosenConfig(s *state, c Config) bool {
	for b := range m.rounds[configuration] {
		if s.sent[configuration][b] == 1+uint8(c) && m.chosen(s, configuration, b) {
			return true
		}
	}
	return false
}
