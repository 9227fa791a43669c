package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/stretchr/testify/require"
)

// brokenQueue has a campaign that it tells nothing of.
type brokenQueue struct{ fleet.Queue }

func (q brokenQueue) Left(ctx context.Context, c *fleet.Campaign, kind fleet.Kind) (fleet.Left, error) {
	if c.Name == "broken" {
		return fleet.Left{}, errors.New("no consumer")
	}
	return q.Queue.Left(ctx, c, kind)
}

// A campaign that cannot be read is named, with the remedy, and the others are told of.
func TestStatusOfABrokenCampaign(t *testing.T) {
	q := brokenQueue{fleet.NewMemory()}
	var all []*fleet.Campaign
	for _, name := range []string{"broken", "well"} {
		c := &fleet.Campaign{Name: name, Build: "0123456789abcdef", Seeds: 10, RangeSeeds: 10, CheckTimeout: time.Second, Weight: 1, Lease: time.Second}
		require.NoError(t, fleet.Submit(t.Context(), q, c))
		all = append(all, c)
	}
	reports, err := readAll(t.Context(), q, all)
	require.ErrorContains(t, err, "campaign broken cannot be read: no consumer: remove it, and submit it again")
	require.Len(t, reports, 1)
	require.Equal(t, "well", reports[0].Name)
}
