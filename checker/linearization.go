package checker

import (
	"cmp"
	"context"
	"slices"

	"github.com/anishathalye/porcupine"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// maxLinearized bounds the operations of an object for Linearization: the order is one for
// people to read.
const maxLinearized = 500

// Linearization returns the ids of the operations of h that take effect, in an order that
// explains h: each takes effect at an instant between its call and its return, and
// returns as it does if they are carried out one after the other. Operations of an
// unknown outcome may be missing, and rejected ones that claim nothing are.
//
// It returns false if it finds no such order: h is not linearizable, or has too many
// operations for a reader, or ctx ended. User is Options.Model, and may be nil.
func Linearization(ctx context.Context, h history.History, user *model.Model) (ids []string, ok bool) {
	j, err := newJudge(&h, user)
	if err != nil {
		return nil, false
	}
	all, err := j.machines(h.Operations)
	if err != nil {
		return nil, false
	}
	var points []point
	for _, m := range all {
		order, ok := j.linearization(ctx, m)
		if !ok {
			return nil, false
		}
		points = append(points, instants(order)...)
	}
	slices.SortStableFunc(points, func(x, y point) int { return cmp.Compare(x.at, y.at) })
	for _, p := range points {
		ids = append(ids, p.op.ID)
	}
	return ids, true
}

// point is the instant at which an operation takes effect.
type point struct {
	op *history.Operation
	at int64
}

// instants places the operations of one object as early as their calls and their order
// allow. Orders of several objects can so be joined: linearizability is local (Herlihy and
// Wing, 1990).
func instants(order []*history.Operation) (points []point) {
	at := int64(0)
	for _, op := range order {
		at = max(at, op.Call)
		points = append(points, point{op, at})
	}
	return points
}

// linearization orders the operations of one object.
func (j *judge) linearization(ctx context.Context, m machine) ([]*history.Operation, bool) {
	if len(m.operations) > maxLinearized || m.judgeable(&j.model.Grammar) != nil {
		return nil, false
	}
	if !j.compiles || m.appends() {
		return newObject(j.model, m).linearization(ctx)
	}
	if j.compile(&m) != nil {
		return nil, false
	}
	checked, steps := m.checkedOps(), 0
	stop := func() bool { steps++; return steps > maxOrderSteps || ctx.Err() != nil }
	return firstOrder(m.model(stop), m.intervals(checked), func(input any) (op *history.Operation, ended bool) {
		c := input.(*checkedOp)
		return c.op, c.meaning == historyEnd
	})
}

// linearization orders the operations of an object.
func (b *object) linearization(ctx context.Context) ([]*history.Operation, bool) {
	if len(b.returns) == 0 {
		return nil, true
	}
	s := b.search(ctx, maxOrderSteps)
	return firstOrder(s.specification(), s.intervals(b.prefix(len(b.returns)-1)), func(input any) (op *history.Operation, ended bool) {
		p := input.(*placed)
		return p.op, p.role == atEnd
	})
}

// firstOrder finds the first order that explains all operations, up to the end of the
// history.
func firstOrder(m porcupine.Model, ops []porcupine.Operation, input func(any) (op *history.Operation, ended bool)) (order []*history.Operation, ok bool) {
	if len(ops) == 0 {
		return nil, true
	}
	result, info := porcupine.CheckOperationsVerbose(m, ops, 0)
	if result != porcupine.Ok {
		return nil, false
	}
	for _, orders := range info.PartialLinearizations() { // one list: the model has no partitions
		slices.SortFunc(orders, slices.Compare) // they come in any order
		complete := slices.IndexFunc(orders, func(o []int) bool { return len(o) == len(ops) })
		if complete < 0 {
			return nil, false
		}
		for _, i := range orders[complete] {
			op, ended := input(ops[i].Input)
			if ended {
				break
			}
			order = append(order, op)
		}
	}
	return order, true
}
