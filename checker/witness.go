package checker

import (
	"cmp"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// witness looks for the order that versions give: each step makes the next
// version, and every observer of a version comes between the step that made it
// and the next. In that order every operation takes effect as soon as its call
// and the operations before it allow. If each does so by its return, the order
// proves that the history is linearizable. Unknown steps fill gaps between
// versions: of a register as planGaps chooses, else of each kind the first called
// first.
//
// It returns false if it finds no order. That proves a violation only where
// each gap leaves one choice of steps; docs/JUDGE.md has the proof. The caller
// does not rely on it: the linearizer decides, and can explain. witness does
// not try at all if an operation reports no version.
//
// It takes time O(n log n), or O(n) where versions are dense, as they usually
// are.
func (a *automaton) witness(checked []checkedOp) bool {
	order, ok := byVersion(checked)
	if !ok {
		return false
	}
	w := witnessWalk{automaton: a, state: a.initial, ops: checked, rest: order}
	if a.isRegister() {
		if planned := w; planned.plan(order) && planned.walk() {
			return true
		}
	}
	w.spares = unknownSteps(checked)
	return w.walk()
}

// walk goes through all versions.
func (w *witnessWalk) walk() bool {
	for len(w.rest) > 0 {
		if !w.advance(w.takeVersion()) {
			return false
		}
	}
	return true
}

// plan chooses the steps for all gaps in advance, if it can.
func (w *witnessWalk) plan(order []int32) bool {
	w.planned = planGaps(w.ops, order)
	return w.planned != nil
}

// byVersion returns the known operations in order of version. It reports false
// if one of them has no version.
func byVersion(checked []checkedOp) ([]int32, bool) {
	order := make([]int32, 0, len(checked))
	highest := int64(0)
	for i := range checked {
		c := &checked[i]
		if c.meaning == noEffect || c.meaning == unknownStep {
			continue
		}
		if c.version == history.NoVersion {
			return nil, false
		}
		highest = max(highest, c.version)
		order = append(order, int32(i))
	}
	if highest > 2*int64(len(order)) {
		slices.SortFunc(order, func(x, y int32) int {
			if a, b := checked[x].version, checked[y].version; a != b {
				return int(min(max(a-b, -1), 1))
			}
			return int(x - y)
		})
		return order, true
	}
	first := make([]int32, highest+2)
	for _, i := range order {
		first[checked[i].version+1]++
	}
	for v := range highest {
		first[v+1] += first[v]
	}
	sorted := make([]int32, len(order))
	for _, i := range order {
		v := checked[i].version
		sorted[first[v]] = i
		first[v]++
	}
	return sorted, true
}

// unknownSteps returns the unknown steps by kind, each kind in order of call.
func unknownSteps(checked []checkedOp) (spares [][]*checkedOp) {
	var kinds map[[2]int32]int
	for i := range checked {
		c := &checked[i]
		if c.meaning != unknownStep {
			continue
		}
		if kinds == nil {
			kinds = map[[2]int32]int{}
		}
		k, known := kinds[[2]int32{c.from, c.to}]
		if !known {
			k = len(spares)
			kinds[[2]int32{c.from, c.to}] = k
			spares = append(spares, nil)
		}
		spares[k] = append(spares[k], c)
	}
	return spares
}

// witnessWalk is the state of the search for a witness.
type witnessWalk struct {
	*automaton
	ops     []checkedOp
	rest    []int32 // operations of later versions
	state   int32
	version int64
	time    int64          // the earliest instant of the next operation
	spares  [][]*checkedOp // by kind: unknown steps that no gap has used; unless planned
	needed  []int32        // by state: the versions in rest that only an unknown step can have made; nil until there is a gap
	tries   int            // left to fill this gap
	planned []*checkedOp   // by version: the step that makes it; nil: gaps are filled from spares
}

// takeVersion takes the operations of the next version from rest.
func (w *witnessWalk) takeVersion() []int32 {
	n := 1
	for n < len(w.rest) && w.ops[w.rest[n]].version == w.ops[w.rest[0]].version {
		n++
	}
	told := w.rest[:n]
	w.rest = w.rest[n:]
	if w.needed == nil {
		return told
	}
	if state := w.stateOfUnknownStep(told); state >= 0 {
		w.needed[state]--
	}
	return told
}

// stateOfUnknownStep returns the state of a version, given its operations, if
// only an unknown step can have made it; otherwise unspecified.
func (w *witnessWalk) stateOfUnknownStep(told []int32) int32 {
	state := unspecified
	for _, i := range told {
		switch c := &w.ops[i]; {
		case c.meaning == committedStep:
			return unspecified
		case c.state >= 0:
			state = c.state
		}
	}
	return state
}

// advance moves to the next reported version, given its operations.
func (w *witnessWalk) advance(told []int32) bool {
	checked, version := w.ops, w.ops[told[0]].version
	var made *checkedOp
	for _, i := range told {
		if c := &checked[i]; c.meaning == committedStep && made != nil {
			return false
		} else if c.meaning == committedStep {
			made = c
		}
	}
	w.tries = 256
	if made == nil {
		fits := func() bool {
			return w.holdsIn(w.state, version, &checked[told[0]]) && !slices.ContainsFunc(told, func(i int32) bool { return checked[i].ret < w.time })
		}
		return w.fill(version-w.version, fits) && w.checkReaders(told, version)
	}
	if !w.fill(version-w.version-1, func() bool { return w.allows(w.state, made) && w.time <= made.ret }) {
		return false
	}
	w.time = max(w.time, made.call) // within its interval, since w.time is no later than its return
	w.state = made.to
	return made.matches(made.to, version) && w.checkReaders(told, version)
}

// fill takes n unknown steps, so that fits holds after them.
func (w *witnessWalk) fill(n int64, fits func() bool) bool {
	if n <= 0 {
		return n == 0 && fits()
	}
	if w.planned != nil {
		return w.fillAsPlanned(n) && fits()
	}
	if w.tries--; w.tries < 0 {
		return false
	}
	for _, k := range w.choices() {
		spares := w.spares[k]
		state, time := w.state, w.time
		w.state, w.time, w.spares[k] = spares[0].to, max(w.time, spares[0].call), spares[1:]
		if w.fill(n-1, fits) {
			return true
		}
		w.state, w.time, w.spares[k] = state, time, spares
	}
	return false
}

// fillAsPlanned takes the n steps that were planned for the next versions.
func (w *witnessWalk) fillAsPlanned(n int64) bool {
	for _, c := range w.planned[w.version+1 : w.version+1+n] {
		if !w.allows(w.state, c) {
			return false
		}
		w.state, w.time = c.to, max(w.time, c.call)
	}
	return true
}

// choices returns the kinds of unknown steps that are legal now, in the order
// in which fill tries them, to lose the least for later: first the kinds that
// no later version needs, of these the one that is possible soonest, then the
// most frequent.
func (w *witnessWalk) choices() (kinds []int) {
	w.countNeeded()
	for k, spares := range w.spares {
		if len(spares) > 0 && w.allows(w.state, spares[0]) {
			kinds = append(kinds, k)
		}
	}
	scarce := func(spares []*checkedOp) int {
		if len(spares) > int(w.needed[spares[0].to]) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(kinds, func(x, y int) int {
		s, t := w.spares[x], w.spares[y]
		return cmp.Or(cmp.Compare(scarce(s), scarce(t)), cmp.Compare(max(w.time, s[0].call), max(w.time, t[0].call)), cmp.Compare(len(t), len(s)))
	})
	return kinds
}

// countNeeded counts, once, the later versions that unknown steps must have
// made.
func (w *witnessWalk) countNeeded() {
	if w.needed != nil {
		return
	}
	needed := make([]int32, len(w.states))
	for ahead := *w; len(ahead.rest) > 0; {
		if state := ahead.stateOfUnknownStep(ahead.takeVersion()); state >= 0 {
			needed[state]++
		}
	}
	w.needed = needed
}

// checkReaders checks the observers of a version that has been reached.
func (w *witnessWalk) checkReaders(told []int32, version int64) bool {
	made := w.time
	for _, i := range told {
		c := &w.ops[i]
		if c.meaning == committedStep {
			continue
		}
		if !w.holdsIn(w.state, version, c) || c.ret < made {
			return false
		}
		w.time = max(w.time, c.call)
	}
	w.version = version
	return true
}
