package node

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Extension is a value as its additions to another one: that which its receiver has
// accepted at the ballot Base. As one ballot has one value, both sides mean the same one,
// and an acceptor with another ballot can tell that it does not have it.
type Extension struct {
	Base    Ballot
	Dropped uint16  // entries that have left the base's dedup window, its oldest
	Entries []Entry // entries that were added; To counts for transitions alone
}

// extensionOf returns v as an extension of base, a value accepted at a ballot from which
// it was made. It reports false if there is no base, or if entries were added that have
// left the window already.
func extensionOf(base *Value, at Ballot, v *Value) (x Extension, ok bool) {
	if base == nil || v.Serial-base.Serial > uint64(len(v.Window)) {
		return Extension{}, false
	}
	kept := len(v.Window) - int(v.Serial-base.Serial)
	return Extension{Base: at, Dropped: uint16(len(base.Window) - kept), Entries: slices.Clip(v.Window[kept:])}, true
}

// of returns the value that x makes of base, a valid one of a machine defined by d. It
// returns nil if the result would not be valid.
func (x *Extension) of(base *Value, d *fsm.Definition) *Value {
	size := len(base.Window) - int(x.Dropped) + len(x.Entries)
	switch {
	case int(x.Dropped) > len(base.Window) || size > MaxDedupWindow || base.Serial+uint64(len(x.Entries)) > maxSerial:
		return nil
	case len(x.Entries) == 0 && x.Dropped > 0: // only an entry pushes others out
		return nil
	}
	v := base
	for _, e := range x.Entries {
		if e.Kind != EntryTransition {
			e.To = v.State
		}
		if e.check(d, v.State) != nil {
			return nil
		}
		e.To, e.Requested = d.Intern(e.To), d.Intern(e.Requested) // else the value would keep the message
		v = v.withEntry(e, size)
	}
	return v
}

// InFull returns a message as a receiver can take it that knows neither extensions nor
// commits without a value.
func InFull(m Message) Message {
	switch m := m.(type) {
	case *Proposal:
		if m.full != nil {
			return m.full
		}
	case *Commit:
		if m.full != nil {
			return m.full
		}
	}
	return m
}

// extendChosen has the round that begins to accept name its value as an extension of
// its base, to the members that are known to have accepted it.
func (n *Node) extendChosen(m *machine, at Ballot, base *Value) {
	r := &m.round
	if at != m.chosenAt || m.holders == 0 {
		return
	}
	if x, ok := extensionOf(base, at, r.value); ok {
		r.extension, r.holders = n.extensions.Make(arenaBlock), m.holders
		*r.extension = x
		r.holders.remove(n.member(n.cfg.ID)) // to itself the value costs nothing
	}
}

// shortened returns a copy of an accept that has an extension in place of the value.
func (n *Node) shortened(p *Proposal, x *Extension) *Proposal {
	short := n.proposals.Make(arenaBlock)
	*short = *p
	short.Value, short.Extension, short.full = nil, x, p
	return short
}

// noteHolder notes that a member has accepted the value at m.chosenAt, when it says so
// after the round.
func (m *machine) noteHolder(member int, a *Acknowledgment) {
	if a.Phase == Accept && a.Ballot == m.chosenAt {
		m.holders.add(member)
	}
}

// sendCommits tells the other members that the value of m's round is chosen. Those that
// have it, or soon will, are not sent it again: they have acknowledged its accept, or that
// of its base.
func (n *Node) sendCommits(m *machine) {
	r := &m.round
	full := n.commits.Make(arenaBlock)
	*full = Commit{Key: m.key, Ballot: r.ballot, Value: r.value, First: r.first}
	var without memberSet
	if m.chosenAt == r.ballot { // else a later value is known: the members ask in vain
		without = (r.acknowledged | r.holders) &^ r.rejected
		m.holders, m.toldWithout = r.acknowledged, without
	}
	var short *Commit
	for i, id := range n.cfg.Members {
		switch {
		case id == n.cfg.ID:
		case !without.has(i):
			n.sendWhenDurable(id, full, 0)
		default:
			if short == nil {
				short = full.WithoutValue()
			}
			n.sendWhenDurable(id, short, 0)
		}
	}
}

// WithoutValue returns c for a receiver that has accepted its value.
func (c *Commit) WithoutValue() *Commit {
	return &Commit{Key: c.Key, Ballot: c.Ballot, First: c.First, full: c}
}

// rejectBase tells the sender of an extension, or of a commit without a value, that this
// node does not have the base of the message. It says nothing of the ballot.
func (n *Node) rejectBase(to ID, key string, b Ballot, first OpID) {
	n.mark(MarkBaseNotHeld)
	n.counts.rejected(BaseNotHeld)
	r := n.rejects.Make(arenaBlock)
	*r = Reject{Phase: Accept, Key: key, Ballot: b, Reason: BaseNotHeld, First: first}
	n.sendWhenDurable(to, r, 0)
}

// sendInFull sends a member the value that it lacks, once for each message without it: of
// the round's accept, or else what is chosen.
func (n *Node) sendInFull(to ID, m *machine, j *Reject) {
	i := n.member(to)
	switch {
	case m.work != nil && m.round.ballot == j.Ballot && m.round.holders.has(i) && !m.round.acknowledged.has(i):
		m.round.holders.remove(i)
		n.mark(MarkAcceptInFull)
		n.sendWhenDurable(to, n.roundProposal(m), 0)
	case m.toldWithout.has(i) && !m.chosenAt.Less(j.Ballot):
		m.toldWithout.remove(i)
		n.mark(MarkCommitInFull)
		c := n.commits.Make(arenaBlock)
		*c = Commit{Key: m.key, Ballot: m.chosenAt, Value: m.chosen, First: j.First}
		n.sendWhenDurable(to, c, 0)
	default:
		n.mark(MarkLateResponse)
	}
}
