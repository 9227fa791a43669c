package checker

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// manyUnknown is a history of a correct register with versions. No value is
// written twice, and many writes are of unknown outcome: some took effect, and
// some of these were read.
func manyUnknown(t *rapid.T, operations int) history.History {
	h := history.History{Model: history.ModelRegister}
	version, value := int64(0), history.NoValue
	for i := range operations {
		at := int64(100 * (i + 1))
		op := history.Operation{
			Client: i, ID: fmt.Sprint("o", i), Kind: history.KindWrite, Argument: fmt.Sprint("v", i), Outcome: history.Committed,
			Call: at - rapid.Int64Range(0, 400).Draw(t, "before"), Return: at + rapid.Int64Range(0, 400).Draw(t, "after"),
		}
		op.Call = max(0, op.Call)
		lost := rapid.SampledFrom([]int{0, 1, 2, 2}).Draw(t, "lost")
		switch {
		case rapid.Bool().Draw(t, "read"):
			op.Kind, op.Argument = history.KindRead, ""
		case lost < 2: // one of two has no effect, and one has an effect without a response
			op.Outcome, op.Reason, op.Return, op.Version = history.Unknown, "timeout", history.NoReturn, history.NoVersion
			if lost == 0 {
				version, value = version+1, op.Argument
			}
			h.Operations = append(h.Operations, op)
			continue
		default:
			version, value = version+1, op.Argument
		}
		op.State, op.Version = value, version
		h.Operations = append(h.Operations, op)
	}
	return h
}

// For a gap the witness takes the unknown step that no later version needs, of
// several the one that is possible soonest. Where no two are equal and all are
// legal, that misses no order.
func TestWitnessKeepsUnknownStepsForVersionsThatNeedThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := manyUnknown(t, rapid.IntRange(50, 300).Draw(t, "operations"))
		m := machines(h.Operations)[0]
		a, err := automatonOf(h, m)
		require.NoError(t, err)
		m.automaton = a
		require.True(t, m.witness(m.checkedOps()))
	})
}
