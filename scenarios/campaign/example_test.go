package campaign_test

import (
	"context"
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
)

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
