package campaign_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// The digests of 200 runs of each profile are pinned: another process, another
// host, the race detector and any number of processors give the same.
//
// A change of the generator, the simulator or the origin changes them, and -update
// records it. An unintended change of them is a bug.
func TestSeedsGiveTheSameRunsEverywhere(t *testing.T) {
	var b strings.Builder
	for _, profile := range scenarios.FaultProfiles() {
		fmt.Fprintf(&b, "%-8s %016x\n", profile, digest(t, profile, 200))
	}
	golden.Equal(t, "testdata/digests.txt", b.String())
}

// digest covers the hashes, the signatures and the sentences of many runs.
func digest(t *testing.T, profile scenarios.FaultProfile, seeds uint64) uint64 {
	c := campaignOf(origin.System(), profile, 0)
	var h uint64
	for seed := range seeds {
		r, err := play.Run(t.Context(), c.System, c.Plan(seed), play.Options{})
		require.NoError(t, err)
		h = keyed.Mix(h^r.Hash, keyed.String(r.Signature()+r.Sentence()))
	}
	return h
}

// The summary of the seeds does not depend on the workers or their order. Each seed
// runs twice here.
func TestSummariesDoNotDependOnTheWorkers(t *testing.T) {
	var first *campaign.Summary
	for _, procs := range []int{1, 2} {
		for _, workers := range []int{1, 2, 7} {
			c := campaignOf(origin.System(), scenarios.All, 100)
			c.Workers, c.Guard = workers, 100
			sum := runOn(t, procs, c)
			require.Empty(t, sum.Differed)
			require.EqualValues(t, 100, sum.Guarded)
			sum.Wall = 0
			if first == nil {
				first = &sum
			}
			require.Equal(t, *first, sum, "%d processors, %d workers", procs, workers)
		}
	}
}

func runOn(t *testing.T, procs int, c campaign.Campaign) campaign.Summary {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	return sum
}

// The order of a map, and anything that runs share, makes two runs of one seed
// differ: the guard reports it.
func TestTheGuardCatchesNondeterminism(t *testing.T) {
	var shared atomic.Int64
	options := map[scenarios.Duration]bool{}
	for i := range scenarios.Duration(100) {
		options[i*netmodel.Millisecond] = true
	}
	for name, after := range map[string]func() scenarios.Duration{
		"map": func() scenarios.Duration {
			for d := range options {
				return d
			}
			return 0
		},
		"shared": func() scenarios.Duration { return scenarios.Duration(shared.Add(1)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := campaignOf(withExtraTimer(after), scenarios.None, 50)
			c.Guard = 100
			sum, err := c.Run(t.Context(), nil)
			require.NoError(t, err)
			require.EqualValues(t, 50, sum.Guarded)
			require.Greater(t, len(sum.Differed), 40)
			require.IsIncreasing(t, sum.Differed)
		})
	}
}

// A constant, however odd, is no nondeterminism.
func TestTheGuardIsQuietOtherwise(t *testing.T) {
	c := campaignOf(withExtraTimer(func() scenarios.Duration { return 17 }), scenarios.None, 200)
	c.Guard = 25
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, sum.Differed)
	require.InDelta(t, 50, sum.Guarded, 25)
}

func campaignOf(sys scenarios.System, profile scenarios.FaultProfile, seeds uint64) campaign.Campaign {
	return campaign.Campaign{System: sys, Shape: scenarios.Shape{Profile: profile}, Seeds: seeds}
}
