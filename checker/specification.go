package checker

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// specState is the specification's memory of one machine. The search compares
// and boxes registers all the time: it is small and holds no pointers.
//
// Versions need no switch for systems that have none: which operations are
// placed decides the version (each that is placed took one step, or none ever),
// so it never tells two states of the search apart.
type specState struct {
	takenUnknown uint64 // the unknown proposals that took effect, see pairTwins
	version      int64
	state        int32
}

// historyEnded is the state once history has ended.
const historyEnded int32 = -1

func (a *automaton) start() specState { return specState{state: a.initial} }

// step is the sequential specification: what r becomes if c happens next, and
// whether it can.
//
// An unknown proposal takes effect once, at any instant after its call, or
// never. The search must place every operation, so "never" needs a place: the
// claim closing comes after every return, and once it is placed whatever is
// left changes nothing. No operation is lost by this (a proposal that never
// took effect, or found its step illegal, is placed after closing, its
// interval being endless) and none invented (one placed before closing found
// its step legal, just as if it had reached the machine then). To have it
// placed with no effect before closing too would be right but slow, as the
// search would try both.
func (a *automaton) step(r specState, c *checkedOp) (specState, bool) {
	switch c.meaning {
	case committedRead, rejectedIllegal:
		return r, a.holdsIn(r.state, r.version, c)
	case committedStep:
		if !a.allows(r.state, c) {
			return r, false
		}
		r.version, r.state = r.version+1, c.to
		return r, c.matches(r.state, r.version)
	case unknownStep:
		if r.state == historyEnded {
			return r, true
		}
		if !a.allows(r.state, c) || r.takenUnknown&c.prior != c.prior {
			return r, false
		}
		return specState{r.takenUnknown | c.bit, r.version + 1, c.to}, true
	default:
		return specState{state: historyEnded}, true
	}
}

// orderUnknownSteps makes unknown proposals of one state take effect in order of call.
// They are interchangeable: if a later called one took effect first, they can
// swap places, as the earlier one's interval covers that place too and neither
// ever ends. This spares the search most of the subsets of unknown operations:
// to refute forty of them, of three states, takes 0.1 ms instead of 10 s. From
// the 65th on the search does without. The claims are in order of call.
func (a *automaton) orderUnknownSteps(checked []checkedOp) {
	last := map[[2]int32]uint64{} // by step
	next := uint64(1)
	for i := range checked {
		if c := &checked[i]; c.meaning == unknownStep {
			kind := [2]int32{c.from, c.to}
			c.bit, c.prior, last[kind] = next, last[kind], next
			next <<= 1
		}
	}
}

// model is the specification in Porcupine's terms. Inputs are *claim; outputs
// are in them too. Once stop reports true, nothing fits any more and the
// search runs dry.
func (a *automaton) model(stop func() bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return a.start() },
		Step: func(state, input, _ any) (bool, any) {
			if stop() {
				return false, state
			}
			next, fits := a.step(state.(specState), input.(*checkedOp))
			if !fits {
				return false, state
			}
			return true, next
		},
		Equal:             func(x, y any) bool { return x.(specState) == y.(specState) },
		DescribeOperation: func(input, _ any) string { return input.(*checkedOp).describe() },
		DescribeState:     func(state any) string { return a.describe(state.(specState)) },
	}
}

func (c *checkedOp) describe() string {
	switch c.meaning {
	case historyEnd:
		return "end of history"
	case unknownStep:
		return fmt.Sprintf("%s may commit %s", c.op.ID, c.op.Argument)
	default:
		return c.op.ID + " " + describeOperation(c.op)
	}
}

func (a *automaton) describe(r specState) string {
	if r.state == historyEnded {
		return "end of history"
	}
	return fmt.Sprintf("%s, version %d", a.states[r.state], r.version)
}
