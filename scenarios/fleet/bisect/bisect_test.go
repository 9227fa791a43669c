package bisect_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet/bisect"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/fleettest"
	"github.com/stretchr/testify/require"
)

// One of eight commits brings a failure, and the one before it does not build. The search
// finds it, with the plan that a campaign of the last commit has found and made small.
func TestTheCommitOfAFailureIsFound(t *testing.T) {
	repo := fleettest.NewRepository(t)
	b, err := bisect.Open(t.Context(), repo.Dir, ".", t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	last := fleettest.Commits - 1
	plan := findPlan(t, b, repo.Commits[last])

	var told []bisect.Step
	s := &bisect.Search{Builder: b, Good: repo.Commits[0], Bad: "main", Plan: plan, Tell: func(step bisect.Step) { told = append(told, step) }}
	r, err := s.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, repo.Commits[fleettest.Regression], r.First)
	require.Equal(t, "Change 5", r.Subject)
	require.Equal(t, []string{repo.Commits[fleettest.DoesNot]}, r.Suspects, "it may be the first: it does not build")
	require.Equal(t, repo.Commits[last], r.Bad)
	require.NotEmpty(t, r.Signature)
	require.Equal(t, r.Steps, told)
	require.Contains(t, told, bisect.Step{Commit: repo.Commits[fleettest.Regression], Outcome: bisect.Shows})
	for _, step := range told {
		if step.Commit == repo.Commits[fleettest.DoesNot] {
			require.Equal(t, bisect.Skipped, step.Outcome)
			require.Contains(t, step.Reason, "main redeclared")
		}
	}
	require.NotContains(t, listOf(t, repo.Dir), "source", "the repository is left alone")

	// Ends that are not as they are to be.
	s.Good = repo.Commits[fleettest.Regression]
	_, err = s.Run(t.Context())
	require.ErrorIs(t, err, bisect.ErrGood)
	s.Good, s.Bad = repo.Commits[0], repo.Commits[1]
	s.Signature = r.Signature
	_, err = s.Run(t.Context())
	require.ErrorIs(t, err, bisect.ErrBad)
	s.Good, s.Bad = repo.Commits[3], repo.Commits[1]
	_, err = s.Run(t.Context())
	require.ErrorContains(t, err, "want a good commit in the history of the bad one")

	// A replay that does not end is skipped, and the search does not wait for it.
	s.Good, s.Bad, s.Limit = repo.Commits[0], repo.Commits[last], time.Nanosecond
	_, err = s.Run(t.Context())
	require.ErrorContains(t, err, "the replay did not end within 1ns")
}

// findPlan runs a campaign of a commit, and returns the small plan of its first failure.
func findPlan(t *testing.T, b *bisect.Builder, commit string) string {
	program, err := b.Build(t.Context(), commit)
	require.NoError(t, err)
	out := t.TempDir()
	text, err := exec.CommandContext(t.Context(), program, "fuzz", "--seeds", "20", "--out", out).CombinedOutput()
	require.Error(t, err, "%s", text)
	plans, err := filepath.Glob(filepath.Join(out, "*", "shrunk.json"))
	require.NoError(t, err)
	require.NotEmpty(t, plans, "%s", text)
	return plans[0]
}

func listOf(t *testing.T, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestWrongRepositories(t *testing.T) {
	_, err := bisect.Open(t.Context(), t.TempDir(), ".", t.TempDir())
	require.ErrorIs(t, err, bisect.ErrRepo)
	_, err = bisect.Open(t.Context(), t.TempDir(), "", t.TempDir())
	require.ErrorContains(t, err, "want the package of the program, as in ./cmd/mine")
}
