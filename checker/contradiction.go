package checker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// A contradiction is a set of operations that no order explains, whatever the
// others did: each of the others may have taken effect at some instant between
// its call and its return, or not at all, and its response is ignored. The set
// is minimal: it needs every one of its operations. It need not be the smallest
// in the history.
//
// The search begins with the last events of the log and goes back further if
// needed. If the whole log contradicts itself only given the states that were
// possible at its beginning, these states are the premise of the contradiction.
type contradiction struct {
	culprit
	from        int  // event of the log; earlier ones do not count
	premise     bool // begin in the states that were possible at base; or else in any state
	leftOut     map[*checkedOp]bool
	weakenedOps map[*checkedOp]*checkedOp // the operations left out, as far as they still count
	spent       int                       // configurations made for an object, see maxDoubts
	most        int                       // configurations after which attempts count as explained; 0: no limit
	truth       *checkedOp                // unless nil, an operation that counts as another:
	instead     *checkedOp
}

func newContradiction(c culprit) *contradiction {
	return &contradiction{culprit: c, leftOut: map[*checkedOp]bool{}, weakenedOps: map[*checkedOp]*checkedOp{}}
}

// maxContradictionWork is the limit of one attempt, in words of configurations.
// An attempt that exceeds it counts as explained.
const maxContradictionWork = 1 << 16

// contradiction returns the operations in order of call, and the premise in
// words if they need it.
func (c culprit) contradiction() (premise string, operations []history.Operation) {
	d := newContradiction(c)
	c.base.limit = max(maxContradictionWork, c.work)
	d.premise = !d.find()
	kept := leaveOut(d.members(), d.leftOut, d.explained)
	slices.SortStableFunc(kept, func(x, y *checkedOp) int { return cmp.Compare(x.call, y.call) })
	for _, c := range kept {
		operations = append(operations, *c.op)
	}
	if d.premise && (c.object == nil || !c.fromStart) { // the first state of an object needs no mention
		premise = c.premise()
	}
	return premise, operations
}

// find lets the contradiction begin as late as it can. It reports false if the whole
// log is none.
func (d *contradiction) find() bool {
	for size := 16; ; size *= 2 {
		d.from = max(d.at-size, 0)
		if !d.explained() {
			return true
		}
		if d.from == 0 {
			return false
		}
	}
}

// members returns the operations that can take part, in order of return. Those
// in flight when the contradiction begins cannot: they may have taken effect
// before.
func (d *contradiction) members() (members []*checkedOp) {
	for _, e := range d.log[d.from : d.at+1] {
		if e.ret && !d.calledBefore(e.c) {
			members = append(members, e.c)
		}
	}
	return members
}

// calledBefore reports whether an operation was called before the contradiction
// begins.
func (d *contradiction) calledBefore(c *checkedOp) bool {
	return slices.Contains(d.base.slots, c) || d.called[c] < d.from
}

// leaveOut leaves out as many operations as it can, in ever smaller pieces, the
// oldest first, so that some order explains no longer; it returns the rest.
func leaveOut[T comparable](members []T, leftOut map[T]bool, explained func() bool) []T {
	for size := len(members); size > 0; size /= 2 {
		var kept []T
		for piece := range slices.Chunk(members, size) {
			for _, c := range piece {
				leftOut[c] = true
			}
			if !explained() {
				continue
			}
			for _, c := range piece {
				delete(leftOut, c)
			}
			kept = append(kept, piece...)
		}
		members = kept
	}
	return members
}

// maxDoubts bounds the configurations of an object that are made in all attempts
// together: operations that are left out may take effect or not, and states may be
// large. Further attempts count as explained, so they leave nothing out.
const maxDoubts = 1 << 17

// explained reports whether some order explains the operations that are not
// left out.
func (d *contradiction) explained() bool {
	if d.unmade() {
		return false
	}
	l := &d.scratch
	l.copy(d.base)
	if d.object != nil {
		if d.spent > maxDoubts {
			return true
		}
		before := l.expansions
		defer func() { d.spent += l.expansions - before }()
	}
	if !d.premise && !d.assumeAnything(l) {
		return true
	}
	for _, e := range d.log[d.from : d.at+1] {
		c := d.view(e.c)
		if !e.ret {
			l.call(c)
		} else if slices.Contains(l.slots, c) && !l.ret(c) {
			return false
		}
		if d.most > 0 && l.expansions > d.most {
			return true
		}
	}
	return true
}

