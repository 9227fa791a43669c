// Package faulty has fuzz targets of systems with known faults, and of nothing at
// all. They fail, and so no ./... comes here: the tests of campaign run them.
package faulty

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
)

// noSeeds takes away what a target begins with but for the empty input, so that
// the engine has to come by everything itself.
type noSeeds struct{ *testing.F }

func (f noSeeds) Add(args ...any) {
	if len(args[0].([]byte)) == 0 {
		f.F.Add(args...)
	}
}

// The protocol of the origin, in which a bad network is enough.
func FuzzOrigin(f *testing.F) {
	run := campaign.Fuzz(noSeeds{f}, origin.System(), scenarios.Shape{Profile: scenarios.All})
	f.Fuzz(func(t *testing.T, data []byte) { run(t, data) })
}

// The same without any fault: two clients have to meet on one machine.
func FuzzOriginWithoutFaults(f *testing.F) {
	run := campaign.Fuzz(noSeeds{f}, origin.System(), scenarios.Shape{Profile: scenarios.None})
	f.Fuzz(func(t *testing.T, data []byte) { run(t, data) })
}

// The node, which passes: this is to see whether the engine is led by it.
func FuzzNode(f *testing.F) {
	run := campaign.Fuzz(noSeeds{f}, lockstep.System(), scenarios.Shape{Profile: scenarios.All})
	f.Fuzz(func(t *testing.T, data []byte) { run(t, data) })
}

// A target that forgets to run anything.
func FuzzNothing(f *testing.F) {
	campaign.Fuzz(f, origin.System(), scenarios.Shape{Profile: scenarios.All})
	f.Fuzz(func(*testing.T, []byte) {})
}
