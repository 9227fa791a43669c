package lockstep

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// oracle checks the invariants that the protocol rests on, fact by fact. It
// knows all nodes, and forgets nothing when one of them crashes.
type oracle struct {
	plan       *scenarios.Plan
	keys       []string // of the plan's machines
	majority   int
	ring       int // how many entries a value keeps
	machines   map[string]*truth
	last       [4]*truth // that were looked up, each in a place by its key
	replicas   []replica // by node id
	waiting    []request // that have arrived, in order
	votes      block[vote]
	operations block[operation]

	now scenarios.Duration // of the fact under way
	id  sim.ID
}

// truth is what has been decided about one machine.
type truth struct {
	key        string
	held       [scenarios.MaxNodes + 1]held // durably, by node id
	efforts    [scenarios.MaxNodes + 1]effort
	watchers   [scenarios.MaxNodes + 1]*watcher // nil: nothing was shown yet
	votes      map[node.Ballot]*vote            // every ballot that was asked for
	recent     [2]recentVote                    // of votes, the last two that were looked up
	chosen     node.Ballot                      // the highest that was
	entries    []node.Entry                     // chosen, entries[i] is number i+1
	versions   []uint64                         // after each of them
	operations map[string]*operation            // by name
	story      account                          // since the storm is over
	last       [4]recentOperation               // of operations, that were looked up, each in a place by its id
}

type recentOperation struct {
	id        node.OpID
	operation *operation
}

// operation is what is known of one operation on a machine, whatever base the
// ids of its attempts carry.
type operation struct {
	trials    []trial    // its attempts
	room      [1]trial   // for the first of trials
	questions []question // that were asked under its name
	asked     [1]question
	serials   []uint64 // of the chosen entries that it is: one, or one for each version that a question expects
	first     [1]uint64
}

// vote is one ballot: its only value, and who has accepted it durably.
type vote struct {
	value    *node.Value // nil: not proposed yet
	base     node.Ballot // whose value this one goes on from
	nodes    uint8
	compared bool        // all entries of value, with the true history
	next     bool        // it was first asked for as the next ballot
	by       node.Ballot // ... of this accept
}

type recentVote struct {
	ballot node.Ballot
	vote   *vote
}

// replica is what one node is about.
type replica struct {
	pending  []node.Observation // promised and accepted, not durable yet
	boot     uint64
	read     node.ReadID // the last read exchange in this boot
	about    aboutRead
	debt     debt
	compared uint64 // the last exchange of repair in this boot
}

// aboutRead is what a read exchange is about.
type aboutRead struct {
	key   string
	first node.OpID
}

// below reports a < b. The nodes have this order too, and may have it wrong.
func below(a, b node.Ballot) bool {
	switch {
	case a.Epoch != b.Epoch:
		return a.Epoch < b.Epoch
	case a.Round != b.Round:
		return a.Round < b.Round
	case a.Node != b.Node:
		return a.Node < b.Node
	}
	return a.Boot < b.Boot
}

// held is what a node holds durably of one machine.
type held struct {
	promised, accepted node.Ballot
}

// block makes values that live as long as the run, many at a time.
type block[T any] struct{ room []T }

func (b *block[T]) make() *T {
	if len(b.room) == 0 {
		b.room = make([]T, 64)
	}
	x := &b.room[0]
	b.room = b.room[1:]
	return x
}

