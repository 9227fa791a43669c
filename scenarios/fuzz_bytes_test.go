package scenarios_test

import (
	"bytes"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// All bytes give a valid plan, which is the same every time and is read back as it
// is written.
func FuzzFromBytes(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 4096))
	for seed := range uint64(8) {
		f.Add(scenarios.ToBytes(scenarios.FromSeed(seed), shape(scenarios.All)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		profiles := scenarios.FaultProfiles()
		shape := shape(profiles[len(data)%len(profiles)])
		p := scenarios.FromBytes(data, shape)
		require.NoError(t, p.Validate())
		text := scenarios.Encode(p)
		require.Equal(t, string(text), string(scenarios.Encode(scenarios.FromBytes(data, shape))))
		back, err := scenarios.Decode(text)
		require.NoError(t, err)
		require.Equal(t, string(text), string(scenarios.Encode(back)))
	})
}

// Every plan of a seed is the plan of an input of about a kilobyte.
func TestThePlanOfASeedAsBytes(t *testing.T) {
	longest, sum, seeds := 0, 0, uint64(300)
	for _, profile := range scenarios.FaultProfiles() {
		for seed := range seeds {
			src := scenarios.FromSeed(seed)
			data, want := scenarios.ToBytes(src, shape(profile)), scenarios.GenerateFrom(src, shape(profile))
			if len(want.Machines()) > 10 {
				continue // an input has a few machines
			}
			require.Equal(t, want, scenarios.FromBytes(data, shape(profile)), "profile %s, seed %d", profile, seed)
			longest, sum = max(longest, len(data)), sum+len(data)
		}
	}
	t.Logf("%d bytes on average, %d at most", sum/int(seeds)/len(scenarios.FaultProfiles()), longest)
	require.Less(t, longest, 4096)
}

// The empty input is the simplest plan, and so are zeros; short inputs are simple.
func TestShortInputsAreSimplePlans(t *testing.T) {
	for _, profile := range scenarios.FaultProfiles() {
		p := scenarios.FromBytes(nil, shape(profile))
		require.Equal(t, p, scenarios.FromBytes(bytes.Repeat([]byte("0"), 5000), shape(profile)))
		require.Len(t, p.Operations, 1)
		require.Empty(t, p.Faults)
		require.Equal(t, 1, p.Clients)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 100).Draw(t, "n")
		data := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "data")
		p := scenarios.FromBytes(data, shape(scenarios.All))
		for i := range p.Operations { // no bytes are left for them
			require.Equal(t, p.Operations[0].Key, p.Operations[i].Key)
			require.Equal(t, scenarios.Propose, p.Operations[i].Kind)
		}
	})
}

// A change of one byte usually changes one part of the plan, an operation or a
// fault, or a property of the whole, and rarely many. And enough of the bytes of a
// plan count.
func TestOneByteIsMostlyOneChoice(t *testing.T) {
	changed, total := map[string]int{}, 0
	for seed := range uint64(5) {
		data := scenarios.ToBytes(scenarios.FromSeed(seed), shape(scenarios.All))
		was := scenarios.FromBytes(data, shape(scenarios.All))
		for i := range data {
			mutant := bytes.Clone(data)
			mutant[i] ^= byte(1 + i*7%255)
			changed[difference(was, scenarios.FromBytes(mutant, shape(scenarios.All)))]++
			total++
		}
	}
	t.Logf("of %d bytes: %v", total, changed)
	require.Greater(t, changed["one thing"]*100, total*30)
	require.Less(t, changed["much"]*100, total*5)
}

// difference counts the differences of two plans. Clients carry out their
// operations by time, so one that changes its time may trade it with others.
func difference(a, b *scenarios.Plan) string {
	if bytes.Equal(scenarios.Encode(a), scenarios.Encode(b)) {
		return "nothing"
	}
	if len(a.Operations) != len(b.Operations) || len(a.Faults) != len(b.Faults) {
		return "much"
	}
	n := 0
	ops := map[string]string{}
	for _, o := range a.Operations {
		ops[o.ID] = o.String() + o.Key
	}
	for _, o := range b.Operations {
		if ops[o.ID] != o.String()+o.Key {
			n++
		}
	}
	for i := range a.Faults {
		x, y := &a.Faults[i], &b.Faults[i]
		if x.String() != y.String() || x.At != y.At || x.For != y.For {
			n++
		}
	}
	switch {
	case n <= 1:
		return "one thing"
	case n <= 3:
		return "a few"
	}
	return "much"
}
