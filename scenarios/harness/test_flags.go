package harness

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
)

// testFlags holds the flags of a test binary. They override Options.
var testFlags struct {
	seeds, start uint64
	budget       time.Duration
	profile      string
	plan         string
	shrink       int
	keep         bool
}

// Flags are for test binaries only: a program that imports the package has its own.
func init() {
	if !testing.Testing() {
		return
	}
	f := &testFlags
	flag.Uint64Var(&f.seeds, "lockstep.seeds", 0, "seeds of each harness.Test (0: its own number)")
	flag.Uint64Var(&f.start, "lockstep.start", 0, "first seed of each harness.Test")
	flag.DurationVar(&f.budget, "lockstep.for", 0, "run the seeds of each harness.Test for this time, and not a number of them")
	flag.StringVar(&f.profile, "lockstep.profile", "", "families of faults: none, network, crash, disk or all")
	flag.StringVar(&f.plan, "lockstep.plan", "", "run only the plan in this file, from the directory of the package")
	flag.IntVar(&f.shrink, "lockstep.shrink", 0, "runs to make the plan of a failure small (0: its own number, -1: none)")
	flag.BoolVar(&f.keep, "lockstep.keep", true, "keep the plans of failures, to be tried first from then on")
}

// override applies the flags that were given.
func (o *Options) override(c *campaign.Campaign) {
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if given["lockstep.seeds"] && testFlags.seeds > 0 {
		c.Seeds = testFlags.seeds
	}
	if given["lockstep.start"] {
		c.Start = testFlags.start
	}
	if given["lockstep.for"] {
		if c.For = testFlags.budget; testFlags.seeds == 0 {
			c.Seeds = 0
		}
	}
	if given["lockstep.profile"] {
		c.Shape.Profile = scenarios.FaultProfile(testFlags.profile)
	}
	if given["lockstep.shrink"] && testFlags.shrink != 0 {
		o.ShrinkRuns = testFlags.shrink
	}
}

// givenPlan returns the name of a file with the plan to run in place of all others, from
// the flag or from the environment.
func givenPlan() string {
	if testFlags.plan != "" {
		return testFlags.plan
	}
	return os.Getenv(campaign.PlanVariable)
}