func newOracle(p *scenarios.Plan) *oracle {
	return &oracle{
		plan: p, keys: p.Machines(), majority: p.Nodes/2 + 1, ring: cmp.Or(p.Knobs.DedupWindow, node.Defaults().DedupWindow),
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
	last := &o.last[0]
	if key != "" {
		last = &o.last[key[len(key)-1]%4]
	}
	if *last != nil && (*last).key == key {
		return *last
	}
	t := o.machines[key]
	if t == nil {
		t = &truth{key: key, votes: map[node.Ballot]*vote{}, operations: map[string]*operation{}}
		o.machines[key] = t
	}
	*last = t
	return t
}

// vote finds what is known of a ballot; it is nil if nothing is.
func (t *truth) vote(b node.Ballot) *vote {
	for i := range t.recent {
		if t.recent[i].ballot == b {
			return t.recent[i].vote
		}
	}
	v := t.votes[b]
	if v != nil {
		t.recent = [2]recentVote{{b, v}, t.recent[0]}
	}
	return v
}

// voteOn finds or makes what is known of a ballot.
func (o *oracle) voteOn(t *truth, b node.Ballot) *vote {
	v := t.vote(b)
	if v == nil {
		v = o.votes.make()
		t.votes[b] = v
		t.recent = [2]recentVote{{b, v}, t.recent[0]}
	}
	return v
}

// operation finds or makes what is known of an operation.
func (o *oracle) operation(t *truth, id node.OpID) *operation {
	last := &t.last[0]
	if id != "" {
		last = &t.last[id[len(id)-1]%4]
	}
	if last.operation != nil && last.id == id {
		return last.operation
	}
	name := id.Name()
	s := t.operations[name]
	if s == nil {
		s = o.operations.make()
		t.operations[name] = s
	}
	*last = recentOperation{id, s}
	return s
}

func (o *oracle) fact(f *node.Observation) *scenarios.Violation {
	r := &o.replicas[o.id]
	if v := o.indebted(); v != nil && f.Kind != node.Started {
		return v
	}
	switch f.Kind {
	case node.Started:
		r.pending = r.pending[:0]
	case node.RoundEnded:
		return o.ended(f)
	case node.Promised, node.Accepted:
		r.pending = append(r.pending, *f)
		if f.Kind == node.Accepted {
			return o.oneValue(f)
		}
	case node.Durable:
		return o.durable(f.DurableAt)
	case node.Proposed:
		return o.proposed(f)
	case node.Chosen:
		o.succeeded(f)
		return o.chosen(f)
	case node.Learnt:
		return o.learnt(f)
	case node.Answered:
		return o.answered(f)
	}
	return nil
}

// oneValue: a ballot never carries two values.
func (o *oracle) oneValue(f *node.Observation) *scenarios.Violation {
	v := o.voteOn(o.machine(f.Key), f.Ballot)
	if v.value == nil {
		v.value, v.base = f.Value, f.BaseBallot
		return nil
	}
	if !v.value.Equal(f.Value) {
		return o.violation("ballots", "two-values", f.Key, "has ballot %v of %s carry %v, which elsewhere carries %v", f.Ballot, f.Key, f.Value, v.value)
	}
	return nil
}

// durable moves what the log has synced from pending to durable. Promises and
// accepted ballots only grow.
func (o *oracle) durable(at wal.LSN) *scenarios.Violation {
	r := &o.replicas[o.id]
	i := 0
	for ; i < len(r.pending) && r.pending[i].DurableAt <= at; i++ {
		f := &r.pending[i]
		h := &o.machine(f.Key).held[o.id]
		last := &h.promised
		if f.Kind == node.Accepted {
			last = &h.accepted
			if below(f.Ballot, h.promised) {
				return o.violation("promises", "accepted-below-promise", f.Key, "accepts %v of %s, and has promised %v", f.Ballot, f.Key, h.promised)
			}
			if v := o.accepted(f.Key, f.Ballot); v != nil {
				return v
			}
		}
		if below(f.Ballot, *last) {
			return o.violation("promises", "regressed", f.Key, "went back from %v to %v on %s", *last, f.Ballot, f.Key)
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
	v := t.vote(b)
	if v == nil || v.value == nil {
		return nil
	}
	v.nodes |= 1 << o.id
	if bits.OnesCount8(v.nodes) < o.majority {
		return nil
	}
	if below(t.chosen, b) {
		t.chosen = b
	}
	return o.extend(t, key, v)
}

// booted: a node that restarts has all that was durable, and a boot number of
// its own.
func (o *oracle) booted(n *node.Node) *scenarios.Violation {
	r := &o.replicas[o.id]
	if n.BootNumber() <= r.boot {
		return o.violation("ballots", "boot-reused", "", "boots as %d, and was ready in boot %d before", n.BootNumber(), r.boot)
	}
	r.boot, r.read, r.about, r.compared = n.BootNumber(), node.ReadID{}, aboutRead{}, 0
	o.resume()
	for _, key := range o.keys {
		h := &o.machine(key).held[o.id]
		s := n.Inspect(key)
		if below(s.Promised, h.promised) || below(s.Accepted, h.accepted) {
			return o.violation("promises", "lost", key, "restarts with %s promised %v and accepted %v, after %v and %v were durable",
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

// isChosen reports whether a majority holds durably what was accepted at a ballot.
func (o *oracle) isChosen(v *vote) bool { return v != nil && bits.OnesCount8(v.nodes) >= o.majority }

// chosen: what a proposer counts as chosen is durable on a majority.
func (o *oracle) chosen(f *node.Observation) *scenarios.Violation {
	if v := o.machine(f.Key).vote(f.Ballot); !o.isChosen(v) {
		return o.violation("durability", "chosen-by-minority", f.Key, "counts %v at %v of %s as chosen, which is not durable on a majority", f.Value, f.Ballot, f.Key)
	}
	return nil
}

// extend adds what a chosen value tells to the machine's true history: a chosen
// version never changes, and there are no gaps. What the value goes on from
// counts as chosen with it.
func (o *oracle) extend(t *truth, key string, vt *vote) *scenarios.Violation {
	v := vt.value
	known := uint64(len(t.entries))
	first := v.Serial - uint64(len(v.Window)) + 1
	if first > known+1 {
		if base := t.vote(vt.base); base != nil && base.value != nil {
			if bad := o.extend(t, key, base); bad != nil {
				return bad
			}
			known = uint64(len(t.entries))
		}
	}
	if first > known+1 {
		return o.violation("versions", "gap", key, "has %s at %v, whose entries begin after number %d, the last one known", key, v, known)
	}
	for serial := max(first, t.compared(vt)+1); serial <= v.Serial; serial++ {
		if bad := o.entry(t, key, serial, &v.Window[serial-first]); bad != nil {
			return bad
		}
	}
	vt.compared = true
	if n := uint64(len(t.entries)); v.Serial == n && n > 0 && v.Version != t.versions[n-1] {
		return o.violation("versions", "miscounted", key, "has %s at %v, and %d transitions were made", key, v, t.versions[n-1])
	}
	return nil
}

// compared is the last entry of a value, by number, up to which it is the same
// memory as the value it goes on from, which has been compared; or 0.
func (t *truth) compared(vt *vote) uint64 {
	base := t.vote(vt.base)
	if base == nil || !base.compared || len(base.value.Window) == 0 {
		return 0
	}
	v, n := vt.value, len(base.value.Window)
	if i := len(v.Window) - 1 - int(v.Serial-base.value.Serial); i < 0 || &v.Window[i] != &base.value.Window[n-1] {
		return 0
	}
	return base.value.Serial
}

// entry takes a chosen entry by its number.
func (o *oracle) entry(t *truth, key string, serial uint64, e *node.Entry) *scenarios.Violation {
	if serial <= uint64(len(t.entries)) {
		if was := t.entries[serial-1]; was != *e {
			return o.violation("versions", "changed", key, "has entry %d of %s be %s (%v, to %s), which was %s (%v, to %s)",
				serial, key, e.ID, e.Kind, e.To, was.ID, was.Kind, was.To)
		}
		return nil
	}
	s := o.operation(t, e.ID)
	version := uint64(0)
	if n := len(t.versions); n > 0 {
		version = t.versions[n-1]
	}
	if e.Kind == node.EntryTransition {
		version++
	}
	if n := len(s.serials); n > 0 && !s.at(e, version) {
		return o.violation("exactly-once", "applied-twice", key, "has %s be entry %d of %s, and %d before", e.ID, serial, key, s.serials[n-1])
	}
	if e.Kind == node.EntryTransition {
		if bad := o.wanted(key, s, serial, version, e); bad != nil {
			return bad
		}
	}
	t.entries = append(t.entries, *e)
	t.versions = append(t.versions, version)
	if s.serials == nil {
		s.serials = s.first[:0]
	}
	s.serials = append(s.serials, serial)
	return nil
}

// learnt: only chosen values are told to learners.
func (o *oracle) learnt(f *node.Observation) *scenarios.Violation {
	v := o.machine(f.Key).vote(f.Ballot)
	if !o.isChosen(v) || !v.value.Equal(f.Value) {
		return o.violation("durability", "learnt-unchosen", f.Key, "learns %v at %v of %s, which was not chosen", f.Value, f.Ballot, f.Key)
	}
	return nil
}

// answered: a commit that a client is told of is part of the true history, and
// what it has asked for.
func (o *oracle) answered(f *node.Observation) *scenarios.Violation {
	r, t := f.Reply, o.machine(f.Key)
	if v := o.honest(sim.ID(f.Client), r); v != nil {
		return v
	}
	if r.Kind != node.Propose || r.Outcome != node.Committed {
		return nil
	}
	s := o.operation(t, r.ID)
	if n := r.Serial; !slices.Contains(s.serials, n) || t.entries[n-1].Kind != node.EntryTransition || t.entries[n-1].To != r.State {
		return o.violation("exactly-once", "false-commit", f.Key, "answers %v, which no chosen value shows", r)
	}
	if q := s.question(sim.ID(f.Client), r.Attempt); q != nil && !q.made(r.State, r.Version) {
		return o.violation("exactly-once", "other-argument", f.Key, "answers %v to who has asked for %v", r, q)
	}
	return nil
}

// returned: an operation that its client was told is rejected takes no effect,
// before or after.
func (o *oracle) returned(r *scenarios.Response) *scenarios.Violation {
	if r.Outcome != scenarios.Rejected {
		return nil
	}
	op := r.Operation
	t := o.machine(op.Machine)
	s := o.operation(t, node.OpID(named(op)))
	q := s.ask(op)
	if n := t.answer(s, q); n != 0 {
		v := o.violation("exactly-once", "rejected-applied", op.Machine, "")
		v.Sentence = fmt.Sprintf("Client %d was told that %s has no effect on %s, which it led to entry %d", op.Client, op.ID, op.Machine, n)
		return v
	}
	q.rejected = true
	return nil
}
