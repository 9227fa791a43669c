package netmodel

import (
	"math"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	three = []ID{1, 2, 101}
	there = Link{1, 2}
	back  = Link{2, 1}
)

func network(p Profile) *Network { return New(keyed.Seed(1), three, p) }

// steady is a constant delay of one millisecond.
var steady = Profile{Delay: Delay{Min: Millisecond}}

func TestVerdictsAreAFunctionOfWhatTheNetworkWasTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := keyed.Seed(rapid.Uint64().Draw(t, "seed"))
		base := anyProfile().Draw(t, "base")
		a, b := New(seed, three, base), New(seed, three, base)
		id := rapid.SampledFrom(three)
		for now := range Duration(rapid.IntRange(1, 50).Draw(t, "steps")) {
			l := Link{id.Draw(t, "from"), id.Draw(t, "to")}
			do := rapid.SampledFrom([]func(n *Network){
				func(n *Network) { n.Cut(l) },
				func(n *Network) { n.Uncut(l) },
				func(n *Network) { n.Heal(steady) },
				func(n *Network) { n.Refuse(l) },
				func(n *Network) { n.Unrefuse(l) },
				func(n *Network) { n.Reset(l) },
				func(n *Network) { n.SetProfile(l, base) },
				func(n *Network) { n.Override(l, 1, 1, Override{Fate: Drop}) },
				func(n *Network) {},
			}).Draw(t, "do")
			do(a)
			do(b)
			fate := rapid.Uint64Range(0, 3).Draw(t, "fate")
			require.Equal(t, a.Open(l), b.Open(l))
			require.Equal(t, a.Judge(now, l, fate), b.Judge(now, l, fate))
		}
	})
}

// Messages on other links and with other fate keys change only the order of
// arrival, which a delay of 0 to a microsecond excludes here.
func TestVerdictIgnoresOtherMessages(t *testing.T) {
	p := Profile{Drop: 300_000, Duplicate: 300_000, Reorder: 300_000, Delay: Delay{Kind: Uniform, Max: Microsecond}}
	alone, busy := network(p), network(p)
	for i := range uint64(1000) {
		now := Duration(i) * Second
		busy.Judge(now, back, i)
		busy.Judge(now, there, i+5000)
		require.Equal(t, alone.Judge(now+Minute, there, i), busy.Judge(now+Minute, there, i))
	}
}

func TestOccurrencesCountPerLinkAndFate(t *testing.T) {
	n := network(Profile{Drop: 500_000})
	n.Override(there, 7, 2, Override{Fate: Drop})
	for want := uint32(1); want <= 20; want++ {
		if want == 5 {
			n.Cut(there)
		}
		if want == 9 {
			n.Uncut(there)
		}
		require.Equal(t, want, n.Judge(0, there, 7).Occurrence)
		require.Equal(t, want, n.Judge(0, Link{1, 1}, 7).Occurrence)
	}
	require.EqualValues(t, 1, n.Judge(0, there, 8).Occurrence)
	require.EqualValues(t, 1, n.Judge(0, back, 7).Occurrence)
}

func TestKeyNamesLinkAndFateUnderAnySeed(t *testing.T) {
	key := func(seed uint64, l Link, fate uint64) uint64 {
		return New(keyed.Seed(seed), three, steady).Judge(0, l, fate).Key
	}
	require.Equal(t, key(1, there, 7), key(2, there, 7))
	require.NotEqual(t, key(1, there, 7), key(1, back, 7))
	require.NotEqual(t, key(1, there, 7), key(1, there, 8))
}

func TestSeedAndOccurrenceChangeTheVerdict(t *testing.T) {
	p := Profile{Delay: Delay{Kind: Uniform, Max: Second}}
	a, b := network(p), New(keyed.Seed(2), three, p)
	first := a.Judge(0, there, 7).At
	require.NotEqual(t, first, b.Judge(0, there, 7).At)
	require.NotEqual(t, first, a.Judge(Minute, there, 7).At-Minute)
}

