package campaign_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/stretchr/testify/require"
)

// One client and no faults are no challenge.
func TestOriginServesOneClient(t *testing.T) {
	require.Empty(t, originGroups(t, scenarios.None, 1))
}

// A second client is enough to break it, and each family of faults breaks it in
// further ways.
func TestOriginBreaks(t *testing.T) {
	for _, c := range []struct {
		profile scenarios.FaultProfile
		clients int
		want    []string
	}{
		{scenarios.None, 2, []string{"agreement/fork"}},
		{scenarios.Crashes, 1, []string{"agreement/illegal-transition", "linearizability/read"}},
		{scenarios.Network, 1, []string{"agreement/applied-twice", "agreement/illegal-transition"}},
		{scenarios.All, 0, []string{
			"agreement/applied-twice", "agreement/fork", "agreement/fork-after-restart", "agreement/illegal-transition",
			"linearizability/read", "linearizability/rejected-illegal",
		}},
	} {
		require.Subset(t, originGroups(t, c.profile, c.clients), c.want, "profile %s", c.profile)
	}
}

// originGroups lists the signatures of 500 seeds.
func originGroups(t *testing.T, profile scenarios.FaultProfile, clients int) (signatures []string) {
	c := campaignOf(origin.System(), profile, 500)
	c.Shape.Clients = clients
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	require.Zero(t, sum.Undecided)
	var failed uint64
	for _, g := range sum.Groups {
		signatures = append(signatures, g.Signature)
		failed += g.Count
	}
	require.Equal(t, sum.Failed, failed)
	t.Logf("%s, %d clients: %d of %d seeds fail: %v", profile, clients, failed, sum.Seeds, describe(sum.Groups))
	return signatures
}

func describe(groups []*campaign.Group) map[string]uint64 {
	counts := map[string]uint64{}
	for _, g := range groups {
		counts[g.Signature] = g.Count
	}
	return counts
}
