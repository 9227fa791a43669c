package kit_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
)

// handPrepare is Prepare with its methods by hand.
type handPrepare struct {
	Key, Op     string
	Term, Index int
	Value       string
}

var prepareHash = keyed.String("prepare")

func (m *handPrepare) FateKey() uint64 {
	return sim.FateKeyOf(prepareHash, keyed.String(m.Key), keyed.String(m.Op))
}
func (m *handPrepare) FateName() string { return "prepare " + m.Key + " " + m.Op }
func (m *handPrepare) String() string   { return m.FateName() }
func (m *handPrepare) Digest() uint64 {
	return keyed.Mix(keyed.Mix(keyed.Mix(m.FateKey(), uint64(m.Term)), uint64(m.Index)), keyed.String(m.Value))
}

// BenchmarkMessage makes a message and hashes it, as a world does for each send.
func BenchmarkMessage(b *testing.B) {
	for _, c := range []struct {
		name string
		make func(i int) sim.Message
	}{
		{"by hand", func(i int) sim.Message { return &handPrepare{"lifecycle/a", "c1.2", i, 4, "Running"} }},
		{"value", func(i int) sim.Message { return kit.Message(Prepare{"lifecycle/a", "c1.2", i, 4, "Running"}) }},
		{"pointer", func(i int) sim.Message { return kit.Message(&Prepare{"lifecycle/a", "c1.2", i, 4, "Running"}) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			sum := uint64(0)
			for i := range b.N {
				m := c.make(i)
				sum ^= m.Digest() ^ m.FateKey()
			}
			if b.N > 1 && sum == 0 {
				b.Error("digests do not depend on the content")
			}
		})
	}
}
