package campaign_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/stretchr/testify/require"
)

// seedsOf runs c and lists the seeds that it tells.
func seedsOf(t *testing.T, c campaign.Campaign) (seeds []uint64) {
	sum, err := c.Run(t.Context(), func(_ *campaign.Summary, seed uint64, _ *campaign.Group) { seeds = append(seeds, seed) })
	require.NoError(t, err)
	require.EqualValues(t, len(seeds), sum.Seeds-c.Done.Seeds)
	return seeds
}

// The last seed that there is can be run, and is the last.
func TestTheLastSeedIsRun(t *testing.T) {
	c := campaignOf(canary.System(), scenarios.None, 3)
	c.Start = math.MaxUint64 - 2
	require.Equal(t, []uint64{math.MaxUint64 - 2, math.MaxUint64 - 1, math.MaxUint64}, seedsOf(t, c))
	c.Seeds = 0 // as many as there are
	require.Len(t, seedsOf(t, c), 3)
	c.Seeds = 4
	_, err := c.Run(t.Context(), nil)
	require.ErrorContains(t, err, "seeds: they would pass the largest seed")
}

// However many campaigns share the seeds, wherever they begin: every seed is run
// by one of them.
func TestShardsCoverEverySeedOnce(t *testing.T) {
	for _, start := range []uint64{0, 1, 1001, math.MaxUint64 - 39} {
		for _, shards := range []uint64{1, 2, 3, 7, 50} {
			var all []uint64
			for shard := range shards {
				c := campaignOf(canary.System(), scenarios.None, 40)
				c.Start, c.Shard, c.Shards = start, shard, shards
				seeds := seedsOf(t, c)
				for _, seed := range seeds {
					require.Equal(t, shard, seed%shards)
				}
				all = append(all, seeds...)
			}
			slices.Sort(all)
			require.Len(t, all, 40)
			for i, seed := range all {
				require.Equal(t, start+uint64(i), seed)
			}
		}
	}
}

// A plan that cannot be run ends even a campaign without an end, at that plan's
// seed.
func TestAnErrorEndsACampaign(t *testing.T) {
	sys := originWith(func(p *scenarios.Plan, _ *variant) {
		if p.Seed == 30 {
			p.Disk.Write.Min = -1 // which the simulator refuses
		}
	})
	for _, workers := range []int{1, 4} {
		c := campaignOf(sys, scenarios.None, 0)
		c.Workers = workers
		var last uint64
		sum, err := c.Run(t.Context(), func(_ *campaign.Summary, seed uint64, _ *campaign.Group) { last = seed })
		require.ErrorIs(t, err, scenarios.ErrPlan)
		require.ErrorContains(t, err, "seed 30: ")
		require.EqualValues(t, 29, last)
		require.EqualValues(t, 30, sum.Seeds)
	}
}

// A campaign is stable when so many seeds on end have shown no new mark and no
// new signature. Which seed that is does not depend on the workers.
func TestACampaignEndsWhenItIsStable(t *testing.T) {
	var first *campaign.Summary
	for _, workers := range []int{1, 2, 7} {
		c := campaignOf(canary.System(), scenarios.None, 0)
		c.Stable, c.Workers = 400, workers
		news := uint64(0)
		sum, err := c.Run(t.Context(), func(s *campaign.Summary, seed uint64, group *campaign.Group) {
			if group != nil {
				news = seed + 1
			}
			require.LessOrEqual(t, s.Seeds-s.News, c.Stable)
		})
		require.NoError(t, err)
		require.Equal(t, news, sum.News)
		require.Equal(t, news+400, sum.Seeds)
		sum.Wall = 0
		if first == nil {
			first = &sum
		}
		require.Equal(t, *first, sum)
	}
}

// A campaign that is cut short anywhere, and gone on with by other numbers of
// workers, shows what one shows that was not: counts, groups, marks, the guard.
func TestACampaignCanBeGoneOnWith(t *testing.T) {
	whole := campaignOf(canary.System(), scenarios.All, 1600)
	whole.Start, whole.Shard, whole.Shards, whole.Guard = 50, 1, 2, 20
	want, err := whole.Run(t.Context(), nil)
	require.NoError(t, err)
	require.NotEmpty(t, want.Groups)

	state := filepath.Join(t.TempDir(), "state.json")
	var told uint64
	for _, workers := range []int{3, 1, 2, 5} {
		c := whole
		c.Workers = workers
		require.NoError(t, c.ReadState(state, "b1"))
		require.Equal(t, told, c.Done.Seeds)
		ctx, cancel := context.WithCancel(t.Context())
		sum, err := c.Run(ctx, func(s *campaign.Summary, _ uint64, _ *campaign.Group) {
			if s.Seeds == told+70 {
				cancel()
			}
		})
		cancel()
		require.NoError(t, err)
		require.NoError(t, c.WriteState(state, "b1", &sum))
		require.Greater(t, sum.Seeds, told)
		require.Less(t, sum.Seeds, want.Seeds)
		told = sum.Seeds
	}
	c := whole
	require.NoError(t, c.ReadState(state, "b1"))
	before := c.Done.Wall
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	require.Greater(t, sum.Wall, before)
	sum.Wall, want.Wall = 0, 0
	require.Equal(t, want, sum)

	// When all is done nothing is done again.
	c.Done = sum
	require.Empty(t, seedsOf(t, c))
}

