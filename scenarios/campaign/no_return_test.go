package campaign_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/stretchr/testify/require"
)

// Before the point of no return other choices avoid the failure, and from there on none
// does. It is the event in which the commit that arrives twice is sent.
func TestThePointOfNoReturn(t *testing.T) {
	c := campaign.Campaign{System: origin.System(), Shape: scenarios.Shape{Profile: scenarios.All}}
	require.NoError(t, c.Validate())
	p := c.Plan(2)
	n, err := campaign.MeasureNoReturn(t.Context(), c.System, p, 20, 1)
	require.NoError(t, err)
	require.Equal(t, "agreement/applied-twice", n.Signature)
	point, ok := n.Point()
	require.True(t, ok)
	require.Zero(t, n.Instants[0].Event)
	for _, i := range n.Instants {
		if i.Event < point.Event {
			require.Less(t, i.Same, 20)
		} else {
			require.Equal(t, 20, i.Same)
		}
	}
	calm, err := play.Inspect(c.System, p, point.Event, nil, nil)
	require.NoError(t, err)
	require.Nil(t, calm.Violation, "the failure is certain before it shows")
	require.Equal(t, calm.At, point.At)

	again, err := campaign.MeasureNoReturn(t.Context(), c.System, p, 20, 2)
	require.NoError(t, err)
	require.Equal(t, n, again, "whatever the number of workers")
}

func TestOnlyAViolationHasAPointOfNoReturn(t *testing.T) {
	p := readPlan(t, "one-client")
	_, err := campaign.MeasureNoReturn(t.Context(), origin.System(), p, 2, 1)
	require.ErrorContains(t, err, "only a violation has a point of no return")
}

// A run that gets another seed is the same up to that instant, and with its own seed to its
// end.
func TestAReseededRunPartsAtItsInstant(t *testing.T) {
	c := campaign.Campaign{System: origin.System(), Shape: scenarios.Shape{Profile: scenarios.All}}
	require.NoError(t, c.Validate())
	p := c.Plan(3)
	hashes := func(o play.Options) (list []uint64) {
		o.OnEvent = func(_, hash uint64) { list = append(list, hash) }
		_, err := play.Run(t.Context(), c.System, p, o)
		require.NoError(t, err)
		return list
	}
	want := hashes(play.Options{})
	require.Equal(t, want, hashes(play.Options{Reseed: &play.Reseeding{After: 0, Seed: p.Seed}}))
	require.Equal(t, want, hashes(play.Options{Reseed: &play.Reseeding{After: 1 << 40, Seed: 7}}))
	other := hashes(play.Options{Reseed: &play.Reseeding{After: 50, Seed: 7}})
	require.Equal(t, want[:50], other[:50])
	require.NotEqual(t, want, other)
}
