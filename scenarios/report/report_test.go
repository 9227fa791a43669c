package report_test

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

var documentFile = flag.String("document", "", "write the document of origin's seed 2, shrunk, to this file")

// plans of origin's seed 2: as it is, and shrunk.
func plansOfSeed2(t *testing.T) (full, shrunk *scenarios.Plan) {
	t.Helper()
	c := campaign.Campaign{System: origin.System(), Shape: scenarios.Shape{Profile: scenarios.All}}
	require.NoError(t, c.Validate())
	full = c.Plan(2)
	small, err := campaign.Shrink(context.Background(), c.System, full, campaign.ShrinkOptions{Runs: 200, Workers: 1})
	require.NoError(t, err)
	return full, small.Plan
}

// The picture in docs is that of the README's failure.
func TestADocumentOfAShrunkFailure(t *testing.T) {
	full, shrunk := plansOfSeed2(t)
	d, err := report.Make(context.Background(), origin.System(), report.Source{
		Shrunk: shrunk, Full: full, Repeat: "go run ./cmd/lockstep replay failures/origin-2-agreement-applied-twice",
	}, report.Options{Full: true})
	require.NoError(t, err)
	require.Equal(t, "agreement/applied-twice", d.Signature)
	var picture strings.Builder
	require.NoError(t, report.WriteSVG(&picture, d, 0))
	golden.Equal(t, "../../docs/failure.svg", picture.String())
	if *documentFile != "" {
		data, err := json.MarshalIndent(d, "", " ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(*documentFile, data, 0o666))
	}
}

// The exports of kept plans, as files.
func TestExports(t *testing.T) {
	for _, plan := range []string{"duplicated-commit", "shrunk-read", "restart-forks"} {
		d := documentOf(t, plan)
		for _, e := range []struct {
			ending string
			write  func(io.Writer, *report.Document, int) error
		}{{".svg", report.WriteSVG}, {".shiviz.log", report.WriteShiViz}, {".mmd", report.WriteMermaid}} {
			t.Run(plan+e.ending, func(t *testing.T) {
				var b strings.Builder
				require.NoError(t, e.write(&b, d, 0))
				golden.Equal(t, filepath.Join("testdata", plan+e.ending), b.String())
			})
		}
	}
}

// documentOf makes the document of a plan in testdata/plans of the module.
func documentOf(t *testing.T, name string) *report.Document {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../testdata/plans", name+".json"))
	require.NoError(t, err)
	p, err := scenarios.Decode(data)
	require.NoError(t, err)
	sys := origin.System()
	if p.System != sys.Name {
		sys = lockstep.System()
	}
	d, err := report.Make(t.Context(), sys, report.Source{Shrunk: p, Repeat: "lockstep replay " + name + ".json"}, report.Options{})
	require.NoError(t, err)
	return d
}

// hashOf is the hash of a run in a document.
func hashOf(t *testing.T, r *report.Run) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(r.Hash, 16, 64)
	require.NoError(t, err)
	return n
}
