package harness

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/stretchr/testify/require"
)

// A campaign lists the things that it did not do as not shown.
func TestNotShown(t *testing.T) {
	hits := scenarios.FamilyHits{scenarios.Drops: 1}
	for _, c := range []struct {
		profile scenarios.FaultProfile
		sum     campaign.Summary
		want    []string
	}{
		{scenarios.All, campaign.Summary{}, []string{"anything, since no seed was run"}},
		{scenarios.All, campaign.Summary{Seeds: 1, Hits: hits}, []string{"anything, since no operation was invoked"}},
		{scenarios.All, campaign.Summary{Seeds: 1, Hits: hits, Outcomes: play.Outcomes{Committed: 5, Rejected: 2}},
			[]string{"anything about transitions, since none was carried out"}},
		{scenarios.Network, campaign.Summary{Seeds: 1, Outcomes: play.Outcomes{Committed: 5, Transitions: 1}},
			[]string{"anything about faults, since none of the profile network has hit"}},
		{scenarios.None, campaign.Summary{Seeds: 1, Hits: hits, Outcomes: play.Outcomes{Committed: 5, Transitions: 1}},
			[]string{"anything about faults, since the profile none has none until the network is healed"}},
		{scenarios.All, campaign.Summary{Seeds: 1, Hits: hits, Outcomes: play.Outcomes{Committed: 5, Transitions: 1}}, nil},
	} {
		require.Equal(t, c.want, notShown(&campaign.Campaign{Shape: scenarios.Shape{Profile: c.profile}}, &c.sum))
	}
}
