package changemodel

import "fmt"

// step leads from a state to the next.
type step struct {
	kind     kind
	node     uint8
	register uint8
	ballot   uint8
	value    uint8 // of a proposal, or a configuration
}

type kind uint8

// The kinds of steps.
const (
	adopt kind = iota
	forget
	promise
	propose
	accept
	pull
	list
	beginRead
	report
	endRead
)

// String tells a step in words.
func (m *model) describe(s step) string {
	register := [registers]string{"the configuration", "the key"}[s.register]
	name := fmt.Sprintf("node %d", s.node+1)
	if s.kind == propose && s.register == configuration && m.AtOnce {
		return fmt.Sprintf("the configuration %v is chosen", Config(s.value))
	}
	switch s.kind {
	case adopt:
		return fmt.Sprintf("%s adopts %v", name, Config(s.value))
	case forget:
		return name + " crashes, and forgets the configuration"
	case promise:
		return fmt.Sprintf("%s promises ballot %d of %s (%v)", name, s.ballot+1, register, m.rounds[s.register][s.ballot].Config)
	case propose:
		return fmt.Sprintf("ballot %d of %s (%v) proposes %s", s.ballot+1, register, m.rounds[s.register][s.ballot].Config, valueText(s.register, s.value))
	case accept:
		return fmt.Sprintf("%s accepts ballot %d of %s (%v)", name, s.ballot+1, register, m.rounds[s.register][s.ballot].Config)
	case pull:
		return fmt.Sprintf("%s pulls ballot %d of the key (%v)", name, s.ballot+1, m.rounds[key][s.ballot].Config)
	case list:
		return name + " lists its keys: none is there"
	case beginRead:
		return fmt.Sprintf("a read begins in %v", Config(s.value))
	case report:
		return name + " reports to the read"
	}
	return "the read ends: it shows " + valueText(key, s.value)
}

func valueText(register, value uint8) string {
	if register == configuration {
		return Config(value).String()
	}
	return fmt.Sprintf("the writes %03b", value)
}

// next calls yield with every step from s, and the state after it.
func (m *model) next(s *state, yield func(step, *state)) {
	for _, i := range m.nodes {
		m.adoptions(s, i, yield)
		for r := range registers {
			if r == configuration && m.AtOnce {
				continue
			}
			for b := range m.rounds[r] {
				m.promiseOrAccept(s, i, r, b, yield)
			}
		}
		if m.Repair {
			m.pulling(s, i, yield)
		}
		m.listing(s, i, yield)
		m.reporting(s, i, yield)
	}
	for b := range m.rounds[configuration] {
		m.proposeConfiguration(s, b, yield)
	}
	for b := range m.rounds[key] {
		m.proposeValue(s, b, yield)
	}
	if m.Read {
		m.reading(s, yield)
	}
}

func (m *model) adoptions(s *state, i int, yield func(step, *state)) {
	was := s.nodes[i].config
	for c := Joint; c < configs; c++ {
		if c.epoch() > was.epoch() && m.mayAdopt(s, c) {
			t := *s
			t.nodes[i].config = c
			yield(step{kind: adopt, node: uint8(i), value: uint8(c)}, &t)
		}
	}
	if was != Before && !m.holds(AdoptDurably) {
		t := *s
		t.nodes[i].config = Before
		yield(step{kind: forget, node: uint8(i)}, &t)
	}
}

func (m *model) mayAdopt(s *state, c Config) bool {
	if c == Back && !m.holds(AbandonByRound) && m.chosenConfig(s, Joint) {
		return true
	}
	if m.holds(AdoptChosen) {
		return m.chosenConfig(s, c)
	}
	for b, v := range s.sent[configuration] {
		if v == 1+uint8(c) && m.those(func(i int) bool { return s.nodes[i].accepted[configuration]>>b&1 != 0 }) != 0 {
			return true
		}
	}
	return false
}

// votes reports whether node i takes part in rounds of configuration c.
func (m *model) votes(s *state, i int, c Config) bool {
	if m.holds(FenceAcceptors) && s.nodes[i].config != c {
		return false
	}
	return m.members(c).has(i) || c == Before && !m.holds(MembersVote) || c == After && !m.holds(RemovedDoNotVote)
}

