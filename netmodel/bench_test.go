package netmodel

import (
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// allFaults is a network with all faults, at rates typical of a simulation.
func allFaults() *Network {
	return network(Profile{
		Drop: 50_000, Duplicate: 20_000, Reorder: 50_000,
		Delay: Delay{Kind: Exponential, Min: Millisecond, Mean: Millisecond, Max: Second},
	})
}

func overridden() *Network {
	n := allFaults()
	n.Override(there, 1, 1, Override{Fate: Drop})
	return n
}

// BenchmarkJudge cycles through a thousand fate keys.
func BenchmarkJudge(b *testing.B) {
	for _, c := range []struct {
		name string
		n    *Network
	}{
		{"constant", network(steady)},
		{"exponential+faults", allFaults()},
		{"exponential+faults+overrides", overridden()},
	} {
		b.Run(c.name, func(b *testing.B) {
			var fates [1024]uint64
			for i := range fates {
				fates[i] = keyed.Mix(1, uint64(i))
				c.n.Judge(0, there, fates[i])
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				c.n.Judge(Duration(i)*Microsecond, there, fates[i%1024])
			}
		})
	}
}
