package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A duration is counted in the first bucket with a bound that is not below it.
func TestHistogramBuckets(t *testing.T) {
	require.Equal(t, 16384*time.Nanosecond, bucketBound(0))
	require.Equal(t, time.Duration(1<<lastDoubling), bucketBound(histogramBuckets-2))
	for i := range histogramBuckets - 1 {
		bound := bucketBound(i)
		require.Equal(t, i, bucketOf(bound), bound)
		require.Equal(t, i+1, bucketOf(bound+1), bound)
		if i > 0 {
			require.InDelta(t, 1.42, float64(bound)/float64(bucketBound(i-1)), 0.09, "two for each doubling")
		}
	}
	for _, d := range []time.Duration{-time.Second, 0, 1, time.Microsecond} {
		require.Zero(t, bucketOf(d))
	}
	require.Equal(t, histogramBuckets-1, bucketOf(1<<62))
}

// Counting costs the loop some nanoseconds, and no memory.
func BenchmarkHistogram(b *testing.B) {
	var h histogram
	b.ReportAllocs()
	d := time.Duration(0)
	for b.Loop() {
		d += 12345
		h.observe(d & (1<<30 - 1))
	}
}

func TestHistogramAllocatesNothing(t *testing.T) {
	var h histogram
	require.Zero(t, testing.AllocsPerRun(100, func() { h.observe(time.Millisecond) }))
}
