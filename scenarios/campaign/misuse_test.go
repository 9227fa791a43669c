package campaign_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// counted is a message that its receiver changes. Its digest is never one of those that
// a campaign's first runs check.
type counted struct{ n uint64 }

func (c *counted) FateKey() uint64  { return sim.FateKey("count", "all", "x") }
func (c *counted) FateName() string { return "count all x" }
func (c *counted) Digest() uint64   { return keyed.Mix(c.n, 1) | 1 }
func (c *counted) String() string   { return "counted" }

// changingNode is a node that changes the messages that it receives.
type changingNode struct{ id sim.ID }

func (k changingNode) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	switch {
	case ev.Kind == sim.Boot && k.id == 1:
		out.Send(2, &counted{})
	case ev.Kind == sim.Receive:
		ev.Message.(*counted).n++
	}
}

type changingRun struct{ scenarios.Run }

func (changingRun) Node(id sim.ID, _ int) sim.Process { return changingNode{id} }

func changing() scenarios.System {
	sys := canary.System()
	sys.Name = "changing"
	inner := sys.New
	sys.New = func(p *scenarios.Plan) scenarios.Run { return changingRun{inner(p)} }
	return sys
}

// The second run of a guarded seed checks all messages. If only that finds a misuse,
// it decides the seed, and the seed is not nondeterministic.
func TestTheGuardFindsChangedMessages(t *testing.T) {
	for _, guard := range []int{0, 100} {
		c := campaign.Campaign{System: changing(), Shape: scenarios.Shape{Profile: scenarios.None}, Seeds: 2, Guard: guard}
		sum, err := c.Run(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, sum.Differed)
		if guard == 0 {
			require.Zero(t, sum.Failed)
			continue
		}
		require.Len(t, sum.Groups, 1)
		require.Equal(t, campaign.Group{Signature: "harness/message-changed", First: 0, Count: 2}, *sum.Groups[0])
		saved, err := campaign.Save(t.Context(), t.TempDir(), c.System, c.Plan(0), c.Options)
		require.NoError(t, err)
		require.Equal(t, "harness/message-changed", saved.Signature())
		require.Contains(t, saved.Violation.Sentence, "in a step of process 2: receive from 1: counted")
		small, err := campaign.Shrink(t.Context(), c.System, c.Plan(0), campaign.ShrinkOptions{Runs: 50, Workers: 1})
		require.NoError(t, err)
		require.Equal(t, "harness/message-changed", small.Signature)
		require.Empty(t, small.Plan.Operations)
	}
}
