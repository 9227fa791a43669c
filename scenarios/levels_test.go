package scenarios_test

import (
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

func levelShape(levels int) scenarios.Shape {
	s := shape(scenarios.All)
	s.Definitions, s.Levels, s.Reconfigures = []fsm.Definition{fsm.Lifecycle()}, levels, true
	return s
}

func TestLevelOfALife(t *testing.T) {
	p := scenarios.Generate(1, levelShape(0))
	p.NodeKnobs = []scenarios.NodeKnobs{{Node: 1, Life: 1, Batch: 2}, {Node: 2, Life: 1, Level: 2}, {Node: 2, Life: 3, Batch: 1}, {Node: 2, Life: 4, Level: 1}}
	require.NoError(t, p.Validate())
	require.True(t, p.HasLevels())
	var levels []int
	for life := 1; life <= 5; life++ {
		levels = append(levels, p.LevelOf(2, life))
	}
	require.Equal(t, []int{2, 2, 2, 1, 1}, levels)
	require.Zero(t, p.LevelOf(1, 9), "the latest")
	require.Contains(t, p.Summary(), "node 2 from life 4 on: level 1\n")
	p.NodeKnobs = p.NodeKnobs[:1]
	require.False(t, p.HasLevels())
}

func TestLevelsAreValid(t *testing.T) {
	change := []scenarios.Fault{{At: 1, For: 1, Kind: scenarios.Members, Change: scenarios.AbandonChange, Nodes: []sim.ID{1}}}
	for want, x := range map[string]struct {
		faults []scenarios.Fault
		joins  int
		knobs  []scenarios.NodeKnobs
	}{
		"level: -1: want 1 to 99":            {knobs: []scenarios.NodeKnobs{{Node: 1, Life: 1, Level: -1}}},
		"level: 100: want 1 to 99":           {knobs: []scenarios.NodeKnobs{{Node: 1, Life: 1, Level: 100}}},
		"level: 1: node 3 is to join":        {joins: 1, knobs: []scenarios.NodeKnobs{{Node: 3, Life: 1, Level: 1}}},
		"level: 1: node 1 had a later one":   {faults: change, knobs: []scenarios.NodeKnobs{{Node: 1, Life: 1, Level: 2}, {Node: 1, Life: 2, Level: 1}}},
		"level: 2: node 1 had a later one":   {faults: change, knobs: []scenarios.NodeKnobs{{Node: 1, Life: 2, Level: 2}}},
		"a level that rises":                 {faults: change, knobs: []scenarios.NodeKnobs{{Node: 1, Life: 1, Level: 1}, {Node: 1, Life: 2, Level: 2}}},
		"one that falls where nothing joins": {knobs: []scenarios.NodeKnobs{{Node: 1, Life: 1, Level: 2}, {Node: 1, Life: 2, Level: 1}}},
	} {
		s := levelShape(0)
		s.Nodes, s.Profile = 3, scenarios.None
		p := scenarios.Generate(1, s)
		p.Faults, p.NodeKnobs, p.Knobs.Joiners = x.faults, x.knobs, x.joins
		if err := p.Validate(); want[:6] == "level:" {
			require.ErrorContains(t, err, want)
		} else {
			require.NoError(t, err, want)
		}
	}
	s := scenarios.System{Name: "origin", Levels: 2, Definitions: []fsm.Definition{fsm.Lifecycle()}}
	p := scenarios.Generate(1, levelShape(0))
	p.NodeKnobs = []scenarios.NodeKnobs{{Node: 1, Life: 1, Level: 2}}
	require.NoError(t, s.Check(p))
	p.NodeKnobs[0].Level = 3
	require.ErrorContains(t, s.Check(p), "node_knobs[0].level: 3: origin has 2")
}

// Of a thousand seeds about a hundred have levels, most of them lives that differ. The plans
// of the others are as if there were no levels.
func TestSeedsHaveLevels(t *testing.T) {
	mixed, rolled := 0, 0
	for seed := range uint64(1000) {
		with, without := scenarios.Generate(seed, levelShape(4)), scenarios.Generate(seed, levelShape(0))
		require.NoError(t, with.Validate())
		if !with.HasLevels() {
			require.Equal(t, without, with, "seed %d", seed)
			continue
		}
		mixed++
		if slices.ContainsFunc(with.NodeKnobs, func(k scenarios.NodeKnobs) bool { return k.Level != 0 && k.Life > 1 }) {
			rolled++
		}
	}
	require.InDelta(t, 100, mixed, 40)
	require.Greater(t, rolled, mixed/2)
}
