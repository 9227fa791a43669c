package origin_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// Each plan in testdata/plans shows one way in which the origin's protocol breaks;
// one-client.json shows that it works. Beside each are its verdict and its trace.
func TestPlans(t *testing.T) {
	files, err := filepath.Glob("../../testdata/plans/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(file, ".json")
		t.Run(filepath.Base(name), func(t *testing.T) {
			p := readPlan(t, file)
			if p.System != origin.System().Name {
				t.Skip("a plan for", p.System)
			}
			var trace strings.Builder
			r, err := play.Run(t.Context(), origin.System(), p, play.Options{Trace: func(l sim.TraceLine) {
				if isShown(l) {
					fmt.Fprintln(&trace, l)
				}
			}})
			require.NoError(t, err)
			golden.Equal(t, name+".verdict.txt", r.Text(p))
			golden.Equal(t, name+".trace.txt", trace.String())
		})
	}
}

func readPlan(t *testing.T, file string) *scenarios.Plan {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	p, err := scenarios.Decode(text)
	require.NoError(t, err)
	return p
}

// isShown reports whether a trace line is kept. A message that arrives was sent, so
// of the sends only lost and changed ones are kept. Receipts, timers and boots
// without consequences are left out.
func isShown(l sim.TraceLine) bool {
	switch {
	case l.Message != nil && strings.HasPrefix(l.Message.FateName(), "receipt "):
		return strings.Contains(l.Text, "lost: override")
	case l.Message != nil && l.To != 0:
		return strings.Contains(l.Text, "lost") || strings.Contains(l.Text, " and ")
	}
	return !strings.HasPrefix(l.Text, "timer ") && !strings.HasSuffix(l.Text, "life 1") && l.Text != "boot 1"
}

// The failures of all plans, at a glance.
func TestTheOriginBreaksInTheseWays(t *testing.T) {
	for name, want := range map[string]string{
		"one-client":              "",
		"two-clients":             "agreement/fork",
		"fork":                    "agreement/fork",
		"roaming-client":          "linearizability/read",
		"lost-commit":             "convergence/states-differ",
		"commit-after-a-lost-one": "agreement/illegal-transition",
		"overtaken-commit":        "agreement/illegal-transition",
		"duplicated-commit":       "agreement/applied-twice",
		"lost-receipt":            "agreement/applied-twice",
		"false-reject":            "linearizability/rejected-illegal",
		"restart-forgets":         "linearizability/read",
		"restart-forks":           "agreement/fork-after-restart",
		"partition":               "linearizability/read",
		"one-way":                 "linearizability/read",
	} {
		p := readPlan(t, "../../testdata/plans/"+name+".json")
		r, err := play.Run(t.Context(), origin.System(), p, play.Options{})
		require.NoError(t, err)
		require.Equal(t, want, r.Signature(), name)
	}
}
