package lockstep

import (
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// A cluster whose nodes are lazy is safe, and in the end even live: what one of
// them leaves undone a timeout mends. So laziness shows in no history, and these
// rules look for it where it happens.

// effort is what a node puts into the rounds of one machine.
type effort struct {
	boot     uint64
	failures int // the most that the node can count: rounds that failed, halved by those that were quick
	ballot   node.Ballot
	phase    node.Phase
	begun    scenarios.Duration // the proposal was first sent then
	sent     scenarios.Duration // and last
	attempts int                // times that others could see it sent
}

// debt is a round that a node has to begin before it does anything else.
type debt struct {
	key   string
	since scenarios.Duration
}

// effort finds what the node under way has done for a machine in its present
// life.
func (o *oracle) effort(t *truth) *effort {
	e, boot := &t.efforts[o.id], o.replicas[o.id].boot
	if e.boot != boot {
		*e = effort{boot: boot}
	}
	return e
}

// hampered reports whether the node under way was paused, slow or without its
// clock at any time since then: it may be late.
func (o *oracle) hampered(since scenarios.Duration) bool {
	return o.plan.Impaired(o.id, since, o.now)
}

// ended: a round is given up when somebody has refused it, or when it was sent
// as often as the plan says.
func (o *oracle) ended(f *node.Observation) *scenarios.Violation {
	t := o.machine(f.Key)
	e := o.effort(t)
	e.failures++
	o.tell(t, told{what: roundEnded, ballot: f.Ballot, attempts: f.Attempts, refused: f.Rejections})
	if f.Rejections == 0 && int(f.Attempts) <= o.plan.Knobs.MaxResends && !o.hampered(o.now-2*o.plan.Knobs.ConsensusTimeout) {
		return o.violation("progress", "abandoned-early", f.Key, "gives up round %v of %s, which nobody has refused, after %d attempts of %d",
			f.Ballot, f.Key, f.Attempts, o.plan.Knobs.MaxResends+1)
	}
	if e.ballot == f.Ballot && f.Rejections == 0 && int(f.Attempts) > e.attempts && o.plan.Nodes > 2 {
		return o.violation("progress", "not-resent", f.Key, "gives up round %v of %s after %d attempts, of which the others have seen %d",
			f.Ballot, f.Key, f.Attempts, e.attempts)
	}
	return nil
}

// succeeded: when operations wait, the next round begins at once.
func (o *oracle) succeeded(f *node.Observation) {
	t := o.machine(f.Key)
	e := o.effort(t)
	e.failures = mostFailures(e.failures, o.plan.Knobs.ResendTimeout, o.now-e.begun)
	o.tell(t, told{what: roundChosen, ballot: f.Ballot})
	if f.Waiting > 0 && o.plan.Nodes > 1 {
		o.replicas[o.id].debt = debt{f.Key, o.now}
	}
}

// mostFailures is the most that a node can count after a round that took so
// long, when it counted most or fewer before. A node halves its count if the
// round took less than half of its patience, by its own clock. That is certain,
// for a clock at up to twice the true speed, if it took less than a quarter; but
// the patience is that of the true count. So a small count may stay as it is
// where a large one is halved, and end as the larger of the two.
func mostFailures(most int, retry, took scenarios.Duration) int {
	kept := most
	for kept > 0 && took < retry<<min(kept, maxDoublings)/4 {
		kept--
	}
	return max(kept, most/2)
}

// maxDoublings of the delay between two attempts, by a node that has failed so
// often.
const maxDoublings = 5

// resent: a proposal that is not answered is sent again when its time has come,
// by a clock that runs at half the true speed at worst.
func (o *oracle) resent(t *truth, p *node.Proposal) *scenarios.Violation {
	r := &o.replicas[o.id]
	if r.debt.key == p.Key {
		r.debt = debt{}
	}
	e := o.effort(t)
	if e.ballot == p.Ballot && e.phase == p.Phase && o.now > e.sent {
		if most := 2 * (o.plan.Knobs.ResendTimeout << min(e.failures, maxDoublings)); o.now-e.sent > most+1 && !o.hampered(e.sent) {
			return o.violation("progress", "resent-late", p.Key, "sends %v again after %v, and %v is the most after %d failures", p, o.now-e.sent, most, e.failures)
		}
	}
	if o.now > e.sent {
		e.attempts++
	}
	if e.ballot != p.Ballot || e.phase != p.Phase {
		e.begun, e.attempts = o.now, 1
		o.tell(t, told{what: roundBegun, ballot: p.Ballot, phase: p.Phase})
	}
	e.ballot, e.phase, e.sent = p.Ballot, p.Phase, o.now
	return nil
}

// indebted: a node that owes a round has begun it before time goes on.
func (o *oracle) indebted() *scenarios.Violation {
	d := &o.replicas[o.id].debt
	if d.key == "" || d.since == o.now {
		return nil
	}
	was := *d
	*d = debt{}
	if o.hampered(was.since) {
		return nil
	}
	return o.violation("progress", "queue-stalled", was.key, "has chosen a value of %s at %v and begins no round for what waits", was.key, was.since)
}
