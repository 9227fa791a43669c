package checker

import (
	"math/bits"
	"slices"
)

// effort is how hard a linearizer tries. If it leaves anything out for that, it is
// narrowed.
type effort struct {
	width int   // maximum number of configurations to keep; 0: no limit, nor any other
	slack int32 // number of steps that the way to a return may be longer than the shortest
	alike int   // maximum number of configurations that differ in unknown steps only
}

// triedPerKept is the number of configurations tried at most, and foundPerKept the
// number found, for each that narrow keeps.
const (
	triedPerKept = 16
	foundPerKept = 2
)

// hasEnough reports whether to stop, after some expansions.
func (l *linearizer) hasEnough(expansions int) bool {
	return l.width > 0 && (expansions > triedPerKept*l.width || l.next.len() >= foundPerKept*l.width)
}

// ranking is how promising configurations are.
type ranking struct {
	byReturn []int32 // the spent slots of steps in flight, in order of return
	weights  []int   // by slot
	promises []int64 // ranks of configurations: scratch of narrow
}

// orderByReturn inserts s into byReturn.
func (l *linearizer) orderByReturn(s step) {
	i := len(l.byReturn)
	for i > 0 && l.slots[l.byReturn[i-1]].ret > s.c.ret {
		i--
	}
	l.byReturn = slices.Insert(l.byReturn, i, s.spent)
}

// narrow keeps the width most promising configurations, and none that another of
// these dominates.
func (l *linearizer) narrow() {
	t := &l.configurations
	l.weigh()
	l.findMasks()
	l.order, l.dropped, l.promises = l.order[:0], l.dropped[:0], l.promises[:0]
	for i := range t.len() {
		l.dropped, l.promises = append(l.dropped, true), append(l.promises, rank(l.promise(t.row(i)), i))
	}
	slices.Sort(l.promises)
	for _, p := range l.promises {
		i := int32(uint32(p))
		if l.isDominated(i, l.order) {
			continue
		}
		if len(l.order) == l.width {
			l.narrowed = true
			break
		}
		l.order = append(l.order, i)
		l.dropped[i] = false
	}
	t.keep(func(i int) bool { return !l.dropped[i] })
}

// rank is a number by which configurations are in order: the most promising is the first,
// and of equal ones that with the least index, which it holds.
func rank(promise, index int) int64 { return -int64(promise)<<32 | int64(index) }

// isDominated reports whether one of some configurations dominates another.
func (l *linearizer) isDominated(i int32, by []int32) bool {
	row := l.configurations.row(int(i))
	for _, j := range by {
		if other := l.configurations.row(int(j)); other[rowState] == row[rowState] && other[rowVersion] == row[rowVersion] && l.dominates(other, row) {
			return true
		}
	}
	return false
}

const (
	stepWeight    = 100 // of the last step to return
	unknownWeight = 100 // of an unknown step
)

// promise returns how promising a configuration is: of the steps that it has taken,
// unknown ones and those that return late would have been of use for long.
func (l *linearizer) promise(row []uint64) (promise int) {
	t := &l.configurations
	for k, w := range row[rowBits : rowBits+t.sets] {
		for ; w != 0; w &= w - 1 {
			promise -= l.weights[k*64+bits.TrailingZeros64(w)]
		}
	}
	for _, used := range row[rowBits+t.sets:] {
		promise -= unknownWeight * int(used)
	}
	return promise
}

// weigh finds the weights of slots.
func (l *linearizer) weigh() {
	l.weights = append(l.weights[:0], make([]int, len(l.slots))...)
	for rank, slot := range l.byReturn {
		l.weights[slot] = stepWeight * rank / len(l.byReturn)
	}
}

// mostPromising returns the most promising configuration.
func (l *linearizer) mostPromising() (best int) {
	l.weigh()
	for i := range l.configurations.len() {
		if l.promise(l.configurations.row(i)) > l.promise(l.configurations.row(best)) {
			best = i
		}
	}
	return best
}
