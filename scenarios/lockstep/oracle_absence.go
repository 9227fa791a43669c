package lockstep

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// An operation that was proposed may have been chosen without its proposer's knowledge. To
// propose it again, or to reject it, the node has to know that it is in no chosen value:
// from its watermark on, the node has seen every chosen entry, or the dedup window of the
// value at hand. A node that takes this for granted is wrong seldom: the operation must have
// been chosen, must have left the window, and must be legal once more. So the oracle asks
// what the node can know, and not whether it is right.

// absence is what a node knows of an operation that it has proposed.
type absence struct {
	tracked    bool
	upTo       uint64 // the operation is in no chosen value up to this serial
	superseded bool   // a value without it was chosen at a ballot above its last proposal's
}

// proposedAttempt identifies an attempt that its node has proposed and not answered.
type proposedAttempt struct {
	id      node.OpID
	client  sim.ID
	attempt uint32
}

// noteChosenShown notes the chosen values that the current node has learnt in this step,
// before anything that it does in the step: the order within a step is not known.
func (o *oracle) noteChosenShown(values []node.ChosenValue) {
	o.shownNow = values
	o.noteShownKept(values)
	for i := range values {
		t := o.machine(values[i].Key)
		t.known[o.id] = max(t.known[o.id], values[i].Value.Serial)
		list := t.proposed[o.id]
		for j := range list {
			if a := o.operation(t, list[j].id).attempt(list[j].client, list[j].attempt); !a.answered {
				a.noteChosen(list[j].id, &values[i])
			}
		}
	}
}

// noteChosen notes that the attempt's node has learnt a chosen value.
func (a *attemptState) noteChosen(id node.OpID, c *node.ChosenValue) {
	v := c.Value
	if evicted := v.Serial - uint64(len(v.Window)); evicted > a.absent.upTo {
		return // entries in between have left the window unseen
	}
	for serial := v.Serial; serial > a.absent.upTo; serial-- {
		if v.Window[len(v.Window)-1-int(v.Serial-serial)].ID.Equal(id) {
			return
		}
	}
	a.absent.upTo = max(a.absent.upTo, v.Serial)
	if below(a.proposed, c.Ballot) {
		a.absent.superseded = true
	}
}

// checkAbsence: an operation that was proposed is proposed again only if its node knows that
// it is absent from the value that it goes on from, and from all before. Of an operation
// that is carried out at its expected version none of this is needed. serial is that of its
// entry e.
func (o *oracle) checkAbsence(t *machineTruth, f *node.Observation, e *node.Entry, serial uint64, a *attemptState) *scenarios.Violation {
	base, evicted := o.firstSerial(), o.firstSerial()
	if r := t.ballot(f.BaseBallot); r != nil && r.value != nil {
		base, evicted = r.value.Serial, r.value.Serial-uint64(len(r.value.Window))
	} else if !f.BaseBallot.IsZero() {
		return nil
	}
	again := a.absent.tracked
	if !again {
		watermark, _ := e.ID.Watermark(f.Key) // an id that is not valid is not proposed
		a.absent = absence{tracked: true, upTo: max(watermark, a.claimed, t.known[o.id])}
		o.trackProposed(t, proposedAttempt{e.ID, a.client, a.number})
	}
	if a.singleAttempt && (!again || a.absent.superseded) { // in no value so far: it is in none that has another entry in its place, chosen or not
		a.absent.upTo = max(a.absent.upTo, t.known[o.id], serial-1)
	}
	a.proposed, a.absent.superseded = f.Ballot, false
	for i := range o.shownNow {
		if o.shownNow[i].Key == f.Key {
			a.noteChosen(e.ID, &o.shownNow[i])
		}
	}
	if again && !a.expects && evicted > a.absent.upTo {
		return o.violation("exactly-once", "absence-not-known", f.Key, "proposes %s again at %v, after entry %d, though it knows only of the entries up to %d, and of those after %d, that they are of other operations",
			e.ID, f.Ballot, base, a.absent.upTo, evicted)
	}
	return nil
}

// trackProposed adds an attempt of the current node, and forgets those that were answered.
func (o *oracle) trackProposed(t *machineTruth, p proposedAttempt) {
	open := slices.DeleteFunc(t.proposed[o.id], func(x proposedAttempt) bool {
		return x == p || o.operation(t, x.id).attempt(x.client, x.attempt).answered
	})
	t.proposed[o.id] = append(open, p)
}

// mayTakeEffect reports whether the proposal of the attempt may take effect, as far as its
// node can know. It cannot once the node has learnt a value without it at a higher ballot:
// no proposer extends a value that was accepted below that.
func (a *attemptState) mayTakeEffect() bool { return !a.proposed.IsZero() && !a.absent.superseded }