func (m *model) promiseOrAccept(s *state, i, r, b int, yield func(step, *state)) {
	n := &s.nodes[i]
	at, above := uint8(b+1), uint8(b+1) > n.promised[r]
	switch {
	case !m.votes(s, i, m.rounds[r][b].Config):
	case s.sent[r][b] == 0 && above:
		t := *s
		t.nodes[i].promised[r], t.nodes[i].reported[r][b] = at, 1+n.highest(r)
		yield(step{kind: promise, node: uint8(i), register: uint8(r), ballot: uint8(b)}, &t)
	case s.sent[r][b] != 0 && at >= n.promised[r] && n.accepted[r]>>b&1 == 0:
		t := *s
		t.nodes[i].promised[r] = at
		t.nodes[i].accepted[r] |= 1 << b
		yield(step{kind: accept, node: uint8(i), register: uint8(r), ballot: uint8(b)}, &t)
	}
}

// shown calls yield with each value that a quorum of promises of a ballot may show: 1
// plus the highest ballot accepted.
func (m *model) shown(s *state, r, b int, abandons bool, yield func(highest uint8)) {
	promised := m.those(func(i int) bool { return s.nodes[i].reported[r][b] != 0 })
	var done uint8
	for set := promised; set != 0; set = (set - 1) & promised {
		if !m.promises(m.rounds[r][b].Config, set, abandons) {
			continue
		}
		var highest uint8
		for _, i := range m.nodes {
			if set.has(i) {
				highest = max(highest, s.nodes[i].reported[r][b]-1)
			}
		}
		if done>>highest&1 == 0 {
			done |= 1 << highest
			yield(highest)
		}
	}
}

// send is the step by which the accepts of a ballot are sent. The reports to it are
// of no interest any more.
func (m *model) send(s *state, r, b int, value uint8, yield func(step, *state)) {
	t := *s
	t.sent[r][b] = 1 + value
	for i := range t.nodes {
		t.nodes[i].reported[r][b] = 0
	}
	yield(step{kind: propose, register: uint8(r), ballot: uint8(b), value: value}, &t)
}

func (m *model) proposeConfiguration(s *state, b int, yield func(step, *state)) {
	if s.sent[configuration][b] != 0 {
		return
	}
	round := m.rounds[configuration][b]
	if m.AtOnce {
		if b == 0 || s.sent[configuration][b-1] != 0 {
			for _, c := range m.successors(s, round.Config, round.Config) {
				m.send(s, configuration, b, uint8(c), yield)
			}
		}
		return
	}
	for _, abandons := range []bool{false, true} {
		m.shown(s, configuration, b, abandons, func(highest uint8) {
			was := Before
			if highest > 0 {
				was = Config(s.sent[configuration][highest-1] - 1)
			}
			if !m.holds(ReproposeConfiguration) {
				was = [configs]Config{Before, Joint, After, Back}[round.Config]
			}
			for _, c := range m.successors(s, round.Config, was) {
				if (c == Back) == abandons || c == was {
					m.send(s, configuration, b, uint8(c), yield)
				}
			}
		})
	}
}

// successors are the configurations that a round may propose, which takes place in one
// configuration and is shown another by its promises.
func (m *model) successors(s *state, in, was Config) []Config {
	switch {
	case in == Before && was == Before && !m.holds(JointFirst):
		return []Config{After}
	case in == Before && was == Before:
		return []Config{Joint}
	case in == Joint && was <= Joint && m.carriedOver(s):
		return []Config{After, Back}
	case in == Joint && was <= Joint:
		return []Config{Back}
	}
	return []Config{was}
}

// carriedOver reports whether the configuration after may be proposed: the key was chosen
// in the joint configuration, or is absent from the listing.
func (m *model) carriedOver(s *state) bool {
	if !m.holds(CarryOver) {
		return true
	}
	for b, round := range m.rounds[key] {
		if (round.Config == Joint || !m.holds(CarryJointly)) && m.chosen(s, key, b) {
			return true
		}
	}
	absent := m.those(func(i int) bool { return s.nodes[i].absent })
	switch {
	case !m.holds(ListMajority):
		return absent&m.Old != 0
	case !m.holds(ListOldMembers):
		return absent.majority(m.New)
	}
	return absent.majority(m.Old)
}

