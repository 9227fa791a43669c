package netmodel

import (
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/stretchr/testify/require"
)

func TestCutsAddUp(t *testing.T) {
	n := network(steady)
	n.Uncut(there) // nothing to undo
	n.Cut(there)
	n.Cut(there)
	v := n.Judge(0, there, 7)
	require.Equal(t, Verdict{Key: v.Key, Occurrence: 1, Fate: Drop, Cause: CutOff}, v)
	n.Uncut(there)
	require.False(t, n.Open(there))
	n.Uncut(there)
	require.True(t, n.Open(there))
	require.Equal(t, Deliver, n.Judge(0, there, 7).Fate)
}

func TestACutIsOneWay(t *testing.T) {
	n := network(steady)
	n.Cut(there)
	require.Equal(t, CutOff, n.Judge(0, there, 7).Cause)
	for _, l := range []Link{back, {1, 101}, {101, 2}, {2, 101}} {
		require.True(t, n.Open(l))
		require.Equal(t, Deliver, n.Judge(0, l, 7).Fate)
	}
}

func TestACutLeavesLaterVerdictsAsTheyWere(t *testing.T) {
	p := Profile{Drop: 300_000, Duplicate: 300_000, Delay: Delay{Kind: Uniform, Max: Second}}
	whole, cut := network(p), network(p)
	for i := range 100 {
		if i == 20 {
			cut.Cut(there)
		}
		if i == 40 {
			cut.Uncut(there)
		}
		now := Duration(i) * Minute
		want, got := whole.Judge(now, there, 7), cut.Judge(now, there, 7)
		if 20 <= i && i < 40 {
			require.Equal(t, CutOff, got.Cause)
		} else {
			require.Equal(t, want, got)
		}
	}
}

func TestProfilesBelongToLinks(t *testing.T) {
	n := network(steady)
	n.SetProfile(there, Profile{Drop: Always})
	require.Equal(t, Loss, n.Judge(0, there, 1).Cause)
	require.Equal(t, Millisecond, n.Judge(0, back, 1).At)
	n.SetAll(Profile{Delay: Delay{Min: Second}})
	require.Equal(t, Second, n.Judge(0, there, 2).At)
	require.Equal(t, Second, n.Judge(0, back, 2).At)
}

func TestHealJoinsEverythingAndSetsTheProfile(t *testing.T) {
	n := network(Profile{Delay: Delay{Min: Second}})
	n.Judge(0, there, 1) // a slow message, for which later ones do not wait
	n.Cut(there)
	n.Cut(there)
	n.Cut(back)
	n.Heal(steady)
	for _, l := range []Link{there, back} {
		require.True(t, n.Open(l))
		require.Equal(t, Millisecond, n.Judge(0, l, 7).At)
	}
}

func TestAnOverrideHitsExactlyItsMessage(t *testing.T) {
	p := Profile{Drop: 300_000, Duplicate: 300_000, Reorder: 300_000, Delay: Delay{Kind: Uniform, Max: Microsecond}}
	plain, changed := network(p), network(p)
	o := Override{Delay: 3 * Second, Duplicate: true, Copy: 4 * Second}
	changed.Override(there, 7, 3, Override{Fate: Drop})
	changed.Override(there, 7, 3, o) // the later call replaces the earlier one
	var hits int
	for round := range uint32(5) {
		for _, l := range []Link{there, back} {
			for fate := range uint64(10) {
				now := Duration(round) * Minute
				want, got := plain.Judge(now, l, fate), changed.Judge(now, l, fate)
				if l == there && fate == 7 && round == 2 {
					hits++
					require.Equal(t, Verdict{At: now + 3*Second, CopyAt: now + 4*Second, Key: want.Key, Occurrence: 3, Duplicate: true, Reordered: true}, got)
				} else if fate < 7 || l == back || round != 2 {
					require.Equal(t, want, got)
				}
			}
		}
	}
	require.Equal(t, 1, hits)
}

func TestAnOverrideKeepsNoOrderAndYieldsToACut(t *testing.T) {
	n := network(steady)
	n.Override(there, 7, 1, Override{Delay: Second})
	n.Override(there, 7, 2, Override{Fate: Drop})
	n.Override(there, 7, 3, Override{})
	require.Equal(t, Second, n.Judge(0, there, 7).At)
	require.Equal(t, Millisecond, n.Judge(0, there, 8).At)
	require.Equal(t, Overridden, n.Judge(0, there, 7).Cause)
	n.Cut(there)
	require.Equal(t, CutOff, n.Judge(0, there, 7).Cause)
}

func TestMistakesPanic(t *testing.T) {
	seed, n := keyed.Seed(1), network(steady)
	for _, c := range []struct {
		want string
		do   func()
	}{
		{"netmodel: process 0 is out of range or listed twice", func() { New(seed, []ID{0}, steady) }},
		{"netmodel: process 256 is out of range or listed twice", func() { New(seed, []ID{256}, steady) }},
		{"netmodel: process 2 is out of range or listed twice", func() { New(seed, []ID{2, 2}, steady) }},
		{"netmodel: profile: drop_ppm: 1000001 is above 1000000, which is always", func() { n.SetAll(Profile{Drop: Always + 1}) }},
		{"netmodel: override: fate: 5 is unknown", func() { n.Override(there, 0, 1, Override{Fate: 5}) }},
		{"netmodel: link 1>3: unknown process", func() { n.Judge(0, Link{1, 3}, 0) }},
		{"netmodel: link 300>1: unknown process", func() { n.Open(Link{300, 1}) }},
	} {
		require.PanicsWithValue(t, c.want, c.do)
	}
}

// All 255 processes fit, and no two links share their state.
func TestLinksOfTheLargestNetworkAreDistinct(t *testing.T) {
	var ids []ID
	for id := ID(MaxID); id > 0; id-- {
		ids = append(ids, id)
	}
	n := New(keyed.Seed(1), ids, steady)
	for _, l := range TwoWay(ids, ids[:1]) {
		require.True(t, n.Open(l))
		n.Cut(l)
	}
	n.Cut(Link{1, 2})
	require.False(t, n.Open(Link{1, 2}))
	require.True(t, n.Open(Link{2, 1}))
}
