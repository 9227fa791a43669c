package harness_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/harness"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/rapidplan"
	"pgregory.net/rapid"
)

// This file shows the tests of a system of your own: put it in the place of mine. A
// failure's message begins with one line that repeats it, in every kind of test.

var mine = lockstep.System()

// Seeds, on all cores. This is the fastest way to find a failure.
//
//	go test -run TestMine . -lockstep.seeds=100000
func TestMine(t *testing.T) { harness.Test(t, mine, harness.Options{Seeds: 300}) }

// Plans that are guided by the coverage that the fuzzing engine observes:
//
//	go test -fuzz FuzzMine .
func FuzzMine(f *testing.F) { harness.Fuzz(f, mine, harness.Options{}) }

// A property under rapid, which makes failing plans as small as it can.
// -rapid.checks sets the number of plans.
func TestMineUnderRapid(t *testing.T) {
	if testing.Short() {
		t.Skip("rapid tries 100 plans")
	}
	rapid.Check(t, func(t *rapid.T) {
		campaign.Require(t, mine, rapidplan.Plan(mine.Shape(scenarios.Shape{Profile: scenarios.All})).Draw(t, "plan"))
	})
}

// A command is a value, too. Its errors are returned, with their exit codes.
func ExampleCommand() {
	cmd, err := harness.Command(canary.System()) // it fails on purpose
	if err != nil {
		fmt.Println(err)
		return
	}
	cmd.SetArgs([]string{"replay", "2"})
	cmd.SetOut(io.Discard)
	var coded *cli.Error
	if errors.As(cmd.Execute(), &coded) {
		fmt.Println(coded.Code, int(coded.Code))
	}
	// Output: violated 1
}
