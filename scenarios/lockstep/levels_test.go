package lockstep

import (
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

func TestWhatALevelRefuses(t *testing.T) {
	extended := &node.Proposal{Phase: node.Accept, Key: "lifecycle/a", Extension: &node.Extension{}}
	value := &node.Value{}
	for name, x := range map[string]struct {
		m     node.Message
		since node.Level
	}{
		"an accept":                {&node.Proposal{Phase: node.Accept, Key: "lifecycle/a", Value: value}, 1},
		"an extended one":          {extended, 3},
		"a commit":                 {&node.Commit{Key: "lifecycle/a", Value: value}, 1},
		"one without its value":    {&node.Commit{Key: "lifecycle/a"}, 3},
		"a reject":                 {&node.Reject{Reason: node.StaleBallot}, 1},
		"one for a base":           {&node.Reject{Reason: node.BaseNotHeld}, 3},
		"one for a quota":          {&node.Reject{Reason: node.QuotaReached}, 3},
		"a reply":                  {&node.Reply{Reason: node.Timeout}, 1},
		"one for a quota, as well": {&node.Reply{Reason: node.QuotaReached}, 3},
		"the register":             {&node.Commit{Key: configuration.Key, Value: value}, 4},
		"an introduction":          {&member.Introduction{Members: make([]member.Identity, 7)}, 1},
		"one with more":            {&member.Introduction{More: []byte{1}}, 4},
		"one of eight members":     {&member.Introduction{Members: make([]member.Identity, 8)}, 4},
	} {
		for l := node.LevelCBOR; l <= node.LatestLevel; l++ {
			require.Equal(t, l < x.since, isBeyond(l, x.m), "%s, %v", name, l)
		}
	}
}

func TestMembersChangeOnlyAtTheirLevel(t *testing.T) {
	r := newRun(&scenarios.Plan{Nodes: 3, Clients: 1})
	c := &configuration.Configuration{Epoch: 2, Voters: []node.ID{1, 2}}
	check := func(id int, levels ...node.Level) *scenarios.Violation {
		copy(r.levels[1:], levels)
		return r.checkLevels(r.oracle.forNode(0, scenarios.NodeID(id)), c)
	}
	require.Nil(t, check(1, 0, 0, 0), "a plan without levels")
	require.Nil(t, check(1, 4, 4, 1), "no voter")
	require.Equal(t, "members/older-level", check(1, 4, 3, 4).Signature())
	require.Equal(t, "members/older-level", check(3, 4, 4, 3).Signature(), "the one that adopts it")
}

// Three nodes are rolled from the latest level to the first and back, under load, as bytes.
func TestNodesAreRolledThroughAllLevels(t *testing.T) {
	s := System()
	p := scenarios.Generate(4, s.Shape(scenarios.Shape{Profile: scenarios.None, Nodes: 3, Clients: 3, Operations: 60, Machines: 2}))
	p.Knobs.Codec, p.Knobs.CodecPercent, p.NodeKnobs = "binary", 0, nil
	at := p.Heal.At / 9
	for n := 1; n <= 3; n++ {
		id := scenarios.NodeID(n)
		for life := 1; life <= 3; life++ {
			p.NodeKnobs = append(p.NodeKnobs, scenarios.NodeKnobs{Node: id, Life: life, Level: []int{4, 1, 4}[life-1]})
		}
	}
	for i := range 6 {
		p.Faults = append(p.Faults, scenarios.Fault{At: at * scenarios.Duration(i+1), For: at / 2, Kind: scenarios.ProcessCrash, Nodes: []sim.ID{scenarios.NodeID(i%3 + 1)}})
	}
	require.NoError(t, p.Validate())
	result, err := play.Run(t.Context(), s, p, play.Options{})
	require.NoError(t, err)
	require.Nil(t, result.Violation)
	for mark, least := range map[string]uint64{"run/level-raised": 3, "run/level-lowered": 3, "run/older-form": 3, "node/value-extended": 1} {
		require.GreaterOrEqual(t, result.Marks[slices.Index(s.Marks, mark)], least, mark)
	}
}
