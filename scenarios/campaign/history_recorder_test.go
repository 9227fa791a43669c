package campaign

import (
	"testing"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
)

// Each kind and outcome of a run has its own in a history, under the same name; no
// other text has one.
func TestKindsAndOutcomesInHistories(t *testing.T) {
	for _, k := range []scenarios.Kind{scenarios.Propose, scenarios.Read} {
		require.Equal(t, checker.Kind(k), kindInHistory(k))
	}
	for _, o := range []scenarios.Outcome{scenarios.Committed, scenarios.Rejected, scenarios.Unknown} {
		require.Equal(t, checker.Outcome(o), outcomeInHistory(o))
	}
	require.Panics(t, func() { kindInHistory("write") })
	require.Panics(t, func() { outcomeInHistory("") })
}
