package checker

import (
	"context"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestAgreement checks that every checker gives the same verdict on small
// histories of all sorts. Run it with -rapid.checks=1000000 after any change of
// a checker. TestWrongCheckersAreFoundOut shows that it finds bugs in each.
func TestAgreement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := corrupted(t, anyHistory(t, rapid.IntRange(0, 14).Draw(t, "operations"), 1))
		for _, m := range machines(h.Operations) {
			a, err := automatonOf(h, m)
			require.NoError(t, err)
			m.automaton = a
			checked := m.checkedOps()
			truth := m.search(context.Background(), checked, 1<<40)
			require.NotEqual(t, unsure, truth)
			requireAgreement(t, m, checked, truth)
		}
	})
}

func requireAgreement(t *rapid.T, m machine, checked []checkedOp, truth feasibility) {
	if m.witness(checked) {
		require.Equal(t, possible, truth, "the witness found an order")
	} else if truth == possible && m.forced(checked) {
		t.Fatal("the witness found no order")
	}
	require.Equal(t, truth, m.decide(checked, hasVersions(checked)), "just-in-time linearization")
	if !hasVersions(checked) {
		require.Equal(t, truth, m.decide(checked, true), "versions nobody is told of tell nothing")
	}
}

// decide returns the verdict of the linearizer alone.
func (m machine) decide(checked []checkedOp, counted bool) feasibility {
	j := newMonitor(context.Background(), m.automaton, counted, 1<<30)
	source := newEvents(checked)
	for e, more := source.next(); more; e, more = source.next() {
		if !j.add(e) {
			return impossible
		}
	}
	return possible
}

// forced reports whether versions leave the witness no choice: all known
// operations report one, and every step that made one is known.
func (m machine) forced(checked []checkedOp) bool {
	made, highest := map[int64]bool{}, int64(0)
	for i := range checked {
		switch c := &checked[i]; {
		case c.meaning == unknownStep || c.meaning == noEffect:
		case c.version == history.NoVersion:
			return false
		default:
			highest = max(highest, c.version)
			made[c.version] = made[c.version] || c.meaning == committedStep
		}
	}
	for version := range highest {
		if !made[version+1] {
			return false
		}
	}
	return true
}

// Few operations leave time for a naive checker.
func TestAgreesWithBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := corrupted(t, anyHistory(t, rapid.IntRange(0, 6).Draw(t, "operations"), 1))
		w := newBruteForce(h)
		r := Check(context.Background(), h, Options{Explain: true})
		if w.linearizable() {
			require.Equal(t, Result{Status: Linearizable}, r)
			return
		}
		require.Equal(t, Violated, r.Status)
		require.Equal(t, w.culprit(), r.Culprit.ID)
		require.NotEmpty(t, r.Class)
		require.NotContains(t, r.Explanation, "no order explains,")
		require.NotEmpty(t, r.Contradiction)
	})
}

// A contradiction is one whatever the other operations did, and it needs each
// of its own. The naive checker confirms that for six operations: an operation
// left out happened in its interval or not at all, and its response is ignored.
func TestContradictionContradicts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := corrupted(t, anyHistory(t, rapid.IntRange(1, 6).Draw(t, "operations"), 1))
		r := Check(context.Background(), h, Options{Explain: true})
		if r.Status != Violated {
			return
		}
		kept := map[string]bool{}
		for _, op := range r.Contradiction {
			kept[op.ID] = true
		}
		require.False(t, newBruteForce(h).doubting(kept, r.Culprit.Return), "%s", Timeline(r.Contradiction))
	})
}
