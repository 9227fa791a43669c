package etcdraft_test

import (
	"fmt"
	"github.com/lockstep-dst/lockstep/examples/etcdraft"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"testing"
)

func TestShrinkLook(t *testing.T) {
	sys := etcdraft.System(etcdraft.Bug(*one))
	for i := range uint64(5) {
		f, _, _ := findFirst(t.Context(), etcdraft.Bug(*one), i*apart, 20_000)
		c := campaign.Campaign{System: sys, Shape: scenarios.Shape{Profile: scenarios.All}}
		small, err := campaign.Shrink(t.Context(), sys, c.Plan(f.seed), 4000, 2)
		if err != nil {
			t.Fatal(err)
		}
		p := small.Plan
		fmt.Println(f, len(p.Operations), len(p.Faults), len(p.Overrides), small.Minimal, small.Runs)
		if i == 0 {
			r, _ := play.Run(t.Context(), sys, p, play.Options{Explain: true})
			fmt.Println(r.Text(p))
		}
	}
}
