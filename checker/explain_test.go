package checker

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// When the read returns nobody knows yet that the second proposal is going to
// be rejected: its step may have made the version.
func TestVersionsCountWhatHasNotReturned(t *testing.T) {
	h := large{}.empty()
	h.Operations = []Operation{
		{ID: "c1.1", Kind: KindPropose, Argument: "Running", Call: 0, Return: 10, Outcome: Committed, Version: 1},
		{ID: "c1.2", Kind: KindPropose, Argument: "Stopped", Call: 20, Return: 100, Outcome: Rejected, Reason: ReasonIllegal, Version: NoVersion},
		{ID: "c2.1", Kind: KindRead, Call: 30, Return: 40, Outcome: Committed, State: "Stopped", Version: 5},
	}
	for i := range h.Operations {
		h.Operations[i].Machine = "lifecycle/a"
	}
	r := Check(t.Context(), h, Options{})
	require.Equal(t, "c2.1", r.Culprit.ID)
	require.Contains(t, r.Explanation, "when Stopped was possible only at version 2;")
}