func (m *model) proposeValue(s *state, b int, yield func(step, *state)) {
	if s.sent[key][b] != 0 {
		return
	}
	propose := func(highest uint8) {
		value := m.rounds[key][b].Writes
		if highest > 0 {
			value |= s.sent[key][highest-1] - 1
		}
		if highest > 0 || value != 0 { // there is nothing to choose again in an empty register
			m.send(s, key, b, value, yield)
		}
	}
	m.shown(s, key, b, false, propose)
	if m.holds(DropCache) {
		return
	}
	for earlier := range b {
		if m.rounds[key][earlier].Config != m.rounds[key][b].Config && m.chosen(s, key, earlier) {
			propose(uint8(earlier + 1))
		}
	}
}

// pulling is the step by which a node accepts a ballot that a peer has accepted, of its own
// epoch or an earlier one, as rule 10 has it. It acknowledges nothing.
func (m *model) pulling(s *state, i int, yield func(step, *state)) {
	n := &s.nodes[i]
	for b, round := range m.rounds[key] {
		at := uint8(b + 1)
		held := m.those(func(j int) bool { return (s.nodes[j].accepted[key]|s.nodes[j].repaired)>>b&1 != 0 })
		if held == 0 || at < n.promised[key] || at <= n.highest(key) || round.Config.epoch() > n.config.epoch() {
			continue
		}
		t := *s
		t.nodes[i].promised[key] = at
		t.nodes[i].repaired |= 1 << b
		yield(step{kind: pull, node: uint8(i), ballot: uint8(b)}, &t)
	}
}

// listing is the step by which a node lists no key.
func (m *model) listing(s *state, i int, yield func(step, *state)) {
	n := &s.nodes[i]
	if n.absent || n.highest(key) != 0 || n.config != Joint && m.holds(ListInJoint) {
		return
	}
	t := *s
	t.nodes[i].absent = true
	yield(step{kind: list, node: uint8(i)}, &t)
}

func (m *model) reporting(s *state, i int, yield func(step, *state)) {
	n := &s.nodes[i]
	if s.reading == 0 || s.reading == readDone || n.read != 0 {
		return
	}
	c := Config(s.reading - 1)
	if m.members(c).has(i) && (n.config == c || !m.holds(FenceReads)) {
		t := *s
		t.nodes[i].read = 1 + n.highest(key)
		yield(step{kind: report, node: uint8(i)}, &t)
	}
}

// reading begins the read in any configuration, and ends it when a quorum has reported the
// same ballot.
func (m *model) reading(s *state, yield func(step, *state)) {
	if s.reading == readDone {
		return
	}
	if s.reading == 0 {
		for c := range configs {
			t := *s
			t.reading, t.must = 1+uint8(c), m.chosenWrites(s)
			yield(step{kind: beginRead, value: uint8(c)}, &t)
		}
		return
	}
	for highest := range uint8(1 + len(m.rounds[key])) {
		same := m.those(func(i int) bool { return s.nodes[i].read == 1+highest })
		if !m.reads(Config(s.reading-1), same) {
			continue
		}
		t := *s
		value := uint8(0)
		if highest > 0 {
			value = s.sent[key][highest-1] - 1
		}
		t.reading, t.shown = readDone, 1+highest
		if t.must&^value == 0 {
			t.must = value
		} // otherwise the read has missed a write, which property.go sees
		for i := range t.nodes {
			t.nodes[i].read = 0
		}
		yield(step{kind: endRead, value: value}, &t)
	}
}

// chosenWrites are the writes in chosen values.
func (m *model) chosenWrites(s *state) (writes uint8) {
	for b := range m.rounds[key] {
		if m.chosen(s, key, b) {
			writes |= s.sent[key][b] - 1
		}
	}
	return writes
}
