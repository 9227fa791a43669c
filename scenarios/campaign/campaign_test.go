package campaign_test

import (
	"context"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/stretchr/testify/require"
)

// Two kinds of failure are planted in one seed of a hundred each. The campaign
// finds these and no others, and reports each kind once, with its lowest seed.
func TestPlantedFailuresAreFoundExactly(t *testing.T) {
	c := campaignOf(withViolations(func(seed uint64) string {
		return map[uint64]string{42: "planted", 7: "sleeps"}[seed%100]
	}), scenarios.None, 300)
	c.Shape.Clients = 1
	c.Start = 20
	var failed, firsts []uint64
	sum, err := c.Run(t.Context(), func(s *campaign.Summary, seed uint64, first *campaign.Group) {
		if s.Failed > uint64(len(failed)) {
			failed = append(failed, seed)
		}
		if first != nil {
			require.Equal(t, seed, first.First)
			firsts = append(firsts, seed)
		}
	})
	require.NoError(t, err)
	require.Equal(t, []uint64{42, 107, 142, 207, 242, 307}, failed)
	require.Equal(t, []uint64{42, 107}, firsts)
	require.Equal(t, []*campaign.Group{
		{Signature: "canary/planted", First: 42, Count: 3},
		{Signature: "canary/sleeps", First: 107, Count: 3},
	}, sum.Groups)
	require.EqualValues(t, 6, sum.Failed)
	require.EqualValues(t, 300, sum.Seeds)
}

func TestProgressIsToldInTheOrderOfSeeds(t *testing.T) {
	for _, workers := range []int{1, 2, 8} {
		c := campaignOf(origin.System(), scenarios.All, 200)
		c.Workers, c.Start, c.Guard = workers, 1000, 10
		next := c.Start
		_, err := c.Run(t.Context(), func(s *campaign.Summary, seed uint64, _ *campaign.Group) {
			require.Equal(t, next, seed)
			next++
			require.Equal(t, next-c.Start, s.Seeds)
		})
		require.NoError(t, err)
		require.EqualValues(t, 1200, next)
	}
}

// However a campaign ends, all seeds that it has begun are reported.
func TestACampaignEndsWithItsBudget(t *testing.T) {
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		reported := requireEnds(t, ctx, campaignOf(origin.System(), scenarios.None, 0), func(seed uint64) {
			if seed == 50 {
				cancel()
			}
		})
		require.GreaterOrEqual(t, reported, uint64(51))
	})
	t.Run("cancelled before it begins", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Zero(t, requireEnds(t, ctx, campaignOf(origin.System(), scenarios.None, 100), nil))
	})
	t.Run("time", func(t *testing.T) {
		c := campaignOf(origin.System(), scenarios.None, 0)
		c.For = 50 * time.Millisecond
		require.NotZero(t, requireEnds(t, t.Context(), c, nil))
	})
	t.Run("seeds", func(t *testing.T) {
		c := campaignOf(origin.System(), scenarios.None, 30)
		c.For = time.Minute
		require.EqualValues(t, 30, requireEnds(t, t.Context(), c, nil))
	})
}

// requireEnds runs c and counts the reported seeds.
func requireEnds(t *testing.T, ctx context.Context, c campaign.Campaign, onSeed func(seed uint64)) (seeds uint64) {
	c.Guard = 20
	sum, err := c.Run(ctx, func(_ *campaign.Summary, seed uint64, _ *campaign.Group) {
		seeds++
		if onSeed != nil {
			onSeed(seed)
		}
	})
	require.NoError(t, err)
	require.Equal(t, seeds, sum.Seeds)
	require.Empty(t, sum.Differed)
	return seeds
}

func TestCampaignsThatMakeNoSenseAreRefused(t *testing.T) {
	for want, change := range map[string]func(*campaign.Campaign){
		"profile": func(c *campaign.Campaign) { c.Shape.Profile = "stormy" },
		"nodes":   func(c *campaign.Campaign) { c.Shape.Nodes = 8 },
		"clients": func(c *campaign.Campaign) { c.Shape.Clients = -1 },
		"ops":     func(c *campaign.Campaign) { c.Shape.Operations = -1 },
		"workers": func(c *campaign.Campaign) { c.Workers = -1 },
		"guard":   func(c *campaign.Campaign) { c.Guard = 101 },
		"for":     func(c *campaign.Campaign) { c.For = -1 },
		"shard":   func(c *campaign.Campaign) { c.Shard, c.Shards = 3, 3 },
		"seeds":   func(c *campaign.Campaign) { c.Start = ^uint64(0) },
	} {
		c := campaignOf(origin.System(), scenarios.None, 10)
		change(&c)
		_, err := c.Run(t.Context(), nil)
		require.ErrorContains(t, err, want)
	}
}
