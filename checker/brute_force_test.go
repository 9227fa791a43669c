package checker

import (
	"cmp"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// bruteForce is a naive checker for one machine: it tries every order of every
// choice of unknown operations that took effect.
type bruteForce struct {
	*model.Model
	ops []history.Operation
}

func newBruteForce(h history.History) bruteForce {
	m, _ := model.Of(&h)
	return bruteForce{m, h.Operations}
}

func (w bruteForce) linearizable() bool {
	var always, maybe []history.Operation
	for _, op := range w.ops {
		switch {
		case op.Outcome != history.Unknown:
			always = append(always, op)
		case op.Kind != history.KindRead:
			maybe = append(maybe, op)
		}
	}
	return w.some(always, maybe)
}

// some reports whether some choice among the operations that may have taken
// effect, in some order, explains the history.
func (w bruteForce) some(always, maybe []history.Operation) bool {
	for subset := range 1 << len(maybe) {
		chosen := slices.Clone(always)
		for i, op := range maybe {
			if subset>>i&1 == 1 {
				chosen = append(chosen, op)
			}
		}
		if permute(chosen, 0, w.explains) {
			return true
		}
	}
	return false
}

func permute(ops []history.Operation, fixed int, found func([]history.Operation) bool) bool {
	if fixed == len(ops) {
		return found(ops)
	}
	for i := fixed; i < len(ops); i++ {
		ops[fixed], ops[i] = ops[i], ops[fixed]
		if permute(ops, fixed+1, found) {
			return true
		}
		ops[fixed], ops[i] = ops[i], ops[fixed]
	}
	return false
}

// explains reports whether the operations can have happened in this order. The
// unknown ones are there because they took effect.
func (w bruteForce) explains(order []history.Operation) bool {
	for i, op := range order {
		for _, later := range order[i+1:] {
			if later.Outcome != history.Unknown && later.Return < op.Call {
				return false
			}
		}
	}
	if len(order) == 0 {
		return true
	}
	state := w.Init(order[0].Machine)
	for _, op := range order {
		if op.Outcome == history.Rejected && (op.Kind == history.KindRead || op.Reason != history.ReasonIllegal) {
			continue
		}
		var possible bool
		if state, possible = w.Step(state, &op); !possible {
			return false
		}
	}
	return true
}

// culprit returns the operation with the first return after which the history
// is not linearizable.
func (w bruteForce) culprit() string {
	ops := slices.Clone(w.ops)
	slices.SortStableFunc(ops, func(x, y history.Operation) int { return cmp.Compare(x.Call, y.Call) })
	returns := slices.Clone(ops)
	slices.SortStableFunc(returns, func(x, y history.Operation) int { return cmp.Compare(x.Return, y.Return) })
	returned := map[string]bool{}
	for _, last := range returns {
		if last.Outcome == history.Unknown {
			continue
		}
		returned[last.ID] = true
		var seen []history.Operation
		for _, op := range ops {
			if !returned[op.ID] {
				op.Outcome, op.State, op.Version = history.Unknown, "", history.NoVersion
			}
			if op.Call <= last.Return {
				seen = append(seen, op)
			}
		}
		if !(bruteForce{w.Model, seen}).linearizable() {
			return last.ID
		}
	}
	return ""
}

// doubting reports whether the operations called by time until are linearizable
// if the ones not kept may have had an effect in their intervals, or not, and
// claim nothing.
func (w bruteForce) doubting(kept map[string]bool, until int64) bool {
	var always, maybe []history.Operation
	for _, op := range w.ops {
		switch {
		case op.Call > until:
		case kept[op.ID] && op.Outcome != history.Unknown:
			always = append(always, op)
		case op.Kind != history.KindRead:
			if op.Outcome == history.Unknown || op.Return > until {
				op.Return = history.MaxTime
			}
			op.Outcome, op.State, op.Version = history.Committed, "", history.NoVersion
			maybe = append(maybe, op)
		}
	}
	return w.some(always, maybe)
}
