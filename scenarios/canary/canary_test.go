package canary_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/stretchr/testify/require"
)

// One seed in a hundred fails, in four ways, and a campaign finds exactly these,
// under every profile.
func TestCampaignFindsPlantedFailures(t *testing.T) {
	const seeds = 3000
	want := map[string]*campaign.Group{}
	var failing uint64
	for seed := range uint64(seeds) {
		signature := canary.FailureOf(seed).Signature()
		if signature == "" {
			continue
		}
		failing++
		if want[signature] == nil {
			want[signature] = &campaign.Group{Signature: signature, First: seed}
		}
		want[signature].Count++
	}
	require.Len(t, want, 4)
	require.InDelta(t, seeds/100, failing, 12)
	for _, profile := range scenarios.FaultProfiles() {
		c := campaign.Campaign{System: canary.System(), Shape: scenarios.Shape{Profile: profile}, Seeds: seeds}
		sum, err := c.Run(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, failing, sum.Failed, profile)
		require.Len(t, sum.Groups, 4)
		for _, g := range sum.Groups {
			require.Equal(t, want[g.Signature], g)
		}
		require.Equal(t, []string{"canary/never"}, sum.NeverHit(c.System))
	}
}
