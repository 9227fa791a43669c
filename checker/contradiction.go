package checker

import (
	"cmp"
	"fmt"
	"slices"
)

// A contradiction is a set of operations that no order explains, whatever the
// others did: each of those may have taken effect at some instant between its
// call and its return, or not at all, and what it was told means nothing. It
// is the smallest in that it needs every one of its operations. There may be a
// smaller one elsewhere, but none inside.
//
// It is looked for in the last of what is remembered, then in more and more of
// it. If nothing contradicts itself unless one knows what the machine can have
// been in at first, that is its premise.
type contradiction struct {
	culprit
	from        int  // event of the log; those before do not count
	premise     bool // what was possible at base holds; or else anything may have been
	leftOut     map[*checkedOp]bool
	weakenedOps map[*checkedOp]*checkedOp // what is left of a claim that is left out
}

// maxContradictionWork is words of configurations that may be spent on one try. What takes
// more is as good as explained.
const maxContradictionWork = 1 << 16

// contradiction is the operations in order of call, and the premise in words,
// if they need it.
func (c culprit) contradiction() (premise string, operations []Operation) {
	d := contradiction{culprit: c, leftOut: map[*checkedOp]bool{}, weakenedOps: map[*checkedOp]*checkedOp{}}
	c.base.limit = maxContradictionWork
	for size := 16; ; size *= 2 {
		d.from = max(d.at-size, 0)
		if !d.explained() {
			break
		}
		if d.from == 0 {
			d.premise = true
			break
		}
	}
	kept := d.shrink(d.members())
	slices.SortStableFunc(kept, func(x, y *checkedOp) int { return cmp.Compare(x.call, y.call) })
	for _, c := range kept {
		operations = append(operations, *c.op)
	}
	if d.premise {
		premise = c.premise()
	}
	return premise, operations
}

// members is the claims that can take part, by return: not those in flight
// when it begins, which may have taken effect before.
func (d *contradiction) members() (members []*checkedOp) {
	for _, e := range d.log[d.from : d.at+1] {
		if e.ret && !d.calledBefore(e.c) {
			members = append(members, e.c)
		}
	}
	return members
}

// calledBefore reports whether a claim was called before it begins.
func (d *contradiction) calledBefore(c *checkedOp) bool {
	return slices.Contains(d.base.slots, c) || d.called[c] < d.from
}

// shrink leaves out as much as it can, in ever smaller pieces, the oldest
// first, and returns the rest.
func (d *contradiction) shrink(members []*checkedOp) []*checkedOp {
	for size := len(members); size > 0; size /= 2 {
		var kept []*checkedOp
		for piece := range slices.Chunk(members, size) {
			for _, c := range piece {
				d.leftOut[c] = true
			}
			if !d.explained() {
				continue
			}
			for _, c := range piece {
				delete(d.leftOut, c)
			}
			kept = append(kept, piece...)
		}
		members = kept
	}
	return members
}

// explained reports whether some order explains what is not left out.
func (d *contradiction) explained() bool {
	l := &d.scratch
	l.copy(d.base)
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
	}
	return true
}

// view is what a claim means here.
func (d *contradiction) view(c *checkedOp) *checkedOp {
	end, ends := d.ended[c]
	if !d.leftOut[c] && ends && end <= d.at && (d.premise || !d.calledBefore(c)) {
		return c
	}
	if d.weakenedOps[c] == nil {
		doubted := c.asUnknown()
		if ends && end <= d.at && doubted.meaning == unknownStep {
			doubted.meaning, doubted.optional, doubted.ret = committedStep, true, c.ret
		}
		d.weakenedOps[c] = &doubted
	}
	return d.weakenedOps[c]
}

// assumeAnything makes l begin with anything the machine might be in. It reports false
// if that is too much.
func (d *contradiction) assumeAnything(l *linearizer) bool {
	const most = 4096
	states := d.candidateStates()
	versions := d.candidateVersions(len(states), most/len(states))
	if len(versions)*len(states) > most {
		return false
	}
	l.slots, l.steps, l.observing = l.slots[:0], l.steps[:0], 0
	row := make([]uint64, l.configurations.stride())
	l.configurations.reset(&l.configurations)
	for _, version := range versions {
		for _, s := range states {
			row[rowState], row[rowVersion] = uint64(uint32(s)), uint64(version)
			l.configurations.add(row)
		}
	}
	for _, s := range d.base.steps {
		d.callWeakened(l, s.c)
	}
	for _, e := range d.log[:d.from] {
		if !e.ret {
			d.callWeakened(l, e.c)
		}
	}
	return true
}

// callWeakened lets take part, in doubt, what was called before it begins, unless it
// returned before too.
func (d *contradiction) callWeakened(l *linearizer, c *checkedOp) {
	if end, ends := d.ended[c]; !ends || end >= d.from {
		l.call(d.view(c))
	}
}

// candidateStates is the states that matter: those of a machine, or the values of a
// register that are named, and another.
func (d *contradiction) candidateStates() (states []int32) {
	if d.legal != nil {
		for s := range d.states {
			states = append(states, int32(s))
		}
		return states
	}
	states = append(d.reachable(), notAState)
	for _, e := range d.log[d.from : d.at+1] {
		states = append(states, e.c.state, e.c.from)
	}
	slices.Sort(states)
	states = slices.Compact(states)
	return slices.DeleteFunc(states, func(s int32) bool { return s == unspecified })
}

// candidateVersions is the versions that matter to begin with, or more than most: few
// before each that was told. For more steps than one to each state before the
// first operation that tells a version, and before each that tells none, come
// back to a state, and without those in between the same can be had, beginning
// at a later version.
func (d *contradiction) candidateVersions(states, most int) (versions []int64) {
	few, told := int64(1), []int64{}
	for _, e := range d.log[d.from : d.at+1] {
		switch {
		case e.ret || e.c.meaning == noEffect || e.c.meaning == unknownStep:
		case e.c.version == NoVersion:
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

// premise says what was possible at base.
func (c culprit) premise() string {
	t := &c.base.configurations
	var words []string
	for i := range t.len() {
		w := c.states[t.row(i)[rowState]]
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
