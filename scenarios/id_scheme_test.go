package scenarios_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
)

// planWith is a valid plan with the given operations; all propose on the same
// machine.
func planWith(ops ...scenarios.Operation) *scenarios.Plan {
	p := scenarios.Generate(1, scenarios.Shape{
		System: "lockstep", Definitions: []fsm.Definition{fsm.Lifecycle()}, Profile: scenarios.None, Nodes: 3, Clients: 2, Operations: 1,
	})
	p.Operations = nil
	for _, o := range ops {
		o.Key, o.Kind = "lifecycle/a", scenarios.Propose
		p.Operations = append(p.Operations, o)
	}
	return p
}

// Two operations under one id are one if they request the same transition, whatever
// their clients. Then they expect the same.
func TestWhatRepeats(t *testing.T) {
	first := scenarios.Operation{ID: "c1.1", Client: 1, Argument: "Running", IDScheme: scenarios.OwnID}
	again := scenarios.Operation{ID: "c1.2", Client: 1, Argument: "Running", IDScheme: scenarios.OwnID, IDOf: "c1.1", Watermark: 9}
	other := scenarios.Operation{ID: "c2.1", Client: 2, Argument: "Stopped", IDScheme: scenarios.OwnID, IDOf: "c1.1"}
	heir := scenarios.Operation{ID: "c1.3", Client: 1, Argument: "Stopped", IDScheme: scenarios.OwnID, IDOf: "c1.1"}
	p := planWith(first, again, other)
	require.NoError(t, p.Validate())
	require.Nil(t, p.FirstWithSameID(&p.Operations[0]))
	require.Equal(t, &p.Operations[0], p.FirstWithSameID(&p.Operations[1]))
	require.Nil(t, p.FirstWithSameID(&p.Operations[2]))
	p = planWith(first, other, heir)
	require.NoError(t, p.Validate())
	require.Equal(t, &p.Operations[1], p.FirstWithSameID(&p.Operations[2]))
	version := uint64(3)
	again.Expect = &version
	require.ErrorContains(t, planWith(first, again).Validate(), `operations[1].id_of: "c1.1": c1.1 requests Running with it: for the same request, want the same expect`)
}

// The generator uses every id scheme, repeats ids, and reuses them for other
// transitions; its plans are valid.
func TestEveryIDSchemeIsGenerated(t *testing.T) {
	shape := scenarios.Shape{System: "lockstep", Definitions: []fsm.Definition{fsm.Lifecycle()}, Profile: scenarios.All, OperationIDs: true, Versions: true}
	manners, repeated, handedOver, other := map[scenarios.IDScheme]int{}, 0, 0, 0
	for seed := range uint64(600) {
		p := scenarios.Generate(seed, shape)
		require.NoError(t, p.Validate())
		for i := range p.Operations {
			o := &p.Operations[i]
			manners[o.IDScheme]++
			switch {
			case o.IDOf == "":
			case p.FirstWithSameID(o) != nil && p.FirstWithSameID(o).Client != o.Client:
				handedOver++
			case p.FirstWithSameID(o) != nil:
				repeated++
			default:
				other++
			}
		}
	}
	for _, m := range []scenarios.IDScheme{scenarios.SessionID, scenarios.OwnID, scenarios.ForgedID, scenarios.NoID} {
		require.Greater(t, manners[m], 100, "%q", m)
	}
	require.Greater(t, repeated, 30)
	require.Greater(t, handedOver, 30)
	require.Greater(t, other, 30)
	shape.OperationIDs = false
	for _, o := range scenarios.Generate(1, shape).Operations {
		require.Zero(t, o.IDScheme)
	}
}
