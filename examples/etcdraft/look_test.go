package etcdraft_test

import (
	"bufio"
	"fmt"
	"os"
	"testing"

	"github.com/lockstep-dst/lockstep/examples/etcdraft"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
)

func TestTrace(t *testing.T) {
	sys := etcdraft.System(etcdraft.Bug(*one))
	c := campaign.Campaign{System: sys, Shape: scenarios.Shape{Profile: scenarios.All}}
	p := c.Plan(*start)
	fmt.Println(p.Seed, p.Knobs, p.Settings, p.Heal, p.Trip())
	f, _ := os.Create("/tmp/wt/raft-trace.txt")
	w := bufio.NewWriter(f)
	r, err := play.Run(t.Context(), sys, p, play.Options{Explain: true, Trace: func(l sim.TraceLine) { fmt.Fprintln(w, l) }})
	w.Flush()
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != play.Passed {
		fmt.Println(r.Text(p))
	}
}
