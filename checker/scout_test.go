package checker

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// hastyScout calls a pilot after few dead ends, and lets it lead for a short while:
// few operations get it into trouble more than once.
func hastyScout(t *rapid.T, m machine, checked []checkedOp) *scout {
	s := newScout(context.Background(), m, checked, DefaultMemory)
	s.patience = rapid.IntRange(1, 5).Draw(t, "patience")
	s.life = 4 * rapid.IntRange(1, 4).Draw(t, "life")
	return s
}

// A scout that comes to the end has found an order, and what a pilot disproved on its
// way has none.
func TestAgreesOnScouts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := corrupted(t, anyHistory(t, rapid.IntRange(1, 100).Draw(t, "operations"), 1))
		m := machines(h.Operations)[0]
		a, err := automatonOf(h, m)
		require.NoError(t, err)
		m.automaton = a
		checked := m.checkedOps()
		for i := range checked {
			checked[i].version = history.NoVersion
		}
		s := hastyScout(t, m, checked)
		truth := m.decide(checked, false)
		if s.run() {
			require.Equal(t, possible, truth)
			require.True(t, s.explains(), "its order must explain the history")
		} else if s.disproved() {
			require.Equal(t, impossible, truth)
			requireSameCulprit(t, m, checked, s.leader.refute())
		}
	})
}

// What a scout undoes leaves it as it was.
func TestScoutUndoesAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHistory(t, rapid.IntRange(1, 100).Draw(t, "operations"), 1)
		m := machines(h.Operations)[0]
		a, err := automatonOf(h, m)
		require.NoError(t, err)
		m.automaton = a
		checked := m.checkedOps()
		for i := range checked {
			checked[i].version = history.NoVersion
		}
		s := hastyScout(t, m, checked)
		s.run()
		s.undoTo(0)
		fresh := newScout(context.Background(), m, checked, DefaultMemory)
		require.Equal(t, fresh.state, s.state)
		require.Equal(t, fresh.events, s.events)
		require.Equal(t, fresh.lookahead, s.lookahead)
		require.Empty(t, s.order)
		require.Empty(t, s.steps)
		require.Empty(t, s.observers)
		require.Empty(t, s.journal)
		require.Empty(t, s.stages)
		require.Zero(t, s.endless)
		for _, k := range s.unknown.kinds {
			require.Zero(t, k.called)
			require.Zero(t, k.left)
		}
	})
}