// A state says of which campaign it is, and of which build.
func TestAStateOfAnotherCampaignIsRefused(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	mine := campaignOf(canary.System(), scenarios.All, 10)
	sum, err := mine.Run(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, mine.WriteState(state, "b1", &sum))
	entries, err := os.ReadDir(filepath.Dir(state))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left beside it")

	for want, change := range map[string]func(*campaign.Campaign){
		"it is of system canary, not of origin":  func(c *campaign.Campaign) { c.System = origin.System() },
		"it is of profile all, not of none":      func(c *campaign.Campaign) { c.Shape.Profile = scenarios.None },
		"it begins with seed 0, not with 5":      func(c *campaign.Campaign) { c.Start = 5 },
		"it is of shard 0/1, not of 1/2":         func(c *campaign.Campaign) { c.Shard, c.Shards = 1, 2 },
		"it guards 0 % of the seeds, not 3":      func(c *campaign.Campaign) { c.Guard = 3 },
		"it is of plans of another shape":        func(c *campaign.Campaign) { c.Shape.Nodes = 3 },
		"it counts other marks":                  func(c *campaign.Campaign) { c.System.Marks = c.System.Marks[1:] },
		"remove the file, or name another":       func(c *campaign.Campaign) { c.Start = 5 },
		"cannot go on from this state: it begin": func(c *campaign.Campaign) { c.Start = 5 },
	} {
		c := mine
		change(&c)
		err := c.ReadState(state, "b1")
		require.ErrorIs(t, err, campaign.ErrState)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, state)
		require.Zero(t, c.Done.Seeds)
	}
	require.ErrorContains(t, mine.ReadState(state, "b2"), "it is of build b1, this is b2")
	require.NoError(t, os.WriteFile(state, []byte("{}"), 0o666))
	require.ErrorContains(t, mine.ReadState(state, "b1"), `it is "" of version 0`)
	require.NoError(t, os.WriteFile(state, []byte("{"), 0o666))
	require.ErrorIs(t, mine.ReadState(state, "b1"), campaign.ErrState)
	require.NoError(t, mine.ReadState(state+".other", "b1"), "there is none yet")
}

// Where the runs of a plan part, both sides are told. A map's order was planted.
func TestTheFirstDifferenceIsTold(t *testing.T) {
	options := map[scenarios.Duration]bool{}
	for i := range scenarios.Duration(100) {
		options[i] = true
	}
	sys := fidgeting(func() scenarios.Duration {
		for d := range options {
			return d
		}
		return 0
	})
	c := campaignOf(sys, scenarios.None, 20)
	c.Guard = 100
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	require.NotEmpty(t, sum.Differed)
	d, err := campaign.Differ(t.Context(), sys, c.Plan(sum.Differed[0]))
	require.NoError(t, err)
	require.NotNil(t, d)
	require.NotEqual(t, d.One, d.Other)
	require.Contains(t, d.One+d.Other, "timer 10000000000")
	t.Log(d)

	d, err = campaign.Differ(t.Context(), origin.System(), planOf(origin.System(), 1))
	require.NoError(t, err)
	require.Nil(t, d)
}

// A campaign adds up what its runs come by.
func TestMarksAreSummedUp(t *testing.T) {
	c := campaignOf(lockstep.System(), scenarios.All, 200)
	marks := make([]uint64, len(c.System.Marks))
	for seed := range c.Seeds {
		r, err := campaign.Run(t.Context(), c.System, c.Plan(seed), campaign.Options{})
		require.NoError(t, err)
		for i, n := range r.Marks {
			marks[i] += n
		}
	}
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, marks, sum.Marks)
	require.Equal(t, len(marks)-len(sum.Cold(c.System)), sum.Reached())
	require.Less(t, len(sum.Cold(c.System)), 10)
	require.IsIncreasing(t, slices.Sorted(slices.Values(c.System.Marks)), "names are distinct")
}

func planOf(sys scenarios.System, seed uint64) *scenarios.Plan {
	c := campaignOf(sys, scenarios.None, 0)
	return c.Plan(seed)
}
