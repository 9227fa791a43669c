package checker

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// distinctValues is a history of one register in which no value is written
// twice, with up to two wrong operations.
func distinctValues(t *rapid.T, operations int) history.History {
	h := history.History{Model: rapid.SampledFrom([]history.Model{history.ModelRegister, history.ModelCASRegister}).Draw(t, "model")}
	spread := rapid.SampledFrom([]int64{4, 12, 40}).Draw(t, "spread")
	unknown := rapid.SampledFrom([]int{0, 1, 4}).Draw(t, "unknown")
	fails := rapid.SampledFrom([]int{1, 3}).Draw(t, "fails") // of four compare and sets
	told := rapid.Bool().Draw(t, "told")
	values := []string{history.NoValue}
	value := history.NoValue
	for i := range operations {
		instant := int64(1000 + 3*i)
		op := history.Operation{
			Client: i, ID: fmt.Sprint("o", i), Machine: "r", Kind: history.KindRead, Outcome: history.Committed, Version: history.NoVersion,
			Call:   instant - rapid.Int64Range(0, spread).Draw(t, "sooner"),
			Return: instant + rapid.Int64Range(0, spread).Draw(t, "later"),
		}
		if rapid.Bool().Draw(t, "write") {
			op.Kind, op.Argument = history.KindWrite, fmt.Sprint(len(values))
			values = append(values, op.Argument)
			if h.Model == history.ModelCASRegister && rapid.IntRange(0, 3).Draw(t, "cas") > 0 {
				op.Kind, op.Expected = history.KindCAS, value
				if rapid.IntRange(0, 3).Draw(t, "fail") < fails {
					op.Expected = rapid.SampledFrom(values[:len(values)-1]).Draw(t, "expected")
				}
			}
		}
		switch {
		case op.Kind == history.KindRead:
			op.State = value
		case rapid.IntRange(0, 9).Draw(t, "unknown") < unknown:
			op.Outcome, op.Reason = history.Unknown, "timeout"
			if rapid.Bool().Draw(t, "carried out") && (op.Kind == history.KindWrite || op.Expected == value) {
				value = op.Argument
			}
		case rapid.IntRange(0, 9).Draw(t, "overloaded") == 0:
			op.Outcome, op.Reason = history.Rejected, "overloaded"
		case op.Kind == history.KindCAS && op.Expected != value:
			op.Outcome, op.Reason = history.Rejected, history.ReasonIllegal
			if told && rapid.Bool().Draw(t, "tell") {
				op.State = value
			}
		default:
			value = op.Argument
		}
		h.Operations = append(h.Operations, op)
	}
	for range rapid.IntRange(0, 2).Draw(t, "lies") {
		op := &h.Operations[rapid.IntRange(0, operations-1).Draw(t, "operation")]
		switch lie := rapid.IntRange(0, 4).Draw(t, "lie"); {
		case lie == 0 && op.State != "":
			op.State = rapid.SampledFrom(values).Draw(t, "state")
		case lie == 1:
			op.Call += 20
			op.Return += 20
		case lie == 2 && op.Kind != history.KindRead && op.Outcome == history.Committed:
			op.Outcome, op.Reason, op.State = history.Rejected, "conflict", ""
		case lie == 3 && op.Kind == history.KindCAS && op.Outcome == history.Committed:
			op.Outcome, op.Reason = history.Rejected, history.ReasonIllegal
		case lie == 4 && op.Reason == history.ReasonIllegal:
			op.Expected = rapid.SampledFrom(values).Draw(t, "expected")
		}
	}
	return h
}

// Clusters agree with Porcupine, and are unsure only of rejections that do not
// name the value found.
func TestAgreesOnClusters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := distinctValues(t, rapid.IntRange(1, 14).Draw(t, "operations"))
		m := machines(h.Operations)[0]
		m.automaton = newRegister("")
		checked := m.checkedOps()
		c, fit := newClusters(m.automaton, checked)
		if !fit {
			return // a rejection names the value that it expected
		}
		truth := m.search(context.Background(), checked, 1<<40)
		_, verdict := c.conflict(excerpt{last: int32(len(c.returns) - 1)})
		if verdict != unsure || !namelessRejection(h) {
			require.Equal(t, truth, verdict)
		}
	})
}

// Of two rejections one after the other, the second cannot have found an earlier
// value than the first.
func TestAgreesOnRejectionsInOrder(t *testing.T) {
	cas := func(id, expected, argument string, call, ret int64) history.Operation {
		op := done(id, history.KindCAS, argument, "", call, ret)
		op.Expected = expected
		return op
	}
	h := history.History{Model: history.ModelCASRegister, Operations: []history.Operation{
		cas("o1", history.NoValue, "a", 0, 10), cas("o2", "a", "b", 20, 100), cas("o3", "a", "c", 30, 40), {},
	}}
	reject := func(i int) { h.Operations[i].Outcome, h.Operations[i].Reason = history.Rejected, history.ReasonIllegal }
	reject(2)
	h.Operations[3] = cas("o4", "a", "d", 50, 60)
	reject(3)
	require.Equal(t, Linearizable, Check(t.Context(), h, Options{}).Status, "both found b")
	h.Operations[3].Expected = "b"
	require.Equal(t, Violated, Check(t.Context(), h, Options{}).Status, "the first found b, the second did not")
}

func namelessRejection(h history.History) bool {
	for _, op := range h.Operations {
		if op.Reason == history.ReasonIllegal && op.State == "" {
			return true
		}
	}
	return false
}

// The naive checker confirms culprit and contradiction.
func TestAgreesOnCulpritsOfClusters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := distinctValues(t, rapid.IntRange(1, 6).Draw(t, "operations"))
		m := machines(h.Operations)[0]
		m.automaton = newRegister("")
		r, decided := m.checkClusters(context.Background(), m.checkedOps(), Options{Explain: true})
		if !decided {
			return
		}
		w := newBruteForce(h)
		if w.linearizable() {
			require.Equal(t, Result{Status: Linearizable}, r)
			return
		}
		require.Equal(t, w.culprit(), r.Culprit.ID)
		require.NotEmpty(t, r.Class)
		require.NotContains(t, r.Explanation, "no order explains,")
		if !namelessRejection(h) { // or else not all is sure
			requireContradiction(t, w, r)
			walk := m.walked(m.checkedOps())
			require.Equal(t, walk.Class, r.Class)
			require.Equal(t, walk.Explanation, r.Explanation)
		}
	})
}

// walked returns the verdict of the linearizer alone, with its explanation.
func (m machine) walked(checked []checkedOp) Result {
	p := newPilot(context.Background(), m, checked, DefaultMemory)
	p.run()
	if !p.impossible() {
		return Result{Status: Linearizable}
	}
	return m.violation(p.refute(), Options{})
}
