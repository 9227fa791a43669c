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
	s.free = rapid.SampledFrom([]int{1 << 30, 1 << 30, 1 << 30, 100, 0}).Draw(t, "free work")
	return s
}

// anyScout is a hasty scout of a small history, the versions of which are not told.
func anyScout(t *rapid.T, operations int) (history.History, *scout) {
	h := corrupted(t, anyHistory(t, rapid.IntRange(1, operations).Draw(t, "operations"), 1))
	for i := range h.Operations {
		h.Operations[i].Version = history.NoVersion
	}
	m := machines(h.Operations)[0]
	a, err := automatonOf(h, m)
	require.NoError(t, err)
	m.automaton = a
	return h, hastyScout(t, m, m.checkedOps())
}

// A scout that comes to the end has found an order, and what a pilot disproved on its
// way has none.
func TestAgreesOnScouts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, s := anyScout(t, 100)
		truth := s.decide(s.ops, false)
		if s.run() {
			require.Equal(t, possible, truth)
			require.True(t, s.explains(), "its order must explain the history")
		} else if s.disproved() {
			require.Equal(t, impossible, truth)
			requireSameCulprit(t, s.machine, s.ops, s.leader.refute())
		} else if s.rival != nil {
			s.rival.run()
			require.Equal(t, truth == impossible, s.rival.impossible())
		}
	})
}

// The naive checker confirms the disproofs of a scout's pilots: no order explains the
// contradiction, whatever the other operations did.
func TestAgreesOnContradictionsOfScouts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, s := anyScout(t, 7)
		if s.run() || !s.disproved() {
			return
		}
		v := s.leader.refute()
		if v.inconclusive {
			return
		}
		_, operations := culprit{s.machine, v}.contradiction()
		kept := map[string]bool{}
		for _, op := range operations {
			kept[op.ID] = true
		}
		require.False(t, newBruteForce(h).doubting(kept, v.culprit().ret), "%v\n%s of\n%s", h.Definitions, Timeline(operations), Timeline(h.Operations))
	})
}

// What a scout undoes leaves it as it was.
func TestScoutUndoesAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, s := anyScout(t, 100)
		s.run()
		s.undoTo(0)
		fresh := newScout(context.Background(), s.machine, s.ops, DefaultMemory)
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
