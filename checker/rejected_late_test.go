package checker

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
)

// A rejection that comes after hundreds of operations is the culprit if another operation
// has seen its effect meanwhile: until then it might have been in flight with one.
func TestRejectedAfterMuchElse(t *testing.T) {
	const others = 4 * rebaseAfter
	ops := []history.Operation{{ID: "c1.1", Machine: "lifecycle/a", Kind: history.KindPropose, Argument: "Running", Call: 1,
		Return: 10_000, Outcome: history.Rejected, Reason: "overloaded", Version: history.NoVersion}}
	read := func(i int, state string) history.Operation {
		return history.Operation{ID: fmt.Sprintf("c2.%d", i), Machine: "lifecycle/a", Kind: history.KindRead,
			Call: int64(10 * i), Return: int64(10*i + 5), Outcome: history.Committed, State: state, Version: history.NoVersion}
	}
	for i := 1; i <= others; i++ {
		ops = append(ops, read(i, "Init"))
	}
	ops = append(ops, read(others+1, "Running"))
	h := history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}, Operations: ops}
	check := func(r Result) {
		require.Equal(t, Violated, r.Status, r.Explanation)
		require.Equal(t, "c1.1", r.Culprit.ID)
		require.Equal(t, ClassRejectedEffect, r.Class)
	}
	check(Check(t.Context(), h, Options{}))

	s := NewStream(t.Context(), h, Options{})
	for i := range ops {
		require.NoError(t, s.Add(ops[i]))
	}
	check(s.Finish())
}

// A rejected write is the culprit if its value was read of a key that is appended to: until
// it returned it might have been carried out, before the read.
func TestRejectedWriteThatWasRead(t *testing.T) {
	h := history.History{Model: history.ModelKV, Operations: []history.Operation{
		{ID: "append", Kind: history.KindAppend, Argument: "a", Call: 0, Return: 5, Outcome: history.Committed},
		{ID: "read", Kind: history.KindRead, State: "b", Call: 2, Return: 20, Outcome: history.Committed},
		{ID: "write", Kind: history.KindWrite, Argument: "b", Call: 10, Return: 30, Outcome: history.Rejected, Reason: "overloaded"},
	}}
	for i := range h.Operations {
		h.Operations[i].Machine, h.Operations[i].Version = "key", history.NoVersion
	}
	r := Check(t.Context(), h, Options{Explain: true})
	require.Equal(t, Violated, r.Status, r.Explanation)
	require.Equal(t, "write", r.Culprit.ID)
}
