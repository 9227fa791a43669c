package lockstep

import (
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// These rules judge rule 14 of the protocol by the oracle's own counts of machines. Bytes
// only the nodes count.

// isCounted reports whether a key is that of a machine, and not of a definition.
func isCounted(key string) bool { return !strings.HasPrefix(key, fsm.MetaName+"/") }

// countKept counts the machines that a node keeps at the begin of a life: promises that were not
// durable may be lost.
func (o *oracle) countKept(n *node.Node) {
	r := &o.nodes[o.id]
	r.kept = 0
	for _, key := range o.keys {
		t, s := o.machine(key), n.Inspect(key)
		t.kept[o.id] = !s.Promised.IsZero() || s.Value != nil
		if t.kept[o.id] && isCounted(key) {
			r.kept++
		}
	}
	r.everFull = r.everFull || r.kept >= r.quota
}

// checkQuota: a node that is at its quota makes no promise of a machine that it does not
// keep, to itself or to others, unless somebody has accepted a value of it.
func (o *oracle) checkQuota(f *node.Observation) *scenarios.Violation {
	t, r := o.machine(f.Key), &o.nodes[o.id]
	if t.kept[o.id] || !isCounted(f.Key) {
		return nil
	}
	if f.Kind == node.Promised && !t.everAccepted && r.kept >= r.quota {
		return o.violation("bounds", "quota-exceeded", f.Key, "promises %v of %s, which nobody has accepted a value of, and keeps %d machines: its quota is %d", f.Ballot, f.Key, r.kept, r.quota)
	}
	o.keep(t)
	return nil
}

// keep counts a machine of which the current node has a promise or a value, also one that it
// only knows to be chosen.
func (o *oracle) keep(t *machineTruth) {
	if r := &o.nodes[o.id]; !t.kept[o.id] {
		t.kept[o.id] = true
		r.kept++
		r.everFull = r.everFull || r.kept >= r.quota
	}
}

// noteShownKept: of what the current node has learnt in this step, also by a read, the step may show
// that it is at its quota before the order in the step is known.
func (o *oracle) noteShownKept(values []node.ChosenValue) {
	r, learnt := &o.nodes[o.id], uint64(0)
	for i := range values {
		if isCounted(values[i].Key) && !o.machine(values[i].Key).kept[o.id] {
			learnt++
		}
	}
	r.everFull = r.everFull || learnt > 0 && r.kept+learnt >= r.quota
}

// checkQuotaReply: an operation on a machine that exists is not refused for a quota. One
// on another is, only if its node or another has been at a quota.
func (o *oracle) checkQuotaReply(a *attemptState, r *node.Reply) *scenarios.Violation {
	if r.Reason != node.QuotaReached {
		return nil
	}
	if first := o.plan.Knobs.FirstSerial; a.arrivalSerial > first {
		return o.violation("outcomes", "false-quota", r.Key, "answers %v, though the machine had %d entries when the request arrived", r, a.arrivalSerial-first)
	}
	for i := range o.nodes {
		if o.nodes[i].everFull || o.plan.Knobs.MachineBytes > 0 {
			return nil
		}
	}
	return o.violation("bounds", "refused-early", r.Key, "answers %v, though no node has been at its quota", r)
}

// atQuota reports whether the node counts itself as at one of its quotas.
func (p *process) atQuota() bool {
	return slices.ContainsFunc(p.service.Quotas(), func(q node.QuotaUse) bool { return q.Name != service.QuotaOperations && q.Used >= q.Limit })
}
