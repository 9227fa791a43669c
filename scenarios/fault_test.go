package scenarios_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

func TestFaultsInWords(t *testing.T) {
	for want, f := range map[string]scenarios.Fault{
		"partition [1] | [2 3]":                           {Kind: scenarios.Partition, Groups: [][]sim.ID{{1}, {2, 3}}},
		"one-way partition: nothing gets from [1] to [2]": {Kind: scenarios.OneWay, Sources: []sim.ID{1}, Targets: []sim.ID{2}},
		"cut [1>2]":    {Kind: scenarios.Cut, Links: []netmodel.Link{{From: 1, To: 2}}},
		"crash [1 2]":  {Kind: scenarios.Crash, Nodes: []sim.ID{1, 2}},
		"kill [3]":     {Kind: scenarios.Kill, Nodes: []sim.ID{3}},
		"disk rot [2]": {Kind: scenarios.BadDisk, What: sim.Rot, Nodes: []sim.ID{2}},
		"weather on all links: constant delay 1ms": {
			Kind: scenarios.Weather, Profile: &netmodel.Profile{Delay: netmodel.Delay{Min: netmodel.Millisecond}},
		},
	} {
		require.Equal(t, want, f.String())
	}
}

// The atlas of a generated plan: damage is for a minority, and for the same one
// that the heal phase goes without. Systems that need all of their nodes have
// none.
func TestDamageIsForAMinority(t *testing.T) {
	most := 0
	for seed := range uint64(500) {
		s := shape(scenarios.Disks)
		s.Majority = seed%2 == 0
		p := scenarios.Generate(seed, s)
		lost := map[sim.ID]bool{}
		for _, id := range p.Heal.Without {
			lost[id] = true
		}
		for _, f := range p.Faults {
			if f.Kind == scenarios.BadDisk && f.What.Damages() {
				require.True(t, s.Majority)
				for _, id := range f.Nodes {
					lost[id] = true
				}
			}
		}
		require.LessOrEqual(t, len(lost), (p.Nodes-1)/2)
		most = max(most, len(lost))
	}
	require.Equal(t, 3, most)
}
