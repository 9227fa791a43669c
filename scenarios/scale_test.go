package scenarios_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
)

// A share of the seeds have many machines, names at their limits, and definitions that
// share the names of states.
func TestScale(t *testing.T) {
	s := shape(scenarios.All)
	s.Definitions = []fsm.Definition{fsm.Lifecycle()}
	many, longest, definitions := 0, 0, 0
	for seed := range uint64(1000) {
		p := scenarios.Generate(seed, s)
		machines := p.Machines()
		if len(machines) > 64 {
			many++
			require.GreaterOrEqual(t, p.Heal.Within, netmodel.Second*netmodel.Duration(len(machines)), "a fresh operation on each, one after the other")
		}
		for _, key := range machines {
			_, name, err := fsm.SplitKey(key)
			require.NoError(t, err)
			if len(name) == fsm.MaxName {
				longest++
			}
		}
		if len(p.Definitions) > 1 {
			definitions++
			require.ElementsMatch(t, p.Definitions[0].States, p.Definitions[1].States)
			require.Len(t, p.Definitions[2].Name, fsm.MaxName)
		}
	}
	require.InDelta(t, 30, many, 15)
	require.InDelta(t, 100, definitions, 30)
	require.Positive(t, longest)

	s.Definitions = []fsm.Definition{{Name: "lamp", States: []string{"off", "on"}, Initial: "off", Transitions: []fsm.Transition{{From: "off", To: "on"}}}}
	for seed := range uint64(100) {
		require.Len(t, scenarios.Generate(seed, s).Definitions, 1, "a user's definition stays the only one")
	}
}
