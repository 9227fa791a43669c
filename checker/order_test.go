package checker

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// An order explains a history exactly if the twin can carry it out. Most orders here are
// that in which the operations took effect, with a few changes.
func TestAgreesOnOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHistory(t, rapid.IntRange(1, 9).Draw(t, "operations"), 1)
		if rapid.Bool().Draw(t, "lies") {
			h = corrupted(t, h)
		}
		var took []string // in order of effect
		for i := range h.Operations {
			op := &h.Operations[i]
			op.Version = history.NoVersion
			if tookEffect(op) || rapid.Bool().Draw(t, "took effect") {
				took = append(took, op.ID)
			}
		}
		m := machines(h.Operations)[0]
		m.automaton, _ = automatonOf(h, m)
		var order []int32
		for _, id := range took {
			order = append(order, int32(slices.IndexFunc(m.operations, func(op *history.Operation) bool { return op.ID == id })))
		}
		order = changed(t, order, len(m.operations))
		require.Equal(t, newTwin(h).carriesOut(m.operations, order), m.explainedBy(m.checkedOps(), order))
	})
}

// changed returns an order with some changes.
func changed(t *rapid.T, order []int32, operations int) []int32 {
	for range rapid.SampledFrom([]int{0, 0, 1, 2, 3}).Draw(t, "changes") {
		if len(order) == 0 {
			break
		}
		i := rapid.IntRange(0, len(order)-1).Draw(t, "at")
		switch rapid.IntRange(0, 2).Draw(t, "change") {
		case 0:
			order = slices.Delete(order, i, i+1)
		case 1:
			order = slices.Insert(order, i, int32(rapid.IntRange(0, operations-1).Draw(t, "again")))
		case 2:
			j := rapid.IntRange(0, len(order)-1).Draw(t, "with")
			order[i], order[j] = order[j], order[i]
		}
	}
	return order
}

// Pilots that lead a scout for long drop the steps that led nowhere, and know the others.
func TestScoutExplainsLargeHistories(t *testing.T) {
	for _, s := range []shape{
		{model: history.ModelMachine, clients: 20, states: 10, unknown: 50},
		{model: history.ModelCASRegister, clients: 20, values: 5},
		{model: history.ModelRegister, clients: 20, values: 1000, unknown: 50},
	} {
		s.operations = 4000
		t.Run(s.String(), func(t *testing.T) {
			h := s.history(1)
			m := machines(h.Operations)[0]
			m.automaton, _ = automatonOf(h, m)
			scout := newScout(t.Context(), m, m.checkedOps(), DefaultMemory)
			scout.free = 1 << 30
			require.True(t, scout.run())
			require.True(t, scout.explains())
		})
	}
}
