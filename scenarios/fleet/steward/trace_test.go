package steward_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/bisect"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/fleettest"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/steward"
	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
	"github.com/stretchr/testify/require"
)

// A campaign of each commit, as a fleet runs it for a project: the failure that one of them
// brings is new, and its commit is found without a person.
func TestAFailureIsTracedBackToItsCommit(t *testing.T) {
	t.Parallel()
	repo := fleettest.NewRepository(t)
	b, err := bisect.Open(t.Context(), repo.Dir, ".", t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	f := newFleet(t)
	f.steward.Repository = &steward.Repository{Dir: repo.Dir, Package: ".", Temp: t.TempDir()}
	ended := map[string]*steward.Ending{}
	f.steward.Tell = func(_ context.Context, e *steward.Ending) error {
		ended[e.Name] = e
		return nil
	}
	f.runCommit(b, "first", repo.Commits[0])
	f.runCommit(b, "last", repo.Commits[fleettest.Commits-1])

	require.Equal(t, fleet.Passed, ended["first"].Verdict)
	require.Empty(t, ended["first"].Culprits)
	last := ended["last"]
	require.Equal(t, fleet.Failed, last.Verdict)
	require.NotEmpty(t, last.Culprits)
	for _, c := range last.Culprits {
		require.Empty(t, c.Trouble)
		require.Equal(t, repo.Commits[fleettest.Regression], c.Result.First, c.Signature)
		require.Equal(t, repo.Commits[0], c.Result.Good, "the commit of the earlier campaign")
	}
	for _, s := range last.Standings {
		require.Equal(t, board.New, s.Word)
	}
	kept, err := filepath.Glob(filepath.Join(f.steward.Out, "failure-kv-*", "bisect.txt"))
	require.NoError(t, err)
	require.NotEmpty(t, kept)
	text, err := os.ReadFile(kept[0])
	require.NoError(t, err)
	require.Contains(t, string(text), " came with commit "+repo.Commits[fleettest.Regression]+": Change 5\n")
}

// runCommit runs a campaign of the program of a commit to its end.
func (f *testFleet) runCommit(b *bisect.Builder, name, commit string) {
	path, err := b.Build(f.t.Context(), commit)
	require.NoError(f.t, err)
	program, err := fleet.OpenProgram(path, 1)
	require.NoError(f.t, err)
	f.campaign.Name, f.campaign.Commit, f.campaign.Build, f.campaign.Program, f.campaign.Probe = name, commit, program.Build, program.Hash, nil
	f.campaign.Seeds, f.campaign.Lease = 20, 30*time.Second
	f.campaign.Probe, err = program.Probe(f.t.Context(), f.t.TempDir(), f.campaign)
	require.NoError(f.t, err)
	require.NoError(f.t, fleet.SubmitProgram(f.t.Context(), f.queue, f.campaign, program))
	f.until(func() bool { return f.hasState(name) })
}
