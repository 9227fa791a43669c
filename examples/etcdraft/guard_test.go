package etcdraft_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/examples/etcdraft"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

func TestGuardLook(t *testing.T) {
	for _, b := range []etcdraft.Bug{etcdraft.Bug(*one)} {
		sys := etcdraft.System(b)
		c := campaign.Campaign{System: sys, Shape: scenarios.Shape{Profile: scenarios.All}, Start: *start, Seeds: *seeds, Guard: 100, Workers: 2}
		sum, err := c.Run(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(b, sum.Differed)
		for _, g := range sum.Groups {
			t.Logf("%s: %d, first %d", g.Signature, g.Count, g.First)
		}
		for i := 0; i < 4 && i < len(sum.Differed); i++ {
			d, err := play.FindDifference(t.Context(), sys, c.Plan(sum.Differed[i]))
			fmt.Println(d, err)
		}
	}
}
