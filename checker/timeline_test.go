package checker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/stretchr/testify/require"
)

func TestEvidenceIsWhatContradicts(t *testing.T) {
	read := history.Operation{ID: "c1.1", Machine: "m/a", Kind: history.KindRead, Call: 1e6, Return: 2e6, Outcome: history.Committed, State: "Up", Version: history.NoVersion}
	r := Result{Machine: "m/a"}
	require.Empty(t, r.Evidence())
	r.Contradiction = []history.Operation{read}
	require.Equal(t, "this operation is impossible, whatever the others did:\n  c1.1  |--|  read Up  1ms to 2ms\n", r.Evidence())
	later := read
	later.ID, later.State, later.Call, later.Return = "c1.2", "Down", 3e6, 4e6
	r.Contradiction, r.Premise = []history.Operation{read, later}, "Up"
	require.Equal(t, `these 2 operations contradict each other, given that m/a was Up before, whatever the others did:
  c1.1  |--|        read Up    1ms to 2ms
  c1.2        |--|  read Down  3ms to 4ms
`, r.Evidence())
}

// Of a long contradiction it draws the end, where the culprit is.
func TestEvidenceIsBounded(t *testing.T) {
	var r Result
	for i := range 50 {
		r.Contradiction = append(r.Contradiction, history.Operation{ID: fmt.Sprint("w", i), Kind: history.KindWrite, Argument: "1", Call: int64(i), Return: int64(i), Outcome: history.Committed, Version: history.NoVersion})
	}
	text := r.Evidence()
	require.Contains(t, text, "these 50 operations contradict")
	require.Contains(t, text, "(the first 30 are not drawn)\n  w30 ")
	require.Contains(t, text, "  w49 ")
	require.Equal(t, 22, strings.Count(text, "\n"))
}
