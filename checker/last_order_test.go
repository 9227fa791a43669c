package checker

import (
	"context"
	"fmt"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// tailAround returns the tail of h's first machine with most operations.
func tailAround(t require.TestingT, h history.History, most int) (s *tail, violated bool) {
	m := machines(h.Operations)[0]
	a, err := automatonOf(h, m)
	require.NoError(t, err)
	m.automaton = a
	checked := m.checkedOps()
	v, violated := m.lastEvents(context.Background(), checked)
	return newTail(m, v, checked, most), violated
}

// However short a tail is, some order explains it if and only if one
// explains the history: earlier operations are in the states in which it
// begins.
func TestTailsAreAsPossibleAsTheirHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHistory(t, rapid.IntRange(1, 40).Draw(t, "operations"), 1)
		if rapid.Bool().Draw(t, "corrupted") {
			h = corrupted(t, h)
		}
		s, violated := tailAround(t, h, rapid.IntRange(1, 20).Draw(t, "shown"))
		require.Equal(t, Check(context.Background(), h, Options{}).Status == Violated, violated)
		steps := 0
		possible := porcupine.CheckOperations(s.model(func() bool { steps++; return steps > maxOrderSteps }), s.intervals(s.ops))
		if possible || steps <= maxOrderSteps && !s.truncated {
			require.Equal(t, !violated, possible)
		}
	})
}

// An order begins where the history may have led, leaves out the operation that makes the
// history impossible, and is the same every time.
func TestLastOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHistory(t, rapid.IntRange(1, 30).Draw(t, "operations"), 1)
		if rapid.Bool().Draw(t, "corrupted") {
			h = corrupted(t, h)
		}
		r := Check(t.Context(), h, Options{})
		r.Machine = h.Operations[0].Machine
		order, err := LastOrder(t.Context(), h, r, nil)
		require.NoError(t, err)
		again, err := LastOrder(t.Context(), h, r, nil)
		require.NoError(t, err)
		require.Equal(t, order, again)
		require.LessOrEqual(t, len(order.Steps), order.Of)
		if order.Doubt == "" {
			require.Equal(t, r.Status == Linearizable, order.Complete)
		}
		r.Machine = "lacking/a"
		_, err = LastOrder(t.Context(), h, r, nil)
		require.ErrorContains(t, err, "lacking/a")
	})
}

// The order of a long history is that of its last operations, with the states that they
// lead through.
func TestLastOrderOfALongHistory(t *testing.T) {
	h := history.History{Model: history.ModelRegister}
	const many = 200
	for i := range many {
		h.Operations = append(h.Operations, done(fmt.Sprint("w", i), history.KindWrite, fmt.Sprint(i), "", int64(10*i), int64(10*i+5)))
	}
	h.Operations = append(h.Operations, done("r", history.KindRead, "", "other", 10*many, 10*many+5))
	order, err := LastOrder(t.Context(), h, Check(t.Context(), h, Options{}), nil)
	require.NoError(t, err)
	require.Equal(t, "140", order.From)
	require.Equal(t, OrderStep{"w141", "141"}, order.Steps[0])
	require.Equal(t, OrderStep{"w199", "199"}, order.Steps[len(order.Steps)-1])
	require.Equal(t, Order{From: order.From, Steps: order.Steps, Of: 60, Before: many + 1 - 60}, *order)
}
