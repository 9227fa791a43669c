package main

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// arrivals returns the arrivals of a second that has passed, as clients get them
// that are late for all of them.
func arrivals(t *testing.T, rate float64, poisson bool) (all []int64) {
	second := int64(time.Second)
	p := newPacer(time.Now().Add(-time.Minute), 0, second, rate, poisson, rand.New(rand.NewPCG(1, 1)))
	for {
		at, ok := p.arrival(t.Context())
		if !ok {
			return all
		}
		require.Less(t, at, second)
		all = append(all, at)
	}
}

func TestEvenArrivalsKeepTheRate(t *testing.T) {
	require.Equal(t, []int64{0, 250_000_000, 500_000_000, 750_000_000}, arrivals(t, 4, false))
	require.Len(t, arrivals(t, 70_000, false), 70_000, "a gap of 14285.7 ns: the rest is carried over")
	require.Len(t, arrivals(t, 0.5, false), 1)
}

// Of a Poisson process, the number in a second has a standard deviation of its square
// root, and so has the mean gap a ratio of 1 to the deviation of gaps.
func TestPoissonArrivals(t *testing.T) {
	all := arrivals(t, 10_000, true)
	require.InDelta(t, 10_000, len(all), 400)
	var squares float64
	for i, at := range all[1:] {
		gap := float64(at-all[i]) / 100_000 // in mean gaps
		squares += gap * gap
	}
	require.InDelta(t, 2, squares/float64(len(all)), 0.2, "the mean square of an exponential distribution is twice the square of its mean")
}

// Arrivals that no client has taken are counted, not forgotten.
func TestUnstartedArrivals(t *testing.T) {
	for end, want := range map[time.Duration]int{300 * time.Millisecond: 0, 500 * time.Millisecond: 200, time.Second: 700} {
		p := newPacer(time.Now().Add(-time.Minute), 0, int64(end), 1000, false, nil)
		for range 300 {
			_, ok := p.arrival(t.Context())
			require.True(t, ok)
		}
		require.Equal(t, want, p.unstarted(), "load of %v", end)
	}
}

func TestArrivalsEndWithTheContext(t *testing.T) {
	p := newPacer(time.Now(), int64(time.Hour), int64(2*time.Hour), 1000, false, nil)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	_, ok := p.arrival(ctx)
	require.False(t, ok)
	_, ok = p.arrival(ctx)
	require.False(t, ok)
}

// An arrival is not given out before its time.
func TestArrivalsAreAwaited(t *testing.T) {
	begin := time.Now()
	p := newPacer(begin, 0, int64(time.Second), 500, false, nil)
	for range 10 {
		at, ok := p.arrival(t.Context())
		require.True(t, ok)
		require.GreaterOrEqual(t, int64(time.Since(begin)), at)
	}
}
