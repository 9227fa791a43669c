package checker

import (
	"context"

	"github.com/anishathalye/porcupine"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// role is the part of an operation in a search for an order.
type role uint8

const (
	exact   role = iota // it took effect while it lasted, with its response
	pending             // it takes effect at any time after its call, or never
	atEnd               // not an operation: the end of history, as in automaton.step
)

// placed is an operation to which a search gives a place in the order.
type placed struct {
	op         *history.Operation // without response unless exact
	role       role
	call, ret  int64
	bit, prior uint64 // of a pending one: see orderPending
}

// placement is the state of a search after some operations.
type placement struct {
	state any    // of the object
	taken uint64 // pending operations that took effect, see orderPending
	ended bool   // the end of history is behind
}

// search is a run of Porcupine on operations of one object. It serves orders and
// tests: verdicts are the walk's.
type search struct {
	*object
	ctx     context.Context
	steps   int // left
	stopped bool
}

func (b *object) search(ctx context.Context, steps int) *search {
	return &search{object: b, ctx: ctx, steps: steps}
}

// run reports whether some order explains ops.
func (s *search) run(ops []*placed) feasibility {
	switch {
	case porcupine.CheckOperations(s.specification(), s.intervals(ops)):
		return possible
	case s.stopped:
		return unsure
	}
	return impossible
}

// specification returns the model in Porcupine's terms. Its states are
// placements, and its inputs *placed.
func (s *search) specification() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return placement{state: s.model.Init(s.name)} },
		Step: func(state, input, _ any) (bool, any) {
			s.steps--
			s.stopped = s.stopped || s.steps < 0 || s.ctx.Err() != nil
			if s.stopped {
				return false, state
			}
			next, fits := s.step(state.(placement), input.(*placed))
			if !fits {
				return false, state
			}
			return true, next
		},
		Equal: func(a, b any) bool { return s.same(a.(placement), b.(placement)) },
	}
}

// step returns the placement after p, if p is possible there. As for automata,
// pending operations that never take effect are placed after the end.
func (s *search) step(at placement, p *placed) (placement, bool) {
	switch {
	case p.role == atEnd:
		return placement{ended: true}, true
	case at.ended:
		return at, true
	case p.role == pending && at.taken&p.prior != p.prior:
		return at, false
	}
	after, possible := s.model.Step(at.state, p.op)
	return placement{state: after, taken: at.taken | p.bit}, possible
}

// same reports whether two placements allow the same.
func (s *search) same(x, y placement) bool {
	switch {
	case x.taken != y.taken || x.ended != y.ended:
		return false
	case x.ended:
		return true
	case s.model.Equal == nil:
		return x.state == y.state
	}
	return s.model.Equal(x.state, y.state)
}

// intervals translates operations for Porcupine. The end of history comes after
// the last return, and pending operations end after that.
func (s *search) intervals(ops []*placed) (intervals []porcupine.Operation) {
	s.orderPending(ops)
	end, clients, open := int64(0), 0, false
	for _, p := range ops {
		end, clients = max(end, p.call), max(clients, p.op.Client+1)
		if open = open || p.role == pending; p.role != pending {
			end = max(end, p.ret)
		}
	}
	for _, p := range ops {
		interval := porcupine.Operation{ClientId: max(p.op.Client, 0), Input: p, Call: p.call, Return: p.ret}
		if p.role == pending {
			interval.Return = end + 2
		}
		intervals = append(intervals, interval)
	}
	if open {
		intervals = append(intervals, porcupine.Operation{ClientId: clients, Input: &placed{role: atEnd}, Call: end + 1, Return: end + 1})
	}
	return intervals
}

// orderPending makes pending operations that differ in their times only take
// effect in order of call, as orderUnknownSteps does. Operations of two clients
// differ unless the model is Anonymous.
func (s *search) orderPending(ops []*placed) {
	type class struct {
		kind               history.Kind
		object             string
		argument, expected string
		client             int
	}
	last := map[class]uint64{}
	next := uint64(1)
	for _, p := range ops {
		if p.role != pending {
			continue
		}
		c := class{p.op.Kind, p.op.Machine, p.op.Argument, p.op.Expected, p.op.Client}
		if s.model.Anonymous {
			c.client = 0
		}
		p.bit, p.prior, last[c] = next, last[c], next
		next <<= 1
	}
}
