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
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/stretchr/testify/require"
)

// seedsOf runs c and lists the reported seeds.
func seedsOf(t *testing.T, c campaign.Campaign) (seeds []uint64) {
	sum, err := c.Run(t.Context(), func(_ *campaign.Summary, seed uint64, _ *campaign.Group) { seeds = append(seeds, seed) })
	require.NoError(t, err)
	require.EqualValues(t, len(seeds), sum.Seeds-c.Resume.Seeds)
	return seeds
}

// The largest seed can be run, and is the last.
func TestTheLastSeedIsRun(t *testing.T) {
	c := campaignOf(canary.System(), scenarios.None, 3)
	c.Start = math.MaxUint64 - 2
	require.Equal(t, []uint64{math.MaxUint64 - 2, math.MaxUint64 - 1, math.MaxUint64}, seedsOf(t, c))
	c.Seeds = 0 // no limit
	require.Len(t, seedsOf(t, c), 3)
	c.Seeds = 4
	_, err := c.Run(t.Context(), nil)
	require.ErrorContains(t, err, "seeds: they would pass the largest seed")
}

// For any number of campaigns that share the seeds, wherever they begin, every seed
// is run by one of them.
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

// A plan that cannot be run ends even an endless campaign, at that plan's seed.
func TestAnErrorEndsACampaign(t *testing.T) {
	sys := originWith(func(p *scenarios.Plan, _ *variant) {
		if p.Seed == 30 {
			p.Disk.Write.Min = -1 // the simulator refuses it
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

// A campaign is stable when so many consecutive seeds have shown no new mark and no
// new signature. The last seed does not depend on the workers.
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
			require.LessOrEqual(t, s.Seeds-s.LastNew, c.Stable)
		})
		require.NoError(t, err)
		require.Equal(t, news, sum.LastNew)
		require.Equal(t, news+400, sum.Seeds)
		sum.Wall = 0
		if first == nil {
			first = &sum
		}
		require.Equal(t, *first, sum)
	}
}

// A campaign that is interrupted anywhere, and resumed with other numbers of
// workers, has the result of an uninterrupted one: counts, groups, marks, the
// guard.
func TestCampaignResumes(t *testing.T) {
	whole := campaignOf(canary.System(), scenarios.All, 1600)
	whole.Start, whole.Shard, whole.Shards, whole.Guard = 50, 1, 2, 20
	want, err := whole.Run(t.Context(), nil)
	require.NoError(t, err)
	require.NotEmpty(t, want.Groups)

	state := filepath.Join(t.TempDir(), "state.json")
	var seen uint64
	for _, workers := range []int{3, 1, 2, 5} {
		c := whole
		c.Workers = workers
		require.NoError(t, c.ReadState(state, "b1"))
		require.Equal(t, seen, c.Resume.Seeds)
		ctx, cancel := context.WithCancel(t.Context())
		sum, err := c.Run(ctx, func(s *campaign.Summary, _ uint64, _ *campaign.Group) {
			if s.Seeds == seen+70 {
				cancel()
			}
		})
		cancel()
		require.NoError(t, err)
		require.NoError(t, c.WriteState(state, "b1", &sum))
		require.Greater(t, sum.Seeds, seen)
		require.Less(t, sum.Seeds, want.Seeds)
		require.True(t, sum.Interrupted)
		next, left := c.NextSeed(&sum)
		require.True(t, left)
		require.Equal(t, 51+2*sum.Seeds, next) // the shard has the odd seeds from 51 on
		seen = sum.Seeds
	}
	c := whole
	require.NoError(t, c.ReadState(state, "b1"))
	before := c.Resume.Wall
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	require.Greater(t, sum.Wall, before)
	sum.Wall, want.Wall = 0, 0
	require.Equal(t, want, sum)

	// When all is done nothing is done again.
	_, left := c.NextSeed(&sum)
	require.False(t, left)
	require.Equal(t, sum.Seeds, c.SeedCount())
	c.Resume = sum
	require.Empty(t, seedsOf(t, c))
}

// A state identifies its campaign and its build.
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
		require.Zero(t, c.Resume.Seeds)
	}
	require.ErrorContains(t, mine.ReadState(state, "b2"), "it is of build b1, this is b2")
	require.NoError(t, os.WriteFile(state, []byte("{}"), 0o666))
	require.ErrorContains(t, mine.ReadState(state, "b1"), `it is "" of version 0`)
	require.NoError(t, os.WriteFile(state, []byte("{"), 0o666))
	require.ErrorIs(t, mine.ReadState(state, "b1"), campaign.ErrState)
	require.NoError(t, mine.ReadState(state+".other", "b1"), "there is none yet")
}

// The first difference between two runs is reported with both sides. The
// nondeterminism of a map's order was planted.
func TestTheFirstDifferenceIsTold(t *testing.T) {
	options := map[scenarios.Duration]bool{}
	for i := range scenarios.Duration(100) {
		options[i] = true
	}
	sys := withExtraTimer(func() scenarios.Duration {
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
	d, err := play.FindDifference(t.Context(), sys, c.Plan(sum.Differed[0]))
	require.NoError(t, err)
	require.NotNil(t, d)
	require.NotEqual(t, d.One, d.Other)
	require.Contains(t, d.One+d.Other, "timer 10000000000")
	t.Log(d)

	d, err = play.FindDifference(t.Context(), origin.System(), planOf(origin.System(), 1))
	require.NoError(t, err)
	require.Nil(t, d)
}

// A campaign adds up the marks that its runs hit.
func TestMarksAreSummedUp(t *testing.T) {
	c := campaignOf(lockstep.System(), scenarios.All, 200)
	marks := make([]uint64, len(c.System.Marks))
	for seed := range c.Seeds {
		r, err := play.Run(t.Context(), c.System, c.Plan(seed), play.Options{})
		require.NoError(t, err)
		for i, n := range r.Marks {
			marks[i] += n
		}
	}
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, marks, sum.Marks)
	require.Equal(t, len(marks)-len(sum.NeverHit(c.System)), sum.MarksHit())
	require.Less(t, len(sum.NeverHit(c.System)), 10)
	require.IsIncreasing(t, slices.Sorted(slices.Values(c.System.Marks)), "names are distinct")
}

func planOf(sys scenarios.System, seed uint64) *scenarios.Plan {
	c := campaignOf(sys, scenarios.None, 0)
	return c.Plan(seed)
}