// Every stored plan depends on these values: a change must be intended.
func TestGoldenVerdicts(t *testing.T) {
	for _, c := range []struct {
		delay Delay
		want  [3]Duration // arrival in order, free of it, and of a copy
	}{
		{Delay{Min: 1000}, [3]Duration{1000, 4830, 2000}},
		{Delay{Kind: Uniform, Max: 1000}, [3]Duration{562, 2477, 1254}},
		{Delay{Kind: Exponential, Mean: 1000, Max: Second}, [3]Duration{825, 4655, 2001}},
		{Delay{Kind: Heavy, Mean: 1000, Max: Second}, [3]Duration{464, 4294, 1068}},
	} {
		p := Profile{Duplicate: Always, Delay: c.delay}
		inOrder := network(p).Judge(0, there, 4)
		p.Reorder = Always
		free := network(p).Judge(0, there, 4)
		require.Equal(t, c.want, [3]Duration{inOrder.At, free.At, inOrder.CopyAt}, "%s", c.delay.Kind)
		require.EqualValues(t, uint64(0xf6a0091adf4c54d6), inOrder.Key)
	}
}

// Two purposes coincide as often as independent choices do.
func TestPurposesDoNotFollowEachOther(t *testing.T) {
	const messages = 40_000
	n := network(Profile{Drop: 500_000, Duplicate: 500_000, Reorder: 500_000, Delay: Delay{Kind: Uniform, Max: 999}})
	var delivered, both, slowSingle int
	for i := range uint64(messages) {
		now := Duration(i) * Second
		v := n.Judge(now, there, i)
		if v.Fate == Drop {
			continue
		}
		delivered++
		if v.Duplicate && v.Reordered {
			both++
		}
		if !v.Duplicate && !v.Reordered && v.At-now >= 500 {
			slowSingle++
		}
	}
	require.InDelta(t, messages/2, delivered, 500)
	require.InDelta(t, messages/8, both, 350)
	require.InDelta(t, messages/16, slowSingle, 250)
}

// The probability of one purpose never changes the result of another.
func TestPurposesAreIndependent(t *testing.T) {
	full := Profile{Drop: 300_000, Duplicate: 300_000, Reorder: 300_000, Delay: Delay{Kind: Uniform, Max: Second}}
	lossless, single, ordered := full, full, full
	lossless.Drop, single.Duplicate, ordered.Reorder = 0, 0, 0
	a, b, c, d := network(full), network(lossless), network(single), network(ordered)
	for i := range uint64(5000) {
		now := Duration(i) * Minute // far enough apart to need no order
		v, noLoss, noCopy, inOrder := a.Judge(now, there, i), b.Judge(now, there, i), c.Judge(now, there, i), d.Judge(now, there, i)
		require.Equal(t, v.Fate, noCopy.Fate)
		require.Equal(t, v.Fate, inOrder.Fate)
		if v.Fate == Drop {
			require.Equal(t, Verdict{Key: v.Key, Occurrence: 1, Fate: Drop, Cause: Loss}, v)
			continue
		}
		require.Equal(t, v, noLoss)
		require.Equal(t, v.Duplicate, inOrder.Duplicate)
		require.LessOrEqual(t, inOrder.At, v.At)
		v.Duplicate, v.CopyAt = false, 0
		require.Equal(t, v, noCopy)
	}
}

func TestLinksKeepTheOrderOfSending(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyProfile().Draw(t, "profile")
		p.Reorder = 0
		n := New(keyed.Seed(rapid.Uint64().Draw(t, "seed")), three, p)
		now, last := Duration(0), Duration(0)
		for i := range uint64(50) {
			now += Duration(rapid.Int64Range(0, int64(Second)).Draw(t, "pause"))
			n.Judge(now, back, i)
			if rapid.IntRange(0, 9).Draw(t, "change") == 0 {
				n.SetProfile(there, Profile{Drop: p.Drop, Delay: anyDelay().Draw(t, "delay")})
			}
			v := n.Judge(now, there, i)
			if v.Fate == Drop {
				continue
			}
			require.GreaterOrEqual(t, v.At, last)
			require.GreaterOrEqual(t, v.At, now)
			last = v.At
		}
	})
}

