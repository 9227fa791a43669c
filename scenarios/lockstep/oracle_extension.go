package lockstep

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// checkExtension: a value is named as an extension when it is sent first, only to a node
// that has accepted the base durably, and it is what the extension makes of the base. What
// the receiver makes of it is an accepted value, and judged as one.
func (o *oracle) checkExtension(t *machineTruth, p *node.Proposal, to sim.ID) *scenarios.Violation {
	x := p.Extension
	if x == nil {
		return nil
	}
	if e := o.proposer(t); e.ballot == p.Ballot && e.phase == p.Phase && o.now > e.sentAt {
		return o.violation("values", "extension-resent", t.key, "sends %v to node %d, though it has sent that ballot before", p, to)
	}
	base, proposed := t.ballot(x.Base), t.ballot(p.Ballot)
	if base == nil || base.value == nil || base.acceptedBy&(1<<to) == 0 {
		return o.violation("values", "base-not-accepted", t.key, "sends %v to node %d, which has not accepted %v durably", p, to, x.Base)
	}
	if proposed == nil || !isExtension(x, base.value, proposed.value) {
		return o.violation("values", "other-extension", t.key, "sends %v, which is not the value that it proposes", p)
	}
	return nil
}

// isExtension reports whether x makes v of base. It repeats what the nodes do on purpose:
// the oracle must not share a mistake of theirs.
func isExtension(x *node.Extension, base, v *node.Value) bool {
	kept := len(base.Window) - int(x.Dropped)
	if v == nil || kept < 0 || len(v.Window) != kept+len(x.Entries) || v.Serial != base.Serial+uint64(len(x.Entries)) {
		return false
	}
	return slices.Equal(v.Window[:kept], base.Window[x.Dropped:]) && slices.EqualFunc(v.Window[kept:], x.Entries, func(want, e node.Entry) bool {
		if e.Kind != node.EntryTransition {
			e.To = want.To
		}
		return e == want
	})
}

// noteAsked notes that a node has told the current one that it lacks the base of an
// extension: it may be sent the value at once, unless it was sent that meanwhile: the word may be late, or
// come twice.
func (o *oracle) noteAsked(from sim.ID, j *node.Reject) {
	e := o.proposer(o.machine(j.Key))
	if j.Reason == node.BaseNotHeld && e.ballot == j.Ballot && e.phase == node.Accept && e.short&(1<<from) != 0 {
		e.asked |= 1 << from
	}
}
