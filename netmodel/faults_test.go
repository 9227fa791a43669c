package netmodel

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The bad windows depend on link and time alone: two messages in one window share
// their luck, and another link has its own.
func TestBurstsAreWindowsOfTime(t *testing.T) {
	n := network(Profile{Burst: Burst{Window: Second, Chance: 200_000, Drop: Always}})
	bad, runs, longest, length, both := 0, 0, 0, 0, 0
	const windows = 20_000
	for i := range Duration(windows) {
		first := n.Judge(i*Second, there, uint64(i))
		last := n.Judge(i*Second+Second-1, there, uint64(i)+windows)
		require.Equal(t, first.Cause, last.Cause)
		other := n.Judge(i*Second, back, uint64(i))
		if first.Fate != Drop {
			length = 0
			continue
		}
		require.Equal(t, BurstLoss, first.Cause)
		bad++
		if other.Fate == Drop {
			both++
		}
		if length++; length == 1 {
			runs++
		}
		longest = max(longest, length)
	}
	require.InDelta(t, windows/5, bad, 250)
	require.InDelta(t, windows/25, both, 150)
	require.InDelta(t, 1.25, float64(bad)/float64(runs), 0.05, "the mean of a geometric length")
	require.Greater(t, longest, 3)
}

func TestABadWindowLosesItsShare(t *testing.T) {
	n := network(Profile{Burst: Burst{Window: Minute, Chance: Always, Drop: 700_000}})
	lost := 0
	for i := range uint64(10_000) {
		if n.Judge(0, there, i).Fate == Drop {
			lost++
		}
	}
	require.InDelta(t, 7000, lost, 200)
}

// One message arrives in each gap: faster ones wait, in order.
func TestAGapIsTheBandwidth(t *testing.T) {
	n := network(Profile{Gap: Second, Delay: Delay{Min: Millisecond}})
	for i := range Duration(5) {
		v := n.Judge(0, there, uint64(i))
		require.Equal(t, i*Second+Millisecond, v.At)
		require.Equal(t, i > 0, v.Queued)
	}
	require.Equal(t, Minute+Millisecond, n.Judge(Minute, there, 9).At, "the queue is empty by then")
}

func TestDamageEndsTheConnection(t *testing.T) {
	for cause, p := range map[Cause]Profile{
		Corrupted:       {Corrupt: Always, Delay: Delay{Min: Second}},
		ConnectionReset: {Reset: Always, Delay: Delay{Min: Second}},
	} {
		n := network(p)
		v := n.Judge(0, there, 1)
		require.True(t, v.EndsConnection())
		require.Equal(t, Verdict{At: Second, Key: v.Key, Occurrence: 1, Fate: Drop, Cause: cause}, v)
		require.Equal(t, Arrived, n.Arrive(there, v.Connection))
		n.Reset(there)
		require.Equal(t, LostToReset, n.Arrive(there, v.Connection))
		require.Equal(t, Arrived, n.Arrive(there, n.Judge(0, there, 2).Connection))
		require.Equal(t, Arrived, n.Arrive(back, 0), "the way back is a connection of its own")
	}
}

func TestClogsAndRefusalsAddUp(t *testing.T) {
	n := network(steady)
	n.Clog(there)
	n.Clog(there)
	require.Equal(t, Clogged, n.Arrive(there, 0))
	require.False(t, n.Unclog(there))
	require.True(t, n.Unclog(there))
	require.False(t, n.Unclog(there), "it was open")
	require.Equal(t, Arrived, n.Arrive(there, 0))

	n.Refuse(there)
	n.Refuse(there)
	n.Unrefuse(there)
	require.Equal(t, Refused, n.Judge(0, there, 1).Cause)
	require.Equal(t, NoCause, n.Judge(0, back, 1).Cause)
	n.Unrefuse(there)
	n.Unrefuse(there)
	require.Equal(t, NoCause, n.Judge(0, there, 1).Cause)

	n.Cut(there)
	n.Clog(there)
	require.Equal(t, LostToCut, n.Arrive(there, 0), "what is cut is not held")
	n.Refuse(there)
	n.Heal(steady)
	require.Equal(t, Arrived, n.Arrive(there, 0))
	require.Equal(t, NoCause, n.Judge(0, there, 2).Cause)

	self := Link{1, 1}
	n.Clog(self)
	n.Refuse(self)
	require.Equal(t, NoCause, n.Judge(0, self, 1).Cause)
	require.Equal(t, Arrived, n.Arrive(self, 0))
}