func TestReorderedMessagesOvertakeAndAreOvertakenOnAConstantDelay(t *testing.T) {
	p := steady
	p.Reorder = 200_000
	n := network(p)
	slow := network(Profile{Delay: Delay{Min: Second}})
	slow.Judge(0, there, 0)
	slow.SetAll(Profile{Reorder: Always, Delay: p.Delay})
	require.Less(t, slow.Judge(0, there, 1).At, Second, "waited for the message before it")

	var reordered, overtaken int
	var latest Duration // arrival of a reordered message
	for i := range uint64(10_000) {
		now := Duration(i) * Millisecond / 4
		v := n.Judge(now, there, i)
		if v.Reordered {
			reordered++
			latest = max(latest, v.At)
			require.LessOrEqual(t, v.At, now+5*Millisecond)
			continue
		}
		require.Equal(t, now+Millisecond, v.At, "waited for a reordered message")
		if v.At < latest {
			overtaken++
		}
	}
	require.InDelta(t, 2000, reordered, 200)
	require.Greater(t, overtaken, 2000)
}

func TestCopiesArriveAtOrAfterTheOriginal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyProfile().Draw(t, "profile")
		p.Drop, p.Corrupt, p.Reset, p.Burst, p.Duplicate = 0, 0, 0, Burst{}, Always
		n := New(keyed.Seed(rapid.Uint64().Draw(t, "seed")), three, p)
		for i := range uint64(50) {
			v := n.Judge(Duration(i), there, i)
			require.True(t, v.Duplicate)
			require.GreaterOrEqual(t, v.CopyAt, v.At)
		}
	})
	n := network(Profile{Duplicate: Always, Delay: Delay{Kind: Uniform, Max: Second}})
	var sum Duration
	for i := range uint64(1000) {
		v := n.Judge(Duration(i)*Minute, there, i)
		sum += v.CopyAt - v.At
	}
	require.InDelta(t, int64(500*Millisecond), int64(sum/1000), float64(30*Millisecond), "the copy's delay is not its own")
}

func TestFrequenciesAreTheProbabilities(t *testing.T) {
	const messages = 100_000
	for _, ppm := range []PPM{0, 1000, 50_000, 500_000, 999_000, Always} {
		drops, copies, reorders := network(Profile{Drop: ppm}), network(Profile{Duplicate: ppm}), network(Profile{Reorder: ppm})
		var dropped, copied, reordered int
		for i := range uint64(messages) {
			if v := drops.Judge(0, there, i); v.Fate == Drop {
				dropped++
			}
			if copies.Judge(0, there, i).Duplicate {
				copied++
			}
			if reorders.Judge(0, there, i).Reordered {
				reordered++
			}
		}
		p := float64(ppm) / float64(Always)
		for _, got := range []int{dropped, copied, reordered} {
			require.InDelta(t, messages*p, got, 4*math.Sqrt(messages*p*(1-p)), "%d ppm", ppm)
		}
	}
}

func TestMessagesToOneselfHaveNoFaults(t *testing.T) {
	n := network(Profile{Drop: Always, Delay: Delay{Min: Second}})
	self := Link{1, 1}
	n.Cut(self)
	n.Override(self, 7, 1, Override{Fate: Drop})
	require.True(t, n.Open(self))
	v := n.Judge(Minute, self, 7)
	require.Equal(t, Verdict{At: Minute, Key: v.Key, Occurrence: 1}, v)
}

func TestJudgeDoesNotAllocate(t *testing.T) {
	n := overridden()
	i := uint64(0)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		n.Judge(0, there, i%64)
		i++
	}))
}
