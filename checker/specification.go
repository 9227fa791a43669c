package checker

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// specState is the state of one machine in the specification. The search
// compares and boxes it all the time, so it is small and has no pointers.
//
// Counting versions costs nothing for systems without versions: the set of
// placed operations determines the version (each took one step, or none in any
// order), so the version never distinguishes two states of the search.
type specState struct {
	takenUnknown uint64 // unknown proposals that took effect, see orderUnknownSteps
	version      int64
	state        int32
}

// historyEnded is the state after historyEnd.
const historyEnded int32 = -1

func (a *automaton) start() specState { return specState{state: a.initial} }

// step is the sequential specification: it returns the state after c in state
// r, and whether c is possible there.
//
// An unknown proposal takes effect once, at any instant after its call, or
// never. The search must place every operation, so "never" needs a place:
// historyEnd comes after every return, and operations placed after it change
// nothing. No behaviour is lost by this: a proposal that never took effect, or
// whose step was illegal, is placed after historyEnd, as its interval is
// endless. None is invented: one placed before historyEnd takes a legal step,
// as if it had reached the machine then. To place it without effect before
// historyEnd, too, would be right but slow, as the search would try both.
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

// orderUnknownSteps makes unknown proposals of one step take effect in order of
// call. They are interchangeable: if a later called one took effect first, the
// two can swap places, as the earlier one's interval covers that place, too,
// and neither ever ends. This spares the search most subsets of unknown
// operations: to refute forty of them, of three states, takes 0.1 ms instead of
// 10 s. From the 65th on there are no bits left, and the search does without.
// checked is in order of call.
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

// model returns the specification in Porcupine's terms. Inputs are *checkedOp
// and include the outputs. Once stop reports true, no step fits any more and
// the search ends.
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
