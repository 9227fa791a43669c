package node

import (
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// Membership says which members choose, in one epoch of a cluster (rule 12 of
// docs/PROTOCOL.md). The zero Membership is the first epoch, in which all do.
type Membership struct {
	Epoch  uint32 // from 1; 0 is 1
	Voters []ID   // a majority of them promises, accepts and answers reads; nil: all members
	Next   []ID   // in a joint epoch a majority of these must as well: they are to be the voters; else nil
}

// MaxParticipants is the maximum number of members in a joint epoch: the
// leaving and the coming. One member changes at a time.
const MaxParticipants = MaxMembers + 1

// firstEpoch is the epoch in which a cluster is formed.
const firstEpoch = 1

// validate returns an error if the members cannot be those of m.
func (m *Membership) validate(members []ID) error {
	limit := MaxMembers
	if m.Voters != nil {
		limit = MaxParticipants
	}
	if len(members) < 1 || len(members) > limit {
		return fmt.Errorf("members: %d: want 1 to %d", len(members), limit)
	}
	for i, id := range members {
		if id == 0 || slices.Contains(members[:i], id) {
			return fmt.Errorf("members: %d: want different ids, from 1", members)
		}
	}
	if m.Next != nil && m.Voters == nil {
		return fmt.Errorf("voters: none, and next ones: %d: want both", m.Next)
	}
	for _, voters := range [][]ID{m.Voters, m.Next} {
		if voters != nil && (len(voters) < 1 || len(voters) > MaxMembers) {
			return fmt.Errorf("voters: %d: want 1 to %d", len(voters), MaxMembers)
		}
		for i, id := range voters {
			if !slices.Contains(members, id) || slices.Contains(voters[:i], id) {
				return fmt.Errorf("voters: %d: want different ids of members, who are %d", voters, members)
			}
		}
	}
	return nil
}

// quorums tells which sets of members promise, choose, and answer reads. Any two of them
// have a voter in common, and so have quorums of two epochs in a row, if one of them is
// joint.
type quorums struct{ voters, next memberSet }

func newQuorums(members []ID, m *Membership) (q quorums) {
	set := func(ids []ID) (s memberSet) {
		for _, id := range ids {
			s.add(slices.Index(members, id))
		}
		return s
	}
	if q.voters, q.next = set(members), set(m.Next); m.Voters != nil {
		q.voters = set(m.Voters)
	}
	invariant.Check(q.voters != 0, "node: somebody votes")
	return q
}

// contain reports whether s is enough.
func (q quorums) contain(s memberSet) bool {
	return s.isMajorityOf(q.voters) && (q.next == 0 || s.isMajorityOf(q.next))
}

// isMajorityOf reports whether s has more than half of the voters.
func (s memberSet) isMajorityOf(voters memberSet) bool { return 2*(s&voters).len() > voters.len() }

// all is the set of all members.
func (n *Node) all() memberSet { return 1<<len(n.cfg.Members) - 1 }

// Epoch is the epoch in which the node takes part.
func (n *Node) Epoch() uint32 { return n.epoch }

// isOfLaterEpoch reports whether a message is about a value that was accepted in an epoch
// which this node has not adopted yet. It may be sound, and comes again by repair.
func (n *Node) isOfLaterEpoch(msg Message) bool {
	switch m := msg.(type) {
	case *Commit:
		return m.Ballot.Epoch > n.epoch
	case *ReadReport:
		return m.Accepted.Epoch > n.epoch
	case *RepairValue:
		return m.Ballot.Epoch > n.epoch
	}
	return false
}

// Reconfigure has the node go on in a later epoch, whose configuration is chosen and
// durable in its log. Rounds and quorum reads begin again, and no promise of an earlier
// epoch is relied on: a quorum of that one is none of this. Its effects are added to those of
// the last step.
func (n *Node) Reconfigure(members []ID, to Membership) error {
	members = slices.Sorted(slices.Values(members))
	if err := to.validate(members); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	invariant.Check(to.Epoch > n.epoch, "node: the epoch never goes back")
	invariant.Check(n.member(n.cfg.ID) >= 0, "node: a node that is no member takes no part")
	gone := slices.DeleteFunc(slices.Clone(n.cfg.Members), func(id ID) bool { return slices.Contains(members, id) })
	n.observe(Observation{Kind: EpochBegun, Ballot: Ballot{Epoch: to.Epoch}})
	n.cfg.Members, n.cfg.Membership = members, to
	n.epoch, n.quorums = to.Epoch, newQuorums(members, &to)
	n.lastLeap, n.fullUntil = [MaxParticipants]time.Duration{}, [MaxParticipants]time.Duration{}
	for _, m := range n.busyInOrder() {
		n.beginEpoch(m, gone)
	}
	n.repair.beginEpoch()
	n.beginCarryOver()
	n.drain()
	return nil
}

// enterEpoch drops the promises and holders of an earlier epoch. Machines at rest do so when
// they are next found, since there may be millions of them.
func (n *Node) enterEpoch(m *machine) {
	if m.epoch != n.epoch {
		m.epoch, m.cachedPromise, m.holders, m.toldWithout = n.epoch, Ballot{}, 0, 0
	}
}

// beginEpoch ends the rounds of the epoch before on a machine with work. Operations that
// members which are gone have forwarded are dropped: no client of this node waits for them.
func (n *Node) beginEpoch(m *machine, gone []ID) {
	n.enterEpoch(m)
	if m.work == nil { // it was released meanwhile
		return
	}
	if m.round.phase != 0 {
		n.abandonRound(m)
		m.backoffUntil = 0
	}
	if x := &m.quorumRead; x.id != (ReadID{}) {
		n.readAgain(m)
	}
	m.queue = slices.DeleteFunc(m.queue, func(o *operation) bool { return slices.Contains(gone, o.client) })
	n.startRound(m)
}
