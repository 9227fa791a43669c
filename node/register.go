package node

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/configuration"
)

// The register of the configuration is a machine like all others, with the key
// "membership/cluster" (rule 12): its value is chosen by rounds, repaired, and kept in the
// log. Four things are particular. Only the node's owner proposes to it. A value is at most
// one epoch ahead of the epoch in which it is accepted. In a joint epoch the old voters alone choose the value
// that abandons the change. And the key is carried over by the value that ends the epoch.

// isRegister reports whether m is the register of the configuration.
func (m *machine) isRegister() bool { return m.def.Name == configuration.Name }

// ProposeMembership has the node propose a configuration, as the successor of the one with
// that version in the register. The owner reads from Membership whether it was chosen, and
// proposes again if it was not. Its effects are added to those of the last step.
func (n *Node) ProposeMembership(text string, after uint64) {
	m := n.ensureMachine(configuration.Key)
	id := registerID(text)
	busy := m.work != nil && slices.ContainsFunc(slices.Concat(m.queue, m.round.batch), func(o *operation) bool { return o.req.ID == id })
	if !n.ready || busy {
		return
	}
	o := n.operation(n.cfg.ID, &Request{Kind: Propose, Key: configuration.Key, ID: id, Attempt: 1, Retry: true, To: text, Expects: true, Expect: after})
	n.propose(m, o)
	n.drain()
}

// registerID is the id of the proposal of a configuration: the same at all nodes, so that
// it is carried out once.
func registerID(text string) OpID {
	h := uint64(0)
	for i := range len(text) {
		h = mix(h, uint64(text[i]))
	}
	return OpID("(epoch)" + string(appendDotted(nil, uint64(configuration.EpochOf(text)), h, 0)))
}

// Membership is the latest configuration that is known to be chosen, as its text, and its
// version in the register; configuration.Founded and 0 if the members have not changed.
func (n *Node) Membership() (text string, version uint64) {
	m := n.register
	if m == nil || m.chosen == nil {
		return configuration.Founded, 0
	}
	return m.chosen.State, m.chosen.Version
}

// MembershipUndecided reports whether this node has accepted a later configuration than that of
// its epoch, and does not know whether it was chosen. All that knew may have lost that with
// their memory.
func (n *Node) MembershipUndecided() bool {
	m := n.register
	if m == nil || m.accepted.IsZero() || !m.chosenAt.Less(m.accepted) {
		return false
	}
	if n.registerText != m.value.State {
		n.registerText, n.registerEpoch = m.value.State, configuration.EpochOf(m.value.State)
	}
	return n.registerEpoch > n.epoch
}

// SettleMembership begins a round that chooses what was accepted. Its effects are added to
// those of the last step.
func (n *Node) SettleMembership() {
	if m := n.findMachine(configuration.Key); n.ready && m.idle(n.now) {
		n.startNoOpRound(m, m.accepted)
		n.drain()
	}
}

// isNextEpoch reports whether a value of the register can be accepted in this epoch: it is
// of this one or of the next.
func (n *Node) isNextEpoch(v *Value) bool {
	epoch := configuration.EpochOf(v.State)
	return epoch == n.epoch || epoch == n.epoch+1
}

// enough reports whether a set of members decides the phase of m's round. In a joint epoch
// the rounds of the register are prepared by the old voters alone, and so is the value
// accepted that abandons the change: every quorum that chooses another value contains a
// majority of them.
func (n *Node) enough(m *machine, s memberSet) bool {
	if n.quorums.next != 0 && m.isRegister() && (m.round.phase == Prepare || n.abandons(m.round.value)) {
		return s.isMajorityOf(n.quorums.voters)
	}
	return n.quorums.contain(s)
}

// abandons reports whether a value of the register ends this joint epoch with its old
// voters.
func (n *Node) abandons(v *Value) bool {
	c, err := configuration.Parse(v.State)
	return err == nil && c.Epoch == n.epoch+1 && !c.Joint() && slices.Equal(c.Voters, n.cfg.Membership.Voters)
}

// CaughtUp reports whether this node has had, in this epoch, all that some voter held. Without
// repair it counts as if it had.
func (n *Node) CaughtUp() bool {
	return n.cfg.RepairDelay == 0 || n.repair.caughtUp&(n.quorums.voters|n.quorums.next)&^(1<<n.member(n.cfg.ID)) != 0
}
