package etcdraft_test

import (
	"flag"
	"syscall"
	"testing"

	"github.com/lockstep-dst/lockstep/examples/etcdraft"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
)

var (
	seeds = flag.Uint64("seeds", 300, "seeds of the campaign over the correct use")
	start = flag.Uint64("start", 0, "its first seed")
	one   = flag.String("bug", "", "for TestLook")
)

func TestLook(t *testing.T) {
	begin := cpu()
	c := campaign.Campaign{System: etcdraft.System(etcdraft.Bug(*one)), Shape: scenarios.Shape{Profile: scenarios.All}, Start: *start, Seeds: *seeds, Guard: 2, Workers: 1}
	sum, err := c.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range sum.Groups {
		t.Logf("%s: %d, first %d", g.Signature, g.Count, g.First)
	}
	t.Logf("%+v differed %v %.1f seeds/s", sum.Outcomes, sum.Differed, float64(sum.Seeds)/(cpu()-begin))
	t.Logf("%+v", sum)
}

func cpu() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
