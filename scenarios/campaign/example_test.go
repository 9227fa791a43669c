package campaign_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/rapidplan"
	"pgregory.net/rapid"
)

// This file shows the tests of a system of your own: put it in the place of mine. A
// failure's message begins with one line that repeats it, in every kind of test.

var mine = lockstep.System()

func shapeOfMine() scenarios.Shape {
	return scenarios.Shape{
		System: mine.Name, Definitions: mine.Definitions, Versions: mine.Versions, Retires: mine.Retires,
		Majority: mine.Majority, Profile: scenarios.All,
	}
}

// Seeds, on all cores. This is the fastest way to find a failure.
func TestMineOverSeeds(t *testing.T) {
	c := campaign.Campaign{System: mine, Shape: scenarios.Shape{Profile: scenarios.All}, Seeds: 300, Guard: 2}
	if testing.Short() {
		c.Seeds = 30
	}
	campaign.RequireSeeds(t, c)
}

// A property under rapid, which makes failing plans as small as it can.
// -rapid.checks sets the number of plans.
func TestMineUnderRapid(t *testing.T) {
	if testing.Short() {
		t.Skip("rapid tries 100 plans")
	}
	rapid.Check(t, func(t *rapid.T) {
		campaign.Require(t, mine, rapidplan.Plan(shapeOfMine()).Draw(t, "plan"))
	})
}

// The same property, guided by the coverage that the fuzzing engine observes:
//
//	go test -fuzz FuzzMine ./scenarios/campaign
func FuzzMine(f *testing.F) {
	run := campaign.Fuzz(f, mine, scenarios.Shape{Profile: scenarios.All})
	f.Fuzz(func(t *testing.T, data []byte) { run(t, data) })
}

// Outside of a test, a campaign is a value, and so is its result.
func Example() {
	c := campaign.Campaign{
		System: canary.System(), // it fails on purpose
		Shape:  scenarios.Shape{Profile: scenarios.All},
		Seeds:  200,
	}
	sum, err := c.Run(context.Background(), nil)
	fmt.Println(sum.Failed, "of", sum.Seeds, "failed, error:", err)
	for _, g := range sum.Groups {
		fmt.Println(g.Signature, "first in seed", g.First)
	}
	// Output:
	// 4 of 200 failed, error: <nil>
	// liveness/client-stuck first in seed 2
	// assertion/panic-the-canary-dies-as-it-should-in-this-seed-in-canary-client-step first in seed 53
	// linearizability/committed first in seed 165
	// canary/planted first in seed 180
}
