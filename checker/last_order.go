package checker

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// Order is the longest order that was found for the last operations on one machine, until
// its history ends or becomes impossible.
type Order struct {
	From     string      // the states in which it may begin: operations before it may have led to these
	Steps    []OrderStep // in order
	Of       int         // operations that it tries to explain, with unknown outcomes too
	Before   int         // operations before these
	Complete bool        // it explains all of them
	Doubt    string      // why there may be a longer one, or one that cannot be; empty: there is none
}

// OrderStep is an operation that takes effect, and the states that may follow.
type OrderStep struct {
	ID    string
	State string
}

// LastOrder returns the longest order that it finds for the operations on the machine of a
// result, up to the return of its culprit if it has one. Of a long history it takes the last
// operations, so that the order is small.
//
// It fails if h lacks the machine, or if that cannot be checked, or has too many
// operations. It depends on its arguments alone unless ctx ends. User is Options.Model, and
// may be nil.
func LastOrder(ctx context.Context, h history.History, r Result, user *model.Model) (*Order, error) {
	j, err := newJudge(&h, user)
	if err != nil {
		return nil, err
	}
	all, err := j.machines(h.Operations)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(m machine) bool { return m.name == r.Machine })
	if i < 0 {
		return nil, fmt.Errorf("the history holds no operation on machine %q", r.Machine)
	}
	m := all[i]
	if err := m.judgeable(&j.model.Grammar); err != nil {
		return nil, fmt.Errorf("machine %s: %w", m.name, err)
	}
	if !j.compiles || m.appends() {
		return newObject(j.model, m).lastOrder(ctx, r)
	}
	if err := j.compile(&m); err != nil {
		return nil, fmt.Errorf("machine %s: %w", m.name, err)
	}
	return m.lastOrder(ctx), nil
}

// maxOrderSteps is the number of steps tried to find an order. People look at the longest
// one, and seldom at the hundredth.
const maxOrderSteps = 200_000

// lastOrder orders the operations of an tail.
func (m machine) lastOrder(ctx context.Context) *Order {
	checked := m.checkedOps()
	v, _ := m.lastEvents(ctx, checked)
	s := newTail(m, v, checked, tailOperations)
	steps := 0
	stop := func() bool {
		steps++
		return steps > maxOrderSteps || ctx.Err() != nil
	}
	o := longestOrder(s.model(stop), s.model(func() bool { return false }), s.intervals(s.ops), func(input any) (*history.Operation, bool) {
		c := input.(*checkedOp)
		return c.op, c.meaning == historyEnd
	})
	o.From, o.Of = s.describe(s.initial), len(s.ops)
	for i := range checked {
		if checked[i].ret < s.begin {
			o.Before++
		}
	}
	switch {
	case stop():
		o.Doubt = doubtGivenUp
	case s.truncated:
		o.Doubt = "not all states in which it may begin are known"
	}
	return o
}

const doubtGivenUp = "not all orders were tried"

// lastEvents returns the events until the operations become impossible, or else
// until the end or until time or memory run out.
func (m machine) lastEvents(ctx context.Context, checked []checkedOp) (v *refutation, violated bool) {
	p := newPilot(ctx, m, checked, DefaultMemory)
	p.run()
	if p.impossible() && !p.current.stopped {
		return p.refute(), true
	}
	return p.recent(2 * p.stride), false
}

// maxObjectOrder is the number of operations of an object that an order has at most. It
// begins with the object's first operation, as the states to which others may have led are
// not known.
const maxObjectOrder = 500

// lastOrder orders the operations of an object, up to the culprit of r.
func (b *object) lastOrder(ctx context.Context, r Result) (*Order, error) {
	last := len(b.returns) - 1
	if last < 0 {
		return nil, fmt.Errorf("%s: no operation returned, so there is no order", b.title())
	}
	if r.Culprit != nil {
		last = slices.IndexFunc(b.returns, func(i int) bool { return b.ops[i].ID == r.Culprit.ID })
	}
	ops := b.prefix(last)
	if len(ops) > maxObjectOrder {
		return nil, fmt.Errorf("%s: %d operations until then are too many for an order, which has at most %d", b.title(), len(ops), maxObjectOrder)
	}
	s, again := b.search(ctx, maxOrderSteps), b.search(context.Background(), math.MaxInt)
	replay := again.specification()
	replay.DescribeState = func(state any) string { return again.describePlacement(state.(placement)) }
	o := longestOrder(s.specification(), replay, s.intervals(ops), func(input any) (*history.Operation, bool) {
		p := input.(*placed)
		return p.op, p.role == atEnd
	})
	o.From, o.Of = replay.DescribeState(replay.Init()), len(ops)
	if s.stopped {
		o.Doubt = doubtGivenUp
	}
	return o, nil
}

func (s *search) describePlacement(at placement) string { return describe(s.model, at.state) }

// longestOrder finds the longest order of operations by a model; replay is the same model
// without limits, and describes its states.
func longestOrder(m, replay porcupine.Model, ops []porcupine.Operation, input func(any) (op *history.Operation, ended bool)) *Order {
	var longest []int
	_, info := porcupine.CheckOperationsVerbose(m, ops, 0)
	for _, orders := range info.PartialLinearizations() { // one list: the model has no partitions
		slices.SortFunc(orders, slices.Compare) // they come in any order
		for _, order := range orders {
			if len(order) > len(longest) {
				longest = order
			}
		}
	}
	o := &Order{Complete: len(longest) == len(ops)}
	state := replay.Init()
	for _, i := range longest {
		op, ended := input(ops[i].Input)
		if ended {
			break // the rest never takes effect
		}
		_, state = replay.Step(state, ops[i].Input, ops[i].Output)
		o.Steps = append(o.Steps, OrderStep{op.ID, replay.DescribeState(state)})
	}
	return o
}
