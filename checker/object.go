package checker

import (
	"cmp"
	"math"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// object is the operations of a model for Porcupine, which finds orders of them.
type object struct {
	model   *model.Model
	name    string
	ops     []*history.Operation // in order of call
	returns []int                // indices of the operations that return, in order of return
	rank    []int                // by operation: its position in returns; beyond all if it is unknown
}

func newObject(m *model.Model, of machine) *object {
	b := &object{model: m, name: of.name, ops: of.operations}
	b.rank = make([]int, len(b.ops))
	for i, op := range b.ops {
		if op.Outcome != history.Unknown {
			b.returns = append(b.returns, i)
		}
		b.rank[i] = math.MaxInt
	}
	slices.SortStableFunc(b.returns, func(x, y int) int { return cmp.Compare(b.ops[x].Return, b.ops[y].Return) })
	for at, i := range b.returns {
		b.rank[i] = at
	}
	return b
}

func (b *object) title() string { return cmp.Or(b.name, string(b.model.Name)) }

// readOnly reports whether op leaves its object as it is, if it takes effect.
func (b *object) readOnly(op *history.Operation) bool {
	if form := b.model.Form(op.Kind); form != nil {
		return form.ReadOnly
	}
	return op.Kind == history.KindRead
}

// claims reports whether op, which has returned, claims more than that it had no
// effect.
func claims(op *history.Operation) bool {
	return op.Outcome == history.Committed || op.Outcome == history.Rejected && op.Reason == history.ReasonIllegal
}

// prefix returns the operations called until the return of rank last, as they are
// known then: those that have not returned are of unknown outcome.
func (b *object) prefix(last int) (ops []*placed) {
	until := b.ops[b.returns[last]].Return
	for i, op := range b.ops {
		switch returned := b.rank[i] <= last; {
		case op.Call > until:
		case returned && claims(op):
			ops = append(ops, &placed{op: op, role: exact, call: op.Call, ret: op.Return})
		case !returned && !b.readOnly(op):
			ops = append(ops, &placed{op: withoutResponse(op), role: pending, call: op.Call, ret: forever})
		}
	}
	return ops
}

// withoutResponse returns op as it is known before its response.
func withoutResponse(op *history.Operation) *history.Operation {
	open := *op
	open.Outcome, open.Reason, open.State, open.Version = history.Unknown, "", "", history.NoVersion
	return &open
}
