package steward_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/steward"
	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
	"github.com/stretchr/testify/require"
)

// Ranges without a result, the first one too or all of them, do not end the steward, and their
// campaign has a record with the failures of all others.
func TestRangesWithoutAResultAreKept(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.stop()
	results := f.resultsElsewhere()
	f.work()
	for _, c := range []struct {
		bad                map[int]bool
		seeds, first, last uint64
		state              bool
	}{
		{map[int]bool{0: true}, 80, 20, 99, false},
		{map[int]bool{2: true}, 80, 0, 39, true},
		{map[int]bool{0: true, 3: true}, 60, 20, 59, false},
		{map[int]bool{0: true, 1: true, 2: true, 3: true, 4: true}, 0, 0, 0, false},
	} {
		f.campaign.Name, f.campaign.ID = fmt.Sprintf("bad-%d-%d", c.seeds, c.first), ""
		require.NoError(t, f.queue.AddCampaign(t.Context(), f.campaign))
		for key, data := range results {
			if c.bad[int(key[0]-'0')] {
				data = []byte("garbage")
			}
			_, err := f.queue.Put(t.Context(), f.campaign, fleet.RangeKind, key, data)
			require.NoError(t, err)
		}
		f.until(func() bool { return len(f.kept(f.campaign.Key()+".*")) > 0 })
		require.Equal(t, c.state, f.hasState(f.campaign.Name))
		records := f.records()
		r := records[len(records)-1]
		require.Equal(t, "canary", r.System)
		require.Equal(t, f.campaign.Key(), r.Campaign)
		require.Equal(t, []uint64{c.seeds, c.first, c.last}, []uint64{r.Seeds, r.First, r.Last})
		require.True(t, r.Interrupted)
		report, err := fleet.Read(t.Context(), f.queue, f.campaign)
		require.NoError(t, err)
		require.Equal(t, fleet.HarnessFault, report.Verdict)
		require.Len(t, r.Signatures, len(report.Findings), "also of the ranges behind the first gap")
	}
}

// A state that cannot be written is tried again, and there is one record and one word of it.
func TestAFullDiskMakesOneRecord(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var told []*steward.Ending
	f.steward.Tell = func(_ context.Context, e *steward.Ending) error {
		told = append(told, e)
		return nil
	}
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	inTheWay := filepath.Join(f.steward.Out, f.campaign.Key()+".state.json", "file")
	require.NoError(t, fleet.Await(t.Context(), f.queue, f.campaign, 10*time.Millisecond))
	require.NoError(t, os.MkdirAll(inTheWay, 0o700))
	for range 3 {
		require.ErrorContains(t, f.steward.Round(t.Context(), f.now()), "campaign monday: ")
	}
	require.Empty(t, told)
	require.NoError(t, os.RemoveAll(filepath.Dir(inTheWay)))
	f.until(func() bool { return len(told) > 0 })
	require.Len(t, f.records(), 1)
	for _, s := range told[0].Standings {
		require.Equal(t, board.New, s.Word)
	}
}

// A campaign that has the name of one that was removed is kept beside it.
func TestANameIsUsedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, seeds := range []uint64{100, 60} {
		f.campaign.ID, f.campaign.Seeds = "", seeds
		require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
		f.until(func() bool { return len(f.kept(f.campaign.Key()+".state.json")) > 0 })
		require.NoError(t, f.queue.Remove(t.Context(), "monday"))
	}
	require.Len(t, f.kept("monday.*.state.json"), 2)
	records := f.records()
	require.Equal(t, []uint64{100, 60}, []uint64{records[0].Seeds, records[1].Seeds})
}

// brokenQueue has a campaign that it tells nothing of.
type brokenQueue struct {
	fleet.Queue
	broken string
	panics bool
}

func (q brokenQueue) Left(ctx context.Context, c *fleet.Campaign, kind fleet.Kind) (fleet.Left, error) {
	switch {
	case c.Name != q.broken:
		return q.Queue.Left(ctx, c, kind)
	case q.panics:
		panic("no")
	}
	return fleet.Left{}, errors.New("no consumer")
}

// A campaign that cannot be looked after does not keep the steward from the others.
func TestABrokenCampaignIsAlone(t *testing.T) {
	t.Parallel()
	for _, panics := range []bool{false, true} {
		f := newFleet(t)
		broken := *f.campaign
		broken.Name = "a-broken-one"
		for _, c := range []*fleet.Campaign{&broken, f.campaign} {
			require.NoError(t, fleet.Submit(t.Context(), f.queue, c))
		}
		require.NoError(t, fleet.Await(t.Context(), f.queue, f.campaign, 10*time.Millisecond))
		f.steward.Queue, f.steward.Watch = brokenQueue{f.queue, broken.Name, panics}, &steward.Watch{}
		require.ErrorContains(t, f.steward.Round(t.Context(), f.now()), "campaign a-broken-one: ")
		require.True(t, f.hasState("monday"))
	}
}

// The folder of a failure has no commit of an earlier search, and failures of other plans have
// folders of their own.
func TestTheFolderOfAFailure(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	folders := map[int]int{} // by round
	for i, nodes := range []int{0, 0, 5} {
		f.campaign.Name, f.campaign.ID, f.campaign.Plans.Nodes, f.campaign.Probe = fmt.Sprint("day-", i), "", nodes, nil
		var err error
		f.campaign.Probe, err = f.program.Probe(t.Context(), t.TempDir(), f.campaign)
		require.NoError(t, err)
		for _, folder := range f.kept("failure-canary-*") {
			require.NoError(t, os.WriteFile(filepath.Join(folder, "bisect.txt"), []byte("old"), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(folder, "bisect.json"), []byte("{}"), 0o600))
		}
		require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
		f.until(func() bool { return f.hasState(f.campaign.Name) })
		folders[i] = len(f.kept("failure-canary-*"))
		if i == 1 {
			require.Empty(t, f.kept("failure-canary-*/bisect.*"))
		}
	}
	require.Equal(t, folders[0], folders[1])
	require.Greater(t, folders[2], folders[1])
	require.Len(t, f.kept("failure-canary-*/bisect.*"), 2*folders[1], "the third campaign has left them alone")
}

// Campaigns that have ended meanwhile are compared in the order in which they were submitted.
func TestTheOrderOfRecords(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	begin := time.Now().UTC()
	names := []string{"c", "a", "b"}
	for i, name := range names {
		f.campaign.Name, f.campaign.ID, f.campaign.Submitted = name, "", begin.Add(time.Duration(i)*time.Minute)
		require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
		require.NoError(t, fleet.Await(t.Context(), f.queue, f.campaign, 10*time.Millisecond))
	}
	f.until(func() bool { return len(f.kept("*.state.json")) == len(names) })
	for i, r := range f.records() {
		require.Equal(t, "lockstep fleet status "+names[i], r.Command)
	}
}
