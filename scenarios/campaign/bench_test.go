package campaign_test

import (
	"fmt"
	"runtime/debug"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/stretchr/testify/require"
)

// A whole campaign of the node, as the command runs it: two workers should do
// nearly twice the work of one. Garbage is collected as rarely as in the command.
func BenchmarkCampaign(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(1600))
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			c := campaignOf(lockstep.System(), scenarios.All, 500)
			c.Workers = workers
			seeds := uint64(0)
			for b.Loop() {
				sum, err := c.Run(b.Context(), nil)
				require.NoError(b, err)
				seeds += sum.Seeds
			}
			b.ReportMetric(float64(seeds)/b.Elapsed().Seconds(), "seeds/s")
		})
	}
}

// One core: from the seed to the verdict.
func BenchmarkRun(b *testing.B) {
	for _, profile := range []scenarios.FaultProfile{scenarios.None, scenarios.All} {
		b.Run(string(profile), func(b *testing.B) {
			c := campaignOf(origin.System(), profile, 0)
			var seed, messages, operations uint64
			for b.Loop() {
				r, err := play.Run(b.Context(), c.System, c.Plan(seed), play.Options{})
				require.NoError(b, err)
				seed++
				messages += r.Stats.Delivered
				operations += uint64(r.Outcomes.Total())
			}
			perSecond := func(n uint64) float64 { return float64(n) / b.Elapsed().Seconds() }
			b.ReportMetric(perSecond(seed), "seeds/s")
			b.ReportMetric(perSecond(messages), "messages/s")
			b.ReportMetric(perSecond(operations), "ops/s")
		})
	}
}
