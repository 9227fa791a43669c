package play_test

import (
	"context"
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// A run is a function of its plan.
func ExampleRun() {
	sys := canary.System() // it fails on purpose, in some seeds
	plan := scenarios.Generate(180, sys.Shape(scenarios.Shape{Profile: scenarios.All}))
	result, err := play.Run(context.Background(), sys, plan, play.Options{})
	fmt.Println(result.Status, result.Signature(), err)
	again, _ := play.Run(context.Background(), sys, plan, play.Options{})
	fmt.Println(again.Hash == result.Hash)
	// Output:
	// violated canary/planted <nil>
	// true
}
