package etcdraft_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/lockstep-dst/lockstep/examples/etcdraft"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness"
	"github.com/lockstep-dst/lockstep/scenarios/play"
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
	harness.Test(t, etcdraft.System(etcdraft.None), harness.Options{Seeds: 500, Guard: 10})
}

func FuzzCorrectUse(f *testing.F) { harness.Fuzz(f, etcdraft.System(etcdraft.None), harness.Options{}) }

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

// misuseFile has a small plan in which a misuse shows.
func misuseFile(b etcdraft.Bug) string { return "testdata/misuse/" + string(b) + ".json" }

// Each misuse shows in its plan, which passes without it. README.md tells how long a
// campaign takes to find it.
func TestMisuseIsFound(t *testing.T) {
	for bug, signature := range map[etcdraft.Bug]string{
		etcdraft.SendsFirst:      "invariant/an-entry-that-no-majority-has-durably-is-applied",
		etcdraft.VoteNotSaved:    "invariant/two-leaders-of-a-term",
		etcdraft.MustSyncIgnored: "invariant/a-leader-lacks-an-entry-that-was-applied",
		etcdraft.AppliesEarly:    "invariant/an-entry-that-no-majority-has-durably-is-applied",
		etcdraft.ReadsLocally:    "linearizability/read",
		etcdraft.IndexBeforeData: "invariant/a-node-has-a-state-that-is-not-the-one-at-its-index",
		etcdraft.LogKept:         "assertion/panic-snapshot-is-out-of-bound-lastindex-in-raft-defaultlogger-panicf",
		etcdraft.ConfStateLost:   "assertion/panic-removed-all-voters-in-raft-raft-applyconfchange",
		etcdraft.AdvancesFirst:   "invariant/a-node-has-a-state-that-is-not-the-one-at-its-index",
		etcdraft.SnapshotSilent:  "convergence/applied-differ",
		etcdraft.NoDedup:         "linearizability/rejected-illegal",
		etcdraft.Aliased:         "harness/message-changed",
	} {
		t.Run(string(bug), func(t *testing.T) {
			data, err := os.ReadFile(misuseFile(bug))
			require.NoError(t, err)
			p, err := scenarios.Decode(data)
			require.NoError(t, err)
			r, err := play.Run(t.Context(), etcdraft.System(bug), p, play.Options{})
			require.NoError(t, err)
			t.Log(r.Sentence())
			require.Equal(t, signature, r.Signature())

			correct := etcdraft.System(etcdraft.None)
			p.System = correct.Name
			r, err = play.Run(t.Context(), correct, p, play.Options{})
			require.NoError(t, err)
			require.Equal(t, play.Passed, r.Status, r.Sentence())
		})
	}
}

// A campaign from any seed on finds each misuse.
func TestCampaignsFindMisuse(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes ten core-seconds")
	}
	for _, b := range etcdraft.Bugs() {
		f, found, err := findFirst(t.Context(), b, apart, 5000)
		require.NoError(t, err)
		require.True(t, found, "%s was not found in 5,000 seeds", b)
		t.Logf("%s: %s in seed %d", b, f.signature, f.seed)
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
	for _, g := range sum.Groups {
		fmt.Println(g.Signature)
	}
	fmt.Println(err)
	// Output:
	// linearizability/read
	// <nil>
}
