package checker

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
)

// When the read returns it is not yet known that the second proposal is going
// to be rejected: its step may have made the version.
func TestVersionsCountWhatHasNotReturned(t *testing.T) {
	h := largeHistory{}.empty()
	h.Operations = []history.Operation{
		{ID: "c1.1", Kind: history.KindPropose, Argument: "Running", Call: 0, Return: 10, Outcome: history.Committed, Version: 1},
		{ID: "c1.2", Kind: history.KindPropose, Argument: "Stopped", Call: 20, Return: 100, Outcome: history.Rejected, Reason: history.ReasonIllegal, Version: history.NoVersion},
		{ID: "c2.1", Kind: history.KindRead, Call: 30, Return: 40, Outcome: history.Committed, State: "Stopped", Version: 5},
	}
	for i := range h.Operations {
		h.Operations[i].Machine = "lifecycle/a"
	}
	r := Check(t.Context(), h, Options{})
	require.Equal(t, "c2.1", r.Culprit.ID)
	require.Contains(t, r.Explanation, "when Stopped was possible only at version 2;")
}

// anyValue is a register with so many writes of different values, all of
// unknown outcome. One read returns v0, and another a value that was never
// written.
func anyValue(values int) history.History {
	h := history.History{Model: history.ModelRegister}
	for i := range values {
		h.Operations = append(h.Operations, history.Operation{
			Client: i, ID: fmt.Sprint("w", i), Kind: history.KindWrite, Argument: fmt.Sprint("v", i), Call: int64(i), Return: history.NoReturn, Outcome: history.Unknown, Version: history.NoVersion,
		})
	}
	for i, state := range []string{"v0", "other"} {
		at := int64(100 + 20*i)
		h.Operations = append(h.Operations, history.Operation{
			Client: values, ID: fmt.Sprint("r", i), Kind: history.KindRead, State: state, Call: at, Return: at + 10, Outcome: history.Committed, Version: history.NoVersion,
		})
	}
	return h
}

// anyVersion is a machine with one state and so many proposals of unknown
// outcome. Then a read returns a version that it cannot have.
func anyVersion(steps int) history.History {
	h := history.History{Definitions: []fsm.Definition{{Name: "lamp", States: []string{"on"}, Initial: "on", Transitions: []fsm.Transition{{From: "on", To: "on"}}}}}
	for i := range steps {
		h.Operations = append(h.Operations, history.Operation{
			Client: i, ID: fmt.Sprint("p", i), Kind: history.KindPropose, Argument: "on", Call: int64(i), Return: history.NoReturn, Outcome: history.Unknown, Version: history.NoVersion,
		})
	}
	h.Operations = append(h.Operations, history.Operation{Client: steps, ID: "r", Kind: history.KindRead, State: "on", Call: 100, Return: 110, Outcome: history.Committed, Version: 99})
	for i := range h.Operations {
		h.Operations[i].Machine = "lamp/a"
	}
	return h
}

// anyState is a machine that may be in any of so many states. A read returns a
// state that it cannot be in.
func anyState(states int) history.History {
	d := fsm.Definition{Name: "dial", Initial: "s0"}
	for i := range states + 1 {
		d.States = append(d.States, fmt.Sprint("s", i))
		d.Transitions = append(d.Transitions, fsm.Transition{From: "s0", To: fmt.Sprint("s", i)})
	}
	h := history.History{Definitions: []fsm.Definition{d}}
	for i := range states {
		h.Operations = append(h.Operations, history.Operation{
			Client: i, ID: fmt.Sprint("p", i), Kind: history.KindPropose, Argument: fmt.Sprint("s", i), Call: int64(i), Return: history.NoReturn, Outcome: history.Unknown, Version: history.NoVersion,
		})
	}
	h.Operations = append(h.Operations, history.Operation{Client: states, ID: "r", Kind: history.KindRead, State: fmt.Sprint("s", states), Call: 100, Return: 110, Outcome: history.Committed, Version: history.NoVersion})
	for i := range h.Operations {
		h.Operations[i].Machine = "dial/a"
	}
	return h
}

// A sentence lists all possible states, values or versions, or says that its
// list is cut.
func TestSentencesSayThatAListIsCut(t *testing.T) {
	for name, c := range map[string]struct {
		history history.History
		want    string
	}{
		"ten values":        {anyValue(10), "can only have been v0, v1, v2, v3, v4, v5, v6, v7, v8 or v9; "},
		"eleven values":     {anyValue(11), "can only have been v0, v1, v2, v3, v4, v5, v6, v7, v8, v9 or one not listed here; "},
		"ten states":        {anyState(10), "can only have been s0, s1, s2, s3, s4, s5, s6, s7, s8 or s9"},
		"eleven states":     {anyState(11), "can only have been s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 or one not listed here"},
		"ten versions":      {anyVersion(9), "possible only at version 0, 1, 2, 3, 4, 5, 6, 7, 8 or 9"},
		"eleven versions":   {anyVersion(10), "possible only at version 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 or a later one"},
		"thirteen versions": {anyVersion(12), "possible only at version 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 or a later one"},
	} {
		t.Run(name, func(t *testing.T) {
			r := Check(t.Context(), c.history, Options{})
			require.Equal(t, Violated, r.Status)
			require.Contains(t, r.Explanation+"; ", c.want)
		})
	}
}
