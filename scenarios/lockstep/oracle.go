package lockstep

import (
	"fmt"
	"math/bits"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// oracle checks the invariants that the protocol rests on, fact by fact. It
// knows all nodes, and forgets nothing when one of them crashes.
type oracle struct {
	plan     *scenarios.Plan
	majority int
	machines map[string]*truth
	replicas []replica // by node id
	waiting  []request // that have arrived, in order

	now scenarios.Duration // of the fact under way
	id  sim.ID
}

// truth is what has been decided about one machine.
type truth struct {
	values   map[node.Ballot]*vote  // every ballot that was asked for
	chosen   node.Ballot            // the highest that was
	trials   map[node.OpID][]trial  // the attempts of an operation, by number
	entries  []node.Entry           // chosen, entries[i] led to version i+1
	versions map[node.OpID]uint64   // of the chosen entries
	rejected map[node.OpID]struct{} // clients were told that these have no effect
}

// vote is one ballot: its only value, and who has accepted it durably.
type vote struct {
	value *node.Value // nil: not proposed yet
	base  node.Ballot // whose value this one goes on from
	nodes uint8
	next  bool        // it was first asked for as the next ballot
	by    node.Ballot // ... of this accept
}

// replica is what one node has promised and accepted.
type replica struct {
	pending []node.Fact // promised and accepted, not durable yet
	durable map[string]*held
	boot    uint64
	read    node.ReadID // the last read exchange in this boot
	readKey string
}

// held is what a node holds durably of one machine.
type held struct {
	promised, accepted node.Ballot
}

func newOracle(p *scenarios.Plan) *oracle {
	return &oracle{
		plan: p, majority: p.Nodes/2 + 1,
		machines: map[string]*truth{}, replicas: make([]replica, p.Nodes+1),
	}
}

// at sets who the next fact is about.
func (o *oracle) at(now scenarios.Duration, id sim.ID) *oracle {
	o.now, o.id = now, id
	return o
}

func (o *oracle) violation(property, class, key, format string, args ...any) *scenarios.Violation {
	return &scenarios.Violation{
		Property: property, Class: class, At: o.now, Machine: key,
		Sentence: fmt.Sprintf("Node %d ", o.id) + fmt.Sprintf(format, args...),
	}
}

func (o *oracle) machine(key string) *truth {
	t := o.machines[key]
	if t == nil {
		t = &truth{
			values: map[node.Ballot]*vote{}, trials: map[node.OpID][]trial{},
			versions: map[node.OpID]uint64{}, rejected: map[node.OpID]struct{}{},
		}
		o.machines[key] = t
	}
	return t
}

func (o *oracle) fact(f *node.Fact) *scenarios.Violation {
	r := &o.replicas[o.id]
	switch f.Kind {
	case node.Started:
		r.pending = r.pending[:0]
	case node.Promised, node.Accepted:
		r.pending = append(r.pending, *f)
		if f.Kind == node.Accepted {
			return o.oneValue(f)
		}
	case node.Durable:
		return o.durable(f.At)
	case node.Proposed:
		return o.proposed(f)
	case node.Chosen:
		return o.chosen(f)
	case node.Learnt:
		return o.learnt(f)
	case node.Answered:
		return o.answered(f)
	}
	return nil
}

// oneValue: a ballot never carries two values.
func (o *oracle) oneValue(f *node.Fact) *scenarios.Violation {
	v := o.machine(f.Key).vote(f.Ballot)
	if v.value == nil {
		v.value, v.base = f.Value, f.Base
		return nil
	}
	if !v.value.Equal(f.Value) {
		return o.violation("ballots", "two-values", f.Key, "has ballot %v of %s carry %v, which elsewhere carries %v", f.Ballot, f.Key, f.Value, v.value)
	}
	return nil
}

// vote finds or makes what is known of a ballot.
func (t *truth) vote(b node.Ballot) *vote {
	v := t.values[b]
	if v == nil {
		v = &vote{}
		t.values[b] = v
	}
	return v
}

// durable moves what the log has synced from pending to durable. Promises and
// accepted ballots only grow.
func (o *oracle) durable(at wal.LSN) *scenarios.Violation {
	r := &o.replicas[o.id]
	i := 0
	for ; i < len(r.pending) && r.pending[i].At <= at; i++ {
		f := &r.pending[i]
		h := r.held(f.Key)
		last := &h.promised
		if f.Kind == node.Accepted {
			last = &h.accepted
			if v := o.accepted(f.Key, f.Ballot); v != nil {
				return v
			}
		}
		if f.Ballot.Less(*last) {
			return o.violation("promises", "went-back", f.Key, "went back from %v to %v on %s", *last, f.Ballot, f.Key)
		}
		*last = f.Ballot
	}
	r.pending = append(r.pending[:0], r.pending[i:]...)
	return nil
}

// accepted: what a majority holds durably is chosen, whether or not its
// proposer hears of it.
func (o *oracle) accepted(key string, b node.Ballot) *scenarios.Violation {
	t := o.machine(key)
	v := t.values[b]
	if v == nil || v.value == nil {
		return nil
	}
	v.nodes |= 1 << o.id
	if bits.OnesCount8(v.nodes) < o.majority {
		return nil
	}
	if t.chosen.Less(b) {
		t.chosen = b
	}
	return o.extend(t, key, v)
}

func (r *replica) held(key string) *held {
	if r.durable == nil {
		r.durable = map[string]*held{}
	}
	h := r.durable[key]
	if h == nil {
		h = &held{}
		r.durable[key] = h
	}
	return h
}

// booted: a node that restarts has all that was durable, and a boot number of
// its own.
func (o *oracle) booted(n *node.Node) *scenarios.Violation {
	r := &o.replicas[o.id]
	if n.Boots() <= r.boot {
		return o.violation("ballots", "boot-reused", "", "boots as %d, and was ready in boot %d before", n.Boots(), r.boot)
	}
	r.boot, r.read, r.readKey = n.Boots(), node.ReadID{}, ""
	for _, key := range o.plan.Machines() {
		h := r.held(key)
		s := n.Inspect(key)
		if s.Promised.Less(h.promised) || s.Accepted.Less(h.accepted) {
			return o.violation("promises", "forgotten", key, "restarts with %s promised %v and accepted %v, after %v and %v were durable",
				key, s.Promised, s.Accepted, h.promised, h.accepted)
		}
		// More may have survived than was known to be durable.
		h.promised, h.accepted = s.Promised, s.Accepted
		if v := o.accepted(key, s.Accepted); v != nil {
			return v
		}
	}
	return nil
}

// chosen: what a proposer counts as chosen is durable on a majority.
func (o *oracle) chosen(f *node.Fact) *scenarios.Violation {
	t := o.machine(f.Key)
	v := t.values[f.Ballot]
	if v == nil || bits.OnesCount8(v.nodes) < o.majority {
		return o.violation("durability", "chosen-by-minority", f.Key, "counts %v at %v of %s as chosen, which is not durable on a majority", f.Value, f.Ballot, f.Key)
	}
	return nil
}

// extend adds what a chosen value tells to the machine's true history: a chosen
// version never changes, and there are no gaps. What the value goes on from
// counts as chosen with it.
func (o *oracle) extend(t *truth, key string, vt *vote) *scenarios.Violation {
	v := vt.value
	first := v.Version - uint64(len(v.Recent)) + 1
	if first > uint64(len(t.entries))+1 {
		if base := t.values[vt.base]; base != nil && base.value != nil {
			if bad := o.extend(t, key, base); bad != nil {
				return bad
			}
		}
	}
	if first > uint64(len(t.entries))+1 {
		return o.violation("versions", "gap", key, "has %s at %v, whose entries begin after version %d, the last one known", key, v, len(t.entries))
	}
	for i, e := range v.Recent {
		version := first + uint64(i)
		if version <= uint64(len(t.entries)) {
			if was := t.entries[version-1]; was != e {
				return o.violation("versions", "changed", key, "has version %d of %s led to by %s (%s→%s), which was %s (%s→%s)",
					version, key, e.ID, e.From, e.To, was.ID, was.From, was.To)
			}
			continue
		}
		if twin, twice := t.versions[e.ID]; twice {
			return o.violation("exactly-once", "applied-twice", key, "has %s lead %s to version %d, and to %d before", e.ID, key, version, twin)
		}
		if _, told := t.rejected[e.ID]; told {
			return o.violation("exactly-once", "rejected-applied", key, "has %s lead %s to version %d, whose client was told that it has no effect", e.ID, key, version)
		}
		t.entries = append(t.entries, e)
		t.versions[e.ID] = version
	}
	return nil
}

// learnt: only chosen values are told to learners.
func (o *oracle) learnt(f *node.Fact) *scenarios.Violation {
	v := o.machine(f.Key).values[f.Ballot]
	if v == nil || bits.OnesCount8(v.nodes) < o.majority || !v.value.Equal(f.Value) {
		return o.violation("durability", "learnt-unchosen", f.Key, "learns %v at %v of %s, which was not chosen", f.Value, f.Ballot, f.Key)
	}
	return nil
}

// answered: a commit that a client is told of is part of the true history.
func (o *oracle) answered(f *node.Fact) *scenarios.Violation {
	r, t := f.Reply, o.machine(f.Key)
	if v := o.honest(r); v != nil {
		return v
	}
	if r.Kind != node.Propose || r.Outcome != node.Committed {
		return nil
	}
	if v, found := t.versions[r.ID]; !found || v != r.Version || t.entries[v-1].To != r.State {
		return o.violation("exactly-once", "false-commit", f.Key, "answers %v, which no chosen value shows", r)
	}
	return nil
}

// returned: an operation that its client was told is rejected takes no effect,
// before or after.
func (o *oracle) returned(r *scenarios.Returned) *scenarios.Violation {
	if r.Outcome != scenarios.Rejected {
		return nil
	}
	key, id := r.Operation.Machine, node.OpID(r.Operation.ID)
	t := o.machine(key)
	if version, applied := t.versions[id]; applied {
		v := o.violation("exactly-once", "rejected-applied", key, "")
		v.Sentence = fmt.Sprintf("Client %d was told that %s has no effect on %s, which it led to version %d", r.Operation.Client, id, key, version)
		return v
	}
	t.rejected[id] = struct{}{}
	return nil
}
