package etcdraft_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/examples/etcdraft"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/stretchr/testify/require"
)

// campaignOf is a campaign with all faults that the system's storage survives.
func campaignOf(b etcdraft.Bug, start, seeds uint64) campaign.Campaign {
	return campaign.Campaign{System: etcdraft.System(b), Shape: scenarios.Shape{Profile: scenarios.All}, Start: start, Seeds: seeds}
}

// scaled is n, or a tenth of it in short tests.
func scaled(n uint64) uint64 {
	if testing.Short() {
		return n / 10
	}
	return n
}

func TestCorrectUse(t *testing.T) {
	c := campaignOf(etcdraft.None, 0, scaled(500))
	c.Guard = 10
	campaign.RequireSeeds(t, c)
}

// A campaign reaches all that the code is there for.
func TestMarksAreHit(t *testing.T) {
	c := campaignOf(etcdraft.None, 0, 60)
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	for i, name := range c.System.Marks {
		require.NotZero(t, sum.Marks[i], "no seed has come by %s", name)
	}
}

// Equal seeds are equal runs, whatever the number of workers.
func TestEqualHashes(t *testing.T) {
	hashes := map[uint64]int{}
	for i := range scaled(20) {
		c := campaignOf(etcdraft.None, 0, 20)
		c.Workers = 1 + int(i%4)
		sum, err := c.Run(t.Context(), nil)
		require.NoError(t, err)
		hashes[sum.Hash]++
	}
	require.Len(t, hashes, 1)
}

// Each misuse is found, and the same seed passes without it. Seeds are those that found
// it first; README.md tells how long that takes from elsewhere.
func TestMisuseIsFound(t *testing.T) {
	seeds := map[etcdraft.Bug]struct {
		seed      uint64
		signature string
	}{
		etcdraft.SendsFirst:      {0, "invariant/an-entry-that-no-majority-has-durably-is-applied"},
		etcdraft.VoteNotSaved:    {347, "invariant/two-leaders-of-a-term"},
		etcdraft.MustSyncIgnored: {83, "invariant/a-leader-lacks-an-entry-that-was-applied"},
		etcdraft.AppliesEarly:    {0, "invariant/an-entry-that-no-majority-has-durably-is-applied"},
		etcdraft.ReadsLocally:    {4, "linearizability/read"},
		etcdraft.IndexBeforeData: {7, "invariant/a-node-has-a-state-that-is-not-the-one-at-its-index"},
		etcdraft.LogKept:         {3, "assertion/panic"},
		etcdraft.ConfStateLost:   {7, "liveness/fresh-operation-stuck"},
		etcdraft.AdvancesFirst:   {1, "invariant/a-node-has-a-state-that-is-not-the-one-at-its-index"},
		etcdraft.SnapshotSilent:  {75, "convergence/applied-differ"},
		etcdraft.NoDedup:         {7, "linearizability/read"},
	}
	for _, b := range etcdraft.Bugs() {
		t.Run(string(b), func(t *testing.T) {
			want := seeds[b]
			c := campaignOf(b, want.seed, 1)
			sum, err := c.Run(t.Context(), nil)
			require.NoError(t, err)
			require.Len(t, sum.Groups, 1)
			require.Equal(t, want.signature, sum.Groups[0].Signature)
			campaign.RequireSeeds(t, campaignOf(etcdraft.None, want.seed, 1))
		})
	}
}

// A campaign finds reads that are answered from local state, and says so.
func ExampleSystem() {
	c := campaign.Campaign{
		System: etcdraft.System(etcdraft.ReadsLocally),
		Shape:  scenarios.Shape{Profile: scenarios.Network},
		Seeds:  60,
	}
	sum, err := c.Run(context.Background(), nil)
	fmt.Println(sum.Groups[0].Signature, err)
	// Output: linearizability/read <nil>
}
