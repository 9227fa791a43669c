package scenarios_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
)

func TestKnobsOfANode(t *testing.T) {
	p := scenarios.Generate(1, shape(scenarios.All))
	p.Knobs.DedupWindow, p.Knobs.Batch, p.Knobs.Queue, p.Knobs.Segment = 16, 8, 1024, 0
	p.NodeKnobs = []scenarios.NodeKnobs{{Node: 2, Life: 2, DedupWindow: 4, Segment: 256}, {Node: 2, Life: 5, DedupWindow: 64, Batch: 3, Queue: 2}}
	require.NoError(t, p.Validate())
	require.Equal(t, p.Knobs, p.KnobsOf(1, 9))
	require.Equal(t, p.Knobs, p.KnobsOf(2, 1))
	k := p.KnobsOf(2, 4)
	require.Equal(t, []int{4, 8, 1024, 256}, []int{k.DedupWindow, k.Batch, k.Queue, k.Segment})
	k = p.KnobsOf(2, 5)
	require.Equal(t, []int{64, 3, 2, 256}, []int{k.DedupWindow, k.Batch, k.Queue, k.Segment})
	require.Equal(t, k.ResendTimeout, p.Knobs.ResendTimeout)
	require.Contains(t, p.Summary(), "node 2 from life 5 on: dedup window 64, batch 3, queue 2\n")

	again, err := scenarios.Decode(scenarios.Encode(p))
	require.NoError(t, err)
	require.Equal(t, p.NodeKnobs, again.NodeKnobs)
}

func TestANodeIsConfiguredWithWhatIsCreated(t *testing.T) {
	s := shape(scenarios.All)
	made := fsm.Lifecycle()
	made.Name = "made"
	s.Definitions = []fsm.Definition{made}
	p := scenarios.Generate(1, s)
	p.Created = []string{p.Definitions[0].Name}
	p.NodeKnobs = []scenarios.NodeKnobs{{Node: 2, Life: 2, Configured: true}, {Node: 2, Life: 4, Batch: 3}}
	require.NoError(t, p.Validate())
	require.False(t, p.Configures(1, 9))
	require.False(t, p.Configures(2, 1))
	require.True(t, p.Configures(2, 2))
	require.True(t, p.Configures(2, 5), "in all later lives")
	require.Contains(t, p.Summary(), "node 2 from life 2 on: configured with the created definitions that are chosen\n")
}

func TestSenselessNodeKnobsAreRefused(t *testing.T) {
	for want, k := range map[string]scenarios.NodeKnobs{
		"node_knobs[1].node: 9: want 1 to 3":                           {Node: 9, Life: 3},
		"node_knobs[1].life: 0: want 1 or more":                        {Node: 1},
		"node_knobs[1].life: 2: node 1 has settings from life 2 on":    {Node: 1, Life: 2},
		"node_knobs[1].dedup_window: 257: want 1 to 256, or 0":         {Node: 1, Life: 3, DedupWindow: 257},
		"node_knobs[1].batch: -1: want 1 to 256, or 0":                 {Node: 1, Life: 3, Batch: -1},
		"node_knobs[1].queue: -1: want 1 or more, or 0":                {Node: 1, Life: 3, Queue: -1},
		"node_knobs[1].segment: 127: want 128 to 16777216 bytes, or 0": {Node: 1, Life: 3, Segment: 127},
		"node_knobs[1].configured: true: want it only in a plan with":  {Node: 1, Life: 3, Configured: true},
	} {
		s := shape(scenarios.All)
		s.Definitions, s.Nodes = []fsm.Definition{fsm.Lifecycle()}, 3
		p := scenarios.Generate(1, s)
		p.NodeKnobs = []scenarios.NodeKnobs{{Node: 1, Life: 2}, k}
		err := p.Validate()
		require.ErrorIs(t, err, scenarios.ErrPlan)
		require.ErrorContains(t, err, want)
	}
}
