package board

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/stretchr/testify/require"
)

// A record says which seeds a campaign has run, and the signatures that failed.
func TestRecordOfACampaign(t *testing.T) {
	c := &campaign.Campaign{System: canary.System(), Start: 1, Seeds: 60}
	c.Shape.Profile = "all"
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	r := NewRecord(c, &sum, func(g *campaign.Group) string { return fmt.Sprint("mine replay ", g.First) })
	require.Equal(t, "canary", r.System)
	require.Equal(t, []uint64{1, 60, 1, 60}, []uint64{r.First, r.Last, r.Shards, r.Seeds})
	require.Equal(t, sum.Failed, r.Failed)
	require.Equal(t, len(sum.Groups), len(r.Signatures))
	require.Equal(t, Signature{Signature: "liveness/client-stuck", Count: 1, First: 2, Replay: "mine replay 2"}, r.Signatures[0])
	require.Positive(t, r.Marks.Hit)
	require.Positive(t, r.Pairs.Hit)
	require.Positive(t, r.SeedsPerSecond)
}

// Campaigns are compared if their plans are functions of the seed in the same way: other
// seeds are no difference, other nodes are.
func TestPlansOfACampaign(t *testing.T) {
	id := func(change func(*campaign.Campaign)) string {
		c := &campaign.Campaign{System: canary.System(), Seeds: 1}
		c.Shape.Profile = "all"
		change(c)
		r := NewRecord(c, &campaign.Summary{}, nil)
		return r.Plans
	}
	usual := id(func(*campaign.Campaign) {})
	require.Len(t, usual, 16)
	require.Equal(t, usual, id(func(c *campaign.Campaign) { c.Start, c.Seeds, c.Guard, c.Workers = 5, 9, 50, 3 }))
	require.NotEqual(t, usual, id(func(c *campaign.Campaign) { c.Shape.Nodes = 3 }))
	require.NotEqual(t, usual, id(func(c *campaign.Campaign) { c.Shape.Profile = "network" }))
}

// The seeds that a campaign covers, as a shard too.
func TestCoveredSeeds(t *testing.T) {
	for _, c := range []struct {
		campaign campaign.Campaign
		seeds    uint64 // that it has run
		covered  []uint64
		not      []uint64
	}{
		{campaign.Campaign{}, 10, []uint64{0, 9}, []uint64{10}},
		{campaign.Campaign{Start: 5}, 1, []uint64{5}, []uint64{4, 6}},
		{campaign.Campaign{Start: 5, Shard: 1, Shards: 3}, 2, []uint64{7, 10}, []uint64{1, 4, 5, 8, 13}},
		{campaign.Campaign{}, 0, nil, []uint64{0, 1}},
		{campaign.Campaign{Start: 1<<64 - 1, Seeds: 1}, 1, []uint64{1<<64 - 1}, []uint64{0, 1<<64 - 2}},
	} {
		c.campaign.System, c.campaign.Shape.Profile = canary.System(), "all"
		r := NewRecord(&c.campaign, &campaign.Summary{Seeds: c.seeds}, nil)
		for _, seed := range c.covered {
			require.True(t, r.covers(seed), "%+v: %d", r, seed)
		}
		for _, seed := range c.not {
			require.False(t, r.covers(seed), "%+v: %d", r, seed)
		}
	}
}
