package sim

import (
	"math"
	"math/big"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const day = 24 * 60 * netmodel.Minute

func anyClock() *rapid.Generator[Clock] {
	return rapid.Custom(func(t *rapid.T) Clock {
		return Clock{
			Offset: Duration(rapid.Int64Range(0, int64(day)).Draw(t, "offset")),
			Drift:  rapid.Int32Range(-MaxDrift, MaxDrift).Draw(t, "drift"),
		}
	})
}

func upTo(limit Duration) *rapid.Generator[Duration] {
	return rapid.Map(rapid.Int64Range(0, int64(limit)), func(v int64) Duration { return Duration(v) })
}

// exact returns the reading of a clock by arithmetic without bounds, rounded
// down.
func exact(c Clock, t Duration) Duration {
	rate := big.NewInt(million + int64(c.Drift))
	shown := rate.Mul(rate, big.NewInt(int64(t)))
	shown.Div(shown, big.NewInt(million))
	return c.Offset + Duration(shown.Int64())
}

func TestClockShowsItsDrift(t *testing.T) {
	require.Equal(t, Duration(1_500_000), Clock{Drift: 500_000}.local(1_000_000))
	require.Equal(t, Duration(7+500_000), Clock{Drift: -500_000, Offset: 7}.local(1_000_000))
	require.Equal(t, Duration(42), Clock{}.local(42))
	rapid.Check(t, func(t *rapid.T) {
		c, at := anyClock().Draw(t, "clock"), upTo(day).Draw(t, "at")
		require.Equal(t, exact(c, at), c.local(at))
	})
}

func TestClockNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, at, later := anyClock().Draw(t, "clock"), upTo(day).Draw(t, "at"), upTo(day).Draw(t, "later")
		require.GreaterOrEqual(t, c.local(at+later), c.local(at))
		require.GreaterOrEqual(t, c.local(at+1), c.local(at))
	})
}

// A timer never fires early by the local clock, and no shorter wait guarantees
// that.
func TestSpanIsTheLeastThatSuffices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, at, d := anyClock().Draw(t, "clock"), upTo(day).Draw(t, "at"), upTo(day).Draw(t, "span")
		s := c.span(d)
		require.GreaterOrEqual(t, c.local(at+s)-c.local(at), d)
		if d > 0 {
			require.Less(t, c.local(s-1)-c.local(0), d)
		}
	})
}

func TestClockHoldsToTheEndOfTime(t *testing.T) {
	fast, slow := Clock{Drift: MaxDrift, Offset: MaxTime}, Clock{Drift: -MaxDrift}
	require.Equal(t, exact(fast, MaxTime), fast.local(MaxTime))
	require.Equal(t, 2*MaxTime, slow.span(MaxTime))
	require.Positive(t, MaxTime+slow.span(MaxTime), "a sum that the world forms")
}

func TestClockValidate(t *testing.T) {
	require.NoError(t, Clock{Offset: MaxTime, Drift: -MaxDrift}.Validate())
	for _, c := range []struct {
		clock Clock
		want  string
	}{
		{Clock{Offset: -1}, "offset -1ns: want"},
		{Clock{Offset: math.MaxInt64}, "offset 2562047h47m16.854775807s: want"},
		{Clock{Drift: MaxDrift + 1}, "drift_ppm 500001: want"},
		{Clock{Drift: math.MinInt32}, "drift_ppm -2147483648: want"},
	} {
		require.ErrorContains(t, c.clock.Validate(), c.want)
	}
}
