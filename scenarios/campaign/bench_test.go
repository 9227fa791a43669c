package campaign_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/stretchr/testify/require"
)

// One core: from the seed to the verdict.
func BenchmarkCampaign(b *testing.B) {
	for _, profile := range []scenarios.Profile{scenarios.None, scenarios.All} {
		b.Run(string(profile), func(b *testing.B) {
			c := campaignOf(origin.System(), profile, 0)
			var seed, messages, operations uint64
			for b.Loop() {
				r, err := campaign.Run(b.Context(), c.System, c.Plan(seed), campaign.Options{})
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
