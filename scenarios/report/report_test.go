package report_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/report"
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

func TestADocumentOfAShrunkFailure(t *testing.T) {
	full, shrunk := plansOfSeed2(t)
	d, err := report.Make(context.Background(), origin.System(), report.Source{
		Shrunk: shrunk, Full: full, Repeat: "lockstep replay failures/origin-2-agreement-applied-twice",
	}, report.Options{Full: true})
	require.NoError(t, err)
	require.Equal(t, "agreement/applied-twice", d.Signature)
	if *documentFile != "" {
		data, err := json.MarshalIndent(d, "", " ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(*documentFile, data, 0o666))
	}
}
