package scenarios_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/workload"
	"github.com/lockstep-dst/lockstep/sim/fieldtest"
)

// A field that no seed sets is a setting that no campaign tests.
func TestSeedsSetEveryField(t *testing.T) {
	all := scenarios.Shape{System: "lockstep", Definitions: []fsm.Definition{fsm.Lifecycle()}, Profile: scenarios.All}
	all.Versions, all.Retires, all.OperationIDs, all.Majority, all.Forms, all.Batches, all.Connections = true, true, true, true, true, true, true
	all.ProvesLoss, all.Creates = true, true
	all.Stops, all.Reconfigures, all.Levels = true, true, 4
	var plans []*scenarios.Plan
	for seed := range uint64(3000) {
		plans = append(plans, scenarios.Generate(seed, all))
	}
	other := scenarios.Shape{System: "other", Workload: workload.CASRegister(), Profile: scenarios.All, Knobs: []scenarios.Knob{
		{Name: "limit", Min: 1, Max: 9, Default: 1}, {Name: "pause", Unit: scenarios.Time, Min: 1, Max: 9, Default: 1},
	}}
	for seed := range uint64(100) {
		plans = append(plans, scenarios.Generate(seed, other))
	}
	require.Equal(t, map[string][]string{"Plan": slices.Concat(
		[]string{"Plan.Faults[1].Aim"}, // campaigns aim, see campaign.TestAimedSeedsSetTheirFields
		[]string{ // shrink writes down the choices of the network
			"Plan.Overrides[1].Message.Link.From", "Plan.Overrides[1].Message.Link.To", "Plan.Overrides[1].Message.Name", "Plan.Overrides[1].Message.Occurrence",
			"Plan.Overrides[1].Override.Fate", "Plan.Overrides[1].Override.Delay", "Plan.Overrides[1].Override.Duplicate", "Plan.Overrides[1].Override.Copy", "Plan.Overrides[1].Override.Break", "Plan.Overrides",
		},
	)}, fieldtest.Unset(fieldtest.Walker{}, plans))
}
