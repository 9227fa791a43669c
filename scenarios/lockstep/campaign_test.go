package lockstep_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

func campaignOf(profile scenarios.FaultProfile, seeds uint64) campaign.Campaign {
	return campaign.Campaign{System: lockstep.System(), Shape: scenarios.Shape{Profile: profile}, Seeds: seeds}
}

// requireSafe runs c and requires that all seeds pass. A failure names its seed.
func requireSafe(t *testing.T, c campaign.Campaign) campaign.Summary {
	t.Helper()
	sum, err := c.Run(t.Context(), func(_ *campaign.Summary, seed uint64, first *campaign.Group) {
		if first != nil {
			t.Errorf("seed %d: %s", seed, first.Signature)
		}
	})
	require.NoError(t, err)
	require.Equal(t, c.Seeds, sum.Seeds)
	require.Zero(t, sum.Failed)
	require.Zero(t, sum.Undecided)
	require.Empty(t, sum.Differed)
	return sum
}

// All properties hold under every profile, and the runs are not idle: they have many
// operations, and most outcomes are known.
func TestNoProfileBreaksAProperty(t *testing.T) {
	seeds := 300
	if testing.Short() {
		seeds = 50
	}
	for _, profile := range scenarios.FaultProfiles() {
		t.Run(string(profile), func(t *testing.T) {
			t.Parallel()
			c := campaignOf(profile, uint64(seeds))
			c.Guard = 5
			sum := requireSafe(t, c)
			total := sum.Outcomes.Total()
			certain := sum.Outcomes.Committed + sum.Outcomes.Rejected
			t.Logf("%d operations: %+v; %d messages", total, sum.Outcomes, sum.Messages)
			require.GreaterOrEqual(t, total, 20*seeds, "operations")
			require.GreaterOrEqual(t, sum.Messages, uint64(100*seeds), "messages delivered")
			require.GreaterOrEqual(t, certain*100, total*60, "operations whose outcome is known")
			if profile == scenarios.None {
				// Nodes do not receive requests that arrive while they boot.
				require.GreaterOrEqual(t, certain*100, total*99, "operations whose outcome is known")
			}
		})
	}
}

// Clusters have from one to seven nodes, even sizes included.
func TestEverySizeOfCluster(t *testing.T) {
	for nodes := 1; nodes <= scenarios.MaxNodes; nodes++ {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			t.Parallel()
			c := campaignOf(scenarios.All, 40)
			c.Shape.Nodes = nodes
			sum := requireSafe(t, c)
			require.Positive(t, sum.Outcomes.Committed)
		})
	}
}

// Many lives end before their node is ready: while it reads its log, or while it writes
// the records of its boot.
func TestNodesCrashWhileTheyRecover(t *testing.T) {
	c := campaignOf(scenarios.All, 0)
	early, ready := 0, 0
	for seed := range uint64(100) {
		var booting [scenarios.MaxNodes + 1]bool
		_, err := play.Run(t.Context(), lockstep.System(), c.Plan(seed), play.Options{Trace: func(l sim.TraceLine) {
			switch {
			case l.ID == 0 || l.ID > scenarios.MaxNodes:
			case strings.HasPrefix(l.Text, "boot "):
				booting[l.ID] = true
			case strings.HasPrefix(l.Text, "observation: ready"):
				booting[l.ID] = false
				ready++
			case booting[l.ID] && (l.Text == "power loss" || l.Text == "process crash"):
				booting[l.ID] = false
				early++
			}
		}})
		require.NoError(t, err)
	}
	t.Logf("%d boots, and %d cut short", ready, early)
	require.Greater(t, early, 50)
	require.Greater(t, ready, early)
}
