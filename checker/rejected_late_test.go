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
