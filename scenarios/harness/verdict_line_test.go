package harness

import (
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/stretchr/testify/require"
)

// The last line about a campaign is its verdict, and the way to go on.
func TestVerdictLine(t *testing.T) {
	fork := []*campaign.Group{{Signature: "agreement/fork", Count: 3}, {Signature: "undecided", Count: 1}}
	for want, c := range map[string]struct {
		campaign campaign.Campaign
		sum      campaign.Summary
		end      ending
	}{
		"PASSED: 1 seed, none failed":                           {sum: campaign.Summary{Seeds: 1}},
		"PASSED: 9 seeds, none failed":                          {sum: campaign.Summary{Seeds: 9}},
		"FAILED: 3 of 9 seeds, in 1 way":                        {sum: campaign.Summary{Seeds: 9, Failed: 3, Undecided: 1, Groups: fork}},
		"UNDECIDED: 9 seeds, none failed, 1 undecided":          {sum: campaign.Summary{Seeds: 9, Undecided: 1}},
		"UNDECIDED: no seed was run":                            {},
		"INTERRUPTED after 9 s of 60 s: 7 seeds, none failed":   {campaign.Campaign{For: time.Minute}, campaign.Summary{Seeds: 7, Interrupted: true}, ending{interrupted: 9 * time.Second}},
		"INTERRUPTED after 0 s: no seed was run; go on with: x": {campaign.Campaign{}, campaign.Summary{Interrupted: true}, ending{goOn: "x"}},
		"INTERRUPTED after 3m0s: 7 of 20 seeds, 2 failed; go on with: x": {campaign.Campaign{Seeds: 40, Shards: 2}, campaign.Summary{Seeds: 7, Failed: 2, Interrupted: true},
			ending{interrupted: 3 * time.Minute, goOn: "x"}},
		"PASSED: 9 seeds, none failed; nothing was left to do, s.json has them all: go on with: x": {campaign.Campaign{}, campaign.Summary{Seeds: 9}, ending{state: "s.json", goOn: "x"}},
		"PASSED: 9 seeds, none failed; 2 shards missing, or not at the end":                        {campaign.Campaign{}, campaign.Summary{Seeds: 9}, ending{incomplete: 2}},
		"FAILED: 9 seeds, none failed, and 1 of 2 coverage marks were never hit": {campaign.Campaign{System: scenarios.System{Marks: []string{"a", "b"}}},
			campaign.Summary{Seeds: 9, Marks: []uint64{1, 0}}, ending{neverHit: true}},
		"HARNESS FAULT: of 5 seeds that ran twice 2 differed, and so nothing else can be relied on": {sum: campaign.Summary{Seeds: 9, Failed: 1, Guarded: 5, Differed: []uint64{1, 3}}},
	} {
		v := verdictOf(&c.campaign, &c.sum, &c.end)
		require.Equal(t, want, v.word+v.text)
	}
}

// The time that is left follows from the time of the campaign, from its seeds, or from
// whichever is over first.
func TestBudgetLeft(t *testing.T) {
	for _, c := range []struct {
		budget budget
		seeds  uint64
		want   time.Duration
		known  bool
	}{
		{budget{}, 5, 0, false},
		{budget{time: time.Minute}, 5, 50 * time.Second, true},
		{budget{time: time.Second}, 5, 0, true},
		{budget{seeds: 40}, 0, 0, false},
		{budget{seeds: 40}, 10, 30 * time.Second, true},
		{budget{seeds: 40, before: 20}, 30, 10 * time.Second, true},
		{budget{seeds: 40, time: 20 * time.Second}, 10, 10 * time.Second, true},
		{budget{seeds: 40, time: time.Hour}, 10, 30 * time.Second, true},
	} {
		left, known := c.budget.left(10*time.Second, c.seeds)
		require.Equal(t, c.known, known, "%+v", c)
		require.Equal(t, c.want, left, "%+v", c)
	}
}
