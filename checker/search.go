package checker

import (
	"context"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// role is the part of an operation in a search for an order.
type role uint8

const (
	exact   role = iota // it took effect while it lasted, with its response
	doubted             // it took effect while it lasted, or never; the response is ignored
	pending             // it takes effect at any time after its call, or never
	atEnd               // not an operation: the end of history, as in automaton.step
	asked               // not an operation: an instant at which fits holds
)

// placed is an operation to which a search gives a place in the order.
type placed struct {
	op         *history.Operation // without response unless exact
	role       role
	call, ret  int64
	bit, prior uint64               // of a pending one: see orderPending
	fits       func(state any) bool // of an asked one
}

// placement is the state of a search after some operations.
type placement struct {
	states []any  // of the object: the possible ones, as doubted operations may have taken effect or not
	taken  uint64 // pending operations that took effect, see orderPending
	ended  bool   // the end of history is behind
}

// maxDoubt is the number of states that a placement has at most.
const maxDoubt = 256

// search is a run of Porcupine on operations of one object.
type search struct {
	*object
	ctx     context.Context
	memory  int64 // bytes left
	perStep int64 // bytes of a step, besides states
	stopped bool
}

func (b *object) search(ctx context.Context, memory int64) *search {
	return &search{object: b, ctx: ctx, memory: memory}
}

// reason says why the search was stopped.
func (s *search) reason() string {
	if s.ctx.Err() != nil {
		return "the check ran out of time"
	}
	return "the check ran out of memory"
}

// run reports whether some order explains ops.
func (s *search) run(ops []*placed) feasibility {
	s.perStep = int64(len(ops)/8 + stepBytes)
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
		Init: func() any { return placement{states: []any{s.model.Init(s.name)}} },
		Step: func(state, input, _ any) (bool, any) {
			s.stopped = s.stopped || s.memory < 0 || s.ctx.Err() != nil
			if s.stopped {
				return false, state
			}
			next, fits := s.step(state.(placement), input.(*placed))
			if !fits {
				return false, state
			}
			s.memory -= s.perStep + sizeOf(next.states)
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
	next := placement{taken: at.taken | p.bit}
	for _, state := range at.states {
		if p.role == asked {
			if p.fits(state) {
				next.states = append(next.states, state)
			}
			continue
		}
		if p.role == doubted {
			next.states = s.include(next.states, state)
		}
		if after, possible := s.model.Step(state, p.op); possible {
			next.states = s.include(next.states, after)
		}
	}
	s.stopped = s.stopped || len(next.states) > maxDoubt
	return next, len(next.states) > 0
}

// include adds a state that is not among states.
func (b *object) include(states []any, state any) []any {
	if slices.ContainsFunc(states, func(other any) bool { return b.equal(state, other) }) {
		return states
	}
	return append(states, state)
}

func (b *object) equal(x, y any) bool {
	if b.model.Equal == nil {
		return x == y
	}
	return b.model.Equal(x, y)
}

// same reports whether two placements allow the same.
func (s *search) same(x, y placement) bool {
	if x.taken != y.taken || x.ended != y.ended || len(x.states) != len(y.states) {
		return false
	}
	for _, state := range x.states {
		if !slices.ContainsFunc(y.states, func(other any) bool { return s.equal(state, other) }) {
			return false
		}
	}
	return true
}

// sizeOf estimates the memory of states, in bytes.
func sizeOf(states []any) (bytes int64) {
	for _, state := range states {
		bytes += 64
		switch state := state.(type) {
		case string:
			bytes += int64(len(state))
		case []string:
			bytes += 16 * int64(len(state))
		}
	}
	return bytes
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
