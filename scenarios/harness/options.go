package harness

import (
	"cmp"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
)

// Options are the options of Test and Fuzz. The zero value is a good start. Flags of
// the test binary take precedence: see Test.
type Options struct {
	Shape        scenarios.Shape // of the plans: the families of faults (empty: all) and numbers; the fields about the system are set from it
	Start        uint64          // the first seed
	Seeds        uint64          // how many; 0: DefaultSeeds
	ShortSeeds   uint64          // how many with -short; 0: a tenth, and at least one
	Guard        int             // percent of seeds that run twice to catch nondeterminism; 0: DefaultGuard, negative: none
	Workers      int             // runs at the same time; 0: one per processor
	CheckTimeout time.Duration   // for the check of one history, which is undecided after it; 0: campaign.DefaultCheckTimeout
	ShrinkRuns   int             // runs to make the plan of a failure small; 0: DefaultShrinkRuns, negative: none
	Dir          string          // where the plans of failures are kept, in a directory of the system's name; empty: DefaultDir
}

// The defaults of Options, and of the command fuzz where it has the same ones.
const (
	DefaultSeeds      = 1000
	DefaultGuard      = 2
	DefaultShrinkRuns = 2000
	DefaultDir        = "testdata/lockstep"
)

// Validate names the first field that is out of bounds.
func (o *Options) Validate(sys scenarios.System) error {
	if err := systemList([]scenarios.System{sys}).validate(); err != nil {
		return err
	}
	return o.campaign(sys, false).Validate()
}

// campaign returns the campaign that the options and the flags describe.
func (o *Options) campaign(sys scenarios.System, short bool) *campaign.Campaign {
	c := &campaign.Campaign{
		System: sys, Shape: o.shape(), Start: o.Start, Seeds: o.seeds(short), Workers: o.Workers, Guard: cmp.Or(o.Guard, DefaultGuard),
	}
	c.Options.CheckTimeout = o.CheckTimeout
	if c.Guard < 0 {
		c.Guard = 0
	}
	return c
}

func (o *Options) seeds(short bool) uint64 {
	seeds := cmp.Or(o.Seeds, DefaultSeeds)
	if short {
		return cmp.Or(o.ShortSeeds, max(1, seeds/10))
	}
	return seeds
}

func (o *Options) shape() scenarios.Shape {
	s := o.Shape
	s.Profile = cmp.Or(s.Profile, scenarios.All)
	return s
}
