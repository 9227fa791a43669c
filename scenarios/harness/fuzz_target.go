package harness

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
)

// Fuzz is a native fuzz target of a system:
//
//	func FuzzMine(f *testing.F) { harness.Fuzz(f, mine.System(), harness.Options{}) }
//
// Each input is a plan of Options.Shape, and the message of one that fails begins with a
// line that repeats it: see campaign.Fuzz. The other options are for Test.
// -lockstep.profile and -lockstep.plan override them.
func Fuzz(f *testing.F, sys scenarios.System, o Options) {
	f.Helper()
	if err := o.Validate(sys); err != nil {
		f.Fatal(err)
	}
	c := o.campaign(sys, false)
	o.override(c)
	if testFlags.plan != "" {
		f.Setenv(campaign.PlanVariable, testFlags.plan)
	}
	run := campaign.Fuzz(f, sys, c.Shape)
	f.Fuzz(func(t *testing.T, data []byte) { run(t, data) })
}
