package checker

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// object is a machine that is judged by its Model and Porcupine.
type object struct {
	model   *model.Model
	name    string
	ops     []*history.Operation // in order of call
	returns []int                // indices of the operations that return, in order of return
	rank    []int                // by operation: its position in returns; beyond all if it is unknown
	memory  int64                // bytes that a search may take
}

func newObject(m *model.Model, of machine, o Options) *object {
	b := &object{model: m, name: of.name, ops: of.operations, memory: cmp.Or(o.Memory, DefaultMemory)}
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

// check judges the object. If no order explains its operations, it finds the
// first return at which that was so.
func (b *object) check(ctx context.Context, o Options) Result {
	last := len(b.returns) - 1
	if last < 0 {
		return Result{Status: Linearizable}
	}
	s := b.search(ctx, b.memory)
	switch s.run(b.prefix(last)) {
	case possible:
		return Result{Status: Linearizable}
	case unsure:
		return b.undecided(s)
	}
	good, bad := -1, last
	for bad-good > 1 {
		middle := (good + bad) / 2
		switch s := b.search(ctx, b.memory); s.run(b.prefix(middle)) {
		case possible:
			good = middle
		case impossible:
			bad = middle
		default:
			return Result{Status: Violated, Machine: b.name, Explanation: fmt.Sprintf(
				"%s: no order explains its operations, but %s before it was known which of them completes the contradiction", b.title(), s.reason())}
		}
	}
	return b.violation(ctx, bad, o)
}

func (b *object) title() string { return cmp.Or(b.name, string(b.model.Name)) }

func (b *object) undecided(s *search) Result {
	return Result{Status: Undecided, Machine: b.name, Explanation: fmt.Sprintf("%s: %s, with too many orders possible", b.title(), s.reason())}
}

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
func (b *object) prefix(last int) []*placed { return b.prefixWithout(last, nil) }

// prefixWithout returns a prefix in which some operations are left out: they may
// have taken effect while they lasted, or not, and their responses are ignored.
func (b *object) prefixWithout(last int, leftOut map[*history.Operation]bool) (ops []*placed) {
	until := b.ops[b.returns[last]].Return
	for i, op := range b.ops {
		switch returned := b.rank[i] <= last; {
		case op.Call > until:
		case returned && !leftOut[op]:
			if claims(op) {
				ops = append(ops, &placed{op: op, role: exact, call: op.Call, ret: op.Return})
			}
		case b.readOnly(op):
		case returned:
			ops = append(ops, &placed{op: withoutResponse(op), role: doubted, call: op.Call, ret: op.Return})
		default:
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