// unmade reports whether an operation needs a state to which no step had been called
// by its return.
func (d *contradiction) unmade() bool {
	if d.base.firstMade == nil {
		return false
	}
	return slices.ContainsFunc(d.log[d.from:d.at+1], func(e event) bool {
		c := d.view(e.c)
		v := d.base.needs(c)
		return v >= 0 && v != d.base.initial && !c.optional && d.base.firstMade[v] > c.ret
	})
}

// view returns an operation as it counts here: unchanged if it may take part,
// or else weakened.
func (d *contradiction) view(c *checkedOp) *checkedOp {
	end, ends := d.ended[c]
	seen := c
	if c == d.truth {
		seen = d.instead
	}
	if !d.leftOut[c] && ends && end <= d.at && (d.premise || !d.calledBefore(c)) {
		return seen
	}
	if d.weakenedOps[c] == nil {
		doubted := seen.asUnknown()
		if ends && end <= d.at && doubted.meaning == unknownStep {
			doubted.meaning, doubted.optional, doubted.ret = committedStep, true, c.ret
		}
		d.weakenedOps[c] = &doubted
	}
	return d.weakenedOps[c]
}

// assumeAnything makes l begin with every state and version that the machine
// may have had. It reports false if they are too many.
func (d *contradiction) assumeAnything(l *linearizer) bool {
	if d.object != nil {
		return false // its states are without number
	}
	const most = 4096
	states := d.candidateStates()
	recalled := d.recall(states)
	versions := d.candidateVersions(len(states), most/len(states))
	if len(versions)*len(states) > most {
		return false
	}
	if !l.beginAnew(recalled, len(versions)*len(states)) {
		return false
	}
	row := make([]uint64, l.configurations.stride())
	for _, version := range versions {
		for _, s := range states {
			row[rowState], row[rowVersion] = uint64(uint32(s)), uint64(version)
			l.configurations.add(row)
		}
	}
	for _, c := range d.inFlightAtBase() {
		d.callWeakened(l, c)
	}
	for _, e := range d.log[:d.from] {
		if !e.ret {
			d.callWeakened(l, e.c)
		}
	}
	return true
}

// callWeakened calls the weakened form of an operation that was called before
// the contradiction begins, unless it returned before, too.
func (d *contradiction) callWeakened(l *linearizer, c *checkedOp) {
	if end, ends := d.ended[c]; !ends || end >= d.from {
		l.call(d.view(c))
	}
}

// candidateStates returns the states that matter: all states of a machine; of a
// register the values that operations name, those that lead to them, and one other.
func (d *contradiction) candidateStates() (states []int32) {
	if d.legal != nil {
		for s := range d.states {
			states = append(states, int32(s))
		}
		return states
	}
	states = append(d.named(), notAState)
	for _, e := range d.log[d.from : d.at+1] {
		states = append(states, e.c.state, e.c.from)
	}
	if d.instead != nil {
		states = append(states, d.instead.state, d.instead.from)
	}
	states = d.leadingTo(states)
	slices.Sort(states)
	states = slices.Compact(states)
	return slices.DeleteFunc(states, func(s int32) bool { return s == unspecified })
}

// candidateVersions returns the versions that matter to begin with: a few
// before each that was reported. If there are more than most, the list is cut
// just beyond it. A few suffice: if the operations before the first that
// reports a version, and before each that reports none, take more than one step
// for each state, then they come back to a state. Without the steps in between,
// the same responses are possible from a later version.
func (d *contradiction) candidateVersions(states, most int) (versions []int64) {
	few, told := int64(1), []int64{}
	for _, e := range d.log[d.from : d.at+1] {
		switch {
		case e.ret || e.c.meaning == noEffect || e.c.meaning == unknownStep:
		case e.c.version == history.NoVersion:
			few += int64(states)
		default:
			told = append(told, e.c.version)
		}
	}
	if len(told) == 0 {
		return []int64{0}
	}
	slices.Sort(told)
	last := int64(-1)
	for _, v := range told {
		for last = max(last, v-few-1); last < v && len(versions) <= most; {
			last++
			versions = append(versions, last)
		}
	}
	return versions
}

// premise describes the states that were possible at base.
func (c culprit) premise() string {
	t := &c.base.configurations
	var words []string
	for i := range t.len() {
		w := c.nameOf(int32(t.row(i)[rowState]))
		if c.base.counted {
			w += fmt.Sprintf(" at version %d", t.row(i)[rowVersion])
		}
		if !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	slices.Sort(words)
	if len(words) > maxNamed {
		words = append(words[:maxNamed], andOthers)
	}
	return joinOr(words)
}
