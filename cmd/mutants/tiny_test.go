package main

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tiny is a module with a driver of its own and mutants for each way in which a
// mutant can end.
func tiny(t *testing.T) (module, []*mutant) {
	root, err := filepath.Abs(filepath.Join("testdata", "tiny"))
	require.NoError(t, err)
	all, err := load(filepath.Join(root, "mutants"))
	require.NoError(t, err)
	return module{root, "driver"}, all
}

// tinyFindings tests the mutants of tiny that its driver contains, without the times.
func tinyFindings(t *testing.T, p *programs, all []*mutant) map[string]finding {
	o := &options{settings: settings{starts: 3, seeds: 120, cpu: time.Second}, ablationSeeds: 60}
	found := map[string]finding{}
	for _, m := range all {
		if p.uncontained[m] != "" {
			continue
		}
		f, err := o.testMutant(t.Context(), p, t.TempDir(), m)
		require.NoError(t, err)
		f.Seconds, f.Worst = 0, 0
		found[m.name] = f
	}
	return found
}

func TestTiny(t *testing.T) {
	m, all := tiny(t)
	p, err := m.prepare(t.Context(), t.TempDir(), all)
	require.NoError(t, err)
	woven := tinyFindings(t, p, all)
	t.Run("verdicts", func(t *testing.T) { requireVerdicts(t, woven) })
	t.Run("builds", func(t *testing.T) { requireBuilds(t, p) })
	t.Run("refused", func(t *testing.T) { requireRefused(t, p) })
	t.Run("selector", func(t *testing.T) { requireSelector(t, p) })
	t.Run("apart", func(t *testing.T) {
		p.setAllApart(all)
		requireEqual(t, woven, tinyFindings(t, p, all))
	})
}

// An ablation that does not end is undecided: the mutant stays killed, and the other parts
// are measured.
func TestAblationWithoutEnd(t *testing.T) {
	m, all := tiny(t)
	all = slices.DeleteFunc(all, func(m *mutant) bool { return m.name != "late" })
	p, err := m.prepare(t.Context(), t.TempDir(), all)
	require.NoError(t, err)
	o := &options{settings: settings{starts: 3, seeds: 120, cpu: time.Minute}, ablate: true, ablationSeeds: 500, ablationCPU: time.Second}
	f, err := o.testMutant(t.Context(), p, t.TempDir(), all[0])
	require.NoError(t, err)
	require.Equal(t, killed, f.Status)
	require.Len(t, f.Ablated, len(parts))
	require.Equal(t, []string{"clocks?"}, f.missedWithout())
	table := &table{ablated: true, Findings: []finding{f}}
	table.finish(all, 0)
	require.Equal(t, ablation{Without: "clocks", Missed: []string{}, Undecided: []string{"late"}}, table.Ablation[slices.Index(parts, "clocks")])
	require.Contains(t, table.markdown(), "| clocks | 0 of 0 | 0 | 0 |  | late |\n")
}

// Each mutant of the tiny module has its verdict, at its seed.
func requireVerdicts(t *testing.T, found map[string]finding) {
	verdicts := map[string]string{}
	for name, f := range found {
		verdicts[name] = f.Status
		if f.Status == killed {
			verdicts[name] += " by " + f.Property
		}
	}
	require.Equal(t, map[string]string{
		"always-wrong":  "killed by counter/sum",
		"blank":         "killed by counter/second",
		"generic":       "killed by counter/generic",
		"harmless":      survived,
		"late":          "killed by counter/sum",
		"named":         "killed by counter/sum",
		"lower-limit":   "killed by counter/limit",
		"nonsense":      broken,
		"not-recovered": "killed by assertion/panic",
		"panics":        "killed by assertion/panic",
		"spins":         undecided,
		"third":         "killed by counter/second",
		"two-functions": "killed by assertion/panic",
		"unnamed":       "killed by counter/reset",
	}, verdicts)
	require.Equal(t, uint64(38), found["late"].Seeds, "the first seed is 0, and 37 fails")
	require.Equal(t, uint64(120), found["harmless"].Seeds)
	require.Contains(t, found["spins"].Problem, "used up the processor time of 1s")
	require.Contains(t, found["nonsense"].Problem, "undefined: nonsense")
}

// A mutant is woven unless a reason is told.
func requireBuilds(t *testing.T, p *programs) {
	require.Len(t, p.numbers, 11)
	apart := map[string]string{}
	for m, why := range p.apart {
		apart[m.name] = why
	}
	require.Equal(t, map[string]string{
		"lower-limit":   "it changes a declaration that is not a function's",
		"nonsense":      "it does not compile when woven",
		"not-recovered": "Guarded recovers from panics, which only the function that was deferred can",
		"third":         "it changes the signature of Second",
	}, apart)
}

// Woven mutants are found as those in builds of their own are: by the same property,
// at the same seed.
func requireEqual(t *testing.T, woven, apart map[string]finding) {
	require.Contains(t, apart["nonsense"].Problem, "undefined: nonsense")
	for _, all := range []map[string]finding{woven, apart} { // the words of the compiler have the directory in them
		f := all["nonsense"]
		f.Problem = ""
		all["nonsense"] = f
	}
	require.Equal(t, apart, woven)
}

// A mutant that the driver does not contain is refused by name, with the remedy.
func requireRefused(t *testing.T, p *programs) {
	require.EqualError(t, p.refuse(), `no campaign can reach these mutants; test them with --tests, or leave them out with --only:
always-fails: link/link.go is in no package of driver
closed: link/link.go is in no package of driver
dies: link/link.go is in no package of driver
size: link/link.go is in no package of driver
unused: nothing in driver calls the code that it changes, in counter/counter.go
waits: link/link.go is in no package of driver`)
	require.NoError(t, (&programs{}).refuse())
}

// A woven program that is not told its mutant does not run: as the original it would
// let every mutant survive.
func requireSelector(t *testing.T, p *programs) {
	said, err := guarded(t.Context(), time.Minute, p.woven).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(said), selector)
}
