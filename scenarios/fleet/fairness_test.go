package fleet

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// shares counts how often each campaign is served in a number of rounds; idle campaigns
// have no jobs.
func shares(f *fairness, rounds int, idle string, list ...*Campaign) map[string]int {
	served := map[string]int{}
	for range rounds {
		order := f.order(list)
		for i, c := range order {
			if c.Name == idle {
				continue
			}
			for _, o := range order[:i] {
				f.skip(o, c)
			}
			f.charge(c, 10)
			served[c.Name]++
			break
		}
	}
	return served
}

func TestCampaignsAreServedByWeight(t *testing.T) {
	a, b, c := &Campaign{Name: "a", Weight: 1}, &Campaign{Name: "b", Weight: 2}, &Campaign{Name: "c", Weight: 5}
	require.Equal(t, map[string]int{"a": 100, "b": 200, "c": 500}, shares(&fairness{}, 800, "", a, b, c))
}

// A campaign that comes late, or was idle, has no claim on the time before.
func TestACampaignSavesNothingUp(t *testing.T) {
	a, b := &Campaign{Name: "a", Weight: 1}, &Campaign{Name: "b", Weight: 1}
	var f fairness
	shares(&f, 1000, "", a)
	require.Equal(t, map[string]int{"a": 50, "b": 50}, shares(&f, 100, "", a, b))
	require.Equal(t, map[string]int{"a": 1000}, shares(&f, 1000, "b", a, b))
	require.InDelta(t, 50, shares(&f, 100, "", a, b)["a"], 1)
}
