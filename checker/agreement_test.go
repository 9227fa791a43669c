package checker

import (
	"context"
	"fmt"
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

// The plan for the gaps between the versions of a register is complete if all
// unknown operations are blind writes, and sound in any case.
func TestAgreesOnGaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := gappedHistory(t)
		m := machines(h.Operations)[0]
		m.automaton = newRegister("")
		checked := m.checkedOps()
		order, told := byVersion(checked)
		require.True(t, told)
		w := witnessWalk{automaton: m.automaton, ops: checked, rest: order}
		planned := w.plan(order) && w.walk()
		truth := m.search(context.Background(), checked, 1<<40) == possible
		if h.Model == history.ModelRegister {
			require.Equal(t, truth, planned)
		} else if planned {
			require.True(t, truth)
		}
	})
}

// gappedHistory is a history of one register that reports all versions, with
// many unknown operations.
func gappedHistory(t *rapid.T) history.History {
	values := []string{"1", "2", "3"}
	spread := rapid.SampledFrom([]int64{4, 12, 40}).Draw(t, "spread")
	h := history.History{Model: rapid.SampledFrom([]history.Model{history.ModelRegister, history.ModelCASRegister}).Draw(t, "model")}
	value, version := history.NoValue, int64(0)
	for i := range rapid.IntRange(1, 12).Draw(t, "operations") {
		instant := int64(1000 + 3*i)
		op := history.Operation{
			Client: i, ID: fmt.Sprint("o", i), Machine: "r", Kind: history.KindRead, Outcome: history.Committed,
			Call:   instant - rapid.Int64Range(0, spread).Draw(t, "sooner"),
			Return: instant + rapid.Int64Range(0, spread).Draw(t, "later"),
		}
		if rapid.IntRange(0, 3).Draw(t, "write") > 0 {
			op.Kind, op.Argument = history.KindWrite, rapid.SampledFrom(values).Draw(t, "value")
			if h.Model == history.ModelCASRegister && rapid.Bool().Draw(t, "cas") {
				op.Kind, op.Expected = history.KindCAS, value
			}
			value, version = op.Argument, version+1
		}
		op.Version = version
		if op.Kind == history.KindRead {
			op.State = value
		} else if rapid.IntRange(0, 2).Draw(t, "unknown") > 0 {
			op.Outcome, op.Reason, op.Version = history.Unknown, "timeout", history.NoVersion
		}
		if op.Kind == history.KindRead && rapid.IntRange(0, 9).Draw(t, "lie") == 0 {
			op.State = rapid.SampledFrom(values).Draw(t, "wrong")
		}
		h.Operations = append(h.Operations, op)
	}
	return h
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
