package campaign_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/stretchr/testify/require"
)

// The saved files suffice to run the plan again, to check its history without a
// run, and to read the trace.
func TestSaveKeepsAllOfARun(t *testing.T) {
	c := campaignOf(origin.System(), scenarios.All, 0)
	for seed := range uint64(20) {
		p := c.Plan(seed)
		dir := filepath.Join(t.TempDir(), "failures", "origin")
		r, err := campaign.Save(t.Context(), dir, c.System, p, play.Options{})
		require.NoError(t, err)
		files := readAll(t, dir)

		again, err := scenarios.Decode(files["plan.json"])
		require.NoError(t, err)
		require.Equal(t, p, again)

		h, err := history.Read(bytes.NewReader(files["history.jsonl"]))
		require.NoError(t, err)
		require.Equal(t, r.History.Definitions, h.Definitions)
		require.ElementsMatch(t, r.History.Operations, h.Operations)

		require.Equal(t, r.Text(p), string(files["verdict.txt"]))
		unordered := r.Violation != nil && r.Violation.Property == "linearizability"
		require.Equal(t, unordered, strings.Contains(string(files["verdict.txt"]), "contradict each other"))
		require.Len(t, files, 4)
		require.NotEmpty(t, files["trace.txt"])
	}
}

// Saved twice, the files are the same to the byte: they do not depend on the time,
// the host or the run before.
func TestWhatIsSavedIsAFunctionOfThePlan(t *testing.T) {
	c := campaignOf(origin.System(), scenarios.All, 0)
	for seed := range uint64(10) {
		var saved [2]map[string][]byte
		for i := range saved {
			dir := t.TempDir()
			_, err := campaign.Save(t.Context(), dir, c.System, c.Plan(seed), play.Options{})
			require.NoError(t, err)
			saved[i] = readAll(t, dir)
		}
		require.Equal(t, saved[0], saved[1])
	}
}

func TestSaveSaysWhereItCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "taken")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	c := campaignOf(origin.System(), scenarios.None, 0)
	_, err := campaign.Save(t.Context(), file, c.System, c.Plan(1), play.Options{})
	require.ErrorContains(t, err, file)
}

func readAll(t *testing.T, dir string) map[string][]byte {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files := map[string][]byte{}
	for _, e := range entries {
		files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
	}
	return files
}
