package configuration

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/op"
)

// Known is the knowledge of the others that decides the next step of a change.
type Known struct {
	Incarnations map[op.NodeID]Incarnation // of logs that have introduced themselves as empty and invited
	CaughtUp     []op.NodeID               // learners that hold all that the voters held when they joined
	CarriedOver  []op.NodeID               // voters that have carried over all keys of earlier epochs, in this one
	InEpoch      []op.NodeID               // members that have gone on to this epoch
}

// Progress returns the configuration that follows c by itself, or nil if nothing is to be
// done yet:
//
//   - an invited member has introduced itself: its log is written down;
//   - a learner that is to be promoted has caught up: a joint epoch begins;
//   - a majority of the old voters has carried over its keys, and a majority of the next ones
//     is in this epoch: it ends.
func (c *Configuration) Progress(k Known) *Configuration {
	if c.Joint() {
		return c.complete(k)
	}
	for i := range c.Members {
		m := &c.Members[i]
		incarnation := k.Incarnations[m.ID]
		switch {
		case m.Incarnation == Incarnation{} && incarnation != Incarnation{}:
			d := c.clone()
			d.Members[i].Incarnation = incarnation
			return d
		case m.Incarnation != Incarnation{} && m.Promote && slices.Contains(k.CaughtUp, m.ID):
			return c.promote(m)
		}
	}
	return nil
}

// promote begins the joint epoch in which a learner comes.
func (c *Configuration) promote(m *Member) *Configuration {
	d := c.clone()
	d.Next = slices.DeleteFunc(append(slices.Clone(c.Voters), m.ID), func(id op.NodeID) bool { return id == m.Replaces })
	slices.Sort(d.Next)
	if d.Validate() != nil { // a wish of an earlier build for more voters than there can be: the operator abandons it
		return nil
	}
	return d
}

// complete ends a joint epoch with the next voters, once enough old ones have carried over
// their keys. Enough of the next ones must be there: once the end is accepted anywhere the change
// cannot be abandoned, and without a majority of them it can never be chosen. With
// no keys to carry over nothing else shows whether they are.
func (c *Configuration) complete(k Known) *Configuration {
	if !IsMajority(k.CarriedOver, c.Voters) || !IsMajority(k.InEpoch, c.Next) {
		return nil
	}
	d := c.clone()
	d.Voters, d.Next = d.Next, nil
	d.Members = slices.DeleteFunc(d.Members, func(m Member) bool {
		return slices.Contains(c.Voters, m.ID) && !slices.Contains(d.Voters, m.ID)
	})
	for i := range d.Members {
		if m := &d.Members[i]; slices.Contains(d.Voters, m.ID) {
			m.Promote, m.Replaces = false, 0
		}
	}
	return d
}

// IsMajority reports whether more than half of the voters are in a list.
func IsMajority(list, voters []op.NodeID) bool {
	n := 0
	for _, id := range voters {
		if slices.Contains(list, id) {
			n++
		}
	}
	return 2*n > len(voters)
}
