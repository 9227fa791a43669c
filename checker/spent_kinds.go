package checker

import (
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// spentKind is a kind of unknown steps that a linearizer dropped, since all its
// configurations had taken them, when it had left out others. A contradiction without a
// premise must not rely on that: the steps may be yet to come.
type spentKind struct {
	from, to int32 // as of checkedOp
	called   uint64
}

// noteSpent notes that a kind is dropped.
func (l *linearizer) noteSpent(k *unknownKind) {
	if l.narrowed {
		l.spentKinds = append(l.spentKinds, spentKind{k.op.from, k.op.to, k.called})
	}
}

// leadingTo returns states, and those from which steps that may be yet to come lead to
// them.
func (d *contradiction) leadingTo(states []int32) []int32 {
	before := map[int32][]int32{}
	add := func(from, to int32) {
		if from != unspecified {
			before[to] = append(before[to], from)
		}
	}
	for _, k := range d.base.spentKinds {
		add(k.from, k.to)
	}
	for _, k := range d.base.kinds {
		add(k.op.from, k.op.to)
	}
	for _, c := range d.inFlightAtBase() {
		add(c.from, c.to)
	}
	for _, e := range d.log[:d.from] {
		add(e.c.from, e.c.to)
	}
	for i := 0; i < len(states); i++ {
		states = append(states, before[states[i]]...)
		delete(before, states[i])
	}
	return states
}

// recall returns the spent kinds with which l is to begin if states are all that
// matter. Those that lead to another state are as good as each other.
func (d *contradiction) recall(states []int32) (recalled []spentKind) {
	known, at := map[int32]bool{}, map[[2]int32]int{}
	for _, s := range states {
		known[s] = true
	}
	elsewhere := notAState
	for _, k := range d.base.spentKinds {
		switch outside := !known[k.to]; {
		case outside && k.from != unspecified && !known[k.from] && !d.base.counted:
			continue // from one such state to another
		case outside && k.from != unspecified && !known[k.from]:
			k.from = unspecified // it makes a version
			fallthrough
		case outside:
			if elsewhere == notAState {
				elsewhere = k.to
			}
			k.to = elsewhere
		}
		key := [2]int32{k.from, k.to}
		i, ok := at[key]
		if !ok {
			i = len(recalled)
			at[key], recalled = i, append(recalled, spentKind{from: k.from, to: k.to})
		}
		recalled[i].called += k.called
	}
	return recalled
}

// beginAnew leaves l without configurations and operations in flight, with all unknown
// steps yet to come, also the recalled ones. It reports false if that number of
// configurations is too large then.
func (l *linearizer) beginAnew(recalled []spentKind, configurations int) bool {
	l.forgetInFlight()
	l.configurations.reset(&l.configurations)
	for _, r := range recalled {
		i := slices.IndexFunc(l.kinds, func(k unknownKind) bool { return k.op.to == r.to && k.op.from == r.from })
		if i < 0 {
			i = len(l.kinds)
			l.kinds = append(l.kinds, unknownKind{op: unknownOf(r.from, r.to)})
		}
		l.kinds[i].called += r.called
	}
	l.spentKinds = nil
	l.resizeRows(l.configurations.sets, len(l.kinds))
	return int64(configurations*l.configurations.stride()) <= l.limit
}

// unknownOf returns an unknown step.
func unknownOf(from, to int32) checkedOp {
	return checkedOp{
		from: from, to: to, state: unspecified, version: history.NoVersion, ret: forever, meaning: unknownStep,
	}
}
