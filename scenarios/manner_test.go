package scenarios_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
)

// named is a valid plan with the operations that are given; all propose on the same
// machine.
func named(ops ...scenarios.Operation) *scenarios.Plan {
	p := scenarios.Generate(1, scenarios.Shape{
		System: "lockstep", Definitions: []fsm.Definition{fsm.Lifecycle()}, Profile: scenarios.None, Nodes: 3, Clients: 2, Operations: 1,
	})
	p.Operations = nil
	for _, o := range ops {
		o.Machine, o.Kind = "lifecycle/a", scenarios.Propose
		p.Operations = append(p.Operations, o)
	}
	return p
}

// Two operations under one id are one if they ask for the same. Then they must be of one client, or
// nobody could say when that one was asked for.
func TestWhatRepeats(t *testing.T) {
	first := scenarios.Operation{ID: "c1.1", Client: 1, To: "Running", Manner: scenarios.Own}
	again := scenarios.Operation{ID: "c1.2", Client: 1, To: "Running", Manner: scenarios.Own, IDOf: "c1.1", Base: 9}
	other := scenarios.Operation{ID: "c2.1", Client: 2, To: "Stopped", Manner: scenarios.Own, IDOf: "c1.1"}
	thief := scenarios.Operation{ID: "c1.3", Client: 1, To: "Stopped", Manner: scenarios.Own, IDOf: "c1.1"}
	p := named(first, again, other)
	require.NoError(t, p.Validate())
	require.Nil(t, p.Repeats(&p.Operations[0]))
	require.Equal(t, &p.Operations[0], p.Repeats(&p.Operations[1]))
	require.Nil(t, p.Repeats(&p.Operations[2]))
	require.ErrorContains(t, named(first, other, thief).Validate(), `operations[2].id_of: "c1.1": c2.1 asks for Stopped under it: to ask for the same, want the same client and expect`)
	version := uint64(3)
	again.Expect = &version
	require.ErrorContains(t, named(first, again).Validate(), `operations[1].id_of: "c1.1": c1.1 asks for Running under it`)
}

// The generator uses every manner, repeats, and asks for something else, and what
// it makes is valid.
func TestEveryMannerIsGenerated(t *testing.T) {
	shape := scenarios.Shape{System: "lockstep", Definitions: []fsm.Definition{fsm.Lifecycle()}, Profile: scenarios.All, Manners: true, Versions: true}
	manners, repeated, other := map[scenarios.Manner]int{}, 0, 0
	for seed := range uint64(200) {
		p := scenarios.Generate(seed, shape)
		require.NoError(t, p.Validate())
		for i := range p.Operations {
			o := &p.Operations[i]
			manners[o.Manner]++
			switch {
			case o.IDOf == "":
			case p.Repeats(o) != nil:
				repeated++
			default:
				other++
			}
		}
	}
	for _, m := range []scenarios.Manner{scenarios.ByName, scenarios.Own, scenarios.Forged, scenarios.Nameless} {
		require.Greater(t, manners[m], 100, "%q", m)
	}
	require.Greater(t, repeated, 30)
	require.Greater(t, other, 30)
	shape.Manners = false
	for _, o := range scenarios.Generate(1, shape).Operations {
		require.Zero(t, o.Manner)
	}
}
