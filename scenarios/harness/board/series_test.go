package board

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func recordAt(seconds float64, seeds uint64) *Record {
	return &Record{Seconds: seconds, Seeds: seeds}
}

// A sample is taken once a second, and has the speed since the one before.
func TestSamples(t *testing.T) {
	var s series
	require.True(t, s.add(recordAt(0, 0)))
	require.False(t, s.add(recordAt(0.5, 50)))
	require.True(t, s.add(recordAt(2, 100)))
	require.True(t, s.add(recordAt(3, 400)))
	require.False(t, s.add(recordAt(4, 10)), "a campaign that begins anew is another one")
	var speeds []float64
	for _, x := range s.samples {
		speeds = append(speeds, x.SeedsPerSecond)
	}
	require.Equal(t, []float64{0, 50, 300}, speeds)
}

// A long campaign has few samples, over its whole time, and the newest one.
func TestALongSeriesIsThinned(t *testing.T) {
	var s series
	for i := range 100_000 {
		s.add(recordAt(float64(i), uint64(i)))
		require.LessOrEqual(t, len(s.samples), maxSamples)
	}
	require.Greater(t, len(s.samples), maxSamples/4)
	require.Less(t, s.samples[0].At, 1000.0)
	require.Greater(t, s.samples[len(s.samples)-1].At, 99_000.0)
	for i := 1; i < len(s.samples); i++ {
		require.Greater(t, s.samples[i].At, s.samples[i-1].At)
	}
}
