package checker

import (
	"fmt"
	"math"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/stretchr/testify/require"
)

// after is 300 steps one after another, each with its version, and then ops: so
// late that the monitor has dropped the beginning.
func after(ops ...history.Operation) history.History {
	h := largeHistory{}.empty()
	for i := range int64(300) {
		h.Operations = append(h.Operations, history.Operation{
			ID: fmt.Sprint("p", i+1), Machine: "lifecycle/a", Kind: history.KindPropose, Argument: []string{"Running", "Stopped", "Init"}[i%3],
			Call: 10 * i, Return: 10*i + 5, Outcome: history.Committed, Version: i + 1,
		})
	}
	for i, op := range ops {
		op.ID, op.Machine, op.Call, op.Return, op.Outcome = fmt.Sprint("o", i+1), "lifecycle/a", 4000+10*int64(i), 4005+10*int64(i), history.Committed
		h.Operations = append(h.Operations, op)
	}
	return h
}

func ids(ops []history.Operation) (ids []string) {
	for _, op := range ops {
		ids = append(ids, op.ID)
	}
	return ids
}

// Without a premise a contradiction holds whatever state and version the
// machine began with, even a version passed long before.
func TestContradictionAssumesNoVersion(t *testing.T) {
	untold := history.Operation{Kind: history.KindPropose, Argument: "Running", Version: history.NoVersion}
	stale := history.Operation{Kind: history.KindPropose, Argument: "Running", Version: 5}
	for _, x := range []struct {
		h    history.History
		want []string
	}{
		{after(stale), []string{"p5", "o1"}},
		{after(untold, history.Operation{Kind: history.KindRead, State: "Running", Version: 1}), []string{"p300", "o2"}},
	} {
		r := Check(t.Context(), x.h, Options{Explain: true})
		require.Equal(t, Violated, r.Status)
		require.Empty(t, r.Premise)
		require.Equal(t, x.want, ids(r.Contradiction))
		require.Equal(t, x.want[1], r.Culprit.ID)
	}
}

// The same holds for a value that only a compare and set names.
func TestContradictionAssumesNoValue(t *testing.T) {
	h := after(history.Operation{Kind: history.KindCAS, Expected: "never", Argument: "Running", Version: history.NoVersion})
	h.Model, h.Definitions = history.ModelKV, nil
	for i := range h.Operations[:300] {
		h.Operations[i].Kind = history.KindWrite
	}
	for i := range h.Operations {
		h.Operations[i].Version = history.NoVersion
	}
	r := Check(t.Context(), h, Options{Explain: true})
	require.Equal(t, Violated, r.Status)
	require.Equal(t, []string{"p300", "o1"}, ids(r.Contradiction))
}

// Reported versions may be far apart.
func TestContradictionOfVersionsFarApart(t *testing.T) {
	for _, version := range []int64{1 << 31, 1 << 61, math.MaxInt64} {
		r := Check(t.Context(), after(history.Operation{Kind: history.KindRead, State: "Init", Version: version}), Options{Explain: true})
		require.Equal(t, Violated, r.Status)
		require.NotEmpty(t, r.Contradiction)
	}
}

// A rejected operation that was in flight when a contradiction begins may have had an
// effect. So it explains what came later, and the contradiction has to begin before it.
func TestContradictionDoubtsWhatWasInFlight(t *testing.T) {
	m := lifecycleMachine(
		history.Operation{ID: "asked", Kind: history.KindPropose, Argument: "Stopped", Call: 0, Return: 9, Outcome: history.Rejected, Reason: history.ReasonIllegal},
		history.Operation{ID: "init", Kind: history.KindRead, State: "Init", Call: 3, Return: 3, Outcome: history.Committed},
		history.Operation{ID: "ran", Kind: history.KindPropose, Argument: "Running", Call: 6, Return: 6, Outcome: history.Committed},
		history.Operation{ID: "stopped", Kind: history.KindRead, State: "Stopped", Call: 12, Return: 12, Outcome: history.Committed},
	)
	for begin, contradicts := range []bool{true, false} {
		require.Equal(t, contradicts, newContradiction(m.culpritAfter(t, begin)).find(), "of what comes after %d events", begin)
	}
}

// lifecycleMachine is a machine with operations that tell no versions.
func lifecycleMachine(ops ...history.Operation) machine {
	h := largeHistory{}.empty()
	for i := range ops {
		ops[i].Machine, ops[i].Version = "lifecycle/a", history.NoVersion
	}
	h.Operations = ops
	m := machines(h.Operations)[0]
	m.automaton, _ = automatonOf(h, m)
	return m
}

// culpritAfter is the culprit of a walk over m that has come past calls, so many, when its
// log begins.
func (m machine) culpritAfter(t *testing.T, calls int) culprit {
	source, base := newEvents(m.checkedOps()), newLinearizer(t.Context(), m.automaton, false, DefaultMemory)
	for range calls {
		e, _ := source.next()
		base.call(e.c)
	}
	var log []event
	for e, more := source.next(); more; e, more = source.next() {
		log = append(log, e)
	}
	return culprit{m, newRefutation(base, false, log)}
}

// So may one that had no effect for certain: that it had none is part of the contradiction.
func TestContradictionNamesWhatHadNoEffect(t *testing.T) {
	m := lifecycleMachine(
		history.Operation{ID: "asked", Kind: history.KindPropose, Argument: "Running", Call: 0, Return: 9, Outcome: history.Rejected, Reason: "conflict"},
		history.Operation{ID: "init", Kind: history.KindRead, State: "Init", Call: 3, Return: 3, Outcome: history.Committed},
		history.Operation{ID: "ran", Kind: history.KindRead, State: "Running", Call: 12, Return: 12, Outcome: history.Committed},
	)
	_, operations := m.culpritAfter(t, 1).contradiction()
	require.Equal(t, []string{"asked", "init", "ran"}, ids(operations))
}
