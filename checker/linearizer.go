package checker

import (
	"cmp"
	"context"
	"math/bits"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// linearizer implements just-in-time linearization (Lowe, "Testing for
// Linearizability", 2017). It processes the events of one machine in order of
// time and maintains the set of possible configurations. An operation takes
// effect as late as possible: when an operation in flight, itself or another,
// must have because it returns. The history is impossible when no configuration
// is left.
//
// docs/JUDGE.md lists the rules that keep the configurations few, and why they
// lose no order. They are implemented by settle (observers at once, versions as
// ceilings), callStep and first (earliest deadline first), unknownKind (unknown
// steps as counts), prune (dominance), absorbBlindWrites and findUses
// (registers), and tooFar (no way there). A pilot keeps few of them: narrow.go.
//
// Memory is that of the configurations and the operations in flight, whatever
// the length of the history. The number of configurations is at worst
// exponential in the kinds of steps in flight at once, not in the operations.
// Machines have few kinds in practice, and versions leave hardly a choice.
type linearizer struct {
	*automaton
	ctx        context.Context
	counted    bool  // configurations have versions
	limit      int64 // maximum size of the configurations, in words
	effort           // limits; the zero value has none
	narrowed   bool  // a limit was met: an empty set proves nothing
	stopped    bool  // by ctx or limit: the configurations mean nothing
	expansions int   // configurations made, to check ctx now and then
	now        int64 // the last call
	observing  int   // number of readOnly operations in flight

	configurations configurations
	next, todo     configurations
	row            []uint64      // scratch: the row in the making
	slots          []*checkedOp  // operations in flight; nil where vacant
	steps          []step        // steps in flight: equal steps side by side, in order of return
	kinds          []unknownKind // kinds of unknown steps
	spentKinds     []spentKind   // dropped, and perhaps not spent in configurations that were left out
	firstMade      []int64       // by state: the first call of a step to it; nil if not known
	order          []int32       // scratch of prune: indices of configurations, and the ones to drop
	dropped        []bool
	uses           []uint64 // by value: the last expansion in which it was of use
	expansion      uint64
	lasting        uint64   // stands in uses for all expansions at this return
	anyUse         bool     // every value is of use
	observers      []uint64 // a bit for each slot of a readOnly operation
	absorbable     []uint64 // a bit for each slot of a blind write, but those that are spent
	twinOfWanted   int32    // the spent slot of the step that returns
	distances      distances
	effects        *effects // of the configurations; nil if they are not recorded
	origin         int32    // the effect that led to the configuration in expansion
	masks          []mask   // by word of the bits: scratch of prune
	equals         []step   // steps that have equal ones: scratch of prune
	ranking
}

// step is a step in flight.
type step struct {
	slot  int32
	spent int32 // of a blind write: the slot set once it takes effect itself, not absorbed; otherwise slot
	c     *checkedOp
	same  bool // equal to the step before, except for its times
}

// unknownKind is the unknown steps of one kind.
type unknownKind struct {
	op     checkedOp
	called uint64
	known  bool // a step in flight is of this kind, too
}

func newLinearizer(ctx context.Context, a *automaton, counted bool, words int64) *linearizer {
	l := &linearizer{automaton: a, ctx: ctx, counted: counted, limit: words}
	l.configurations.sets = 1
	l.configurations.reset(&l.configurations)
	l.configurations.add([]uint64{uint64(a.initial), 0, 0})
	return l
}

// copy makes l a copy of from, which is of the same history.
func (l *linearizer) copy(from *linearizer) {
	l.automaton, l.ctx, l.counted, l.limit = from.automaton, from.ctx, from.counted, from.limit
	l.effort, l.narrowed, l.stopped, l.now, l.observing = from.effort, from.narrowed, from.stopped, from.now, from.observing
	l.firstMade, l.effects = from.firstMade, from.effects
	l.configurations.copy(&from.configurations)
	l.slots = append(l.slots[:0], from.slots...)
	l.steps = append(l.steps[:0], from.steps...)
	l.kinds = append(l.kinds[:0], from.kinds...)
	l.spentKinds = slices.Clip(from.spentKinds) // what either adds is its own
	l.byReturn = append(l.byReturn[:0], from.byReturn...)
	l.observers = append(l.observers[:0], from.observers...)
	l.absorbable = append(l.absorbable[:0], from.absorbable...)
}

// forgetInFlight forgets the operations in flight.
func (l *linearizer) forgetInFlight() {
	l.slots, l.steps, l.observing = l.slots[:0], l.steps[:0], 0
	l.byReturn, l.observers, l.absorbable = l.byReturn[:0], l.observers[:0], l.absorbable[:0]
}

// call processes the call of c.
func (l *linearizer) call(c *checkedOp) {
	l.now = c.call
	switch c.meaning {
	case noEffect:
	case unknownStep:
		l.callUnknown(c)
	case committedStep:
		s := step{slot: l.allocSlot(c), c: c}
		if s.spent = s.slot; l.isBlindWrite(c) {
			s.spent = l.allocSlot(c)
			l.absorbable[s.slot>>6] |= 1 << (s.slot & 63)
		}
		l.callStep(s)
		l.orderByReturn(s)
	default:
		l.callObserver(l.allocSlot(c), c)
	}
}

// isBlindWrite reports whether c's step is legal in any state and no version
// can reveal how many steps came before it.
func (l *linearizer) isBlindWrite(c *checkedOp) bool {
	return l.isRegister() && c.from == unspecified && !l.counted && c.matches(c.to, c.version)
}

// allocSlot returns a free slot and assigns it to c.
func (l *linearizer) allocSlot(c *checkedOp) int32 {
	i := slices.Index(l.slots, nil)
	if i < 0 {
		i = len(l.slots)
		l.slots = append(l.slots, nil)
		if sets := i/64 + 1; sets > l.configurations.sets {
			l.resizeRows(sets, l.configurations.kinds)
		}
	}
	l.slots[i] = c
	if i>>6 == len(l.observers) {
		l.observers, l.absorbable = append(l.observers, 0), append(l.absorbable, 0)
	}
	return int32(i)
}

// callStep inserts s so that equal steps are side by side, in order of return.
func (l *linearizer) callStep(s step) {
	at := slices.IndexFunc(l.steps, func(other step) bool { return other.c.sameStep(s.c) })
	if at < 0 {
		l.steps = append(l.steps, s)
		return
	}
	for first := true; ; first = false {
		if at == len(l.steps) || !first && !l.steps[at].same || s.c.ret < l.steps[at].c.ret {
			s.same = !first
			if first {
				l.steps[at].same = true
			}
			l.steps = slices.Insert(l.steps, at, s)
			return
		}
		at++
	}
}

func (l *linearizer) callObserver(slot int32, c *checkedOp) {
	l.observing++
	l.observers[slot>>6] |= 1 << (slot & 63)
	for i := range l.configurations.len() {
		if row := l.configurations.row(i); l.holdsIn(int32(row[rowState]), l.version(row, c), c) {
			set(row, slot)
		}
	}
}

// fits reports whether step c, taken in row before, gives the response of c.
func (l *linearizer) fits(before []uint64, c *checkedOp) bool {
	if l.object != nil {
		return l.allows(int32(before[rowState]), c)
	}
	return c.matches(c.to, c.version) && (!l.counted || c.version == history.NoVersion || c.version == int64(before[rowVersion])+1)
}

// version returns the version of a configuration; if versions are not counted,
// that of c, so that they match.
func (l *linearizer) version(row []uint64, c *checkedOp) int64 {
	if !l.counted {
		return c.version
	}
	return int64(row[rowVersion])
}

func (l *linearizer) callUnknown(c *checkedOp) {
	i := slices.IndexFunc(l.kinds, func(k unknownKind) bool { return k.op.to == c.to && k.op.from == c.from })
	if i < 0 {
		l.dropSpentKinds()
		i = len(l.kinds)
		l.kinds = append(l.kinds, unknownKind{op: *c})
		l.resizeRows(l.configurations.sets, len(l.kinds))
	}
	l.kinds[i].called++
}

// dropSpentKinds drops the kinds whose steps have all taken effect.
func (l *linearizer) dropSpentKinds() {
	t := &l.configurations
	for k := len(l.kinds) - 1; k >= 0; k-- {
		at, spent := rowBits+t.sets+k, true
		for i := 0; i < t.len() && spent; i++ {
			spent = t.row(i)[at] == l.kinds[k].called
		}
		if !spent {
			continue
		}
		l.noteSpent(&l.kinds[k])
		last := len(l.kinds) - 1
		for i := range t.len() {
			row := t.row(i)
			row[at] = row[rowBits+t.sets+last]
		}
		l.kinds[k] = l.kinds[last]
		l.kinds = l.kinds[:last]
		l.resizeRows(t.sets, last)
	}
}

// resizeRows changes the number of words in a row.
func (l *linearizer) resizeRows(sets, kinds int) {
	old := l.configurations
	n := old.len()
	t := &l.next
	t.sets, t.kinds, t.recorded = sets, kinds, old.recorded
	t.reset(t)
	for i := range n {
		from, row := old.row(i), append(l.row[:0], make([]uint64, t.stride())...)
		copy(row, from[:rowBits+min(sets, old.sets)])
		copy(row[rowBits+sets:], from[rowBits+old.sets:rowBits+old.sets+min(kinds, old.kinds)])
		t.last = old.lastOf(i)
		t.add(row)
		l.row = row
	}
	l.configurations, l.next = l.next, l.configurations
}

// ret processes the return of c: it has taken effect by now, unless it is
// optional. It reports whether that is possible.
func (l *linearizer) ret(c *checkedOp) bool {
	if c.meaning == noEffect {
		return true
	}
	slot := int32(slices.Index(l.slots, c))
	l.first(slot)
	twin := l.twin(slot)
	l.twinOfWanted = twin
	l.next.reset(&l.configurations)
	l.todo.reset(&l.configurations)
	l.next.most, l.todo.most = l.alike, l.alike
	for i := range l.configurations.len() {
		row := l.configurations.row(i)
		l.comeFrom(l.configurations.lastOf(i))
		done, spent := has(row, slot), has(row, twin)
		unset(row, slot)
		unset(row, twin)
		if done || c.optional {
			l.next.add(row)
		}
		if !done || !spent { // not done; or absorbed, which is its last chance to take effect itself
			l.todo.add(row)
		}
	}
	if l.todo.len() > 0 {
		l.prepare(c)
	}
	for i := 0; i < l.todo.len() && !l.stopped; i++ {
		if l.hasEnough(i) {
			l.narrowed = true
			break
		}
		l.expand(i, slot)
		l.stopped = l.stopped || l.object.isSpent()
	}
	l.stopped = l.stopped || l.object.isSpent()
	l.narrowed = l.narrowed || l.next.full || l.todo.full
	l.release(slot, c)
	l.configurations, l.next = l.next, l.configurations
	l.prune()
	return l.configurations.len() > 0 || l.stopped
}

// first moves a step before the equal ones. Of several that return at one
// instant, the one whose return is processed first goes first.
func (l *linearizer) first(slot int32) {
	i := slices.IndexFunc(l.steps, func(s step) bool { return s.slot == slot })
	for ; i > 0 && l.steps[i].same; i-- {
		l.steps[i-1], l.steps[i] = l.steps[i], l.steps[i-1]
		l.steps[i-1].same, l.steps[i].same = l.steps[i].same, l.steps[i-1].same
	}
}

// twin returns the spent slot of the step in slot; slot if it has none.
func (l *linearizer) twin(slot int32) int32 {
	for _, s := range l.steps {
		if s.slot == slot {
			return s.spent
		}
	}
	return slot
}

func (l *linearizer) release(slot int32, c *checkedOp) {
	l.slots[slot] = nil
	l.observers[slot>>6] &^= 1 << (slot & 63)
	l.absorbable[slot>>6] &^= 1 << (slot & 63)
	if c.readOnly() {
		l.observing--
		return
	}
	i := slices.IndexFunc(l.steps, func(s step) bool { return s.slot == slot })
	l.slots[l.steps[i].spent] = nil
	at := slices.Index(l.byReturn, l.steps[i].spent)
	l.byReturn = slices.Delete(l.byReturn, at, at+1)
	if i+1 < len(l.steps) && !l.steps[i].same {
		l.steps[i+1].same = false
	}
	l.steps = slices.Delete(l.steps, i, i+1)
}

// expand adds every configuration that is one step from todo's row i, to next
// if the operation in slot wanted has taken effect in it.
func (l *linearizer) expand(i int, wanted int32) {
	row := l.todo.row(i)
	l.origin = l.todo.lastOf(i)
	state, idle := int32(row[rowState]), row[rowState]&idle != 0
	if l.isRegister() && !l.counted && !idle {
		l.findUses(row)
	}
	taken := false // the first of these equal steps that is not spent
	for _, s := range l.steps {
		taken = taken && s.same
		if taken || has(row, s.spent) || s.spent != s.slot && (idle || s.slot != wanted && !l.ofUse(s.c)) {
			continue
		}
		taken = true
		if s.slot != wanted && l.tooFar(state, s.c) {
			continue
		}
		l.try(row, s.c, s, -1, wanted)
	}
	for k, used := range row[rowBits+l.todo.sets:] {
		c := &l.kinds[k].op
		if used == l.kinds[k].called || !l.allows(state, c) || l.isBlindWrite(c) && (idle || !l.ofUse(c)) || l.kinds[k].known && l.knownStepFits(row, c) {
			continue
		}
		if l.tooFar(state, c) {
			continue
		}
		l.try(row, c, step{slot: -1}, k, wanted)
	}
}

// prepare finds what is the same in all expansions at the return of c.
func (l *linearizer) prepare(c *checkedOp) {
	if l.isRegister() && !l.counted {
		l.findLastingUses()
	}
	for k := range l.kinds {
		kind := &l.kinds[k]
		kind.known = slices.ContainsFunc(l.steps, func(s step) bool { return s.c.to == kind.op.to && s.c.from == kind.op.from })
	}
	if l.object == nil {
		l.measure(c)
	}
}

// findUses finds the values of a register that would be observed in a
// configuration, or that a compare and set in flight expects. A blind write of
// any other value is of no use: where unknown writes are many, few need be
// tried.
func (l *linearizer) findUses(row []uint64) {
	l.expansion++
	l.anyUse = false
	for k, slots := range l.observers {
		for left := slots &^ row[rowBits+k]; left != 0; left &= left - 1 {
			c := l.slots[k*64+bits.TrailingZeros64(left)]
			l.use(c.state)
			l.anyUse = l.anyUse || c.state == unspecified
		}
	}
}

// findLastingUses finds the values that a compare and set in flight expects.
func (l *linearizer) findLastingUses() {
	l.expansion++
	l.lasting = l.expansion
	for _, s := range l.steps {
		l.use(s.c.from)
	}
	for k := range l.kinds {
		l.use(l.kinds[k].op.from)
	}
}

func (l *linearizer) use(value int32) {
	if value < 0 {
		return
	}
	if missing := int(value) + 1 - len(l.uses); missing > 0 {
		l.uses = append(l.uses, make([]uint64, missing)...)
	}
	if l.uses[value] != l.lasting {
		l.uses[value] = l.expansion
	}
}

// ofUse reports whether the value of blind write c is of use.
func (l *linearizer) ofUse(c *checkedOp) bool {
	return l.anyUse || int(c.to) < len(l.uses) && (l.uses[c.to] == l.expansion || l.uses[c.to] == l.lasting)
}

// idle is a bit of the state. It marks a configuration of a register whose last
// steps, unknown ones or blind writes, were of no use so far: no operation has
// observed them. A blind write next would hide them. So one of them must first
// be observed, or be followed by a compare and set that must take effect. That
// spares the search through unknown steps for their own sake.
const idle = 1 << 32

// knownStepFits reports whether a known step, which must take effect anyway,
// can be taken in place of an unknown one.
func (l *linearizer) knownStepFits(row []uint64, unknown *checkedOp) bool {
	for _, s := range l.steps {
		if s.c.to == unknown.to && s.c.from == unknown.from && !has(row, s.spent) && l.fits(row, s.c) {
			return l.object == nil || l.object.alike(int32(row[rowState]), s.c, unknown)
		}
	}
	return false
}

// try adds the configuration after c's step, if the step is legal and fits.
func (l *linearizer) try(from []uint64, c *checkedOp, s step, kind int, wanted int32) {
	if !l.allows(int32(from[rowState]), c) || !l.fits(from, c) {
		return
	}
	row := append(l.row[:0], from...)
	l.row = row
	row[rowState] = uint64(l.after(int32(from[rowState]), c))
	if l.counted {
		row[rowVersion]++
	}
	if s.slot >= 0 {
		set(row, s.slot)
		set(row, s.spent)
	} else {
		row[rowBits+l.todo.sets+kind]++
	}
	progress, ok := l.settle(row)
	if !ok {
		return
	}
	if l.effects != nil {
		l.comeFrom(l.effects.add(l.origin, c.number))
	}
	l.absorbBlindWrites(row, c)
	if l.isRegister() && !l.counted && !progress && s.slot != wanted && (s.slot < 0 || s.slot != s.spent) {
		row[rowState] |= idle
		l.todo.add(row)
	} else {
		l.settled(row, wanted)
	}
	l.checkLimits()
}

// comeFrom notes the effect that led to the configurations that are added.
func (l *linearizer) comeFrom(last int32) { l.next.last, l.todo.last = last, last }

// settled adds a configuration: to next if the wanted operation has taken
// effect; to todo if it has not, or if it has only been absorbed and can still
// take effect itself.
func (l *linearizer) settled(row []uint64, wanted int32) {
	done, absorbed := has(row, wanted), !has(row, l.twinOfWanted)
	unset(row, wanted)
	if !done || absorbed {
		l.todo.add(row)
	}
	if done {
		unset(row, l.twinOfWanted)
		l.next.add(row)
	}
}

// checkLimits sets stopped if time or memory run out.
func (l *linearizer) checkLimits() {
	l.expansions++
	if int64(len(l.next.words)+len(l.todo.words)) > l.limit || l.expansions&1023 == 0 && l.ctx.Err() != nil {
		l.stopped = true
	}
}

// absorbBlindWrites lets the blind writes in flight take effect just before
// another blind write, which hides them. They may still take effect themselves
// until they return, so nothing else depends on them now.
func (l *linearizer) absorbBlindWrites(row []uint64, by *checkedOp) {
	if !l.isBlindWrite(by) {
		return
	}
	for k, slots := range l.absorbable {
		row[rowBits+k] |= slots
	}
}

// settle lets readOnly operations take effect if they are true now, which
// counts as progress. It is not ok if the version is beyond one that an
// operation in flight must still observe or make, or if the model says that it is
// too late for one.
func (l *linearizer) settle(row []uint64) (progress, ok bool) {
	if l.observing > 0 {
		state := int32(row[rowState])
		for k, slots := range l.observers {
			for left := slots &^ row[rowBits+k]; left != 0; left &= left - 1 {
				c := l.slots[k*64+bits.TrailingZeros64(left)]
				version := l.version(row, c)
				if l.holdsIn(state, version, c) {
					row[rowBits+k] |= left & -left
					progress = true
				} else if c.version != history.NoVersion && version > c.version || l.object != nil && l.tooLate(row, c) {
					return progress, false
				}
			}
		}
	}
	if l.object != nil {
		for _, s := range l.steps {
			if !s.c.optional && !has(row, s.slot) && l.tooLate(row, s.c) {
				return progress, false
			}
		}
	}
	if l.counted {
		for _, s := range l.steps {
			if s.c.version != history.NoVersion && !s.c.optional && int64(row[rowVersion]) >= s.c.version && !has(row, s.slot) {
				return progress, false
			}
		}
	}
	return progress, true
}

// tooLate reports whether c has become impossible for an object: neither can the
// state lead to its response, nor that after a reset that is in flight or called
// before c returns.
func (l *linearizer) tooLate(row []uint64, c *checkedOp) bool {
	o, state := l.object, int32(row[rowState])
	if !o.tooLate(state, c) {
		return false
	}
	if o.model.Resets == nil {
		return true
	}
	if !o.foreseen {
		return false
	}
	for _, s := range l.steps {
		if !has(row, s.slot) && o.isReset(s.c) && o.savedBy(state, c, s.c) {
			return false
		}
	}
	for k := range l.kinds {
		op := &l.kinds[k].op
		if row[rowBits+l.todo.sets+k] < l.kinds[k].called && o.isReset(op) && o.savedBy(state, c, op) {
			return false
		}
	}
	first, _ := slices.BinarySearchFunc(o.resets, l.now, func(r *checkedOp, now int64) int { return cmp.Compare(r.call, now) })
	for _, r := range o.resets[first:] {
		if r.call > c.ret {
			break
		}
		if o.savedBy(state, c, r) {
			return false
		}
	}
	return true
}

// prune drops configurations that another dominates. It compares every two of
// one state and version.
func (l *linearizer) prune() {
	t := &l.configurations
	if t.len() < 2 {
		return
	}
	if l.width > 0 && l.width <= maxCompared {
		l.narrow()
		return
	}
	l.findMasks()
	l.order, l.dropped = l.order[:0], l.dropped[:0]
	for i := range t.len() {
		l.order, l.dropped = append(l.order, int32(i)), append(l.dropped, false)
	}
	slices.SortFunc(l.order, func(i, j int32) int {
		return cmp.Or(slices.Compare(t.row(int(i))[:rowBits], t.row(int(j))[:rowBits]), cmp.Compare(i, j))
	})
	for rest := l.order; len(rest) > 0; {
		n := 1
		for n < len(rest) && slices.Equal(t.row(int(rest[n]))[:rowBits], t.row(int(rest[0]))[:rowBits]) {
			n++
		}
		if n <= maxCompared {
			l.pruneAlike(rest[:n])
		}
		rest = rest[n:]
	}
	t.keep(func(i int) bool { return !l.dropped[i] })
}

// maxCompared is the number of configurations above which prune does not
// compare them: the comparison would cost more than it saves.
const maxCompared = 256

func (l *linearizer) pruneAlike(rows []int32) {
	t := &l.configurations
	for _, i := range rows {
		for _, j := range rows {
			if i != j && !l.dropped[i] && !l.dropped[j] && l.dominates(t.row(int(j)), t.row(int(i))) {
				l.dropped[i] = true
			}
		}
	}
}

// dominates reports whether every continuation of configuration b is one of a,
// too. The two have the same state and version, and in a
//
//   - no more unknown steps have taken effect,
//   - every observer that has taken effect in b has,
//   - of equal steps, as many have as in b, and the ones left return no sooner,
//     one by one: each step in a continuation of b has a replacement that is as
//     good,
//   - no optional step has that has not in b,
//   - every blind write that has in b has, and none has itself, not absorbed,
//     that     has not in b.
func (l *linearizer) dominates(a, b []uint64) bool {
	key := rowBits + l.configurations.sets
	if !covers(b[key:], a[key:]) {
		return false
	}
	if slices.Equal(a[rowBits:key], b[rowBits:key]) {
		return true
	}
	for k, m := range l.masks {
		if a, b := a[rowBits+k], b[rowBits+k]; b&^a&m.kept|a&^b&m.barred != 0 {
			return false
		}
	}
	ahead := 0 // number of equal steps that return sooner, done in a less done in b
	for _, s := range l.equals {
		if !s.same && ahead != 0 {
			return false
		}
		if inA, inB := has(a, s.slot), has(b, s.slot); inA && !inB {
			ahead++
		} else if inB && !inA {
			ahead--
		}
		if ahead < 0 {
			return false
		}
	}
	return ahead == 0
}

// mask is the bits of a word of a configuration by which it does not dominate another.
type mask struct {
	kept   uint64 // those that the other has, and it has not
	barred uint64 // those that it has, and the other has not
}

// findMasks finds what the comparison of configurations needs to know of the operations in
// flight: masks, and the steps that have equal ones.
func (l *linearizer) findMasks() {
	l.masks, l.equals = l.masks[:0], l.equals[:0]
	for _, slots := range l.observers {
		l.masks = append(l.masks, mask{kept: slots})
	}
	for i, s := range l.steps {
		m, bit := &l.masks[s.slot>>6], uint64(1)<<(s.slot&63)
		switch {
		case s.spent != s.slot:
			if !s.c.optional {
				m.kept |= bit
			}
			l.masks[s.spent>>6].barred |= 1 << (s.spent & 63)
		case s.c.optional:
			m.barred |= bit
		case !s.same && (i+1 == len(l.steps) || !l.steps[i+1].same):
			m.kept |= bit
			m.barred |= bit
		default:
			l.equals = append(l.equals, s)
		}
	}
}