// A new fault leaves the other choices as they were.
func TestRoughWeatherLeavesTheRestAsItWas(t *testing.T) {
	p := Profile{Drop: 300_000, Duplicate: 300_000, Reorder: Always, Delay: Delay{Kind: Uniform, Max: Second}}
	plain := network(p)
	p.Corrupt, p.Reset, p.Burst = 100_000, 100_000, Burst{Window: Second, Chance: 300_000, Drop: 300_000}
	rough := network(p)
	spared := 0
	for i := range uint64(5000) {
		now := Duration(i) * Second
		was, is := plain.Judge(now, there, i), rough.Judge(now, there, i)
		if is.Cause == NoCause {
			spared++
			require.Equal(t, was, is)
		}
	}
	require.Greater(t, spared, 2000)
}

func TestRing(t *testing.T) {
	require.Empty(t, Ring([]ID{1, 2, 3}), "three are neighbours, each of each")
	require.ElementsMatch(t, []Link{{1, 3}, {3, 1}, {2, 4}, {4, 2}}, Ring([]ID{1, 2, 3, 4}))
	require.Len(t, Ring([]ID{1, 2, 3, 4, 5, 6, 7}), 7*6-7*2)
}

func TestRoughProfilesAreValidated(t *testing.T) {
	require.NoError(t, Profile{Burst: Burst{Window: 1, Chance: Always, Drop: Always}, Corrupt: 1, Reset: 1, Gap: 1}.Validate())
	for want, p := range map[string]Profile{
		"corrupt_ppm: 1000001": {Corrupt: Always + 1},
		"reset_ppm: 1000001":   {Reset: Always + 1},
		"gap: -1ns":            {Gap: -1},
		"burst: window: want":  {Burst: Burst{Chance: 1}},
		"burst: window: -1ns":  {Burst: Burst{Window: -1}},
		"burst: chance_ppm":    {Burst: Burst{Window: 1, Chance: Always + 1}},
		"burst: drop_ppm":      {Burst: Burst{Window: 1, Drop: Always + 1}},
	} {
		require.ErrorContains(t, p.Validate(), want)
	}
}

// An override has a connection break behind its message, or with it.
func TestAnOverrideBreaksTheConnection(t *testing.T) {
	n := network(Profile{})
	n.Override(there, 7, 1, Override{Delay: Second, Break: true})
	n.Override(there, 7, 2, Override{Fate: Drop, Delay: Second, Break: true})
	behind, with := n.Judge(Second, there, 7), n.Judge(Second, there, 7)
	require.Equal(t, []any{Deliver, true, 2 * Second}, []any{behind.Fate, behind.Breaks, behind.At})
	require.Equal(t, []any{Drop, true, 2 * Second}, []any{with.Fate, with.EndsConnection(), with.At})
	require.False(t, n.Judge(Second, there, 7).Breaks)
}

// A profile has connections break behind the messages that arrive, and only then.
func TestBreaksFollowArrivals(t *testing.T) {
	n := network(Profile{Break: 300_000, Drop: 300_000})
	breaks := 0
	for i := range uint64(1000) {
		v := n.Judge(0, there, i)
		require.False(t, v.Breaks && v.Fate == Drop)
		if v.Breaks {
			breaks++
		}
	}
	require.InDelta(t, 210, breaks, 60)
}
